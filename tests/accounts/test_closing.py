"""A registration is cancelled once and for good, by who may, and a restored database knows it again."""

from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from apps.accounts.models import Person
from apps.accounts.services import closing, minors, standing, tokens
from apps.accounts.states import PERSON_MOVES, PersonStanding
from apps.audit.models import Event, JournalEntry
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import NotAMove
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from config.replay import HANDLERS
from tests import cast
from tests.cast import DAY, NOON

LATER = NOON + 5 * DAY


@pytest.fixture(autouse=True)
def house(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    cast.house()


def ada() -> Person:
    return cast.ada(cast.client())


def close(person: Person, *, how="person", by=SYSTEM, at=NOON) -> Person:
    return closing.close_person(person=person, how=how, by=by, at=at)


def test_a_registration_is_closed_once_and_the_first_day_counts():
    person = ada()
    close(person)
    close(person, how="client", at=LATER)
    person.refresh_from_db()
    assert (person.standing, person.closed_at) == (PersonStanding.CLOSED, NOON)
    assert Event.objects.get(verb="person.closed").facts == {"how": "person"}
    assert JournalEntry.objects.get(kind="person.closed").about == person.reference
    assert person.history.latest().standing == PersonStanding.CLOSED


def test_a_suspended_person_may_cancel_too_and_nobody_comes_back():
    person = ada()
    case = minors.report(person=person, how="report", by=SYSTEM, at=NOON)
    close(person, at=LATER)
    minors.find_mistaken(case=case, by=cast.cleo(), at=LATER)
    person.refresh_from_db()
    assert person.standing == PersonStanding.CLOSED
    with pytest.raises(minors.PersonClosed):
        minors.report(person=person, how="report", by=SYSTEM, at=LATER)


def test_a_closed_registration_goes_nowhere():
    person = close(ada())
    assert PERSON_MOVES[PersonStanding.CLOSED] == set()
    with pytest.raises(NotAMove):
        standing.close(person, how="person", by=SYSTEM, at=LATER)


def test_who_may_not_close_changes_nothing():
    person, counsel = ada(), cast.staff("counsel", Role.COUNSEL)
    with pytest.raises(NotPermitted):
        close(person, by=counsel)
    person.refresh_from_db()
    assert person.standing == PersonStanding.ACTIVE


def test_another_word_than_the_two_is_refused():
    with pytest.raises(closing.ReasonOfClosingUnknown):
        close(ada(), how="bored")


def test_the_product_closes_by_the_api_within_the_reach_of_its_token(client):
    person = ada()
    own, words = tokens.issue(name="product", scopes=["people"], organization=person.organization, by=SYSTEM, at=NOON)
    _other, foreign = tokens.issue(name="other", scopes=["people"], organization=cast.client("Mercy General"), by=SYSTEM, at=NOON)

    def post(token, **body):
        path = f"/api/v1/people/{person.reference}/closing"
        return client.post(path, body, content_type="application/json", headers={"Authorization": f"Bearer {token}"})

    assert post(foreign, how="person").status_code in (403, 404)
    assert post(words).status_code == 422
    assert post(words, how="other").status_code == 422
    answers = [post(words, how="client") for _twice in range(2)]
    assert [(answer.status_code, answer.json()["standing"]) for answer in answers] == [(200, "closed"), (200, "closed")]
    assert answers[0].json() == answers[1].json()
    assert Event.objects.get(verb="person.closed").actor == str(own.actor)


@pytest.mark.django_db(transaction=True)
def test_a_restored_database_closes_them_again_from_that_day():
    person = ada()
    close(person)
    entry = JournalEntry.objects.get(kind="person.closed")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_person SET standing = 'active', closed_at = NULL WHERE id = %s", [person.pk])
    line = SimpleNamespace(kind=entry.kind, about=entry.about, body=entry.body, at=entry.created_at)
    for _twice in range(2):
        with transaction.atomic():
            HANDLERS[line.kind](line, at=LATER)
    person.refresh_from_db()
    assert (person.standing, person.closed_at) == (PersonStanding.CLOSED, NOON)
    assert Event.objects.filter(verb="person.closed_again").count() == 1
