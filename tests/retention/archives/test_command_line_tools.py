"""Archives are read by anybody with `age` and `zstd`, and by nothing of ours; and ours reads what those tools write."""

import json
import os
import shutil
import subprocess
from hashlib import sha256

import pytest

from apps.foundation.digests import canonical
from apps.retention.archives import age_keys, reading
from tests.retention.archives import written
from tests.retention.archives.written import NAMES, RECIPIENT, header, row


@pytest.fixture(autouse=True)
def tools():
    """Both tools; where one is missing the test is skipped, unless the run forbids that."""
    missing = [tool for tool in ("age", "zstd") if not shutil.which(tool)]
    if missing:
        words = f"No {' and no '.join(missing)} on this machine. Mend: apt-get install age zstd"
        if os.environ.get("COVENANT_AGE_REQUIRED"):
            pytest.fail(words, pytrace=False)
        pytest.skip(words)


def run(line, *arguments, stdin=None):
    return subprocess.run(["sh", "-c", line, "sh", *map(str, arguments)], input=stdin, capture_output=True, check=False)


def test_every_part_is_shown_by_age_and_zstd_line_by_line(archive, identity_file):
    shown = []
    for name in NAMES:
        done = run('age -d -i "$1" "$2" | zstd -d', identity_file, archive / name)
        assert (done.returncode, done.stderr) == (0, b"")
        first, *lines = done.stdout.splitlines()
        assert json.loads(first)["archive"] == "ARC-9QX7F3K"
        shown += lines
    assert shown == [canonical(line.as_dict()) for part in written.rows() for line in part]


def test_what_the_tools_show_is_what_the_manifest_says_without_our_code(archive, identity_file):
    manifest = json.loads((archive / "manifest.json").read_bytes())["manifest"]
    for part in manifest["parts"]:
        done = run('sha256sum < "$1"; age -d -i "$2" "$1" | zstd -d | sha256sum', archive / part["name"], identity_file)
        assert done.stdout.decode().replace("  -", "").split() == [part["sha256"], part["plain_sha256"]]


def test_a_changed_or_cut_part_is_noticed_by_age_too(archive, identity_file):
    part = archive / NAMES[0]
    content = part.read_bytes()
    for wrong in (content[:-1], content[:-1] + bytes([content[-1] ^ 1])):
        part.write_bytes(wrong)
        assert run('age -d -i "$1" "$2"', identity_file, part).returncode != 0


def test_a_part_packed_and_encrypted_by_the_tools_is_read_by_us(tmp_path):
    lines = [canonical(header("ARC-9QX7F3K", 1, "")), *(canonical(row(number).as_dict()) for number in range(1, 300))]
    plain = b"".join(line + b"\n" for line in lines)
    for level in ("1", "19"):
        done = run(f'zstd -q -{level} -c | age -r "$1"', RECIPIENT, stdin=plain)
        (tmp_path / "part").write_bytes(done.stdout)
        with (tmp_path / "part").open("rb") as part:
            read = list(reading.read_part(part, [written.IDENTITY]))
        assert [canonical(line) for line in read] == lines


def test_a_challenge_is_opened_by_age(identity_file):
    answer, sealed = age_keys.challenge(RECIPIENT)
    done = run('age -d -i "$1"', identity_file, stdin=sealed.encode())
    assert done.stdout.decode() == f"{answer}\n"


def test_a_long_part_is_the_same_to_the_tools_as_to_its_manifest(key, tmp_path, identity_file):
    rows = [row(number, body=sha256(str(number).encode()).hexdigest()) for number in range(1, 8_000)]
    document = written.write(tmp_path / "long", parts=[rows], )
    done = run('age -d -i "$1" "$2" | zstd -d', identity_file, tmp_path / "long" / NAMES[0])
    assert sha256(done.stdout).hexdigest() == document["parts"][0]["plain_sha256"]
    assert done.stdout.count(b"\n") == 8_000
