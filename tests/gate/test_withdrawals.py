"""Whoever got something on a consent that ended hears once, is reminded, and a person confirms that it is erased there."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.gate.models import Permit, WithdrawalNotice
from apps.gate.services import ending, permits, withdrawals
from apps.gate.services.deciding import About, Recipient, decide
from apps.mail.models import OutgoingMail
from apps.providers.services import lives
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import agreed, given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)
ENDED = NOON + timedelta(hours=1)
TO_PROVIDER, TO_OWNER = "gate/consent_withdrawn", "gate/withdrawal_to_owner"


@pytest.fixture
def somebody(house):
    made = given.provider("Somebody Else", role="independent")
    agreed.purpose(made)
    return made


@pytest.fixture
def hand_over(somebody, ada):
    """Something of Ada leaves on her consent; returns its reference."""

    def handed(*, use=True, at=NOON, about=None):
        permit = decide(package=agreed.on_consent(somebody, about or About.person(ada.reference)), by=SYSTEM, at=at)
        if use:
            fields = frozenset({"email", "given_name"})
            permits.spend(permit=permit, recipient=Recipient.provider(somebody.reference), fields=fields, digest=DIGEST, at=at + timedelta(minutes=1))
        return permit.disclosure.reference

    return handed


def mails(template: str) -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(template=template).order_by("pk"))


def test_who_got_something_is_told_at_once_by_references_only_under_a_permit(hand_over, somebody, ada):
    agreed.give(ada)
    got = [hand_over(), hand_over(at=LATER)]
    event = agreed.withdraw(ada, at=ENDED)
    assert withdrawals.look_after(at=ENDED) == 2

    row = WithdrawalNotice.objects.get()
    assert (row.recipient, row.person_reference, row.consent, row.event, row.ended_at) == (
        somebody.reference, ada.reference, "survey", event.reference, ENDED,
    )  # fmt: skip
    assert (row.disclosures, row.state, row.told_at, row.due_at) == (got, "told", ENDED, ENDED + 21 * DAY)
    permit = Permit.objects.get(reference=row.permit)
    assert (permit.kind, permit.why, permit.recipient, permit.spent_at) == ("contact", "removal", somebody.reference, ENDED)
    (mail,) = mails(TO_PROVIDER)
    assert mail.to_address == "desk@provider.example"
    assert all(words in mail.body for words in (*got, ada.reference, row.reference, somebody.reference, "2026-03-29"))
    assert "Ada" not in mail.body + mail.subject
    assert [mail.to_address for mail in mails(TO_OWNER)] == ["dana@covenant.example"]
    assert list(Event.objects.filter(object=row.reference).order_by("pk").values_list("verb", flat=True)) == [
        "withdrawal_notice.made", "withdrawal_notice.told",
    ]  # fmt: skip


def test_nobody_is_told_twice_of_one_end(hand_over, ada):
    agreed.give(ada)
    hand_over()
    agreed.withdraw(ada, at=ENDED)
    withdrawals.look_after(at=ENDED)

    assert withdrawals.look_after(at=ENDED + timedelta(hours=1)) == 0
    assert (WithdrawalNotice.objects.count(), len(mails(TO_PROVIDER))) == (1, 1)


def test_what_was_let_out_and_did_not_leave_is_asked_back_of_nobody(hand_over, ada):
    agreed.give(ada)
    hand_over(use=False)
    agreed.withdraw(ada, at=ENDED)

    assert withdrawals.look_after(at=ENDED) == 0
    assert not WithdrawalNotice.objects.exists()


def test_a_withdrawal_of_one_concerns_nobody_else_of_a_set(hand_over, clinic, ada):
    ben = cast.ada(clinic, "ben@client.example")
    for person in (ada, ben):
        agreed.give(person)
    both = hand_over(about=About.people([ada.reference, ben.reference]))
    agreed.withdraw(ben, at=ENDED)
    withdrawals.look_after(at=ENDED)

    assert list(WithdrawalNotice.objects.values_list("person_reference", "disclosures")) == [(ben.reference, [both])]


def test_a_consent_that_is_over_by_its_time_is_told_like_one_that_was_taken_back(house, clinic, ada, hand_over, somebody):
    agreed.give(ada)
    got = hand_over()
    agreed.withdraw(ada, at=ENDED)
    agreed.give(ada, at=ENDED + timedelta(minutes=1))
    anew = hand_over(at=ENDED + timedelta(minutes=2))
    agreed.withdraw(ada, at=ENDED + timedelta(hours=1))
    withdrawals.look_after(at=ENDED + timedelta(hours=1))

    assert list(WithdrawalNotice.objects.order_by("pk").values_list("disclosures", flat=True)) == [[got], [anew]]


def test_it_is_reminded_every_week_until_somebody_confirms_it(hand_over, ada):
    agreed.give(ada)
    hand_over()
    agreed.withdraw(ada, at=ENDED)
    withdrawals.look_after(at=ENDED)
    sent = [withdrawals.look_after(at=ENDED + days * DAY) for days in (6, 7, 8, 15, 22)]

    assert sent == [0, 2, 0, 2, 2]
    subjects = [mail.subject for mail in mails(TO_PROVIDER)]
    assert [subject.startswith("Reminder") for subject in subjects] == [False, True, True, True]
    assert "that day is over" in mails(TO_PROVIDER)[-1].body
    withdrawals.confirm(notice=WithdrawalNotice.objects.get(), evidence="Its letter of March 30.", by=cast.cleo(), at=ENDED + 23 * DAY)
    assert withdrawals.look_after(at=ENDED + 29 * DAY) == 0


def test_a_confirmation_says_who_when_and_on_what_evidence_and_is_final(hand_over, ada):
    agreed.give(ada)
    hand_over()
    agreed.withdraw(ada, at=ENDED)
    withdrawals.look_after(at=ENDED)
    notice, cleo = WithdrawalNotice.objects.get(), cast.cleo()

    with pytest.raises(NotPermitted):
        withdrawals.confirm(notice=notice, evidence="Its letter.", by=given.member("gus", Role.ADMINISTRATOR), at=ENDED + DAY)
    row = withdrawals.confirm(notice=notice, evidence=" Its letter of March 9. ", by=cleo, at=ENDED + DAY)
    assert (row.state, row.confirmed_by, row.confirmed_at, row.evidence) == ("confirmed", str(cleo.actor), ENDED + DAY, "Its letter of March 9.")
    with pytest.raises(withdrawals.NoticeConfirmed):
        withdrawals.confirm(notice=notice, evidence="Again.", by=cleo, at=ENDED + 2 * DAY)


def test_a_recipient_that_is_ended_or_suspended_is_told_all_the_same(hand_over, somebody, ada):
    agreed.give(ada)
    hand_over()
    lives.suspend(provider=somebody, reason="It was broken into.", by=cast.cleo(), at=LATER)
    agreed.withdraw(ada, at=ENDED)

    assert withdrawals.look_after(at=ENDED) == 2
    assert WithdrawalNotice.objects.get().state == "told"


def test_an_address_that_is_no_good_any_more_keeps_the_owner_from_nothing(hand_over, somebody, ada, by_force):
    agreed.give(ada)
    hand_over()
    by_force("UPDATE providers_provider SET contact_email = 'nowhere' WHERE id = %s", somebody.pk)
    agreed.withdraw(ada, at=ENDED)

    assert withdrawals.look_after(at=ENDED) == 1
    assert [mail.to_address for mail in mails(TO_OWNER)] == ["dana@covenant.example"]
    assert Event.objects.filter(verb="withdrawal_notice.not_mailed").count() == 1


def test_a_withdrawal_rings_for_who_tells(django_capture_on_commit_callbacks, hand_over, ada, settings, monkeypatch):
    rung = []
    monkeypatch.setattr("apps.foundation.doorbell._send", rung.append)
    agreed.give(ada)
    with django_capture_on_commit_callbacks(execute=True):
        agreed.withdraw(ada, at=ENDED)

    assert "gate.pass_on_withdrawals" in rung


# What the database refuses

BEGINS_AS_TOLD = """
INSERT INTO gate_withdrawalnotice (reference, recipient, person_reference, consent, event, ended_at, disclosures, state, made_at, due_at, permit, told_at,
    confirmed_by, evidence)
