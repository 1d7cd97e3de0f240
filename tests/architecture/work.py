"""Tasks as they are written: their names, what they take, and who wakes them."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import CHECKOUT, sources

IDS = ("_id", "_ids", "_reference", "_references")


@dataclass(frozen=True)
class Task:
    """One function that a queue can wake."""

    where: str
    app: str
    name: str
    takes: tuple[str, ...]


def tasks(root: Path = CHECKOUT) -> list[Task]:
    """Every function decorated as a task."""
    found = []
    for source in sources(root):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if _is_task(decorator):
                        found.append(Task(source.at(node), source.app, _name_given(decorator), _arguments(node)))
    return found


def _is_task(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"shared_task", "task"}


def _name_given(decorator: ast.expr) -> str:
    for keyword in getattr(decorator, "keywords", ()):
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def _arguments(node: ast.FunctionDef) -> tuple[str, ...]:
    given = node.args
    named = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    rest = [f"*{given.vararg.arg}"] if given.vararg else []
    return tuple(name for name in [*named, *rest] if name != "self")


def badly_named(found: list[Task]) -> list[str]:
    """Tasks without an explicit name that begins with their app."""
    return [task.where for task in found if not task.name or (task.app and not task.name.startswith(f"{task.app}."))]


def takes_more_than_ids(found: list[Task]) -> list[str]:
    """Tasks with an argument that is no id and no reference."""
    return [f"{task.where} takes {name}" for task in found for name in task.takes if not name.endswith(IDS)]


def never_woken(found: list[Task], timetable: Mapping[str, Mapping], wakeups: Mapping[str, str]) -> list[str]:
    """Tasks that neither the clock nor a ring wakes."""
    woken = {entry["task"] for entry in timetable.values()} | set(wakeups.values())
    return [f"{task.where} {task.name}" for task in found if task.name not in woken]


def not_a_task(found: list[Task], timetable: Mapping[str, Mapping], wakeups: Mapping[str, str]) -> list[str]:
    """Entries of the timetable and rings that name no task."""
    known = {task.name for task in found}
    entries = [(f"timetable: {title}", entry["task"]) for title, entry in timetable.items()]
    rings = [(f"wake-ups: {kind}", task) for kind, task in wakeups.items()]
    return [f"{where} names {task}" for where, task in [*entries, *rings] if task not in known]


def rung_once_only(timetable: Mapping[str, Mapping], wakeups: Mapping[str, str]) -> list[str]:
    """Rings whose task is in no sweep: a lost ring would be lost work."""
    swept = {entry["task"] for entry in timetable.values()}
    return [kind for kind, task in wakeups.items() if task not in swept]
