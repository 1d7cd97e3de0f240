"""Charts: plain SVG whose every number can also be read in a table, at any number of days."""

import re
from datetime import date, timedelta

import pytest

from apps.foundation.charts import PHONE, Series, day_columns, nice_top, short

FIRST = date(2026, 2, 20)


def chart(days: int, *, today: int = 3, height: int = 1000) -> str:
    span = [FIRST + timedelta(offset) for offset in range(days)]
    stored = Series("stored", "stored", {day: height + number for number, day in enumerate(span)})
    hidden = Series("hidden", "hidden", {span[0]: 7})
    return day_columns(
        [stored, hidden], title="What is stored", first=span[0], last=span[-1], today=FIRST + timedelta(today)
    )


@pytest.mark.parametrize("days", [1, 2, 7, 31, 60, 120, 400])
def test_every_day_has_its_column_within_the_drawing_and_labels_keep_their_distance(days):
    drawn = chart(days)
    for size in ("desk", "phone"):
        svg = re.search(rf'<svg class="day-columns day-columns-{size}".*?</svg>', drawn, re.S)[0]
        width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
        bars = [tuple(map(float, found)) for found in re.findall(r'<rect class="bar [^"]+" x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', svg)]
        assert len(bars) == days + 1
        assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height and w > 0 for x, y, w, h in bars)
        labels = [float(x) for x in re.findall(rf'class="axis" x="([\d.]+)" y="{height - 6:d}"', svg)]
        assert labels
        assert all(right - left >= 50 for left, right in zip(labels, labels[1:], strict=False))


def test_numbers_stand_in_the_table_too_and_today_is_marked():
    drawn = chart(10)
    assert "<th scope=\"row\">2026-02-20</th><td class=\"num\">1,000</td><td class=\"num\">7</td><td class=\"num\">1,007</td>" in drawn
    assert "2026-02-23 (today)" in drawn
    assert drawn.count('class="today"') == 2
    assert "<desc>Messages by day from 20 February 2026 to 1 March 2026: 10,045 stored, 7 hidden.</desc>" in drawn


def test_the_policy_for_inline_styles_is_kept():
    assert "style" not in chart(5)


def test_days_without_anything_are_said_to_be_empty():
    drawn = day_columns([Series("stored", "stored", {})], title="T", first=FIRST, last=FIRST, today=FIRST)
    assert "There are no messages in these days." in drawn
    assert "<svg class=\"day-columns" not in drawn


def test_a_day_out_of_sight_is_not_marked():
    assert 'class="today"' not in chart(5, today=30)


@pytest.mark.parametrize(("most", "top"), [(0, 4), (3, 4), (5, 8), (9, 12), (13, 20), (21, 40), (41, 80), (1007, 1200), (39_999, 40_000)])
def test_the_axis_ends_on_a_round_number(most, top):
    assert nice_top(most) == top


def test_labels_of_the_axis_are_short():
    assert [short(number) for number in (0, 800, 1_000, 1_250, 12_000, 2_400_000)] == ["0", "800", "1k", "1.2k", "12k", "2.4M"]
    assert PHONE.width < 390


@pytest.mark.parametrize("wrong", [{"first": FIRST + timedelta(1)}, {"last": FIRST + timedelta(500)}])
def test_a_span_that_can_not_be_drawn_is_a_mistake_of_its_author(wrong):
    with pytest.raises(ValueError, match="days"):
        day_columns([], **({"title": "T", "first": FIRST, "last": FIRST, "today": FIRST} | wrong))