VALUES ('WDN-X', 'PRV-X', 'PER-X', 'survey', 'CNS-X', now(), '{DIS-X}', 'told', now(), now() + interval '1 day', '', now(), '', '')
"""


@pytest.fixture
def told(hand_over, ada):
    agreed.give(ada)
    hand_over()
    agreed.withdraw(ada, at=ENDED)
    withdrawals.look_after(at=ENDED)
    return WithdrawalNotice.objects.get()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE gate_withdrawalnotice SET person_reference = 'PER-0000000'", "UPDATE gate_withdrawalnotice SET due_at = due_at + interval '1 year'",
        "UPDATE gate_withdrawalnotice SET state = 'due', told_at = NULL", "UPDATE gate_withdrawalnotice SET disclosures = '{DIS-0}'",
        "UPDATE gate_withdrawalnotice SET told_at = told_at + interval '1 day', state = 'confirmed', confirmed_at = now(), confirmed_by = 'x', evidence = 'x'",
        "UPDATE gate_withdrawalnotice SET state = 'confirmed', confirmed_at = now(), confirmed_by = 'x'",
        "DELETE FROM gate_withdrawalnotice", "TRUNCATE gate_withdrawalnotice",
        BEGINS_AS_TOLD,
    ],
)  # fmt: skip
def test_the_database_keeps_a_notice_as_it_was_made(told, sql):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert WithdrawalNotice.objects.get().state == "told"


def test_after_six_years_a_confirmed_notice_is_forgotten_and_an_open_one_is_not(told, by_force):
    by_force("UPDATE gate_withdrawalnotice SET made_at = now() - interval '2195 days', due_at = now() - interval '2170 days'")
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()

    assert ending.end_old(at=now)["notices"] == 0
    by_force("UPDATE gate_withdrawalnotice SET state = 'confirmed', confirmed_at = told_at, confirmed_by = 'x', evidence = 'x'")
    assert ending.end_old(at=now)["notices"] == 1
