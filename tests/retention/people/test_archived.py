"""An archive that a client paid for gets what it is owed before a message of an erased person goes; what it has stays there, and is said."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.services.subjects import subject_of
from apps.foundation.personal_data import Ended, Kept, KeptGround
from apps.retention.models import Amendment, Archive, ArchiveReading
from apps.retention.services import archiving, readings, sweep
from apps.retention.states import RequestState
from apps.staff.models import Approval
from apps.staff.states import Verdict
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived
from tests.retention.people.erased import erase, five_messages, messages, sound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_house(settings, home):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast.house()


@pytest.fixture
def mercy():
    client = cast.client("Mercy General", archive="hosted")
    cast.rule(client, 30)
    return client


def test_what_an_archive_is_owed_stays_until_a_proven_part_has_it(mercy):
    target = archived.hosted(mercy)
    person = cast.ada(mercy)
    five_messages(mercy)
    subject = subject_of(person)
    assert erase(subject, "erase") == Ended(kept=(Kept(KeptGround.ARCHIVE, mercy.reference, 3),))
    assert len(messages(mercy)) == 5
    at = NOON + DAY + timedelta(hours=1)
    archiving.archive_due(at=at)
    ended = erase(subject, at=at)
    assert ended.erased == 3
    (kept,) = ended.kept
    assert (kept.ground, kept.about) == (KeptGround.ARCHIVE, target.reference)
    assert len(messages(mercy)) == 2
    sound(at)


def test_the_archive_is_closed_and_sound_though_messages_of_it_were_erased(mercy):
    archived.hosted(mercy)
    person = cast.ada(mercy)
    five_messages(mercy)
    at = NOON + DAY + timedelta(hours=1)
    archiving.archive_due(at=at)
    erase(person, "erase", at=at)
    late = NOON + 29 * DAY
    sweep.sweep(at=late)
    archiving.archive_due(at=late)
    archives = list(Archive.objects.filter(state="closed"))
    assert archives
    for archive in archives:
        assert archived.verified(archive).flaws == []
    sound(late)


def test_under_a_pseudonym_the_archive_gets_the_message_again_as_it_is_now(mercy):
    archived.hosted(mercy)
    person = cast.ada(mercy)
    five_messages(mercy)
    at = NOON + DAY + timedelta(hours=1)
    archiving.archive_due(at=at)
    assert erase(person, "pseudonymise", at=at).anonymised == 3
    assert Amendment.objects.count() == 3
    late = NOON + 29 * DAY
    sweep.sweep(at=late)
    archiving.archive_due(at=late)
    last = {}
    for archive in Archive.objects.filter(state="closed").order_by("id"):
        assert archived.verified(archive).flaws == []
        last |= {line["message"]["id"]: line["message"] for line in archived.lines(archive) if "message" in line}
    assert "ada@client.example" not in str(last)
    sound(late)


def test_a_reading_that_was_asked_for_the_person_never_becomes_one_of_all(mercy):
    archived.hosted(mercy)
    person = cast.ada(mercy)
    five_messages(mercy)
    at = NOON + 29 * DAY
    sweep.sweep(at=at)
    archiving.archive_due(at=at)
    archive = Archive.objects.filter(state="closed").first()
    asked = readings.ask(archive=archive, reason="Ada wants to know", by=cast.bo(), at=at, person=person)
    erase(person, "keep", at=at)
    row = ArchiveReading.objects.get(pk=asked.pk)
    assert (row.person_id, row.of_erased_person, row.state) == (None, True, RequestState.REJECTED)
    assert "Ada" not in row.reason
    assert Approval.objects.get(subject=asked.reference).verdict == Verdict.VOID
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE retention_archivereading SET state = 'approved'")

