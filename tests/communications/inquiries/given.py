"""Mails and inquiries that tests speak of: Ada writes, Eve would like to read along."""

from datetime import datetime

from apps.accounts.models import Person
from apps.communications import texts
from apps.communications.models import Inquiry
from apps.communications.services.inquiries import opening, working
from apps.foundation.references import new_reference
from apps.holds.models import Hold
from apps.holds.services import matters, placing, releasing
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON

ADA, EVE = "ada@client.example", "eve@elsewhere.example"
TEXT = "Which of my messages do you still have?"


def mail(*, sender: str = ADA, subject: str = "A question", text: str = TEXT, message_id: str = "<one@client.example>", **headers: str) -> bytes:
    lines = [f"From: {sender}", "To: privacy@covenant.example", f"Subject: {subject}"]
    lines += [f"Message-ID: {message_id}"] if message_id else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join([*lines, "", text]) + "\r\n").encode()


def inquiry(*, email: str = ADA, topic: str = "privacy", subject: str = "A question", text: str = TEXT, at: datetime = NOON) -> Inquiry:
    return opening.from_form(reference=new_reference("INQ"), email=email, topic=topic, subject=subject, text=text, at=at)


def said(about: Inquiry) -> list[str]:
    """The texts of an inquiry, opened."""
    return [texts.open_words(message).text for message in about.messages.order_by("number").select_related("inquiry")]


def dana() -> StaffMember:
    return StaffMember.objects.filter(username="dana").first() or cast.staff("dana", Role.PRIVACY_ANALYST)


def closed(*, at: datetime = NOON, **more) -> Inquiry:
    return working.close(inquiry=inquiry(at=at, **more), by=dana(), at=at)


def hold(person: Person | None = None, *, at: datetime = NOON, **more) -> Hold:
    """A hold on somebody, or on whatever is named."""
    ezra = StaffMember.objects.filter(username="ezra").first() or cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Docket 26-117", reason="A court asks for it.", by=ezra, at=at)
    return placing.place(matter=matter, person=person, reason="The court names it.", by=ezra, at=at, **more)


def release(held: Hold, *, at: datetime) -> None:
    releasing.ask_release(hold=held, reason="Settled.", by=StaffMember.objects.get(username="ezra"), at=at)
    releasing.approve_release(hold=held, by=cast.cleo(), at=at)


def a_confirmation() -> tuple[datetime, list[str]]:
    """Somebody typed something into the form."""
    return NOON, [ADA, inquiry().reference]


def an_answer() -> tuple[datetime, list[str]]:
    """Dana answers it."""
    asked = inquiry(subject="Re: a question")
    working.answer(inquiry=asked, text="All of them.", by=dana(), at=NOON)
    return NOON, [ADA, f"Re: a question [{asked.reference}]", "All of them.", "message through our form"]
