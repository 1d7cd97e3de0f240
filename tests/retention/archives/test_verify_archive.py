"""Anybody can check an archive with one file, a key they pinned and the identity that opens it; whatever was done to it has a name.

Every case is looked at four times: by `manage.py verify_archive` and by the one file alone in a folder without our code,
with the identity and without. Both must say the same, word for word.
"""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.management import call_command
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.foundation import signing
from apps.foundation.digests import canonical
from apps.retention.archives import manifest, verify_archive
from tests.retention.archives import cases, written
from tests.retention.archives.written import IDENTITY, NAMES, OTHER_IDENTITY, OTHER_RECIPIENT

VERIFIER = Path(verify_archive.__file__)
ALONE = """
import re, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    ours = sorted({name.partition(".")[0] for name in sys.modules} & {"django", "apps", "config", "celery"})
    print("loaded:", ours, file=sys.stderr)
    # not ru_maxrss: over fork and exec that keeps the peak of the process that started this one
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024, file=sys.stderr)
"""


def alone(tmp_path, *arguments):
    """The verifier as an auditor runs it: one file, elsewhere, without our code."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    shutil.copy(VERIFIER, elsewhere / "verify_archive.py")
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, "verify_archive.py", *map(str, arguments)],
        cwd=elsewhere, env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def command(*arguments):
    """Exit code and words of `manage.py verify_archive`."""
    out, code = io.StringIO(), 0
    try:
        call_command("verify_archive", *map(str, arguments), stdout=out)
    except SystemExit as ended:
        code = ended.code
    return code, out.getvalue()


def by_case(said):
    """What was said about each folder, by the folder's name."""
    return {re.match(r"[^/]+ \S*/([a-z_]+),", block)[1]: block for block in re.split(r"(?m)^(?=\S)", said) if block}


def flaws(block):
    """Name and file of each flaw in a block of the report."""
    return {(code, file) for code, file in re.findall(r"(?m)^  ([a-z_]+)  (\S*)  \S", block)}


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """Every case, looked at by both, with the identity and without: {case: block} for each."""
    root = tmp_path_factory.mktemp("cases")
    with override_settings(COVENANT_HOME=root / "home"):
        signing.create_missing()
        key = signing.public_key("certificates").hex()
        beside = root / "archives"
        written.write(beside / cases.OTHER, "ARC-OTHER")
        written.write(beside / cases.STRANGER, "ARC-STRANGER", OTHER_RECIPIENT)
        for case in cases.CASES.values():
            document = written.write(beside / case.name)
            case.happens(beside / case.name, document)
        shutil.rmtree(beside / cases.OTHER)
        shutil.rmtree(beside / cases.STRANGER)
    identity = root / "identity"
    identity.write_text(IDENTITY)
    found = {}
    for way, more in (("with", ("--identity", identity)), ("without", ())):
        ours, theirs = command(beside, "--key", key, *more), alone(root, beside, "--key", key, *more)
        found[way] = {"ours": ours, "theirs": (theirs.returncode, theirs.stdout), "errors": theirs.stderr}
    return found


def test_the_two_verifiers_agree_word_for_word_on_everything(looked_at):
    for way in ("with", "without"):
        assert looked_at[way]["ours"] == looked_at[way]["theirs"]
        assert looked_at[way]["ours"][0] == 1
        assert looked_at[way]["errors"].startswith("loaded: []\n")


@pytest.mark.parametrize("case", cases.CASES.values(), ids=cases.CASES)
@pytest.mark.parametrize("way", ["with", "without"])
@pytest.mark.parametrize("who", ["ours", "theirs"])
def test_what_was_done_to_an_archive_has_its_name_and_its_mend(looked_at, case, way, who):
    expected = case.found if way == "with" else case.found_without
    block = by_case(looked_at[way][who][1])[case.name]
    opening = {0: "Genuine:", 1: "NOT GENUINE:", 2: "Could not be checked:"}[case.code if expected else 0]

    assert block.startswith(opening)
    assert flaws(block) == expected
    assert block.count("\n    Mend: ") == len(expected)


def test_every_name_of_a_flaw_is_found_by_some_case():
    by_arguments = {"key_unusable", "identity_unusable", "not_our_key", "manifest_foreign"}
    named = {code for case in cases.CASES.values() for code, _file in case.found | case.found_without}
    assert named | by_arguments == set(verify_archive.MENDS)


