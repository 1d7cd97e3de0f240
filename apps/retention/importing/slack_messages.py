"""What one entry of a Slack export becomes: a message, a deletion, or a refusal with its reason.

| subtype | becomes | because |
|---|---|---|
| none, me_message, thread_broadcast, reply_broadcast | message | somebody's words |
| bot_message, slackbot_response, assistant_app_thread | message of the organization | an app's words, which people read |
| file_share, file_mention, file_comment, document_mention | message | words about a file; its name and address are recorded |
| channel_topic, channel_purpose (and group_…) | message | words a person wrote for all members |
| reminder_add | message | it quotes what a person wants to be reminded of |
| message_changed | message of the same id with the new text | an edit replaces |
| message_deleted, tombstone | deletion | what was deleted there goes here |
| join, leave, archive, rename, pin, bot_add and the like | refused: notice | who came and went, not something a person sent |
| any other | refused: unknown_subtype | nobody has said yet what it means; nothing is taken on a guess |

People are known by Slack's user id. An entry whose user is a bot, or which has no user, gets a sender owned by the
organization. Recipients are the channel's members at the time of the export, without the sender: exports don't say who
was a member earlier. A tombstone doesn't say when it was made; it counts as deleted when it was sent.
Addresses are recorded and never fetched; the access token that Slack adds to them (t=xoxe-…) is a credential and is cut.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.retention.importing import lines
from apps.retention.importing.lines import (
    Deletion,
    Incoming,
    Line,
    Party,
    Refused,
    UnfitLine,
)

MESSAGES = frozenset({
    "", "me_message", "thread_broadcast", "reply_broadcast", "bot_message", "slackbot_response", "assistant_app_thread",
    "file_share", "file_mention", "file_comment", "document_mention", "channel_topic", "channel_purpose", "group_topic",
    "group_purpose", "reminder_add",
})  # fmt: skip
NOTICES = frozenset({
    "channel_join", "channel_leave", "channel_archive", "channel_unarchive", "channel_name", "channel_posting_permissions",
    "channel_convert_to_private", "channel_convert_to_public", "channel_canvas_updated", "tabbed_canvas_updated",
    "group_join", "group_leave", "group_archive", "group_unarchive", "group_name", "app_conversation_join",
    "joiner_notification", "joiner_notification_for_inviter", "bot_add", "bot_remove", "bot_enable", "bot_disable",
    "pinned_item", "unpinned_item", "message_replied", "ekm_access_denied", "sh_room_created", "huddle_thread",
})  # fmt: skip
MACHINE_SUBTYPES = frozenset({"bot_message", "slackbot_response", "assistant_app_thread"})
SLACKBOT = "USLACKBOT"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_BLOCK_NODES = 10_000

_TIMESTAMP = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")
_SUBTYPE = re.compile(r"[a-z_]{1,40}")
_ACCESS_TOKEN = re.compile(r"(?<=[?&])t=xox[^&#]*&?")


@dataclass(frozen=True)
class Channel:
    """A conversation of the export and who belongs to it."""

    id: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Directory:
    """Everybody the export names, by Slack's user id."""

    parties: dict[str, Party] = field(default_factory=dict)

    def party(self, user: str) -> Party:
        return self.parties.get(user) or Party(source_id=user)


def kind_of(entry: Any) -> str:
    """What the entry calls itself: its subtype, or `message`."""
    subtype = entry.get("subtype") if isinstance(entry, dict) else None
    if subtype is None or subtype == "":
        return "message"
    return subtype if isinstance(subtype, str) and _SUBTYPE.fullmatch(subtype) else "unnamed"


def line(number: int, entry: Any, *, channel: Channel, directory: Directory, most_recipients: int) -> Line:
    """The line for one entry; whatever is wrong with it comes back as Refused."""
    kind = kind_of(entry)
    try:
        return _Reading(number, kind, channel, directory, most_recipients).line(entry)
    except UnfitLine as refusal:
        return Refused(number, refusal.code, refusal.what, kind)


