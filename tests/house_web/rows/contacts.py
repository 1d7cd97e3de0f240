"""Sources with every kind of trouble, notes of refused files, what a hold keeps, and matching keys in their states."""

from datetime import timedelta

from apps.accounts.models import Person
from apps.consents.services import asking, giving
from apps.consents.states import How
from apps.contacts.models import KeptBook, MatchingKey, RefusedFile, Source
from apps.contacts.services import keys, lending, refreshing, refusing
from apps.contacts.services.lent import Lent
from apps.contacts.states import SourceHow
from apps.foundation.actors import SYSTEM, Actor
from apps.holds.services import matters, placing
from tests import cast
from tests.cast import DAY, NOON
from tests.house_web.rows import accounts, holds
from tests.house_web.rows.declared import Rows, Scene


def lender(number: int) -> Person:
    """Somebody who allows contacts."""
    person = accounts.person(number)
    text = asking.text_in_force(purpose="contacts", at=NOON)
    giving.give(
        person=person, purpose="contacts", text=text.number, shown=bytes(text.digest), shown_at=NOON - timedelta(minutes=1),
        how=How.PREFERENCE_PAGE, by=Actor("person", person.reference), at=NOON,
    )  # fmt: skip
    return person


def source(number: int) -> Source:
    """One that was just lent, one in trouble, one that was parked."""
    where = Lent(f"https://quuxworth.example/adelaide{number}/", f"adelaide{number}", "Elmwood")
    row = lending.add_address(person=lender(number), purpose="contacts", given=where, by=SYSTEM, at=NOON + number * DAY)
    if number:
        claimed = refreshing._claim(NOON + number * DAY)
        while claimed is not None and claimed.pk != row.pk:
            claimed = refreshing._claim(NOON + number * DAY)
        refreshing._failed(claimed, "source_unreachable", can_help=number == 1, at=NOON + number * DAY)
    return row


def parked() -> Source:
    row = source(2)
    row.refresh_from_db()
    return row


def refused(number: int) -> RefusedFile:
    row = refusing.note(
        person=accounts.person(number), purpose="contacts", how=SourceHow.FILE, code=("too_large", "unreadable", "took_too_long")[number],
        size=10_000 * (number + 1), by=SYSTEM, at=NOON + number * DAY,
    )  # fmt: skip
    return refusing.finish(refused=row, by=cast.cleo(), at=NOON + 3 * DAY) if number == 2 else row


def kept(number: int) -> KeptBook:
    """Of a source that was taken away while a hold kept its person."""
    row = source(0) if number == 0 else lending.add_address(
        person=lender(number), purpose="contacts", given=Lent("https://quuxworth.example/", "adelaide", "Elmwood"), by=SYSTEM, at=NOON
    )  # fmt: skip
    matter = matters.open_matter(title="A dispute", reason="A court asks for it.", by=holds.counsel(), at=NOON)
    placing.place(matter=matter, person=row.person, reason="The court names it.", by=holds.counsel(), at=NOON)
    lending.remove(source=row, by=Actor("person", row.person.reference), at=NOON + number * DAY)
    return KeptBook.objects.get(source_reference=row.reference)


def key(number: int) -> MatchingKey:
    """The first, one that was announced, and one after a rotation."""
    if number == 0:
        return MatchingKey.objects.get(number=keys.current(at=NOON).number)
    keys.rotate(at=NOON)
    return keys.announce(by=cast.cleo(), at=NOON + number * DAY)


ROWS = {
    Source: Rows(source),
    RefusedFile: Rows(refused),
    KeptBook: Rows(kept),
    MatchingKey: Rows(key),
}

SCENES = {
    (Source, "retry"): Scene(lambda _member: parked()),
    (RefusedFile, "finish"): Scene(lambda _member: refused(0)),
    (MatchingKey, "rotate"): Scene(lambda _member: None),
}
