"""A minor without a representative is suspended the moment it is known; the case has a clock, and ends in the ways there are."""

import json
from datetime import date, timedelta

import pytest

from apps.accounts.models import MinorCase, Person
from apps.accounts.services import amending, evidence, minors, representing
from apps.accounts.services.days import look_after
from apps.accounts.states import CASE_MOVES, CaseState
from apps.audit.models import Event, JournalEntry
from apps.consents.services import asking
from apps.foundation import signing
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.digests import canonical
from apps.foundation.moves import NotAMove, require_move
from apps.mail.models import OutgoingMail
from tests import cast
from tests.accounts.minors.given import KIM_BORN, MAJORITY, dana, grown, proposed, represented, verified
from tests.cast import DAY, NOON

SERVICE = Actor("service", "TOK-1")


def born(person, day, *, by=None, at=NOON):
    return amending.amend_person(person=person, changes={"birth_date": day}, by=by or dana(), at=at)


def at_noon(day):
    return NOON + timedelta(days=(day - NOON.date()).days)


def fresh(person):
    person.refresh_from_db()
    return person


@pytest.mark.parametrize("by", [SERVICE, None], ids=["by the API", "by staff"])
def test_a_date_of_birth_corrected_below_18_suspends_at_once_and_opens_a_case(by):
    kim = born(grown(), KIM_BORN, by=by)
    case = MinorCase.objects.get()
    assert (fresh(kim).standing, kim.birth_date, kim.age_seen_on) == ("suspended", KIM_BORN, NOON.date())
    assert (case.person, case.how, case.state, case.opened_at, case.due_at) == (kim, "birth_date", "open", NOON, NOON + 10 * DAY)
    entry = JournalEntry.objects.get(kind="person.suspended")
    assert (entry.about, entry.body["case"], entry.body["how"]) == (kim.reference, case.reference, "birth_date")
    assert Event.objects.get(verb="person.suspended").facts == {"case": case.reference, "how": "birth_date"}
    assert kim.history.first().standing == "suspended"


def test_a_report_suspends_whatever_the_date_of_birth_says_and_twice_is_once():
    kim = grown()
    first = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    again = minors.report(person=kim, how="staff", by=dana(), at=NOON + DAY)
    assert (again, MinorCase.objects.count(), fresh(kim).standing, first.how) == (first, 1, "suspended", "report")
    assert JournalEntry.objects.filter(kind="person.suspended").count() == 1


def test_who_is_represented_is_not_reported():
    with pytest.raises(minors.IsRepresented):
        minors.report(person=represented(), how="report", by=SYSTEM, at=NOON)
    assert MinorCase.objects.count() == 0


def test_who_is_closed_is_not_suspended():
    kim = grown()
    Person.objects.filter(pk=kim.pk).update(standing="closed")
    with pytest.raises(minors.PersonClosed):
        minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    born(kim, KIM_BORN)
    assert (fresh(kim).standing, MinorCase.objects.count()) == ("closed", 0)


def test_nothing_may_be_done_on_a_consent_of_somebody_suspended():
    kim = grown()
    minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    assert not asking.may(person_id=kim.pk, purpose="contacts", at=NOON)


def test_a_corrected_date_of_a_represented_minor_changes_nothing():
    kim = born(represented(), date(2009, 6, 1))
    assert (fresh(kim).standing, MinorCase.objects.count()) == ("active", 0)


def test_staff_correct_the_date_to_that_of_an_adult_and_the_case_is_closed():
    kim = born(grown(), KIM_BORN, by=SERVICE)
    born(kim, date(1990, 1, 1), at=NOON + DAY)
    case = MinorCase.objects.get()
    assert (fresh(kim).standing, case.state, case.closed_at, case.closed_by) == ("active", "mistaken", NOON + DAY, str(dana().actor))
    assert JournalEntry.objects.get(kind="person.resumed").body["state"] == "mistaken"


