"""Pages by keyset: every row on exactly one page, whatever the order, and no forged or stale address breaks anything."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from django.contrib.messages import get_messages
from django.core import signing
from django.db import connection
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Organization, Person
from apps.audit.models import Event, JournalEntry
from apps.foundation.admin.change_list import BAD_PAGE
from apps.foundation.admin.paging import BadPage, page_of, sort_columns

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
EVENTS = "/admin/audit/event/"


def all_pages(client, address: str) -> list[list]:
    """The primary keys of each page, walking forward by the "older" link."""
    pages = []
    while address:
        changelist = client.get(address).context["cl"]
        pages.append([row.pk for row in changelist.result_list])
        address = changelist.older_url and address.split("?")[0] + changelist.older_url
    return pages


def all_pages_back(client, address: str) -> list[list]:
    """The same, from the last page back by the "newer" link."""
    changelist = client.get(address).context["cl"]
    base = address.split("?")[0]
    while changelist.older_url:
        changelist = client.get(base + changelist.older_url).context["cl"]
    pages = [[row.pk for row in changelist.result_list]]
    while changelist.newer_url:
        changelist = client.get(base + changelist.newer_url).context["cl"]
        pages.insert(0, [row.pk for row in changelist.result_list])
    return pages


def flat(pages: list[list]) -> list:
    return [key for page in pages for key in page]


@pytest.mark.parametrize("order", ["", "?o=1", "?o=-1", "?o=2", "?o=-2", "?o=2.1", "?o=2.-1"])
def test_every_row_is_visited_once_forward_and_back_also_where_the_order_has_equal_values(auditor, add_events, order):
    for verb in ("b.done", "a.done", "b.done"):
        add_events(5, verb=verb)
    forward = all_pages(auditor, EVENTS + order)
    assert [len(page) for page in forward] == [4, 4, 4, 3]
    assert len(set(flat(forward))) == 15
    assert all_pages_back(auditor, EVENTS + order) == forward


def test_the_order_is_the_one_that_was_asked_for(auditor, add_events):
    add_events(3, verb="b.done")
    add_events(3, verb="a.done")
    keys = flat(all_pages(auditor, EVENTS + "?o=2"))
    assert keys == list(Event.objects.order_by("verb", "pk").values_list("pk", flat=True))
    assert flat(all_pages(auditor, EVENTS)) == list(Event.objects.order_by("-id").values_list("pk", flat=True))


@pytest.mark.parametrize("order", ["?o=2", "?o=-2"])
def test_rows_without_a_value_have_their_place(auditor, order):
    for number in range(11):
        filled = number % 3 == 0
        JournalEntry.objects.create(
            id=uuid.UUID(int=number * 7919 % 1000), kind="test", about="X", created_at=NOON,
            sequence=number if filled else None, digest=b"\x01" * 32 if filled else None,
        )  # fmt: skip
    forward = all_pages(auditor, "/admin/audit/journalentry/" + order)
    assert len(flat(forward)) == len(set(flat(forward))) == 11
    assert all_pages_back(auditor, "/admin/audit/journalentry/" + order) == forward
    sign = "-" if "-" in order else ""
    assert flat(forward) == list(JournalEntry.objects.order_by(f"{sign}sequence", f"{sign}pk").values_list("pk", flat=True))


def test_a_row_that_comes_in_meanwhile_moves_no_other_to_another_page(auditor, add_events):
    add_events(9)
    first = auditor.get(EVENTS).context["cl"]
    seen = [row.pk for row in first.result_list]
    add_events(3)
    second = auditor.get(EVENTS + first.older_url).context["cl"]
    assert [row.pk for row in second.result_list] == [seen[-1] - 1, seen[-1] - 2, seen[-1] - 3, seen[-1] - 4]


def test_pages_stay_within_the_filter_and_the_search(auditor, add_events):
    add_events(6, object="ORG-AAA")
    add_events(6, object="ORG-BBB")
    for address in (f"{EVENTS}?object=ORG-AAA", f"{EVENTS}?q=ORG-AAA"):
        keys = flat(all_pages(auditor, address))
        assert set(keys) == set(Event.objects.filter(object="ORG-AAA").values_list("pk", flat=True))
        assert len(keys) == 6


def test_an_empty_list_says_so_and_an_empty_filter_offers_to_clear_it(auditor, add_events):
    assert "Nothing was done yet." in auditor.get(EVENTS).content.decode()
    add_events(1)
    page = auditor.get(f"{EVENTS}?q=nothing.such").content.decode()
    assert "Nothing matches this search." in page
    assert 'href="/admin/audit/event/">Clear it' in page


# named by number, since a signature changes by the second
@pytest.mark.parametrize("token", ["x", "a:b:c", "\x00", "é", "9" * 5000, signing.dumps({"v": [1]}), "W10:x:y"], ids=[*range(7)])
@pytest.mark.parametrize("name", ["after", "before"])
def test_a_page_that_can_not_be_read_is_answered_with_the_first_one(auditor, add_events, token, name):
    add_events(6)
    answer = auditor.get(EVENTS, {name: token})
    assert answer.status_code == 200
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [BAD_PAGE]
    assert answer.context["cl"].page.is_first


def test_a_token_of_another_order_or_another_list_is_refused(auditor, add_events):
    add_events(6)
    older = auditor.get(EVENTS).context["cl"].older_url
    token = older.removeprefix("?after=")
    answer = auditor.get(EVENTS, {"after": unquote(token), "o": "2"})
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [BAD_PAGE]


def test_an_address_of_a_page_holds_no_personal_value(ada, version):
    for number in range(3):
        Person.objects.create(given_name="Secret", family_name=f"Name{number}", registered_at=NOON, policy_version=version)
    queryset, columns = sort_columns(Person.objects.all(), ["family_name"])
    page = page_of(queryset, columns, size=2)
    content = signing.b64_decode(page.older.split(":")[0].lstrip(".").encode())
    assert b"Name" not in content
    assert b"Lovelace" not in content
    following = page_of(queryset, columns, size=2, after=page.older)
    assert [person.family_name for person in following.rows] == ["Name1", "Name2"]


def test_a_personal_place_whose_row_is_gone_is_a_bad_page(ada, version):
    queryset, columns = sort_columns(Person.objects.all(), ["family_name"])
    Person.objects.create(given_name="Z", family_name="Zed", registered_at=NOON, policy_version=version)
    token = page_of(queryset, columns, size=1).older
    ada.emails.all().delete()
    ada.delete()
    with pytest.raises(BadPage):
        page_of(queryset, columns, size=1, after=token)


def test_columns_that_were_not_declared_sortable_do_not_sort(auditor, add_events):
    add_events(3)
    assert auditor.get(EVENTS + "?o=4").context["cl"].columns[0].name == "id"
    assert auditor.get(EVENTS + "?o=99.-x.0").context["cl"].columns[0].name == "id"


def test_pages_across_a_relation_and_by_an_expression(add_organizations):
    add_organizations(*(f"Org {number % 3}" for number in range(8)))
    for ordering in (["policy_version__number"], ["-policy_version"], [Lower("name")], [Lower("name").desc()]):
        queryset, columns = sort_columns(Organization.objects.all(), ordering)
        seen, token = [], ""
        while True:
            page = page_of(queryset, columns, size=3, after=token)
            seen += [row.pk for row in page.rows]
            token = page.older
            if not token:
                break
        assert len(seen) == len(set(seen)) == 8


def test_a_deep_page_begins_in_the_index_and_not_at_the_top(auditor, add_events):
    add_events(40, verb="b.done")
    queryset, columns = sort_columns(Event.objects.all(), ["at"])
    token = page_of(queryset, columns, size=4).older
    with CaptureQueriesContext(connection) as queries:
        page_of(queryset, columns, size=4, after=token)
    (sql,) = [query["sql"] for query in queries]
    assert re.search(r'\("audit_event"\."at", "audit_event"\."id"\) > \(', sql)
    assert "OFFSET" not in sql


@pytest.mark.parametrize("path", [EVENTS, "/admin/accounts/organization/", "/admin/accounts/person/"])
def test_a_list_asks_the_database_as_often_for_three_rows_as_for_one(auditor, add_events, ada, add_organizations, path):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert auditor.get(path).status_code == 200
        return len(captured)

    add_events(1)
    with_one = queries()
    add_events(2)
    (second, third) = add_organizations("Second", "Third")
    for organization in (second, third):
        Person.objects.create(
            given_name="B", organization=organization, registered_at=NOON + timedelta(1), policy_version=organization.policy_version
        )
    assert queries() == with_one
