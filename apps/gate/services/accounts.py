"""The account of what left about one person: date, recipient, what, and what for, as 45 CFR 164.528(b)(2) asks for it.

Several disclosures to one recipient for one purpose are a series: the first stands in full, with how many followed and the last date
(164.528(b)(3)). What went to an organization as a whole may hold something of each of its people and is named besides, by recipient.
Questions only: nothing here changes anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from apps.gate.states import Ground
from apps.policies.vocabulary import CATEGORIES, DisclosurePurpose

LOOK_BACK = timedelta(days=2192)

COLUMNS = "d.reference, d.at, d.recipient_kind, d.recipient, d.purpose, d.ground, d.categories, d.countries, d.what, d.patient_information"
OWN = f"""
SELECT {COLUMNS},
    count(*) OVER series AS number, max(d.at) OVER series AS last_at, row_number() OVER (PARTITION BY d.recipient, d.purpose ORDER BY d.at, d.id) AS place
FROM gate_disclosuresubject s JOIN gate_disclosure d ON d.id = s.disclosure_id
WHERE s.person_reference = %s AND d.at >= %s
WINDOW series AS (PARTITION BY d.recipient, d.purpose)
"""  # noqa: S608 - put together from our own words only
SERIES = f"SELECT * FROM ({OWN}) one WHERE place = 1 ORDER BY at, reference"  # noqa: S608 - put together from our own words only
WHOLE = """
SELECT d.recipient_kind, d.recipient, d.purpose, count(*), min(d.at), max(d.at)
FROM gate_disclosure d WHERE d.about_organization = %s AND d.about_organization <> '' AND d.at >= %s
GROUP BY d.recipient_kind, d.recipient, d.purpose ORDER BY max(d.at) DESC, d.recipient
"""
NAMES = {
    "PRV-": "SELECT reference, legal_name, array_to_string(countries, ', ') FROM providers_provider WHERE reference = ANY(%s)",
    "ORG-": "SELECT reference, name, country FROM accounts_organization WHERE reference = ANY(%s)",
}
ORGANIZATION = (
    "SELECT o.reference FROM accounts_person p JOIN accounts_organization o ON o.id = p.organization_id WHERE p.reference = %s"
)


@dataclass(frozen=True)
class Series:
    """Disclosures of one person's data to one recipient for one purpose: the first in full, how many, and when the last was."""

    reference: str
    first_at: datetime
    recipient_kind: str
    recipient: str
    recipient_name: str
    recipient_place: str
    purpose: str
    ground: str
    categories: tuple[str, ...]
    countries: tuple[str, ...]
    what: str
    patient_information: bool
    number: int
    last_at: datetime

    @property
    def description(self) -> str:
        """What it held, in words."""
        return ", ".join(str(CATEGORIES[code]) if code in CATEGORIES else code for code in self.categories)

    @property
    def purpose_in_words(self) -> str:
        return DisclosurePurpose(self.purpose).label if self.purpose in DisclosurePurpose.values else self.purpose

    @property
    def ground_in_words(self) -> str:
        return Ground(self.ground).label if self.ground in Ground.values else self.ground

    def as_dict(self) -> dict:
        """As the file for machines says it."""
        return {
            "disclosure": self.reference, "date": _iso(self.first_at),
            "recipient": {"kind": self.recipient_kind, "reference": self.recipient, "name": self.recipient_name, "place": self.recipient_place},
            "description": self.description, "categories": list(self.categories), "object": self.what, "purpose": self.purpose_in_words,
            "ground": self.ground_in_words, "countries": list(self.countries), "patient_information": self.patient_information,
            "number_in_series": self.number, "last_date": _iso(self.last_at),
        }  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """What went out about an organization as a whole, to one recipient for one purpose."""

    recipient_kind: str
    recipient: str
    purpose: str
    number: int
    first_at: datetime
    last_at: datetime
    recipient_name: str = ""

    @property
    def purpose_in_words(self) -> str:
        return DisclosurePurpose(self.purpose).label if self.purpose in DisclosurePurpose.values else self.purpose


@dataclass(frozen=True)
class Account:
    """All that left about one person since `since`."""

    person: str
    since: datetime
    at: datetime
    series: tuple[Series, ...]
    organization: str
    whole: tuple[Whole, ...]

    @property
    def number(self) -> int:
        return sum(one.number for one in self.series)

    def as_dict(self) -> dict:
        return {
            "about": self.person, "since": _iso(self.since), "made_at": _iso(self.at), "disclosures": self.number,
            "series": [one.as_dict() for one in self.series],
            "about_their_organization": [
                {"organization": self.organization, "recipient": one.recipient, "purpose": one.purpose_in_words, "number": one.number,
                 "first_date": _iso(one.first_at), "last_date": _iso(one.last_at)}
                for one in self.whole
            ],
        }  # fmt: skip


def of_person(reference: str, *, at: datetime, since: datetime | None = None) -> Account:
    """The account of one person, by their reference; six years back where nothing else is asked."""
    since = at - LOOK_BACK if since is None else since
    rows = _rows(SERIES, [reference, since])
    organization = next((row[0] for row in _rows(ORGANIZATION, [reference])), "")
    totals = _rows(WHOLE, [organization, since]) if organization else []
    named = names({row[3] for row in rows} | {row[1] for row in totals})
    series = tuple(_series(row, named) for row in rows)
    whole = tuple(Whole(*row, named.get(row[1], ("", ""))[0]) for row in totals)
    return Account(reference, since, at, series, organization, whole)


def _series(row: tuple, named: dict[str, tuple[str, str]]) -> Series:
    reference, first_at, kind, recipient, purpose, ground, categories, countries, what, patients, number, last_at, _place = row
    name, place = named.get(recipient, ("", ""))
    return Series(
        reference, first_at, kind, recipient, name, place, purpose, ground, tuple(categories), tuple(countries), what, patients, number, last_at
    )


def names(recipients: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Legal name and place of each recipient that is no person; a person is named by their reference alone."""
    found, wanted = {}, set(recipients)
    for prefix, sql in NAMES.items():
        if references := sorted(reference for reference in wanted if reference.startswith(prefix)):
            found |= {reference: (name, place) for reference, name, place in _rows(sql, [references])}
    return found


def _rows(sql: str, values: list) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
