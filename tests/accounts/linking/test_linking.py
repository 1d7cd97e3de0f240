"""What a linked account may tell is what the person granted: at the write, in the database, on the way from a real provider, and after its end."""

import pytest
import requests
from django.db import IntegrityError, connection, transaction
from django.test import RequestFactory

from apps.accounts.models import LinkAttempt, LinkedAccount, LinkedClaim, ScopeClaim
from apps.accounts.scopes import CLAIMS
from apps.accounts.services import attempts, linking
from apps.accounts.services.attempts import AttemptOver
from apps.accounts.services.linking import (
    AccountTaken,
    AlreadyUnlinked,
    ClaimBeyondScopes,
    NotActive,
    ScopeNotKnown,
    ValueNotUsable,
)
from apps.accounts.services.looking import ReasonMissing
from apps.accounts.sign_on import providers
from apps.accounts.sign_on.providers import ProviderFailed, ProviderUnknown
from apps.audit.models import Event, JournalEntry
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.holds.services import matters, placing, releasing
from apps.staff.roles import Role
from tests import cast
from tests.accounts.linking import provider as peer
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db(transaction=True)
CALLBACK = "http://testserver/preferences/linked-accounts/callback"
TOKENS = {"access_token": "an-access-token", "refresh_token": "a-refresh-token"}


@pytest.fixture(scope="module")
def elsewhere():
    with peer.running() as address:
        yield address


@pytest.fixture(autouse=True)
def house(settings, elsewhere, tmp_path):
    settings.COVENANT_HOME = tmp_path
    settings.PERSON_SIGN_ON_APPS = [peer.app(elsewhere)]
    cast.house()


@pytest.fixture
def ada():
    return cast.ada(cast.client())


def linked(person, **more):
    given = {
        "provider": "elsewhere", "subject": "ada-4711", "scopes": ["openid", "email"], "claims": {"sub": "ada-4711", "email": "a@b.example"},
        "tokens": TOKENS, "how": "api",
    }  # fmt: skip
    return linking.link(person=person, **({"by": SYSTEM, "at": NOON} | given | more))


def come_back(person, scopes, *, sub="ada-4711"):
    """The person's way to the provider and back, and what it granted."""
    request = RequestFactory().get("/")
    begun = attempts.begin(person=person, provider="elsewhere", scopes=scopes, at=NOON)
    way = {"verifier": begun.verifier, "nonce": begun.nonce, "callback_url": CALLBACK}
    url = providers.authorization_url(request, code="elsewhere", scopes=scopes, state=begun.state, **way)
    answer = requests.post(url, data={"sub": sub}, allow_redirects=False, timeout=10).headers["location"]
    back = RequestFactory().get(answer).GET
    attempt = attempts.finish(state=back["state"], browser=begun.browser, at=NOON)
    return providers.fetch(request, code="elsewhere", answer=back["code"], scopes=attempt.scopes, at=NOON, **way)


def told(account):
    return {one.claim: one.value for one in linking.told_by(account)}


def test_what_the_scopes_cover_is_kept_sealed_and_opens_again(ada):
    account = linked(ada, claims={"email": "a@b.example", "email_verified": True})
    assert told(account) == {"email": "a@b.example", "email_verified": "yes"}
    kept = b"".join(bytes(row.value) for row in LinkedClaim.objects.all()) + bytes(account.tokens)
    assert not [secret for secret in (b"a@b.example", b"an-access-token", b"a-refresh-token") if secret in kept]
    assert list(account.scopes.values_list("scope", flat=True)) == ["email"]
    event = Event.objects.get(verb="linked_account.linked")
    assert event.facts == {"person": ada.reference, "provider": "elsewhere", "scopes": ["email"], "claims": 2, "left_out": 0}
    assert account.policy_version_id is not None


@pytest.mark.parametrize(
    "claims",
    [{"name": "Ada"}, {"email": "a@b.example", "phone_number": "+12025550123"}, {"employer": "Northgate"}, {"groups": ["a"]}],
    ids=["of another scope", "one of two", "of no scope", "unknown"],
)
def test_a_claim_beyond_the_scopes_is_refused_whole(ada, claims):
    with pytest.raises(ClaimBeyondScopes) as refused:
        linked(ada, claims=claims)
    assert (LinkedAccount.objects.count(), LinkedClaim.objects.count()) == (0, 0)
    assert not [value for value in ("Ada", "+1202", "Northgate") if value in str(refused.value)]


