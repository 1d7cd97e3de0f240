"""What people of the demo allowed, refused and took back, a purpose of our own, and a text that waits for its second person.

`prepare` calls it once, after demo.py has made people and staff. Every row is made by the services, with times in the past.
"""

import random
from datetime import datetime, timedelta

from apps.accounts.models import Person
from apps.consents.models import ConsentPurpose
from apps.consents.purposes import ANNOUNCEMENTS_EMAIL, ANNOUNCEMENTS_IN_APP, ANNOUNCEMENTS_SMS, CALENDAR, CONTACTS
from apps.consents.services import asking, giving, texts, withdrawing
from apps.consents.states import How
from apps.foundation.actors import Actor
from apps.providers.models import Provider
from apps.staff.models import StaffMember

SURVEY = "usage_study"
#: how many of ten people allow it, and how many of ten refuse
LIKELY = {ANNOUNCEMENTS_EMAIL: (6, 2), ANNOUNCEMENTS_IN_APP: (7, 1), ANNOUNCEMENTS_SMS: (1, 6), CONTACTS: (5, 2), CALENDAR: (4, 3), SURVEY: (3, 4)}


def make(*, now: datetime) -> None:
    """Some weeks of answers, a few of them taken back."""
    chance = random.Random(27560)
    analyst, officer = StaffMember.objects.get(username="dana"), StaffMember.objects.get(username="cleo")
    _survey(analyst, officer, at=now - timedelta(days=19))
    people = list(Person.objects.order_by("pk"))
    for number, person in enumerate(people):
        for purpose, (yes, no) in LIKELY.items():
            at = now - timedelta(days=chance.uniform(12, 18))
            drawn = chance.randrange(10)
            if drawn < yes:
                _say(giving.give, person, purpose, at=at)
            elif drawn < yes + no:
                _say(giving.refuse, person, purpose, at=at)
        if number % 6 == 0:
            _take_back(person, chance, at=now - timedelta(days=chance.uniform(1, 11)))
    draft = texts.draft(
        purpose=ConsentPurpose.objects.get(pk=ANNOUNCEMENTS_EMAIL), words="We write to you by e-mail once a month at most, with what is new.",
        collected="Your e-mail address, and which announcements we sent you.",
        lost_without="You hear of news only where we publish it. What you need to know about your account still reaches you.",
        categories=["contact"], months=24, by=analyst, at=now - timedelta(hours=5),
    )  # fmt: skip
    texts.ask(text=draft, by=analyst, at=now - timedelta(hours=4))


def _survey(analyst: StaffMember, officer: StaffMember, *, at: datetime) -> None:
    """Data to somebody else, on consent: its recipient is who counts pages for us already."""
    pulse = Provider.objects.get(legal_name__startswith="Pulse")
    purpose = texts.propose(
        code=SURVEY, title="A study of how teams work", recipient=pulse.reference, disclosure_purpose="analytics", by=analyst, at=at
    )
    text = texts.draft(
        purpose=purpose, words="We let Pulse study how often teams like yours write to each other, to make the product quieter.",
        collected="How many messages you send on a day, and your team. No message, no name.",
        lost_without="Nothing. The study goes on without you.", categories=["usage", "identity"], months=12, by=analyst, at=at,
    )  # fmt: skip
    texts.ask(text=text, by=analyst, at=at)
    texts.publish(text=text, by=officer, at=at + timedelta(minutes=40))


def _say(verb, person: Person, purpose: str, *, at: datetime) -> None:
    text = asking.text_in_force(purpose=purpose, at=at)
    verb(
        person=person, purpose=purpose, text=text.number, shown=bytes(text.digest), shown_at=at - timedelta(seconds=40),
        how=How.PREFERENCE_PAGE, by=Actor("person", person.reference), at=at,
    )  # fmt: skip


def _take_back(person: Person, chance: random.Random, *, at: datetime) -> None:
    stands = sorted(person.consents.standing(at).values_list("purpose_id", flat=True))
    if stands:
        withdrawing.withdraw(
            person=person, purpose=chance.choice(stands), how=How.PREFERENCE_PAGE, by=Actor("person", person.reference), at=at
        )
