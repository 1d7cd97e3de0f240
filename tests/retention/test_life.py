"""When a message expires, as a pure function: rounding, rules by effective date, and that the past never changes."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.retention.life import Rule, expiry_day, in_words, rule_for

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)


def test_a_life_ends_at_the_first_midnight_after_its_last_moment():
    assert expiry_day(NOON, 7) == date(2026, 3, 16)


def test_a_life_that_ends_at_midnight_ends_there():
    assert expiry_day(datetime(2026, 3, 8, tzinfo=UTC), 7) == date(2026, 3, 15)


def test_a_life_of_400_days_ends_with_a_day_and_one_of_401_with_a_month():
    assert expiry_day(NOON, 400) == date(2027, 4, 13)
    assert expiry_day(NOON, 401) == date(2027, 4, 30)


def test_the_last_day_of_february_is_the_29th_in_a_leap_year():
    assert expiry_day(datetime(2026, 12, 20, 12, tzinfo=UTC), 420) == date(2028, 2, 29)


def test_a_moment_in_another_time_zone_is_rounded_in_utc():
    evening_in_chicago = datetime.fromisoformat("2026-03-08T20:00:00-05:00")
    assert expiry_day(evening_in_chicago, 1) == date(2026, 3, 11)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.integers(1, 4000))
def test_no_life_is_ever_shorter_than_its_rule_says(sent_at, days):
    first_hidden = datetime.combine(expiry_day(sent_at, days), datetime.min.time(), UTC)
    assert first_hidden - sent_at >= timedelta(days=days)


def test_a_class_with_a_rule_goes_by_it_and_one_without_by_the_default():
    rules = [Rule("", 30, NOON), Rule("clinical", 90, NOON)]
    assert rule_for(rules, "clinical", NOON).life_days == 90
    assert rule_for(rules, "other", NOON).life_days == 30
    assert rule_for(rules, "", NOON).life_days == 30


def test_a_message_older_than_every_rule_falls_under_the_earliest():
    rules = [Rule("", 30, NOON), Rule("", 7, NOON + timedelta(days=5))]
    assert rule_for(rules, "", NOON - timedelta(days=100)).life_days == 30


def test_without_a_rule_there_is_no_life():
    assert rule_for([], "", NOON) is None
    assert rule_for([Rule("clinical", 5, NOON)], "other", NOON) is None


@given(
    st.lists(st.tuples(st.sampled_from(["", "clinical"]), st.integers(1, 900), st.integers(0, 100)), min_size=1, max_size=6),
    st.tuples(st.sampled_from(["", "clinical"]), st.integers(1, 900)),
    st.integers(-50, 101),
    st.sampled_from(["", "clinical"]),
)
def test_a_later_rule_never_changes_the_day_of_what_was_sent_before_it(before, later, sent, kind):
    """The property that keeps a resend from doubling or resurrecting: stamped once is stamped for ever."""
    rules = [Rule(code, days, NOON + timedelta(hours=after)) for code, days, after in before]
    new = Rule(later[0], later[1], NOON + timedelta(hours=102))
    sent_at = NOON + timedelta(hours=sent)
    standing = rule_for(rules, kind, sent_at)
    if standing is not None:
        assert rule_for([*rules, new], kind, sent_at) == standing


def test_a_life_is_told_with_its_rounding():
    assert in_words(1) == "1 day from sending, then to the next midnight (UTC)"
    assert in_words(2555) == "2,555 days from sending, then to the end of that month (UTC)"
