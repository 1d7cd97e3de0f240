"""Standings of organizations and persons, with their tables of moves; what archive a client is owed."""

from django.db.models import TextChoices


class ArchiveEntitlement(TextChoices):
    NONE = "none", "no archive"
    HOSTED = "hosted", "archive hosted by us"
    OWN_SERVER = "own_server", "archive on the client's own server"
    BOTH = "both", "hosted and on the client's own server"


class OrganizationStanding(TextChoices):
    ACTIVE = "active"
    DEPARTED = "departed"


class PersonStanding(TextChoices):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


ORGANIZATION_MOVES = {
    OrganizationStanding.ACTIVE: {OrganizationStanding.DEPARTED},
    OrganizationStanding.DEPARTED: set(),
}

PERSON_MOVES = {
    PersonStanding.ACTIVE: {PersonStanding.SUSPENDED, PersonStanding.CLOSED},
    PersonStanding.SUSPENDED: {PersonStanding.ACTIVE, PersonStanding.CLOSED},
    PersonStanding.CLOSED: set(),
}
