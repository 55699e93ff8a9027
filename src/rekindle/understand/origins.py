"""Earlier days to ask from: what was known at each, kept apart from what came after it.

Everything is worked out from the different days with a purchase. A window's histories are made from the days up to
its own alone, so nothing later can reach a model; what came in the horizon is counted beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput
from rekindle.understand.compression import Floats, Ints, checked

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Window:
    """Everybody known at the end of a day, and what they did in the horizon after it.

    x, t_x, T      (n,) histories up to that day, days
    seen           (n,) days with a purchase in the horizon after it, whole number >= 0
    sum_log_gaps   (n,) sum of the natural logs of the x pauses up to that day; None where it is not known
    """

    x: Floats
    t_x: Floats
    T: Floats
    seen: Floats
    sum_log_gaps: Floats | None = None

    def columns(self) -> tuple[Floats, Floats, Floats]:
        """The histories. Raises BadInput naming the first impossible row."""
        return checked(self.x, self.t_x, self.T)


@dataclass(frozen=True)
class Origin:
    """One cutoff: the window after it, and the one that ends at it (None: the history does not reach so far)."""

    cutoff: date
    after: Window
    before: Window | None


class PurchaseDays:
    """Every different day with a purchase, of any number of people.

    party   (m,) whose
    day     (m,) days since 1970-01-01
    Raises BadInput unless both are whole numbers, sorted by party and day, each pair once.
    """

    def __init__(self, party: ArrayLike, day: ArrayLike) -> None:
        self.party, self.day = party, day = _whole(party, day)
        step = (party[1:] > party[:-1]) | ((party[1:] == party[:-1]) & (day[1:] > day[:-1]))
        if not step.all():
            row = int(np.argmin(step)) + 1
            raise BadInput(
                f"party {party[row]} on day {day[row]} comes after party {party[row - 1]} on day {day[row - 1]}",
                where=f"row {row}",
                remedy="Sort by party and day and keep each pair once.",
            )

    def window(self, at: date, *, horizon_days: int) -> Window:
        """Who was known at the end of `at`, what of them was, and what they did in the horizon after it."""
        end = (at - EPOCH).days
        then = self.day <= end
        party, day = self.party[then], self.day[then]
        is_first = np.concatenate(([True], party[1:] != party[:-1])) if party.size else np.zeros(0, dtype=bool)
        first = np.flatnonzero(is_first)
        last = np.append(first[1:], party.size) - 1 if first.size else first
        gap = np.where(is_first, 1, np.diff(day, prepend=day[:1]))  # a first day adds log 1
        after = self.party[(self.day > end) & (self.day <= end + horizon_days)]
        people = party[first]
        at_place = np.searchsorted(people, after)
        known = at_place < people.size
        known[known] = people[at_place[known]] == after[known]
        return Window(
            x=(last - first).astype(np.float64),
            t_x=(day[last] - day[first]).astype(np.float64),
            T=(end - day[first]).astype(np.float64),
            seen=np.bincount(at_place[known], minlength=people.size).astype(np.float64),
            sum_log_gaps=np.add.reduceat(np.log(gap), first) if first.size else np.zeros(0),
        )

    def origin(self, cutoff: date, *, horizon_days: int) -> Origin:
        """The window after the cutoff, and the one before it where anybody was known at its beginning."""
        earlier = cutoff - timedelta(days=horizon_days)
        before = self.window(earlier, horizon_days=horizon_days)
        return Origin(cutoff, self.window(cutoff, horizon_days=horizon_days), before if before.x.size else None)


def _whole(party: ArrayLike, day: ArrayLike) -> tuple[Ints, Ints]:
    """Both columns, (m,), as whole numbers."""
    columns = np.asarray(party), np.asarray(day)
    if columns[0].shape != columns[1].shape or columns[0].ndim != 1:
        told = f"party is {columns[0].shape}, day is {columns[1].shape}"
        raise BadInput(told, remedy="Give one row a day with a purchase.")
    if columns[0].size and not all(np.issubdtype(column.dtype, np.integer) for column in columns):
        raise BadInput(
            f"party is {columns[0].dtype}, day is {columns[1].dtype}, wanted whole numbers",
            remedy="Give days since 1970-01-01.",
        )
    return columns[0].astype(np.int64, copy=False), columns[1].astype(np.int64, copy=False)
