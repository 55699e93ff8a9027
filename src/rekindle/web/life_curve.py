"""The chance to be still here month by month, drawn small on the server, and the same as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 120
TOP, BOTTOM = 14, 20
DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Point:
    """Chance in [0, 1] to be still here after so many days."""

    days: int
    share: float


@dataclass(frozen=True)
class LifeCurve:
    """What the drawing and its table need; co-ordinates in the picture's own units, as SVG writes numbers."""

    line: str
    base: str
    points: Sequence[Point]
    last: Point
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def foot(self) -> int:
        return HEIGHT - 4


def life_curve(shares: Sequence[float], *, period_days: int) -> LifeCurve | None:
    """The drawing of chances after 1, 2, .. periods; None when there are none."""
    if not shares:
        return None
    points = [Point(k * period_days, share) for k, share in enumerate(shares, start=1)]
    last = points[-1].days
    drawn = [f"{WIDTH * p.days / last:.1f} {_y(p.share):.1f}" for p in points]
    return LifeCurve(
        line=f"M0 {_y(1.0):.1f}L" + "L".join(drawn),
        base=f"{_y(0.0):.1f}",
        points=points,
        last=points[-1],
    )


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)
