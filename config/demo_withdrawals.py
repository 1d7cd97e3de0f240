"""What left in the demo on people's consent, and who has to erase what because a consent was taken back.

`prepare` calls it once, after demo_consents.py has asked people. Every row is made by the services, with times in the past.
"""

from datetime import datetime, timedelta

from apps.consents.models import Standing
from apps.consents.purposes import Kind
from apps.consents.services import withdrawing
from apps.consents.states import How
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.digests import sha256
from apps.gate.models import WithdrawalNotice
from apps.gate.services import deciding, permits, withdrawals
from apps.gate.services.deciding import About, Ground, Package, Recipient
from apps.staff.models import StaffMember


def make(*, now: datetime) -> None:
    """Six disclosures on consent, two of which are asked back, and one of these confirmed."""
    standing = Standing.objects.standing(now).filter(purpose__kind=Kind.DISCLOSURE, since__lt=now - timedelta(days=2)).select_related("person", "purpose")
    for number, row in enumerate(standing.order_by("pk")[:6]):
        at = now - timedelta(days=2) + timedelta(minutes=11 * number)
        package = _studied(row, f"STU-{at:%Y%m%d}/{row.person.reference}")
        permit = deciding.decide(package=package, by=SYSTEM, at=at)
        permits.spend(permit=permit, recipient=package.recipient, fields=package.fields, digest=package.digest, at=at + timedelta(seconds=2))
    leaving = list(standing.order_by("pk")[:2])
    for row in leaving:
        withdrawing.withdraw(
            person=row.person, purpose=row.purpose_id, how=How.PREFERENCE_PAGE, by=Actor("person", row.person.reference), at=now - timedelta(hours=20)
        )
    withdrawals.look_after(at=now - timedelta(hours=20))
    done = WithdrawalNotice.objects.order_by("pk").first()
    if done is not None:
        withdrawals.confirm(
            notice=done, evidence="Its answer of this morning, in the folder of its agreement.", by=StaffMember.objects.get(username="dana"),
            at=now - timedelta(hours=3),
        )  # fmt: skip


def _studied(row: Standing, what: str) -> Package:
    return Package(
        recipient=Recipient.provider(row.purpose.recipient), about=About.person(row.person.reference), categories=frozenset({"usage"}),
        fields=frozenset({"page", "duration_seconds"}), purpose=row.purpose.disclosure_purpose, ground=Ground.CONSENT, consent=row.purpose_id,
        patient_information=False, digest=sha256(what.encode()), size=1_400, what=what, countries=("US",),
    )  # fmt: skip
