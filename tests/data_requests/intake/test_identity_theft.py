"""Twelve ways to get somebody's data by asking for it (after J. Pavur and C. Knerr, “GDPArrrrr”, Black Hat USA 2019); none gets a byte.

Eve knows much about Ada. She tries each way; then everything that left the house to any address but those on Ada's file is looked at, and so is
every answer of every page. The one thing that may reach Eve is the neutral receipt.
"""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.accounts.services import amending
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.services import arriving, calling_back, cooling, links, proving
from apps.data_requests.states import WORKED_ON, Asker, Channel, Kind, LinkPurpose, State
from apps.data_requests.words import Asked
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from tests.cast import DAY, NOON
from tests.data_requests.intake import given

HOUR = timedelta(hours=1)
EVE = given.EVE
#: a forged identity card, a utility bill
CARD = b"\x89PNG\r\n\x1a\n a forged identity card of Ada Lovell"
BILL = b"%PDF-1.4 a forged bill to Ada Lovell, 1 Main Street"
LOOKALIKES = (
    "ada.lovell@client.example.elsewhere.example", "\u0430da@client.example", "ada@cIient.example", "ada+eve@client.example", "ada@client.example.", EVE,
)  # fmt: skip
#: what is known of Ada here, and must reach nobody else
SECRETS = ("Ada", "Lovell", "+12025550123", "Main Street", "Hill Clinic", "PER-")


@pytest.fixture
def target(ada):
    """Ada with more on file, since long ago."""
    amending.add_phone(person=ada, number="+12025550123", by=SYSTEM, at=NOON - 100 * DAY)
    amending.amend_person(person=ada, changes={"street": "1 Main Street", "city": "Springfield", "postal_code": "01101"}, by=SYSTEM, at=NOON - 100 * DAY)
    ada.refresh_from_db()
    return ada


@pytest.fixture
def house_of(target, visitor):
    """Everything that Eve saw, and the check that she has nothing."""

    class House:
        def __init__(self):
            self.seen = b""
            self.addresses = {given.ADA}

        def post(self, path="/requests/", **typed):
            answer = visitor.post(path, given.TYPED | typed)
            if answer.status_code != 422:  # that page gives back what was typed, and no more (test_form)
                self.seen += answer.content + repr(answer.headers).encode()
            return answer

        def get(self, path):
            answer = visitor.get(path)
            self.seen += answer.content + repr(answer.headers).encode()
            return answer

        def ends(self, *, at=NOON, worked_on=False):
            """Weeks go by; then nothing of Ada reached anybody but her own contacts, and nothing is worked on unless she clicked."""
            for turn in range(4):
                given.work(at=at + turn * 10 * DAY)
                cooling.end_due(at=at + turn * 10 * DAY)
            elsewhere = OutgoingMail.objects.exclude(to_address__in=self.addresses)
            assert set(elsewhere.values_list("template", flat=True)) <= {"data_requests/receipt"}
            seen = self.seen.decode() + "".join(f"{mail.subject}\n{mail.body}" for mail in elsewhere)
            assert [secret for secret in SECRETS if secret in seen] == []
            assert re.findall(r"REQ-\w+|/(?:prove|confirm|call-back|ready|fetch)/[\w-]{43}", seen) == []
            about_ada = DataRequest.objects.filter(person=target).exclude(kind=Kind.COMPLAINT)
            assert about_ada.filter(state__in=WORKED_ON).exists() is worked_on
            assert Arrival.objects.exclude(words=None).count() == 0, "and nothing that was asked was lost"

    return House()


def test_1_her_address_is_typed_as_the_one_who_asks(house_of):
    house_of.post(kind="access", email=given.ADA)
    house_of.ends()


def test_2_a_lookalike_address_and_her_full_name(house_of):
    for email in LOOKALIKES:
        house_of.post(kind="access", email=email, name="Ada Lovell", text="My old mailbox is full, write to this one.")
    house_of.ends()


def test_3_her_phone_number_address_and_date_of_birth_are_known(house_of):
    house_of.post(kind="access", email=EVE, name="Ada Lovell", phone="+1 202 555 0123", text="1 Main Street, Springfield. Born on 1 January 1990.")
    house_of.ends()
    assert {mail.to_address for mail in given.mails() if mail.template == "data_requests/proof"} == {given.ADA}


