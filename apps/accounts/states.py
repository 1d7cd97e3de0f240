"""Standings of organizations and persons, states of representatives and of cases about minors, with their tables of moves; the words for kinds."""

from django.db.models import TextChoices


class ArchiveEntitlement(TextChoices):
    NONE = "none", "no archive"
    HOSTED = "hosted", "archive hosted by us"
    OWN_SERVER = "own_server", "archive on the client's own server"
    BOTH = "both", "hosted and on the client's own server"


class AcceptedHow(TextChoices):
    """By what a version of the policy became one that a person knows of."""

    ACCEPTED = "accepted", "accepted"
    CONTINUED_USE = "continued_use", "used the service under it"


class OrganizationStanding(TextChoices):
    ACTIVE = "active"
    DEPARTED = "departed"


class PersonStanding(TextChoices):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class ClosedHow(TextChoices):
    """By whose wish a registration ended."""

    PERSON = "person", "the person cancelled it"
    CLIENT = "client", "their organization took them out"


ORGANIZATION_MOVES = {
    OrganizationStanding.ACTIVE: {OrganizationStanding.DEPARTED},
    OrganizationStanding.DEPARTED: set(),
}

PERSON_MOVES = {
    PersonStanding.ACTIVE: {PersonStanding.SUSPENDED, PersonStanding.CLOSED},
    PersonStanding.SUSPENDED: {PersonStanding.ACTIVE, PersonStanding.CLOSED},
    PersonStanding.CLOSED: set(),
}


class Authority(TextChoices):
    """On what ground somebody acts for a person below 18."""

    PARENT = "parent", "parent"
    GUARDIAN = "guardian", "guardian appointed by a court"
    AUTHORIZED = "authorized", "authorized in writing by a parent or guardian"


class RepresentativeState(TextChoices):
    """Whether a verified one counts today follows from its days."""

    PROPOSED = "proposed", "waits for verification"
    VERIFIED = "verified", "verified"
    REJECTED = "rejected", "rejected"
    ENDED = "ended", "ended before its time"


REPRESENTATIVE_MOVES = {
    RepresentativeState.PROPOSED: {RepresentativeState.VERIFIED, RepresentativeState.REJECTED},
    RepresentativeState.VERIFIED: {RepresentativeState.ENDED},
    RepresentativeState.REJECTED: set(),
    RepresentativeState.ENDED: set(),
}


class RejectionReason(TextChoices):
    UNREADABLE = "unreadable", "The document can't be read"
    NOT_SHOWN = "not_shown", "The document does not show this authority"
    OTHER_PERSON = "other_person", "The document is about somebody else"
    OUT_OF_DATE = "out_of_date", "The document is out of date"
    DOUBTFUL = "doubtful", "Whether the document is genuine is in doubt"


class EndReason(TextChoices):
    WITHDREW = "withdrew", "The representative does not want to act any more"
    REVOKED = "revoked", "A court or a parent ended the authority"
    MISTAKEN = "mistaken", "It was verified by mistake"


class FoundOut(TextChoices):
    """How it became known that somebody below 18 has no representative."""

    REPORT = "report", "somebody reported it"
    BIRTH_DATE = "birth_date", "the date of birth was corrected"
    STAFF = "staff", "a member of staff noticed it"
    UNREPRESENTED = "unrepresented", "the representation ended"


class CaseState(TextChoices):
    OPEN = "open", "open"
    REPRESENTED = "represented", "closed: a representative was found"
    OF_AGE = "of_age", "closed: 18 years old by now"
    MISTAKEN = "mistaken", "closed: not a minor"


CASE_MOVES = {
    CaseState.OPEN: {CaseState.REPRESENTED, CaseState.OF_AGE, CaseState.MISTAKEN},
    CaseState.REPRESENTED: set(),
    CaseState.OF_AGE: set(),
    CaseState.MISTAKEN: set(),
}
