"""The order of an erasure follows from foreign keys: what points to something goes first, and people's own rows last of all."""

import pytest
from django.db import connection

from apps.assurance import checks as starts
from apps.assurance.inventory import HOLDINGS
from apps.data_requests import order
from apps.foundation.personal_data import Ended, Holding, Role, Whom
from config.checks import holdings_end_in_order


def holding(code, *tables, **more):
    return Holding(code=code, title=code, role=Role.CONTROLLER, tables=tables, collected="", ends="", **more)


def codes(holdings):
    return [one.code for one in holdings]


def counted(_subject, _at):
    return 0


def collected(_subject, _at):
    return iter(())


def erased(_subject, _at):
    return Ended()


def test_what_points_to_something_goes_before_it_whatever_the_order_of_the_floors():
    far, middle, near = holding("far", "c"), holding("middle", "b"), holding("near", "a")

    assert codes(order.of([near, middle, far], [("a", "b"), ("b", "c")])) == ["near", "middle", "far"]


def test_of_two_that_do_not_point_to_each_other_the_higher_floor_goes_first():
    assert codes(order.of([holding("lower", "a"), holding("higher", "b")], [])) == ["higher", "lower"]


def test_peoples_own_rows_go_last_of_all():
    ordered = order.in_order()

    assert ordered[-1].code == "accounts.people"
    assert {one.code for one in ordered} == {one.code for one in HOLDINGS if one.whom == Whom.PEOPLE}


def test_what_is_about_staff_or_clients_is_not_erased_with_a_person():
    assert codes(order.of([holding("members", "a", whom=Whom.STAFF), holding("people", "b")], [])) == ["people"]


def test_a_ring_of_holdings_is_refused_by_name():
    with pytest.raises(order.GoesRound, match="one, other"):
        order.of([holding("one", "a"), holding("other", "b")], [("a", "b"), ("b", "a")])
    (error,) = starts.without_order([holding("one", "accounts_personemail", "accounts_organization"), holding("other", "accounts_person")])
    assert (error.id, "one, other" in error.msg) == ("covenant.E304", True)


def test_a_table_of_two_holdings_binds_neither_to_the_other():
    shared = [holding("one", "a", "both"), holding("other", "both")]

    assert codes(order.of(shared, [("both", "a"), ("a", "both")])) == ["other", "one"]


@pytest.mark.django_db
def test_the_order_fits_every_foreign_key_of_the_database():
    with connection.cursor() as cursor:
        cursor.execute(order.POINTING)
        pairs = cursor.fetchall()

    assert ("contacts_source", "consents_standing") in pairs  # which no model says
    assert order.against_the_database(order.in_order(), pairs) == []


def test_a_foreign_key_that_the_order_does_not_respect_is_named():
    ordered = order.in_order()

    late = order.against_the_database(ordered, [("accounts_person", "mail_outgoingmail"), ("contacts_source", "accounts_person")])

    assert late == [("accounts.people", "mail.outbox", "accounts_person", "mail_outgoingmail")]


@pytest.mark.django_db(transaction=True)
def test_the_start_names_a_foreign_key_of_the_database_that_comes_too_late():
    assert holdings_end_in_order() == []
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_person ADD COLUMN planted bigint REFERENCES mail_outgoingmail (id)")
    try:
        (error,) = holdings_end_in_order()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_person DROP COLUMN planted")

    assert (error.id, error.msg) == ("covenant.E306", "accounts.people is erased after mail.outbox, and its table accounts_person points to mail_outgoingmail.")


@pytest.mark.parametrize(
    ("more", "ids"),
    [
        ({}, ["covenant.E303"]),
        ({"count": counted, "collect": collected}, ["covenant.E303"]),
        ({"erase": erased}, ["covenant.E303"]),
        ({"erase": erased, "count": counted}, ["covenant.E303"]),
        ({"survives": "By law."}, ["covenant.E303"]),
        ({"unfound": "Nobody."}, ["covenant.E303"]),
        ({"count": counted, "collect": collected, "erase": erased}, []),
        ({"count": counted, "collect": collected, "survives": "By law."}, []),
        ({"survives": "By law.", "unfound": "Nobody."}, []),
        ({"whom": Whom.STAFF}, []),
        ({"whom": Whom.CONTACTS}, []),
    ],
)
def test_the_start_fails_where_a_holding_of_people_does_not_say_how_it_ends(more, ids):
    assert [error.id for error in starts.unsaid([holding("planted", "a", **more)])] == ids


def test_the_start_fails_where_a_table_points_to_people_and_no_holding_of_people_has_it():
    planted = [("shadow", "accounts_person"), ("shadow", "mail_outgoingmail"), ("other", "mail_outgoingmail")]

    (error,) = starts.without_people(planted, [holding("staff", "shadow", whom=Whom.STAFF)])

    assert (error.id, "shadow" in error.msg) == ("covenant.E305", True)
    assert list(starts.without_people(planted, [holding("people", "shadow")])) == []


def test_every_holding_there_is_passes_the_start():
    assert starts.holdings_of_people() == []
