"""The registry is complete: a check or holding that an app wrote and nobody listed would never be looked at."""

from importlib import import_module
from pathlib import Path

from apps.assurance.registry import CHECKS, HOLDINGS
from apps.foundation.promises import PROMISES

APPS = Path(__file__).resolve().parents[2] / "apps"


def written(name, attribute):
    modules = sorted(path.parent.name for path in APPS.glob(f"*/{name}.py") if path.parent.name != "foundation")
    return [one for app in modules for one in getattr(import_module(f"apps.{app}.{name}"), attribute)]


def test_every_check_that_an_app_wrote_is_registered():
    assert {check.code for check in written("promises", "CHECKS")} == {check.code for check in CHECKS}


def test_every_holding_that_an_app_wrote_is_registered():
    assert {one.code for one in written("holdings", "HOLDINGS")} == {one.code for one in HOLDINGS}


def test_every_check_names_a_promise_and_has_a_code_of_its_own():
    assert {check.promise for check in CHECKS} <= set(PROMISES)
    assert len({check.code for check in CHECKS}) == len(CHECKS)


def test_every_check_either_looks_or_says_what_it_waits_for():
    assert [check.code for check in CHECKS if check.run is None and not check.waits_for] == []


def test_this_issue_brings_checks_for_what_it_built():
    proven = {check.promise for check in CHECKS if check.run}

    assert {"P01", "P06", "P26"} <= proven
