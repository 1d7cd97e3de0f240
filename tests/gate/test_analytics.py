"""What analytics get is built field by field from a list: nothing that a hostile or a careless row holds besides gets through."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given as given_any
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.gate.models import Disclosure
from apps.gate.services import analytics
from apps.gate.services.deciding import About, Refused
from apps.policies.vocabulary import ANALYTICS_FIELDS
from tests.gate import given

ROW = {
    "page": "/inbox/thread", "referring_page": "https://search.example/q?ada", "occurred_at": "2026-03-08T12:00:00+02:00", "duration_seconds": 12,
    "event": "page_viewed", "browser_family": "Firefox", "os_family": "Linux", "device_kind": "desktop", "language": "en-US", "app_version": "4.12.1",
    "ip_address": "203.0.113.7",
}  # fmt: skip


def one(**row):
    exported = analytics.package([row])
    return exported.rows[0] if exported.rows else {}


def test_a_plain_row_gets_through_in_its_fields():
    assert one(**ROW) == {
        "page": "/inbox/thread", "referring_page": "search.example", "occurred_at": "2026-03-08T10:00:00Z", "duration_seconds": 12,
        "event": "page_viewed", "browser_family": "firefox", "os_family": "linux", "device_kind": "desktop", "language": "en-US",
        "app_version": "4.12.1", "ip_address": "203.0.113.7",
    }  # fmt: skip


def test_how_each_field_is_read_is_written_for_every_field_that_may_leave():
    assert analytics.FIELDS.keys() == ANALYTICS_FIELDS


@pytest.mark.parametrize(
    "more",
    [
        {"email": "ada@client.example"}, {"account_id": "PER-7F3K2MP"}, {"Page": "/ada-lovell"}, {"PAGE": "/ada"}, {" page": "/ada"},
        {"device_id": "ada-phone"}, {"user": {"name": "Ada Lovell"}}, {"__proto__": {"page": "ada"}}, {"ip_address ": "ada"}, {"name": "Ada"},
        {"page.title": "Ada Lovell"}, {"extra": [{"page": "ada"}]},
    ],
)  # fmt: skip
def test_a_key_that_is_not_in_the_list_is_not_looked_at(more):
    exported = analytics.package([{"page": "/inbox"} | more])

    assert exported.rows == ({"page": "/inbox"},)
    assert b"ada" not in exported.body.lower()


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/search?q=ada@client.example&token=abc", "/search"), ("/reset/8f14e45fceea167a", "/reset/:value"), ("/people/ada@client.example", "/people/:value"),
        ("/people/PER-7F3K2MP/edit", "/people/:value/edit"), ("/people/ada%40client.example", "/people/:value"), ("/a#ada@client.example", "/a"),
        ("https://ada:secret@app.example/inbox?ada", "/inbox"), ("//ada@evil.example/inbox", "/inbox"), ("", "/"),
        ("/../../etc/passwd", "/:value/:value/etc/passwd"), ("/12025550123", "/:value"), ("/" + "a/" * 50, "/" + "/".join("a" * 8)),
    ],
)  # fmt: skip
def test_of_a_page_only_the_plain_words_of_its_path_are_left(page, said):
    assert one(page=page)["page"] == said


@pytest.mark.parametrize(
    ("referring", "said"),
    [
        ("https://ada@mail.example/ada?u=ada", "mail.example"), ("/inbox?ada", "/inbox"), ("https://203.0.113.7/x", None), ("https://[::1]/x", None),
        ("http://[bad", None), ("https://ada lovell/", None),
    ],
)  # fmt: skip
def test_of_another_site_only_the_host_is_left(referring, said):
    assert one(referring_page=referring).get("referring_page") == said


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("occurred_at", ["yesterday", "2026-03-08T12:00:00", 1, {"at": 1}, datetime(2026, 3, 8), "9" * 5_000]),
        ("duration_seconds", [-1, 1.5, "12", True, 10**9, [1], None]), ("event", ["Ada opened it", "page viewed", 7, "x" * 41, {"a": 1}]),
        ("language", ["Ada", "en_US", "english", 5]), ("app_version", ["4.x", "ada", 4, "1.2.3.4.5"]),
        ("ip_address", ["203.0.113", "ada", 42, "203.0.113.7 ada", "fe80::1%eth0", ["203.0.113.7"]]), ("browser_family", [7, ["Ada"]]),
        ("page", [7, {"page": "/ada"}, ["/ada"], "x" * 5_000, b"/ada", "javascript:ada", "data:text/plain,ada"]),
    ],
)  # fmt: skip
def test_what_does_not_read_as_what_its_field_should_be_is_left_out_and_counted(name, values):
    exported = analytics.package([{name: value} for value in values])

    assert exported.rows == ()
    assert exported.left_out == len([value for value in values if value is not None])


def test_a_browser_that_is_named_after_somebody_is_another_browser():
    assert one(browser_family="Ada Lovell's browser", os_family="AdaOS", device_kind="Ada's toaster") == {
        "browser_family": "other", "os_family": "other", "device_kind": "other",
    }  # fmt: skip


def test_moments_are_told_in_utc():
    assert one(occurred_at=datetime(2026, 3, 8, 12, tzinfo=timezone(timedelta(hours=-5))))["occurred_at"] == "2026-03-08T17:00:00Z"
    assert one(occurred_at=datetime(2026, 3, 8, 12, tzinfo=UTC))["occurred_at"] == "2026-03-08T12:00:00Z"


@pytest.mark.parametrize("row", [None, 7, "page", ["page"], {}, {1: 2}])
def test_what_is_no_row_is_no_row(row):
    assert analytics.package([row]).rows == ()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)


@hypothesis_settings(max_examples=300, deadline=None)
@given_any(st.lists(st.dictionaries(st.sampled_from(sorted(ANALYTICS_FIELDS)) | st.text(max_size=12), ANY, max_size=6), max_size=3))
def test_whatever_comes_in_only_flat_listed_fields_go_out(rows):
    exported = analytics.package(rows)

    for line in exported.body.splitlines():
        said = json.loads(line)
        assert said.keys() <= ANALYTICS_FIELDS
        assert all(isinstance(value, str | int) and "@" not in str(value) and "?" not in str(value) for value in said.values())


@pytest.mark.django_db
def test_it_leaves_through_the_gate_with_exactly_its_bytes(house, ada):
    counter = given.provider("Countless", role="analytics")
    given.grant(counter, categories=["usage", "network_address"], purposes=["analytics"], fields=sorted(ANALYTICS_FIELDS))
    exported = analytics.package([ROW | {"email": "ada@client.example"}])
    permit = analytics.let_out(
        export=exported, provider=counter.reference, about=About.person(ada.reference), what="USE-2026-03/day 8", countries=("US",), by=SYSTEM,
        at=given.NOON,
    )  # fmt: skip

    row = Disclosure.objects.get()
    assert (row.purpose, set(row.fields), row.categories) == ("analytics", ANALYTICS_FIELDS, ["network_address", "usage"])
    assert (bytes(row.digest), row.size, permit.digest) == (sha256(exported.body), len(exported.body), exported.digest)


@pytest.mark.django_db
def test_with_nothing_in_it_nothing_leaves(house, ada):
    counter = given.provider("Countless", role="analytics")
    given.grant(counter, categories=["usage"], purposes=["analytics"], fields=["page"])
    with pytest.raises(Refused) as no:
        analytics.let_out(
            export=analytics.package([{"email": "ada@client.example"}]), provider=counter.reference, about=About.person(ada.reference),
            what="USE-2026-03/day 8", countries=("US",), by=SYSTEM, at=given.NOON,
        )  # fmt: skip

    assert "fields_not_named" in [reason.code for reason in no.value.reasons]