def test_a_service_can_not_say_that_somebody_is_of_age_while_a_case_is_open():
    kim = born(grown(), KIM_BORN, by=SERVICE)
    with pytest.raises(minors.AgeUnderCase):
        born(kim, date(1990, 1, 1), by=SERVICE)
    assert (fresh(kim).birth_date, kim.standing) == (KIM_BORN, "suspended")


def test_a_report_that_doubts_a_date_of_birth_does_not_end_with_another_date():
    kim = grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    born(kim, date(1991, 1, 1))
    look_after(at=NOON + DAY)
    case.refresh_from_db()
    assert (case.state, fresh(kim).standing) == ("open", "suspended")
    minors.find_mistaken(case=case, by=cast.cleo(), at=NOON + DAY)
    case.refresh_from_db()
    assert (case.state, fresh(kim).standing, case.closed_by) == ("mistaken", "active", str(cast.cleo().actor))
    with pytest.raises(minors.CaseClosed):
        minors.find_mistaken(case=case, by=cast.cleo(), at=NOON + DAY)


def test_who_is_a_minor_by_the_date_on_file_was_no_mistake():
    kim = born(grown(), KIM_BORN)
    with pytest.raises(minors.StillAMinor):
        minors.find_mistaken(case=kim.minor_cases.get(), by=cast.cleo(), at=NOON)
    assert fresh(kim).standing == "suspended"


def test_removal_is_asked_for_once_and_the_registration_stays_suspended():
    kim = born(grown(), KIM_BORN)
    for at in (NOON, NOON + DAY):
        minors.ask_removal(case=kim.minor_cases.get(), by=cast.cleo(), at=at)
    case = MinorCase.objects.get()
    assert list(MinorCase.objects.to_remove()) == [case]
    assert (case.removal_asked_at, case.removal_asked_by, case.state) == (NOON, str(cast.cleo().actor), "open")
    assert Event.objects.get(verb="minor_case.removal_asked").facts == {"person": kim.reference}
    assert fresh(kim).standing == "suspended"


def test_a_closed_case_removes_nobody():
    case = minors.report(person=grown(), how="report", by=SYSTEM, at=NOON)
    minors.find_mistaken(case=case, by=cast.cleo(), at=NOON)
    with pytest.raises(minors.CaseClosed):
        minors.ask_removal(case=case, by=cast.cleo(), at=NOON + DAY)
    assert not MinorCase.objects.to_remove().exists()


def test_the_18th_birthday_ends_the_need_and_closes_the_case_by_itself():
    kim = born(grown(), KIM_BORN)
    look_after(at=at_noon(MAJORITY) - DAY)
    assert fresh(kim).standing == "suspended"
    look_after(at=at_noon(MAJORITY))
    case = MinorCase.objects.get()
    assert (fresh(kim).standing, case.state, case.closed_by) == ("active", "of_age", str(SYSTEM))


def test_a_representation_that_ends_suspends_on_that_day_and_not_before():
    kim = represented(valid_until=date(2026, 4, 1))
    look_after(at=at_noon(date(2026, 3, 31)))
    assert (fresh(kim).standing, MinorCase.objects.count()) == ("active", 0)
    for _twice in range(2):
        look_after(at=at_noon(date(2026, 4, 1)))
    case = MinorCase.objects.get()
    assert (fresh(kim).standing, case.how, case.opened_by) == ("suspended", "unrepresented", str(SYSTEM))


def test_a_representation_that_another_one_carries_on_ends_without_a_case():
    kim = represented(valid_until=date(2026, 4, 1))
    verified(person=kim, valid_from=date(2026, 4, 1))
    assert look_after(at=at_noon(date(2026, 3, 29))) == 0
    look_after(at=at_noon(date(2026, 4, 1)))
    assert (fresh(kim).standing, MinorCase.objects.count()) == ("active", 0)


def test_a_representation_that_ends_after_the_18th_birthday_matters_to_nobody():
    kim = represented(valid_until=date(2026, 6, 10))
    kept = kim.history.count()
    for day in (10, 11, 12):
        look_after(at=at_noon(date(2026, 6, day)))
    assert (fresh(kim).standing, MinorCase.objects.count(), kim.history.count()) == ("active", 0, kept)


