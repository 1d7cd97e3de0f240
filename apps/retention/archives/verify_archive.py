"""Checks archives of messages, without Covenant: this one file, Python 3.11 or later, packages cryptography, pyrage, zstandard.

    python verify_archive.py PATH --key KEY [--identity FILE]

PATH is the folder of one archive (part-00001.jsonl.zst.age and so on, manifest.json) or one above many. KEY is the public
key you got from the company by another way than the archive, and keep: 64 hexadecimal digits, or a file with these or
with the key as PEM. A key inside an archive proves nothing: whoever forges the archive writes their own key into it.

Without FILE: the manifest's signature, and that every part is there, whole, unchanged and in its place. With FILE (the
identity that opens the archive, as `age -i` takes it) also what the parts hold: each message against its proof, and all of
them against the Merkle roots that were sealed. Anybody can write a part that opens, since the key to write one is public;
what tells is the signed manifest.

Ends with 0 where all was found as it was signed, 1 where something was not, 2 where something could not be checked.
"""

import argparse
import hashlib
import json
import os
import re
import stat
import sys
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from pathlib import Path

import pyrage
import zstandard
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "covenant-archive/1"
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 << 20
LARGEST_LINE = 16 << 20  # the largest message taken in has less than half of it
LARGEST_WINDOW = 8 << 20
SLACK, RATIO = 64 << 20, 1_000  # how far a part unpacks where no manifest says how far it should
PIECE = 512  # bytes unpacked at once: each gives 32 KiB at most, so never more than 16 MiB together
BLOCK = 1 << 16
START = 128  # bytes at the start of a part, no two parts have the same: tell a changed part from another one
PART = re.compile(r"part-[0-9]{5,9}\.jsonl\.zst\.age")
SHA256 = re.compile(r"[0-9a-f]{64}")
FIELDS = {"id", "message", "policy_version", "proof", "salt", "segment"}
LINE = re.compile(
    rb'\{"id":[0-9]{1,18},"message":(\{.*\}),"policy_version":[0-9]{1,9},"proof":"[0-9a-f]{64}","salt":"[0-9a-f]{64}","segment":[0-9]{1,9}\}',
    re.DOTALL,
)
MOST_SHOWN = 20

#: What can be wrong, by its stable name, and what mends it.
MENDS = {
    "part_missing": "Put the part back from where else the archive is kept.",
    "part_flipped": "Put the part back from where else the archive is kept; look after the disk or the connection it lay on.",
    "part_truncated": "Copy the part again in full from where else the archive is kept.",
    "part_lengthened": "Put the part back from where else the archive is kept; find out who appended to it.",
    "part_reordered": "Give each part its own name again.",
    "part_exchanged": "Put the part back from where else the archive is kept; --identity tells whose part stands there.",
    "part_foreign": "Put the part back where it belongs, and this archive's own in its place.",
    "part_replaced": "Put the part back from where else the archive is kept; treat what stands there as forged.",
    "part_added": "Remove the file; it was never part of this archive.",
    "part_miscounted": "Tell the company: what it signed is not what it wrote.",
    "part_unreadable": "Put the part back from where else the archive is kept.",
    "unpacks_too_far": "Don't unpack the part; treat it as an attack. A genuine part unpacks to the size that its manifest says.",
    "line_too_long": "Don't unpack the part; treat it as an attack. No genuine line is that long.",
    "line_unreadable": "Tell the company: it signed a line that is not in the archive's format.",
    "line_altered": "Tell the company: it signed a message that does not match its proof.",
    "line_duplicated": "Tell the company: it signed the same line twice.",
    "segment_differs": "Tell the company: what it archived is not what it had sealed.",
    "manifest_changed": "Put the manifest back from where else the archive is kept; believe nothing the changed one says.",
    "manifest_of_another_key": "Ask the company for its manifest; check that the key you pinned is the company's.",
    "manifest_foreign": "Put this archive's own manifest back, or give the folder its archive's name.",
    "manifest_inconsistent": "Tell the company: it signed a manifest that contradicts itself.",
    "manifest_missing": "Put manifest.json back. An archive that still grows has none yet; ask the company whether this one does.",
    "manifest_unreadable": "Put the manifest back from where else the archive is kept.",
    "format_unknown": "Use the verifier of that format.",
    "not_our_key": "Give the identity that belongs to the recipient the manifest names.",
    "key_unusable": "Give the public key as 64 hexadecimal digits, or a file with these or with the key as PEM.",
    "identity_unusable": "Give a file as age-keygen writes it: a line that begins with AGE-SECRET-KEY-1.",
    "path_unreadable": "Give the folder of an archive, or one above archives, that you may read.",
}
COULD_NOT = frozenset({
    "manifest_missing", "manifest_unreadable", "format_unknown", "not_our_key", "key_unusable", "identity_unusable", "path_unreadable",
})  # fmt: skip
AFTER_OPENING = frozenset({"part_unreadable", "unpacks_too_far", "line_too_long"})


