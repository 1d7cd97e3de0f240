"""An app imports, and points to, only what lies below it; nobody imports config; neighbours are strangers."""

from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from tests.architecture import floors
from tests.architecture.sources import CHECKOUT, plant


def test_no_app_imports_from_above_from_beside_or_from_config():
    assert floors.bricks() == []


def test_no_foreign_key_points_up_or_to_a_stranger():
    ours = [model for model in apps.get_models(include_auto_created=True) if model.__module__.startswith("apps.")]

    assert len(ours) > 20
    assert floors.pointing_up(ours) == []


def test_every_app_stands_on_a_floor():
    built = {path.name for path in (CHECKOUT / "apps").iterdir() if (path / "apps.py").is_file()}

    assert built - set(floors.FLOORS) == set()


@pytest.mark.parametrize(
    ("name", "text", "brick"),
    [
        ("apps/audit/x.py", "from apps.policies.models import Clause", "apps/audit/x.py:1 imports apps.policies, above it"),
        ("apps/mail/x.py", "import apps.staff.models", "apps/mail/x.py:1 imports apps.staff, its stranger"),
        ("apps/mail/x.py", "from apps import staff", "apps/mail/x.py:1 imports apps.staff, its stranger"),
        ("apps/mail/deep/x.py", "from ...staff import models", "apps/mail/deep/x.py:1 imports apps.staff, its stranger"),
        ("apps/retention/x.py", "from config.settings import DEMO", "apps/retention/x.py:1 imports config"),
        ("apps/retention/x.py", "import config", "apps/retention/x.py:1 imports config"),
        ("apps/retention/x.py", "f = import_string('apps.assurance.registry.CHECKS')",
         "apps/retention/x.py:1 imports apps.assurance, above it"),
        ("apps/retention/x.py", "def f():\n    from apps.usage import models",
         "apps/retention/x.py:2 imports apps.usage, its stranger"),
        ("apps/attic/x.py", "from apps.staff import models", "apps/attic/x.py:1 is in attic, which stands on no floor"),
        ("apps/foundation/x.py", "from apps.newcomer import models", "apps/foundation/x.py:1 imports apps.newcomer, above it"),
    ],
)  # fmt: skip
def test_the_brick_is_named_by_file_and_line(tmp_path: Path, name: str, text: str, brick: str):
    assert floors.bricks(plant(tmp_path, name, text)) == [brick]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("apps/accounts/x.py", "from apps.policies.models import Clause"),
        ("apps/accounts/x.py", "from apps.accounts import models"),
        ("apps/accounts/x.py", "from . import models"),
        ("apps/accounts/x.py", "import configparser"),
        ("config/x.py", "from apps.assurance import registry"),
    ],
)
def test_what_goes_down_or_stays_inside_is_no_brick(tmp_path: Path, name: str, text: str):
    assert floors.bricks(plant(tmp_path, name, text)) == []


def test_a_foreign_key_that_points_up_is_named():
    class Upwards(models.Model):
        """Stands on the floor of audit and points to policies."""

        version = models.ForeignKey("policies.PolicyVersion", on_delete=models.PROTECT, related_name="+")
        history_user = models.ForeignKey("staff.StaffMember", on_delete=models.PROTECT, related_name="+")
        member = models.ForeignKey("staff.StaffMember", on_delete=models.PROTECT, related_name="+")

        class Meta:
            app_label = "audit"
            managed = False

    try:
        assert floors.pointing_up([Upwards]) == [
            "Upwards.version points to policies, not below audit",
            "Upwards.member points to staff, not below audit",
        ]
    finally:
        apps.all_models["audit"].pop("upwards", None)
        apps.clear_cache()
