"""The link to the preference page: one mail to who is known, the same answer to everybody, opened once and not for long."""

import logging
import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import IntegrityError, connections, transaction

from apps.accounts.models import Person
from apps.accounts.services import registration
from apps.accounts.states import PersonStanding
from apps.audit.models import Event
from apps.consents.doors import VISIT, digest_of, is_token, new_token
from apps.consents.models import AccessLink, LinkRequest, Visit
from apps.consents.services import links
from apps.consents.tasks import forget_links, send_links
from apps.foundation.actors import SYSTEM, Actor
from apps.mail.models import OutgoingMail
from tests import cast
from tests.cast import DAY, NOON

MINUTE = timedelta(minutes=1)
ADDRESS = re.compile(r"http://\S+/preferences/open/([A-Za-z0-9_-]{43})/")
UNKNOWN = "nobody.of.ours@elsewhere.example"


@pytest.fixture(autouse=True)
def no_limit_from_before():
    cache.clear()


@pytest.fixture
def noon():
    with time_machine.travel(NOON, tick=False) as travelling:
        yield travelling


def token_of(mail):
    return ADDRESS.search(mail.body)[1]


def mailed(address="ada@client.example", at=NOON):
    """The token of the link that was mailed to somebody who asked."""
    links.ask(address=address, at=at)
    links.answer_due(at=at)
    return token_of(OutgoingMail.objects.filter(template="consents/preference_link").first())


def test_a_person_who_asks_gets_one_mail_with_a_link_that_opens_once(ada, noon, client):
    assert client.post("/preferences/", {"email": " Ada@Client.example "}).headers["Location"] == "/preferences/sent/"
    send_links()

    mail = OutgoingMail.objects.get()
    assert (mail.to_address, mail.about, LinkRequest.objects.count()) == ("ada@client.example", ada.reference, 0)
    assert "Hill Clinic" in mail.body
    assert "30 minutes" in mail.body
    link = AccessLink.objects.get()
    assert (link.person, link.way, link.expires_at) == (ada, "mail", NOON + 30 * MINUTE)
    token, visit = token_of(mail), new_token()
    assert links.spend(token=token, visit=visit, at=NOON).person == ada
    with pytest.raises(links.LinkOver):
        links.spend(token=token, visit=new_token(), at=NOON)


def test_only_digests_are_stored_bound_to_the_door_they_open(ada):
    token, visit = mailed(), new_token()
    links.spend(token=token, visit=visit, at=NOON)

    stored = bytes(AccessLink.objects.get().token_hash), bytes(Visit.objects.get().token_hash)
    assert stored == (digest_of(token, door="preferences"), digest_of(visit, door=VISIT))
    assert digest_of(token, door=VISIT) != digest_of(token, door="preferences")


def test_a_token_of_another_purpose_opens_nothing(ada):
    token, visit = mailed(), new_token()
    with pytest.raises(links.VisitOver):
        links.visit_of(token, at=NOON)
    links.spend(token=token, visit=visit, at=NOON)
    with pytest.raises(links.LinkOver):
        links.spend(token=visit, visit=new_token(), at=NOON)
    with pytest.raises(links.VisitOver):
        links.visit_of(token, at=NOON)
    other = new_token()
    AccessLink.objects.create(
        person=ada, purpose="something_else", way="mail", token_hash=digest_of(other, door="preferences"), made_at=NOON, expires_at=NOON + DAY
    )
    with pytest.raises(links.LinkOver):
        links.spend(token=other, visit=new_token(), at=NOON)
    assert not links.opens(other, at=NOON)


def test_the_answer_to_an_unknown_address_is_the_answer_to_a_known_one(ada, noon, client, django_assert_num_queries):
    answers = []
    for address in ("ada@client.example", UNKNOWN):
        with django_assert_num_queries(3) as counted:  # a transaction around one row, whoever asks
            response = client.post("/preferences/", {"email": address})
        statements = [re.sub(r"'[^']*'|_x[0-9]+", "…", query["sql"]) for query in counted.captured_queries]
        headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
        answers.append((response.status_code, headers, response.content, statements))
    assert answers[0] == answers[1]
    assert LinkRequest.objects.count() == 2

    send_links()
    assert LinkRequest.objects.count() == 0
    assert [mail.to_address for mail in OutgoingMail.objects.all()] == ["ada@client.example"]


