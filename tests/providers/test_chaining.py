"""Chains: clients are told before a change, it takes effect on the day they were told, and their objections are kept."""

from datetime import timedelta

import pytest

from apps.audit.models import Event
from apps.foundation.moves import NotAMove
from apps.mail.models import OutgoingMail
from apps.providers.models import ChainNotice, SubProcessor
from apps.providers.services import asking, chaining
from apps.staff.roles import Role
from apps.staff.services import approvals, duties
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic(house):
    return cast.client()


@pytest.fixture
def mercy(house):
    return cast.client("Mercy General")


def proposed(provider, **given):
    facts = {"legal_name": "Tape Vaults", "service": "keeps tapes", "countries": ["CA"], "by": registry.dana(), "at": NOON}
    return chaining.propose(provider=provider, **facts | given)


def announced(provider, **given):
    return chaining.announce(sub=proposed(provider, **given), by=cast.cleo(), at=NOON)


def countries(provider, at):
    return asking.ask(provider=provider.reference, categories=frozenset({"usage"}), purpose="operation", patient_information=False, at=at).countries


def test_clients_are_told_thirty_days_before_it_counts(harbor, clinic, mercy):
    sub = announced(harbor)

    assert (sub.since_at, sub.announced_by) == (NOON + 30 * DAY, str(cast.cleo().actor))
    assert list(ChainNotice.objects.order_by("pk").values_list("organization", "change", "effective_at")) == [
        (clinic.pk, "joins", NOON + 30 * DAY), (mercy.pk, "joins", NOON + 30 * DAY)
    ]  # fmt: skip
    assert OutgoingMail.objects.filter(template="providers/chain_joins", about=sub.reference).count() == 2
    second = timedelta(seconds=1)
    assert countries(harbor, NOON + 30 * DAY - second) == ("US",)
    assert countries(harbor, NOON + 30 * DAY) == ("CA", "US")


def test_only_the_clients_concerned_are_told(house, clinic, mercy):
    provider = registry.in_use(clients=[mercy.reference])

    announced(provider)

    assert list(ChainNotice.objects.values_list("organization", flat=True)) == [mercy.pk]


def test_a_client_that_departed_is_not_told(harbor, clinic, mercy):
    clinic.standing = "departed"
    clinic.save(update_fields=["standing"])

    announced(harbor)

    assert list(ChainNotice.objects.values_list("organization", flat=True)) == [mercy.pk]


def test_before_a_provider_is_in_use_nobody_has_to_be_told(house, clinic):
    sub = announced(registry.proposed())

    assert (sub.since_at, ChainNotice.objects.count(), OutgoingMail.objects.count()) == (NOON, 0, 0)


def test_the_days_of_notice_are_a_setting(harbor, clinic, settings):
    settings.PROVIDER_NOTICE_DAYS = 45

    assert announced(harbor).since_at == NOON + 45 * DAY


def test_nobody_announces_what_they_proposed(harbor, dana):
    duties.assign(member=dana, roles=[Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER], by=cast.SYSTEM, at=NOON)
    sub = proposed(harbor)

    with pytest.raises(approvals.OwnRequest):
        chaining.announce(sub=sub, by=dana, at=NOON)
    assert ChainNotice.objects.count() == 0


def test_a_rejected_change_is_told_to_nobody(harbor, clinic, cleo):
    sub = chaining.reject(sub=proposed(harbor), by=cleo, at=NOON)

    assert (sub.state, ChainNotice.objects.count()) == ("rejected", 0)
    with pytest.raises(approvals.AlreadyDecided):
        chaining.announce(sub=sub, by=cleo, at=NOON)


def test_an_announcement_is_taken_back_until_it_counts_and_who_was_told_is_told(harbor, clinic, dana):
    sub = announced(harbor)
    with pytest.raises(chaining.NotInEffectYet):
        chaining.leave(sub=sub, by=dana, at=NOON + DAY)

    chaining.withdraw(sub=sub, by=dana, at=NOON + 29 * DAY)

    assert countries(harbor, NOON + 60 * DAY) == ("US",)
    assert OutgoingMail.objects.get(template="providers/chain_withdrawn").to_address == clinic.contact_email


def test_what_counts_already_leaves_with_notice(harbor, clinic, dana):
    sub = announced(harbor)
    at = NOON + 31 * DAY
    with pytest.raises(chaining.InEffectAlready):
        chaining.withdraw(sub=sub, by=dana, at=NOON + 30 * DAY)

    leaving = chaining.leave(sub=sub, by=dana, at=at)

    assert (leaving.state, leaving.until_at) == ("leaving", at + 30 * DAY)
    assert ChainNotice.objects.get(change="leaves").effective_at == at + 30 * DAY
    assert countries(harbor, at + 30 * DAY - timedelta(seconds=1)) == ("CA", "US")
    assert countries(harbor, at + 30 * DAY) == ("US",)
    with pytest.raises(NotAMove):
        chaining.leave(sub=sub, by=dana, at=at)


def test_an_objection_is_kept_once_and_its_owner_is_told(harbor, clinic, dana):
    sub = announced(harbor)

    notice = chaining.record_objection(notice=sub.notices.get(), objection="We want no tapes.", by=dana, at=NOON + DAY)

    assert (notice.objection, notice.objected_at, notice.objection_recorded_by) == ("We want no tapes.", NOON + DAY, str(dana.actor))
    mail = OutgoingMail.objects.get(template="providers/chain_objection")
    assert (mail.to_address, "tapes" in mail.body) == (dana.email, False)
    assert "tapes" not in str(Event.objects.get(verb="chain.objected").facts)
    with pytest.raises(chaining.ObjectedAlready):
        chaining.record_objection(notice=notice, objection="And again.", by=dana, at=NOON + DAY)


def test_a_member_of_a_chain_names_its_countries(harbor):
    with pytest.raises(chaining.details.CountryUnknown):
        proposed(harbor, countries=[])
    assert SubProcessor.objects.count() == 0
