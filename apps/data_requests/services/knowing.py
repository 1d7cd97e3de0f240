"""All that is known of one person, on one page, by section; and how a page is found.

Personal values are masked; whoever needs one opens it for a reason, which is recorded where it lies. What is searched for is a whole reference,
e-mail address or phone number and nothing less, and that somebody looked is recorded without what they typed. Each section is bounded: it shows
the newest rows and says how many there are. It must never open a sealed word or a message, nor put a value into an address or a log.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import details
from apps.accounts.models import Person
from apps.accounts.services.subjects import subject_of
from apps.audit.services import ledger
from apps.consents.models import Standing
from apps.data_requests.inventory import HOLDINGS
from apps.data_requests.models import DataRequest, ErasedPerson, Remainder
from apps.foundation.clock import day_of
from apps.foundation.masks import mask
from apps.foundation.personal_data import Holding, Role, Subject, Whom
from apps.foundation.refusals import Refusal
from apps.gate.models import DisclosureSubject
from apps.holds.models import Hold
from apps.holds.services import asking
from apps.retention.models import Cohort
from apps.retention.services.people import finding, whose
from apps.staff.models import StaffMember
from apps.staff.services import presence

SEE = "data_requests.see_person_page"
SHOWN = 20
#: a client with more live cohorts is not gone through for a page: one asks for the count
COHORTS_AT_ONCE = 400
MOST_FOUND = 10
TITLES = {holding.code: holding.title for holding in HOLDINGS}


class NobodyFound(Refusal):
    """Nobody is known by exactly that."""

    code = "person_not_found"
    mend = "Give the whole reference, e-mail address or phone number, as it would be on file. A part of it, or a name, finds nobody here."


@dataclass(frozen=True)
class Section:
    """A part of the page: rows under columns, newest first, `count` of them in all. `key` names it for a browser."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]] = ()
    count: int = 0
    note: str = ""
    empty: str = "Nothing."

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.rows))


@dataclass(frozen=True)
class Known:
    """What the page shows. `person` is None for somebody who was erased: then only what lawfully stays is left."""

    reference: str
    person: Person | None
    erased: ErasedPerson | None
    standing: Sequence[tuple[str, Any]] = ()
    sections: Sequence[Section] = field(default_factory=list)


@transaction.atomic
def find(term: str, *, by: StaffMember, at: datetime) -> list[str]:
    """The references of whom `term` names exactly; that somebody looked is recorded. Raises NobodyFound."""
    looker = presence.lock(by)[by.pk]
    presence.require_right(looker, SEE)
    how, found = _named(term.strip())
    for reference in found:
        ledger.record("person.looked_up", by=looker, about=reference, at=at, facts={"how": how})
    return found


def _named(term: str) -> tuple[str, list[str]]:
    if "@" in term:
        how, found = "e-mail", _people(emails__normalised=details.normalise_email(term))
    elif term.upper().startswith("PER-"):
        how, found = "reference", [term.upper()] if _is_known(term.upper()) else []
    else:
        how, found = "phone", _by_phone(term)
    if not found:
        raise NobodyFound
    return how, found


def _by_phone(term: str) -> list[str]:
    try:
        return _people(phones__number=details.phone(term, region="US"))
    except Refusal:
        return []


def _people(**named: str) -> list[str]:
    rows = Person.objects.filter(**named).order_by("pk").values_list("reference", flat=True).distinct()
    return list(rows[:MOST_FOUND])


def _is_known(reference: str) -> bool:
    """Somebody who is here, or was: their requests and the record of their erasure outlive them."""
    return any(
        rows.exists()
        for rows in (
            Person.objects.filter(reference=reference), ErasedPerson.objects.filter(person_reference=reference),
            DataRequest.objects.filter(person_reference=reference),
        )
    )  # fmt: skip


def of(reference: str, *, at: datetime, count_messages: bool = False) -> Known:
    """The page of a reference. Raises NobodyFound."""
    if not _is_known(reference):
        raise NobodyFound
    person = Person.objects.select_related("organization", "policy_version").filter(reference=reference).first()
    erased = ErasedPerson.objects.filter(person_reference=reference).first()
    requests, exceptions, disclosures = _requests(reference), _exceptions(reference), _disclosures(reference)
    if person is None:
        return Known(reference, None, erased, (), [requests, exceptions, disclosures])
    subject = subject_of(person)
    sections = [
        _reach(person), _consents(person), _linked(person), requests, _holds(person, at), exceptions, disclosures,
        _messages(subject, at, count_messages), _held(subject, at),
    ]  # fmt: skip
    return Known(reference, person, erased, _standing(person), sections)


def _standing(person: Person) -> list[tuple[str, Any]]:
    case = person.minor_cases.open().first()
    acting = person.representatives.order_by("-pk").first()
    return [
        ("Name", mask(f"{person.given_name} {person.family_name}".strip(), "name")),
        ("Organization", person.organization or "none: they registered by themself"),
        ("Standing", person.get_standing_display()),
        ("Registered", person.registered_at),
        ("Cancelled", person.closed_at or "no"),
        ("Policy in force then", person.policy_version),
        ("Case about a minor", case or "none open"),
        ("Representative", acting or "none"),
    ]


