"""Checks a certificate of destruction, without Covenant: this one file, Python 3.11 or later, and the package cryptography.

    python verify.py CERTIFICATE --key KEY

CERTIFICATE is the JSON or the PDF. KEY is the public key you got from the company by another way than the certificate, and
keep: 64 hexadecimal digits, or a file with these or with the key as PEM. It must never be taken from the certificate: a
key inside a file proves nothing, since whoever forges the file writes their own key into it.

Ends with 0 where the certificate is genuine and consistent, 1 where it is not, 2 where it could not be checked.
"""

import argparse
import hashlib
import json
import re
import sys
import zlib
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "covenant-certificate/1"
LARGEST_FILE = 20_000_000
LARGEST_DOCUMENT = 5_000_000
LARGEST_UNPACKED = 50_000_000
CAME_IN = ("ingested", "moved_in")
SCOPES = ("day", "aside", "archive")
IS_SOMEWHERE = ("in_leaf", "aside_for_hold", "aside_for_archive", "moved_out", "destroyed", "deleted_early")
CLOCK_SET_BACK = timedelta(hours=1)  # a clock may be corrected between two steps; their order is the software's
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
ROOT = re.compile(r"[0-9a-f]{64}")


class NotGenuine(Exception):
    """The certificate was read, and is not what it claims to be."""


class NotCheckable(Exception):
    """The file or the key can't be read, so nothing can be said about the certificate."""


def canonical(value):
    """The bytes that are signed: JSON with sorted keys and without spaces, in UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def parse(raw):
    """JSON with one meaning: no field twice, no fractions, no NaN."""
    try:
        return json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_unique, parse_float=_not_taken, parse_constant=_not_taken
        )
    except (ValueError, RecursionError) as error:
        raise NotCheckable(f"The file is not the JSON of a certificate ({error}).") from None


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _not_taken(_text):
    raise ValueError("a certificate has whole numbers only")


def read(content):
    """The signed certificate in a file: the file itself, or the one attached to a PDF."""
    if len(content) > LARGEST_FILE:
        raise NotCheckable(f"The file is larger than {LARGEST_FILE:,} bytes; no certificate is.")
    if is_pdf(content):
        return _attached(content)
    return parse(content)


def is_pdf(content):
    """Whether a file is meant as a PDF. A JSON that mentions one is not."""
    return content.lstrip()[:1] != b"{" and b"%PDF-" in content[:1024]


def _attached(content):
    """The one certificate among the PDF's streams. Two would let the page show one and the file prove the other."""
    found, unpacked = [], 0
    for start in re.finditer(rb"stream\r?\n", content):
        raw = _stream(content, start.end())
        unpacked += len(raw)
        if unpacked > LARGEST_UNPACKED:
            raise NotCheckable("The PDF unpacks to more than a certificate can hold.")
        if raw.lstrip()[:1] == b"{" and b'"certificate"' in raw and b'"signature"' in raw:
            found.append(raw)
    if not found:
        raise NotCheckable("No certificate is attached to the PDF. Ask for the file as it was issued, or for its JSON.")
    if len(found) > 1:
        raise NotCheckable(f"{len(found)} certificates are attached to the PDF; which one it shows is not clear.")
    return parse(found[0])


def _stream(content, start):
    """The content of one stream, unpacked where it is packed. Empty where it is neither."""
    if content[start : start + 1] == b"{":
        return content[start : content.find(b"endstream", start)]
    try:
        return zlib.decompressobj().decompress(memoryview(content)[start:], LARGEST_DOCUMENT)
    except zlib.error:
        return b""


def read_key(text):
    """The pinned public key, 32 bytes, from 64 hexadecimal digits or from a file with these or with a PEM."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        try:
            with open(text, "rb") as file:
                content = file.read(10_000)
        except (OSError, ValueError) as error:
            raise NotCheckable(
                f"--key is neither 64 hexadecimal digits nor a file that can be read ({type(error).__name__})."
            ) from None
        if b"PRIVATE KEY" in content:
            raise NotCheckable("--key is a private key. It should never leave the installation; use the public key.")
        if b"-----BEGIN" in content:
            return _from_pem(content)
        text = content.decode("ascii", "replace")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise NotCheckable("The key must be 64 hexadecimal digits, or a PEM of an Ed25519 public key.")
    return bytes.fromhex(text.strip())


def _from_pem(content):
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise NotCheckable("The PEM can't be read as a public key.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise NotCheckable("The PEM is not an Ed25519 public key.")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(key):
    """How a key is named in writing: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:16]


