"""After a restore what was closed is closed again, once; what a second person opened later stays open; nothing is opened."""

from types import SimpleNamespace

import pytest

from apps.audit.models import Event, JournalEntry
from apps.providers.models import Provider
from apps.providers.services import agreeing, granting, lives, replay
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db

RESTORED = NOON + 10 * DAY


def line(kind: str):
    """The line as the file has it."""
    entry = JournalEntry.objects.get(kind=kind)
    return SimpleNamespace(kind=kind, about=entry.about, body=entry.body, at=entry.created_at)


@pytest.fixture
def backup(by_force):
    """Puts a row back to what it was before it was closed, as a restored backup does."""

    def restore(row):
        values = {
            "provider": "state = 'active', suspended_by = '', suspended_at = NULL, suspension_reason = '', ended_by = '', ended_at = NULL, data_end = '',"
            " data_due_on = NULL",
            "agreement": "state = 'confirmed', ended_by = '', ended_at = NULL", "grant": "state = 'active', withdrawn_by = '', withdrawn_at = NULL",
        }[row._meta.model_name]
        by_force(f"UPDATE {row._meta.db_table} SET {values} WHERE id = %s", row.pk)

    return restore


def test_a_suspension_is_repeated_once(harbor, dana, backup):
    lives.suspend(provider=harbor, reason="It was broken into.", by=dana, at=NOON + DAY)
    backup(harbor)

    for _twice in range(2):
        replay.provider_suspended(line("provider.suspended"), at=RESTORED)

    harbor.refresh_from_db()
    assert (harbor.state, harbor.suspended_at, harbor.suspended_by) == ("suspended", NOON + DAY, str(dana.actor))
    assert Event.objects.filter(verb="provider.suspended_again").count() == 1


def test_what_two_people_opened_after_that_stays_open(harbor, dana):
    lives.suspend(provider=harbor, reason="x", by=dana, at=NOON + DAY)
    registry.activated(harbor, at=NOON + 2 * DAY)

    replay.provider_suspended(line("provider.suspended"), at=RESTORED)

    assert Provider.objects.get().state == "active"


def test_an_end_is_repeated_with_its_grants_and_its_day(harbor, cleo, backup):
    grant = registry.granted(harbor)
    lives.end(provider=harbor, data_end="return", by=cleo, at=NOON + DAY)
    backup(harbor)
    backup(grant)

    for _twice in range(2):
        replay.provider_ended(line("provider.ended"), at=RESTORED)

    harbor.refresh_from_db()
    grant.refresh_from_db()
    assert (harbor.state, harbor.ended_at, harbor.data_end, harbor.owes_data) == ("ended", NOON + DAY, "return", True)
    assert (harbor.data_due_on, grant.state) == ((NOON + 31 * DAY).date(), "withdrawn")


def test_the_end_of_an_agreement_and_a_withdrawal_are_repeated(harbor, ezra, dana, backup):
    agreement, grant = harbor.agreements.get(kind="baa"), registry.granted(harbor)
    agreeing.end(agreement=agreement, by=ezra, at=NOON)
    granting.withdraw(grant=grant, by=dana, at=NOON)
    backup(agreement)
    backup(grant)

    for _twice in range(2):
        replay.agreement_ended(line("agreement.ended"), at=RESTORED)
        replay.grant_withdrawn(line("grant.withdrawn"), at=RESTORED)

    agreement.refresh_from_db()
    grant.refresh_from_db()
    assert (agreement.state, agreement.ended_by, grant.state, grant.withdrawn_by) == ("ended", str(ezra.actor), "withdrawn", str(dana.actor))


def test_what_the_backup_does_not_know_has_nothing_to_close(house):
    for handler in (replay.provider_suspended, replay.provider_ended, replay.agreement_ended, replay.grant_withdrawn):
        handler(SimpleNamespace(kind="x", about="PRV-0000000", body={"by": "staff:X", "data": "return", "due_on": "2026-04-01"}, at=NOON), at=RESTORED)
    assert Event.objects.filter(verb__endswith="_again").count() == 0
