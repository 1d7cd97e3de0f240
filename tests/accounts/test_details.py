"""Single details: written the same way everywhere, and refused without being repeated."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts import details
from apps.accounts.places import COUNTRIES, US_STATES
from apps.foundation.refusals import Refusal

TODAY = date(2026, 3, 8)


@pytest.mark.parametrize(
    ("address", "normalised"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada@example.org\t", "ada@example.org"),
        ("ａｄａ@example.org", "ada@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("a.d.a+news@gmail.com", "a.d.a+news@gmail.com"),
    ],
)
def test_addresses_are_compared_folded_and_without_tricks_of_providers(address, normalised):
    assert details.normalise_email(address) == normalised


@given(st.text())
def test_normalising_twice_is_normalising_once(address):
    once = details.normalise_email(address)
    assert details.normalise_email(once) == once


@pytest.mark.parametrize("address", ["", "ada", "ada@", "@example.org", "Ada <ada@example.org>", "a@b\x00.org", "a" * 250 + "@b.org"])
def test_what_no_mail_reaches_is_no_address(address):
    with pytest.raises(Refusal) as refused:
        details.email(address)
    assert address.strip("\x00") == "" or address not in str(refused.value.as_dict())


@pytest.mark.parametrize(
    ("number", "region", "written"),
    [
        ("+1 (202) 555-0123", "", "+12025550123"),
        ("202-555-0123", "US", "+12025550123"),
        ("0044 20 7946 0958", "US", None),
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("030 901820", "DE", "+4930901820"),
        ("202-555-0123", "", None),
        ("+1 202 555 0123 ext. 4", "US", None),
        ("+1 202", "US", None),
        ("call me", "US", None),
    ],
)
def test_phones_are_written_in_e164_or_refused(number, region, written):
    if written is None:
        with pytest.raises(details.PhoneNotValid):
            details.phone(number, region=region)
    else:
        assert details.phone(number, region=region) == written


def test_there_are_249_countries_and_56_states_districts_and_territories():
    assert (len(COUNTRIES), len(US_STATES)) == (249, 56)
    assert {"US", "DE", "AQ"} <= COUNTRIES
    assert not {"XX", "UK", "EU"} & COUNTRIES


@pytest.mark.parametrize("code", ["XX", "U", "USA", "", "12"])
def test_an_unknown_country_is_refused(code):
    with pytest.raises(details.CountryUnknown):
        details.country(code)


@pytest.mark.parametrize("born", [date(2026, 3, 9), date(1890, 1, 1)])
def test_nobody_is_born_tomorrow_or_too_long_ago(born):
    with pytest.raises(details.BirthDateNotValid):
        details.birth_date(born, on=TODAY)


@pytest.mark.parametrize("born", [date(2026, 3, 8), date(2008, 3, 9), date(1990, 1, 1), None])
def test_a_date_of_birth_that_can_be_is_taken_as_it_is(born):
    assert details.birth_date(born, on=TODAY) == born


def test_somebody_is_a_minor_until_the_day_of_turning_18_and_unknown_is_none():
    assert [details.is_minor(date(2008, 3, 8), on=day) for day in (date(2026, 3, 7), date(2026, 3, 8))] == [True, False]
    assert [details.is_minor(date(2008, 2, 29), on=day) for day in (date(2026, 2, 28), date(2026, 3, 1))] == [True, False]
    assert not details.is_minor(None, on=TODAY)


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.dates(date(1990, 1, 1), date(2020, 1, 1)))
def test_whoever_was_born_after_the_youngest_adult_is_a_minor_and_nobody_else(day, born):
    assert details.is_minor(born, on=day) == (born > details.youngest_adult(day))


@given(st.text(max_size=200))
def test_no_line_that_is_taken_holds_what_can_not_be_printed_or_stored(text):
    line, refused = None, ""
    try:
        line = details.line(text, field="x", longest=50)
    except Refusal as refusal:
        refused = refusal.code
    assert refused == ("detail_not_valid" if line is None else "")
    assert line is None or (0 < len(line.encode().decode()) <= 50 and "\x00" not in line)
