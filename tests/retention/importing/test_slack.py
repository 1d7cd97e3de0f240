"""The export of a Slack workspace: what becomes of each kind of entry, and what happens to zips that are not what they say."""

import contextlib
import io
import json
import struct
import zipfile
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.foundation.digests import canonical
from apps.foundation.refusals import Refusal
from apps.retention.importing import slack
from apps.retention.importing.lines import Deletion, Incoming, Party, Refused, as_message
from apps.retention.importing.slack_messages import MESSAGES, NOTICES

EXPORT = Path(__file__).parents[2] / "data" / "slack" / "testarchive.zip"
LONGEST = 2**20
ADA, BO, ROBOT = (
    Party("U1", "ada@mercy.example", "Ada"),
    Party("U2", None, "Bo"),
    Party("U3", None, "Robot", owned_by_organization=True),
)
USERS = [
    {"id": "U1", "name": "ada", "profile": {"real_name": "Ada", "email": "ada@mercy.example"}},
    {"id": "U2", "name": "Bo", "profile": {"real_name": "", "email": "not an address"}},
    {"id": "U3", "name": "robot", "real_name": "Robot", "is_bot": True},
]
CHANNELS = [{"id": "C1", "name": "ward", "members": ["U1", "U2", "U3"]}]


def zipped(path, days, *, users=USERS, lists=None, root="", compression=zipfile.ZIP_DEFLATED):
    lists = {"channels.json": CHANNELS} if lists is None else lists
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(root + "users.json", json.dumps(users))
        for name, content in (lists | days).items():
            archive.writestr(root + name, content if isinstance(content, str | bytes) else json.dumps(content))
    return path


def read(path, **more):
    return slack.read(path, longest_line=LONGEST, **more)


@pytest.fixture
def line_of(tmp_path):
    def line_of(entry):
        (line,) = read(zipped(tmp_path / "export.zip", {"ward/2026-03-08.json": [entry]}))
        return line

    return line_of


def said(**fields):
    return {"type": "message", "user": "U1", "text": "hello", "ts": "1772971200.000100"} | fields


NOON = datetime(2026, 3, 8, 12, 0, 0, 100, tzinfo=UTC)


def test_the_real_export_of_158_entries_adds_up_by_subtype():
    with read(EXPORT) as export:
        lines = list(export)
    assert export.table == Counter({
        ("message", "message"): 49,
        ("bot_message", "message"): 94,
        ("file_share", "message"): 3,
        ("file_comment", "message"): 1,
        ("channel_join", "notice"): 8,
        ("bot_add", "notice"): 3,
    })  # fmt: skip
    assert export.table.total() == 158
    assert [line.number for line in lines] == list(range(1, 159))
    assert export.bytes_read == export.bytes_total == 125_273
    assert Counter(type(line) for line in lines) == Counter({Incoming: 147, Refused: 11})


def test_the_real_export_has_four_people_three_bots_one_edit_and_no_secrets():
    messages = [line for line in read(EXPORT) if isinstance(line, Incoming)]
    assert len({message.id for message in messages}) == 147
    assert Counter(message.sender.owned_by_organization for message in messages) == Counter({True: 94, False: 53})
    assert len({message.sender.source_id for message in messages if not message.sender.owned_by_organization}) == 4
    assert len({message.sender.source_id for message in messages if message.sender.owned_by_organization}) == 3
    assert {message.sender.email for message in messages} == {None}
    assert {len(message.recipients) for message in messages} == {3, 4}
    (edited,) = [message for message in messages if message.edited_at]
    assert (edited.id, edited.sent_at, edited.edited_at) == (
        "C0JL6CGQ2:1458972985.000010",
        datetime(2016, 3, 26, 6, 16, 25, 10, tzinfo=UTC),
        datetime(2016, 3, 26, 8, 32, 14, tzinfo=UTC),
    )
    kept = b"".join(canonical(as_message(message)) for message in messages)
    assert b"xoxe" not in kept
    assert b"https://files.slack.com/files-pri/T0BMHLSRH-F0VNAKDE2/100_cities.js" in kept


def test_the_order_is_by_channel_and_day_and_reading_goes_on_behind_a_number(tmp_path):
    days = {
        f"{folder}/2026-03-{day}.json": [said(text=f"{folder}{day}")]
        for day in ("09", "08")
        for folder in ("zoo", "ward")
    }
    channels = [{"id": "C2", "name": "ward"}, {"id": "C1", "name": "zoo"}]
    path = zipped(tmp_path / "export.zip", days, lists={"channels.json": channels})
    whole = list(read(path))
    assert [line.body for line in whole] == ["zoo08", "zoo09", "ward08", "ward09"]
    assert list(read(path, after=2)) == whole[2:]


