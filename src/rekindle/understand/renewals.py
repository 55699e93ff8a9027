"""Contracts as counts: how many people met each renewal, and how many of them left at it.

A contract runs in periods of one length, and at the end of each it is renewed or not. Everything the contract
models say depends on a life through these counts alone, so ten million lives become as many rows as the longest
of them has periods.

Letters
  t        a renewal: 1 is the first one anybody meets
  tenure   periods a life has lasted. Going on: renewals behind them, 0 in the first period. Over: the number of
           the renewal at which they left, so 1 or more
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.compression import FEWEST_PEOPLE, Floats, Ints, as_numbers, checked_weights

LONGEST = 100_000  # periods: 270 years of days; what is longer is not counted in renewals


@dataclass(frozen=True)
class Renewals:
    """What happened at renewal t = 1, 2, ..

    met    (m,) people who came to it
    left   (m,) people who left at it, <= met
    n      people who met at least one
    """

    met: Floats
    left: Floats
    n: float

    @property
    def renewed(self) -> Floats:
        """(m,) people who renewed."""
        return self.met - self.left


def from_survivors(survivors: ArrayLike) -> Renewals:
    """Counts from a cohort: how many were still there after 0, 1, 2, .. renewals.

    survivors   (m + 1,) whole numbers >= 0, never rising, the first > 0
    Raises BadInput naming the first place that cannot be.
    """
    still = as_numbers(survivors, "survivors")
    if still.ndim != 1 or still.size < 2:
        raise BadInput(
            f"survivors have shape {still.shape}, wanted at least two counts in a row",
            remedy="Give how many were there at the start and after each renewal.",
        )
    if still.size > LONGEST + 1:
        raise BadInput(f"{still.size - 1} renewals, at most {LONGEST} are taken", remedy="Use longer periods.")
    whole = np.isfinite(still) & (still >= 0)
    whole[whole] = still[whole] == np.floor(still[whole])
    if not whole.all():
        place = int(np.argmin(whole))
        raise BadInput(
            f"{still[place]} people is not a whole number >= 0", where=f"period {place}", remedy="Count people."
        )
    rising = np.flatnonzero(np.diff(still) > 0)
    if rising.size:
        place = int(rising[0]) + 1
        raise BadInput(
            f"{still[place]:g} people after {still[place - 1]:g} the period before",
            where=f"period {place}",
            remedy="Follow one cohort; count who returns as a new life.",
        )
    return Renewals(met=still[:-1], left=-np.diff(still), n=float(still[0]))


def from_lives(
    tenure: ArrayLike, is_over: ArrayLike, *, entered: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Renewals:
    """Counts from single lives, begun whenever, some of them still going on.

    tenure    (n,) periods lasted, whole number >= 0; >= 1 where the life is over
    is_over   (n,) bool, whether the end was seen
    entered   (n,) renewals already behind them when records begin, 0 <= entered <= tenure; 0 when left out.
              Whoever left before that is not in the data, so they count from there on only
    weights   (n,) people behind each row; one each when left out
    Raises BadInput naming the first impossible row.
    """
    over = _flags(is_over)
    lasted = checked_periods(tenure, "tenure")
    if lasted.shape != over.shape:
        raise BadInput(f"tenure is {lasted.shape}, is_over is {over.shape}", remedy="Give two columns of one length.")
    weight = checked_weights(weights, lasted.size)
    begun = np.zeros_like(lasted) if entered is None else checked_periods(entered, "entered")
    if begun.shape != lasted.shape:
        raise BadInput(f"entered is {begun.shape}, tenure is {lasted.shape}", remedy="Give columns of one length.")
    early = begun + over > lasted
    if early.any():
        row = int(np.argmax(early))
        raise BadInput(
            f"the life is over after {lasted[row]} periods, {begun[row]} of them before records begin"
            if over[row]
            else f"records begin {begun[row]} periods into a life of {lasted[row]}",
            where=f"row {row}",
            remedy="Count the period in which it ended; leave out who left before records begin.",
        )
    if lasted.size == 0:
        return Renewals(np.zeros(0), np.zeros(0), 0.0)
    size = int(lasted.max()) + 1
    over_weight = None if weight is None else weight[over]
    left = np.bincount(lasted[over], weights=over_weight, minlength=size)[1:].astype(np.float64)
    stop = np.bincount(lasted, weights=weight, minlength=size).astype(np.float64)
    start = np.bincount(begun, weights=weight, minlength=size).astype(np.float64)
    met = np.cumsum(stop[::-1])[::-1][1:] - np.cumsum(start[::-1])[::-1][1:]
    people = float((lasted > begun).sum()) if weight is None else float(weight[lasted > begun].sum())
    # Weights that are no whole numbers leave rounding behind where nobody is.
    met = np.where(met > 1e-12 * people, np.maximum(met, left), left)
    return Renewals(met=met, left=left, n=people)


def enough(renewals: Renewals, *, kinds: int) -> None:
    """Refuses what no contract model with so many parameters can be fitted to.

    Raises NotEnoughData: under 30 people, nobody who left, or fewer renewals met than parameters.
    """
    if renewals.n < FEWEST_PEOPLE:
        raise NotEnoughData(
            f"{renewals.n:g} people who met a renewal are too few to fit a contract model, wanted {FEWEST_PEOPLE}",
            remedy="Wait for more renewals or import older contracts.",
        )
    if not renewals.left.any():
        raise NotEnoughData(
            "nobody has left yet, so no chance of leaving can be learned", remedy="Wait for contracts that end."
        )
    seen = int((renewals.met > 0).sum())
    if seen < kinds:
        raise NotEnoughData(
            f"only {seen} renewal{'s are' if seen > 1 else ' is'} seen, and {kinds} are needed to tell "
            f"{kinds} parameters apart",
            remedy="Wait for another renewal or use a model with fewer parameters.",
        )


def checked_periods(given: ArrayLike, name: str, *, at_least: int = 0) -> Ints:
    """(n,) whole numbers of periods. Raises BadInput naming the first that is none."""
    column = np.atleast_1d(np.asarray(given))
    if column.ndim != 1 or column.dtype.kind not in "iuf":
        raise BadInput(f"{name} is {column.dtype} of shape {column.shape}", remedy="Give one number a person.")
    if column.dtype.kind == "f":
        bad = ~((column >= at_least) & (column <= LONGEST))
        bad |= column != np.floor(column)
    else:
        bad = (column < at_least) | (column > LONGEST)
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(
            f"{name} is {column[row]}, wanted a whole number from {at_least} to {LONGEST}",
            where=f"row {row}",
            remedy="Count renewals.",
        )
    return column.astype(np.int64)


def _flags(given: ArrayLike) -> NDArray[np.bool_]:
    flags = np.atleast_1d(np.asarray(given))
    if flags.dtype != np.bool_:
        numbers = flags.astype(np.float64) if flags.dtype.kind in "iuf" else np.full(flags.shape, np.nan)
        bad = (numbers != 0) & (numbers != 1)
        if bad.any():
            row = int(np.argmax(bad))
            raise BadInput(
                f"is_over is {flags.ravel()[row]!r}, wanted true or false", where=f"row {row}", remedy="Say 0 or 1."
            )
        flags = numbers == 1
    return np.asarray(flags, dtype=np.bool_)
