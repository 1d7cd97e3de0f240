"""Anybody can check a certificate with one file and a key they pinned; nothing that was changed passes."""

import copy
import io
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.foundation import signing
from apps.retention.certificates import document, pdf, verify
from tests.retention.certificates.facts import ACCOUNT, facts, on

VERIFIER = Path(verify.__file__)
MISSING = object()


def run(content, key, tmp_path):
    """Exit code and words of the verifier."""
    file = tmp_path / "certificate"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    out = io.StringIO()
    return verify.main([str(file), "--key", key if isinstance(key, str) else key.hex()], out=out), out.getvalue()


def signed_by(private, certificate):
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    value = private.sign(b"covenant-certificate/1\n" + verify.canonical(certificate))
    return {
        "certificate": certificate,
        "signature": {"algorithm": "Ed25519", "key": public.hex(), "value": value.hex()},
    }


def resigned(certificate):
    """A certificate with our genuine signature: what it says is then the only thing that can be wrong."""
    return document.sign(certificate)


def changed(signed, path, value):
    signed = copy.deepcopy(signed)
    *outer, last = path
    place = signed
    for name in outer:
        place = place[name]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return signed


def test_a_genuine_certificate_is_told_to_be_one_and_says_what_it_proves(signed, key, tmp_path):
    code, said = run(signed, key, tmp_path)
    assert code == 0
    assert said.splitlines() == [
        f"Genuine: certificate CRT-7F3K2M9QX, signed by the key you gave ({signing.fingerprint(key)}).",
        "  issued        2026-03-09T00:04:20.123456Z",
        "  organization  Mercy General (ORG-7F3K2MP, US)",
        "  cohort        COH-2B9XK1T, expired on 2026-03-08",
        "  this one ends 1,217 messages: the messages of the cohort that ended with their day",
        "  destroyed     1,217 messages of 1,221 that came in",
        "  not covered   0 kept for a hold, 0 for an archive or review",
        "  key gone      2026-03-09T00:03:40.123456Z",
        "  rows gone     2026-03-09T00:04:20.123456Z",
    ]


def test_the_pdf_proves_the_same_by_its_attachment_and_says_that_its_pages_prove_nothing(signed, key, tmp_path):
    code, said = run(pdf.render(signed), key, tmp_path)
    assert code == 0
    assert said.startswith("Genuine: certificate CRT-7F3K2M9QX")
    assert said.endswith("The pages of a PDF are not signed: what is printed here is what the certificate says.\n")


def test_a_certificate_signed_again_by_another_key_is_refused_and_the_key_in_it_proves_nothing(signed, key, tmp_path):
    forged = signed_by(Ed25519PrivateKey.generate(), signed["certificate"])
    for content in (forged, pdf.render(forged)):
        code, said = run(content, key, tmp_path)
        assert code == 1
        assert said.startswith("NOT GENUINE. Signed by another key")
        assert "proves nothing" in said
    assert run(changed(forged, ("signature", "key"), key.hex()), key, tmp_path)[0] == 1


def test_another_key_named_beside_a_genuine_signature_is_noticed(signed, key, tmp_path):
    code, said = run(changed(signed, ("signature", "key"), "00" * 32), key, tmp_path)
    assert (code, said) == (
        1,
        "NOT GENUINE. The file names another key than the one that signed it; somebody changed it.\n",
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("account", "destroyed"), 1218),
        (("organization", "name"), "Hill Clinic"),
        (("organization", "hipaa_covered"), False),
        (("number",), "CRT-000000000"),
        (("method", "steps", 1, "at"), "2026-03-09T00:03:41.123456Z"),
        (("covers",), MISSING),
        (("extra",), "more"),
    ],
)
def test_whatever_is_changed_the_signature_no_longer_fits(signed, key, tmp_path, path, value):
    code, said = run(changed(signed, ("certificate", *path), value), key, tmp_path)
    assert code == 1
    assert said.startswith("NOT GENUINE. The signature does not fit: the content was changed")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("account", "ingested"), 1222, "Its account does not add up: 1222 messages came in, 1221 are accounted for."),
        (("account", "moved_out"), -1, "Its account lacks an entry, or has one that is not a count."),
        (("account", "moved_out"), True, "Its account lacks an entry, or has one that is not a count."),
        (("account", "moved_out"), MISSING, "Its account lacks an entry, or has one that is not a count."),
        (("account",), ACCOUNT | {"in_leaf": 17, "destroyed": 1200}, "Its account still has messages in place."),
        (
            ("segments", 0, "messages"),
            1203,
            "Its segments sealed 1216 messages, its account has 1217 of them and 4 deleted early.",
        ),
        (
            ("segments", 0, "messages"),
            1209,
            "Its segments sealed 1222 messages, its account has 1217 of them and 4 deleted early.",
        ),
        (("segments", 0, "messages"), "1204", "A segment's messages or bytes are not a count."),
        (("segments", 0, "merkle_root"), "AB" * 32, "The Merkle root of a segment is not one."),
        (("segments",), "none", "A part of it is missing or of the wrong kind."),
        (
            ("method", "steps", 1, "at"),
            "2026-03-09T01:04:20.123457Z",
            "The steps of its method are not in the order of their times.",
        ),
        (("method", "steps", 1, "at"), "on Monday", "A step of the method lacks its time."),
        (("method", "steps", 1, "at"), "2026-02-30T00:00:00.000000Z", "A part of it is missing or of the wrong kind."),
        (("method", "steps"), [], "A step of the method lacks its time."),
        (("cohort", "expired_on"), "2026-03-10", "The destruction began before the messages expired."),
        (("verification", "key_absent"), False, "Its own verification did not find everything gone."),
        (("verification", "leaf_rows"), 1, "Its own verification did not find everything gone."),
        (("organization", "name"), 7, "What it is about is not named."),
        (("organization",), MISSING, "A part of it is missing or of the wrong kind."),
    ],
)
def test_a_certificate_that_contradicts_itself_is_refused_though_genuinely_signed(
    signed, key, tmp_path, path, value, said
):
    code, words = run(resigned(changed(signed["certificate"], path, value)), key, tmp_path)
    assert code == 1
    assert said in words
    assert words.startswith("NOT GENUINE. The signature is genuine, but the certificate contradicts itself: ")


