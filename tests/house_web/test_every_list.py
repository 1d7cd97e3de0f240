"""Every list that the admin shows, whatever app it belongs to: what it costs, what it can do, whom it opens for, what it never shows.

The models are those that are registered, not a list kept by hand; rows and numbers stand in tests/house_web/rows, one module an app.
"""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.text import capfirst

from apps.accounts.models import Person
from apps.audit.models import Event
from apps.foundation.admin import searching
from apps.foundation.admin.export import FORMULA
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from tests.house_web.listed import LISTED, address, every_model, file_of, may_export, may_view, pages_of, rows_of, shown, somebody
from tests.house_web.masked import leaks, personal_values
from tests.house_web.rows import FORMULAS, ROWS


def test_no_rows_are_kept_for_a_model_that_is_no_longer_listed():
    assert [model._meta.label for model in ROWS if model not in LISTED] == []


# What it costs


@every_model
def test_a_list_costs_exactly_its_number_of_queries_with_one_row_and_with_three(office, model):
    browser = office.browser(somebody(model))
    costs = {}
    for wanted in (1, 3):
        office.fill(model, wanted)
        browser.get(address(model, "changelist"))  # what a process asks only once is not of the list
        with CaptureQueriesContext(connection) as asked:
            answer = browser.get(address(model, "changelist"))
        assert len(shown(answer)) == (model._default_manager.count() if rows_of(model).fixed else wanted)
        costs[wanted] = [query["sql"] for query in asked]

    numbers = {wanted: len(sqls) for wanted, sqls in costs.items()}
    assert numbers == {1: rows_of(model).queries, 3: rows_of(model).queries}, "\n".join(costs[3])


@every_model
def test_a_file_costs_as_many_queries_for_three_rows_as_for_one(office, model):
    browser = office.browser(somebody(model))
    costs = []
    for wanted in (1, 3):
        office.fill(model, wanted)
        file_of(browser.get(address(model, "export")))
        with CaptureQueriesContext(connection) as asked:
            file_of(browser.get(address(model, "export")))
        costs.append([query["sql"] for query in asked])

    assert len(costs[0]) == len(costs[1]), "\n".join(costs[1])


PLANS_BY_INDEX_ONLY = """
SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""


def plan_of(queryset) -> str:
    """How PostgreSQL would read this if it did all it can to neither sort nor read a whole table, however small the table."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PLANS_BY_INDEX_ONLY)
        plan = queryset.explain()
        transaction.set_rollback(True)
    return plan


@every_model
def test_a_page_is_read_in_its_order_by_an_index_in_every_order_that_is_offered(office, model):
    browser = office.browser(somebody(model))
    listed = admin.site.get_model_admin(model)
    places = [list(listed.list_display).index(name) for name in listed.sortable_by]
    offered = [{}, *({"o": f"{sign}{place}"} for place in places for sign in ("", "-"))]

    sorted_anew = {}
    for order in offered:
        plan = plan_of(browser.get(address(model, "changelist"), order).context["cl"].queryset[:51])
        if re.search(r"(?<!Incremental )Sort  \(", plan):
            sorted_anew[str(order)] = plan
    assert sorted_anew == {}, "Mend: an index that has this order, or leave the column out of sortable_by."


@every_model
def test_every_search_is_answered_by_an_index_or_named_as_a_scan(model):
    scans = set()
    for name in admin.site.get_model_admin(model).search_fields:
        everything = model._base_manager.all()
        wanted = searching.condition(everything, name, "Adelaide") or searching.condition(everything, name, "12")
        if "Seq Scan" in plan_of(everything.filter(wanted).order_by().values_list("pk")[: searching.FEW]):
            scans.add(name)

    assert scans == set(rows_of(model).scans), (
        "Mend: an index (trigram for a part of a text). Only where the table stays short: name the field in scans of its Rows."
    )


# What it can do


@every_model
def test_a_list_declares_filters_a_search_and_a_file_and_no_hierarchy_of_dates(model):
    listed = admin.site.get_model_admin(model)
    lacks = {
        "list_filter": not listed.list_filter, "search_fields": not listed.search_fields, "exportable": not listed.exportable,
        "date_hierarchy": bool(listed.date_hierarchy),
    }  # fmt: skip

    assert [name for name, lacking in lacks.items() if lacking] == [], f"Mend: declare them on {type(listed).__name__}."


@every_model
def test_a_search_finds_a_row_by_its_handle_and_nothing_by_a_word_that_is_nowhere(office, model):
    browser = office.browser(somebody(model))
    office.fill(model, 3)
    listed = admin.site.get_model_admin(model)
    row = model._default_manager.order_by("pk").last()
    handle = next(name.removeprefix("=") for name in listed.search_fields if name.startswith("=") and "__" not in name)
    word = str(getattr(row, handle))

    def searched(term: str) -> list:
        if listed.searches_personal_fields:
            sent = browser.post(address(model, "changelist"), {"_search": "1", "q": term})
            assert term not in sent.url
            return shown(browser.get(sent.url))
        return shown(browser.get(address(model, "changelist"), {"q": term}))

    assert row.pk in searched(word)
    assert searched("nowhere-to-be-found") == []
    assert len(file_of(browser.get(address(model, "export"), {"q": "nowhere-to-be-found"}))) == 1


