"""A Slack workspace export: a zip of users, channels, and per channel a folder with one JSON list a day.

The zip is the work of strangers. It is checked whole before its first line is handed out (a damaged, encrypted or
exploding one is refused, and nothing of it goes in), nothing of it is ever written to disk, and it is read in chunks:
memory holds its directory, its people and its channels, never its messages. Inside a sound zip a broken list or message is
one refused line, and the rest goes on.

Lines are numbered through the whole export in a stable order, by channel id and then by day, so that an import that
stopped goes on with `after`. What becomes of each kind of entry is said in slack_messages.
"""

import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from apps.foundation.refusals import Refusal
from apps.retention.importing import elements, lines, slack_messages, strict_json
from apps.retention.importing.lines import (
    Deletion,
    Incoming,
    Line,
    Party,
    Refused,
    UnfitLine,
)
from apps.retention.importing.slack_messages import SLACKBOT, Channel, Directory

CHANNEL_LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
PEOPLE_LISTS = ("users.json", "org_users.json")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others need memory that the zip decides on
ENCRYPTED = 0x1
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.json")


class NotASlackExport(Refusal):
    """The file is not an export of a Slack workspace."""

    code = "not_a_slack_export"
    mend = "Export the workspace in Slack as JSON and give the zip as it comes: with users.json and channels.json."


class DamagedExport(Refusal):
    """The zip is damaged; nothing of it was taken in."""

    code = "damaged_export"
    mend = "Download the export again and compare its size; a zip that opens with `unzip -t` without an error will do."


class ExplodingExport(Refusal):
    """The zip would unpack to far more than an export can hold; nothing of it was taken in."""

    code = "exploding_export"
    mend = "Ask where the file comes from. A true export this large can be taken in parts, by date range."


@dataclass(frozen=True)
class Limits:
    """What no true export reaches. JSON of messages shrinks to a tenth or a thirtieth; to a two-hundredth only a bomb."""

    directory_bytes: int = 64 * 1024**2
    members: int = 250_000
    total_bytes: int = 64 * 1024**3
    ratio: int = 200
    ratio_from_bytes: int = 64 * 1024**2
    people: int = 500_000
    channels: int = 100_000
    recipients: int = lines.MOST_RECIPIENTS


@dataclass(frozen=True)
class _Day:
    """One member of the zip: a channel's messages of one day. `channel` is None where the export doesn't name it."""

    info: zipfile.ZipInfo
    channel: Channel | None


def read(path: Path | str, *, longest_line: int = 2**20, limits: Limits = Limits(), after: int = 0) -> "SlackExport":
    """Open an export, check it whole, and stand before its first line, or before the one behind number `after`.

    Raises NotASlackExport, DamagedExport or ExplodingExport.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115 - SlackExport closes it
    except OSError as error:
        raise NotASlackExport(f"The file can't be opened ({type(error).__name__}).") from None
    try:
        return SlackExport(file, longest_line=longest_line, limits=limits, after=after)
    except BaseException:
        file.close()
        raise


class SlackExport:
    """Iterates over the lines of an export, once. `table` counts them by kind and by what became of them here."""

    source = "slack"

    def __init__(self, file: BinaryIO, *, longest_line: int, limits: Limits, after: int):
        self.number = 0
        self.table: Counter[tuple[str, str]] = Counter()
        self._file = file
        self._longest = longest_line
        self._limits = limits
        self._archive = _open(file, limits)
        root = _root(self._archive)
        self._check_members(root)
        self.directory = Directory(self._people(root))
        folders = self._channels(root)
        self._days = _days(self._archive, root, folders)
        self.bytes_total = sum(day.info.file_size for day in self._days)
        self.bytes_read = 0
        self._lines = self._read_all(after)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._release()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Line:
        return next(self._lines)

    def _read_all(self, after: int) -> Iterator[Line]:
        for day in self._days:
            for line in self._read_day(day):
                self.table[line.kind, _outcome(line)] += 1
                if line.number > after:
                    yield line
        self._release()

    def _release(self) -> None:
        self._archive.close()
        self._file.close()

    def _read_day(self, day: _Day) -> Iterator[Line]:
        with self._archive.open(day.info) as member:
            for element in elements.elements(_Counted(member, self), longest=self._longest):
                self.number += 1
                yield self._line(element, day.channel)

    def _line(self, element: bytes | UnfitLine, channel: Channel | None) -> Line:
        if isinstance(element, UnfitLine):
            return Refused(self.number, element.code, element.what)
        try:
            entry = strict_json.parse(element, whole_numbers_only=False)
        except UnfitLine as refusal:
            return Refused(self.number, refusal.code, refusal.what)
        if channel is None:
            why = "Its folder is named in no list of channels, so nobody knows whose conversation it is."
            return Refused(self.number, "unknown_channel", why, slack_messages.kind_of(entry))
        return slack_messages.line(
            self.number,
            entry,
            channel=channel,
            directory=self.directory,
            most_recipients=self._limits.recipients,
        )

    def _check_members(self, root: str) -> None:
        """Read every member that will be used once, so that a checksum fails before a line of it is handed out."""
        for info in self._archive.infolist():
            if not _is_used(info.filename, root):
                continue
            if info.flag_bits & ENCRYPTED:
                raise DamagedExport("The zip is protected by a password.", mend="Unpack it and zip it without one.")
            if info.compress_type not in METHODS:
                raise DamagedExport(
                    "The zip is packed by a method that is not taken.", mend="Zip it again with deflate."
                )
            try:
                with self._archive.open(info) as member:
                    while member.read(elements.CHUNK):
                        pass
            except DAMAGE as error:
                raise DamagedExport(f"A file in the zip is damaged ({type(error).__name__}).") from None

    def _entries(self, root: str, name: str, most: int) -> Iterator[dict[str, Any]]:
        try:
            info = self._archive.getinfo(root + name)
        except KeyError:
            return
        with self._archive.open(info) as stream:
            for count, element in enumerate(elements.elements(stream, longest=self._longest)):
                try:
                    if isinstance(element, UnfitLine):
                        raise element
                    entry = strict_json.parse(element, whole_numbers_only=False)
                except UnfitLine as refusal:
                    raise DamagedExport(f"{name} can't be read: {refusal.what}") from None
                if count >= most:
                    raise ExplodingExport(f"{name} has more than {most} entries.")
                if isinstance(entry, dict):
                    yield entry

    def _people(self, root: str) -> dict[str, Party]:
        people = {SLACKBOT: Party(SLACKBOT, None, "Slackbot", owned_by_organization=True)}
        for name in PEOPLE_LISTS:
            for entry in self._entries(root, name, self._limits.people):
                party = _person(entry)
                if party is not None:
                    people.setdefault(str(party.source_id), party)
        return people

    def _channels(self, root: str) -> dict[str, Channel | None]:
        """Folder → channel; None where two channels claim one folder, because a guess would name the wrong people."""
        folders: dict[str, Channel | None] = {}
        for list_name in CHANNEL_LISTS:
            for entry in self._entries(root, list_name, self._limits.channels):
                channel = _channel(entry)
                for folder in (entry.get("name"), entry.get("id")):
                    if channel and isinstance(folder, str) and folder:
                        folders[folder] = channel if folders.get(folder, channel) == channel else None
        return folders


class _Counted:
    """Counts what is read of a member into the export's progress."""

    def __init__(self, stream: Any, export: SlackExport):
        self._stream = stream
        self._export = export

    def read(self, size: int) -> bytes:
        try:
            chunk = self._stream.read(size)
        except DAMAGE as error:  # it was sound when it was checked
            raise DamagedExport(f"The zip changed while it was read ({type(error).__name__}).") from None
        self._export.bytes_read += len(chunk)
        return chunk


