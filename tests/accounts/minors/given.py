"""Minors, their representatives and cases as tests need them: checked by Dana, approved by Cleo."""

from datetime import date

from apps.accounts.services import documents, registration, representing
from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON

PDF = b"%PDF-1.7\nI am Paula, the mother of Kim.\n%%EOF\n"
#: 17 years old at NOON, 18 on 1 June 2026
KIM_BORN = date(2008, 6, 1)
MAJORITY = date(2026, 6, 1)


def dana() -> StaffMember:
    return StaffMember.objects.filter(username="dana").first() or cast.staff("dana", Role.PRIVACY_ANALYST)


def proposed(*, at=NOON, **given):
    child = {} if "person" in given else {"minor_given_name": "Kim", "minor_birth_date": KIM_BORN}
    return representing.register(
        **{
            "full_name": "Paula Parent", "email": "paula@family.example", "authority": "parent", "valid_from": at.date(), "valid_until": None,
            "content": PDF, "by": dana(), "at": at,
        } | child | given
    )  # fmt: skip


def asked(*, at=NOON, **given):
    row = proposed(at=at, **given)
    documents.take(representative=row, reason="identity_check", by=dana(), at=at)
    return representing.ask(representative=row, by=dana(), at=at)


def verified(*, at=NOON, **given):
    row = asked(at=at, **given)
    documents.take(representative=row, reason="identity_check", by=cast.cleo(), at=at)
    return representing.approve(representative=row, by=cast.cleo(), at=at)


def grown(organization=None, *, at=NOON, **given):
    """Somebody whom we take for an adult."""
    return registration.register_person(
        **{"organization": organization, "given_name": "Kim", "birth_date": date(1990, 1, 1)} | given, by=SYSTEM, at=at
    )


def represented(organization=None, *, at=NOON, **given):
    """Somebody of 17 with a verified representative."""
    acting = verified(at=at, **given)
    return registration.register_person(
        organization=organization, given_name="Kim", birth_date=KIM_BORN, representative=acting.reference, by=SYSTEM, at=at
    )
