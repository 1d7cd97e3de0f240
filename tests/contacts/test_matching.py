"""Two people of one organization find each other when either has the other in their book; others only when each has the other."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.models import Person, PersonEmail
from apps.accounts.services import amending
from apps.accounts.states import PersonStanding
from apps.contacts.models import ContactKey, Match, PersonKey, Rematch
from apps.contacts.services import lending, matching, people
from apps.foundation.actors import SYSTEM, Actor
from tests.cast import DAY, NOON
from tests.contacts.conftest import cards


def pairs():
    return {(match.one, match.other): (match.one_has, match.other_has) for match in Match.objects.select_related("one", "other")}


def test_colleagues_find_each_other_when_one_has_the_other_in_their_book(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example", "nobody@elsewhere.example"))

    match()

    assert pairs() == {(ada, ben): (True, False)}


def test_nobody_is_found_who_did_not_allow_it(ada, ben, allow, lend, match):
    allow(ada)
    lend(ada, cards("ben@client.example"))

    match()

    assert pairs() == {}
    assert not PersonKey.objects.filter(person=ben).exists()


def test_whoever_allows_it_later_is_found_then(ada, ben, allow, lend, match):
    allow(ada)
    lend(ada, cards("ben@client.example"))
    match()
    allow(ben)

    match()

    assert pairs() == {(ada, ben): (True, False)}


@pytest.mark.parametrize("stranger", ["cora", "dan"])
def test_across_organizations_both_must_have_each_other(ada, allow, lend, match, stranger, request):
    other = request.getfixturevalue(stranger)
    allow(ada), allow(other)
    lend(ada, cards(other.emails.get().normalised))
    match()
    assert pairs() == {}

    lend(other, cards("ada@client.example"))
    match()

    assert pairs() == {(ada, other): (True, True)}


def test_two_people_without_an_organization_are_not_colleagues(dan, house, allow, lend, match):
    eve = Person.objects.get(pk=dan.pk)
    eve.pk, eve.reference = None, "PER-EVE0000"
    eve.save(force_insert=True)
    allow(dan), allow(eve)
    amending.add_email(person=eve, address="eve@home.example", by=SYSTEM, at=NOON)
    lend(dan, cards("eve@home.example"))

    match()

    assert pairs() == {}


def test_numbers_match_whatever_their_form(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    lend(ben, b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nTEL;TYPE=cell:(202) 555-0101\r\nEND:VCARD\r\n")

    match()

    assert pairs() == {(ada, ben): (False, True)}


def test_nobody_is_matched_with_themself(ada, allow, lend, match):
    allow(ada)
    lend(ada, cards("ada@client.example"))

    match()

    assert pairs() == {}


def test_a_withdrawal_ends_the_match_for_both_at_once(ada, ben, allow, lend, match, withdraw):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example"))
    match()

    withdraw(ben, at=NOON + DAY)

    assert pairs() == {}
    assert not PersonKey.objects.filter(person=ben).exists()
    assert ContactKey.objects.filter(person=ada).count() == 1
    match(NOON + DAY)
    assert pairs() == {}


def test_an_address_that_goes_takes_its_match_along(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example"))
    match()

    amending.remove(row=PersonEmail.objects.get(person=ben), by=SYSTEM, at=NOON)
    assert not PersonKey.objects.filter(person=ben).exists()
    match()

    assert pairs() == {}


def test_an_address_that_comes_is_matched(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    lend(ada, cards("benjamin@client.example"))
    match()
    assert pairs() == {}

    amending.add_email(person=ben, address="Benjamin@Client.example", by=SYSTEM, at=NOON)
    match()

    assert pairs() == {(ada, ben): (True, False)}


def test_a_source_that_goes_takes_its_matches_along(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    source = lend(ada, cards("ben@client.example"))
    match()

    lending.remove(source=source, by=Actor("person", ada.reference), at=NOON)
    match()

    assert pairs() == {}


def test_the_same_file_again_replaces_what_it_held(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    first = lend(ada, cards("ben@client.example", "x@elsewhere.example"))
    match()
    second = lend(ada, cards("y@elsewhere.example"), name="BOOK.vcf ")
    match()

    assert first == second
    assert ContactKey.objects.filter(person=ada).count() == 1
    assert pairs() == {}


def test_only_who_changed_is_computed_again(ada, ben, cora, allow, lend, match):
    allow(ada), allow(ben), allow(cora)
    lend(ada, cards("ben@client.example"))
    match()
    assert not Rematch.objects.exists()

    lend(cora, cards("x@elsewhere.example"))
    assert list(Rematch.objects.values_list("person_id", flat=True)) == [cora.pk]
    lend(cora, cards("x@elsewhere.example"))

    assert match() == 1
    lend(cora, cards("x@elsewhere.example"))
    assert match() == 0


def test_a_suspended_person_is_shown_to_nobody_and_comes_back_with_their_matches(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example"))
    match()
    Person.objects.filter(pk=ben.pk).update(standing=PersonStanding.SUSPENDED)

    assert not Match.objects.of(ada.pk, at=NOON).exists()
    Person.objects.filter(pk=ben.pk).update(standing=PersonStanding.ACTIVE)
    assert Match.objects.of(ada.pk, at=NOON).count() == 1


def test_a_consent_past_its_end_shows_nobody_though_the_sweep_is_late(ada, ben, allow, lend, match, by_force):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example"))
    match()
    by_force("UPDATE consents_standing SET until = %s WHERE person_id = %s", NOON + DAY, ben.pk)

    assert Match.objects.of(ada.pk, at=NOON).count() == 1
    assert not Match.objects.of(ada.pk, at=NOON + DAY).exists()


def test_the_database_refuses_a_match_without_both_consents(ada, ben, allow):
    allow(ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        Match.objects.create(one=ada, other=ben, purpose_id="contacts", one_has=True, other_has=True, since=NOON)


def test_a_person_s_row_takes_everything_of_them_along(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example", "y@elsewhere.example"))
    match()

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_personemail WHERE person_id = %s", [ada.pk])
        cursor.execute("DELETE FROM accounts_personphone WHERE person_id = %s", [ada.pk])
        cursor.execute("DELETE FROM accounts_person WHERE id = %s", [ada.pk])

    assert (ContactKey.objects.count(), Match.objects.count(), PersonKey.objects.filter(person=ben).count()) == (0, 0, 1)


def test_what_can_not_be_matched_is_left_after_five_attempts(ada, ben, allow, lend, monkeypatch):
    allow(ada), allow(ben)
    lend(ada, cards("ben@client.example"))
    people.bring_up_all(at=NOON)
    monkeypatch.setattr(matching, "WHO_HAS_WHOM", "SELECT 1/0")

    for number in range(7):
        matching.match_changed(at=NOON + number * DAY)

    assert set(Rematch.objects.values_list("attempts", flat=True)) == {5}
    assert pairs() == {}
