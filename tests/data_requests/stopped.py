"""Mails that an erasure causes: to providers that got something, to their owner, to staff where it stopped."""

from datetime import timedelta

from django.db import transaction

from apps.data_requests.services import executing, provider_notices
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import carried
from tests.gate import agreed, given


def told_to_erase(days: int = 0):
    """A provider that got something on a consent; so many days after it was told."""
    provider = given.provider()
    given.grant(provider)
    ada = cast.ada(cast.client())
    agreed.purpose(provider)
    agreed.give(ada, at=NOON - timedelta(hours=3))
    disclosure = agreed.handed_over(provider, ada, at=NOON - timedelta(hours=2))
    request = carried.asked(ada)
    with transaction.atomic():
        notice = provider_notices.make(request, provider=provider.reference, person=ada.reference, disclosures=[disclosure], at=NOON)
    provider_notices.tell_due(at=NOON)
    if days:
        provider_notices.tell_due(at=NOON + days * DAY)
    return NOON + days * DAY + timedelta(minutes=1), [notice.reference, provider.reference, ada.reference]


def a_notice():
    at, said = told_to_erase()
    return at, [*said, "desk@provider.example"]


def a_reminder_to_the_owner():
    at, said = told_to_erase(days=7)
    return at, [*said, "dana@covenant.example"]


def a_stop():
    """A step that can't be done."""
    request = carried.approved(cast.ada(cast.client()))
    run = executing.claim(at=carried.due(request))
    executing._failed(run, "step_parked", parks=True)
    return carried.due(request) + timedelta(minutes=1), [request.reference, "cleo@covenant.example", "step_parked"]