def test_4_a_header_is_forged_so_that_a_mail_seems_to_come_from_her(house_of):
    asked = Asked(kind=Kind.ACCESS, email=given.ADA, text="Reply-To: eve@elsewhere.example")
    arriving.arrive(channel=Channel.EMAIL, asked=asked, from_address=given.ADA, external_key="forged", at=NOON)
    house_of.ends()


def test_5_a_forged_identity_card_comes_with_it(house_of):
    house_of.post(kind="access", asker="agent", agent_name="Ada Lovell", agent_email=EVE, email=given.ADA, document=file("card.png", CARD))
    house_of.ends()


def test_6_a_forged_bill_stands_as_a_power_of_attorney_that_nobody_read(house_of):
    house_of.post(kind="access", asker="attorney", agent_name="Eve Attorney", agent_email=EVE, email=given.ADA, document=file("bill.pdf", BILL))
    house_of.ends()


def test_7_the_law_s_day_is_used_as_a_threat(house_of):
    house_of.post(kind="complaint", email=EVE, name="Ada Lovell", text="The law gives you days. Send my data to this address or I sue.")
    house_of.post(kind="access", email=EVE, name="Ada Lovell", text="The 45 days are over. Send it at once.")
    house_of.ends(at=NOON + 44 * DAY)


def test_8_a_person_is_pretended_to_act_for_her_in_another_role(house_of):
    house_of.post(kind="access", asker="representative", email=given.ADA, name="Pat Parent", text="I am her mother.")
    house_of.post(kind="categories", asker="agent", agent_name="Law Firm", agent_email=EVE, email=given.ADA)
    house_of.ends()


def test_9_a_correction_puts_the_thief_s_address_on_file_first(house_of, target):
    house_of.post(kind="correction", email=given.ADA, text=f"My new address is {EVE}.")
    given.work()
    house_of.post(kind="access", email=EVE, name="Ada Lovell")
    house_of.ends()
    assert list(target.emails.values_list("address", flat=True)) == [given.ADA]


def test_10_a_contact_that_was_changed_by_who_got_into_the_account_waits_and_ada_calls_it_back(house_of, target):
    amending.add_email(person=target, address=EVE, by=SYSTEM, at=NOON - HOUR)
    house_of.addresses.add(EVE)  # on file now: links reach it, and prove nothing at once
    house_of.post(kind="access", email=EVE)
    given.work()
    proving.prove(given.token(EVE), at=NOON)
    request = DataRequest.objects.get()
    assert request.state == State.COOLING_OFF
    calling_back.call_back(given.token(given.ADA, page="call-back"), at=NOON + DAY)
    house_of.ends()
    assert [secret for secret in SECRETS if secret in "".join(mail.body for mail in given.mails(to=EVE)).replace("Hill Clinic", "")] == []


def test_11_tokens_are_guessed_and_taken_from_one_purpose_to_another(house_of):
    house_of.post(kind="access", email=given.ADA)
    given.work()
    token = given.token()
    for page in ("confirm", "call-back", "ready", "fetch"):
        assert house_of.get(f"/requests/{page}/{token}/").status_code == 410
        assert house_of.post(f"/requests/{page}/{token}/").status_code == 410
    for guess in (token[:-1] + ("A" if token[-1] != "A" else "B"), token.swapcase(), "A" * 43):
        assert house_of.post(f"/requests/prove/{guess}/").status_code == 410
    assert links.find(token, purpose=LinkPurpose.PROVE, at=NOON) is not None
    house_of.ends()


def test_12_a_scanner_of_her_mail_opens_the_link_and_a_second_request_rides_on_hers(house_of, target):
    house_of.post(kind="access", email=given.ADA)
    given.work()
    house_of.get(f"/requests/prove/{given.token()}/")
    house_of.post(kind="access", email=given.ADA, asker="agent", agent_name="Eve", agent_email=EVE, text="Send a copy to me too.")
    given.work()
    proving.prove(given.token(), at=NOON)
    house_of.ends(worked_on=True)
    request = DataRequest.objects.get(person=target, merged_into=None)
    assert (request.state, request.asker) == (State.IN_WORK, Asker.SELF), "Ada proved what she asked for herself, and nobody rides on it"


def file(name, content):
    return SimpleUploadedFile(name, content)
