"""Charts drawn on the server as plain SVG: no script, no inline style, a table beside the picture for who can't see it.

Two drawings are made of the same numbers, one for a desk and one for a phone; the theme shows the one that fits, so that labels
stay readable at both. Nothing is rounded but the labels of the axis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

TONES = ("stored", "due", "hidden", "held", "destroyed", "late")
LONGEST_DAYS = 400


@dataclass(frozen=True)
class Series:
    """One layer of the columns: its name in the legend, its tone (one of TONES), a value per day (none is nought)."""

    name: str
    tone: str
    values: Mapping[date, int]


@dataclass(frozen=True)
class Size:
    """A drawing's measures in its own units: width and height over all, room for labels, the least room for one day's label."""

    name: str
    width: int
    height: int
    left: int
    top: int = 22
    right: int = 6
    bottom: int = 24
    label_room: int = 58

    @property
    def floor(self) -> int:
        return self.height - self.bottom

    @property
    def plot_height(self) -> int:
        return self.floor - self.top

    @property
    def plot_width(self) -> int:
        return self.width - self.left - self.right


DESK = Size("desk", 960, 250, 56)
PHONE = Size("phone", 340, 220, 44, label_room=52)


@dataclass(frozen=True)
class Bar:
    tone: str
    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True)
class Drawing:
    size: Size
    bars: list[Bar]
    ticks: list[dict] = field(default_factory=list)
    labels: list[dict] = field(default_factory=list)
    today: float | None = None
    today_anchor: str = "middle"


def day_columns(
    series: Sequence[Series], *, title: str, first: date, last: date, today: date, unit: str = "messages", empty: str = ""
) -> SafeString:
    """Stacked columns, one per UTC day from `first` to `last`, both drawn. `unit` is the plural that is counted.

    Use in a panel: `{"chart": day_columns([Series("stored", "stored", {day: count})], title=…, …)}`, then `{{ chart }}`.
    """
    if last < first or (last - first).days >= LONGEST_DAYS:
        raise ValueError(f"a chart shows 1 to {LONGEST_DAYS} days")
    for layer in series:
        if layer.tone not in TONES:
            raise ValueError(f"no tone {layer.tone!r}")
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    totals = [sum(layer.values.get(day, 0) for layer in series) for day in days]
    context = {
        "title": title,
        "unit": unit,
        "series": series,
        "is_empty": not any(totals),
        "empty": empty or f"There are no {unit} in these days.",
        "summary": _summary(series, first, last, unit),
        "drawings": [_draw(series, days, totals, today, size, unit) for size in (DESK, PHONE)],
        "rows": [_row(series, day, total, today) for day, total in zip(days, totals, strict=True) if total],
    }
    return render_to_string("admin/charts/day_columns.html", context)


def _summary(series: Sequence[Series], first: date, last: date, unit: str) -> str:
    sums = ", ".join(f"{sum(count for day, count in layer.values.items() if first <= day <= last):,} {layer.name}" for layer in series)
    return f"{unit.capitalize()} by day from {first:%-d %B %Y} to {last:%-d %B %Y}: {sums}."


def _row(series: Sequence[Series], day: date, total: int, today: date) -> dict:
    return {"day": day, "is_today": day == today, "counts": [layer.values.get(day, 0) for layer in series], "total": total}


def _draw(
    series: Sequence[Series], days: list[date], totals: list[int], today: date, size: Size, unit: str
) -> Drawing:
    top = nice_top(max(totals, default=0))
    step = size.plot_width / len(days)
    gap = min(step * 0.22, 4.0)
    bars = []
    for position, day in enumerate(days):
        y = float(size.floor)
        for layer in series:
            count = layer.values.get(day, 0)
            if not count:
                continue
            height = count / top * size.plot_height
            y -= height
            says = f"{day:%-d %b %Y}: {count:,} {unit} {layer.name}"
            x = size.left + position * step + gap / 2
            bars.append(Bar(layer.tone, round(x, 2), round(y, 2), round(step - gap, 2), round(height, 2), says))
    at = size.left + (days.index(today) + 0.5) * step if today in days else None
    anchor = "middle" if at is None else _anchor(at, size)
    return Drawing(size, bars, _ticks(top, size), _labels(days, step, size), None if at is None else round(at, 2), anchor)


def nice_top(most: int) -> int:
    """The top of the axis: at least `most`, dividable by four with round numbers at the marks."""
    if most <= 4:
        return 4
    power = 1
    while True:
        for factor in (4, 8, 12, 20, 40):
            if factor * power >= most:
                return factor * power
        power *= 10


def _ticks(top: int, size: Size) -> list[dict]:
    return [
        {"y": round(size.floor - quarter * size.plot_height / 4, 2), "text": short(top * quarter // 4)} for quarter in range(5)
    ]


def short(number: int) -> str:
    """A number of an axis: 800, 12k, 1.2M."""
    for least, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= least:
            return f"{number / least:.1f}".rstrip("0").rstrip(".") + letter
    return str(number)


def _labels(days: list[date], step: float, size: Size) -> list[dict]:
    every = ceil(size.label_room / step)
    for round_step in (1, 2, 7, 14, 28, 56, 112, 224):
        if round_step >= every:
            every = round_step
            break
    labels = []
    for position in range(0, len(days), every):
        x = size.left + (position + 0.5) * step
        if x + size.label_room / 2 > size.width and position:
            break
        labels.append({"x": round(x, 2), "text": f"{days[position]:%-d %b}", "anchor": _anchor(x, size)})
    return labels


def _anchor(x: float, size: Size) -> str:
    room = size.label_room / 2
    if x - room < size.left - 30:
        return "start"
    return "end" if x + room > size.width else "middle"
