"""A person with rows in every holding: counted, handed over, erased for good, while somebody else keeps every one of theirs."""

import json

import pytest
from django.db import DatabaseError, transaction

from apps.accounts.models import Person
from apps.accounts.services.subjects import subject_of
from apps.data_requests import order
from apps.foundation.personal_data import Ended
from tests.cast import NOON
from tests.data_requests.holdings import everything

#: messages, and what requests have of themselves, are tried where they are written
ELSEWHERE = ("retention.", "requests.")
HOLDINGS = {one.code: one for one in order.in_order() if not one.code.startswith(ELSEWHERE)}


def counts(subject):
    return {code: one.count(subject, NOON) for code, one in HOLDINGS.items()}


def erase(code, subject):
    """Until it asks for no more, each call in a transaction of its own."""
    done = []
    while True:
        with transaction.atomic():
            done.append(HOLDINGS[code].erase(subject, NOON))
        if not done[-1].more:
            return done


def erase_all(subject):
    return {code: erase(code, subject) for code, one in HOLDINGS.items() if one.erase}


def test_every_holding_of_people_has_something_of_somebody_who_has_everything(ada, subject):
    assert {code for code, count in counts(subject).items() if not count} == set()


def test_after_an_erasure_nothing_is_left_of_them_and_everything_of_somebody_else(ada, ben, subject):
    other = subject_of(ben)
    before = counts(other)
    everything.close(ada)

    erase_all(subject)

    left = {code: count for code, count in counts(subject).items() if count and not HOLDINGS[code].survives}
    # the match with Ada was hers as well; that Ben has her address in his book is his own
    assert (left, counts(other)) == ({}, before | {"contacts.books": before["contacts.books"] - 1})
    assert not Person.objects.filter(pk=ada.pk).exists()


def test_a_second_erasure_finds_nothing(ada, subject):
    everything.close(ada)
    erase_all(subject)

    again = erase_all(subject)

    assert {code: done for code, done in again.items() if done != [Ended()]} == {}


def test_what_is_handed_over_is_json_of_one_shape_and_nothing_of_somebody_else(ada, ben, subject):
    for code, one in HOLDINGS.items():
        for part in one.collect(subject, NOON):
            rows = list(part.rows)
            assert json.loads(json.dumps(rows)) == rows, code
            assert len({tuple(row) for row in rows}) <= 1, (code, part.title)
            assert "Ben" not in str(rows), (code, part.title)
            assert "ben@" not in str(rows), (code, part.title)


def test_nothing_of_an_open_account_is_erased_that_is_evidence(ada, subject):
    for code in ("consents.said", "accounts.acceptances", "accounts.representatives"):
        with pytest.raises(DatabaseError, match="goes with its"), transaction.atomic():
            HOLDINGS[code].erase(subject, NOON)
