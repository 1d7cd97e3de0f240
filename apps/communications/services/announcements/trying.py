"""A test of an announcement goes to the member of staff who asks for it, and to nobody else."""

from datetime import datetime

from django.db import transaction

from apps.audit.services import ledger
from apps.communications.models import Circular
from apps.communications.services.announcements.drafting import DRAFT
from apps.communications.services.circulars import wording
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.staff.models import StaffMember
from apps.staff.services import presence


@transaction.atomic
def send_test(*, circular: Circular, by: StaffMember, at: datetime) -> OutgoingMail | None:
    """Send it to oneself, as it would arrive. None where the same was asked for within this second."""
    member = presence.lock(by)[by.pk]
    presence.require_right(member, DRAFT)
    mail = outbox.queue(
        template="communications/announcement_test", to=member.email, context=wording.context(circular), about=circular.reference,
        once_key=f"circular-test-{circular.reference}-{member.pk}-{int(at.timestamp())}", at=at,
    )  # fmt: skip
    if mail is not None:
        ledger.record("announcement.tried", by=member, about=circular.reference, at=at)
    return mail