def check(signed, key):
    """The certificate in `signed`, if `key` signed it and it agrees with itself; else NotGenuine says what is wrong."""
    certificate, signature = _parts(signed)
    _check_signature(certificate, signature, key)
    if certificate.get("format") != FORMAT:
        raise NotCheckable(
            f"The signature is genuine, but the format is not {FORMAT}. Use the verifier of its version."
        )
    problems = inconsistencies(certificate)
    if problems:
        raise NotGenuine("The signature is genuine, but the certificate contradicts itself: " + " ".join(problems))
    return certificate


def _parts(signed):
    if not isinstance(signed, dict) or set(signed) != {"certificate", "signature"}:
        raise NotCheckable("The file is not a certificate: it must hold exactly a certificate and its signature.")
    certificate, signature = signed["certificate"], signed["signature"]
    if not isinstance(certificate, dict) or not isinstance(signature, dict):
        raise NotCheckable("The file is not a certificate: its two parts must be objects.")
    if set(signature) != {"algorithm", "key", "value"} or signature["algorithm"] != "Ed25519":
        raise NotCheckable("The signature is not one this verifier knows (Ed25519 with key and value).")
    return certificate, signature


def _check_signature(certificate, signature, key):
    message = FORMAT.encode() + b"\n" + canonical(certificate)
    value, named = _hex(signature["value"]), _hex(signature["key"])
    if _is_signed(key, value, message):
        if named != key:
            raise NotGenuine("The file names another key than the one that signed it; somebody changed it.")
        return
    if named != key and _is_signed(named, value, message):
        raise NotGenuine(
            f"Signed by another key ({fingerprint(named)}) than the one you trust ({fingerprint(key)}). That the file"
            " brings that key along proves nothing: anybody can sign with a key of their own."
        )
    raise NotGenuine(
        f"The signature does not fit: the content was changed, or the key {fingerprint(key)} never signed it."
    )


def _hex(value):
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        return b""