def test_a_representative_whose_first_day_comes_closes_the_case_on_it():
    kim = born(grown(), KIM_BORN)
    verified(person=kim, valid_from=date(2026, 3, 12))
    assert fresh(kim).standing == "suspended"
    look_after(at=at_noon(date(2026, 3, 12)))
    assert (fresh(kim).standing, MinorCase.objects.get().state) == ("active", "represented")


def test_the_end_of_a_representation_is_said_30_and_7_days_ahead_once_each():
    represented(valid_until=date(2026, 5, 20))
    told = {}
    for day in (date(2026, 4, 1), date(2026, 4, 22), date(2026, 4, 23), date(2026, 5, 14), date(2026, 5, 15)):
        told[day.isoformat()] = look_after(at=at_noon(day))
    assert told == {"2026-04-01": 0, "2026-04-22": 1, "2026-04-23": 0, "2026-05-14": 1, "2026-05-15": 0}
    assert set(OutgoingMail.objects.values_list("to_address", "template")) == {("dana@covenant.example", "accounts/representation_ends")}
    assert "Kim" not in "".join(OutgoingMail.objects.values_list("body", flat=True))


def test_a_case_that_falls_due_is_said_three_days_ahead_and_then_every_week():
    born(grown(), KIM_BORN)
    days = [6, 7, 8, 10, 12, 17, 18]
    assert [look_after(at=NOON + day * DAY) for day in days] == [0, 1, 0, 1, 0, 1, 0]
    assert list(MinorCase.objects.overdue(NOON + 10 * DAY)) == list(MinorCase.objects.all())


def test_the_evidence_is_signed_and_holds_references_only():
    kim = born(grown(), KIM_BORN)
    verified(person=kim)
    case = MinorCase.objects.get()
    file = json.loads(evidence.of_case(case=case, by=cast.cleo(), at=NOON + DAY))
    said, signature = file["case"], file["signature"]
    message = evidence.FORMAT.encode() + b"\n" + canonical(said)
    assert signing.is_signed(signing.public_key("certificates"), message, bytes.fromhex(signature["value"]))
    assert not signing.is_signed(signing.public_key("certificates"), message + b" ", bytes.fromhex(signature["value"]))
    verbs = [event["verb"] for event in said["events"]]
    assert (said["state"], said["how"], said["representatives"][0]["state"]) == ("represented", "birth_date", "verified")
    assert [verb for verb in verbs if verb.startswith(("person.", "minor_case."))] == [
        "person.registered", "minor_case.opened", "person.suspended", "person.amended", "minor_case.closed", "person.resumed",
    ]  # fmt: skip
    assert not {"Kim", "Paula", "2008"} & set(json.dumps(file).replace('"', " ").replace("-", " ").split())
    assert Event.objects.filter(verb="minor_case.evidence_taken", object=case.reference).exists()


@pytest.mark.parametrize("here", CaseState)
@pytest.mark.parametrize("there", CaseState)
def test_a_case_moves_as_the_table_says_and_no_other_way(here, there):
    if there in CASE_MOVES[here]:
        require_move(CASE_MOVES, here, there)
    else:
        with pytest.raises(NotAMove):
            require_move(CASE_MOVES, here, there)


def test_a_rejected_or_waiting_representative_closes_no_case():
    kim = born(grown(), KIM_BORN)
    proposed(person=kim)
    look_after(at=NOON + DAY)
    assert (fresh(kim).standing, MinorCase.objects.get().state) == ("suspended", "open")


def test_a_person_without_a_date_of_birth_who_was_represented_is_suspended_when_that_ends():
    kim = grown(birth_date=None)
    minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    acting = verified(person=kim)
    assert fresh(kim).standing == "active"
    representing.end(representative=acting, reason="withdrew", by=dana(), at=NOON + DAY)
    assert (fresh(kim).standing, MinorCase.objects.count()) == ("suspended", 2)
