"""States of an inquiry, of a mail that came in, and the table of moves."""

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
