"""After a restore who was suspended is suspended again, and nobody below 18 becomes active whom nobody represents in the restored database."""

from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from apps.accounts.models import MinorCase
from apps.accounts.services import amending, minors, replay, representing
from apps.audit.models import Event, JournalEntry
from apps.foundation.actors import SYSTEM
from config.guard import WORDS
from config.replay import HANDLERS
from tests import cast
from tests.accounts.minors.given import KIM_BORN, dana, grown, represented, verified
from tests.cast import DAY, NOON

LATER = NOON + 5 * DAY

pytestmark = pytest.mark.django_db(transaction=True)


def lines(*kinds):
    """What the journal says, in its order."""
    entries = JournalEntry.objects.filter(kind__in=kinds).order_by("created_at", "id")
    return [SimpleNamespace(kind=entry.kind, about=entry.about, body=entry.body, at=entry.created_at) for entry in entries]


def repeat(*all_of_them):
    for line in all_of_them:
        for _twice in range(2):
            with transaction.atomic():
                HANDLERS[line.kind](line, at=LATER)


def restored_to_before(person, *, born=None):
    """The backup knows the person, and nothing of the case."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM accounts_minorcase")
        cursor.execute("UPDATE accounts_person SET standing = 'active', birth_date = coalesce(%s, birth_date) WHERE id = %s", [born, person.pk])
        cursor.execute("SET session_replication_role = origin")


def test_a_suspended_person_is_suspended_again_under_the_same_case_and_clock():
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    told = lines("person.suspended")
    restored_to_before(kim)
    repeat(*told)
    kim.refresh_from_db()
    again = MinorCase.objects.get()
    assert (kim.standing, again.reference, again.opened_at, again.due_at, again.opened_by) == (
        "suspended", case.reference, NOON, NOON + 10 * DAY, str(SYSTEM),
    )  # fmt: skip
    assert Event.objects.filter(verb="person.suspended_again").count() == 1


def test_who_was_resumed_is_resumed_again():
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    minors.find_mistaken(case=case, by=cast.cleo(), at=NOON + DAY)
    told = lines("person.suspended", "person.resumed")
    restored_to_before(kim)
    repeat(*told)
    kim.refresh_from_db()
    assert (kim.standing, MinorCase.objects.get().state, MinorCase.objects.get().closed_at) == ("active", "mistaken", NOON + DAY)


def test_who_was_resumed_for_a_representative_whom_the_backup_does_not_know_stays_suspended():
    kim = grown()
    amending.amend_person(person=kim, changes={"birth_date": KIM_BORN}, by=dana(), at=NOON)
    acting = verified(person=kim, at=NOON + DAY)
    told = lines("person.suspended", "person.resumed")
    assert [line.kind for line in told] == ["person.suspended", "person.resumed"]
    restored_to_before(kim)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM accounts_representative WHERE id = %s", [acting.pk])
        cursor.execute("SET session_replication_role = origin")
    repeat(*told)
    kim.refresh_from_db()
    assert (kim.standing, MinorCase.objects.get().state) == ("suspended", "open")
    assert Event.objects.filter(verb="person.not_resumed_again").exists()


def test_a_representation_that_ended_ends_again_and_its_minor_is_suspended():
    kim = represented()
    row = kim.representatives.get()
    representing.end(representative=row, reason="revoked", by=dana(), at=NOON + DAY)
    case = MinorCase.objects.get()
    told = lines("representative.ended", "person.suspended")
    restored_to_before(kim)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE accounts_representative SET state = 'verified', ended_by = '', ended_at = NULL, end_reason = ''")
        cursor.execute("SET session_replication_role = origin")
    repeat(*sorted(told, key=lambda line: line.kind, reverse=True))
    kim.refresh_from_db()
    row.refresh_from_db()
    assert (row.state, row.ended_at, row.end_reason, kim.standing) == ("ended", NOON + DAY, "revoked", "suspended")
    assert list(MinorCase.objects.values_list("reference", flat=True)) == [case.reference]


def test_what_the_backup_does_not_know_is_passed_over():
    nobody = SimpleNamespace(
        about="PER-0000000", at=NOON,
        body={
            "case": "MIN-0000000", "how": "report", "opened_at": NOON.isoformat(), "opened_by": "x", "due_at": LATER.isoformat(), "state": "mistaken",
            "closed_by": "x", "representative": "", "by": "x", "reason": "revoked",
        },
    )  # fmt: skip
    for handler in (replay.person_suspended, replay.person_resumed, replay.representative_ended):
        with transaction.atomic():
            handler(nobody, at=LATER)
    assert (MinorCase.objects.count(), Event.objects.filter(verb__endswith="_again").count()) == (0, 0)


def test_each_kind_is_said_in_words_where_the_service_stands_still():
    assert {"person.suspended", "person.resumed", "representative.ended"} <= WORDS.keys()
