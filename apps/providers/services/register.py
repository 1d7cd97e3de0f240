"""The register as a file: taken away whole, and handed in to be looked at before it changes anything.

| step | what |
|---|---|
| upload | every line is judged against the register: new, changed, as before, or refused with its reason; nothing is changed |
| apply | judged again; where that differs from what was shown it is refused; else new ones are proposed and changed ones corrected |

It can do no more than its applier could by hand: no line activates, suspends or ends anything, nor changes what a second person
approved. A cell that a spreadsheet would run as a formula leaves with an apostrophe before it, and loses that when it comes back.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Upper

from apps.audit.services import ledger
from apps.foundation.admin.export import FORMULA, cell
from apps.foundation.digests import canonical, sha256
from apps.foundation.refusals import Refusal
from apps.providers.models import Provider, RegisterImport
from apps.providers.services import lives, locking
from apps.providers.states import ImportState, ProviderState
from apps.staff.models import StaffMember
from apps.staff.services import approvals, presence

IMPORT, EXPORT = "providers.add_registerimport", "providers.export_register"
LARGEST_FILE = 2 * 1024 * 1024
MOST_LINES = 5_000
KEPT_DAYS = 7
SEPARATOR = ";"

#: what a line may say, in the order of the columns; the last two tell how it stands and are not read back
COLUMNS = (
    "reference", "legal_name", "role", "service", "countries", "hipaa_relevant", "clients", "contact_name", "contact_email", "owner",
)  # fmt: skip
TOLD = ("state", "in_use_since")
LISTS = ("countries", "clients")
YES_NO = {"yes": True, "no": False, "": False}
#: what stands on a page of an import; who the contact is does not
SHOWN = ("legal_name", "role", "service", "countries", "hipaa_relevant", "clients", "owner")


class FileUnreadable(Refusal):
    """The file can't be read as a register."""

    code = "register_unreadable"
    mend = f"Hand in a CSV file in UTF-8 with the columns {', '.join(COLUMNS)}; the export of the register has them."


class LineWrong(Refusal):
    """The line can't be used as it is."""

    code = "register_line_wrong"
    mend = "Correct the line and hand the file in again."


class ImportDecided(Refusal):
    """This file was applied or dropped already."""

    code = "import_decided"
    mend = "Hand the file in again if something is still to be changed."


class RegisterChanged(approvals.ChangedSince):
    """The register has changed since the file was looked at."""

    code = "register_changed"
    mend = "Hand the file in again, and look at what it would do now."


@dataclass(frozen=True)
class Planned:
    """What one line would do: `kind` is new, changed, same or refused. `given` is what a service takes."""

    number: int
    kind: str
    reference: str
    name: str
    why: str = ""
    given: dict = field(default_factory=dict)
    changes: tuple[tuple[str, str, str], ...] = ()


def export_lines(*, by: StaffMember, at: datetime) -> Iterator[str]:
    """The whole register as CSV, contacts included; that it leaves is recorded before its first line."""
    with transaction.atomic():
        member = locking.acting(by, EXPORT)
        providers = list(Provider.objects.select_related("owner").order_by("pk"))
        facts = {"model": "providers.provider", "rows": len(providers), "filter": "register"}
        ledger.record("export.made", by=member, about="providers.provider", at=at, facts=facts)
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow((*COLUMNS, *TOLD))
    for provider in providers:
        writer.writerow([cell(_as_text(provider, name)) for name in (*COLUMNS, *TOLD)])
    return iter(out.getvalue().splitlines(keepends=True))


def _as_text(provider: Provider, name: str) -> Any:
    value = getattr(provider, name)
    if name in LISTS:
        return SEPARATOR.join(value)
    return value.reference if name == "owner" else value


@transaction.atomic
def upload(*, content: bytes, by: StaffMember, at: datetime) -> RegisterImport:
    """Keep a file and what it would do. Nothing of the register is changed."""
    uploader = locking.acting(by, IMPORT)
    planned = plan(content)
    row = RegisterImport.objects.create(
        content=content, digest=sha256(content), plan=digest_of(planned), lines=len(planned), uploaded_by=str(uploader.actor), uploaded_at=at
    )
    ledger.record("register.uploaded", by=uploader, about=row.reference, at=at, facts={"lines": len(planned), "digest": row.digest})
    return row


@transaction.atomic
def apply(*, upload: RegisterImport, by: StaffMember, at: datetime) -> RegisterImport:
    """Do what was shown, all of it or nothing; lines that were refused stay out. The second time is refused."""
    applier = locking.acting(by, IMPORT)
    for right in (lives.PROPOSE, lives.CHANGE):
        presence.require_right(applier, right)
    row = RegisterImport.objects.select_for_update().get(pk=upload.pk)
    if row.state != ImportState.PREVIEWED:
        raise ImportDecided
    planned = plan(bytes(row.content))
    if digest_of(planned) != bytes(row.plan):
        raise RegisterChanged
    for line in planned:
        if line.kind == "new":
            lives.propose(**line.given, by=applier, at=at)
        elif line.kind == "changed":
            lives.correct(provider=Provider.objects.get(reference=line.reference), **line.given, by=applier, at=at)
    kinds = [line.kind for line in planned]
    row.added, row.changed, row.refused = kinds.count("new"), kinds.count("changed"), kinds.count("refused")
    _decide(row, ImportState.APPLIED, by=applier, at=at)
    facts = {"added": row.added, "changed": row.changed, "refused": row.refused}
    ledger.record("register.imported", by=applier, about=row.reference, at=at, facts=facts)
    return row


