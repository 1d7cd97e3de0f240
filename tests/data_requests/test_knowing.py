"""The page of a person: everything by section, nothing unmasked, found by a whole reference, e-mail address or phone and nothing less."""

import pytest

from apps.accounts.services import closing, minors, registration
from apps.audit.models import Event
from apps.data_requests.models import DataRequest, ErasedPerson, Remainder
from apps.data_requests.services import knowing
from apps.foundation.actors import SYSTEM
from apps.holds.models import Hold
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked
from tests.data_requests.asked import dana
from tests.data_requests.holdings import everything

pytestmark = pytest.mark.usefixtures("house")

#: what belongs to Ada and may stand on no page
RAW = ("Lovell", "ada@private", "old.ada", "Elm Street", "Springfield", "1990", "U-Ada", "sub-Ada", "Guardian")


@pytest.fixture
def ada():
    return everything.person(cast.client(), "Ada", "Lovell")


def section(known, key):
    return next(one for one in known.sections if one.key == key)


def all_of(known):
    return str([(label, str(value)) for label, value in known.standing]) + str([[str(cell) for row in one.rows for cell in row] for one in known.sections])


def test_every_section_says_what_there_is_of_somebody_with_everything(ada):
    request = asked.request(person=ada)
    Remainder.objects.create(request=request, holding="consents.said", ground="hold", about="HLD-0000001", rows=3, since=NOON)
    known = knowing.of(ada.reference, at=NOON)

    assert {one.key for one in known.sections} == {
        "reach", "consents", "linked", "requests", "holds", "exceptions", "disclosures", "messages", "held",
    }  # fmt: skip
    for key in ("reach", "consents", "linked", "requests", "exceptions", "disclosures", "held"):
        assert section(known, key).rows, key
    assert section(known, "requests").rows[0][0] == request
    assert section(known, "exceptions").rows[0][3] == 3
    assert (known.person, known.erased) == (ada, None)


def test_nothing_of_it_is_unmasked(ada):
    asked.request(person=ada)
    said = all_of(knowing.of(ada.reference, at=NOON)).casefold()
    assert [raw for raw in RAW if raw.casefold() in said] == []
    assert "a••• l•••" in said
    assert "a•••@p•••.example" in said


def test_messages_are_counted_by_the_day_on_which_they_end():
    clinic = cast.hill_clinic(life_days=7)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1), cast.message(2), cast.message(3, at=NOON - DAY)], at=NOON)
    found = section(knowing.of(ada.reference, at=NOON), "messages")
    assert [(str(day), count, where) for day, count, where in found.rows] == [("2026-03-15", "1", "in use"), ("2026-03-16", "2", "in use")]
    assert found.note.startswith("3 in all")


def test_a_client_with_very_many_days_is_counted_only_when_asked(monkeypatch):
    monkeypatch.setattr(knowing, "COHORTS_AT_ONCE", 0)
    clinic = cast.hill_clinic(life_days=7)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(1)], at=NOON)
    unasked, counted = (section(knowing.of(ada.reference, at=NOON, count_messages=anyhow), "messages") for anyhow in (False, True))
    assert (unasked.rows, unasked.note, len(counted.rows)) == ((), "count", 1)


def test_a_hold_that_keeps_them_is_named(ada):
    hold = Hold.objects.order_by("pk").last()
    kept = section(knowing.of(ada.reference, at=NOON), "holds")
    assert all(row[0].pk for row in kept.rows)
    assert hold is None or kept.count == len(knowing.asking.holds_of_person(ada.pk, NOON))


@pytest.mark.parametrize("term", ["{reference}", " {lower} ", "ADA@client.example", "ada@client.example", "+1 202 555 0100", "(202) 555-0100"])
def test_somebody_is_found_by_what_names_them_whole(term):
    ada = registration.register_person(
        organization=cast.client(), given_name="Ada", family_name="Lovell", emails=["ada@client.example"], phones=["+12025550100"], by=SYSTEM, at=NOON
    )
    typed = term.format(reference=ada.reference, lower=ada.reference.lower())
    assert knowing.find(typed, by=dana(), at=NOON) == [ada.reference]
    event = Event.objects.get(verb="person.looked_up")
    assert (event.object, event.actor) == (ada.reference, str(dana().actor))
    assert set(event.facts) == {"how"}


@pytest.mark.parametrize("term", ["Ada", "Lovell", "ada@client", "client.example", "PER-0000000", "202555", "%", ""])
def test_a_part_of_it_or_a_name_finds_nobody(term):
    cast.ada(cast.client())
    with pytest.raises(knowing.NobodyFound) as refused:
        knowing.find(term, by=dana(), at=NOON)
    assert not term or term not in f"{refused.value.what} {refused.value.mend}" or term == "%"
    assert Event.objects.filter(verb="person.looked_up").count() == 0


def test_an_address_that_two_clients_know_names_both():
    people = [cast.ada(cast.client()), cast.ada(cast.client("Mercy General"))]
    assert knowing.find("ada@client.example", by=dana(), at=NOON) == [person.reference for person in people]


def test_who_may_not_look_finds_nobody_and_leaves_no_trace():
    cast.ada(cast.client())
    with pytest.raises(NotPermitted):
        knowing.find("ada@client.example", by=cast.staff("rita", Role.RECORDS_MANAGER), at=NOON)
    assert Event.objects.filter(verb="person.looked_up").count() == 0


def test_of_who_was_erased_only_what_lawfully_stays_is_shown():
    ada = cast.ada(cast.client())
    reference = ada.reference
    request = asked.request(person=ada)
    ErasedPerson.objects.create(
        person_reference=reference, request_reference=request.reference, digests=b"", began_at=NOON, done_at=NOON, kept_until=NOON + 700 * DAY
    )
    DataRequest.objects.filter(pk=request.pk).update(person=None)
    ada.delete()
    assert knowing.find(reference, by=dana(), at=NOON) == [reference]
    known = knowing.of(reference, at=NOON)
    assert (known.person, known.erased.request_reference) == (None, request.reference)
    assert [one.key for one in known.sections] == ["requests", "exceptions", "disclosures"]


def test_a_cancelled_registration_and_an_open_case_stand_first():
    ada = cast.ada(cast.client())
    case = minors.report(person=ada, how="report", by=SYSTEM, at=NOON)
    closing.close_person(person=ada, how="client", by=SYSTEM, at=NOON + DAY)
    standing = dict(knowing.of(ada.reference, at=NOON + DAY).standing)
    assert (standing["Standing"], standing["Cancelled"], standing["Case about a minor"]) == ("Closed", NOON + DAY, case)


def test_only_the_newest_rows_are_shown_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(knowing, "SHOWN", 2)
    ada = cast.ada(cast.client())
    for kind in ("access", "correction", "complaint"):
        asked.request(kind, person=ada)
    found = section(knowing.of(ada.reference, at=NOON), "requests")
    assert (len(found.rows), found.count, found.more) == (2, 3, 1)
