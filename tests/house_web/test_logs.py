"""Logs tell what happened and where in the machine, and nothing of whom it happened to."""

import io
import json
import logging
import sys

import pytest
import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import Client, RequestFactory
from django.urls import path

from config import logs
from config.gunicorn_log import ImpersonalLog

ADA = "ada.lovelace@mercy.example"
BODY = "The biopsy of Ada Lovelace came back"
PHONE = "+1 (555) 123-4567"
BROWSER = "Mozilla/5.0 (Lovelace)"
TRACES = (ADA, "Lovelace", "biopsy", "555", "203.0.113.9", "2001:db8::7", "Mozilla", "secret-term")


def failing(request):
    raise ValueError(f"{BODY}: {request.body.decode()} {request.GET['q']} {ADA}")


def failing_in_database(request):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE planted (name text PRIMARY KEY) ON COMMIT DROP")
        cursor.execute("INSERT INTO planted VALUES (%s), (%s)", [ADA, ADA])


def chatting(request):
    logging.getLogger("some.library").warning("user %s from %s wrote %r", ADA, "203.0.113.9", request.POST)
    logging.getLogger("some.library").error(f"could not deliver to <{ADA}> at {PHONE}")
    structlog.get_logger("ours").info("asked", email=ADA, ip="203.0.113.9", reference="PER-1234567", rows=3)
    raise LookupError(BODY)


urlpatterns = [path("failing/", failing), path("database/", failing_in_database), path("chatting/", chatting)]


@pytest.fixture
def written():
    """What the handler of the settings would write, as text."""
    stream = io.StringIO()
    handler = next(
        one for one in logging.getLogger().handlers if any(isinstance(f, logs.WithoutPersonalData) for f in one.filters)
    )
    before = handler.setStream(stream)
    yield lambda: stream.getvalue()
    handler.setStream(before)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def ask(address):
    browser = Client(raise_request_exception=False, HTTP_USER_AGENT=BROWSER, REMOTE_ADDR="203.0.113.9")
    return browser.post(f"{address}?q=secret-term", {"note": BODY, "email": ADA, "phone": PHONE})


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["/failing/", "/chatting/"])
def test_a_failing_request_writes_nothing_of_body_query_address_or_exception(written, address):
    assert ask(address).status_code == 500

    assert [trace for trace in TRACES if trace in written()] == []
    assert any(line.get("error") in ("ValueError", "LookupError") for line in lines(written()))


@pytest.mark.urls(__name__)
@pytest.mark.django_db
def test_an_error_of_the_database_writes_its_code_and_no_value_of_the_row(written):
    assert ask("/database/").status_code == 500

    assert [trace for trace in TRACES if trace in written()] == []
    failed = next(line for line in lines(written()) if line["event"] == "request_failed")
    assert failed["error"] == "django.db.utils.IntegrityError"
    assert failed["because"][0]["error"] == "psycopg.errors.UniqueViolation 23505"


@pytest.mark.urls(__name__)
def test_a_failure_still_says_where_it_happened(written):
    ask("/failing/")

    failed = next(line for line in lines(written()) if line["event"] == "request_failed")
    assert failed["request"] == "POST /failing/"
    assert failed["at"][-1].startswith("tests/house_web/test_logs.py:")
    assert failed["at"][-1].endswith(" failing")
    assert failed["level"] == "error"


def test_a_page_that_does_not_exist_is_written_without_what_was_typed(written):
    Client().get("/people/Ada-Lovelace/?email=" + ADA)

    assert [trace for trace in TRACES if trace in written()] == []
    assert "[no such page]" in written()


@pytest.mark.django_db
def test_a_request_is_one_line_with_its_route(written):
    Client().get("/account/login/?next=/admin/&login=" + ADA)

    finished = [line for line in lines(written()) if line["event"] == "request_finished"]
    assert [line["request"] for line in finished] == ["GET /account/login/"]
    assert set(finished[0]) == {"event", "request", "code", "request_id", "timestamp", "level", "logger"}


