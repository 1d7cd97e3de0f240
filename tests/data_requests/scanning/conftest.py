"""Whom the searches of these tests are about, known by everything that somebody can be known by; and a table that nobody listed."""

from collections.abc import Callable

import pytest
from django.db import connection

from apps.data_requests.scanning import looking
from apps.foundation.personal_data import Subject

IDA = Subject(
    pk=987_654_321, reference="PER-7K3M9QX", names=("Zélia Quark-Hobbs", "Zélia", "Quark-Hobbs"), emails=("Zelia.Quark@Client.example",),
    phones=("+12025550143",), identities=(("directory", "zq-4471-aa"), ("badge", "3317")),
)  # fmt: skip


@pytest.fixture
def found(house) -> Callable[[], set[tuple[str, str]]]:
    """Where the person of these tests is found, and as what."""
    return lambda subject=IDA: {(one.place, one.what) for one in looking.search(subject).found}


@pytest.fixture
def unlisted(house):
    """A table that no model, holding or list knows, with a column of every kind; gone with the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE DOMAIN note AS text")
        cursor.execute(
            "CREATE TABLE unlisted (id bigserial, a_text text, a_varchar varchar(400), a_char char(60), a_json json, a_jsonb jsonb, a_bytea bytea,"
            " texts text[], bytes bytea[], a_domain note, domains note[], an_inet inet, a_uuid uuid)"
        )

    def plant(column: str, value) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM unlisted")
            cursor.execute(f"INSERT INTO unlisted ({column}) VALUES (%s)", [value])

    return plant
