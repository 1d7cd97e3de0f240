"""How a module is written: what it opens with, where it imports, what it is called, whom it asks for the time."""

import ast
import re
from pathlib import Path

from tests.architecture.sources import CHECKOUT, Source, kept_files, sources

BANNED = frozenset({"utils", "helpers", "common", "constants", "managers", "signals"})
LONGEST = 400
ONE_FILE_ON_PURPOSE = frozenset({
    "apps/retention/archives/verify_archive.py",  # auditors take it with them, and nothing else of ours
    "config/settings.py",  # one page of numbers and addresses, each with its why: nobody looks for one in two places
})  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
NOW = frozenset({"now", "utcnow", "today"})
CLOCKS = frozenset({"datetime", "timezone", "date", "dt"})
THE_CLOCK = "apps/foundation/clock.py"
PROMISE_CODE = re.compile(r"(?<![A-Za-z0-9_-])P\d{2}(?![A-Za-z0-9_-])")
FOREIGN = (
    ("reads the task's folder", re.compile(r"\.\./" + "shared")),
    ("names a place of one machine", re.compile(r"(?<![\w.])/(?:" + "work|home/[a-z]+|Users/[A-Za-z]+" + r")/\w")),
    ("names a registry", re.compile(r"(?i)https?://[^\s\"'/]*(?:" + "pypi|artifactory|nexus|devpi|jfrog|pythonhosted" + ")")),
    ("names a folder of packages", re.compile(r"file:///" + r"\w|--find" + r"-links\b")),
    ("names an index", re.compile("(?m)^--?(?:extra-)?" + r"index-url\b|^\s*(?:UV|PIP)_(?:EXTRA_)?" + r"INDEX\w*\s*="))
)  # fmt: skip
TEXTS = frozenset(
    {".py", ".html", ".txt", ".md", ".toml", ".css", ".js", ".cfg", ".ini", ".yml", ".yaml", ".sh", ".lock", ".in", ""}
)


def without_docstring(root: Path = CHECKOUT) -> list[str]:
    """Modules with code that don't open by saying why they exist."""
    return [source.name for source in sources(root) if source.text.strip() and not ast.get_docstring(source.tree)]


def inline_imports(root: Path = CHECKOUT) -> list[str]:
    """Imports inside functions."""
    found = []
    for source in sources(root):
        for function in ast.walk(source.tree):
            if isinstance(function, FUNCTIONS):
                found += [
                    source.at(node) for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    return sorted(set(found))


def banned_names(root: Path = CHECKOUT) -> list[str]:
    """Modules and packages named after nothing."""
    return [source.name for source in sources(root) if BANNED & set(source.parts)]


def too_long(root: Path = CHECKOUT) -> list[str]:
    """Modules past the length that one head can hold."""
    lengths = [(source.name, len(source.text.splitlines())) for source in sources(root) if not source.is_migration]
    return [f"{name}: {length} lines" for name, length in lengths if length > LONGEST and name not in ONE_FILE_ON_PURPOSE]


def asks_the_time(root: Path = CHECKOUT) -> list[str]:
    """Who asks another clock than ours; and services that ask any."""
    found = []
    for source in sources(root, ("apps",)):
        if source.name == THE_CLOCK:
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and _asks(source, node.func):
                found.append(source.at(node))
    return found


def _asks(source: Source, function: ast.expr) -> bool:
    if not (isinstance(function, ast.Attribute) and function.attr in NOW):
        return False
    asked = function.value.attr if isinstance(function.value, ast.Attribute) else getattr(function.value, "id", "")
    return asked in CLOCKS or (asked == "clock" and "services" in source.parts)


def unknown_promises(known: set[str], root: Path = CHECKOUT) -> list[str]:
    """Promise codes in our code and templates that no promise has."""
    files = [source.path for source in sources(root)] + sorted((root / "templates").rglob("*.*"))
    found = []
    for path in files:
        codes = set(PROMISE_CODE.findall(path.read_text(encoding="utf-8"))) - known
        found += [f"{path.relative_to(root)}: {code}" for code in sorted(codes)]
    return found


def foreign_places(root: Path = CHECKOUT, files: list[Path] | None = None) -> list[str]:
    """Files that name a place which only this machine or this day has."""
    found = []
    for path in kept_files(root) if files is None else files:
        if path.suffix not in TEXTS:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(root)} {why}" for why, pattern in FOREIGN if pattern.search(text)]
    return found