def test_a_message_is_known_by_channel_and_timestamp_to_the_microsecond(line_of):
    assert line_of(said(thread_ts="1772971100.000001")) == Incoming(
        number=1,
        id="C1:1772971200.000100",
        conversation="C1",
        conversation_class=None,
        sent_at=NOON,
        sender=ADA,
        recipients=(BO, ROBOT),
        body="hello",
        thread="C1:1772971100.000001",
    )


def test_a_timestamp_written_as_a_number_loses_nothing_either(line_of):
    line = line_of(said(ts=1772971200.0001))
    assert (line.id, line.sent_at) == ("C1:1772971200.0001", NOON)


def test_an_edit_replaces_the_text_and_is_never_before_the_message(line_of):
    edit = line_of(said(edited={"user": "U1", "ts": "1772971260.000000"}))
    assert edit.edited_at == datetime(2026, 3, 8, 12, 1, tzinfo=UTC)
    assert line_of(said(edited={"user": "U1", "ts": "1772971200.000000"})).edited_at == NOON
    event = line_of({
        "type": "message", "subtype": "message_changed", "ts": "1772971300.000000", "hidden": True,
        "message": said(text="better"), "previous_message": said(text="worse"),
    })  # fmt: skip
    assert (event.id, event.body, event.sent_at, event.kind) == (
        "C1:1772971200.000100",
        "better",
        NOON,
        "message_changed",
    )
    assert event.edited_at == datetime(2026, 3, 8, 12, 1, 40, tzinfo=UTC)


def test_a_deletion_names_the_deleted_message(line_of):
    later = datetime(2026, 3, 8, 12, 1, 40, tzinfo=UTC)
    event = {"type": "message", "subtype": "message_deleted", "ts": "1772971300.000000"}
    expected = Deletion(1, "C1:1772971200.000100", NOON, later, kind="message_deleted")
    assert line_of(event | {"deleted_ts": "1772971200.000100"}) == expected
    assert line_of(event | {"previous_message": said()}) == expected
    assert line_of(event).code == "missing_field"
    assert line_of(said(subtype="tombstone", user="USLACKBOT")) == Deletion(
        1, "C1:1772971200.000100", NOON, NOON, kind="tombstone"
    )
    changed = {
        "type": "message",
        "subtype": "message_changed",
        "ts": "1772971300.000000",
        "message": said(subtype="tombstone"),
    }
    assert line_of(changed) == Deletion(1, "C1:1772971200.000100", NOON, later, kind="message_changed")


@pytest.mark.parametrize(
    ("entry", "sender"),
    [
        (said(), ADA),
        (said(user="U9"), Party("U9")),
        (said(user="U9", user_profile={"real_name": "Guest"}), Party("U9", None, "Guest")),
        (said(bot_id="B1", app_id="A1"), ADA),
        (said(user="U3", bot_id="B1"), Party("B1", None, "Robot", owned_by_organization=True)),
        (said(user="USLACKBOT"), Party("USLACKBOT", None, "Slackbot", owned_by_organization=True)),
        (said(subtype="bot_message", user=None, bot_id="B1", username="deploys"), Party("B1", None, "deploys", True)),
        (said(subtype="bot_message", bot_id="B1", bot_profile={"name": "CI"}), Party("B1", None, "CI", True)),
        (said(user=None), Party(owned_by_organization=True)),
        (said(user=None, subtype="file_comment", comment={"user": "U2", "comment": "nice"}), BO),
    ],
)  # fmt: skip
def test_people_are_known_by_their_id_and_machines_belong_to_the_organization(line_of, entry, sender):
    assert line_of(entry).sender == sender


def test_the_sender_is_not_among_the_recipients_even_when_it_speaks_as_a_bot(line_of):
    assert line_of(said()).recipients == (BO, ROBOT)
    assert line_of(said(user="U3", bot_id="B1")).recipients == (ADA, BO)


@pytest.mark.parametrize("subtype", sorted(NOTICES))
def test_a_notice_is_refused_as_such(line_of, subtype):
    line = line_of(said(subtype=subtype))
    assert (line.code, line.kind) == ("notice", subtype)
    assert line.why == f"{subtype} is a notice by Slack about the channel, not something a person sent."


