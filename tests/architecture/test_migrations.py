"""Migrations are complete, can be taken back, import no code that will change, and never mix schema with data."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
from django.db.migrations.state import ProjectState

from tests.architecture.sources import CHECKOUT, Source, plant, sources

DATA = (migrations.RunPython,)


def ours() -> list[migrations.Migration]:
    disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return [migration for migration in disk.values() if migration.__module__.startswith("apps.")]


def app_code_imported(root: Path = CHECKOUT) -> list[str]:
    """Migrations that use our code for more than what Django writes itself: the default of a column."""
    found = []
    for source in sources(root, ("apps",)):
        if source.is_migration:
            found += [f"{source.name} {used}" for used in _used(source)]
    return found


def _used(source: Source) -> list[str]:
    froms = [node for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom)]
    found = [f"imports from {node.module}" for node in froms if (node.module or "").split(".")[0] in ("apps", "config")]
    allowed = {
        id(part)
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "default"
        for part in ast.walk(keyword.value)
    }
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Name)
            and node.id in ("apps", "config")
            and id(node) not in allowed
            and not _is_argument(source, node)
        ):
            found.append(f"uses {node.id} in line {node.lineno}")
    return found


def _is_argument(source: Source, name: ast.Name) -> bool:
    """Inside a function that takes `apps`, as RunPython gives it: the historical models, not our code."""
    return any(
        isinstance(function, ast.FunctionDef)
        and name.id in {argument.arg for argument in function.args.args}
        and any(part is name for part in ast.walk(function))
        for function in ast.walk(source.tree)
    )


def mixing(found: list[migrations.Migration]) -> list[str]:
    """Migrations that change data and schema in one."""
    mixed = []
    for migration in found:
        kinds = {isinstance(operation, DATA) for operation in migration.operations}
        if len(kinds) == 2:
            mixed.append(f"{migration.app_label}.{migration.name}")
    return mixed


def one_way(found: list[migrations.Migration]) -> list[str]:
    """Migrations that can't be taken back."""
    return [
        f"{migration.app_label}.{migration.name}"
        for migration in found
        if not all(operation.reversible for operation in migration.operations)
    ]


def missing(state: ProjectState) -> list[str]:
    """What the models say and no migration does yet."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    questioner = NonInteractiveMigrationQuestioner(specified_apps=set(), dry_run=True)
    changes = MigrationAutodetector(loader.project_state(), state, questioner).changes(graph=loader.graph)
    return [
        f"{app}: {operation.describe()}"
        for app, planned in changes.items()
        for migration in planned
        for operation in migration.operations
    ]


def test_the_migrations_say_all_that_the_models_say():
    assert missing(ProjectState.from_apps(apps)) == []


def test_no_migration_uses_our_code():
    assert app_code_imported() == []


def test_no_migration_mixes_schema_and_data():
    assert mixing(ours()) == []


def test_every_migration_can_be_taken_back():
    assert one_way(ours()) == []


def test_a_model_without_its_migration_is_named():
    state = ProjectState.from_apps(apps)
    state.models["mail", "outgoingmail"].fields["planted"] = models.IntegerField(null=True)

    assert missing(state) == ["mail: Add field planted to outgoingmail"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from apps.mail.models import x", ["apps/mail/migrations/0002_x.py imports from apps.mail.models"]),
        ("import apps.mail.models\nf(default=apps.mail.models.x)", []),
        ("import apps.mail.models\nf(apps.mail.models.x)", ["apps/mail/migrations/0002_x.py uses apps in line 2"]),
        ("def fill(apps, editor):\n    apps.get_model('mail', 'OutgoingMail')", []),
    ],
)
def test_a_migration_that_uses_our_code_is_named(tmp_path: Path, text: str, found: list[str]):
    assert app_code_imported(plant(tmp_path, "apps/mail/migrations/0002_x.py", text)) == found


def test_a_migration_that_mixes_or_goes_one_way_is_named():
    class Mixed(migrations.Migration):
        operations = [migrations.RunPython(lambda apps, editor: None), migrations.DeleteModel("x")]  # noqa: RUF012

    found = [Mixed("0002_mixed", "mail")]

    assert mixing(found) == ["mail.0002_mixed"]
    assert one_way(found) == ["mail.0002_mixed"]