@every_model
def test_every_filter_stands_beside_the_list_and_each_of_its_choices_opens(office, model):
    browser = office.browser(somebody(model))
    office.fill(model, 3)
    listed = address(model, "changelist")
    changelist = browser.get(listed).context["cl"]
    everything = set(changelist.queryset.values_list("pk", flat=True))
    assert len(changelist.filter_specs) == len(admin.site.get_model_admin(model).list_filter)

    narrowed = 0
    for spec in changelist.filter_specs:
        asked = [choice["query_string"] for choice in spec.choices(changelist)]
        if len(asked) == 1:  # a box instead of choices
            value = getattr(model._default_manager.order_by("pk").last(), spec.parameter_name)
            asked.append(changelist.get_query_string({spec.parameter_name: value}))
        for query in asked:
            answer = browser.get(listed + query)
            assert "not known here" not in answer.text
            found = set(shown(answer))
            assert found <= everything
            narrowed += found != everything
        assert len(asked) > 1, f"{spec.title} offers nothing to choose"
    assert narrowed, "no filter left a row out"


@every_model
def test_every_column_that_may_be_sorted_by_sorts_both_ways(office, model):
    browser = office.browser(somebody(model))
    office.fill(model, 3)
    listed = admin.site.get_model_admin(model)
    for name in listed.sortable_by:
        place = list(listed.list_display).index(name)
        for sign, order in (("", name), ("-", f"-{name}")):
            tie = f"{'-' if sign else ''}pk"
            expected = list(model._default_manager.order_by(order, tie).values_list("pk", flat=True))
            assert shown(browser.get(address(model, "changelist"), {"o": f"{sign}{place}"})) == expected, order


@every_model
def test_every_row_is_on_one_page_there_and_back(office, model, monkeypatch):
    browser = office.browser(somebody(model))
    office.fill(model, 3)
    monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 2)
    listed = address(model, "changelist")
    everything = list(browser.get(listed).context["cl"].queryset.values_list("pk", flat=True))

    pages = [browser.get(listed)]
    while pages[-1].context["cl"].older_url:
        pages.append(browser.get(listed + pages[-1].context["cl"].older_url))
    back = [pages[-1]]
    while back[0].context["cl"].newer_url:
        back.insert(0, browser.get(listed + back[0].context["cl"].newer_url))

    assert len(pages) == (len(everything) + 1) // 2 > 1
    assert [pk for page in pages for pk in shown(page)] == everything
    assert [shown(page) for page in back] == [shown(page) for page in pages]


@every_model
def test_a_file_has_the_columns_and_rows_of_the_list_and_no_cell_that_a_spreadsheet_would_run(office, model):
    browser = office.browser(somebody(model))
    office.fill(model, 3)
    listed = admin.site.get_model_admin(model)
    columns = browser.get(address(model, "changelist")).context["cl"].list_display
    held = model._default_manager.count()

    heading, *lines = file_of(browser.get(address(model, "export")))

    assert heading == [str(capfirst(label_for_field(name, model, listed))) for name in columns]
    assert len(lines) == held
    cells = [cell for line in lines for cell in line]
    assert [cell for cell in cells if FORMULA.match(cell) and not cell.lstrip("-").isdigit()] == []
    assert ("'" + FORMULAS[0] in cells) is rows_of(model).planted


def test_every_kind_of_formula_is_planted_in_some_list():
    assert {text[0] for text in FORMULAS} == {"=", "+", "-", "@"}
    assert [model._meta.label for model in ROWS if ROWS[model].planted] != []


@pytest.mark.django_db
def test_what_is_looked_for_on_pages_would_be_found_there(office):
    office.add(Person)
    seen = office.browser(Role.COUNSEL).post(address(Person, "see", Person.objects.get().pk), {"reason": "legal", "once": "x"})

    assert {"accounts.Person.given_name", "accounts.Person.birth_date"} <= leaks(seen, personal_values())


# Whom it opens for, and what it never shows


@every_model
def test_list_pages_and_history_open_for_exactly_the_roles_that_may_see_them(office, model):
    office.fill(model, 1)
    answers = {}
    for role in Role:
        browser = office.browser(role)
        answers[role] = {browser.get(page).status_code for page in pages_of(model)}
    unsaid = office.browser(None)

    assert answers == {role: {200 if may_view(model, role) else 403} for role in Role}
    assert {unsaid.get(page).status_code for page in [*pages_of(model), address(model, "export")]} == {403}


@every_model
def test_the_file_is_handed_to_exactly_the_roles_that_may_have_it(office, model):
    office.fill(model, 1)
    answers = {role: office.browser(role).get(address(model, "export")).status_code for role in Role}

    assert answers == {role: 200 if may_export(model, role) else 403 for role in Role}


@every_model
def test_no_page_search_file_or_history_shows_a_personal_value_unmasked(office, model):
    for other in (Person, OutgoingMail, Event):
        office.add(other)
    office.fill(model, 3)
    personal = personal_values()
    planted = {"Adelaide0", "1985-12-10", "adelaide0@quuxworth.example", "Quentin Contactworth", "Adelaide wrote to us"}
    assert planted - set(personal) == set()

    shown_by = {}
    for role in (role for role in Role if may_view(model, role)):
        browser = office.browser(role)
        pages = [*pages_of(model), address(model, "changelist") + "?q=Adelaide"]
        pages += [address(model, "export")] if may_export(model, role) else []
        for page in pages:
            if found := leaks(browser.get(page), personal):
                shown_by[role, page] = found
    assert shown_by == {}
