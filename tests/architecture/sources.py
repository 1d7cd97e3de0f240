"""The code as the architecture tests read it: parsed, never imported. Another root than the checkout is a planted sample."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("apps", "config")


@dataclass(frozen=True)
class Source:
    """One module."""

    root: Path
    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(self.root))

    @property
    def parts(self) -> tuple[str, ...]:
        return self.path.relative_to(self.root).with_suffix("").parts

    @property
    def app(self) -> str:
        """The app it belongs to; empty for config."""
        return self.parts[1] if self.parts[0] == "apps" and len(self.parts) > 2 else ""

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.parts

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.name)

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{node.lineno}"


def sources(root: Path = CHECKOUT, packages: tuple[str, ...] = PACKAGES) -> Iterator[Source]:
    """Every module of our packages, in the order of their names."""
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            yield Source(root, path)


def plant(root: Path, name: str, text: str) -> Path:
    """Write a module of a bad sample."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return root


def kept_files(root: Path = CHECKOUT) -> list[Path]:
    """What is, or will be, kept in the repository: no ignored files."""
    listed = subprocess.run(  # noqa: S603
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    return [root / name for name in listed.stdout.decode().split("\0") if name and (root / name).is_file()]
