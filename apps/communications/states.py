"""States of an inquiry, of a mail that came in, of what goes to many and of each delivery, with their tables of moves."""

from django.db.models import TextChoices


class InquiryState(TextChoices):
    OPEN = "open", "waits for us"
    ANSWERED = "answered", "answered"
    CLOSED = "closed", "closed"
    KEPT = "kept", "past its life, kept for a hold"


#: an inquiry that is kept for a hold is of no more use to anybody: it is erased when the hold is over, and who writes again begins anew
INQUIRY_MOVES = {
    InquiryState.OPEN: {InquiryState.ANSWERED, InquiryState.CLOSED},
    InquiryState.ANSWERED: {InquiryState.OPEN, InquiryState.CLOSED},
    InquiryState.CLOSED: {InquiryState.OPEN, InquiryState.KEPT},
    InquiryState.KEPT: set(),
}


class Channel(TextChoices):
    FORM = "form", "by the form"
    MAIL = "mail", "by e-mail"


class Topic(TextChoices):
    """What somebody writes about, as the form asks it; who writes by e-mail is not asked."""

    PRIVACY = "privacy", "A question about privacy"
    MY_DATA = "my_data", "My own data"
    CHILD = "child", "A child uses the service"
    SECURITY = "security", "A worry about security"
    OTHER = "other", "Something else"


class MessageKind(TextChoices):
    RECEIVED = "received", "from them"
    ANSWER = "answer", "our answer"
    NOTE = "note", "note among us"


class Outcome(TextChoices):
    """What became of a mail that came in."""

    OPENED = "opened", "began an inquiry"
    JOINED = "joined", "joined its inquiry"
    DOUBLE = "double", "came twice"
    AUTOMATIC = "automatic", "from a machine"
    REFUSED = "refused", "could not be read"


class CircularKind(TextChoices):
    """What the same words to many people are about."""

    RELEASE = "release", "release"
    PATCH = "patch", "patch"
    UPDATE = "update", "update"
    POLICY = "policy", "change of the privacy policy"


#: needs the permission of each who gets it; a notice that a person needs does not
ANNOUNCED = (CircularKind.RELEASE, CircularKind.PATCH, CircularKind.UPDATE)


class CircularState(TextChoices):
    DRAFT = "draft", "draft"
    ASKED = "asked", "waits for a second person"
    APPROVED = "approved", "approved, waits for its moment"
    SENDING = "sending", "on its way"
    PAUSED = "paused", "paused"
    SENT = "sent", "sent"
    CANCELLED = "cancelled", "cancelled"


CIRCULAR_MOVES = {
    CircularState.DRAFT: {CircularState.ASKED, CircularState.CANCELLED},
    CircularState.ASKED: {CircularState.DRAFT, CircularState.APPROVED, CircularState.CANCELLED},
    CircularState.APPROVED: {CircularState.SENDING, CircularState.CANCELLED},
    CircularState.SENDING: {CircularState.PAUSED, CircularState.SENT, CircularState.CANCELLED},
    CircularState.PAUSED: {CircularState.SENDING, CircularState.CANCELLED},
    CircularState.SENT: set(),
    CircularState.CANCELLED: set(),
}


class DeliveryState(TextChoices):
    WAITING = "waiting", "waits its turn"
    HANDED = "handed", "handed over"
    WITHDRAWN = "withdrawn", "permission was gone"
    NOT_ACTIVE = "not_active", "account was not active"
    NO_ADDRESS = "no_address", "no usable address"
    CANCELLED = "cancelled", "cancelled by staff"


#: what a pause takes back out of the outbox waits again
DELIVERY_MOVES = {
    DeliveryState.WAITING: {
        DeliveryState.HANDED, DeliveryState.WITHDRAWN, DeliveryState.NOT_ACTIVE, DeliveryState.NO_ADDRESS, DeliveryState.CANCELLED,
    },
    DeliveryState.HANDED: {DeliveryState.WAITING, DeliveryState.WITHDRAWN, DeliveryState.CANCELLED},
    DeliveryState.WITHDRAWN: set(),
    DeliveryState.NOT_ACTIVE: set(),
    DeliveryState.NO_ADDRESS: set(),
    DeliveryState.CANCELLED: set(),
}  # fmt: skip