def test_a_clock_that_was_set_back_within_the_hour_between_two_steps_is_no_forgery(signed, key, tmp_path):
    later = changed(signed["certificate"], ("method", "steps", 1, "at"), "2026-03-09T01:04:20.123456Z")
    assert run(resigned(later), key, tmp_path)[0] == 0


def test_what_was_deleted_early_may_have_been_sealed_before_or_not(signed, key, tmp_path):
    for sealed in (1204, 1208):
        assert run(resigned(changed(signed["certificate"], ("segments", 0, "messages"), sealed)), key, tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is not the JSON of a certificate"),
        (b"hello", "The file is not the JSON of a certificate"),
        (b"\xff", "The file is not the JSON of a certificate"),
        (b"[" * 100_000, "The file is not the JSON of a certificate"),
        (b"[]", "The file is not a certificate: it must hold exactly a certificate and its signature."),
        (b'{"certificate": 1, "signature": 2}', "The file is not a certificate: its two parts must be objects."),
        (b'{"certificate": {}, "signature": {}}', "The signature is not one this verifier knows"),
        (b'{"certificate": {}, "certificate": {}}', "a field stands there twice"),
        (b'{"certificate": {"a": 1.5}}', "a certificate has whole numbers only"),
        (b'{"certificate": {"a": NaN}}', "a certificate has whole numbers only"),
        (b" " * 20_000_001, "The file is larger than 20,000,000 bytes; no certificate is."),
        (b"%PDF-1.7\nstream\nnothing\nendstream", "No certificate is attached to the PDF."),
    ],
)
def test_a_file_that_is_no_certificate_could_not_be_checked(key, tmp_path, content, said):
    code, words = run(content, key, tmp_path)
    assert code == 2
    assert words.startswith("Could not be checked. ")
    assert said in words


def test_an_unsigned_part_beside_the_signed_one_is_refused(signed, key, tmp_path):
    assert run(signed | {"note": "1,217 more"}, key, tmp_path)[0] == 2


def test_a_pdf_with_two_certificates_is_refused_because_it_may_show_one_and_prove_the_other(signed, key, tmp_path):
    second = zlib.compress(json.dumps(signed).encode())
    both = pdf.render(signed) + b"\n9 0 obj\n<< >>\nstream\n" + second + b"\nendstream\nendobj\n"
    code, said = run(both, key, tmp_path)
    assert (code, said) == (
        2, "Could not be checked. 2 certificates are attached to the PDF; which one it shows is not clear.\n",
    )  # fmt: skip


def test_a_pdf_that_unpacks_to_far_more_than_it_is_is_refused(key, tmp_path):
    bomb = zlib.compress(b"x" * 5_000_000, 9)
    code, said = run(b"%PDF-1.7\n" + (b"stream\n" + bomb + b"\nendstream\n") * 20, key, tmp_path)
    assert (code, said) == (2, "Could not be checked. The PDF unpacks to more than a certificate can hold.\n")


def test_an_organization_may_be_named_like_a_pdf_and_may_not_write_to_the_terminal(key, tmp_path):
    signed = document.sign(document.build(facts(organization_name="%PDF-1.7 \x1b[2J\u202e")))
    code, said = run(signed, key, tmp_path)
    assert code == 0
    assert "  organization  %PDF-1.7 \ufffd[2J\ufffd (ORG-7F3K2MP, US)" in said


def test_a_format_of_another_version_is_left_to_its_own_verifier(signed, key, tmp_path):
    code, said = run(resigned(changed(signed["certificate"], ("format",), "covenant-certificate/2")), key, tmp_path)
    assert code == 2
    assert "Use the verifier of its version." in said


