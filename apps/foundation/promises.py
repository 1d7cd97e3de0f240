"""The 26 promises by their codes, and the shape of a check. Codes are stable: code, tests and the board use them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

PROMISES: dict[str, str] = {
    "P01": "Personal information is given voluntarily, and every field says what it is for",
    "P02": "Contacts and calendars are taken only with permission, and go when it is withdrawn",
    "P03": "People are matched with contacts who use the service, and both sides see it",
    "P04": "Third-party accounts give only what the person authorised",
    "P05": "Usage data loses what identifies when its time is over",
    "P06": "Message data is temporary, and gone beyond recovery once destroyed",
    "P07": "Only registered tags track use",
    "P08": "Personal information never leaves together with an IP address or device id",
    "P09": "Communications are kept to answer them, and no longer",
    "P10": "Cookies carry no personal information and are all listed",
    "P11": "Data is used for declared purposes, and never sold or rented",
    "P12": "Nothing goes to a third party but on a stated ground, through one gate",
    "P13": "News goes only to those who allowed it",
    "P14": "Service providers get what they need, under an agreement in force",
    "P15": "Analytics get listed fields only",
    "P16": "Aggregate data identifies nobody",
    "P17": "Access is limited, recorded and provable",
    "P18": "Demands of law are answered within their scope, by two approvers",
    "P19": "Everything is stored and processed in the United States",
    "P20": "Who asks to be deleted is gone within 60 days",
    "P21": "What is kept indefinitely identifies nobody",
    "P22": "Erasures and destructions hold in backups too",
    "P23": "Californians learn what went to whom for marketing",
    "P24": "Nobody under 18 without a verified representative",
    "P25": "A successor receives data only through a recorded event",
    "P26": "Every record falls under the policy in force when it was collected",
}


@dataclass(frozen=True)
class Violation:
    """One thing found that breaks a promise: a reference to the object, and why, without personal data."""

    object: str
    why: str


@dataclass(frozen=True)
class Looked:
    """What a check saw: how many rows it examined, and the violations among them."""

    rows: int
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True)
class Check:
    """A proof of a promise on live data. `run(at)` shares no code with what it checks.

    `waits_for` instead of `run` names a part of the promise that nothing proves yet: it shows as unproven.
    """

    promise: str
    code: str
    title: str
    run: Callable[[datetime], Looked] | None = None
    waits_for: str = ""


def fetch(sql: str, values: Iterable[Any] = ()) -> list[tuple]:
    """What a check asks the database, and all that checks share."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        return cursor.fetchall()


def fetch_named(sql: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
    """The same, each row by the names of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
