"""A hold says what it keeps, is in force at once, and stands in ledger and journal without naming a conversation there."""

import json
from datetime import date

import pytest

from apps.accounts.details import DetailNotValid
from apps.audit.models import Event, EventDetail, JournalEntry
from apps.audit.services import journal
from apps.foundation import keys
from apps.foundation.keys import keystore
from apps.holds import standstill
from apps.holds.models import Hold
from apps.holds.services import asking, matters, placing
from apps.holds.states import HoldState
from apps.staff.roles import PERMISSIONS, Role
from apps.staff.services import duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON, SYSTEM

pytestmark = pytest.mark.django_db

SECRET_NAME = "C-clinical-handover-of-Mr-Brown"


@pytest.mark.parametrize("scope", ["organization", "person", "conversation", "from", "until", "everything"])
def test_a_hold_keeps_by_organization_person_conversation_and_days_alone_or_together(place, clinic, ada, scope):
    given = {
        "organization": {"organization": clinic},
        "person": {"person": ada},
        "conversation": {"organization": clinic, "conversation": ("slack", "c1")},
        "from": {"sent_from": date(2026, 1, 1)},
        "until": {"sent_until": date(2026, 3, 1)},
        "everything": {
            "organization": clinic, "person": ada, "conversation": ("slack", "c1"), "sent_from": date(2026, 1, 1),
            "sent_until": date(2026, 3, 1),
        },
    }[scope]  # fmt: skip
    hold = place(**given)
    hold.refresh_from_db()
    source, conversation = given.get("conversation", ("", ""))
    assert (hold.organization, hold.person, hold.conversation_source, hold.conversation_id, hold.sent_from, hold.sent_until) == (
        given.get("organization"), given.get("person"), source, conversation, given.get("sent_from"), given.get("sent_until"),
    )  # fmt: skip
    assert hold.person_reference == (ada.reference if "person" in given else "")
    assert hold.state == HoldState.ACTIVE
    assert list(asking.in_force(NOON)) == [hold]


def test_who_placed_it_and_why_stand_with_it(place, clinic, ezra):
    hold = place(organization=clinic, reason="Preserve all of it.")
    assert (hold.placed_by, hold.placed_at, hold.reason) == (str(ezra.actor), NOON, "Preserve all of it.")


def test_the_ledger_says_who_placed_what_without_naming_the_conversation(place, clinic, ada, matter, ezra):
    hold = place(organization=clinic, person=ada, conversation=("slack", SECRET_NAME), sent_from=date(2026, 1, 1))
    event = Event.objects.get(verb="hold.placed")
    assert (event.actor, event.object, event.at) == (str(ezra.actor), hold.reference, NOON)
    assert event.facts == {
        "matter": matter.reference, "organization": clinic.reference, "person": ada.reference, "sent_from": "2026-01-01",
        "sent_until": "", "conversation": event.facts["conversation"],
    }  # fmt: skip
    assert len(event.facts["conversation"]) == 64
    assert SECRET_NAME not in json.dumps(event.facts)
    assert not EventDetail.objects.filter(event=event).exists()


def test_the_journal_carries_the_hold_and_names_no_conversation_no_reason_and_no_title(place, clinic, home):
    hold = place(organization=clinic, conversation=("slack", SECRET_NAME), reason="Because of Mr Brown")
    kinds = list(JournalEntry.objects.filter(sequence=None).order_by("created_at", "kind").values_list("kind", "about"))
    assert ("hold.placed", hold.reference) in kinds
    assert ("matter.opened", hold.matter.reference) in kinds
    body = JournalEntry.objects.get(kind="hold.placed").body
    assert (body["matter"], body["organization"], body["by"]) == (hold.matter.reference, clinic.reference, hold.placed_by)
    everything = json.dumps([entry.body for entry in JournalEntry.objects.all()])
    assert [word for word in (SECRET_NAME, "Brown", "Docket", "court") if word in everything] == []


def test_the_same_conversation_has_another_digest_in_each_hold_so_that_nobody_can_guess_it(place, clinic):
    place(organization=clinic, conversation=("slack", "general"))
    place(organization=clinic, conversation=("slack", "general"), sent_from=date(2026, 1, 1))
    digests = {event.facts["conversation"] for event in Event.objects.filter(verb="hold.placed")}
    assert len(digests) == 2


def test_placing_rings_the_journal_and_the_sweep_once_it_has_committed(
    place, clinic, django_capture_on_commit_callbacks, monkeypatch
):
    rung = []
    monkeypatch.setattr("apps.foundation.doorbell._send", rung.append)
    with django_capture_on_commit_callbacks(execute=True):
        place(organization=clinic)
        assert rung == []
    assert {"audit.write_owed_journal_entries", "retention.sweep"} <= set(rung)


def test_a_hold_without_any_scope_is_refused(place):
    with pytest.raises(placing.HoldWithoutScope):
        place()
    assert Hold.objects.count() == 0


@pytest.mark.parametrize("conversation", [("slack", ""), ("", "c1")])
def test_a_conversation_needs_its_system_and_its_id(place, clinic, conversation):
    with pytest.raises(placing.ConversationWithoutOrganization):
        place(organization=clinic, conversation=conversation)


def test_a_conversation_needs_its_organization(place):
    with pytest.raises(placing.ConversationWithoutOrganization):
        place(conversation=("slack", "c1"))


def test_a_person_of_another_organization_is_refused_since_nothing_could_fall_under_it(place, ada, mercy):
    with pytest.raises(placing.ScopeContradictsItself):
        place(organization=mercy, person=ada)


