"""The models that the admin lists, as they are registered; their addresses; and who may see them by the table of roles."""

import csv
import io
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.urls import reverse

from apps.staff.roles import PERMISSIONS, Role
from tests.house_web.rows import ROWS, Rows

LISTED = tuple(admin.site._registry)


def _each(model: type) -> object:
    """A model as a case of its own, with committed transactions where its rows take them."""
    committed = ROWS[model].committed if model in ROWS else False
    return pytest.param(model, id=model._meta.label, marks=pytest.mark.django_db(transaction=committed))


every_model = pytest.mark.parametrize("model", [_each(model) for model in LISTED])


def address(model: type, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def rows_of(model: type) -> Rows:
    assert model in ROWS, (
        f"{model._meta.label} is listed in the admin, and no test knows how a row of it comes about or what its list costs. "
        f"Mend: add it to ROWS in tests/house_web/rows/{model._meta.app_label}.py, with its maker and its number of queries."
    )
    return ROWS[model]


def may_view(model: type, role: Role) -> bool:
    named = rows_of(model).view or f"{model._meta.app_label}.view_{model._meta.model_name}"
    return named in PERMISSIONS[role]


def may_export(model: type, role: Role) -> bool:
    further = admin.site.get_model_admin(model).export_permission
    return may_view(model, role) and (not further or further in PERMISSIONS[role])


def somebody(model: type) -> Role:
    """The first role that may see the list and take it away."""
    return next(role for role in Role if may_export(model, role))


def shown(answer) -> list:
    assert answer.status_code == 200, answer.status_code
    return [row.pk for row in answer.context["cl"].result_list]


def file_of(answer) -> list[list[str]]:
    assert answer.status_code == 200, answer.status_code
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))


def pages_of(model: type) -> Iterator[str]:
    yield address(model, "changelist")
    for row in model._default_manager.order_by("pk"):
        yield address(model, "change", row.pk)
        yield address(model, "history", row.pk)
