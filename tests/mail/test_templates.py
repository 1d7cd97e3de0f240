"""Every mail template is written by the act that uses it, and nothing in it stays blank."""

from pathlib import Path

import pyrage
import pytest
from django.conf import settings as live_settings
from django.template import engines

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox, rendering
from apps.retention.models import ArchiveTarget, Certificate, Cohort
from apps.retention.services import alarms, archiving, reviews, sealing, sweep, targets
from tests import cast
from tests.accounts.minors import mailed as minors_mailed
from tests.communications.announcements import mailed as announced
from tests.communications.inquiries import given as asked
from tests.consents import asked_for
from tests.data_requests import mailed as requests_mailed
from tests.data_requests import questions, stopped
from tests.data_requests.intake import mailed as intake
from tests.data_requests.packages import mailed as packages_mailed
from tests.gate import agreed, given
from tests.providers import mailed
from tests.retention import archived

MAILS = Path(live_settings.BASE_DIR) / "templates" / "mail"
BLANK = "NOT-GIVEN"


def a_destruction():
    clinic = cast.hill_clinic(7)
    cast.hand_over(clinic, [cast.message(1), cast.message(2)])
    at = cast.NOON + 8 * cast.DAY
    sweep.sweep(at=at)
    return at, [Certificate.objects.get().number, clinic.reference, "2 messages", "2026-03-16", "records@client.example"]


def a_review():
    """An organization that asks for reviews has a cohort that ends within a day."""
    clinic = cast.hill_clinic()
    reviews.ask(organization=clinic, by=cast.bo(), at=cast.NOON)
    cast.hand_over(clinic, [cast.message(1)])
    sealing.seal_due(at=cast.NOON + 6 * cast.DAY)
    reviews.remind_due(at=cast.NOON + 7 * cast.DAY)
    cohort = Cohort.objects.get()
    return cast.NOON + 7 * cast.DAY, ["records@client.example", clinic.reference, cohort.reference, "2026-03-16"]


def an_alarm():
    """A cohort is still there a day past its end."""
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1)])
    at = cast.NOON + 9 * cast.DAY
    alarms.look(at=at)
    return at, ["bo@covenant.example", Cohort.objects.get().reference]


def a_challenge():
    """A client shows that it can open what is encrypted for it."""
    client = cast.client("Northgate", archive="own_server")
    key = str(pyrage.x25519.Identity.generate().to_public())
    target = ArchiveTarget.objects.create(
        organization=client, kind="own_server", place="https", address="https://archive.client.example/", country="US",
        recipient=key, proposed_by=str(cast.bo().actor), proposed_at=cast.NOON,
    )  # fmt: skip
    targets.challenge(target=target, by=cast.bo(), at=cast.NOON, mail=True)
    return cast.NOON, ["records@client.example", client.reference, target.reference, key, "BEGIN AGE ENCRYPTED FILE"]


def a_place_that_fails():
    """A folder of ours is open to others, again and again."""
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    target = archived.hosted(mercy)
    cast.hand_over(mercy, [cast.message(1)])
    archived.folder().chmod(0o755)
    at = cast.NOON + cast.DAY
    for _turn in range(archiving.PATIENCE):
        archiving.archive_due(at=at)
        target.refresh_from_db()
        at = target.next_try_at
    return at, ["bo@covenant.example", mercy.reference, target.reference]


#: template → act that sends it; the act returns when it was, and what the mail must say
SENT_BY = {
    "retention/certificate_issued": a_destruction,
    "retention/review_opened": a_review,
    "retention/review_reminder": a_review,
    "retention/alarm": an_alarm,
    "retention/target_challenge": a_challenge,
    "retention/target_fails": a_place_that_fails,
    "consents/preference_link": asked_for.a_link,
    "communications/inquiry_received": asked.a_confirmation,
    "communications/inquiry_answer": asked.an_answer,
    "communications/announcement": announced.an_announcement,
    "communications/announcement_test": announced.a_test,
    "communications/policy_notice": announced.a_policy_notice,
    "accounts/representation_ends": minors_mailed.a_representation_that_ends,
    "accounts/minor_case_due": minors_mailed.a_case_that_is_late,
    "gate/exception_lapses": given.a_lapsing_exception,
    "gate/consent_withdrawn": agreed.a_told_recipient,
    "gate/withdrawal_to_owner": agreed.a_told_owner,
    "data_requests/letter": requests_mailed.a_letter,
    "data_requests/client_question": questions.a_question,
    "data_requests/days": requests_mailed.a_day_that_is_near,
    "providers/lapse_warning": mailed.a_warning,
    "providers/lapsed": mailed.a_lapse,
    "providers/data_end_reminder": mailed.an_end,
    "providers/chain_joins": mailed.an_announcement,
    "providers/chain_leaves": mailed.a_leaving,
    "providers/chain_withdrawn": mailed.a_withdrawal,
    "providers/chain_objection": mailed.an_objection,
    "data_requests/proof": intake.a_proof,
    "data_requests/confirm_agent": intake.an_agent,
    "data_requests/receipt": intake.a_receipt,
    "data_requests/cooling": intake.a_wait,
    "data_requests/announced": intake.an_announcement,
    "data_requests/called_back": intake.a_call_back,
    "data_requests/arrivals_wait": intake.what_waits,
    "data_requests/package_link": packages_mailed.a_fresh_link,
    "data_requests/erasure_notice": stopped.a_notice,
    "data_requests/erasure_notice_to_owner": stopped.a_reminder_to_the_owner,
    "data_requests/parked": stopped.a_stop,
}


@pytest.fixture
def blanks_show(monkeypatch):
    """A variable that the act did not give is written as BLANK and not left out."""
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", BLANK)
    rendering._load.cache_clear()
    yield
    rendering._load.cache_clear()


@pytest.fixture
def house(settings, tmp_path, db):
    settings.COVENANT_HOME = tmp_path
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660  # the cast stands in March
    cast.house()


def on_disk():
    return sorted(str(path.relative_to(MAILS).with_suffix("")) for path in MAILS.rglob("*") if path.is_file())


def test_every_template_has_an_act_here_that_sends_it():
    missing = set(on_disk()) ^ set(SENT_BY)
    assert missing == set(), f"Mend: add the act that sends it to SENT_BY, or remove the template: {sorted(missing)}"
    assert all(path.suffix == ".txt" for path in MAILS.rglob("*") if path.is_file())


@pytest.mark.django_db(transaction=True)  # parts of archives are read on a connection of their own
@pytest.mark.parametrize("template", sorted(SENT_BY))
def test_the_mail_of_the_act_arrives_and_nothing_in_it_is_blank(house, server, blanks_show, template):
    at, said = SENT_BY[template]()
    mail = OutgoingMail.objects.filter(template=template).order_by("id").first()
    assert outbox.send_due(at=at) == OutgoingMail.objects.count() == len(server.taken)
    (arrived,) = [taken for taken in server.taken if (taken.message["Subject"], taken.message["To"]) == (mail.subject, mail.to_address)]
    whole = f"{arrived.message['To']}\n{arrived.message['Subject']}\n{arrived.text}"
    assert [words for words in said if words not in whole] == []
    assert BLANK not in whole
    assert [sign for sign in ("{{", "{%", "{#", "&amp;", "None") if sign in whole] == []
    assert mail.subject == arrived.message["Subject"]
    assert 10 < len(mail.subject) <= 120


@pytest.mark.parametrize("template", sorted(SENT_BY))
def test_a_blank_would_be_seen(blanks_show, template):
    subject, text = rendering.render(template, {})
    assert BLANK in subject
    assert BLANK in text
