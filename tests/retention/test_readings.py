"""The life of hosted archives: found by what stands in them, read back by two persons, ended with a certificate."""

from datetime import timedelta

import pytest

from apps.accounts.services import registration
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, keystore
from apps.holds.services import matters, placing
from apps.holds.services.asking import UnderHold
from apps.retention.archives.places.troubles import PlaceCorrupts
from apps.retention.importing.lines import Deletion, Party
from apps.retention.models import Archive, ArchiveReading, Certificate, Cohort, Destruction
from apps.retention.services import accounts, archiving, readings, sweep
from apps.retention.services.archives import contracts
from apps.retention.states import ArchiveState, DestructionState, RequestState
from apps.staff.roles import Role
from apps.staff.services.approvals import ChangedSince, OwnRequest
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived

pytestmark = pytest.mark.django_db(transaction=True)

SEALED = NOON + 6 * DAY
OTHERS = {"sender": Party(email="cy@client.example"), "recipients": (Party(email="dee@client.example"),)}


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


@pytest.fixture
def archive(home):
    """Ada's m1 (edited) and m2, m3 that was recalled, and m4 and m5 between others, in another conversation."""
    cast.house()
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.ada(mercy)
    archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(n) for n in range(1, 4)])
    archiving.archive_due(at=NOON + DAY)
    cast.hand_over(mercy, [cast.message(1, body="Better", edited_at=NOON + DAY)], key="b2", at=NOON + 2 * DAY)
    cast.hand_over(mercy, [Deletion(number=1, id="m3", sent_at=NOON, conversation_class=None, deleted_at=NOON)], key="b3", at=NOON + 2 * DAY)
    cast.hand_over(mercy, [cast.message(n, conversation="c2", **OTHERS) for n in (4, 5)], key="b4", at=NOON + 2 * DAY)
    sweep.sweep(at=SEALED)
    archiving.archive_due(at=SEALED)
    found = Archive.objects.select_related("cohort__organization", "target").get()
    assert found.state == ArchiveState.CLOSED
    return found


@pytest.fixture
def ezra():
    return cast.staff("ezra", Role.COUNSEL)


def taken(reading, by, at=SEALED):
    reading = readings.begin(reading=reading, by=by, at=at)
    return b"".join(readings.stream(reading=reading, by=by, at=at)).decode()


def ids(text):
    return sorted(line.split('"id":"')[1].split('"')[0] for line in text.splitlines())


def test_an_archive_is_read_back_after_a_second_person_once_and_each_step_is_recorded(archive, ezra):
    reading = readings.ask(archive=archive, reason="Audit of March", by=cast.bo(), at=SEALED)
    with pytest.raises(readings.NotToBeTaken):
        readings.begin(reading=reading, by=cast.bo(), at=SEALED)
    with pytest.raises(OwnRequest):
        readings.approve(reading=reading, by=cast.bo(), at=SEALED)
    with pytest.raises(NotPermitted):
        readings.approve(reading=reading, by=cast.staff("rex", Role.RECORDS_MANAGER), at=SEALED)
    readings.approve(reading=reading, by=cast.cleo(), at=SEALED)
    with pytest.raises(readings.NotYoursToTake):
        readings.begin(reading=reading, by=ezra, at=SEALED)
    text = taken(reading, cast.bo())
    assert ids(text) == ["m1", "m2", "m4", "m5"]
    assert ("Better" in text, text.count("Good morning")) == (True, 3)
    reading.refresh_from_db()
    assert (reading.state, reading.lines, reading.read_at) == (RequestState.DONE, 4, SEALED)
    with pytest.raises(readings.NotToBeTaken):
        readings.begin(reading=reading, by=cast.bo(), at=SEALED)
    assert list(Event.objects.filter(object=reading.reference).order_by("id").values_list("verb", flat=True)) == [
        "reading.asked", "reading.approved", "reading.taken", "reading.left",
    ]  # fmt: skip


def test_one_persons_reading_has_that_persons_lines_and_no_other(archive):
    ada = archive.cohort.organization.people.get()
    reading = readings.ask(archive=archive, reason="She asks for it", person=ada, by=cast.bo(), at=SEALED)
    readings.approve(reading=reading, by=cast.cleo(), at=SEALED)
    text = taken(reading, cast.bo())
    assert (ids(text), "Better" in text, "cy@client.example" in text) == (["m1", "m2"], True, False)


def test_who_asked_does_not_approve_and_a_changed_request_is_not_the_one_that_was_asked(archive, ezra):
    reading = readings.ask(archive=archive, reason="Preservation", by=ezra, at=SEALED)
    with pytest.raises(OwnRequest):
        readings.approve(reading=reading, by=ezra, at=SEALED)
    ArchiveReading.objects.update(reason="Something else")
    with pytest.raises(ChangedSince):
        readings.approve(reading=reading, by=cast.cleo(), at=SEALED)


