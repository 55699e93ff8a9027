"""Shares drawn on the server: bars with their interval, told against seen, and a curve that rises.

Drawings take the width of the page. Places across are per cent of it and places down are in pixels, so that letters and
dots keep their size at any width without a script. Each drawing stands beside a table of the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rekindle.web.night_words import Text
from rekindle.web.survival_chart import Tick

HEIGHT: Final = 280
TOP, BOTTOM = 22, 250  # labels of shares stand over their lines, labels of the foot under the last one
WIDTH: Final = 720  # of the picture that is stretched; a curve only
_TOPS: Final = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.16, 0.2, 0.24, 0.3, 0.4, 0.5, 0.6, 0.8)
_LEAST: Final = 0.6  # per cent of the width: what is not nothing stays visible


@dataclass(frozen=True)
class Bar:
    """A share with its 80 % interval; `low` and `high` are None where no interval is known.

    width, left, right   of the bar and of its whisker, per cent as SVG wants them
    n                    how many it was learned from, or counts
    """

    label: Text
    share: float | None
    low: float | None
    high: float | None
    n: int | None
    width: str
    left: str
    right: str
    note: str = ""


@dataclass(frozen=True)
class Dot:
    """One group of people: the share told, the share seen with its interval, and where they are drawn."""

    told: float
    seen: float
    low: float | None
    high: float | None
    n: int
    x: str
    y: str
    low_y: str
    high_y: str

    @property
    def is_as_told(self) -> bool | None:
        """Whether what was told lies in the interval of what was seen; None without an interval."""
        return None if self.low is None or self.high is None else self.low <= self.told <= self.high


@dataclass(frozen=True)
class Dots:
    """Told against seen: both axes reach as far, so that what came as told lies on the line from corner to corner."""

    dots: Sequence[Dot]
    across: Sequence[Tick]
    up: Sequence[Tick]
    height: int = HEIGHT
    top: int = TOP
    bottom: int = BOTTOM
    tick_y: int = BOTTOM + 22
    notch: int = BOTTOM + 6

    @property
    def people(self) -> int:
        return sum(dot.n for dot in self.dots)

    @property
    def as_told(self) -> int:
        """In how many groups what was told lies in the interval of what was seen."""
        return sum(1 for dot in self.dots if dot.is_as_told)


@dataclass(frozen=True)
class Rise:
    """A curve that rises with its band, over months; `line` and `band` are paths in a picture WIDTH wide."""

    line: str
    band: str
    across: Sequence[Tick]
    up: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    bottom: int = BOTTOM
    tick_y: int = BOTTOM + 22
    notch: int = BOTTOM + 6


def bars(rows: Iterable[Mapping[str, Any]], *, share: str) -> list[Bar]:
    """Bars of rows with a `label`, the named share, and `low`, `high` and `n` where known, all on one scale.

    The scale ends at a round share over the largest upper end, so that small shares can be compared.
    """
    given = list(rows)
    whole = top_of(row[name] for row in given for name in (share, "high") if row.get(name) is not None)
    return [_bar(row, share=row.get(share), whole=whole) for row in given]


def _bar(row: Mapping[str, Any], *, share: float | None, whole: float) -> Bar:
    low, high = row.get("low"), row.get("high")
    return Bar(
        label=str(row["label"]),
        share=share,
        low=low,
        high=high,
        n=row.get("n"),
        width=_per_cent(max(_LEAST / 100, share / whole) if share else 0.0),
        left=_per_cent((low or 0.0) / whole),
        right=_per_cent((high or 0.0) / whole),
        note=str(row.get("note") or ""),
    )


def dots(groups: Iterable[Mapping[str, Any]]) -> Dots | None:
    """The drawing of `[{"told", "seen", "low", "high", "n" or "people"}]`, shares in [0, 1]; None without groups."""
    given = list(groups)
    if not given:
        return None
    whole = top_of(row[name] for row in given for name in ("told", "seen", "high") if row.get(name) is not None)
    return Dots(
        dots=[
            Dot(
                told=row["told"],
                seen=row["seen"],
                low=row.get("low"),
                high=row.get("high"),
                n=int(row["n"] if "n" in row else row["people"]),
                x=_per_cent(row["told"] / whole),
                y=_down(row["seen"], whole=whole),
                low_y=_down(row["seen"] if row.get("low") is None else row["low"], whole=whole),
                high_y=_down(row["seen"] if row.get("high") is None else row["high"], whole=whole),
            )
            for row in given
        ],
        across=[Tick(_per_cent(part), text, anchor) for part, text, anchor in _quarters(whole)],
        up=_up(whole),
    )


def rise(rows: Sequence[Mapping[str, Any]]) -> Rise | None:
    """The drawing of `[{"month", "by", "by_low", "by_high"}]`, months rising from 1; None under two known months."""
    known = [row for row in rows if row.get("by") is not None]
    if len(known) < 2:
        return None
    last = float(known[-1]["month"])
    whole = top_of(row["by_high"] for row in known)
    points = [(0.0, 0.0, 0.0, 0.0), *((float(r["month"]), r["by"], r["by_low"], r["by_high"]) for r in known)]

    def path(column: int, *, backwards: bool = False) -> list[str]:
        ordered = list(reversed(points)) if backwards else points
        return [f"{WIDTH * p[0] / last:.1f} {_down(p[column], whole=whole)}" for p in ordered]

    step = next(one for one in (1, 2, 3, 6, 12, 24) if last / one <= 9)
    return Rise(
        line="M" + "L".join(path(1)),
        band="M" + "L".join([*path(3), *path(2, backwards=True)]) + "Z",
        across=[
            Tick(_per_cent(month / last), str(month), _anchor(month / last)) for month in range(0, int(last) + 1, step)
        ],
        up=_up(whole),
    )


def top_of(shares: Iterable[float]) -> float:
    """Where an axis ends that holds these shares: a round share at or over the largest, at most 1."""
    largest = max(shares, default=1.0)
    return next((top for top in _TOPS if largest <= top), 1.0)


def _quarters(whole: float) -> list[tuple[float, str, str]]:
    return [(part, _share(part * whole), _anchor(part)) for part in (0.0, 0.25, 0.5, 0.75, 1.0)]


def _up(whole: float) -> list[Tick]:
    return [Tick(_down(part * whole, whole=whole), _share(part * whole)) for part in (0.0, 0.25, 0.5, 0.75, 1.0)]


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"


def _down(share: float, *, whole: float) -> str:
    return f"{BOTTOM - (BOTTOM - TOP) * min(share / whole, 1.0):.1f}"


def _per_cent(part: float) -> str:
    return f"{100 * min(part, 1.0):.2f}%"


def _anchor(part: float) -> str:
    """Labels at the two edges of the drawing stay inside it."""
    return "start" if part < 0.01 else "end" if part > 0.98 else "middle"