def test_the_key_may_be_digits_or_a_file_with_digits_or_a_pem(signed, key, tmp_path):
    (tmp_path / "key.hex").write_text(key.hex().upper() + "\n")
    pem = signing._private("certificates").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    for given_key in (key.hex(), str(tmp_path / "key.hex"), str(tmp_path / "key.pem")):
        assert run(signed, given_key, tmp_path)[0] == 0


def test_a_key_that_can_not_be_used_says_why(signed, key, tmp_path):
    rsa = generate_private_key(65537, 2048)
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = {
        "private.pem": (private, "--key is a private key. It should never leave the installation; use the public key."),
        "rsa.pem": (
            rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "The PEM is not an Ed25519 public key.",
        ),
        "broken.pem": (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "The PEM can't be read as a public key.",
        ),
        "short.hex": (b"abcd", "The key must be 64 hexadecimal digits, or a PEM of an Ed25519 public key."),
    }
    for name, (content, said) in files.items():
        (tmp_path / name).write_bytes(content)
        assert run(signed, str(tmp_path / name), tmp_path) == (2, f"Could not be checked. {said}\n")
    code, said = run(signed, signing.fingerprint(key), tmp_path)
    assert (code, said) == (
        2, "Could not be checked. --key is neither 64 hexadecimal digits nor a file that can be read (FileNotFoundError).\n",
    )  # fmt: skip


def test_without_a_key_nothing_is_checked(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        verify.main([str(tmp_path)])
    assert ended.value.code == 2
    assert "--key" in capsys.readouterr().err


ALONE = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    ours = sorted({name.partition(".")[0] for name in sys.modules} & {"django", "apps", "config", "typst", "celery"})
    print("loaded:", ours)
"""


@pytest.mark.parametrize("make", [lambda signed: json.dumps(signed).encode(), pdf.render])
def test_the_verifier_is_one_file_that_needs_nothing_of_this_project(signed, key, tmp_path, make):
    alone = tmp_path / "elsewhere" / "verify.py"
    alone.parent.mkdir()
    alone.write_bytes(VERIFIER.read_bytes())
    (tmp_path / "file").write_bytes(make(signed))

    def ended(key):
        return subprocess.run(
            [sys.executable, "-I", "-c", ALONE, str(alone), str(tmp_path / "file"), "--key", key],
            cwd=tmp_path, env={}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    genuine, other, nothing = ended(key.hex()), ended("00" * 32), ended("nothing")
    assert (genuine.returncode, other.returncode, nothing.returncode) == (0, 1, 2)
    assert genuine.stdout.splitlines()[-1] == "loaded: []"
    assert genuine.stderr == ""
    assert other.stdout.startswith("NOT GENUINE. Signed by another key")


def test_the_command_ends_as_the_verifier_does(signed, key, tmp_path):
    (tmp_path / "file.json").write_text(json.dumps(signed))
    out = io.StringIO()
    call_command("verify_certificate", str(tmp_path / "file.json"), "--key", key.hex(), stdout=out)
    assert out.getvalue().startswith("Genuine: certificate CRT-7F3K2M9QX")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_certificate", str(tmp_path / "file.json"), "--key", "00" * 32, stdout=out)
    assert ended.value.code == 1
    with pytest.raises(SystemExit) as ended:
        call_command("verify_certificate", str(tmp_path / "missing.json"), "--key", key.hex(), stdout=out)
    assert ended.value.code == 2


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@PATIENT
@given(st.data())
def test_no_content_brings_the_check_of_consistency_down(signed, data):
    certificate = copy.deepcopy(signed["certificate"])
    place, name = certificate, data.draw(st.sampled_from(sorted(certificate)))
    while isinstance(place[name], dict) and data.draw(st.booleans()):
        place = place[name]
        name = data.draw(st.sampled_from(sorted(place)))
    place[name] = data.draw(JSON)
    assert all(isinstance(problem, str) for problem in verify.inconsistencies(certificate))


@PATIENT
@given(st.binary(max_size=300), st.sampled_from([b"", b"%PDF-1.7 stream\n", b"{"]))
def test_no_bytes_bring_the_verifier_down_and_none_pass(key, tmp_path, content, start):
    assert run(start + content, key, tmp_path)[0] == 2


@PATIENT
@given(st.data())
def test_no_changed_byte_of_a_genuine_file_proves_something_else(signed, key, data):
    content = bytearray(json.dumps(signed, ensure_ascii=False).encode())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = verify.check(verify.read(bytes(content)), key)
    except (verify.NotGenuine, verify.NotCheckable):
        return
    assert found == signed["certificate"]  # a space for another, or the same byte


def test_the_times_of_a_certificate_are_told_in_utc_whatever_the_zone(signed):
    assert signed["certificate"]["issued_at"] == on(9, 0, 4, 20).isoformat().replace("+00:00", "Z")