@pytest.mark.parametrize("value", ["x" * 2001, ["a"], {"a": 1}, {"street": "x" * 2000}, 1 << 60, 1.5, "a\x00b"])
def test_a_value_that_is_none_is_refused(ada, value):
    with pytest.raises(ValueNotUsable):
        linked(ada, claims={"email": value})
    assert LinkedAccount.objects.count() == 0


def test_an_empty_value_is_not_kept(ada):
    assert told(linked(ada, claims={"email": "", "email_verified": None})) == {}


def test_an_unknown_scope_is_refused(ada):
    with pytest.raises(ScopeNotKnown):
        linked(ada, scopes=["calendar"])


def test_the_database_refuses_a_claim_whose_scope_was_not_granted(ada):
    account = linked(ada)
    row = [account.pk, "phone", "phone_number", b"x" * 40, NOON, account.policy_version_id]
    insert = "INSERT INTO accounts_linkedclaim (account_id, scope, claim, value, told_at, policy_version_id) VALUES (%s, %s, %s, %s, %s, %s)"
    with pytest.raises(IntegrityError, match="a_claim_is_of_a_granted_scope"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert, row)


def test_the_database_refuses_a_claim_under_a_scope_that_does_not_cover_it(ada):
    account = linked(ada)
    row = [account.pk, "email", "phone_number", b"x" * 40, NOON, account.policy_version_id]
    insert = "INSERT INTO accounts_linkedclaim (account_id, scope, claim, value, told_at, policy_version_id) VALUES (%s, %s, %s, %s, %s, %s)"
    with pytest.raises(IntegrityError, match="a_claim_is_one_that_its_scope_covers"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert, row)


def test_a_scope_that_is_taken_away_takes_its_claims_along(ada):
    account = linked(ada, scopes=["email", "profile"], claims={"email": "a@b.example", "name": "Ada"})
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_grantedscope WHERE account_id = %s AND scope = 'email'", [account.pk])
    assert told(account) == {"name": "Ada"}


def test_with_the_person_everything_of_the_account_goes(ada):
    linked(ada)
    ada.delete()
    assert (LinkedAccount.objects.count(), LinkedClaim.objects.count()) == (0, 0)
    assert linking.destroy_left_secrets(at=NOON) == 1


def test_the_table_of_the_database_is_the_table_of_the_code():
    assert {(row.scope, row.claim) for row in ScopeClaim.objects.all()} == {(scope, claim) for scope, of in CLAIMS.items() for claim in of}


def test_the_same_account_again_brings_it_up_to_date(ada):
    first = linked(ada, scopes=["email", "profile"], claims={"email": "a@b.example", "name": "Ada"})
    again = linked(ada, scopes=["profile"], claims={"name": "Ada Lovell"}, at=NOON + DAY)
    assert (again.pk, told(again)) == (first.pk, {"name": "Ada Lovell"})
    assert list(again.scopes.values_list("scope", flat=True)) == ["profile"]
    assert Event.objects.filter(verb="linked_account.renewed").count() == 1


def test_an_account_is_linked_to_one_person_and_the_refusal_does_not_say_to_whom(ada):
    linked(ada)
    ben = cast.ada(cast.client("Mercy General"), email="ben@client.example")
    with pytest.raises(AccountTaken) as refused:
        linked(ben)
    assert ada.reference not in str(refused.value)
    with pytest.raises(AccountTaken):
        linked(ada, subject="another")
    assert LinkedAccount.objects.count() == 1


def test_somebody_suspended_links_nothing(ada):
    ada.standing = "suspended"
    ada.save(update_fields=["standing"])
    with pytest.raises(NotActive):
        linked(ada)
    with pytest.raises(NotActive):
        attempts.begin(person=ada, provider="elsewhere", scopes=["email"], at=NOON)


def test_a_real_provider_gives_what_was_granted_and_what_it_tells_besides_is_left_out(ada):
    granted = come_back(ada, ["email"])
    assert (granted.subject, granted.scopes) == ("ada-4711", ("email",))
    assert {"email", "employer", "blood_group"} <= granted.claims.keys()
    account = linking.link(
        person=ada, provider="elsewhere", subject=granted.subject, scopes=granted.scopes, claims=granted.claims, tokens=granted.tokens,
        lapses_at=granted.lapse_at, how="preference_page", leave_out=True, by=SYSTEM, at=NOON,
    )  # fmt: skip
    assert told(account) == {"email": "ada@elsewhere.example", "email_verified": "yes"}
    assert Event.objects.get(verb="linked_account.linked").facts["left_out"] == 2
    assert account.lapses_at > NOON


