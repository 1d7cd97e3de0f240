"""A package as somebody opens it who was handed it."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from html.parser import HTMLParser

import pypdf

from apps.data_requests.models import Package
from apps.data_requests.services.packages import sealing


@dataclass
class Opened:
    """The zip, and what is in it."""

    content: bytes
    files: dict[str, bytes]

    @property
    def data(self):
        return json.loads(self.files["data.json"])

    @property
    def manifest(self):
        return json.loads(self.files["manifest.json"])

    @property
    def redactions(self):
        return json.loads(self.files["redactions.json"])

    @property
    def page(self) -> str:
        return self.files["readable.html"].decode()

    def section(self, holding: str) -> dict:
        return next(one for one in self.data["sections"] if one["holding"] == holding)

    def rows(self, holding: str) -> list[dict]:
        return [row for table in self.section(holding)["tables"] for row in table["rows"]]


def opened(package: Package) -> Opened:
    return read(b"".join(sealing.reading(sealing.path_of(package.reference), reference=package.reference, about=package.reference)))


def read(content: bytes) -> Opened:
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        assert whole.testzip() is None
        return Opened(content, {name: whole.read(name) for name in whole.namelist()})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and all its text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def text_of(package: Opened) -> str:
    """The text of the paper, with the ends of its lines as spaces: where a line ends is of no meaning."""
    parts = [content for name, content in package.files.items() if name.endswith(".pdf")]
    sheets = [sheet.extract_text() for part in parts for sheet in pypdf.PdfReader(io.BytesIO(part)).pages]
    return " ".join(" ".join(sheets).split())