def _outcome(line: Line) -> str:
    if isinstance(line, Incoming):
        return "message"
    return "deletion" if isinstance(line, Deletion) else line.code


def _open(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    try:
        # asked before ZipFile, which reads the directory into memory whatever its size
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        if not end:
            raise NotASlackExport("The file is not a zip.")
        if end[5] > limits.directory_bytes:
            raise ExplodingExport("The zip's own directory is larger than an export's can be.")
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        raise DamagedExport(f"The zip can't be opened ({type(error).__name__}).") from None
    members = archive.infolist()
    if len(members) > limits.members:
        raise ExplodingExport(f"The zip has more than {limits.members} files.")
    if len({info.filename for info in members}) != len(members):
        raise DamagedExport("The zip has two files of the same name; which one counts is not clear.")
    total = sum(info.file_size for info in members)
    size = file.seek(0, 2)
    if total > limits.total_bytes or (total > limits.ratio_from_bytes and total > limits.ratio * size):
        raise ExplodingExport(f"The zip has {size} bytes and would unpack to {total}.")
    return archive


def _root(archive: zipfile.ZipFile) -> str:
    """The folder that holds users.json: the top, or one folder where the export was unpacked and zipped again."""
    names = set(archive.namelist())
    for root in ("", *sorted({name.split("/", 1)[0] + "/" for name in names if "/" in name})):
        people = any(root + name in names for name in PEOPLE_LISTS)
        if people and any(root + name in names for name in CHANNEL_LISTS):
            return root
    raise NotASlackExport("The zip has no users.json and channels.json.")


def _is_used(name: str, root: str) -> bool:
    if not name.startswith(root):
        return False
    folder, _, file = name.removeprefix(root).rpartition("/")
    if not folder:
        return file in PEOPLE_LISTS or file in CHANNEL_LISTS
    return "/" not in folder and folder != "__MACOSX" and bool(_DAY.fullmatch(file))


def _days(archive: zipfile.ZipFile, root: str, folders: dict[str, Channel | None]) -> list[_Day]:
    found = []
    for info in archive.infolist():
        folder, _, file = info.filename.removeprefix(root).rpartition("/")
        if folder and _is_used(info.filename, root):
            channel = folders.get(folder)
            found.append((channel is None, channel.id if channel else folder, file, _Day(info, channel)))
    return [day for *_order, day in sorted(found, key=lambda item: item[:3])]


def _person(entry: dict[str, Any]) -> Party | None:
    try:
        user = lines.short_text(entry.get("id"), "id", lines.LONGEST_ID)
    except UnfitLine:
        return None
    profile = entry.get("profile") if isinstance(entry.get("profile"), dict) else {}
    names = (profile.get("real_name"), entry.get("real_name"), profile.get("display_name"), entry.get("name"))
    return Party(
        source_id=user,
        email=_email(profile.get("email")),
        name=next((name for name in map(lines.one_line, names) if name), None),
        owned_by_organization=entry.get("is_bot") is True or user == SLACKBOT,
    )


def _email(value: Any) -> str | None:
    try:
        return lines.email_address(value, "email")
    except UnfitLine:
        return None


def _channel(entry: dict[str, Any]) -> Channel | None:
    try:
        reference = lines.short_text(entry.get("id"), "id", lines.LONGEST_ID - 40)  # a message's id adds its timestamp
    except UnfitLine:
        return None
    members = entry.get("members") if isinstance(entry.get("members"), list) else []
    return Channel(reference, tuple(dict.fromkeys(member for member in members if isinstance(member, str) and member)))
