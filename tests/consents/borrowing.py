"""Rows that were collected under a consent, in a table as the floors above have them, and who erases them."""

from django.db import connection

from apps.consents.erasing import Erased

MAKE = """
CREATE TABLE borrowed (
    id bigserial PRIMARY KEY, person_id bigint NOT NULL REFERENCES accounts_person (id) ON DELETE CASCADE, purpose_id varchar(40) NOT NULL,
    stands boolean NOT NULL DEFAULT true CHECK (stands),
    FOREIGN KEY (person_id, purpose_id, stands) REFERENCES consents_standing (person_id, purpose_id, stands)
)
"""
ERASER = "tests.consents.borrowing.erase"
FORGETFUL = "tests.consents.borrowing.forget_one"


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def borrow(person, purpose="contacts", rows=1):
    for _row in range(rows):
        run("INSERT INTO borrowed (person_id, purpose_id) VALUES (%s, %s)", person.pk, purpose)


def borrowed():
    return run("SELECT count(*) FROM borrowed")[0][0]


def erase(*, person, purpose, event, at):
    return [Erased("borrowed", run("DELETE FROM borrowed WHERE person_id = %s AND purpose_id = %s", person.pk, purpose), kept_for_hold=2)]


def forget_one(*, person, purpose, event, at):
    gone = run("DELETE FROM borrowed WHERE id IN (SELECT id FROM borrowed WHERE person_id = %s ORDER BY id OFFSET 1)", person.pk)
    return [Erased("borrowed", gone)]
