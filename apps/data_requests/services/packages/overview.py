"""What every package begins with: the categories of data we hold of the person, where each came from, what it is for, and who got some of it.

Recipients are those of the disclosure record, never a guess. Categories are those that the columns of the holdings declare, so that they are what is
stored; a holding in which nothing of the person lies is not named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.apps import apps

from apps.accounts.models import Organization
from apps.data_requests.packages.contents import Section, said
from apps.foundation.personal_data import Collected, DataCategory, Holding, Personal, Role, Subject
from apps.gate.models import Disclosure
from apps.gate.states import AboutKind, Ground, RecipientKind
from apps.policies.vocabulary import CATEGORIES, DisclosurePurpose
from apps.providers.models import Provider

CODE_OF = {category: code for code, category in CATEGORIES.items()}
#: a column of a table of ours that says who of us did something is about us
ABOUT_STAFF = frozenset({DataCategory.WORK_RECORD})


@dataclass
class Got:
    """What one recipient got for one purpose on one ground."""

    times: int = 0
    first: datetime | None = None
    last: datetime | None = None
    categories: set[str] = field(default_factory=set)


def declared(holding: Holding) -> dict[DataCategory, set[str]]:
    """The categories that a holding's columns declare, each with what it is held for."""
    found: dict[DataCategory, set[str]] = {}
    for column in _columns(holding):
        if column.category not in ABOUT_STAFF:
            found.setdefault(column.category, set()).add(column.purpose.value)
    return found


def _columns(holding: Holding) -> Iterable[Personal]:
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for table in holding.tables:
        if table in models:
            yield from (column.personal for column in models[table]._meta.local_fields if getattr(column, "personal", None) is not None)
        yield from holding.third_party.get(table, {}).values()


def categories_of(holdings: Iterable[Holding]) -> list[str]:
    """Their categories by code, sorted."""
    return sorted({CODE_OF[category] for holding in holdings for category in declared(holding)})


def sections(subject: Subject, held: list[tuple[Holding, int]]) -> tuple[Section, ...]:
    """The overview: what is held, and who got what. `held` has the holdings in which something lies, with how many entries."""
    return (
        said("overview.categories", "What kinds of data we hold of you", WHAT, Collected(title="", rows=[_kind(*one) for one in held])),
        said("overview.recipients", "Who got some of it", WHO, Collected(title="", rows=_recipients(subject))),
    )  # fmt: skip


WHAT = "Each kind of data with its categories, how it is collected, what it is used for, and when it ends."
WHO = (
    "As our record of disclosures says; it goes back six years. We sell and rent no data. What went to nobody is not listed, and neither is what you"
    " were handed yourself by our pages."
)


def _kind(holding: Holding, count: int) -> dict:
    found = declared(holding)
    return {
        "kind of data": holding.title, "entries": count,
        "categories": ", ".join(sorted(category.value for category in found)) or "none that is about you by itself",
        "how it is collected": holding.collected, "used": ", ".join(sorted({purpose for purposes in found.values() for purpose in purposes})),
        "who decides on it": "we" if holding.role == Role.CONTROLLER else "your organization", "how it ends": holding.ends,
    }  # fmt: skip


def _recipients(subject: Subject) -> list[dict]:
    """By recipient, purpose and ground: what went out about the person by name, and about everybody of their organization."""
    found: dict[tuple, Got] = {}
    own = Disclosure.objects.about_person(subject.reference).exclude(recipient=subject.reference)
    theirs = Disclosure.objects.filter(about_kind=AboutKind.ORGANIZATION, about_organization=subject.organization) if subject.organization else own.none()
    for everybody, rows in ((False, own), (True, theirs)):
        named = rows.order_by("at", "id").values_list("recipient_kind", "recipient", "purpose", "ground", "categories", "at")
        for kind, recipient, purpose, ground, categories, at in named.iterator():
            got = found.setdefault((kind, recipient, purpose, ground, everybody), Got())
            got.times, got.first, got.last = got.times + 1, got.first or at, at
            got.categories.update(categories)
    names = _names({(kind, recipient) for kind, recipient, *_rest in found})
    return [
        {
            "who": names.get(recipient, recipient), "kind of recipient": RecipientKind(kind).label,
            "categories": ", ".join(sorted(CATEGORIES[code].value for code in got.categories if code in CATEGORIES)),
            "for": DisclosurePurpose(purpose).label, "on the ground of": Ground(ground).label, "times": got.times,
            "first": got.first.isoformat(), "last": got.last.isoformat(),
            "about": "everybody of your organization" if everybody else "you",
        }
        for (kind, recipient, purpose, ground, everybody), got in sorted(found.items(), key=lambda one: one[0])
    ]  # fmt: skip


def _names(recipients: set[tuple[str, str]]) -> dict[str, str]:
    """How recipients are called; people are not."""
    providers = [reference for kind, reference in recipients if kind == RecipientKind.PROVIDER]
    clients = [reference for kind, reference in recipients if kind == RecipientKind.CLIENT]
    found = dict(Provider.objects.filter(reference__in=providers).values_list("reference", "legal_name"))
    found |= Organization.objects.filter(reference__in=clients).values_list("reference", "name")
    return {reference: f"{name} ({reference})" for reference, name in found.items()}
