"""The simulated stretch of time: days counted from its first day, seasons, closing days, the pull of each weekday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

# A day that never comes: later than any window, small enough for int32 arithmetic.
NEVER = 1_000_000

# How full a gym is by month (January 1.0) and how many join in it, both relative; our choice after the usual shape:
# a January peak, a dip in summer, a second start in September.
VISITS_BY_MONTH = (1.10, 1.08, 1.05, 1.02, 1.00, 0.94, 0.86, 0.84, 1.02, 1.05, 1.02, 0.86)
JOINERS_BY_MONTH = (1.90, 1.25, 1.05, 0.95, 0.90, 0.75, 0.70, 0.80, 1.35, 1.10, 0.90, 0.55)
CLOSED = ((1, 1), (12, 25), (12, 26))


@dataclass(frozen=True)
class Window:
    """`days` days from `first` on; day numbers inside the simulation count from 0, days before it are negative."""

    first: date
    days: int

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.days - 1)

    def months(self) -> NDArray[np.int64]:
        """(days,) the calendar month of each day, 1..12."""
        return np.asarray(self.calendar().astype("datetime64[M]").astype(np.int64) % 12 + 1, dtype=np.int64)

    def calendar(self) -> NDArray[np.datetime64]:
        """(days,) the dates as datetime64[D]."""
        return np.datetime64(self.first, "D") + np.arange(self.days)

    def weekdays(self, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """The weekday of day numbers, Monday 0 ... Sunday 6."""
        return np.asarray((days + self.first.weekday()) % 7, dtype=np.int64)

    def month_starts(self) -> NDArray[np.int64]:
        """Day numbers of the first of every calendar month that touches the window; the first may be negative."""
        first = np.datetime64(self.first, "M")
        last = np.datetime64(self.last, "M")
        starts = np.arange(first, last + 2).astype("datetime64[D]")
        return np.asarray((starts - np.datetime64(self.first, "D")).astype(np.int64), dtype=np.int64)

    def crowd(self) -> NDArray[np.float64]:
        """(days,) how strongly the season pulls people in: 1 is ordinary, 0 is closed."""
        pull = np.asarray(VISITS_BY_MONTH)[self.months() - 1]
        calendar = self.calendar()
        day_of_month = (calendar - calendar.astype("datetime64[M]")).astype(np.int64) + 1
        for month, day in CLOSED:
            pull[(self.months() == month) & (day_of_month == day)] = 0.0
        return np.asarray(pull, dtype=np.float64)


def window_of(*, until: date, months: int) -> Window:
    """The window of `months` calendar months whose last day is `until`."""
    total = until.year * 12 + until.month - 1 - months
    year, month = divmod(total, 12)
    next_month = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    days_in_month = (next_month - date(year, month + 1, 1)).days
    same_day = date(year, month + 1, min(until.day, days_in_month))
    first = same_day + timedelta(days=1)
    return Window(first, (until - first).days + 1)
