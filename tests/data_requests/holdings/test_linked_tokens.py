"""The tokens of linked accounts are handed back at a real provider once the erasure is committed; a provider that fails keeps nothing here."""

import pytest
from django.db import transaction

from apps.accounts.models import LinkedAccount
from apps.accounts.services import linking
from apps.accounts.services.subjects import subject_of
from apps.foundation.actors import SYSTEM
from tests import cast
from tests.accounts.linking import provider as peer
from tests.cast import NOON
from tests.data_requests.holdings import everything
from tests.data_requests.holdings.test_every_holding import HOLDINGS, erase

pytestmark = pytest.mark.django_db(transaction=True)
TOKENS = {"access_token": "an-access-token", "refresh_token": "a-refresh-token"}


@pytest.fixture(scope="module")
def elsewhere():
    with peer.running() as address:
        yield address


@pytest.fixture
def linked(house):
    person = cast.ada(cast.client())
    linking.link(
        person=person, provider="elsewhere", subject="ada-4711", scopes=["openid"], claims={"sub": "ada-4711"}, tokens=TOKENS, how="api", by=SYSTEM, at=NOON
    )
    everything.close(person)
    return subject_of(person)


def test_a_token_is_handed_back_after_the_commit_and_never_for_what_was_rolled_back(linked, settings, elsewhere):
    with peer.revocations() as place:
        settings.PERSON_SIGN_ON_APPS = [peer.app(elsewhere, f"http://127.0.0.1:{place.server_port}/revoke")]
        with transaction.atomic():
            HOLDINGS["accounts.linked"].erase(linked, NOON)
            transaction.set_rollback(True)
        assert (place.told, LinkedAccount.objects.count()) == ([], 1)

        erase("accounts.linked", linked)

    assert place.told == ["a-refresh-token"]
    assert LinkedAccount.objects.count() == 0


def test_a_provider_that_is_not_there_keeps_nothing_here(linked, settings, elsewhere):
    settings.PERSON_SIGN_ON_APPS = [peer.app(elsewhere, "http://127.0.0.1:9/revoke")]

    (done,) = erase("accounts.linked", linked)

    assert (LinkedAccount.objects.count(), [name.partition("/")[0] for name in done.secrets]) == (0, ["linked"])