def test_an_address_in_two_organizations_gets_a_link_for_each_and_nobody_elses(ada):
    other = cast.client("Mercy General")
    second = cast.ada(other)
    registration.register_person(organization=other, given_name="Ben", emails=["ben@client.example"], by=SYSTEM, at=NOON - DAY)

    links.ask(address="ada@client.example", at=NOON)
    assert links.answer_due(at=NOON) == 2
    assert {mail.about for mail in OutgoingMail.objects.all()} == {ada.reference, second.reference}
    opened = {links.spend(token=token_of(mail), visit=new_token(), at=NOON).person.reference: mail.about for mail in OutgoingMail.objects.all()}
    assert all(person == about for person, about in opened.items())


def test_the_mail_goes_to_the_address_on_file_and_not_as_it_was_typed(ada):
    links.ask(address="ADA@CLIENT.EXAMPLE", at=NOON)
    links.answer_due(at=NOON)
    assert OutgoingMail.objects.get().to_address == "ada@client.example"


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "ada@client.example\nBcc: all@client.example", "a" * 300 + "@client.example", "\x00@x.example"])
def test_what_is_no_address_is_said_beside_the_box_and_written_nowhere(house, noon, client, typed):
    response = client.post("/preferences/", {"email": typed})
    assert response.status_code == 422
    assert "e-mail address" in response.content.decode()
    assert LinkRequest.objects.count() == 0


def test_who_asks_for_one_address_again_and_again_is_stopped_whether_it_is_known_or_not(ada, noon, client):
    for address in ("ada@client.example", UNKNOWN):
        codes = [client.post("/preferences/", {"email": address}).status_code for _turn in range(6)]
        assert codes == [303] * 5 + [429]
    page = client.post("/preferences/", {"email": UNKNOWN}).content.decode()
    assert "Wait an hour" in page
    assert "nobody.of.ours" in page  # what was typed stands in the box, for its typist


def test_who_asks_for_many_addresses_from_one_place_is_stopped(house, noon, client):
    codes = [client.post("/preferences/", {"email": f"p{number}@client.example"}).status_code for number in range(21)]
    assert codes == [303] * 20 + [429]


def test_the_cache_does_not_hold_the_address(ada, noon, client):
    written = []
    original = cache.set

    def noted(key, value, *rest, **named):
        written.append((key, value))
        return original(key, value, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "set", noted)
        client.post("/preferences/", {"email": "ada@client.example"})
    assert len(written) >= 2
    assert not any("ada" in str(entry) or "client.example" in str(entry) for entry in written)


def test_a_mailbox_gets_five_links_an_hour_at_most_whatever_the_cache_forgot(ada):
    for minute in range(8):
        links.ask(address="ada@client.example", at=NOON + minute * MINUTE)
        links.answer_due(at=NOON + minute * MINUTE)
    assert OutgoingMail.objects.count() == 5
    links.ask(address="ada@client.example", at=NOON + 61 * MINUTE)
    assert links.answer_due(at=NOON + 61 * MINUTE) == 1


def test_a_closed_account_gets_no_link_and_a_suspended_one_does(ada):
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.CLOSED)
    links.ask(address="ada@client.example", at=NOON)
    assert links.answer_due(at=NOON) == 0
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.SUSPENDED)
    links.ask(address="ada@client.example", at=NOON)
    assert links.answer_due(at=NOON) == 1


def test_a_link_made_before_the_account_was_closed_opens_nothing_any_more(ada):
    token, visit = mailed(), new_token()
    links.spend(token=token, visit=visit, at=NOON)
    second = mailed(at=NOON + MINUTE)
    Person.objects.filter(pk=ada.pk).update(standing=PersonStanding.CLOSED)
    with pytest.raises(links.LinkOver):
        links.spend(token=second, visit=new_token(), at=NOON + MINUTE)
    with pytest.raises(links.VisitOver):
        links.visit_of(visit, at=NOON + MINUTE)
    with pytest.raises(links.AccountClosed):
        links.make(person=ada, by=SYSTEM, at=NOON + MINUTE)


