"""What the outbox holds on people, and how it ends."""

from apps.foundation.held import kept_or
from apps.foundation.personal_data import Holding, Role
from apps.mail.services import erasing

HOLDINGS = (
    Holding(
        code="mail.outbox",
        title="Mail waiting to be sent, and mail sent lately",
        role=Role.CONTROLLER,
        tables=("mail_outgoingmail",),
        collected="By the address it goes to.",
        ends="Address, subject and text are emptied 30 days after it was sent or given up; the row stays as proof of how it ended.",
        count=erasing.count,
        collect=erasing.collect,
        erase=kept_or(erasing.erase, erasing.count),
    ),
)
