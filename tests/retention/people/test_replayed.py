"""After a restore from before an erasure, what is back of the person's messages ends again as it had, by the journal alone; twice is once."""

from datetime import date

import pytest
from django.db import transaction

from apps.accounts.models import Person
from apps.accounts.services.subjects import subject_of
from apps.audit.journal_file import Line
from apps.audit.models import JournalEntry
from apps.foundation.personal_data import Ended
from apps.retention.models import EarlyDeletion, ErasedParticipant, Message
from apps.retention.services import people, sealing
from config.drill import Told
from config.replay import HANDLERS
from tests import cast
from tests.cast import DAY, NOON
from tests.retention.people.erased import erase, five_messages, messages, sound

pytestmark = pytest.mark.usefixtures("house")

KINDS = ("participant.erased", "messages.pseudonymised", "messages.deleted_early")
RESTORED = NOON + DAY


@pytest.fixture
def clinic():
    return cast.hill_clinic()


@pytest.fixture
def ada(clinic):
    person = cast.ada(clinic)
    five_messages(clinic)
    return person


def after_the_backup(act) -> list[Line]:
    """What the journal tells of something that the backup, made before it, does not know."""
    before = set(JournalEntry.objects.values_list("pk", flat=True))
    with transaction.atomic():
        act()
        told = JournalEntry.objects.filter(kind__in=KINDS).exclude(pk__in=before).order_by("created_at", "id")
        lines = [
            Line(installation=entry.pk, sequence=1, entry=entry.pk, previous=b"", signature=b"", digest=b"", kind=entry.kind, about=entry.about,
                 body=entry.body, at=entry.created_at)
            for entry in told
        ]  # fmt: skip
        transaction.set_rollback(True)
    return lines


def repeat(lines, at=RESTORED) -> None:
    for line in lines:
        with transaction.atomic():
            HANDLERS[line.kind](line, at=at)


def test_pseudonyms_are_given_again_without_anybody_being_named(clinic, ada):
    lines = after_the_backup(lambda: erase(ada, "pseudonymise"))
    assert ada.reference not in str(lines)
    assert "ada" in str(messages(clinic)).casefold()
    repeat(lines)
    after = messages(clinic)
    assert "ada" not in str(after).casefold()
    repeat(lines)
    assert messages(clinic) == after
    sound(RESTORED)


def test_the_pseudonym_is_the_one_that_was_given_before(clinic, ada):
    with transaction.atomic():
        erase(ada, "pseudonymise")
        before = messages(clinic)
        given = before["m1"]["sender"]["id"]
        transaction.set_rollback(True)
    # the same alias makes the same name: only the journal's own is known after a restore
    lines = after_the_backup(lambda: erase(ada, "pseudonymise"))
    repeat(lines)
    assert messages(clinic)["m1"]["sender"]["id"] != given  # another alias, drawn anew
    assert messages(clinic)["m1"]["sender"]["id"] == messages(clinic)["m3"]["recipients"][0]["id"]


def test_what_was_deleted_early_goes_again(clinic, ada):
    lines = after_the_backup(lambda: erase(ada, "erase"))
    repeat(lines)
    assert sorted(messages(clinic)) == ["m4", "m5"]
    assert EarlyDeletion.objects.count() == 3
    repeat(lines)
    assert EarlyDeletion.objects.count() == 3
    sound(RESTORED)


def test_a_drill_looks_for_each_of_them(clinic, ada):
    told = Told()
    for line in after_the_backup(lambda: erase(ada, "erase")):
        told.take(line)
    assert sorted(day for day, _number in told.deleted.values()) == [date(2026, 3, 14), date(2026, 3, 16), date(2026, 3, 16)]
    assert {number for _day, number in told.deleted.values()} == theirs()


def theirs():
    return {row.pk for row in Message.objects.on_days([date(2026, 3, 14), date(2026, 3, 16)]).order_by("id")[:3]}


def test_what_comes_in_after_the_restore_is_under_a_pseudonym_too(clinic, ada):
    repeat(after_the_backup(lambda: erase(ada, "keep")))
    assert ErasedParticipant.objects.count() == 2
    cast.hand_over(clinic, [cast.message(31)], key="b3", at=RESTORED)
    assert messages(clinic)["m31"]["sender"]["id"].startswith("former-")


def test_erased_again_as_the_journal_says_it_needs_no_answer(clinic, ada):
    """What data requests repeat of a person asks for nothing that the client had said before."""
    repeat(after_the_backup(lambda: erase(ada, "erase")))
    assert Person.objects.filter(pk=ada.pk).exists()
    assert erase(ada, at=RESTORED) == Ended()
    assert people.count(subject_of(ada), RESTORED) == 0


def test_what_was_sealed_meanwhile_keeps_its_seal(clinic, ada):
    lines = after_the_backup(lambda: erase(ada, "pseudonymise"))
    at = NOON + 6 * DAY
    sealing.seal_due(at=at)
    repeat(lines, at)
    sound(at)