def test_an_approval_is_good_for_a_day_and_a_reading_says_why(archive):
    with pytest.raises(readings.ReasonMissing):
        readings.ask(archive=archive, reason="  ", by=cast.bo(), at=SEALED)
    reading = readings.ask(archive=archive, reason="Audit", by=cast.bo(), at=SEALED)
    readings.approve(reading=reading, by=cast.cleo(), at=SEALED)
    with pytest.raises(readings.NotToBeTaken):
        readings.begin(reading=reading, by=cast.bo(), at=SEALED + timedelta(hours=24, seconds=1))


def test_a_person_of_another_client_is_not_read_in_this_archive(archive):
    other = cast.client("Saint Ann")
    stranger = registration.register_person(organization=other, given_name="Eve", emails=["eve@saint.example"], by=SYSTEM, at=NOON)
    with pytest.raises(readings.NotOfThisClient):
        readings.ask(archive=archive, reason="Audit", person=stranger, by=cast.bo(), at=SEALED)


def test_an_archive_is_found_by_person_and_conversation_without_opening_it(archive):
    ada = archive.cohort.organization.people.get()
    first, second = archive.parts.order_by("number")
    assert readings.holding(archive, ada) == [first.pk, second.pk]
    assert readings.in_conversation(archive, "product", "c2") == [second.pk]
    assert readings.in_conversation(archive, "product", "c9") == []


def test_a_part_that_is_not_the_one_that_was_signed_is_not_read(archive):
    part = archive.parts.order_by("-number").first()
    (archived.folder() / part.name).write_bytes(b"0" * part.bytes)
    reading = readings.ask(archive=archive, reason="Audit", by=cast.bo(), at=SEALED)
    readings.approve(reading=reading, by=cast.cleo(), at=SEALED)
    with pytest.raises(PlaceCorrupts):
        taken(reading, cast.bo())


def test_at_the_end_of_its_life_an_archive_is_destroyed_with_a_certificate_of_its_own(archive):
    sweep.sweep(at=NOON + 8 * DAY)
    sweep.sweep(at=SEALED + 2191 * DAY)
    archive.refresh_from_db()
    assert archive.state == ArchiveState.CLOSED
    sweep.sweep(at=SEALED + 2192 * DAY)
    archive.refresh_from_db()
    assert archive.state == ArchiveState.DESTROYED
    assert [path for path in archived.folder().rglob("*") if path.is_file()] == []
    with pytest.raises(KeyDestroyed):
        keystore().get(f"archive/{archive.reference}")
    certificate = Certificate.objects.order_by("id").last()
    said = certificate.document["certificate"]["scope"]
    assert (said["kind"], certificate.messages) == ("archive", archive.messages)
    assert accounts.account_of(Cohort.objects.get()).balance == 0


def test_with_the_contract_all_archives_end_by_two_persons_but_none_that_a_hold_covers(archive, ezra):
    mercy = archive.cohort.organization
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=SEALED)
    other = cast.client("Saint Ann", archive="hosted")
    cast.rule(other, 7)
    held = placing.place(matter=matter, reason="asked", by=ezra, at=SEALED, person=mercy.people.get())
    assert held.pk
    with pytest.raises(UnderHold):
        contracts.ask_end(organization=mercy, by=cast.bo(), at=SEALED)
    with pytest.raises(contracts.NothingToEnd):
        contracts.ask_end(organization=other, by=cast.bo(), at=SEALED)
    sweep.sweep(at=SEALED + 3000 * DAY)
    archive.refresh_from_db()
    assert archive.state == ArchiveState.CLOSED


def test_the_end_of_a_contract_needs_its_second_person_and_is_due_behind_the_day_of_its_messages(archive):
    mercy = archive.cohort.organization
    assert contracts.ask_end(organization=mercy, by=cast.bo(), at=SEALED) == 1
    with pytest.raises(OwnRequest):
        contracts.end_contract(organization=mercy, by=cast.bo(), at=SEALED)
    with pytest.raises(NotPermitted):
        contracts.end_contract(organization=mercy, by=cast.staff("rex", Role.RECORDS_MANAGER), at=SEALED)
    assert contracts.end_contract(organization=mercy, by=cast.cleo(), at=SEALED) == 1
    sweep.sweep(at=SEALED)
    archive.refresh_from_db()
    assert (archive.state, Cohort.objects.get().state) == (ArchiveState.CLOSED, "archived")
    sweep.sweep(at=NOON + 9 * DAY)
    archive.refresh_from_db()
    assert archive.state == ArchiveState.DESTROYED
    assert Destruction.objects.get(archive=archive).state == DestructionState.DONE
    assert Certificate.objects.count() == 2


def test_a_hold_that_comes_between_asking_and_approving_keeps_the_archives(archive, ezra):
    mercy = archive.cohort.organization
    contracts.ask_end(organization=mercy, by=cast.bo(), at=SEALED)
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=SEALED)
    placing.place(matter=matter, reason="asked", by=ezra, at=SEALED, organization=mercy)
    with pytest.raises(UnderHold):
        contracts.end_contract(organization=mercy, by=cast.cleo(), at=SEALED)
    archive.refresh_from_db()
    assert archive.keep_until > SEALED.date()
