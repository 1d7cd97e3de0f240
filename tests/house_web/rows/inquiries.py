"""What people wrote, the mail it came in by, and the mailbox; with words and addresses that no page may show unasked."""

from datetime import timedelta

from apps.accounts.models import Person
from apps.communications.models import Inquiry, Mailbox, ReceivedMail
from apps.communications.services.inquiries import opening, working
from apps.foundation.references import new_reference
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import PRESENT, Rows, Scene


def dana() -> StaffMember:
    return accounts.member("dana", Role.PRIVACY_ANALYST)


def inquiry(number: int = 0) -> Inquiry:
    """One that waits, one that is answered, one that is closed; the second from somebody we know."""
    at = PRESENT - timedelta(hours=30 - number)
    email = accounts.person(number).emails.get().address if number == 1 else f"beatrix{number}@elsewhere.example"
    made = opening.from_form(
        reference=new_reference("INQ"), email=email, topic=("child", "my_data", "privacy")[number], subject=f"=1+{number}",
        text=f"=HYPERLINK({number}) Whisperworth", at=at,
    )  # fmt: skip
    if number == 1:
        working.answer(inquiry=made, text="Thank you, Whisperworth", by=dana(), at=at)
    return working.close(inquiry=made, by=dana(), at=at) if number == 2 else Inquiry.objects.get(pk=made.pk)


def with_dana(_member: StaffMember) -> Inquiry:
    dana()
    return inquiry()


def about_somebody(_member: StaffMember) -> Inquiry:
    accounts.person(0)
    return inquiry()


def mailbox(number: int = 0) -> Mailbox:
    return Mailbox.objects.get_or_create(code=f"inquiries{number or ''}", defaults={"tried_at": PRESENT, "read_at": PRESENT})[0]


def received(number: int = 0) -> ReceivedMail:
    """One that could not be read, one from a machine, one that began an inquiry."""
    about = inquiry() if number == 2 else None
    outcome, code = (("refused", "too_large"), ("automatic", "bounce"), ("opened", ""))[number]
    return ReceivedMail.objects.create(
        mailbox=mailbox(), uid_validity=1, uid=number + ReceivedMail.objects.count() + 1, size=1_000, outcome=outcome, code=code,
        inquiry=about, received_at=PRESENT - timedelta(hours=3 - number),
    )  # fmt: skip


ROWS = {
    Inquiry: Rows(inquiry),
    ReceivedMail: Rows(received),
    Mailbox: Rows(mailbox),
}

SCENES = {
    (Inquiry, "read"): Scene(lambda _member: inquiry(), {"reason": "person_asked"}),
    (Inquiry, "answer"): Scene(lambda _member: inquiry(), {"text": "Here it is."}),
    (Inquiry, "note"): Scene(lambda _member: inquiry(), {"text": "Look at the archive first."}),
    (Inquiry, "take"): Scene(lambda _member: inquiry()),
    (Inquiry, "hand_over"): Scene(with_dana, lambda _thing: {"owner": dana().reference}),
    (Inquiry, "child_case"): Scene(about_somebody, lambda _thing: {"person": Person.objects.get().reference}),
    (Inquiry, "close"): Scene(lambda _member: inquiry()),
    (Inquiry, "reopen"): Scene(lambda _member: inquiry(2)),
    (ReceivedMail, "settle"): Scene(lambda _member: received()),
}