@transaction.atomic
def drop(*, upload: RegisterImport, by: StaffMember, at: datetime) -> RegisterImport:
    """Put a file away without doing anything; its content goes at once."""
    actor = locking.acting(by, IMPORT)
    row = RegisterImport.objects.select_for_update().get(pk=upload.pk)
    if row.state != ImportState.PREVIEWED:
        raise ImportDecided
    _decide(row, ImportState.DROPPED, by=actor, at=at)
    ledger.record("register.dropped", by=actor, about=row.reference, at=at)
    return row


def _decide(row: RegisterImport, state: ImportState, *, by: StaffMember | None, at: datetime) -> None:
    row.state, row.decided_by, row.decided_at = state, str(by.actor) if by else "", at
    row.content, row.emptied_at = b"", at
    row.save(update_fields=["state", "decided_by", "decided_at", "content", "emptied_at", "added", "changed", "refused"])


@transaction.atomic
def empty_old(*, at: datetime) -> int:
    """Drop files that nobody decided on for days: people stand in them."""
    old = RegisterImport.objects.select_for_update(skip_locked=True).filter(
        state=ImportState.PREVIEWED, uploaded_at__lt=at - timedelta(days=KEPT_DAYS)
    )
    rows = list(old.order_by("pk"))
    for row in rows:
        _decide(row, ImportState.DROPPED, by=None, at=at)
    return len(rows)


def plan(content: bytes) -> list[Planned]:
    """What each line of a file would do now."""
    seen: set[str] = set()
    return [_planned(number, said, seen) for number, said in _lines(content)]


def digest_of(planned: list[Planned]) -> bytes:
    """What an application is bound to: what each line would do, and to what as it is now."""
    return sha256(
        canonical([
            [line.number, line.kind, line.reference, line.why, [list(change) for change in line.changes],
             {name: _plain(value) for name, value in line.given.items()}]
            for line in planned
        ])
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value.reference if isinstance(value, StaffMember) else value


def _lines(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    if len(content) > LARGEST_FILE:
        raise FileUnreadable("The file is larger than 2 MB.")
    try:
        text = content.decode("utf-8-sig")
        first = text.partition("\n")[0]
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileUnreadable from error
    if not rows or len(rows) > MOST_LINES + 1:
        raise FileUnreadable(f"The file is empty, or has more than {MOST_LINES} lines.")
    heading = [name.strip().lower().replace(" ", "_") for name in rows[0]]
    if set(heading) - set(COLUMNS) - set(TOLD) or not set(COLUMNS) <= set(heading) or len(heading) != len(set(heading)):
        raise FileUnreadable("Its columns are not those of a register.")
    for number, cells in enumerate(rows[1:], start=2):
        if any(cells):
            said = dict(zip(heading, map(_without_apostrophe, cells), strict=False))
            yield number, said if len(cells) == len(heading) else {}


def _without_apostrophe(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def _planned(number: int, said: dict[str, str], seen: set[str]) -> Planned:
    reference, name = said.get("reference", "").strip().upper(), said.get("legal_name", "").strip()
    try:
        if not said:
            raise LineWrong("It has another number of cells than the heading.")
        given = _given(said)
        if (key := reference or name.upper()) in seen:
            raise LineWrong("An earlier line of the file is about the same provider.")
        seen.add(key)
        return _changed(number, reference, given) if reference else _new(number, given)
    except Refusal as refusal:
        return Planned(number, "refused", reference[:20], name[:120], f"{refusal.what} {refusal.mend}")


def _given(said: dict[str, str]) -> dict:
    given: dict[str, Any] = {name: said[name].strip() for name in COLUMNS if name != "reference"}
    for name in LISTS:
        given[name] = [part.strip() for part in given[name].replace(",", SEPARATOR).split(SEPARATOR) if part.strip()]
    word = given["hipaa_relevant"].lower()
    if word not in YES_NO:
        raise LineWrong("The column hipaa_relevant takes yes or no.")
    given["hipaa_relevant"] = YES_NO[word]
    owner = given["owner"]
    given["owner"] = StaffMember.objects.filter(reference=owner.upper()).first() or StaffMember.objects.filter(username__iexact=owner).first()
    if given["owner"] is None:
        raise LineWrong("The column owner takes the reference or the user name of a member of staff.")
    return lives.checked(given)


def _new(number: int, given: dict) -> Planned:
    standing = Provider.objects.annotate(upper=Upper("legal_name")).filter(upper=given["legal_name"].upper()).exclude(state=ProviderState.ENDED)
    if known := standing.first():
        raise LineWrong(f"The register has it as {known.reference}.", mend="Write that reference into the line to change it.")
    return Planned(number, "new", "", given["legal_name"], given=given)


def _changed(number: int, reference: str, given: dict) -> Planned:
    provider = Provider.objects.select_related("owner").filter(reference=reference).first()
    if provider is None:
        raise LineWrong("The register has no provider with that reference.", mend="Correct it, or leave it empty for a new provider.")
    differing = {name: value for name, value in given.items() if getattr(provider, name) != value}
    if not differing:
        return Planned(number, "same", reference, provider.legal_name)
    lives.require_changeable(provider, set(differing))
    changes = tuple(
        (name.replace("_", " "), _in_words(getattr(provider, name)), _in_words(value)) if name in SHOWN else (name.replace("_", " "), "", "")
        for name, value in differing.items()
    )
    return Planned(number, "changed", reference, provider.legal_name, given=differing, changes=changes)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "–"
    return _plain(value)
