"""What we hold of those who write to us and of those we write to, and how it ends."""

from apps.foundation.personal_data import Holding, Role

HOLDINGS = (
    Holding(
        code="communications.inquiries",
        title="Inquiries and what was answered",
        role=Role.CONTROLLER,
        tables=("communications_inquiry", "communications_inquirymessage"),
        collected="By whose address it came from, or by reference.",
        ends="Erased with its secret in the keystore 24 months after it was closed; what a hold on the person keeps stays, unused, until the hold is over.",
    ),
    Holding(
        code="communications.received_mail",
        title="That a mail came in, and who looked at it",
        role=Role.CONTROLLER,
        tables=("communications_receivedmail",),
        collected="With the inquiry it belongs to.",
        ends="Goes with its inquiry; 30 days after it came where it belongs to none. The mail itself leaves the mailbox when it is taken.",
    ),
)
