"""What the gate knows of a person: what left about them, to whom, for what and on what ground. It stays by reference for six years.

Before what they said is erased, the recipients of what left on their consent have their notice (P12): afterwards nobody could tell that a
consent had ended. It must never hand over whom else a disclosure was about.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.foundation.held import AT_A_TIME
from apps.foundation.personal_data import Collected, Ended, Subject
from apps.gate.models import DisclosureSubject, GateRefusal, WithdrawalNotice
from apps.gate.services import withdrawals
from apps.providers.models import Provider


def disclosures(subject: Subject) -> QuerySet[DisclosureSubject]:
    return DisclosureSubject.objects.filter(person_reference=subject.reference).select_related("disclosure").order_by("pk")


def refusals(subject: Subject) -> QuerySet[GateRefusal]:
    return GateRefusal.objects.filter(about_reference=subject.reference).order_by("pk")


def count(subject: Subject, at: datetime) -> int:
    return disclosures(subject).count() + refusals(subject).count()


def collect(subject: Subject, at: datetime) -> Iterator[Collected]:
    names = dict(Provider.objects.values_list("reference", "legal_name"))
    yield Collected(
        title="What left about you, and to whom",
        rows=(
            {
                "Reference": left.reference, "At": left.at.isoformat(), "To": names.get(left.recipient, left.recipient),
                "Kind of recipient": left.get_recipient_kind_display(), "Categories": list(left.categories), "For": left.get_purpose_display(),
                "On the ground of": left.get_ground_display(), "Your consent": row.consent, "Countries": list(left.countries),
            }
            for row in disclosures(subject).iterator(chunk_size=AT_A_TIME)
            for left in [row.disclosure]
        ),
    )  # fmt: skip
    yield Collected(
        title="What was kept from leaving",
        rows=(
            {"Reference": row.reference, "At": row.at.isoformat(), "To": names.get(row.recipient, row.recipient), "Categories": list(row.categories)}
            for row in refusals(subject).iterator(chunk_size=AT_A_TIME)
        ),
    )


def notices(subject: Subject) -> QuerySet[WithdrawalNotice]:
    return WithdrawalNotice.objects.filter(person_reference=subject.reference).order_by("pk")


def count_notices(subject: Subject, at: datetime) -> int:
    return notices(subject).count()


def collect_notices(subject: Subject, at: datetime) -> Iterator[Collected]:
    yield Collected(
        title="What recipients were told to erase because you took a consent back",
        rows=(
            {
                "Reference": row.reference, "To": row.recipient, "Consent": row.consent, "Ended at": row.ended_at.isoformat(), "State": row.get_state_display(),
                "Confirmed at": row.confirmed_at.isoformat() if row.confirmed_at else "",
            }
            for row in notices(subject).iterator(chunk_size=AT_A_TIME)
        ),
    )  # fmt: skip


def write_notices(subject: Subject, at: datetime) -> Ended:
    """Nothing goes here; what is still to be written about ended consents is written while they can be read."""
    while withdrawals.notice(at=at) == withdrawals.A_STEP:
        pass
    return Ended()


def remembered(subject: Subject) -> Q:
    """Decisions about them that a service may still ask for again."""
    return Q(permit__disclosure__subjects__person_reference=subject.reference)
