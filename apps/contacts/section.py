"""What a person sees of this on their preference page: what they lent, with what is wrong with it, whom they are matched with, who is free.

A name is shown to somebody whom its bearer allowed to find them, and to nobody else. It must never show an address out of a book, and
never say whether one is known here.
"""

from datetime import datetime

from apps.accounts.models import Person
from apps.consents import visits
from apps.consents.purposes import CALENDAR, CONTACTS
from apps.consents.services import asking
from apps.contacts import troubles
from apps.contacts.models import Source
from apps.contacts.services import lent, seeing, windows
from apps.contacts.services.keeping_apart import WORTHLESS
from apps.contacts.states import SourceHow

TITLE, ANCHOR = "What you lent us", "lent"
MOST_SHOWN = 200


def section(person: Person, *, at: datetime) -> visits.Section | None:
    """Nothing where the person allows neither: there is nothing to see, and nothing to lend."""
    allowed = {kind: asking.may(person_id=person.pk, purpose=kind, at=at) for kind in (CONTACTS, CALENDAR)}
    sources = list(Source.objects.of(person))
    if not any(allowed.values()) and not sources:
        return None
    since, until = windows.asked(None, None, at=at)
    groups = seeing.groups_of(person, since=since, until=until, at=at)
    context = {
        "allowed": allowed, "sources": [_shown(source) for source in sources], "kinds": [kind for kind, may in allowed.items() if may],
        "groups": [_group(group) for group in groups], "matches": sum(len(group.people) for group in groups), "since": since, "until": until,
        "most": MOST_SHOWN,
    }  # fmt: skip
    return visits.Section(TITLE, "contacts/section.html", context, ANCHOR)


def _shown(source: Source) -> dict:
    return {"source": source, "place": _place(source), "is_address": source.how == SourceHow.DAV, "trouble": troubles.in_words(source.last_error)}


def _place(source: Source) -> str:
    """Where it is, for its owner: their own words back."""
    if source.how != SourceHow.DAV:
        return "a file"
    try:
        return lent.open_lent(source).address
    except WORTHLESS:
        return "an address that can't be read any more"


def _group(group: seeing.Group) -> dict:
    name = group.organization.name if group.organization else "by themselves"
    return {"name": name, "people": group.people[:MOST_SHOWN], "more": max(0, len(group.people) - MOST_SHOWN)}
