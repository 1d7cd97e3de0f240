"""The words of the gate: to whom, about whom, on what ground, with what kind of permit; the lives of exceptions and of withdrawal notices."""

from django.db.models import TextChoices


class RecipientKind(TextChoices):
    PROVIDER = "provider", "a service provider"
    CLIENT = "client", "the client"
    PERSON = "person", "the person"


class AboutKind(TextChoices):
    PERSON = "person", "one person"
    PEOPLE = "people", "a set of people"
    ORGANIZATION = "organization", "an organization"


class Ground(TextChoices):
    """On what ground data may leave. Sale and rental are none."""

    SERVICE_PROVIDER = "service_provider", "a service provider's grant"
    CLIENT = "client", "the client whose data it is"
    PERSON = "person", "the person themself"
    CONSENT = "consent", "consent"
    LAW = "law", "a demand of law"
    CORPORATE_EVENT = "corporate_event", "a corporate event"
    AGGREGATE = "aggregate", "anonymous aggregate"


#: what a ground is good for; a ground that is not here yet lets nothing out
GROUND_OF = {
    Ground.SERVICE_PROVIDER: RecipientKind.PROVIDER,
    Ground.CLIENT: RecipientKind.CLIENT,
    Ground.PERSON: RecipientKind.PERSON,
    Ground.CONSENT: RecipientKind.PROVIDER,
}

#: what keeps each of the other grounds is still to be built, so nothing leaves on it
NOT_YET = frozenset({Ground.LAW, Ground.CORPORATE_EVENT, Ground.AGGREGATE})


class PermitKind(TextChoices):
    DATA = "data", "for data"
    CONTACT = "contact", "for a connection without data of people"


class ContactReason(TextChoices):
    """Why a recipient is contacted without handing over any data of people."""

    READ_BACK = "read_back", "to read back what is there"
    LOOK = "look", "to see whether it is there"
    REMOVAL = "removal", "to remove or return what is there"
    TRY_OUT = "try_out", "to try a place with a test object"
    FETCH = "fetch", "to fetch what a person lent us"


class Stage(TextChoices):
    """Where something was refused."""

    DECISION = "decision", "when asked for"
    SPENDING = "spending", "when used"


class ExceptionState(TextChoices):
    """That an exception has lapsed is no state: its end is part of what was approved."""

    ASKED = "asked", "asked for"
    APPROVED = "approved", "approved"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn"


EXCEPTION_MOVES = {
    ExceptionState.ASKED: {ExceptionState.APPROVED, ExceptionState.REJECTED, ExceptionState.WITHDRAWN},
    ExceptionState.APPROVED: {ExceptionState.WITHDRAWN},
    ExceptionState.REJECTED: set(),
    ExceptionState.WITHDRAWN: set(),
}


class NoticeState(TextChoices):
    """How far it is that a recipient erases what it got on a consent that ended."""

    DUE = "due", "to be told"
    TOLD = "told", "told, not confirmed"
    CONFIRMED = "confirmed", "erasure confirmed"


NOTICE_MOVES = {
    NoticeState.DUE: {NoticeState.TOLD, NoticeState.CONFIRMED},
    NoticeState.TOLD: {NoticeState.CONFIRMED},
    NoticeState.CONFIRMED: set(),
}
