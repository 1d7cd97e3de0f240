"""Lines whose message a rescheduling moved: compared where it stands now, and never stored a second time.

By the rules at sending such a line belongs to the day the message left. Its tag is known there while that day's key lives;
afterwards the days its cohort's messages went to are asked. It must never take a line for new because its day is another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from apps.accounts.models import Organization
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.retention import envelope
from apps.retention.importing.lines import Incoming
from apps.retention.models import Cohort, EarlyDeletion, Segment
from apps.retention.services import arrivals, whereabouts
from apps.retention.services.arrivals import Place, Stored
from apps.retention.states import READABLE

OVER = "Its life was over when it arrived."
ENDED_SOONER = "Its day was changed to a sooner one, which is over."
NOT_THERE = "It was moved to another day, and is not there any more."


@dataclass(frozen=True)
class Answers:
    """How a line is told what became of it: `again` compares it with a row that is there, `refuse` says why it is not taken."""

    source: str
    again: Callable[[envelope.Envelope, Place, Stored, Incoming], None]
    refuse: Callable[[Incoming, str, str], None]
    at: datetime


def moved_on(cohort: Cohort, lines: Mapping[bytes, Incoming], answers: Answers) -> set[bytes]:
    """Answer those of `lines` (by their source tags) whose messages left `cohort`; returns their tags."""
    gone_to = whereabouts.moved(cohort, lines)
    for destination in sorted(set(gone_to.values()), key=lambda one: one.expiry_on):
        theirs = [lines[tag] for tag, where in gone_to.items() if where == destination]
        if destination.expiry_on <= day_of(answers.at):
            _refuse(theirs, "past_its_life", ENDED_SOONER, answers)
        else:
            _refuse(_answered_at(destination, theirs, answers), "cohort_closed", NOT_THERE, answers)
    return set(gone_to)


def may_live_on(organization: Organization, day: date, *, at: datetime) -> bool:
    """Whether messages of a day that is over went to days that are not."""
    return bool(whereabouts.later_days(organization, day, at=at))


def of_a_day_that_is_over(organization: Organization, day: date, lines: list[Incoming], answers: Answers) -> None:
    """Answer lines whose day is over by their rules, but whose messages may have been moved to a later one."""
    for later in whereabouts.later_days(organization, day, at=answers.at):
        cohort = Cohort.objects.select_related("organization").get(organization=organization, expiry_on=later)
        lines = _answered_at(cohort, lines, answers)
    _refuse(lines, "past_its_life", OVER, answers)


def _refuse(lines: list[Incoming], code: str, why: str, answers: Answers) -> None:
    for line in lines:
        answers.refuse(line, code, why)


def _answered_at(cohort: Cohort, lines: list[Incoming], answers: Answers) -> list[Incoming]:
    """Answer the lines whose messages are in this cohort, were deleted there, or went on from it; returns the others."""
    place = _standing(cohort)
    if place is None or not lines:
        return lines
    sealer = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    left = {sealer.source_tag(answers.source, line.id): line for line in lines}
    for tag in EarlyDeletion.objects.filter(cohort=cohort, source_tag__in=list(left)).values_list("source_tag", flat=True):
        answers.refuse(left.pop(bytes(tag)), "deleted_before", "It was deleted before its day and does not come back.")
    for tag, row in arrivals.stored(cohort.expiry_on, left).items():
        answers.again(sealer, place, row, left.pop(tag))
    for tag in moved_on(cohort, left, answers):
        del left[tag]
    return list(left.values())


def _standing(cohort: Cohort) -> Place | None:
    """The cohort as it stands, locked FOR SHARE; None once it is hidden. Nothing is added, so no supplement is opened."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM retention_cohort WHERE id = %s FOR SHARE", [cohort.pk])
        if cursor.fetchone()[0] not in READABLE:
            return None
    sealed = Segment.objects.filter(cohort=cohort, sealed_at__isnull=False).values_list("number", flat=True)
    return Place(cohort, -1, frozenset(sealed))
