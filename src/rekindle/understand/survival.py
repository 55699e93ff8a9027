"""How long lives last: the estimate of Kaplan & Meier (1958) with Greenwood's variance.

Shown on pages as "of 100 who began, so many were still here after a year". The band is on the log(-log) scale, so it
never leaves [0, 1] (Kalbfleisch & Prentice 1980, section 1.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rekindle.errors import BadInput

Floats = npt.NDArray[np.float64]
Z_80 = 1.2815515655446004  # two-sided 80 %, the width used for people everywhere in the product
POINTS = 60  # of the curve that is kept: finer than any screen shows


@dataclass(frozen=True)
class Curve:
    """days (k,) rising from 0; share, low, high (k,) in [0, 1]: lives that lasted at least so many days."""

    days: npt.NDArray[np.int64]
    share: Floats
    low: Floats
    high: Floats


def kaplan_meier(lasted: npt.ArrayLike, *, ended: npt.ArrayLike, points: int = POINTS) -> Curve:
    """Share of lives still going on after each number of days.

    lasted  (n,) days from the beginning to the end, or to today where the life goes on, >= 0
    ended   (n,) bool, whether the end was seen
    Gives at most `points` days, the first 0. Raises BadInput for no rows or a negative duration, naming the row.
    """
    duration = np.asarray(lasted, dtype=np.int64)
    died = np.asarray(ended, dtype=bool)
    if duration.size == 0 or duration.shape != died.shape:
        raise BadInput(f"{duration.size} durations and {died.size} endings", where="survival of lives")
    if (duration < 0).any():
        row = int(np.argmax(duration < 0))
        raise BadInput(f"row {row} lasted {duration[row]} days", where="survival of lives", remedy="Check its dates.")
    times, place = np.unique(duration, return_inverse=True)
    deaths = np.bincount(place, weights=died, minlength=times.size)
    leaving = np.bincount(place, minlength=times.size)
    at_risk = duration.size - np.concatenate(([0], np.cumsum(leaving)[:-1]))
    share = np.cumprod(1 - deaths / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(deaths / (at_risk * np.maximum(at_risk - deaths, 0)))
        logs = np.log(share)
        spread = Z_80 * np.sqrt(greenwood) / np.abs(logs)
        low, high = share ** np.exp(spread), share ** np.exp(-spread)
    flat = (share >= 1) | (share <= 0) | ~np.isfinite(spread)
    low, high = np.where(flat, share, low), np.where(flat, share, high)
    grid = np.unique(np.linspace(0, int(times[-1]), min(points, int(times[-1]) + 1)).astype(np.int64))
    at = np.searchsorted(times, grid, side="right") - 1
    before = at < 0
    at = np.maximum(at, 0)
    return Curve(grid, *(np.where(before, 1.0, values[at]) for values in (share, low, high)))