def parse_timestamp(value: Any, name: str) -> datetime:
    """Slack's seconds since 1970 with six digits of fraction, exact to the microsecond (no float is made of it)."""
    if not isinstance(value, str):
        raise UnfitLine(f"{name} must be a text.", code="missing_field" if value is None else "wrong_type")
    match = _TIMESTAMP.fullmatch(value)
    if not match:
        raise UnfitLine(f"{name} is not a timestamp of Slack.", code="bad_time")
    seconds, fraction = match.groups()
    try:
        moment = EPOCH + timedelta(seconds=int(seconds), microseconds=int((fraction or "").ljust(6, "0")))
    except OverflowError:
        raise UnfitLine(f"{name} is not a timestamp of Slack.", code="bad_time") from None
    if moment.year not in lines.YEARS:
        raise UnfitLine(f"{name} must lie between the years 1970 and 2999.", code="bad_time")
    return moment


@dataclass(frozen=True)
class _Reading:
    number: int
    kind: str
    channel: Channel
    directory: Directory
    most_recipients: int

    def line(self, entry: Any) -> Line:
        if not isinstance(entry, dict):
            raise UnfitLine("The entry is not a JSON object.", code="wrong_type")
        if entry.get("type") != "message":
            raise UnfitLine("The entry is not of type message.", code="not_a_message")
        if self.kind == "message_changed":
            return self._changed(entry)
        if self.kind == "message_deleted":
            return self._deleted(entry)
        if self.kind == "tombstone":
            return self._deletion(entry.get("ts"), entry.get("ts"))
        self._require_message(self.kind)
        return self._message(entry, edited_ts=_within(entry, "edited", "ts"))

    def _require_message(self, kind: str) -> None:
        if kind in NOTICES:
            raise UnfitLine(
                f"{kind} is a notice by Slack about the channel, not something a person sent.", code="notice"
            )
        if kind != "message" and kind not in MESSAGES:
            raise UnfitLine(f"Nobody has said yet what the subtype {kind} means.", code="unknown_subtype")

    def _changed(self, event: dict[str, Any]) -> Line:
        inner = event.get("message")
        if not isinstance(inner, dict):
            raise UnfitLine("The change does not carry the changed message.", code="missing_field")
        kind = kind_of(inner)
        if kind == "tombstone":
            return self._deletion(inner.get("ts"), event.get("ts"))
        self._require_message(kind)
        return self._message(inner, edited_ts=_within(inner, "edited", "ts") or event.get("ts"))

    def _deleted(self, event: dict[str, Any]) -> Deletion:
        deleted = (
            event.get("deleted_ts") or _within(event, "previous_message", "ts") or _within(event, "original", "ts")
        )
        return self._deletion(deleted, event.get("ts"))

    def _deletion(self, ts: Any, deleted_ts: Any) -> Deletion:
        sent_at = parse_timestamp(ts, "ts of the deleted message")
        deleted_at = parse_timestamp(deleted_ts, "ts")
        return Deletion(self.number, self._id(ts), sent_at, max(sent_at, deleted_at), kind=self.kind)

    def _message(self, entry: dict[str, Any], *, edited_ts: Any) -> Incoming:
        sent_at = parse_timestamp(entry.get("ts"), "ts")
        # Slack gives an edit in whole seconds: one made within the second of sending seems to come before it
        edited_at = None if edited_ts is None else max(sent_at, parse_timestamp(edited_ts, "edited.ts"))
        sender = self._sender(entry)
        return Incoming(
            number=self.number,
            id=self._id(entry["ts"]),
            conversation=self.channel.id,
            conversation_class=None,
            sent_at=sent_at,
            sender=sender,
            recipients=self._recipients(sender, entry.get("user")),
            body=_body(entry),
            attachments=_attachments(entry),
            thread=self._thread(entry.get("thread_ts")),
            edited_at=edited_at,
            kind=self.kind,
        )

    def _id(self, ts: str) -> str:
        return f"{self.channel.id}:{ts}"

    def _thread(self, thread_ts: Any) -> str | None:
        if thread_ts is None:
            return None
        parse_timestamp(thread_ts, "thread_ts")
        return self._id(thread_ts)

    def _sender(self, entry: dict[str, Any]) -> Party:
        user = entry.get("user") or _within(entry, "comment", "user")
        if user is not None and kind_of(entry) not in MACHINE_SUBTYPES:
            user = lines.short_text(user, "user", lines.LONGEST_ID)
            known = self.directory.party(user)
            if not known.owned_by_organization:
                return known if known.name else Party(user, known.email, lines.one_line(_profile_name(entry)))
            name = known.name
        else:
            name = None
        bot = entry.get("bot_id") or user
        return Party(
            source_id=None if bot is None else lines.short_text(bot, "bot_id", lines.LONGEST_ID),
            name=lines.one_line(entry.get("username")) or lines.one_line(_within(entry, "bot_profile", "name")) or name,
            owned_by_organization=True,
        )

    def _recipients(self, sender: Party, user: Any) -> tuple[Party, ...]:
        if len(self.channel.members) > self.most_recipients:
            raise UnfitLine(f"The channel has more than {self.most_recipients} members.", code="too_many_recipients")
        senders = (sender.source_id, user)
        return tuple(self.directory.party(member) for member in self.channel.members if member not in senders)