@pytest.mark.parametrize(("later", "opens"), [(30 * MINUTE - timedelta(seconds=1), True), (30 * MINUTE, False), (-MINUTE, False)])
def test_a_link_opens_until_its_half_hour_is_over_and_not_before_it_was_made(ada, later, opens):
    token = mailed()
    if opens:
        assert links.spend(token=token, visit=new_token(), at=NOON + later).person == ada
        return
    with pytest.raises(links.LinkOver):
        links.spend(token=token, visit=new_token(), at=NOON + later)
    assert AccessLink.objects.get().spent_at is None


@pytest.mark.parametrize(("later", "lasts"), [(30 * MINUTE - timedelta(seconds=1), True), (30 * MINUTE, False)])
def test_a_visit_lasts_half_an_hour(ada, later, lasts):
    visit = new_token()
    links.spend(token=mailed(), visit=visit, at=NOON)
    if lasts:
        assert links.visit_of(visit, at=NOON + later).person == ada
        return
    with pytest.raises(links.VisitOver):
        links.visit_of(visit, at=NOON + later)


@pytest.mark.parametrize("wrong", ["", "x", "é" * 43, "A" * 42, "A" * 44, "A" * 43, "A" * 42 + "\n", "../" * 14 + "a"])
def test_what_is_no_token_opens_nothing(ada, wrong):
    token = mailed()
    with pytest.raises(links.LinkOver):
        links.spend(token=wrong, visit=new_token(), at=NOON)
    with pytest.raises(links.VisitOver):
        links.visit_of(wrong, at=NOON)
    if not is_token(wrong):
        with pytest.raises(links.LinkOver):
            links.spend(token=token, visit=wrong, at=NOON)
    assert AccessLink.objects.get().spent_at is None


def test_the_same_click_twice_is_one_visit_and_another_click_finds_it_spent(ada):
    token, visit = mailed(), new_token()
    first, again = (links.spend(token=token, visit=visit, at=NOON) for _click in range(2))
    assert (first.pk, Visit.objects.count()) == (again.pk, 1)
    links.leave(visit=first, at=NOON)
    with pytest.raises(links.LinkOver):
        links.spend(token=token, visit=visit, at=NOON)


def test_a_visits_token_can_not_be_taken_for_a_second_link(ada):
    visit = new_token()
    links.spend(token=mailed(), visit=visit, at=NOON)
    second = mailed(at=NOON + MINUTE)
    with pytest.raises(links.LinkOver):
        links.spend(token=second, visit=visit, at=NOON + MINUTE)


@pytest.mark.django_db(transaction=True)
def test_two_who_spend_a_link_at_once_are_one_visit(home):
    cast.house()
    cast.ada(cast.client())
    token = mailed()
    outcomes = []

    def click():
        try:
            links.spend(token=token, visit=new_token(), at=NOON)
            outcomes.append("in")
        except links.LinkOver:
            outcomes.append("over")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click) for _one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["in", "over", "over", "over"]
    assert Visit.objects.count() == 1


def test_what_is_asked_at_a_time_without_workers_is_dropped_after_an_hour(ada):
    links.ask(address="ada@client.example", at=NOON)
    assert links.answer_due(at=NOON + 60 * MINUTE) == 0
    assert (LinkRequest.objects.count(), OutgoingMail.objects.count()) == (0, 0)


def test_one_request_that_fails_keeps_nobody_else_waiting(ada, monkeypatch):
    ben = registration.register_person(organization=ada.organization, given_name="Ben", emails=["ben@client.example"], by=SYSTEM, at=NOON - DAY)
    links.ask(address="ada@client.example", at=NOON)
    links.ask(address="ben@client.example", at=NOON)
    queue = links.outbox.queue

    def failing(*, about, **given):
        if about == ada.reference:
            raise OSError("disk")
        return queue(about=about, **given)

    monkeypatch.setattr(links.outbox, "queue", failing)
    for _run in range(7):
        links.answer_due(at=NOON)
    assert [mail.about for mail in OutgoingMail.objects.all()] == [ben.reference]
    assert LinkRequest.objects.get().attempts == 5
    assert AccessLink.objects.filter(person=ada).count() == 0  # the link went back with the mail


