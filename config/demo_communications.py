"""What people wrote in the demo: questions that wait, that were answered, that are closed; one mail nobody could read.

Every row is made by the services themselves, with times in the past. `prepare` calls it once, after demo.py has made people and staff.
"""

from datetime import datetime, timedelta

from apps.accounts.models import PersonEmail
from apps.communications.models import Inquiry, Mailbox, ReceivedMail
from apps.communications.services.inquiries import opening, working
from apps.communications.states import Outcome
from apps.foundation.references import new_reference
from apps.staff.models import StaffMember

#: topic, days ago, subject, text
ASKED = (
    ("privacy", 1, "Who sees my messages?", "Can anybody at your company read what I write to my doctor?"),
    ("my_data", 3, "A copy of my data", "I would like a copy of all that you hold about me. How long will that take?"),
    ("child", 4, "My son has an account", "My son is fifteen and signed up without telling me. What can I do?"),
    ("security", 9, "A strange mail", "I got a mail in your name that asks for my password. Was that you?"),
    ("other", 15, "Wrong number", "My old phone number still stands in my profile."),
    ("privacy", 18, "Cookies", "Which cookies do your pages set?"),
)
ANSWER = "Thank you for writing. Nobody here reads messages: they are encrypted, and each look at anything else is recorded.\n\nDana, privacy"


def make(*, now: datetime) -> None:
    """Inquiries in each of their states, some of people we know, some of strangers, and a mail that could not be read."""
    dana, cleo = (StaffMember.objects.get(username=name) for name in ("dana", "cleo"))
    known = list(PersonEmail.objects.order_by("pk").values_list("address", flat=True)[:2])
    made = [
        _asked(number, email, now)
        for number, email in enumerate([*known, *(f"writer{number}@elsewhere.example" for number in range(len(known), len(ASKED)))])
    ]
    working.hand_over(inquiry=made[1], to=dana, by=dana, at=now - timedelta(days=2))
    working.note(inquiry=made[2], text="Looks like a parent. Ask for the account's e-mail before a case is opened.", by=cleo, at=now - timedelta(days=3))
    for number in (3, 4, 5):
        at = now - timedelta(days=ASKED[number][1] - 1)
        working.answer(inquiry=made[number], text=ANSWER, by=dana, at=at)
        if number != 3:
            working.close(inquiry=made[number], by=dana, at=at + timedelta(hours=1))
    _unreadable(now)


def _asked(number: int, email: str, now: datetime) -> Inquiry:
    topic, days, subject, text = ASKED[number]
    return opening.from_form(
        reference=new_reference("INQ"), email=email, topic=topic, subject=subject, text=text, at=now - timedelta(days=days)
    )


def _unreadable(now: datetime) -> None:
    """As the reading of a mailbox leaves it: the demo has none."""
    box, _is_new = Mailbox.objects.get_or_create(code="inquiries", defaults={"tried_at": now, "read_at": now})
    ReceivedMail.objects.create(
        mailbox=box, uid_validity=1, uid=1, size=31_457_280, outcome=Outcome.REFUSED, code="too_large", received_at=now - timedelta(hours=5)
    )