def _within(entry: dict[str, Any], outer: str, inner: str) -> Any:
    found = entry.get(outer)
    return found.get(inner) if isinstance(found, dict) else None


def _profile_name(entry: dict[str, Any]) -> Any:
    return _within(entry, "user_profile", "real_name") or _within(entry, "user_profile", "name")


def _body(entry: dict[str, Any]) -> str:
    text = entry.get("text")
    if not text and isinstance(entry.get("blocks"), list):
        text = "\n".join(_block_texts(entry["blocks"]))
    return lines.body_text("" if text is None else text, "text")


def _block_texts(blocks: list[Any]) -> list[str]:
    """The texts of a message built of blocks, in their order; without recursion, and only so many."""
    texts, waiting = [], list(reversed(blocks))
    for _node in range(MOST_BLOCK_NODES):
        if not waiting:
            return texts
        node = waiting.pop()
        if isinstance(node, str):
            texts.append(node)
        elif isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            waiting.extend(node[key] for key in ("accessory", "elements", "fields", "text") if key in node)
    raise UnfitLine("The message is built of too many blocks.", code="too_deep")


def _attachments(entry: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    files, previews = entry.get("files") or entry.get("file") or [], entry.get("attachments") or []
    files = [files] if isinstance(files, dict) else files
    if not isinstance(files, list) or not isinstance(previews, list):
        raise UnfitLine("files and attachments must be lists.", code="wrong_type")
    if len(files) + len(previews) > lines.MOST_ATTACHMENTS:
        raise UnfitLine(f"More than {lines.MOST_ATTACHMENTS} attachments.", code="too_many_attachments")
    if not all(isinstance(item, dict) for item in [*files, *previews]):
        raise UnfitLine("files and attachments must be lists of objects.", code="wrong_type")
    return lines.checked_attachments((*map(_file, files), *map(_preview, previews)))


def _file(found: dict[str, Any]) -> dict[str, Any]:
    size = found.get("size")
    return _without_none(
        kind="file",
        id=lines.one_line(found.get("id")),
        name=lines.one_line(found.get("name")),
        title=lines.one_line(found.get("title")),
        media_type=lines.one_line(found.get("mimetype")),
        size=size if type(size) is int and 0 <= size <= lines.LARGEST_SIZE else None,
        address=_address(found.get("url_private") or found.get("permalink")),
    )


def _preview(found: dict[str, Any]) -> dict[str, Any]:
    texts = [found.get("pretext"), found.get("text"), *_preview_fields(found.get("fields"))]
    if not any(texts) and isinstance(found.get("blocks"), list):
        texts = _block_texts(found["blocks"])
    texts = texts if any(texts) else [found.get("fallback")]
    text = "\n".join(text for text in texts if isinstance(text, str) and text)
    return _without_none(
        kind="preview",
        title=lines.one_line(found.get("title")),
        text=lines.storable(text, "attachments") or None,
        address=_address(found.get("title_link") or found.get("from_url") or found.get("image_url")),
    )


def _preview_fields(fields: Any) -> list[str]:
    fields = fields if isinstance(fields, list) else []
    return [f"{item.get('title') or ''}: {item.get('value') or ''}" for item in fields if isinstance(item, dict)]


def _address(value: Any) -> str | None:
    """An address without its access token; one that is too long is left out rather than cut into another address."""
    if not isinstance(value, str) or len(value) > lines.LONGEST_ADDRESS:
        return None
    return lines.one_line(_ACCESS_TOKEN.sub("", value).rstrip("?&"), lines.LONGEST_ADDRESS)


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