def test_more_scopes_give_more_and_no_more_than_they_cover(ada):
    granted = come_back(ada, ["profile", "phone"])
    assert granted.scopes == ("profile", "phone")
    assert "email" not in granted.claims


def test_a_way_back_is_open_once(ada):
    begun = attempts.begin(person=ada, provider="elsewhere", scopes=["email"], at=NOON)
    assert attempts.finish(state=begun.state, browser=begun.browser, at=NOON).person == ada
    with pytest.raises(AttemptOver):
        attempts.finish(state=begun.state, browser=begun.browser, at=NOON)


@pytest.mark.parametrize("wrong", ["another browser", "no browser", "another state", "too late"])
def test_a_way_back_is_open_to_the_browser_that_left_for_ten_minutes(ada, wrong):
    begun = attempts.begin(person=ada, provider="elsewhere", scopes=["email"], at=NOON)
    state = "x" if wrong == "another state" else begun.state
    browser = {"another browser": "x", "no browser": ""}.get(wrong, begun.browser)
    with pytest.raises(AttemptOver):
        attempts.finish(state=state, browser=browser, at=NOON + (attempts.LIFE if wrong == "too late" else 0 * DAY))
    assert LinkAttempt.objects.get().used_at is None


def test_the_state_and_the_browsers_half_stand_nowhere(ada):
    begun = attempts.begin(person=ada, provider="elsewhere", scopes=["email"], at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(a)::text FROM accounts_linkattempt a")
        row = cursor.fetchone()[0]
    assert not [half for half in (begun.state, begun.browser, begun.verifier, begun.nonce) if half in row]


def test_old_attempts_are_forgotten(ada):
    attempts.begin(person=ada, provider="elsewhere", scopes=["email"], at=NOON)
    assert attempts.forget_old(at=NOON + DAY) == 0
    assert attempts.forget_old(at=NOON + 2 * DAY) == 1


def test_a_scope_that_the_provider_is_not_asked_for_is_refused(ada):
    with pytest.raises(ScopeNotKnown):
        attempts.begin(person=ada, provider="elsewhere", scopes=["address"], at=NOON)
    with pytest.raises(ProviderUnknown):
        attempts.begin(person=ada, provider="nowhere", scopes=["email"], at=NOON)


def test_an_id_token_of_another_attempt_is_refused(ada):
    request = RequestFactory().get("/")
    url = providers.authorization_url(
        request, code="elsewhere", scopes=["email"], state="s", nonce="one", verifier="v" * 43, callback_url=CALLBACK
    )
    answer = requests.post(url, data={"sub": "ada-4711"}, allow_redirects=False, timeout=10).headers["location"]
    with pytest.raises(ProviderFailed):
        providers.fetch(
            request, code="elsewhere", answer=RequestFactory().get(answer).GET["code"], scopes=["email"], nonce="another", verifier="v" * 43,
            callback_url=CALLBACK, at=NOON,
        )  # fmt: skip


def test_a_code_that_is_none_and_a_provider_that_is_gone_are_refused_without_their_words(ada, settings):
    way = {"scopes": ["email"], "nonce": "n", "verifier": "v" * 43, "callback_url": CALLBACK, "at": NOON}
    with pytest.raises(ProviderFailed) as refused:
        providers.fetch(RequestFactory().get("/"), code="elsewhere", answer="made-up-code", **way)
    assert "made-up-code" not in str(refused.value)
    settings.PERSON_SIGN_ON_APPS = [peer.app("http://127.0.0.1:9")]
    with pytest.raises(ProviderFailed):
        providers.fetch(RequestFactory().get("/"), code="elsewhere", answer="x", **way)


def test_unlinking_erases_what_was_told_at_once_and_the_journal_knows(ada):
    account = linking.unlink(account=linked(ada), how="person", by=SYSTEM, at=NOON + DAY)
    assert (account.subject, account.revoked_at, LinkedClaim.objects.count(), account.scopes.count()) == ("", NOON + DAY, 0, 0)
    assert Event.objects.get(verb="linked_account.unlinked").facts["claims_erased"] == 1
    entry = JournalEntry.objects.get(kind="linked_account.revoked")
    assert (entry.about, entry.body) == (account.reference, {"how": "person"})
    with pytest.raises(AlreadyUnlinked):
        linking.unlink(account=account, how="person", by=SYSTEM, at=NOON + DAY)
    assert linked(ada).pk != account.pk


def test_the_provider_is_told_and_then_the_token_and_its_key_are_gone(ada, settings, elsewhere):
    with peer.revocations() as place:
        settings.PERSON_SIGN_ON_APPS = [peer.app(elsewhere, f"http://127.0.0.1:{place.server_port}/revoke")]
        account = linked(ada)
        linking.unlink(account=account, how="person", by=SYSTEM, at=NOON)
        assert linking.tell_due(at=NOON) == 1
        assert linking.tell_due(at=NOON + DAY) == 0
        assert place.told == ["a-refresh-token"]
    account.refresh_from_db()
    assert (account.tokens, account.tell_at, account.told_at) == (None, None, NOON)
    assert linking.destroy_left_secrets(at=NOON) == 1
    assert keystore().was_destroyed(linking.secret_of(account.reference))
    assert Event.objects.get(verb="linked_account.token_destroyed").facts == {"provider_told": True}


def test_a_provider_that_fails_is_tried_five_times_and_the_token_goes_all_the_same(ada, settings, elsewhere):
    with peer.revocations(status=500) as place:
        settings.PERSON_SIGN_ON_APPS = [peer.app(elsewhere, f"http://127.0.0.1:{place.server_port}/revoke")]
        account = linked(ada)
        linking.unlink(account=account, how="person", by=SYSTEM, at=NOON)
        at, tries = NOON, 0
        while LinkedAccount.objects.get().tell_at is not None:
            linking.tell_due(at=at)
            at, tries = at + DAY, tries + 1
        assert (tries, len(place.told)) == (5, 5)
    account.refresh_from_db()
    assert (account.tokens, account.told_at) == (None, None)
    assert Event.objects.get(verb="linked_account.token_destroyed").facts == {"provider_told": False}


def test_a_provider_that_left_the_settings_is_not_waited_for(ada, settings):
    linking.unlink(account=linked(ada), how="person", by=SYSTEM, at=NOON)
    settings.PERSON_SIGN_ON_APPS = []
    assert linking.tell_due(at=NOON) == 1
    assert LinkedAccount.objects.get().tokens is None


def test_two_workers_never_tell_twice(ada):
    linking.unlink(account=linked(ada), how="person", by=SYSTEM, at=NOON)
    assert linking._claim(NOON) is not None
    assert linking._claim(NOON) is None
    assert linking._claim(NOON + linking.LEASE) is not None


def test_the_secret_of_a_linked_account_is_not_taken_for_one_that_was_left(ada):
    account = linked(ada)
    assert linking.destroy_left_secrets(at=NOON) == 0
    assert told(account) == {"email": "a@b.example"}


def test_under_a_hold_what_was_told_stays_apart_until_the_hold_is_over(ada):
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Docket 7", reason="a lawsuit", by=ezra, at=NOON)
    hold = placing.place(matter=matter, person=ada, reason="a lawsuit", by=ezra, at=NOON)
    account = linking.unlink(account=linked(ada), how="person", by=SYSTEM, at=NOON)
    assert (account.kept_for_hold, account.subject, LinkedClaim.objects.count()) == (True, "ada-4711", 1)
    assert linking.erase_kept(at=NOON) == 0
    releasing.ask_release(hold=hold, reason="settled", by=ezra, at=NOON)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=NOON)
    assert linking.erase_kept(at=NOON + 30 * DAY) == 1
    account.refresh_from_db()
    assert (account.kept_for_hold, account.subject, LinkedClaim.objects.count()) == (False, "", 0)


def test_after_a_restore_what_was_unlinked_is_unlinked_again(ada):
    account = linked(ada)
    entry = {"about": account.reference, "body": {"how": "person"}, "at": NOON + DAY}
    line = type("Line", (), entry)
    for _twice in range(2):
        with transaction.atomic():
            linking.account_revoked(line, at=NOON + 2 * DAY)
    account.refresh_from_db()
    assert (account.subject, account.revoked_at, account.tokens, LinkedClaim.objects.count()) == ("", NOON + DAY, None, 0)
    assert Event.objects.filter(verb="linked_account.unlinked_again").count() == 1


def test_a_look_of_staff_is_recorded_with_its_reason(ada):
    account = linked(ada)
    with pytest.raises(ReasonMissing):
        linking.reveal(account=account, reason="curious", by=cast.bo(), at=NOON)
    assert not Event.objects.filter(verb="linked_account.revealed").exists()
    assert linking.reveal(account=account, reason="legal", by=cast.bo(), at=NOON) == [("subject", "ada-4711"), ("email", "a@b.example")]
    assert Event.objects.get(verb="linked_account.revealed").facts == {"claims": 1, "reason": "legal"}
