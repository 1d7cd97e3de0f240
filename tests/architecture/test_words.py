"""What leaves a thing as text: `__str__` names nobody, and every refusal says its code and its mend."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import models

from apps.foundation.masks import SHOWN_AS_IT_IS
from apps.foundation.personal_data import DataCategory, Purpose, personal
from apps.foundation.refusals import Refusal
from tests.architecture.sources import sources

MARK = "MARKED"


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if model.__module__.startswith("apps.")]


def tells(model: type[models.Model]) -> list[str]:
    """Personal fields whose value `str()` of a row shows."""
    told = []
    for field in model._meta.local_concrete_fields:
        if not hasattr(field, "personal") or field.name in SHOWN_AS_IT_IS or field.is_relation:
            continue
        row = model()
        setattr(row, field.attname, MARK)
        if MARK in str(row):
            told.append(f"{model.__name__}.{field.name}")
    return told


def refusals() -> list[type[Refusal]]:
    """Every kind of refusal there is, after importing all modules that could hold one."""
    for source in sources(packages=("apps",)):
        if not source.is_migration and source.parts[-1] != "__init__":
            import_module(".".join(source.parts))
    found, waiting = [], [Refusal]
    while waiting:
        children = waiting.pop().__subclasses__()
        found += children
        waiting += children
    return [kind for kind in found if kind.__module__.startswith("apps.")]


def says_too_little(kind: type[Refusal]) -> bool:
    """Whether a refusal lacks a code, a mend or a sentence of its own (one from a kind between is its own)."""
    return kind.code == Refusal.code or kind.mend == Refusal.mend or not (kind.__doc__ or "").strip()


def test_no_text_of_a_row_names_anybody():
    assert [told for model in our_models() for told in tells(model)] == []


def test_every_refusal_says_its_code_and_its_mend():
    found = refusals()

    assert len(found) > 20
    assert sorted(f"{kind.__module__}.{kind.__name__}" for kind in found if says_too_little(kind)) == []


def test_no_two_refusals_of_different_meaning_share_a_code():
    by_code: dict[str, set[type[Refusal]]] = {}
    for kind in refusals():
        by_code.setdefault(kind.code, set()).add(kind)
    shared = {code: kinds for code, kinds in by_code.items() if len(kinds) > 1 and not _one_family(kinds)}

    assert {code: sorted(kind.__name__ for kind in kinds) for code, kinds in shared.items()} == {}


def _one_family(kinds: set[type[Refusal]]) -> bool:
    """Of one name, or all of them sharper kinds of one of them."""
    return len({kind.__name__ for kind in kinds}) == 1 or any(
        all(issubclass(kind, root) for kind in kinds) for root in kinds
    )


@pytest.fixture
def told_model():
    class Told(models.Model):
        """A row that tells somebody's name."""

        name = personal(models.CharField(max_length=20), DataCategory.IDENTITY, Purpose.SERVICE)
        reference = personal(models.CharField(max_length=20), DataCategory.IDENTITY, Purpose.SERVICE)

        class Meta:
            app_label = "mail"
            managed = False

        def __str__(self):
            return f"{self.reference} {self.name}"

    yield Told
    apps.all_models["mail"].pop("told", None)
    apps.clear_cache()


def test_a_row_that_tells_a_name_is_named(told_model):
    assert tells(told_model) == ["Told.name"]


def test_a_refusal_without_a_mend_is_named():
    class Mute(Refusal):
        """It says no."""

        code = "mute"

    class Plain(Mute):
        """It says no, and what to do."""

        mend = "Do it."

    assert (says_too_little(Mute), says_too_little(Plain)) == (True, False)