@pytest.mark.parametrize(
    ("said", "written_as"),
    [
        ("GET /a?b=c&d=e done", "GET /a?[…] done"),
        (f"mail to <{ADA}>, thanks", "mail to <[e-mail]>, thanks"),
        ("peer 203.0.113.9:5432 and [2001:db8::7]:80", "peer [ip]:5432 and [[ip]]:80"),
        (f"call {PHONE} or 555-123-4567", "call [phone] or [phone]"),
        ("at 2026-11-24T04:21:05Z, took 1.25 s, 04:21:05", "at 2026-11-24T04:21:05Z, took 1.25 s, 04:21:05"),
        ("cohort COH-7F3K2MX of 2026-03-08", "cohort COH-7F3K2MX of 2026-03-08"),
        ("Really? Yes", "Really? Yes"),
    ],
)
def test_texts_lose_what_is_about_a_person_and_keep_the_rest(said, written_as):
    assert logs.redact(said) == written_as


def record(message, *values, error=None, **extra):
    made = logging.LogRecord("a.library", logging.ERROR, __file__, 1, message, values, error)
    made.__dict__.update(extra)
    assert logs.WithoutPersonalData().filter(made) is True
    return made.msg


def test_values_in_a_message_pass_only_when_they_look_like_codes():
    said = record("task %s by %s took %d ms at %s for %s", "retention.sweep", "Lovelace", 12, "/admin/x/?q=1", ["Ada"])

    assert said["event"] == "task retention.sweep by […] took 12 ms at /admin/x/?[…] for [list]"


def test_celery_says_task_and_id_and_never_arguments_or_results():
    context = {
        "name": "retention.sweep", "id": "5f0c1c1e-0000-4000-8000-000000000001", "args": f"('{ADA}',)", "kwargs": "{}",
        "return_value": BODY, "runtime": 0.25, "description": "raised unexpected", "exc": f"KeyError('{ADA}')", "traceback": BODY,
    }  # fmt: skip
    logger = logging.getLogger("celery.app.trace")
    made = [
        logger.makeRecord(logger.name, logging.INFO, "", 1, text, (context,), None)
        for text in (
            "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s",
            "Task %(name)s[%(id)s] %(description)s: %(exc)s\n%(traceback)s",
            "Task %(name)s with %(args)s",
        )
    ]
    for one in made:
        logs.WithoutPersonalData().filter(one)

    assert [one.msg["event"] for one in made] == [
        "Task retention.sweep[5f0c1c1e-0000-4000-8000-000000000001] succeeded in 0.25s: […]",
        "Task retention.sweep[5f0c1c1e-0000-4000-8000-000000000001] […]: […]",
        "Task retention.sweep with […]",
    ]


def test_a_message_that_already_quotes_its_exception_loses_the_quote():
    try:
        raise RuntimeError(BODY)
    except RuntimeError as error:
        said = record(f"it failed: {error}", error=sys.exc_info())

    assert said["event"] == "it failed: […]"
    assert said["error"] == "RuntimeError"


def test_a_record_that_can_not_be_cleaned_is_replaced_and_never_written_as_it_is():
    class Unprintable:
        def __str__(self):
            raise RuntimeError(BODY)

    made = logging.LogRecord("a.library", logging.ERROR, __file__, 1, Unprintable(), (), None)
    logs.WithoutPersonalData().filter(made)

    assert made.getMessage() == "a record that could not be cleaned (RuntimeError)"


def test_the_chain_behind_an_error_is_written_by_classes():
    try:
        try:
            raise IntegrityError(BODY)
        except IntegrityError as first:
            raise ValueError(ADA) from first
    except ValueError as error:
        said = logs.describe(error)

    assert [said["error"], *(one["error"] for one in said["because"])] == [
        "ValueError",
        "django.db.utils.IntegrityError",
    ]


def test_the_server_in_front_writes_no_access_log_and_cleans_its_own_errors():
    class Configuration:
        errorlog = "-"
        accesslog = None
        loglevel = "warning"
        logconfig = logconfig_json = None
        logconfig_dict = {}  # noqa: RUF012
        syslog = disable_redirect_access_to_syslog = capture_output = False
        access_log_format = user = group = None

    log = ImpersonalLog(Configuration())

    assert all(
        any(isinstance(f, logs.WithoutPersonalData) for f in handler.filters) for handler in log.error_log.handlers
    )
    assert log.access(None, None, None, None) is None


def test_no_handler_of_the_settings_goes_round_the_filter():
    assert [
        name for name, handler in settings.LOGGING["handlers"].items() if "impersonal" not in handler["filters"]
    ] == []
    assert logging.getLogger("django").handlers == []


def test_a_route_is_told_without_the_ids_in_the_address():
    assert logs.route_of(RequestFactory().get("/admin/assurance/finding/17/change/")) == (
        "/admin/assurance/finding/<path:object_id>/change/"
    )
