"""What tests of announcements and notices are made of: people who allow them, and an announcement in each of its states."""

from datetime import date, datetime, timedelta

from apps.accounts.models import Person
from apps.accounts.services import registration
from apps.communications.models import Announcement
from apps.communications.services.announcements import deciding, drafting
from apps.consents.services import asking, giving, withdrawing
from apps.consents.states import How
from apps.foundation.actors import SYSTEM, Actor
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON

EMAIL, IN_APP = "announcements_email", "announcements_in_app"
WORDS = "Version 7 mends what was slow.\n\nNothing is asked of you."


def dana() -> StaffMember:
    """Writes announcements."""
    return StaffMember.objects.filter(username="dana").first() or cast.staff("dana", Role.PRIVACY_ANALYST)


def person(number: int, *, emails: bool = True, at: datetime = NOON - timedelta(days=150)) -> Person:
    address = [f"reader{number}@client.example"] if emails else []
    return registration.register_person(
        organization=None, given_name=f"Reader {number}", emails=address, birth_date=date(1980, 1, 1), by=SYSTEM, at=at
    )


def allow(reader: Person, purpose: str = EMAIL, *, at: datetime = NOON - timedelta(days=1)):
    text = asking.text_in_force(purpose=purpose, at=at)
    return giving.give(
        person=reader, purpose=purpose, text=text.number, shown=bytes(text.digest), shown_at=at, how=How.PREFERENCE_PAGE,
        by=Actor("person", reader.reference), at=at,
    )  # fmt: skip


def withdraw(reader: Person, purpose: str = EMAIL, *, at: datetime = NOON):
    by = Actor("person", reader.reference)
    return withdrawing.withdraw(person=reader, purpose=purpose, how=How.PREFERENCE_PAGE, by=by, at=at)


def readers(count: int, purpose: str = EMAIL, start: int = 1) -> list[Person]:
    """People who allow it."""
    made = [person(number) for number in range(start, start + count)]
    for one in made:
        allow(one, purpose)
    return made


def draft(*, by: StaffMember | None = None, at: datetime = NOON, **given) -> Announcement:
    usual = {"kind": "release", "channel": "email", "subject": "Version 7 is here", "words": WORDS}
    return drafting.draft(**usual | given, by=by or dana(), at=at)


def asked(*, by: StaffMember | None = None, at: datetime = NOON, **given) -> Announcement:
    return drafting.ask(circular=draft(by=by, at=at, **given), by=by or dana(), at=at)


def approved(*, at: datetime = NOON, **given) -> Announcement:
    return deciding.approve(circular=asked(at=at, **given), by=cast.cleo(), at=at)
