"""What every test may rely on. Small on purpose: persons and their things are in the cast, servers in the plugin."""

import json
import os
import shutil

import pytest
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from playwright.sync_api import sync_playwright

from config import guard

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: the leaves of the message table are no models; without their rows in retention_leaf nobody would know them
WITHOUT_LEAVES = """
DO $$ DECLARE leaf regclass; BEGIN
    FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('message') LOOP
        EXECUTE 'DROP TABLE ' || leaf;
    END LOOP;
END $$
"""


#: what `migrate` fills, and nobody changes
KEPT = frozenset({"django_content_type", "auth_permission", "django_migrations"})

#: what migrations put into tables that tests change: table → its rows as JSON, as they are before the first test
FILLED: dict[str, str] = {}
FILLED_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"

#: a test writes some rows into some tables: to delete those takes milliseconds, to truncate every table of the house half a second
EMPTYING = """
DO $$ DECLARE name text; found boolean; BEGIN
    FOREACH name IN ARRAY ARRAY[{names}] LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO found;
        IF found THEN EXECUTE format('DELETE FROM %I', name); END IF;
    END LOOP;
END $$
"""


@pytest.fixture(autouse=True, scope="session")
def emptying_despite_triggers():
    """After a transactional test its rows go, also where a trigger keeps everybody else from removing them."""

    def sql_flush(_operations, _style, tables, **_options):
        names = ", ".join(f"'{name}'" for name in tables if name not in KEPT)
        again = [
            f"INSERT INTO {name} SELECT * FROM json_populate_recordset(NULL::{name}, $rows${rows}$rows$)" for name, rows in FILLED.items()
        ]
        emptying = [WITHOUT_LEAVES, EMPTYING.format(names=names), *again]
        return ["SET session_replication_role = replica", *emptying, "SET session_replication_role = origin"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_arguments, **_options: None)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """What migrations filled is there for every test, also after one that emptied the tables."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(FILLED_TABLES)
        for (name,) in cursor.fetchall():
            cursor.execute(f"SELECT json_agg(filled) FROM {name} filled")
            rows = cursor.fetchone()[0]
            if rows is not None and name not in KEPT:
                FILLED[name] = json.dumps(rows).replace("%", "%%")


@pytest.fixture(autouse=True)
def journal_was_just_looked_at():
    """The restore guard looks every few seconds, at whatever request comes then; a test that counts queries must not be that one."""
    guard.watch.rest()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium of the system; where there is none the test is skipped, unless the run forbids that."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        missing = "No Chromium on this machine, so no page was looked at. Mend: apt-get install chromium"
        if os.environ.get("COVENANT_BROWSER_REQUIRED"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    # Playwright runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()
