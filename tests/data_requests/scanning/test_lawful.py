"""What may be found after an erasure: references and keyed hashes at named places, and what a remainder keeps, no row more."""

import pytest

from apps.data_requests.scanning import catalogue, lawful
from apps.data_requests.scanning.kinds import Seen, What
from apps.data_requests.scanning.lawful import LAWFUL, Rest

HOLD = Rest("accounts.reach", "hold", "HLD-1", 2)


def seen(*rows) -> Seen:
    made = Seen()
    for row in rows:
        made.note(row)
    return made


def left(*rows, rests=()) -> list[str]:
    found, _excused = lawful.sort(seen(*rows), rests)
    return [f"{one.place} {one.what} {one.count}" for one in found]


ADDRESS = [("accounts_personemail.address", What.EMAIL), ("accounts_personemail.person_id", What.ROW)]


@pytest.mark.parametrize("place", LAWFUL)
def test_no_place_is_excused_for_what_names_somebody(place):
    kinds, because = LAWFUL[place]

    assert kinds <= {"reference", "keyed hash"}
    assert because
    assert left([(place, What.EMAIL), (place, What.NAME), (place, What.DIGEST)]) == [f"{place} {what} 1" for what in ("e-mail address", "name", "plain digest")]
    assert left([(place, What(what)) for what in kinds]) == []


def test_each_place_that_is_excused_is_a_column_of_the_database(house):
    there = {f"{table.root}.{name}" for table in catalogue.tables() for name in (*table.texts, *table.bytes, *table.byte_lists)}

    assert {place for place in LAWFUL if not place.startswith("assurance_")} <= there


def test_what_a_hold_keeps_is_excused_and_says_why():
    found, excused = lawful.sort(seen(ADDRESS, ADDRESS), [HOLD])

    assert found == []
    assert {one.because for one in excused} == {"stays: hold HLD-1"}


def test_a_row_more_than_a_remainder_keeps_excuses_none():
    assert left(ADDRESS, ADDRESS, ADDRESS, rests=[HOLD]) == ["accounts_personemail.address e-mail address 3", "accounts_personemail.person_id row number 3"]


def test_a_remainder_of_one_holding_excuses_no_other():
    assert left([("mail_outgoingmail.body", What.NAME)], rests=[HOLD]) == ["mail_outgoingmail.body name 1"]


def test_a_reference_in_the_journal_and_in_a_log_is_lawful_and_an_address_is_not():
    assert left([("file journal/journal.jsonl", What.REFERENCE), ("file log/web.log", What.REFERENCE)]) == []
    assert left([("file journal/journal.jsonl", What.EMAIL), ("file log/web.log", What.EMAIL)]) == [
        "file journal/journal.jsonl e-mail address 1", "file log/web.log e-mail address 1",
    ]  # fmt: skip


def test_what_could_not_be_read_is_not_clean():
    made = Seen(unread=["file packages/x.zip"])

    found, _excused = lawful.sort(made, [])

    assert [(one.place, one.what) for one in found] == [("file packages/x.zip", "could not be read")]


def test_mail_that_was_delivered_into_a_folder_is_said_and_lies_there_only_where_no_relay_is_set(settings):
    place = [("file mail/20260308.log", What.EMAIL)]
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert left(place) == []
    assert left([("file mailed.txt", What.EMAIL)]) == ["file mailed.txt e-mail address 1"]

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert left(place) == ["file mail/20260308.log e-mail address 1"]
