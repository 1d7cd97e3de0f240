"""Contents of a package as nobody should ever write them: scripts, other alphabets, marks that turn text, names of files that lead elsewhere."""

from apps.data_requests.packages import pieces
from apps.data_requests.packages.contents import Contents, LeftOut, Section
from apps.foundation.personal_data import Collected, CollectedFile, Redaction
from tests.cast import NOON

SCRIPT = "<script>alert(1)</script>"
ATTRIBUTE = '"><img src=x onerror=alert(1)>'
TURNED = "left \u202eright\u2066 mark"
LONE = "half \ud83c of a pair"
ALPHABETS = "漢語 한국어 עברית العربية Ελληνικά Кириллица 🏥"
TYPST = "#eval(\"1\") *bold* $x$ `raw` @ref <label> \\"
LONG = "x" * 5000


def section(code: str = "accounts.people", *collected: Collected) -> Section:
    """A section as a holding hands it over, by way of its piece."""
    written: list[bytes] = []
    found = pieces.write(collected or everything(), written.append)
    return Section(
        code, f"People {SCRIPT}", f"Lead {ATTRIBUTE}", lambda: pieces.read(written), found.rows, found.files, facts={"where it came from": SCRIPT}
    )


def everything() -> tuple[Collected, ...]:
    rows = [{"Name": SCRIPT, "Note": TURNED}, {"Name": ALPHABETS, "Note": LONE}, {"Name": TYPST, "Note": None}, {"Name": [], "Note": "\x00\x1b[31m"}]
    wide = [{f"key_{number} {ATTRIBUTE}": f"value {number}\nsecond line" for number in range(9)} | {"Text": LONG, "Nested": {"a": [1, True, {"b": SCRIPT}]}}]
    return (
        Collected(title=f"Short {SCRIPT}", rows=rows, redactions=[Redaction("here", f"a name {SCRIPT}", 3, "It is another person's.")]),
        Collected(title="Wide", rows=wide, files=files()),
        Collected(title="Empty", rows=[]),
    )


def files() -> list[CollectedFile]:
    named = ["../../etc/passwd", "C:\\Windows\\CON.txt", "page.html", "photo.PNG", "photo.png", "", ".hidden", "a" * 300 + ".pdf", f"{SCRIPT}.svg", "漢.txt"]
    return [CollectedFile(name=name, pieces=[b"bytes of ", str(number).encode()]) for number, name in enumerate(named)]


def contents(*sections: Section, **more) -> Contents:
    return Contents(**{
        "package": "PKG-7F3K2M9", "request": "REQ-7F3K2M9", "person": "PER-7F3K2M9", "title": "Your data", "lead": f"Lead {SCRIPT}",
        "operator": "Covenant & Co.", "contact": "privacy@covenant.example", "installation": "", "policy": "version 1", "made_at": NOON,
        "overview": (), "sections": sections or (section(),), "left_out": (LeftOut("a.b", SCRIPT, ATTRIBUTE),), "with_rows": True,
    } | more)  # fmt: skip
