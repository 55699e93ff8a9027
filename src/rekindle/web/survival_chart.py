"""How long lives last, drawn on the server: a step curve with its interval, and the same as rows of a table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 720, 300
# The curve is stretched to the width of the page; labels keep their size, so shares stand inside, above their lines.
LEFT, RIGHT, TOP, BOTTOM = 0, 0, 20, 30
POINTS = 240  # our choice: one step a three pixels; more cannot be seen
TABLE_ROWS = 13
DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Tick:
    """A mark on an axis. `drawn` is its place as SVG wants it: a point for the decimals, whatever the language.

    anchor  which part of the text stands at the place: start, middle or end
    """

    drawn: str
    text: str
    anchor: str = "start"


@dataclass(frozen=True)
class Row:
    """One moment of the table: share still with us after `days`, with its interval, each in [0, 1]."""

    days: float
    alive: float
    low: float
    high: float


@dataclass(frozen=True)
class Chart:
    """Everything the drawing and its table need. Co-ordinates are in the picture's own units."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    line: str
    band: str
    across: Sequence[Tick]
    up: Sequence[Tick]
    rows: Sequence[Row]
    last: Row
    n: int
    median_days: float | None
    after_a_year: Row | None
    years: bool

    @property
    def tick_y(self) -> int:
        return self.bottom + 22

    @property
    def notch(self) -> int:
        return self.bottom + 6


def survival_chart(facts: Mapping[str, Any] | None) -> Chart | None:
    """The drawing of `{"days", "alive", "low", "high", "n"}`; None when there is nothing to draw.

    days rise; alive, low and high are shares in [0, 1] that hold from that day until the next one. The interval
    is the 80 % one, as everywhere in the product.
    """
    points = [Row(*point) for point in _points(facts or {})]
    if facts is None or len(points) < 2 or points[-1].days <= 0:
        return None
    thin = _thinned(points)
    last = points[-1].days
    across = _across(last)
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        line=_steps([(p.days, p.alive) for p in thin], last=last),
        band=_band(thin, last=last),
        across=[Tick(f"{100 * days / last:.2f}%", text, _anchor(days / last)) for days, text in across[0]],
        up=[Tick(f"{_y(share):.1f}", f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        rows=[points[round(i * (len(points) - 1) / (TABLE_ROWS - 1))] for i in range(TABLE_ROWS)]
        if len(points) > TABLE_ROWS
        else points,
        last=points[-1],
        n=int(facts.get("n") or 0),
        median_days=next((p.days for p in points if p.alive <= 0.5), None),
        after_a_year=_at(points, day=365.25),
        years=across[1],
    )


def _points(facts: Mapping[str, Any]) -> list[tuple[float, float, float, float]]:
    columns = [facts.get(name) or [] for name in ("days", "alive", "low", "high")]
    points = list(zip(*columns, strict=True))
    if points and points[0][0] > 0:
        points.insert(0, (0.0, 1.0, 1.0, 1.0))  # on their first day all are with us
    return points


def _thinned(points: Sequence[Row]) -> list[Row]:
    if len(points) <= POINTS:
        return list(points)
    return [points[round(i * (len(points) - 1) / (POINTS - 1))] for i in range(POINTS)]


def _at(points: Sequence[Row], *, day: float) -> Row | None:
    """The step that holds on that day; None beyond the last one."""
    if day > points[-1].days:
        return None
    return points[bisect_right([p.days for p in points], day) - 1]


def _x(days: float, *, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * days / last


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _anchor(part: float) -> str:
    """Labels at the two edges of the drawing stay inside it."""
    return "start" if part < 0.01 else "end" if part > 0.98 else "middle"


def _steps(points: Sequence[tuple[float, float]], *, last: float) -> str:
    """A path that stays level until the next point, then drops."""
    (day, share), *rest = points
    path = [f"M{_x(day, last=last):.1f} {_y(share):.1f}"]
    path += [f"H{_x(day, last=last):.1f}V{_y(share):.1f}" for day, share in rest]
    return "".join(path)


def _band(points: Sequence[Row], *, last: float) -> str:
    """The interval: along the upper ends, then back along the lower ones."""
    there = _steps([(p.days, p.high) for p in points], last=last)
    back = [f"L{_x(points[-1].days, last=last):.1f} {_y(points[-1].low):.1f}"]
    back += [f"V{_y(before.low):.1f}H{_x(before.days, last=last):.1f}" for before in list(reversed(points))[1:]]
    return there + "".join(back) + "Z"


def _across(last: float) -> tuple[list[tuple[float, str]], bool]:
    """(day, label) pairs of the foot of the chart, and whether the labels count years (else months)."""
    months = last / DAYS_A_MONTH + 0.05  # two years of days are a whisker under 24 months
    if months > 48:
        step = max(1, round(months / 12 / 8))
        return [(year * 365.25, str(year)) for year in range(0, int(months / 12) + 1, step)], True
    step = next(step for step in (1, 2, 3, 6) if months / step <= 9)
    return [(month * DAYS_A_MONTH, str(month)) for month in range(0, int(months) + 1, step)], False
