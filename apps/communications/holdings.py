"""What we hold of those who write to us and of those we write to, and how it ends."""

from apps.communications.models import ReceivedMail
from apps.communications.services import erasing
from apps.foundation.held import Held, Rows, kept_or
from apps.foundation.personal_data import Holding, Role, Whom

RECEIVED = Held((
    Rows("Mail that came in from you", ReceivedMail, erasing.through_inquiries, ("inquiry", "outcome", "size", "received_at")),
))  # fmt: skip

HOLDINGS = (
    Holding(
        code="communications.inquiries",
        title="Inquiries and what was answered",
        role=Role.CONTROLLER,
        tables=("communications_inquiry", "communications_inquirymessage"),
        collected="By whose address it came from, or by reference.",
        ends="Erased with its secret in the keystore 24 months after it was closed; what a hold on the person keeps stays, unused, until the hold is over.",
        files=("keystore/inquiry", "keystore-second/inquiry"),  # or wherever KEYSTORE_DIRECTORIES puts them
        count=erasing.count,
        collect=erasing.collect,
        erase=kept_or(erasing.erase, erasing.count),
    ),
    Holding(
        code="communications.received_mail",
        title="That a mail came in, and who looked at it",
        role=Role.CONTROLLER,
        tables=("communications_receivedmail",),
        collected="With the inquiry it belongs to.",
        ends="Goes with its inquiry; 30 days after it came where it belongs to none. The mail itself leaves the mailbox when it is taken.",
        count=RECEIVED.count,
        collect=RECEIVED.collect,
        erase=RECEIVED.erase,
    ),
    Holding(
        code="communications.circulars",
        title="Announcements and notices: what was written to many people, and who approved it",
        role=Role.CONTROLLER,
        tables=("communications_circular",),
        collected="By staff, by their references; the words name nobody.",
        ends="Kept as evidence of what was sent on whose word.",
        whom=Whom.STAFF,
    ),
    Holding(
        code="communications.deliveries",
        title="Which announcement or notice went to whom, and how that ended",
        role=Role.CONTROLLER,
        tables=("communications_delivery",),
        collected="By the person it is for.",
        ends=(
            "What did not leave goes when the consent is withdrawn. The record of what left goes with the person, or 24 months after its circular"
            " ended (DELIVERY_KEEP_MONTHS); while the consent stands it is kept, because its link to unsubscribe must work. After an erasure only"
            " numbers stay, per circular and outcome, which point to nobody."
        ),
        count=erasing.count_deliveries,
        collect=erasing.collect_deliveries,
        erase=kept_or(erasing.erase_deliveries, erasing.count_deliveries),
    ),
)