@pytest.mark.parametrize("subtype", sorted(MESSAGES))
def test_somebodys_words_are_taken_whatever_their_subtype(line_of, subtype):
    assert line_of(said(subtype=subtype)).body == "hello"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("hello", "wrong_type"),
        ({}, "not_a_message"),
        (said(type="reaction"), "not_a_message"),
        (said(subtype="brand_new"), "unknown_subtype"),
        (said(subtype="Ann Smith"), "unknown_subtype"),
        (said(ts=None), "missing_field"),
        (said(ts=1e12), "bad_time"),
        (said(ts="soon"), "bad_time"),
        (said(ts="999999999999.000000"), "bad_time"),
        (said(ts="١٢٣.000000"), "bad_time"),
        (said(thread_ts="x"), "bad_time"),
        (said(text="a\x00b"), "unstorable_text"),
        (said(text={"a": 1}), "wrong_type"),
        (said(user=["U1"]), "wrong_type"),
        (said(files="x"), "wrong_type"),
        (said(files=["x"]), "wrong_type"),
        (said(files=[{}] * 101), "too_many_attachments"),
        (said(attachments=[{"text": "x" * 262_145}]), "too_long"),
        (said(text="x" * 262_145), "too_long"),
        (said(subtype="message_changed"), "missing_field"),
        (said(subtype="message_changed", message=said(subtype="channel_join")), "notice"),
    ],
)  # fmt: skip
def test_an_entry_that_can_not_be_understood_is_refused(line_of, entry, code):
    line = line_of(entry)
    assert (line.code, line.number) == (code, 1)
    assert "Ann" not in line.why + line.kind


def test_files_and_previews_are_recorded_and_their_tokens_are_not(line_of):
    line = line_of(said(
        files=[
            {"id": "F1", "name": "scan.pdf", "title": "Scan", "mimetype": "application/pdf", "size": 12,
             "url_private": "https://files.slack.com/a/scan.pdf?t=xoxe-1-2-3&v=2"},
            {"id": "F2", "url_private": "https://files.slack.com/b?t=xoxe-1", "size": 1.5, "mode": "tombstone"},
        ],
        attachments=[
            {"pretext": "New", "title": "Build", "title_link": "https://ci.example/1", "fields": [{"title": "State", "value": "red"}]},
            {"fallback": "only this"},
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "in blocks"}}], "fallback": "[no preview]"},
        ],
    ))  # fmt: skip
    assert line.attachments == (
        {"kind": "file", "id": "F1", "name": "scan.pdf", "title": "Scan", "media_type": "application/pdf", "size": 12,
         "address": "https://files.slack.com/a/scan.pdf?v=2"},
        {"kind": "file", "id": "F2", "address": "https://files.slack.com/b"},
        {"kind": "preview", "title": "Build", "text": "New\nState: red", "address": "https://ci.example/1"},
        {"kind": "preview", "text": "only this"},
        {"kind": "preview", "text": "in blocks"},
    )  # fmt: skip


def test_a_message_without_text_has_the_text_of_its_blocks(line_of):
    blocks = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "one"},
            "fields": [{"type": "plain_text", "text": "two"}],
        },
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "three"}]}],
        },
    ]
    assert line_of(said(text="", blocks=blocks)).body == "one\ntwo\nthree"


def test_private_channels_and_direct_messages_are_found_by_their_folder(tmp_path):
    lists = {
        "channels.json": CHANNELS,
        "groups.json": [{"id": "G1", "name": "board", "members": ["U1"]}],
        "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
        "mpims.json": [{"id": "G2", "name": "mpdm-ada--bo-1", "members": ["U1", "U2"]}],
    }
    days = {f"{folder}/2026-03-08.json": [said()] for folder in ("ward", "board", "D1", "mpdm-ada--bo-1")}
    lines = read(zipped(tmp_path / "export.zip", days, lists=lists))
    assert [(line.conversation, len(line.recipients)) for line in lines] == [("C1", 2), ("D1", 1), ("G1", 0), ("G2", 1)]


def test_a_folder_nobody_names_or_two_channels_claim_is_refused_line_by_line(tmp_path):
    lists = {"channels.json": [*CHANNELS, {"id": "C2", "name": "twin"}], "groups.json": [{"id": "G1", "name": "twin"}]}
    days = {f"{folder}/2026-03-08.json": [said(), said()] for folder in ("ward", "ghost", "twin")}
    export = read(zipped(tmp_path / "export.zip", days, lists=lists))
    assert Counter(getattr(line, "code", "in") for line in export) == Counter({"in": 2, "unknown_channel": 4})