class Flaw(Exception):
    """Something is not as it should be: its stable name, what exactly, and in which file."""

    def __init__(self, code, what, file=""):
        super().__init__(what)
        self.code, self.what, self.file = code, what, file


def canonical(value):
    """The bytes that are signed: JSON with sorted keys and without spaces, in UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def parse(raw):
    """An object of JSON with one meaning: no field twice, no fractions, no NaN. Raises ValueError."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_float=_not_taken, parse_constant=_not_taken)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _not_taken(_text):
    raise ValueError("whole numbers only")


def part_name(number):
    return f"part-{number:05d}.jsonl.zst.age"


# Reading one part


class _Source:
    """What decryption reads from; keeps the reason where reading itself fails."""

    def __init__(self, file):
        self.file, self.size, self.error = file, 0, None

    def read(self, size=-1):
        if self.error:
            raise self.error
        try:
            data = self.file.read(size)
        except Exception as error:
            self.error = error
            raise
        self.size += len(data)
        return data


class _Lines:
    """Unpacks what decryption hands on and cuts it into lines, in constant memory; stops at what unpacks too far."""

    def __init__(self, source, each, largest):
        self.source, self.each, self.largest, self.error = source, each, largest, None
        self.unpacked, self.digest, self.begun, self.begun_size = 0, hashlib.sha256(), [], 0
        self.unzip = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj()

    def write(self, data):
        if self.error:  # age tries the same bytes again
            raise self.error
        try:
            for start in range(0, len(data), PIECE):
                self._take(data[start : start + PIECE])
        except Exception as error:
            self.error = error
            raise
        return len(data)

    def flush(self):
        pass

    def _take(self, piece):
        try:
            plain = self.unzip.decompress(piece)
        except zstandard.ZstdError:
            raise Flaw("part_unreadable", "It opens, but what it holds is not one zstandard frame.") from None
        if self.unzip.unused_data:
            raise Flaw("part_unreadable", "It opens, but holds more behind its zstandard frame.")
        self.unpacked += len(plain)
        most = SLACK + RATIO * self.source.size if self.largest is None else self.largest
        if self.unpacked > most:
            raise Flaw("unpacks_too_far", f"It unpacks to more than {most:,} bytes.")
        self.digest.update(plain)
        for start in range(0, len(plain), BLOCK):  # millions of tiny lines are not cut at once
            first, *lines = plain[start : start + BLOCK].split(b"\n")
            self._begin([*self.begun, first], self.begun_size + len(first))
            for line in lines:
                self.each(b"".join(self.begun))
                self._begin([line], len(line))

    def _begin(self, begun, size):
        if size > LARGEST_LINE:
            raise Flaw("line_too_long", f"A line is longer than {LARGEST_LINE:,} bytes.")
        self.begun, self.begun_size = begun, size

    def finish(self):
        if not self.unzip.eof or self.begun_size:
            raise Flaw("part_unreadable", "It opens, but what it holds breaks off.")