def _reach(person: Person) -> Section:
    rows = [("e-mail", mask(row.address, "email"), row.added_at) for row in person.emails.order_by("-pk")[:SHOWN]]
    rows += [("phone", mask(row.number, "phone"), row.added_at) for row in person.phones.order_by("-pk")[:SHOWN]]
    rows += [(f"id at {row.source}", mask(row.external_id), row.added_at) for row in person.identities.order_by("-pk")[:SHOWN]]
    count = person.emails.count() + person.phones.count() + person.identities.count()
    return Section("reach", "How they are reached and named", ("What", "Masked", "Since"), rows, count)


def _consents(person: Person) -> Section:
    rows = Standing.objects.filter(person=person).select_related("purpose").order_by("-since", "-pk")
    return _section(
        "consents", "Consents", ("For", "Now", "Since", "Until"), rows,
        lambda row: (row.purpose.title, "stands" if row.stands else "does not stand", row.since, row.until or ""), "They said nothing yet.",
    )  # fmt: skip


def _linked(person: Person) -> Section:
    rows = person.linked_accounts.order_by("-pk")
    return _section(
        "linked", "Linked accounts", ("Account", "At", "Linked", "Unlinked"), rows,
        lambda row: (row, row.provider, row.linked_at, row.revoked_at or ""), "None.",
    )  # fmt: skip


def _requests(reference: str) -> Section:
    rows = DataRequest.objects.filter(person_reference=reference).order_by("-pk")
    return _section(
        "requests", "Requests about their data", ("Request", "Asks for", "Stands", "Came", "First due", "Ended"), rows,
        lambda row: (row, row.get_kind_display(), row.get_state_display(), row.received_at, row.due_at or "", row.closed_at or ""), "None.",
    )  # fmt: skip


def _holds(person: Person, at: datetime) -> Section:
    holds: list[Hold] = asking.holds_of_person(person.pk, at)
    rows = [(hold, hold.matter, hold.placed_at) for hold in holds[:SHOWN]]
    return Section("holds", "Legal holds that keep them", ("Hold", "Matter", "Since"), rows, len(holds), empty="None: nothing keeps what is held.")


def _exceptions(reference: str) -> Section:
    rows = Remainder.objects.filter(request__person_reference=reference, ended_at__isnull=True).select_related("request").order_by("-pk")
    return _section(
        "exceptions", "What an erasure lawfully left", ("Of", "Ground", "By", "Rows", "Since", "Until", "Request"), rows,
        lambda row: (
            TITLES.get(row.holding, row.holding), row.ground, row.about, row.rows, row.since, row.until or "that ends", row.request,
        ), "Nothing.",
    )  # fmt: skip


def _disclosures(reference: str) -> Section:
    rows = DisclosureSubject.objects.filter(person_reference=reference).select_related("disclosure").order_by("-pk")
    return _section(
        "disclosures", "What left about them", ("Disclosure", "At", "To", "For", "On the ground of"), rows,
        lambda row: (
            row.disclosure, row.disclosure.at, row.disclosure.recipient, row.disclosure.get_purpose_display(), row.disclosure.get_ground_display(),
        ), "Nothing.",
    )  # fmt: skip


def _section(key: str, title: str, columns: tuple[str, ...], rows: QuerySet, as_row: Any, empty: str) -> Section:
    shown = [as_row(row) for row in rows[:SHOWN]]
    count = len(shown) if len(shown) < SHOWN else rows.count()
    return Section(key, title, columns, shown, count, empty=empty)


def _messages(subject: Subject, at: datetime, anyhow: bool) -> Section:
    """How many messages they wrote or received, by the day on which those end; none is opened."""
    columns, title = ("Their life ends on", "Messages", "Where"), "Messages, by day"
    if not subject.organization:
        return Section("messages", title, columns, empty="They belong to no client, so there are none.")
    cohorts = Cohort.objects.readable().filter(organization__reference=subject.organization, expiry_on__gt=day_of(at))
    if not anyhow and cohorts[COHORTS_AT_ONCE : COHORTS_AT_ONCE + 1].exists():
        return Section("messages", title, columns, note="count")
    counts = _counted(subject, at)
    rows = [(day, f"{number:,}", where) for (day, where), number in sorted(counts.items())]
    note = f"{counts.total():,} in all. The client decides about them." if rows else ""
    return Section("messages", title, columns, rows, len(rows), note=note, empty="None that are still here.")


def _counted(subject: Subject, at: datetime) -> Counter[tuple[date, str]]:
    them, counts = whose.of(subject), Counter()
    for look, places in finding.live(subject, them, at):
        counts[look.cohort.expiry_on, "in use"] += len(places)
    for bundle, rows in finding.set_aside(subject, them):
        counts[bundle.cohort.expiry_on, "aside, hidden"] += len(rows)
    return counts


def _held(subject: Subject, at: datetime) -> Section:
    """Every holding about people that counts, with what it has of this one; messages stand above."""
    rows = [
        (holding.title, f"{number:,}", "we do", "stays by law, as a reference" if holding.survives else "erased with the person")
        for holding in _countable()
        if (number := holding.count(subject, at))
    ]
    return Section(
        "held", "Everything else that is held, by kind", ("What", "Rows", "Who decides", "When they are erased"), rows, len(rows), empty="Nothing."
    )


def _countable() -> list[Holding]:
    return [holding for holding in HOLDINGS if holding.whom == Whom.PEOPLE and holding.count is not None and holding.role == Role.CONTROLLER]
