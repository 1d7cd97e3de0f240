"""Searches every table, file and queue for a person, as it is done after an erasure; for auditors, who name the person themselves.

Whom to look for is read from standard input and never from the command line, where others could see it and the shell would keep it.
"""

import json
import sys

from django.core.management.base import BaseCommand, CommandError

from apps.data_requests.scanning import lawful, looking
from apps.foundation.personal_data import Subject

LISTS = ("names", "emails", "phones")


class Command(BaseCommand):
    help = (
        "Search everything for a person. Reads one JSON object from standard input:"
        ' {"names": […], "emails": […], "phones": ["+1…"], "identities": [["source", "id"]], "reference": "PER-…", "organization": "ORG-…"}; what is not'
        " known is left out. Prints places, kinds and numbers, never what was found. Ends with 0 where nothing is, 1 where something is."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args, **options) -> None:
        seen = looking.search(_subject(sys.stdin.read()))
        left, excused = lawful.sort(seen, ())
        if options["json"]:
            self._print_json(seen, left, excused)
        else:
            self.stdout.write(f"Looked at {seen.tables} tables, {seen.columns} columns, {seen.files} files and the queues ({seen.bytes:,} bytes).")
            for found in left:
                self.stdout.write(f"found    {found.place}: {found.what}, {found.count}")
            for one in excused:
                self.stdout.write(f"excused  {one.found.place}: {one.found.what}, {one.found.count}: {one.because}")
            self.stdout.write("Something of this person is left." if left else "Nothing is left that names this person.")
        if left:
            raise SystemExit(1)

    def _print_json(self, seen, left, excused) -> None:
        said = {
            "tables": seen.tables, "columns": seen.columns, "files": seen.files, "bytes": seen.bytes,
            "found": [{"place": found.place, "what": found.what, "count": found.count} for found in left],
            "excused": [
                {"place": one.found.place, "what": one.found.what, "count": one.found.count, "because": one.because} for one in excused
            ],
        }  # fmt: skip
        self.stdout.write(json.dumps(said, indent=1))


def _subject(text: str) -> Subject:
    """Whom the standard input names. Its words are in no message: they are a person's."""
    try:
        said = json.loads(text)
        known = {name: tuple(map(_text, _list(said.pop(name, [])))) for name in LISTS}
        known["identities"] = tuple((_text(source), _text(external)) for source, external in _list(said.pop("identities", [])))
        known |= {name: _text(said.pop(name, "")) for name in ("reference", "organization")}
        row = said.pop("row", 0)
    except (ValueError, TypeError, AttributeError):
        raise CommandError("Standard input is not the JSON object that --help describes.") from None
    if said or not isinstance(row, int):
        raise CommandError("Standard input has keys that --help does not describe.")
    if not any(known[name] for name in (*LISTS, "identities", "reference")) and not row:
        raise CommandError("Standard input names nobody.")
    return Subject(pk=row, **known)


def _list(value) -> list:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return value


def _text(value) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value