def test_a_genuine_archive_is_told_to_be_one_and_what_it_holds(archive, key, identity_file):
    parts = json.loads((archive / "manifest.json").read_bytes())["manifest"]["parts"]
    without, with_identity = command(archive, "--key", key.hex()), command(archive, "--key", key.hex(), "--identity", identity_file)
    told = [
        f"Genuine: {archive}, signed by the key you gave ({signing.fingerprint(key)}).",
        "  archive       ARC-9QX7F3K of ORG-7F3K2MP, cohort COH-2B9XK1T, expired on 2026-03-15",
        "  closed        2026-03-15T00:04:20.123456Z",
        f"  parts         3 with 65 lines in {sum(part['bytes'] for part in parts):,} bytes: all there, unchanged, none added",
        "  contents      opened: every line matches its proof, the 64 messages that were sealed are there",
        "  deleted       3 messages were deleted before their day; the manifest names them, their lines don't count",
    ]
    assert with_identity == (0, "\n".join(told) + "\n")
    told[4] = "  contents      not opened: give --identity to look at them too"
    assert without == (0, "\n".join(told) + "\n")


def test_the_command_and_the_one_file_end_alike(archive, key, identity_file, tmp_path):
    (tmp_path / "other").write_text(OTHER_IDENTITY)
    for arguments, code in (
        ((archive, "--key", key.hex(), "--identity", identity_file), 0),
        ((archive, "--key", "00" * 32), 1),
        ((archive, "--key", key.hex(), "--identity", tmp_path / "other"), 2),
        ((tmp_path / "nowhere", "--key", key.hex()), 2),
    ):
        theirs = alone(tmp_path, *arguments)
        assert command(*arguments) == (theirs.returncode, theirs.stdout)
        assert theirs.returncode == code


def test_an_identity_that_does_not_open_it_is_said_once_and_is_no_flaw_of_the_archive(archive, key, tmp_path):
    (tmp_path / "other").write_text(OTHER_IDENTITY)
    code, said = command(archive, "--key", key.hex(), "--identity", tmp_path / "other")
    assert (code, flaws(said)) == (2, {("not_our_key", NAMES[0])})
    assert "Mend: Give the identity that belongs to the recipient the manifest names." in said


def test_of_several_identities_one_that_opens_is_enough(archive, key, tmp_path):
    (tmp_path / "both").write_text(f"{OTHER_IDENTITY}\n\n# ours\n{IDENTITY}\n")
    assert command(archive, "--key", key.hex(), "--identity", tmp_path / "both")[0] == 0


def test_a_genuine_manifest_in_the_folder_of_another_archive_is_noticed(archive, key):
    (archive.parent / "ARC-0000000").mkdir()
    for file in archive.iterdir():
        file.rename(archive.parent / "ARC-0000000" / file.name)
    code, said = command(archive.parent / "ARC-0000000", "--key", key.hex())
    assert (code, flaws(said)) == (1, {("manifest_foreign", "manifest.json")})


def test_an_archive_without_messages_is_whole(key, tmp_path):
    (tmp_path / "ARC-9QX7F3K").mkdir()
    none = ((0, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),)
    document = manifest.build(written.facts(segments=none, deleted=(), deleted_after_seal=()))
    (tmp_path / "ARC-9QX7F3K" / "manifest.json").write_bytes(manifest.sign(document))
    report = verify_archive.check(tmp_path / "ARC-9QX7F3K", key, [IDENTITY])
    assert (report.flaws, report.opened) == ([], True)


def test_of_many_archives_one_that_is_wrong_decides_how_it_ends(archive, key, tmp_path):
    written.write(tmp_path / "ORG-7F3K2MP" / "2026-03-16" / "ARC-0000000", "ARC-0000000")
    code, said = command(tmp_path, "--key", key.hex())
    assert (code, said.count("Genuine:")) == (0, 2)
    (archive / NAMES[1]).unlink()
    code, said = command(tmp_path, "--key", key.hex())
    assert (code, said.count("Genuine:"), said.count("NOT GENUINE:")) == (1, 1, 1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("key", b"abcd", "key_unusable. --key is not a public key."),
        ("key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n", "key_unusable. The PEM is not an Ed25519 public key."),
        ("key", None, "key_unusable. --key is neither 64 hexadecimal digits nor a file that can be read (FileNotFoundError)."),
        ("identity", b"", "identity_unusable. --identity holds no identity."),
        ("identity", written.RECIPIENT.encode(), "identity_unusable. An identity is not one of age's (AGE-SECRET-KEY-1\u2026)."),
        ("identity", b"\xff\xfe", "identity_unusable. An identity is not one of age's (AGE-SECRET-KEY-1\u2026)."),
        ("identity", None, "identity_unusable. --identity can't be read (FileNotFoundError)."),
    ],
)
def test_a_key_or_an_identity_that_can_not_be_used_says_why(archive, key, identity_file, tmp_path, name, content, said):
    given = {"key": key.hex(), "identity": str(identity_file)} | {name: str(tmp_path / "given")}
    if content is not None:
        (tmp_path / "given").write_bytes(content)
    code, words = command(archive, "--key", given["key"], "--identity", given["identity"])
    assert (code, words.splitlines()[0]) == (2, f"Could not be checked: {said}")
    assert "\n    Mend: Give " in words