def _is_signed(key, value, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(value, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def inconsistencies(certificate):
    """What in the certificate contradicts itself, as sentences; nothing where all agrees."""
    problems = []
    for part in (_of_names, _of_scope, _of_account, _of_segments, _of_times, _of_result):
        try:
            for problem in part(certificate):
                problems.append(problem)  # what was found before a part breaks off counts too
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            problems.append("A part of it is missing or of the wrong kind.")
    return list(dict.fromkeys(problems))


def _of_names(certificate):
    organization, cohort = certificate["organization"], certificate["cohort"]
    names = (
        certificate["number"], certificate["issued_at"], organization["name"], organization["reference"],
        organization["country"], cohort["reference"], cohort["expired_on"],
    )  # fmt: skip
    if not all(isinstance(name, str) for name in names):
        yield "What it is about is not named."


def _of_scope(certificate):
    scope, destroyed = certificate["scope"], certificate["account"]["destroyed"]
    if scope["kind"] not in SCOPES or not _is_count(scope["messages"]) or not _is_count(scope["set_aside_early"]):
        yield "What it ends is not said."
    elif scope["kind"] != "archive" and scope["messages"] > destroyed:
        yield f"It ends {scope['messages']} messages, its account has only {destroyed} destroyed."


def _of_account(certificate):
    account = certificate["account"]
    if set(account) != {*CAME_IN, *IS_SOMEWHERE} or not all(_is_count(number) for number in account.values()):
        yield "Its account lacks an entry, or has one that is not a count."
        return
    came_in, there = sum(account[name] for name in CAME_IN), sum(account[name] for name in IS_SOMEWHERE)
    if came_in != there:
        yield f"Its account does not add up: {came_in} messages came in, {there} are accounted for."
    if account["in_leaf"]:
        yield "Its account still has messages in place."


def _of_segments(certificate):
    account, sealed = certificate["account"], 0
    for segment in certificate["segments"]:
        if not ROOT.fullmatch(segment["merkle_root"]):
            yield "The Merkle root of a segment is not one."
        if not _is_count(segment["messages"]) or not _is_count(segment["bytes"]):
            yield "A segment's messages or bytes are not a count."
            return
        sealed += segment["messages"]
    kept = sum(account[name] for name in ("destroyed", "aside_for_hold", "aside_for_archive", "moved_out"))
    # what was deleted early, or set aside early for a hold, may have been counted by a seal before, or not
    early = certificate["scope"]["set_aside_early"]
    if not kept - early <= sealed <= kept + account["deleted_early"]:
        yield f"Its segments sealed {sealed} messages, its account has {kept} of them and {account['deleted_early']} deleted early."


def _of_times(certificate):
    steps = certificate["method"]["steps"]
    times = [*(step["at"] for step in steps), certificate["issued_at"]]
    if len(steps) != 3 or not all(isinstance(time, str) and TIME.fullmatch(time) for time in times):
        yield "A step of the method lacks its time."
        return
    moments = [datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ") for time in times]  # ValueError: no such hour
    if any(later < earlier - CLOCK_SET_BACK for earlier, later in pairwise(moments)):
        yield "The steps of its method are not in the order of their times."
    if times[0][:10] < certificate["cohort"]["expired_on"]:
        yield "The destruction began before the messages expired."


def _of_result(certificate):
    verification = certificate["verification"]
    if verification["key_absent"] is not True or verification["canary_opens"] is not False or verification["leaf_rows"] != 0:
        yield "Its own verification did not find everything gone."


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def describe(certificate, key):
    """What the certificate proves, line by line. Its texts are somebody's input: nothing unprintable reaches a terminal."""
    organization, cohort, account = certificate["organization"], certificate["cohort"], certificate["account"]
    lines = (
        f"Genuine: certificate {certificate['number']}, signed by the key you gave ({fingerprint(key)}).",
        f"  issued        {certificate['issued_at']}",
        f"  organization  {organization['name']} ({organization['reference']}, {organization['country']})",
        f"  cohort        {cohort['reference']}, expired on {cohort['expired_on']}",
        f"  destroyed     {account['destroyed']:,} messages of {account['ingested'] + account['moved_in']:,} that came in",
        f"  not covered   {account['aside_for_hold']:,} kept for a hold, {account['aside_for_archive']:,} for an archive or review",
        f"  key gone      {certificate['method']['steps'][1]['at']}",
        f"  rows gone     {certificate['method']['steps'][2]['at']}",
    )
    scope = certificate["scope"]
    lines = (*lines[:4], f"  this one ends {scope['messages']:,} messages: {scope['what']}", *lines[4:])
    return ["".join(char if char.isprintable() else "\ufffd" for char in line) for line in lines]


def main(arguments=None, out=None):
    """Check one file, say what was found, and return 0, 1 or 2."""
    out = out or sys.stdout
    parser = argparse.ArgumentParser(description="Check a certificate of destruction.", epilog=__doc__.splitlines()[-1])
    parser.add_argument("certificate", help="the certificate, as JSON or as PDF")
    parser.add_argument(
        "--key", required=True, help="the public key you trust: 64 hexadecimal digits, or a file with it"
    )
    given = parser.parse_args(arguments)
    try:
        key = read_key(given.key)
        content = _content(given.certificate)
        lines = describe(check(read(content), key), key)
    except NotGenuine as error:
        out.write(f"NOT GENUINE. {error}\n")
        return 1
    except NotCheckable as error:
        out.write(f"Could not be checked. {error}\n")
        return 2
    if is_pdf(content):
        lines.append("The pages of a PDF are not signed: what is printed here is what the certificate says.")
    out.write("\n".join(lines) + "\n")
    return 0


def _content(path):
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise NotCheckable(f"The file can't be read ({type(error).__name__}).") from None


if __name__ == "__main__":
    sys.exit(main())