def test_links_and_visits_are_forgotten_a_day_after_their_time(ada):
    visit = new_token()
    links.spend(token=mailed(), visit=visit, at=NOON + 29 * MINUTE)
    assert links.forget_old(at=NOON + DAY + 45 * MINUTE) == 0  # the visit ended less than a day ago
    assert links.forget_old(at=NOON + DAY + 60 * MINUTE) == 1
    assert (AccessLink.objects.count(), Visit.objects.count()) == (0, 0)
    mailed(at=NOON)
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        forget_links()
    assert AccessLink.objects.count() == 0


def test_the_product_gets_a_link_for_somebody_who_signed_in_there(ada):
    url, until = links.make(person=ada, by=Actor("service", "TOK-1"), at=NOON)
    assert until == NOON + 30 * MINUTE
    assert links.spend(token=ADDRESS.search(url + " ")[1], visit=new_token(), at=NOON).person == ada
    assert AccessLink.objects.get().way == "product"
    for _more in range(4):
        links.make(person=ada, by=SYSTEM, at=NOON)
    with pytest.raises(links.TooManyLinks):
        links.make(person=ada, by=SYSTEM, at=NOON)


def test_each_step_stands_in_the_ledger_by_reference(ada):
    links.spend(token=mailed(), visit=new_token(), at=NOON)
    verbs = {event.verb: (event.actor, event.object) for event in Event.objects.filter(verb__startswith="preferences.")}
    assert verbs == {
        "preferences.link_made": ("system:covenant", ada.reference), "preferences.opened": (f"person:{ada.reference}", ada.reference)
    }  # fmt: skip


def test_no_token_and_no_address_reaches_a_log_the_ledger_or_a_row(ada, noon, client, caplog):
    caplog.set_level(logging.DEBUG)
    handler = next(one for one in logging.getLogger().handlers if any(type(f).__name__ == "WithoutPersonalData" for f in one.filters))
    written = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "emit", lambda record: written.append(handler.format(record)))
        for logger in ("django.request", "django.server", "django.security"):
            patch.setattr(logging.getLogger(logger), "level", logging.DEBUG)
        client.post("/preferences/", {"email": "ada@client.example"})
        send_links()
        token, visit = token_of(OutgoingMail.objects.get()), new_token()
        client.get(f"/preferences/open/{token}/")
        client.put(f"/preferences/open/{token}/")  # a method that is not allowed is logged by Django, with its path
        client.get(f"/preferences/open/{token}x/")  # and so is a page that is not there
        client.post(f"/preferences/open/{token}/", {"visit": visit})
        client.post("/preferences/say/", {"visit": visit, "answer": "nonsense", "note": "nonsense"})
        client.post("/preferences/leave/", {"visit": visit})
    text = "\n".join(written)
    assert "open/" in text  # something was written at all
    assert [trace for trace in (token, visit, "ada@client.example") if trace in text] == []
    ledger = str(list(Event.objects.values()))
    assert [trace for trace in (token, visit, "ada@client.example") if trace in ledger] == []


def test_the_database_refuses_a_link_without_an_end_or_spent_after_it(ada):
    facts = {"person": ada, "purpose": "preferences", "way": "mail", "made_at": NOON}
    wrong = ({"expires_at": NOON}, {"expires_at": NOON + DAY, "spent_at": NOON + DAY}, {"expires_at": NOON + DAY, "spent_at": NOON - DAY})
    for number, more in enumerate(wrong):
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessLink.objects.create(token_hash=bytes([number]) * 32, **facts, **more)
    assert AccessLink.objects.count() == 0


def test_links_and_visits_go_with_their_person(ada):
    links.spend(token=mailed(), visit=new_token(), at=NOON)
    ada.delete()
    assert (AccessLink.objects.count(), Visit.objects.count()) == (0, 0)
