"""Each module says why it exists, imports at its top, has a name that means something, and asks one clock."""

from pathlib import Path

import pytest

from apps.foundation.promises import PROMISES
from tests.architecture import manners
from tests.architecture.sources import plant

DOCSTRING = '"""Why it exists."""\n'


def test_every_module_opens_with_why_it_exists():
    assert manners.without_docstring() == []


def test_nothing_is_imported_inside_a_function():
    assert manners.inline_imports() == []


def test_no_module_is_named_after_nothing():
    assert manners.banned_names() == []


def test_no_module_is_longer_than_one_head_can_hold():
    assert manners.too_long() == []


def test_only_the_clock_is_asked_for_the_time_and_never_by_a_service():
    assert manners.asks_the_time() == []


def test_every_promise_that_is_named_exists():
    assert manners.unknown_promises(set(PROMISES)) == []


def test_no_kept_file_names_a_place_that_only_one_machine_has():
    assert manners.foreign_places() == []


def test_a_module_without_a_docstring_is_named(tmp_path: Path):
    plant(tmp_path, "apps/mail/__init__.py", "")
    plant(tmp_path, "apps/mail/x.py", "# a comment\nX = 1\n")

    assert manners.without_docstring(tmp_path) == ["apps/mail/x.py"]


def test_an_import_inside_a_function_is_named(tmp_path: Path):
    plant(tmp_path, "config/x.py", DOCSTRING + "def f():\n    if f:\n        import os\n")

    assert manners.inline_imports(tmp_path) == ["config/x.py:4"]


@pytest.mark.parametrize("name", ["apps/mail/utils.py", "apps/mail/helpers/x.py", "config/signals.py"])
def test_a_module_named_after_nothing_is_named(tmp_path: Path, name: str):
    assert manners.banned_names(plant(tmp_path, name, DOCSTRING)) == [name]


def test_a_module_that_is_too_long_is_named(tmp_path: Path):
    plant(tmp_path, "apps/mail/x.py", DOCSTRING + "\n" * 400)

    assert manners.too_long(tmp_path) == ["apps/mail/x.py: 401 lines"]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("apps/mail/models.py", "x = timezone.now()", ["apps/mail/models.py:1"]),
        ("apps/mail/models.py", "x = datetime.datetime.now(UTC)", ["apps/mail/models.py:1"]),
        ("apps/mail/models.py", "x = date.today()", ["apps/mail/models.py:1"]),
        ("apps/mail/models.py", "x = DateTimeField(default=timezone.now)", []),
        ("apps/mail/services/outbox.py", "x = clock.now()", ["apps/mail/services/outbox.py:1"]),
        ("apps/mail/tasks.py", "x = clock.now()", []),
        ("apps/foundation/clock.py", "x = datetime.now(UTC)", []),
    ],
)
def test_who_asks_the_time_is_named(tmp_path: Path, name: str, text: str, lines: list[str]):
    assert manners.asks_the_time(plant(tmp_path, name, text)) == lines


def test_a_promise_that_does_not_exist_is_named(tmp_path: Path):
    plant(tmp_path, "apps/mail/x.py", '"""Keeps P13 and P27, never XP30."""')
    plant(tmp_path, "templates/x.html", "P00")

    assert manners.unknown_promises(set(PROMISES), tmp_path) == ["apps/mail/x.py: P27", "templates/x.html: P00"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("open('../" + "shared/data/slack')", "reads the task's folder"),
        ("cd /" + "work/main", "names a place of one machine"),
        ("cd /" + "home/ada/covenant", "names a place of one machine"),
        ("url = https://mirror.arti" + "factory.example/simple", "names a registry"),
        ("see file://" + "/opt/wheels", "names a folder of packages"),
        ("--index" + "-url https://example.org", "names an index"),
    ],
)
def test_a_place_of_one_machine_is_named(tmp_path: Path, text: str, why: str):
    plant(tmp_path, "config/x.py", text)

    assert manners.foreign_places(tmp_path, [tmp_path / "config/x.py"]) == [f"config/x.py {why}"]
