"""Address books and calendars are taken only with permission, replaced by their name, refused in plain words, and gone when taken away."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.models import Event, JournalEntry
from apps.contacts.models import BusyTime, ContactKey, Match, RefusedFile, Source
from apps.contacts.reading.refused import FileRefused
from apps.contacts.services import lending, lent, refusing, windows
from apps.contacts.services.lending import KindUnknown, NotAllowedYet, SourceUnknown, TooManySources
from apps.contacts.services.lent import Lent
from apps.contacts.states import RefusedState, SourceState
from apps.foundation.actors import Actor
from apps.foundation.keys import keystore
from apps.foundation.moves import NotAMove
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.contacts.conftest import calendar, cards

WHERE = Lent("https://dav.example/books/ada/", "ada", "a secret word")
HOUR = timedelta(hours=1)


def me(person):
    return Actor("person", person.reference)


@pytest.mark.parametrize(("purpose", "data"), [("contacts", cards("x@y.example")), ("calendar", calendar((NOON + HOUR, NOON + 2 * HOUR)))])
def test_nothing_is_taken_before_it_is_allowed(ada, lend, purpose, data):
    with pytest.raises(NotAllowedYet):
        lend(ada, data, purpose)
    with pytest.raises(NotAllowedYet):
        lending.add_address(person=ada, purpose=purpose, given=WHERE, by=me(ada), at=NOON)

    assert (Source.objects.count(), ContactKey.objects.count(), BusyTime.objects.count()) == (0, 0, 0)


def test_the_consent_to_one_kind_is_none_to_the_other(ada, allow, lend):
    allow(ada, "contacts")
    with pytest.raises(NotAllowedYet):
        lend(ada, calendar((NOON + HOUR, NOON + 2 * HOUR)), "calendar")
    with pytest.raises(KindUnknown):
        lend(ada, b"", "announcements_email")


def test_the_database_takes_no_contact_without_a_consent(ada, allow, lend):
    allow(ada)
    source = lend(ada, cards("x@y.example"))
    row = ContactKey.objects.get()
    for change in ({"purpose_id": "calendar"}, {"person_id": 999_999}, {"stands": False}):
        copy = ContactKey.objects.get(pk=row.pk)
        copy.pk, copy.item = None, b"another item...."
        for name, value in change.items():
            setattr(copy, name, value)
        with pytest.raises(IntegrityError), transaction.atomic():
            copy.save(force_insert=True)
    assert source.contact_keys.count() == 1


def test_nothing_of_a_card_is_stored_that_anybody_could_read(ada, allow, lend):
    allow(ada)
    lend(ada, cards(["zoe@elsewhere.example", "+12025550177"]), name="zoes-book.vcf")

    with connection.cursor() as cursor:
        stored = ""
        for table in ("contacts_source", "contacts_contactkey", "audit_event", "audit_journalentry"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            stored += cursor.fetchone()[0] or ""
    assert "contact_source.lent" in stored
    for word in ("zoe", "elsewhere", "2025550177", "card-0", "Somebody", "book.vcf"):
        assert word not in stored
        assert word.encode().hex() not in stored
    assert {len(bytes(value)) for value in ContactKey.objects.values_list("value", flat=True)} == {32}


def test_a_calendar_becomes_busy_times_of_the_coming_weeks_and_nothing_else(ada, allow, lend):
    allow(ada, "calendar")
    far = NOON + 200 * DAY

    source = lend(ada, calendar((NOON + HOUR, NOON + 2 * HOUR), (NOON - 9 * DAY, NOON - 9 * DAY + HOUR), (far, far + HOUR)), "calendar")

    assert [(row.starts_at, row.ends_at) for row in BusyTime.objects.all()] == [(NOON + HOUR, NOON + 2 * HOUR)]
    assert source.last_success_at == NOON
    assert windows.collected(NOON)[1] < far


def test_the_same_file_again_changes_nothing_and_counts_as_no_change(ada, allow, lend):
    allow(ada)
    first = lend(ada, cards("x@y.example", "z@y.example"))
    before = list(ContactKey.objects.order_by("pk").values_list("pk", "collected_at"))

    second = lend(ada, cards("x@y.example", "z@y.example"), at=NOON + DAY)

    assert (second.pk, second.last_success_at, second.entries) == (first.pk, NOON + DAY, 2)
    assert list(ContactKey.objects.order_by("pk").values_list("pk", "collected_at")) == before
    assert list(Event.objects.filter(object=first.reference).order_by("id").values_list("verb", flat=True)) == [
        "contact_source.lent", "contact_source.replaced",
    ]  # fmt: skip


def test_two_files_of_different_names_stand_beside_each_other(ada, allow, lend):
    allow(ada)
    lend(ada, cards("x@y.example"), name="work.vcf")
    lend(ada, cards("x@y.example"), name="home.vcf")

    assert (Source.objects.count(), ContactKey.objects.count()) == (2, 2)


def test_one_person_may_have_twenty_thousand_entries(ada, ben, allow, lend, match):
    allow(ada), allow(ben)

    source = lend(ada, cards(*(f"somebody{number}@elsewhere.example" for number in range(19_999)), "ben@client.example"))
    match()

    assert (source.entries, ContactKey.objects.count()) == (20_000, 20_000)
    assert Match.objects.get().one == ada


@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe", b"PK\x03\x04 a zip file", b"BEGIN:VCARD\r\n" * 40])
def test_a_file_that_can_not_be_read_is_an_item_for_staff_without_the_file(ada, allow, lend, data):
    allow(ada)

    with pytest.raises(FileRefused) as refused:
        lend(ada, data)

    assert refused.value.what.endswith(".")
    note = RefusedFile.objects.get()
    assert (note.person, note.purpose, note.code, note.size, note.state) == (ada, "contacts", refused.value.code, len(data), RefusedState.OPEN)
    assert not Source.objects.exists()
    assert Event.objects.get(verb="contact_file.refused").object == note.reference


def test_a_refused_file_leaves_what_was_there_before(ada, allow, lend):
    allow(ada)
    lend(ada, cards("x@y.example"))

    with pytest.raises(FileRefused):
        lend(ada, b"nothing of the kind")

    assert ContactKey.objects.count() == 1


def test_the_note_of_a_refused_file_is_looked_at_once_and_forgotten_after_ninety_days(ada, allow, lend):
    allow(ada)
    with pytest.raises(FileRefused):
        lend(ada, b"")
    note, dana = RefusedFile.objects.get(), cast.staff("dana", Role.PRIVACY_ANALYST)

    with pytest.raises(NotPermitted):
        refusing.finish(refused=note, by=cast.staff("gus", Role.ADMINISTRATOR), at=NOON)
    done = refusing.finish(refused=note, by=dana, at=NOON)
    assert (done.state, done.done_by) == (RefusedState.DONE, str(dana.actor))
    with pytest.raises(NotAMove):
        refusing.finish(refused=note, by=dana, at=NOON)
    assert refusing.forget_old(at=NOON + 89 * DAY) == 0
    assert refusing.forget_old(at=NOON + 91 * DAY) == 1


def test_an_address_is_sealed_under_a_secret_of_its_own_and_named_nowhere(ada, allow):
    allow(ada)

    source = lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON)

    assert lent.open_lent(source) == WHERE
    assert keystore().exists(f"source/{source.reference}")
    assert (source.next_at, source.last_success_at) == (NOON, None)
    assert repr(WHERE) == "<an address that somebody lent us>"
    for word in (b"dav.example", b"ada", b"secret"):
        assert word not in bytes(source.sealed)
    assert "dav.example" not in str(list(Event.objects.values_list("facts", flat=True)))


def test_a_person_lends_twenty_at_most(ada, allow, lend):
    allow(ada)
    for number in range(lending.MOST_SOURCES):
        lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON + number * HOUR)

    with pytest.raises(TooManySources):
        lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON)
    with pytest.raises(TooManySources):
        lend(ada, cards("x@y.example"))


def test_nobody_reaches_the_source_of_somebody_else(ada, ben, allow, lend):
    allow(ada)
    source = lend(ada, cards("x@y.example"))

    assert lending.of_person(ada, source.reference) == source
    for reference in (source.reference, "SRC-000000000", "", "'"):
        with pytest.raises(SourceUnknown):
            lending.of_person(ben, reference)


def test_what_is_taken_away_is_gone_with_its_secret_and_stands_in_the_journal(ada, allow):
    allow(ada)
    source = lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON)

    lending.remove(source=source, by=me(ada), at=NOON + DAY)
    assert lent.destroy_left_secrets() == 1

    assert not Source.objects.exists()
    assert keystore().was_destroyed(f"source/{source.reference}")
    assert JournalEntry.objects.get(kind="contact_source.removed").about == source.reference
    with pytest.raises(SourceUnknown):
        lending.remove(source=source, by=me(ada), at=NOON + DAY)


def test_a_secret_whose_source_is_there_is_left_alone(ada, allow):
    allow(ada)
    lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON)

    assert lent.destroy_left_secrets() == 0


def test_another_password_takes_the_place_of_the_first_and_starts_anew(ada, allow):
    allow(ada)
    source = lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON)
    Source.objects.update(state=SourceState.PARKED, next_at=None, failures=3, last_error="source_password_refused")

    lending.renew(source=source, user="ada2", password="another", by=me(ada), at=NOON + DAY)

    source.refresh_from_db()
    assert lent.open_lent(source) == Lent(WHERE.address, "ada2", "another")
    assert (source.state, source.next_at, source.failures, source.last_error) == (SourceState.ACTIVE, NOON + DAY, 0, "")


def test_a_parked_address_is_read_again_by_its_owner_or_by_staff_who_may(ada, allow):
    allow(ada)
    source = lending.add_address(person=ada, purpose="contacts", given=WHERE, by=me(ada), at=NOON)
    for number, by in enumerate((me(ada), cast.staff("dana", Role.PRIVACY_ANALYST))):
        Source.objects.update(state=SourceState.PARKED, next_at=None, failures=8, last_error="source_gone")
        again = lending.retry(source=source, by=by, at=NOON + number * DAY)
        assert (again.state, again.next_at, again.failures, again.last_error) == (SourceState.ACTIVE, NOON + number * DAY, 0, "")
    with pytest.raises(NotPermitted):
        lending.retry(source=source, by=cast.bo(), at=NOON)


def test_a_file_is_never_read_again_by_itself(ada, allow, lend):
    allow(ada)
    source = lend(ada, cards("x@y.example"))

    with pytest.raises(SourceUnknown):
        lending.retry(source=source, by=me(ada), at=NOON)
    assert not Source.objects.due(NOON + 99 * DAY).exists()


def test_somebody_suspended_lends_nothing_and_may_still_take_away(ada, allow, lend):
    allow(ada)
    source = lend(ada, cards("x@y.example"))
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.SUSPENDED)

    with pytest.raises(NotAllowedYet):
        lend(ada, cards("z@y.example"))
    lending.remove(source=source, by=me(ada), at=NOON)
    assert not ContactKey.objects.exists()
