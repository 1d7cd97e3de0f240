"""The floors of the house, and who imports or points upwards."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db import models

from tests.architecture.sources import CHECKOUT, Source, sources

FLOORS = {
    "foundation": 0,
    "staff": 1, "audit": 1, "mail": 1,
    "policies": 2, "backups": 2,
    "accounts": 3,
    "consents": 4, "providers": 4, "holds": 4,
    "gate": 5,
    "retention": 6, "contacts": 6, "communications": 6, "usage": 6,
    "disclosures": 7, "incidents": 7,
    "data_requests": 8,
    "assurance": 9,
}  # fmt: skip
LOADERS = frozenset({"import_string", "import_module", "__import__"})
SIMPLE_HISTORY_EXCEPTION = "history_user"


def imported(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every module that a source imports, by statement or by a dotted name given to a loader."""
    package = source.parts[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield node, module
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and _name(node.func) in LOADERS:
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                yield node, named.value


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def bricks(root: Path = CHECKOUT) -> list[str]:
    """Each import that goes up, or sideways, or into config, by file and line."""
    found = []
    for source in sources(root, ("apps",)):
        for node, module in imported(source):
            wrong = wrong_import(source.app, module)
            if wrong and f"{source.at(node)} {wrong}" not in found:
                found.append(f"{source.at(node)} {wrong}")
    return found


def wrong_import(app: str, module: str) -> str:
    """Why `app` may not import `module`; empty where it may."""
    parts = module.split(".")
    if parts[0] == "config":
        return "imports config"
    if parts[0] != "apps" or len(parts) < 2 or parts[1] == app:
        return ""
    if app not in FLOORS:
        return f"is in {app or 'no app'}, which stands on no floor"
    other = parts[1]
    if FLOORS.get(other, 99) < FLOORS[app]:
        return ""
    relation = "its stranger" if FLOORS.get(other) == FLOORS[app] else "above it"
    return f"imports apps.{other}, {relation}"


def pointing_up(candidates: Iterable[type[models.Model]]) -> list[str]:
    """Each relation of our models to a model on the same floor of another app or on a floor above."""
    found = []
    for model in candidates:
        app = model._meta.app_label
        for field in model._meta.get_fields():
            if field.auto_created or not field.is_relation or field.related_model is None:
                continue
            other = field.related_model._meta.app_label
            if field.name == SIMPLE_HISTORY_EXCEPTION or other == app or other not in FLOORS:
                continue
            if FLOORS[other] >= FLOORS.get(app, -1):
                found.append(f"{model.__name__}.{field.name} points to {other}, not below {app}")
    return found