def test_a_person_who_belongs_to_no_client_may_be_held_at_one(place, clinic):
    alone = cast.registration.register_person(
        organization=None, given_name="Ida", family_name="Alone", emails=["ida@alone.example"], by=SYSTEM, at=NOON - DAY
    )
    assert place(organization=clinic, person=alone).person == alone


@pytest.mark.parametrize("until", [date(2026, 1, 1), date(2025, 12, 31)])
def test_days_that_end_before_they_begin_are_refused(place, until):
    with pytest.raises(placing.ScopeContradictsItself):
        place(sent_from=date(2026, 1, 1), sent_until=until)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\x00b"])
def test_a_reason_is_needed_and_is_one_printable_line(place, clinic, reason):
    with pytest.raises(DetailNotValid):
        place(organization=clinic, reason=reason)


def test_the_id_of_a_conversation_is_kept_exactly_as_its_system_writes_it(place, clinic):
    written = "Cafe\u0301 "  # not composed, with a space at its end
    assert place(organization=clinic, conversation=("slack", written)).conversation_id == written


def test_nothing_is_held_for_a_closed_matter(place, clinic, matter, ezra):
    matters.close(matter=matter, by=ezra, at=NOON)
    with pytest.raises(placing.MatterClosed):
        place(organization=clinic)


def test_the_same_hold_placed_twice_by_the_same_person_is_one_hold(place, clinic, ada):
    first = place(organization=clinic, person=ada, sent_from=date(2026, 1, 1))
    assert place(organization=clinic, person=ada, sent_from=date(2026, 1, 1)) == first
    assert Hold.objects.count() == 1
    assert Event.objects.filter(verb="hold.placed").count() == 1
    assert JournalEntry.objects.filter(kind="hold.placed").count() == 1


def test_what_another_holds_already_for_the_same_matter_is_named(place, clinic):
    first = place(organization=clinic)
    with pytest.raises(placing.AlreadyHeld, match=first.reference):
        place(organization=clinic, by=cast.staff("esther", Role.COUNSEL))


def test_another_matter_may_hold_the_same(place, clinic, ezra):
    other = matters.open_matter(title="Docket 26-118", reason="An audit.", by=ezra, at=NOON)
    assert place(organization=clinic) != place(organization=clinic, matter=other)


def test_what_was_released_can_be_held_again_by_a_new_hold(place, release, clinic, ada, ezra):
    place(person=ada)
    over = release(place(organization=clinic))
    assert place(organization=clinic) != over


@pytest.mark.parametrize("role", [role for role in Role if placing.PLACE not in PERMISSIONS[role]])
def test_who_may_not_place_holds_is_refused(place, clinic, role):
    with pytest.raises(NotPermitted):
        place(organization=clinic, by=cast.staff("somebody", role))


def test_a_right_lost_since_the_page_was_opened_no_longer_counts(place, clinic, ezra):
    duties.assign(member=ezra, roles=[Role.AUDITOR], by=SYSTEM, at=NOON)
    assert ezra.has_perm(placing.PLACE), "the page still holds the member as they were"
    with pytest.raises(NotPermitted):
        place(organization=clinic)
    assert Hold.objects.count() == 0


def test_without_the_secret_of_the_matter_nothing_is_placed_and_the_secret_is_not_made_anew(place, clinic, matter):
    cast.lose_secret(f"hold/{matter.reference}")
    with pytest.raises(keys.KeyMissing):
        place(organization=clinic)
    assert Hold.objects.count() == 0
    assert not keystore().exists(f"hold/{matter.reference}")


@pytest.mark.parametrize("lock", [standstill.wait_for_destructions, standstill.keep_new_holds_out])
@pytest.mark.django_db(transaction=True)
def test_the_lock_is_refused_outside_a_transaction_where_it_would_last_no_time(lock, db):
    with pytest.raises(standstill.NotInTransaction):
        lock()


def test_the_sentences_before_placing_name_people_by_reference_and_a_conversation_not_at_all(clinic, ada, matter, settings):
    settings.HOLD_RELEASE_GRACE_DAYS = 1
    hold = placing.fitted(
        matter=matter, organization=clinic, person=ada, conversation=("slack", SECRET_NAME), sent_from=date(2026, 1, 1),
        sent_until=date(2026, 3, 1), reason="x",
    )  # fmt: skip
    words = placing.what_it_does(hold)
    assert words[0] == (
        f"Kept for {matter.reference}: messages of {ada.reference} in one conversation in slack at {clinic.reference}"
        " sent from 2026-01-01 and before 2026-03-01; what is stored now, and what still arrives."
    )
    assert "a day later" in words[-1]
    assert [line for line in words if SECRET_NAME in line or "Ada" in line] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sent_from": date(2026, 1, 1)}, "all messages of every organization sent from 2026-01-01"),
        ({"sent_until": date(2026, 1, 1)}, "all messages of every organization sent before 2026-01-01"),
    ],
)
def test_a_hold_on_days_alone_keeps_everything_of_them_and_says_so(place, given, words):
    assert place(**given).scope_in_words == words


def test_the_journal_line_is_written_and_stays_in_step(place, clinic, home):
    place(organization=clinic)
    assert JournalEntry.objects.filter(sequence=None).count() == 2
    text = (home / "journal" / "journal.ndjson").read_text()
    assert "hold.placed" not in text
    assert journal.status().in_step