def test_a_channel_with_more_members_than_a_message_may_have_recipients_is_refused(tmp_path):
    path = zipped(tmp_path / "export.zip", {"ward/2026-03-08.json": [said()]})
    (line,) = read(path, limits=slack.Limits(recipients=2))
    assert (line.code, line.why) == ("too_many_recipients", "The channel has more than 2 members.")


def test_a_broken_day_is_refused_lines_and_the_rest_goes_on(tmp_path):
    days = {
        "ward/2026-03-07.json": '[{"type": "message"',
        "ward/2026-03-08.json": f"[{json.dumps(said())}, oops, {json.dumps(said())}]",
        "ward/2026-03-09.json": '{"not": "a list"}',
        "ward/2026-03-10.json": "[" + "[" * 100_000,
        "ward/2026-03-11.json": [{"text": "x" * LONGEST}, said()],
    }
    lines = list(read(zipped(tmp_path / "export.zip", days)))
    assert [getattr(line, "code", "in") for line in lines] == [
        "cut_off", "in", "not_json", "in", "not_json", "cut_off", "line_too_long", "in",
    ]  # fmt: skip
    assert [line.number for line in lines] == list(range(1, 9))


def test_what_is_no_day_of_a_channel_is_left_alone(tmp_path):
    days = {
        "integration_logs.json": [{"a": 1}],
        "ward/canvas.json": [said()],
        "ward/files/2026-03-08.json": [said()],
        "/etc/2026-03-08.json": [said()],
        "ward/2026-03-08.json": [said()],
    }
    assert [type(line) for line in read(zipped(tmp_path / "export.zip", days))] == [Incoming]


def test_a_name_that_climbs_out_of_the_zip_is_a_folder_nobody_names_and_nothing_is_written(tmp_path):
    path = zipped(tmp_path / "export.zip", {"../2026-03-08.json": [said()]})
    assert [line.code for line in read(path)] == ["unknown_channel"]
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]


def test_an_export_unpacked_and_zipped_again_with_its_folder_is_read(tmp_path):
    path = zipped(tmp_path / "export.zip", {"ward/2026-03-08.json": [said()]}, root="Export Mar 8/")
    assert [type(line) for line in read(path)] == [Incoming]


def refused(path, **more):
    with pytest.raises(Refusal) as caught:
        read(path, **more)
    return caught.value.code


def test_a_file_that_is_no_export_says_so(tmp_path):
    assert refused(tmp_path / "missing.zip") == "not_a_slack_export"
    (tmp_path / "text.zip").write_text("hello")
    assert refused(tmp_path / "text.zip") == "not_a_slack_export"
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("holiday.jpg", b"...")
    assert refused(tmp_path / "other.zip") == "not_a_slack_export"


def test_a_damaged_zip_is_refused_before_its_first_line(tmp_path):
    content = bytearray(EXPORT.read_bytes())
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    assert refused(tmp_path / "cut.zip") == "not_a_slack_export"
    with zipfile.ZipFile(EXPORT) as archive:
        member = archive.getinfo("traveling-sailor/2016-03-29.json")
    content[member.header_offset + 100] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(content)
    assert refused(tmp_path / "flipped.zip") == "damaged_export"


def test_a_zip_with_two_files_of_one_name_or_a_password_or_an_odd_method_is_refused(tmp_path):
    path = zipped(tmp_path / "twice.zip", {"ward/2026-03-08.json": [said()]})
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("users.json", "[]")
    assert refused(path) == "damaged_export"
    path = zipped(tmp_path / "lzma.zip", {}, compression=zipfile.ZIP_LZMA)
    assert refused(path) == "damaged_export"
    path = zipped(tmp_path / "locked.zip", {"ward/2026-03-08.json": [said()]})
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    path.write_bytes(content[: start + 8] + b"\x01" + content[start + 9 :])
    assert refused(path) == "damaged_export"


def test_a_broken_list_of_users_stops_the_import_because_senders_would_be_unknown(tmp_path):
    path = zipped(tmp_path / "export.zip", {"ward/2026-03-08.json": [said()]}, users="nonsense")
    assert refused(path) == "damaged_export"