def read_lines(file, identities, each, largest=None):
    """Hand the lines of a part to `each`, its header first, and return how they end: (bytes unpacked, their SHA-256). Raises Flaw.

    `largest` is how far the part unpacks by the signed manifest; without it a rough limit holds.
    """
    source, keys = _Source(file), [identity_of(text) for text in identities]
    lines = _Lines(source, each, largest)
    try:
        pyrage.decrypt_io(source, lines, keys)
        trouble = None
    except Exception as error:
        trouble = _of_age(str(error))
    # age gives its own name to what broke off on this side, and may say nothing at all
    trouble = source.error or lines.error or trouble
    if trouble:
        raise trouble
    lines.finish()
    return lines.unpacked, lines.digest.hexdigest()


def identity_of(text):
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        raise Flaw("identity_unusable", "An identity is not one of age's (AGE-SECRET-KEY-1…).") from None


def _of_age(said):
    if "No matching keys" in said:
        return Flaw("not_our_key", "None of the identities opens it.")
    if any(word in said for word in ("truncated", "Incomplete", "fill whole buffer")):
        return Flaw("part_truncated", "It breaks off.")
    return Flaw("part_flipped", "Its bytes were changed, or it breaks off.")


def parse_header(raw):
    """The first line of a part, as it says whose and which part it is. Raises Flaw."""
    try:
        header = parse(raw)
    except ValueError as error:
        raise Flaw("line_unreadable", f"Its header can't be read ({error}).") from None
    if header.get("format") != FORMAT:
        raise Flaw("line_unreadable", f"Its header is not that of {FORMAT}.")
    return header


def parse_line(raw, number):
    """Line `number` of a part as its fields. Raises Flaw where it is not in the format, or does not match its proof."""
    try:
        fields = parse(raw)
    except ValueError:
        fields = {}
    match = LINE.fullmatch(raw)
    # both: the pattern fixes where the message begins and ends, the fields that nothing else hides between
    if not match or set(fields) != FIELDS:
        raise Flaw("line_unreadable", f"Line {number} is not in the archive's format.")
    if hashlib.sha256(b"\x00" + bytes.fromhex(fields["salt"]) + match[1]).hexdigest() != fields["proof"]:
        raise Flaw("line_altered", f"Line {number}: the message {fields['id']} does not match its proof.")
    return fields


# The manifest


def read_manifest(content, key):
    """The manifest, if `key` signed it and it agrees with itself. Raises Flaw."""
    try:
        signed = parse(content)
        manifest, signature = signed["manifest"], signed["signature"]
        value, named = bytes.fromhex(signature["value"]), bytes.fromhex(signature["key"])
        message = FORMAT.encode() + b"\n" + canonical(manifest)
    except (ValueError, KeyError, TypeError):
        raise Flaw("manifest_unreadable", "It is not the JSON of a manifest with its signature.", MANIFEST) from None
    if not _is_signed(key, value, message) or signature["algorithm"] != "Ed25519" or len(signed) != 2:
        if named != key and _is_signed(named, value, message):
            raise Flaw(
                "manifest_of_another_key",
                f"It is signed by the key {fingerprint(named)}, not by the one you trust ({fingerprint(key)}).", MANIFEST,
            )  # fmt: skip
        raise Flaw("manifest_changed", f"Its signature does not fit: it was changed, or {fingerprint(key)} never signed it.", MANIFEST)
    if manifest.get("format") != FORMAT:
        raise Flaw("format_unknown", f"Its signature is genuine, but its format is not {FORMAT}.", MANIFEST)
    problems = inconsistencies(manifest)
    if problems:
        raise Flaw("manifest_inconsistent", " ".join(problems), MANIFEST)
    return manifest