def test_a_private_key_is_refused_and_a_pem_is_taken(archive, tmp_path):
    private = signing._private("certificates")
    (tmp_path / "private.pem").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "public.pem").write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert command(archive, "--key", tmp_path / "public.pem")[0] == 0
    code, said = command(archive, "--key", tmp_path / "private.pem")
    assert (code, said.splitlines()[0]) == (
        2, "Could not be checked: key_unusable. --key is a private key. It should never leave the installation.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "code"),
    [(cases.a_part_unpacks_to_a_gigabyte, "unpacks_too_far"), (cases.a_part_has_a_line_of_a_hundred_megabytes, "line_too_long")],
)
def test_a_bomb_and_an_endless_line_cost_little_memory(archive, key, identity_file, tmp_path, happens, code):
    happens(archive, {})
    ended = alone(tmp_path, archive, "--key", key.hex(), "--identity", identity_file)
    assert flaws(ended.stdout) == {(code, NAMES[0])}
    assert int(ended.stderr.splitlines()[-1]) < 120  # megabytes; a third of it is Python with its packages


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@PATIENT
@given(st.data())
def test_no_changed_byte_of_any_file_passes_and_none_brings_the_verifier_down(archive, key, data):
    file = archive / data.draw(st.sampled_from([*NAMES, "manifest.json"]))
    content = file.read_bytes()
    place, byte = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 255))
    file.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
    try:
        report = verify_archive.check(archive, key, [IDENTITY])
    finally:
        file.write_bytes(content)
    assert bool(report.flaws) == (content[place] != byte)


@PATIENT
@given(st.integers(0, 400), st.integers(1, 3))
def test_wherever_a_part_ends_too_early_it_is_told_as_such(archive, key, size, number):
    file = archive / NAMES[number - 1]
    content = file.read_bytes()
    file.write_bytes(content[: min(size, len(content) - 1)])
    try:
        report = verify_archive.check(archive, key, [IDENTITY])
    finally:
        file.write_bytes(content)
    assert [(flaw.code, flaw.file) for flaw in report.flaws] == [("part_truncated", NAMES[number - 1])]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@PATIENT
@given(st.data())
def test_no_content_of_a_signed_manifest_brings_the_verifier_down(archive, key, data):
    document = json.loads((archive / "manifest.json").read_bytes())["manifest"]
    place, name = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(place[name], dict | list) and place[name] and data.draw(st.booleans()):
        place = place[name]
        name = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[name] = data.draw(JSON)
    with contextlib.suppress(verify_archive.Flaw):
        verify_archive.read_manifest(manifest.sign(document), key)
    (archive.parent / "signed").mkdir(exist_ok=True)
    (archive.parent / "signed" / "manifest.json").write_bytes(manifest.sign(document))
    report = verify_archive.check(archive.parent / "signed", key, [IDENTITY])
    assert report.flaws
    assert all(flaw.code in verify_archive.MENDS for flaw in report.flaws)
    assert verify_archive.describe(report, key)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner, max_size=4),
)


@given(ANYTHING)
def test_the_one_file_makes_the_same_bytes_of_a_value_as_we_do(value):
    assert verify_archive.canonical(value) == canonical(value)


@PATIENT
@given(st.binary(max_size=300))
def test_no_bytes_in_the_place_of_a_part_bring_the_verifier_down_and_none_pass(archive, key, content):
    file = archive / NAMES[2]
    genuine = file.read_bytes()
    for forged in (content, written.locked(content), written.packed(content), genuine[:200] + content):
        file.write_bytes(forged)
        report = verify_archive.check(archive, key, [IDENTITY])
        assert [flaw.file for flaw in report.flaws] == [NAMES[2]]
    file.write_bytes(genuine)


def test_a_key_in_the_manifest_proves_nothing(archive):
    other = Ed25519PrivateKey.generate()
    document = json.loads((archive / "manifest.json").read_bytes())["manifest"]
    (archive / "manifest.json").write_bytes(written.signed_by(other, document))
    theirs = other.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert verify_archive.check(archive, theirs).exit_code == 0  # whoever pins the forger's key believes the forger
    assert verify_archive.check(archive, signing.public_key("certificates")).exit_code == 1