def test_a_zip_that_unpacks_to_far_more_than_it_is_is_refused_unread(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"ward/2026-03-08.json": b"[" + b" " * 70_000_000 + b"]"})
    assert path.stat().st_size < 100_000
    assert refused(path) == "exploding_export"


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path):
    path = zipped(tmp_path / "liar.zip", {"ward/2026-03-08.json": b"[" + b" " * 1_000_000 + b"]"})
    content = path.read_bytes()
    for true, told in ((1_000_002, 2), (1_000_002, 3_000_000_000)):
        path.write_bytes(content.replace(struct.pack("<I", true), struct.pack("<I", told)))
        assert refused(path) in ("damaged_export", "exploding_export")


def test_one_compressed_body_claimed_by_many_members_is_refused(tmp_path):
    """An overlapping zip bomb: a small file whose directory names the same bytes a thousand times."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(b"[" + b" " * 1_000_000 + b"]") + body.flush()
    check = zlib.crc32(b"[" + b" " * 1_000_000 + b"]")
    out, name = io.BytesIO(), b"ward/2026-03-08.json"
    zipped(out, {})
    base = out.getvalue()
    with zipfile.ZipFile(out) as archive:
        directory = archive.start_dir
        count = len(archive.infolist())
    sizes = struct.pack("<III", check, len(packed), 1_000_002)
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", len(name), 0) + name
    entries = b""
    for number in range(1_000):
        other = b"ward/%04d-03-08.json" % number
        entries += b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
        entries += struct.pack("<HHHHHII", len(other), 0, 0, 0, 0, 0, directory) + other
    old = base[directory : base.index(b"PK\x05\x06")]
    content = base[:directory] + local + packed
    end = struct.pack("<HHHHIIH", 0, 0, count + 1_000, count + 1_000, len(old + entries), len(content), 0)
    path = tmp_path / "overlap.zip"
    path.write_bytes(content + old + entries + b"PK\x05\x06" + end)
    assert len(zipfile.ZipFile(path).infolist()) == count + 1_000
    assert refused(path) == "exploding_export"


def test_a_zip_with_more_files_or_a_larger_directory_than_an_export_has_is_refused():
    assert refused(EXPORT, limits=slack.Limits(members=5)) == "exploding_export"
    assert refused(EXPORT, limits=slack.Limits(directory_bytes=100)) == "exploding_export"
    assert refused(EXPORT, limits=slack.Limits(people=3)) == "exploding_export"


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
SMALL = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
VALUE = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
NAMES = (
    "user", "text", "ts", "subtype", "edited", "files", "file", "attachments", "blocks", "bot_id", "username", "message",
    "thread_ts", "comment", "deleted_ts", "previous_message", "bot_profile", "user_profile", "type",
)  # fmt: skip
ENTRY = st.dictionaries(st.sampled_from(NAMES), VALUE, max_size=5).map(lambda odd: said(**odd))
SUBTYPE = st.sampled_from(["message_changed", "message_deleted", "bot_message", "file_comment"])


@PATIENT
@given(st.lists(VALUE | ENTRY | st.builds(lambda entry, kind: entry | {"subtype": kind}, ENTRY, SUBTYPE), max_size=4))
def test_no_entry_brings_the_reader_down_and_each_is_answered(tmp_path, entries):
    path = zipped(tmp_path / "export.zip", {"ward/2026-03-08.json": entries})
    lines = list(read(path))
    assert [line.number for line in lines] == list(range(1, len(entries) + 1))
    for line in lines:
        if isinstance(line, Incoming):
            assert canonical(as_message(line)).decode()


@PATIENT
@given(st.lists(VALUE, max_size=3), st.lists(VALUE, max_size=3))
@example([{"id": ["U1"], "profile": []}], [{"id": "C1", "name": ["x"], "members": [["U1"]]}])
def test_no_list_of_users_or_channels_brings_the_reader_down(tmp_path, users, channels):
    path = zipped(
        tmp_path / "export.zip", {"ward/2026-03-08.json": [said()]}, users=users, lists={"channels.json": channels}
    )
    assert len(list(read(path))) == 1


@PATIENT
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_zip_with_any_bytes_changed_is_read_or_refused(tmp_path, changes):
    whole = zipped(tmp_path / "whole.zip", {"ward/2026-03-08.json": [said()]}).read_bytes()
    content = bytearray(whole)
    for place, value in changes:
        content[int(place * len(content))] = value
    (tmp_path / "changed.zip").write_bytes(content)
    with contextlib.suppress(slack.NotASlackExport, slack.DamagedExport, slack.ExplodingExport):
        list(read(tmp_path / "changed.zip"))