def _is_signed(key, value, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(value, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def inconsistencies(manifest):
    """What in the manifest contradicts itself, as sentences; nothing where all agrees."""
    try:
        return list(_contradictions(manifest))
    except (KeyError, TypeError, ValueError, AttributeError):
        return ["A field of it is missing or of the wrong kind."]


def _contradictions(manifest):
    parts, segments, counts = manifest["parts"], manifest["segments"], manifest["counts"]
    deleted, later = manifest["deleted"], manifest["deleted_after_seal"]
    names = (manifest[name] for name in ("archive", "organization", "cohort", "expiry", "installation", "closed_at"))
    if not all(isinstance(name, str) for name in (*names, manifest["target"]["kind"], manifest["target"]["country"])):
        yield "What it is about is not named."
    if [(part["number"], part["name"]) for part in parts] != [(n, part_name(n)) for n in range(1, len(parts) + 1)]:
        yield "Its parts are not numbered one by one."
    if not all(SHA256.fullmatch(part[name]) for part in parts for name in ("sha256", "plain_sha256", "start_sha256")):
        yield "The SHA-256 of a part is not one."
    if len({part["sha256"] for part in parts}) != len(parts):
        yield "Two of its parts are the same."
    if not all(SHA256.fullmatch(segment["merkle_root"]) for segment in segments):
        yield "The Merkle root of a segment is not one."
    if not all(SHA256.fullmatch(item["proof"]) and _is_count(item["id"]) and _is_count(item["segment"]) for item in later):
        yield "A message deleted after the seal lacks its proof."
    if [segment["number"] for segment in segments] != sorted({segment["number"] for segment in segments}):
        yield "Its segments are not in order."
    told = [*deleted, *(item["id"] for item in later)]
    if not all(_is_count(number) for number in told) or len(set(told)) != len(told):
        yield "A deleted message is named twice, or not by its number."
    sums = {
        "parts": len(parts), "lines": sum(part["lines"] for part in parts), "bytes": sum(part["bytes"] for part in parts),
        "messages": sum(segment["messages"] for segment in segments), "deleted": len(told),
    }  # fmt: skip
    if counts != sums or not all(_is_count(part[name]) for part in parts for name in ("lines", "bytes", "plain_bytes")):
        yield "Its counts do not add up."


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


# One archive


@dataclass
class Report:
    """What was found in one folder. `opened` where the contents were looked at too."""

    folder: str
    manifest: dict | None
    flaws: list
    opened: bool

    @property
    def exit_code(self):
        return 1 if any(flaw.code not in COULD_NOT for flaw in self.flaws) else 2 if self.flaws else 0


def check(folder, key, identities=()):
    """Everything that can be said about the archive in `folder`, as a Report."""
    try:
        manifest = _manifest_of(Path(folder), key)
    except Flaw as flaw:
        return Report(str(folder), None, [flaw], opened=False)
    flaws = list(_of_place(Path(folder), manifest))
    contents = _Contents(manifest)
    for entry in manifest["parts"]:
        try:
            _check_part(Path(folder), entry, manifest, identities, contents)
        except Flaw as flaw:
            flaws.append(Flaw(flaw.code, flaw.what, entry["name"]))
            if flaw.code == "not_our_key":
                identities = ()  # said once; what can be checked without is checked for the other parts too
    opened = bool(identities) and not flaws
    if opened:
        flaws += contents.flaws()
    return Report(str(folder), manifest, flaws, opened)


def _manifest_of(folder, key):
    try:
        with _opened(folder / MANIFEST) as file:
            content = file.read(LARGEST_MANIFEST + 1)
    except FileNotFoundError:
        raise Flaw("manifest_missing", "The archive has no manifest, so nothing says what belongs to it.", MANIFEST) from None
    except OSError as error:
        raise Flaw("manifest_unreadable", f"It can't be read ({type(error).__name__}).", MANIFEST) from None
    if len(content) > LARGEST_MANIFEST:
        raise Flaw("manifest_unreadable", f"It is larger than {LARGEST_MANIFEST:,} bytes; no manifest is.", MANIFEST)
    return read_manifest(content, key)


def _opened(path):
    """A regular file, opened. Anything else (a pipe would keep us waiting for ever) is an OSError."""
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("not a regular file")
    return file


def _of_place(folder, manifest):
    """What stands where it should not: the manifest in another archive's folder, files that were never part of it."""
    name = folder.resolve().name
    if name.startswith("ARC-") and name != manifest["archive"]:
        yield Flaw("manifest_foreign", f"The folder is that of {name}, the manifest that of {manifest['archive']}.", MANIFEST)
    known = {part["name"] for part in manifest["parts"]}
    for name in sorted(os.listdir(folder)):
        if name not in known and name.endswith(".age"):
            yield Flaw("part_added", "The manifest does not name it.", name)


def _check_part(folder, entry, manifest, identities, contents):
    try:
        with _opened(folder / entry["name"]) as file:
            size, digest, start = _measured(file)
            file.seek(0)
            if digest != entry["sha256"]:
                raise _closer(file, size, digest, start, entry, manifest, identities)
            if identities:
                contents.read(file, entry, identities)
    except FileNotFoundError:
        raise Flaw("part_missing", "It is not there.") from None
    except OSError as error:
        raise Flaw("path_unreadable", f"It can't be read ({type(error).__name__}).") from None


def _measured(file):
    """Size, SHA-256, and SHA-256 of the start, of an open file."""
    digest, start, size = hashlib.sha256(), b"", 0
    while block := file.read(1 << 20):
        start = start or hashlib.sha256(block[:START]).hexdigest()
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest(), start


def _closer(file, size, digest, start, entry, manifest, identities):
    """What has become of a part whose bytes are not those that were signed."""
    for other in manifest["parts"]:
        if other["sha256"] == digest:
            return Flaw("part_reordered", f"It is {other['name']}, in the wrong place.")
    if identities:
        try:
            return _of_another(file, manifest, identities)
        except Flaw as flaw:
            if flaw.code in AFTER_OPENING:
                return flaw
    if start == entry["start_sha256"] or size == entry["bytes"] or size < START:
        if size < entry["bytes"]:
            return Flaw("part_truncated", f"It ends after {size:,} of {entry['bytes']:,} bytes.")
        if size > entry["bytes"]:
            return Flaw("part_lengthened", f"It goes on after its {entry['bytes']:,} bytes.")
        return Flaw("part_flipped", "Its bytes were changed.")
    return Flaw("part_exchanged", "Another file stands in its place.")


def _of_another(file, manifest, identities):
    """Whose a part is that opens in full, though it is not the one that was signed. Raises Flaw where it does not open."""
    first = []
    read_lines(file, identities, lambda raw: first or first.append(raw))
    try:
        header = parse_header(first[0] if first else b"")
    except Flaw:
        return Flaw("part_replaced", "It opens, but is no part of an archive.")
    if any(header.get(name) != manifest[name] for name in ("archive", "organization")):
        return Flaw("part_foreign", f"It is a part of another archive ({header.get('archive')} of {header.get('organization')}).")
    return Flaw("part_replaced", "It opens and claims to be of this archive, but is not what was signed.")


class _Contents:
    """What the parts hold, line by line, and whether that is what was sealed. Keeps 40 bytes a message."""

    def __init__(self, manifest):
        self.manifest, self.segments = manifest, {}

    def read(self, file, entry, identities):
        """Check one part whose bytes are those that were signed."""
        header, count = None, 0

        def each(raw):
            nonlocal header, count
            if header is None:
                header = parse_header(raw)
                self._check_header(header, entry)
                return
            count += 1
            line = parse_line(raw, count)
            if line["policy_version"] not in header["policy_versions"]:
                raise Flaw("line_unreadable", f"Line {count} has a policy version that its header does not name.")
            if not self.segments.setdefault(line["segment"], _Segment()).add(line["id"], bytes.fromhex(line["proof"])):
                raise Flaw("line_duplicated", f"Line {count}: the message {line['id']} stands there twice.")

        unpacked = read_lines(file, identities, each, entry["plain_bytes"])
        if (count, *unpacked) != (entry["lines"], entry["plain_bytes"], entry["plain_sha256"]):
            raise Flaw("part_miscounted", f"It holds {count:,} lines in {unpacked[0]:,} bytes, or others than were signed.")

    def _check_header(self, header, entry):
        number, manifest = entry["number"], self.manifest
        if any(header.get(name) != manifest[name] for name in ("archive", "organization", "expiry")):
            raise Flaw("part_foreign", f"Its header says it belongs to {header.get('archive')}.")
        if header.get("part") != number or header.get("previous") != (manifest["parts"][number - 2]["sha256"] if number > 1 else ""):
            raise Flaw("part_reordered", f"Its header says it is part {header.get('part')} behind another than the one before it.")

    def flaws(self):
        """Where what stands in the end is not what was sealed."""
        deleted = set(self.manifest["deleted"])
        for sealed in self.manifest["segments"]:
            later = {item["id"]: bytes.fromhex(item["proof"]) for item in self.manifest["deleted_after_seal"] if item["segment"] == sealed["number"]}
            count, root = self.segments.pop(sealed["number"], _Segment()).sealed(deleted, later)
            if (count, root.hex()) != (sealed["messages"], sealed["merkle_root"]):
                yield Flaw(
                    "segment_differs", f"Segment {sealed['number']}: {count:,} messages, sealed were {sealed['messages']:,}, or not the same ones."
                )  # fmt: skip
        for number in sorted(self.segments):
            yield Flaw("segment_differs", f"Segment {number} was never sealed.")


class _Segment:
    """The messages of one segment: those that came in the order of their numbers, and those that came late or again."""

    def __init__(self):
        self.ids, self.proofs, self.late = array("q"), bytearray(), {}

    def add(self, number, proof):
        """Take in one line; False where the very same stands there already. A later line replaces an earlier one."""
        if not self.ids or number > self.ids[-1]:
            self.ids.append(number)
            self.proofs += proof
            return True
        place = bisect_left(self.ids, number)
        standing = self.proofs[32 * place : 32 * place + 32] if self.ids[place] == number else None
        if self.late.get(number, standing) == proof:
            return False
        self.late[number] = proof
        return True

    def sealed(self, deleted, later):
        """Count and Merkle root (RFC 6962) of what stands, in the order of numbers, as it was when it was sealed."""
        early = ((number, 0, self.proofs[32 * place : 32 * place + 32]) for place, number in enumerate(self.ids))
        late = ((number, 1, proof) for number, proof in sorted((self.late | later).items()))
        peaks, count = [], 0
        for number, lines in groupby(merge(early, late), key=lambda line: line[0]):
            *_, (_, _, node) = lines
            if number in deleted:
                continue
            size, count = 1, count + 1
            while peaks and peaks[-1][0] == size:
                size, node = size * 2, hashlib.sha256(b"\x01" + peaks.pop()[1] + node).digest()
            peaks.append((size, node))
        if not peaks:
            return 0, hashlib.sha256(b"").digest()
        root = peaks.pop()[1]
        while peaks:
            root = hashlib.sha256(b"\x01" + peaks.pop()[1] + root).digest()
        return count, bytes(root)


# Files and words


def read_key(text):
    """The pinned public key, 32 bytes, from 64 hexadecimal digits or from a file with these or with a PEM. Raises Flaw."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        try:
            with open(text, "rb") as file:
                content = file.read(10_000)
        except (OSError, ValueError) as error:
            raise Flaw("key_unusable", f"--key is neither 64 hexadecimal digits nor a file that can be read ({type(error).__name__}).") from None
        if b"PRIVATE KEY" in content:
            raise Flaw("key_unusable", "--key is a private key. It should never leave the installation.")
        if b"-----BEGIN" in content:
            return _from_pem(content)
        text = content.decode("ascii", "replace")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise Flaw("key_unusable", "--key is not a public key.")
    return bytes.fromhex(text.strip())


def _from_pem(content):
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Flaw("key_unusable", "The PEM is not an Ed25519 public key.")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def read_identities(path):
    """The identities in a file as age-keygen writes it. Raises Flaw."""
    try:
        lines = Path(path).read_bytes()[:100_000].decode("utf-8", "replace").splitlines()
    except (OSError, ValueError) as error:
        raise Flaw("identity_unusable", f"--identity can't be read ({type(error).__name__}).") from None
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for text in found:
        identity_of(text)
    if not found:
        raise Flaw("identity_unusable", "--identity holds no identity.")
    return found


def fingerprint(key):
    """How a key is named in writing: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:16]


def archives_below(path):
    """The folders of archives at or below a path. Raises Flaw where there is none."""
    found = [folder for folder, _folders, names in os.walk(path) if MANIFEST in names or any(map(PART.fullmatch, names))]
    if not found:
        raise Flaw("path_unreadable", "No archive is there: no manifest.json and no part.")
    return sorted(found)


def describe(report, key):
    """What was found, line by line. Texts and names are somebody's input: nothing unprintable reaches a terminal."""
    lines = list(_flawed(report) if report.flaws else _genuine(report, key))
    return ["".join(char if char.isprintable() else "\ufffd" for char in line) for line in lines]


def _flawed(report):
    count = "1 flaw" if len(report.flaws) == 1 else f"{len(report.flaws)} flaws"
    yield f"{'NOT GENUINE' if report.exit_code == 1 else 'Could not be checked'}: {report.folder}, {count}."
    for flaw in report.flaws[:MOST_SHOWN]:
        yield f"  {flaw.code}  {flaw.file}  {flaw.what}"
        yield f"    Mend: {MENDS[flaw.code]}"
    if len(report.flaws) > MOST_SHOWN:
        yield f"  and {len(report.flaws) - MOST_SHOWN} more"


def _genuine(report, key):
    manifest, counts = report.manifest, report.manifest["counts"]
    yield f"Genuine: {report.folder}, signed by the key you gave ({fingerprint(key)})."
    yield f"  archive       {manifest['archive']} of {manifest['organization']}, cohort {manifest['cohort']}, expired on {manifest['expiry']}"
    yield f"  closed        {manifest['closed_at']}"
    yield f"  parts         {counts['parts']:,} with {counts['lines']:,} lines in {counts['bytes']:,} bytes: all there, unchanged, none added"
    if report.opened:
        yield f"  contents      opened: every line matches its proof, the {counts['messages']:,} messages that were sealed are there"
    else:
        yield "  contents      not opened: give --identity to look at them too"
    if counts["deleted"]:
        yield f"  deleted       {counts['deleted']:,} messages were deleted before their day; the manifest names them, their lines don't count"


def main(arguments=None, out=None):
    """Check each archive at or below a path, say what was found, and return 0, 1 or 2."""
    out = out or sys.stdout
    parser = argparse.ArgumentParser(description="Check archives of messages.", epilog=__doc__.splitlines()[-1])
    parser.add_argument("path", help="the folder of an archive, or one above archives")
    parser.add_argument("--key", required=True, help="the public key you trust: 64 hexadecimal digits, or a file with it")
    parser.add_argument("--identity", help="a file with the age identity that opens the archives, to look at their contents too")
    given = parser.parse_args(arguments)
    try:
        key = read_key(given.key)
        identities = read_identities(given.identity) if given.identity else []
        reports = [check(folder, key, identities) for folder in archives_below(given.path)]
    except Flaw as flaw:
        out.write(f"Could not be checked: {flaw.code}. {flaw.what}\n    Mend: {MENDS[flaw.code]}\n")
        return 2
    for report in reports:
        out.write("\n".join(describe(report, key)) + "\n")
    codes = {report.exit_code for report in reports}
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
