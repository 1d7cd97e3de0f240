"""Browsers signal: noted where the person is known, answered as the policy and the switch say, and never a yes."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, InternalError, connection, transaction

from apps.accounts.services import tokens
from apps.audit.models import Event
from apps.consents.heeding import Signal
from apps.consents.models import ConsentEvent, SeenSignal, SignalEffect, SignalSwitch, Standing
from apps.consents.services import asking, browsers, links, switching, texts
from apps.foundation.actors import SYSTEM
from apps.policies.models import PolicyVersion
from apps.policies.services import publication
from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services import approvals, presence
from tests import cast
from tests.cast import DAY, NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def only_the_page(settings):
    settings.PREFERENCE_SECTIONS = ()


@pytest.fixture
def pia(house):
    return cast.staff("pia", Role.PRIVACY_ANALYST)


@pytest.fixture
def cleo(house):
    return cast.cleo()


@pytest.fixture
def partner(pia, cleo):
    """A purpose under which something would go to somebody else."""
    purpose = texts.propose(
        code="partner", title="A partner learns of you", recipient="PRV-7F3K2MP", disclosure_purpose="support", by=pia, at=NOON - DAY
    )
    text = texts.draft(
        purpose=purpose, words="A partner helps you.", collected="Your e-mail address.", lost_without="The partner can't help you.",
        categories=["contact"], months=None, by=pia, at=NOON - DAY,
    )  # fmt: skip
    texts.ask(text=text, by=pia, at=NOON - DAY)
    return texts.publish(text=text, by=cleo, at=NOON - DAY).purpose


@pytest.fixture
def switch(pia, cleo):
    """Has Global Privacy Control honoured, or no longer."""

    def switched(is_honoured=True, *, at=NOON - MINUTE, from_at=None):
        asked = switching.ask(is_honoured=is_honoured, from_at=from_at or at, reason="The law of California.", by=pia, at=at)
        return switching.approve(switch=asked, by=cleo, at=at)

    return switched


def note(person, *signals, at=NOON):
    return browsers.note(person=person, signals=signals or [Signal.GPC], at=at)


@pytest.mark.parametrize(("headers", "signals"), [
    ({"Sec-GPC": "1"}, ("gpc",)), ({"DNT": "1"}, ("dnt",)), ({"Sec-GPC": "1", "DNT": " 1 "}, ("gpc", "dnt")), ({}, ()),
    ({"Sec-GPC": "0", "DNT": "0"}, ()), ({"Sec-GPC": "", "DNT": "null"}, ()), ({"Sec-GPC": "true", "DNT": "11"}, ()),
    ({"Sec-GPC": "1, 1", "DNT": "1" * 9000}, ()), ({"Sec-GPC": "\x00", "DNT": "１"}, ()),
])  # fmt: skip
def test_only_the_value_one_is_a_signal(headers, signals):
    assert browsers.read(headers) == signals


def test_a_signal_is_noted_once_per_policy_and_answer_without_address_and_browser(ada):
    note(ada, Signal.GPC, Signal.DNT)
    note(ada, Signal.GPC, Signal.DNT, at=NOON + DAY)
    seen = {row.signal: (row.answer, row.policy_version.number, row.switch, row.first_at, row.last_at) for row in SeenSignal.objects.all()}
    assert seen == dict.fromkeys(("gpc", "dnt"), ("noted", 1, None, NOON, NOON + DAY))
    assert {field.name for field in SeenSignal._meta.concrete_fields} == {
        "id", "person", "signal", "answer", "policy_version", "switch", "first_at", "last_at"
    }  # fmt: skip
    assert [event.facts for event in Event.objects.filter(verb="signal.seen").order_by("id")] == [
        {"signal": signal, "answer": "noted", "policy": "POL-1"} for signal in ("gpc", "dnt")
    ]


def test_a_page_that_is_clicked_often_is_not_written_to_at_each_click(ada, django_assert_num_queries):
    note(ada)
    with django_assert_num_queries(5):  # a savepoint around the policy, the switch and the row, and no write
        note(ada, at=NOON + timedelta(seconds=59))
    assert SeenSignal.objects.get().last_at == NOON


def test_without_a_policy_in_force_nothing_is_collected(ada):
    assert note(ada, at=NOON - 2000 * DAY) == []
    assert SeenSignal.objects.count() == 0


def test_without_a_switch_a_signal_changes_nothing(ada, partner):
    note(ada, Signal.GPC, Signal.DNT)
    assert (ConsentEvent.objects.count(), SignalEffect.objects.count()) == (0, 0)


def test_an_honoured_signal_is_a_no_to_disclosures_never_decided_on_and_to_nothing_else(ada, partner, switch):
    switch()
    note(ada)
    event = ConsentEvent.objects.get()
    assert (event.purpose_id, event.act, event.how, event.where, event.shown_digest) == ("partner", "refused", "signal", "gpc", None)
    assert not asking.may_ask(person_id=ada.pk, purpose="partner", at=NOON + 300 * DAY)
    effect = SignalEffect.objects.get()
    assert (effect.effect, effect.purpose_id, effect.consent_event) == ("refused", "partner", event.reference)
    assert SeenSignal.objects.get().answer == "honoured"
    assert asking.may_ask(person_id=ada.pk, purpose="contacts", at=NOON)


def test_again_and_again_is_once(ada, partner, switch):
    switch()
    for minute in range(4):
        note(ada, at=NOON + minute * MINUTE)
    counts = ConsentEvent.objects.count(), SignalEffect.objects.count(), SeenSignal.objects.count()
    assert counts == (1, 1, 1)
    assert Event.objects.filter(verb="signal.heeded").count() == 1


def test_what_was_allowed_expressly_stands_and_the_conflict_is_written_down(ada, partner, switch, give):
    given = give(ada, "partner", at=NOON - 5 * MINUTE)
    switch()
    note(ada)
    assert asking.may(person_id=ada.pk, purpose="partner", at=NOON)
    effect = SignalEffect.objects.get()
    assert (effect.effect, effect.consent_event, ConsentEvent.objects.count()) == ("conflict", given.reference, 1)


def test_an_express_yes_after_the_signal_counts_and_the_conflict_is_shown_from_then_on(ada, partner, switch, give):
    switch()
    note(ada)
    give(ada, "partner", at=NOON + MINUTE)
    note(ada, at=NOON + 2 * MINUTE)
    assert asking.may(person_id=ada.pk, purpose="partner", at=NOON + 2 * MINUTE)
    assert [row.effect for row in SignalEffect.objects.order_by("id")] == ["refused", "conflict"]


def test_what_was_withdrawn_or_refused_before_is_left_as_it_is(ada, partner, switch, give, refuse, withdraw):
    give(ada, "partner", at=NOON - 5 * MINUTE)
    withdraw(ada, "partner", at=NOON - 4 * MINUTE)
    switch()
    note(ada)
    assert [event.act for event in ConsentEvent.objects.order_by("id")] == ["given", "withdrawn"]
    assert SignalEffect.objects.count() == 0


def test_do_not_track_is_never_honoured_whatever_the_switch_says(ada, partner, switch):
    switch()
    note(ada, Signal.DNT)
    assert (SeenSignal.objects.get().answer, ConsentEvent.objects.count()) == ("noted", 0)
    assert not browsers.is_honoured(Signal.DNT, at=NOON)


def test_a_switch_counts_from_its_moment_on_and_the_next_ends_it(ada, partner, switch):
    switch(from_at=NOON + DAY)
    note(ada)
    assert ConsentEvent.objects.count() == 0
    switch(False, at=NOON + 2 * DAY)
    note(ada, at=NOON + 3 * DAY)
    assert ConsentEvent.objects.count() == 0
    told = [browsers.is_honoured(Signal.GPC, at=NOON + days * DAY) for days in (0, 1, 3)]
    assert told == [False, True, False]
    answers = sorted((row.answer, row.switch is None) for row in SeenSignal.objects.all())
    assert answers == [("noted", False), ("noted", True)]  # each answer names the switch by which it was given


def test_a_new_version_of_the_policy_is_another_answer(ada, house, cleo):
    note(ada)
    draft = publication.draft_from(previous=PolicyVersion.objects.get(), by=cleo, at=NOON)
    publication.reword(version=draft, title="Privacy Policy, clearer", introduction="", by=cleo, at=NOON)
    publication.ask(version=draft, by=cleo, at=NOON)
    publication.publish(version=draft, by=cast.staff("carl", Role.COUNSEL), at=NOON + DAY)
    note(ada, at=NOON + 2 * DAY)
    assert sorted(row.policy_version.number for row in SeenSignal.objects.all()) == [1, 2]


# -- two people


def test_nobody_approves_the_switch_they_asked_for(pia, cleo):
    asked = switching.ask(is_honoured=True, from_at=NOON, reason="The law.", by=pia, at=NOON)
    with pytest.raises(presence.NotPermitted):
        switching.approve(switch=asked, by=cast.bo(), at=NOON)
    with pytest.raises((approvals.OwnRequest, presence.NotPermitted)):
        switching.approve(switch=asked, by=pia, at=NOON)
    assert not browsers.is_honoured(Signal.GPC, at=NOON + DAY)
    switching.approve(switch=asked, by=cleo, at=NOON)
    assert browsers.is_honoured(Signal.GPC, at=NOON)


def test_who_may_do_both_still_needs_a_second_person(house, cleo):
    both = cast.staff("both", Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER)
    asked = switching.ask(is_honoured=True, from_at=NOON, reason="The law.", by=both, at=NOON)
    with pytest.raises(approvals.OwnRequest):
        switching.approve(switch=asked, by=both, at=NOON)


def test_a_switch_never_counts_for_a_moment_before_its_approval(pia, cleo):
    asked = switching.ask(is_honoured=True, from_at=NOON, reason="The law.", by=pia, at=NOON)
    assert switching.approve(switch=asked, by=cleo, at=NOON + DAY).from_at == NOON + DAY
    assert not browsers.is_honoured(Signal.GPC, at=NOON + DAY - MINUTE)


def test_a_switch_that_does_not_fit_is_refused(pia, cleo, switch):
    wrong = [
        ({"is_honoured": False}, switching.NothingSwitched), ({"from_at": NOON - DAY}, switching.SwitchTimeNotFit),
        ({"from_at": NOON + 400 * DAY}, switching.SwitchTimeNotFit), ({"reason": " "}, switching.details.DetailNotValid),
        ({"reason": "x" * 501}, switching.details.DetailNotValid), ({"by": cleo}, presence.NotPermitted),
    ]  # fmt: skip
    for more, refusal in wrong:
        with pytest.raises(refusal):
            switching.ask(**{"is_honoured": True, "from_at": NOON, "reason": "The law.", "by": pia, "at": NOON} | more)
    assert SignalSwitch.objects.count() == 0


def test_one_switch_waits_at_a_time_and_asking_twice_is_asking_once(pia, cleo):
    first = switching.ask(is_honoured=True, from_at=NOON, reason="The law.", by=pia, at=NOON)
    assert switching.ask(is_honoured=True, from_at=NOON, reason="The law.", by=pia, at=NOON) == first
    with pytest.raises(approvals.AlreadyAsked):
        switching.ask(is_honoured=True, from_at=NOON + DAY, reason="The law.", by=pia, at=NOON)
    switching.reject(switch=first, by=cleo, at=NOON)
    with pytest.raises(switching.SwitchNotAsked):
        switching.approve(switch=first, by=cleo, at=NOON)
    assert switching.ask(is_honoured=True, from_at=NOON, reason="The law.", by=pia, at=NOON) != first
    assert Approval.objects.count() == 2


def test_the_database_keeps_a_decided_switch_as_it_was(switch):
    made = switch()
    statements = (
        "UPDATE consents_signalswitch SET is_honoured = false", "UPDATE consents_signalswitch SET state = 'asked', decided_by = '', decided_at = NULL",
        "UPDATE consents_signalswitch SET from_at = from_at - interval '1 day'", "DELETE FROM consents_signalswitch",
        "TRUNCATE consents_signalswitch CASCADE",
    )  # fmt: skip
    for statement in statements:
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    made.refresh_from_db()
    assert (made.is_honoured, made.state) == (True, "approved")
    with pytest.raises(IntegrityError), transaction.atomic():
        SignalSwitch.objects.create(
            is_honoured=False, from_at=NOON, reason="x", state="approved", asked_by="staff:a", asked_at=NOON, decided_by="staff:b", decided_at=NOON
        )


def test_the_database_refuses_do_not_track_honoured(ada):
    version = note(ada)[0].policy_version
    with pytest.raises(IntegrityError), transaction.atomic():
        SeenSignal.objects.create(person=ada, signal="dnt", answer="honoured", policy_version=version, first_at=NOON, last_at=NOON)
    assert SeenSignal.objects.count() == 1


def test_signals_go_with_their_person(ada, partner, switch):
    switch()
    note(ada)
    SeenSignal.objects.all().delete()
    assert SignalEffect.objects.count() == 0


# -- what the person and browsers are told


@pytest.fixture
def page(client, ada):
    """The preference page of somebody whose browser sends these headers."""

    def got(**headers):
        from_product, _until = links.make(person=ada, by=SYSTEM, at=NOON)
        path = from_product.removeprefix("http://127.0.0.1:8000")
        visit = re.search(r'name="visit" value="([^"]+)"', client.get(path).content.decode())[1]
        content = client.post(path, {"visit": visit}, headers=headers).content.decode()
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))

    with time_machine.travel(NOON, tick=False):
        yield got


def test_the_page_says_how_a_signal_is_answered(page, switch):
    assert "What your browser says" not in page()
    text = page(DNT="1", **{"Sec-GPC": "1"})
    assert "Do Not Track. Your browser sends this signal. It changes nothing here" in text
    assert "Global Privacy Control. Your browser sends this signal. We do not act on it at present" in text
    assert "The policy in force says more" not in text  # the house's policy has no clause on it
    switch(at=NOON - MINUTE)
    assert "We honour it: it counts as a no to every disclosure" in page(**{"Sec-GPC": "1"})


def test_the_page_shows_what_a_signal_did_and_a_conflict(page, ada, partner, switch, give):
    switch()
    text = page(**{"Sec-GPC": "1"})
    assert "Global Privacy Control and “A partner learns of you”: counted as a no." in text
    assert "You said no on March 8, 2026 by the signal of your browser" in text
    give(ada, "partner", at=NOON)
    text = page(**{"Sec-GPC": "1"})
    assert "your signal says no, and here you said yes yourself. What you said here counts" in text
    assert Standing.objects.get(person=ada, purpose="partner").stands


def test_browsers_can_ask_whether_the_signal_is_honoured(client, switch):
    assert client.get("/.well-known/gpc.json").json() == {"gpc": False}
    with time_machine.travel(NOON, tick=False):
        switch()
        assert client.get("/.well-known/gpc.json").json() == {"gpc": True, "lastUpdate": "2026-03-08"}


def test_the_product_tells_what_a_browser_sent(client, ada):
    _row, words = tokens.issue(name="product", scopes=["people"], organization=None, by=SYSTEM, at=NOON)
    bearer = {"Authorization": f"Bearer {words}"}
    path = f"/api/v1/people/{ada.reference}/signals"
    response = client.post(path, {"signals": ["gpc", "dnt"]}, content_type="application/json", headers=bearer)
    assert response.json() == [{"signal": "gpc", "answer": "noted"}, {"signal": "dnt", "answer": "noted"}]
    for body in ({"signals": []}, {"signals": ["tracking"]}, {"signals": ["gpc"] * 3}, {"signals": "gpc"}, {}, {"signals": ["gpc"], "ip": "192.0.2.1"}):
        assert client.post(path, body, content_type="application/json", headers=bearer).status_code == 422
    assert client.post(path, {"signals": ["gpc"]}, content_type="application/json").status_code == 401
    assert SeenSignal.objects.count() == 2
