"""Memory and time: the readers need no more for fifty megabytes than for one. Measured in processes of their own."""

import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
MEGABYTE = 2**20
ALLOWED_GROWTH_KB = 6 * 1024  # allocator noise; fifty megabytes held would show as fifty thousand
READ_ALL = r"""
import re, sys
from apps.retention.importing import ndjson, slack
kind, path = sys.argv[1:]
if kind == "ndjson":
    with open(path, "rb") as file:
        count = sum(1 for _line in ndjson.read(file, longest_line=2**20))
else:
    with slack.read(path, longest_line=2**20) as export:
        count = sum(1 for _line in export)
with open("/proc/self/status") as status:  # ru_maxrss would be our parent's peak where that is higher
    print(count, re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])
"""


def peak(kind, path):
    """Lines read, and the peak of resident memory in kilobytes."""
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, kind, str(path)], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return tuple(map(int, done.stdout.split()))


def bodies(size):
    """Texts of some hundred characters that don't compress away, up to `size` bytes."""
    chance, made = random.Random(26), 0
    while made < size:
        body = f"{chance.getrandbits(2000):0500x}"
        made += len(body) + 200
        yield body


def ndjson_file(path, size):
    with path.open("w") as file:
        for number, body in enumerate(bodies(size)):
            message = {"id": f"m{number}", "conversation": "c", "sent_at": "2026-03-08T12:00:00Z", "body": body}
            file.write(json.dumps(message | {"sender": {"id": "u1"}, "recipients": [{"id": "u2"}]}) + "\n")
    return path


def slack_file(path, size):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("users.json", json.dumps([{"id": "U1"}, {"id": "U2"}]))
        archive.writestr("channels.json", json.dumps([{"id": "C1", "name": "ward", "members": ["U1", "U2"]}]))
        with archive.open("ward/2026-03-08.json", "w", force_zip64=True) as day:
            for number, body in enumerate(bodies(size)):
                message = {
                    "type": "message",
                    "user": "U1",
                    "ts": f"1772971200.{number:06}",
                    "text": body,
                    "padding": "y" * 80,
                }
                day.write((b"," if number else b"[") + json.dumps(message).encode())
            day.write(b"]")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "make"), [("ndjson", ndjson_file), ("slack", slack_file)])
def test_fifty_megabytes_need_no_more_memory_than_one(tmp_path, kind, make):
    few, small = peak(kind, make(tmp_path / "small", MEGABYTE))
    many, large = peak(kind, make(tmp_path / "large", 50 * MEGABYTE))
    assert (few, many) == (1_498, 74_899)
    assert large - small < ALLOWED_GROWTH_KB


@pytest.mark.parametrize("kind", ["ndjson", "slack"])
def test_one_line_of_a_hundred_megabytes_needs_no_more_memory_than_a_short_one(tmp_path, kind):
    size = 100 * MEGABYTE
    text = b'{"type": "message", "text": "' + b"x" * size + b'"}'
    if kind == "ndjson":
        (tmp_path / "large").write_bytes(text)
        small = ndjson_file(tmp_path / "small", MEGABYTE)
    else:
        small = slack_file(tmp_path / "small", MEGABYTE)
        with zipfile.ZipFile(tmp_path / "large", "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("users.json", "[]")
            archive.writestr("channels.json", '[{"id": "C1", "name": "ward"}]')
            archive.writestr("ward/2026-03-08.json", b"[" + text + b"]")
    _few, before = peak(kind, small)
    count, after = peak(kind, tmp_path / "large")
    assert count == 1
    assert after - before < ALLOWED_GROWTH_KB
