"""Lives cut into periods: one row for each period somebody was still with us at its start, and what came of it.

    period p of a life    the days began + p L .. began + (p + 1) L - 1, L = period_days
    what a row may see    days before its first day, and nothing else
    what came of it       0 still with us at its end, or 1 + the place of the cause by which the life ended in it

Leakage is barred by construction: every column of a row is looked up with the row's own first day as the limit, and
an end, a cause or a fact dated after `as_of` is not read at all. A period that is not over on `as_of` gives no row,
whatever happened in it: to keep only its ends would make ends look frequent. A life that ended for a reason that is
not modelled (we ended it) leaves without an end; the period in which it left gives no row.
Days are whole days since 1970-01-01.
Source: Allison (1982), "Discrete-Time Methods for the Analysis of Event Histories", Sociological Methodology 13;
Singer & Willett (1993), "It's About Time", Journal of Educational Statistics 18(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import BreakupKind
from rekindle.understand.compression import Floats, Ints

CAUSES: Final = ("voluntary", "payment", "quiet", "circumstance")
_SPAN: Final = 2**24  # days a life's keys may span: 45,000 years, so that no two lives ever meet
_FURTHEST: Final = 2**22  # days from 1970 that a date may lie at
WINDOWS: Final = (30, 90)  # days: a month against a quarter shows a change of habit

CAUSE_OF: Final[dict[BreakupKind, str | None]] = {
    BreakupKind.DISSATISFIED: "voluntary",
    BreakupKind.PULLED: "voluntary",
    BreakupKind.BOUGHT: "voluntary",
    BreakupKind.AFFORDABILITY: "voluntary",
    BreakupKind.NEED_CHANGED: "voluntary",
    BreakupKind.COMPLETED: "voluntary",
    BreakupKind.SEASONAL: "voluntary",
    BreakupKind.TECHNICAL: "payment",
    BreakupKind.UNPAID: "payment",
    BreakupKind.QUIET_FADE: "quiet",
    BreakupKind.MOVED: "circumstance",
    BreakupKind.LIFE_EVENT: "circumstance",
    BreakupKind.ORGANISATION: "circumstance",
    BreakupKind.DECEASED: "circumstance",
    BreakupKind.TOXIC: None,
    BreakupKind.UNPROFITABLE: None,
    BreakupKind.STRATEGY: None,
    BreakupKind.LEGAL: None,
}
"""The cause each kind of end counts under; None where we ended it, which no model of theirs foresees."""


@dataclass(frozen=True)
class Lives:
    """One row a life.

    began   (n,) first day
    ended   (n,) day of the end; NaN while it goes on
    cause   (n,) text, one of the causes, or "" for an end that is not modelled; not read while it goes on
    """

    began: ArrayLike
    ended: ArrayLike
    cause: ArrayLike


@dataclass(frozen=True)
class Dated:
    """What happened to lives, in any order.

    life    (m,) rows of `Lives`, from 0
    day     (m,) whole days
    value   (m,) where there is one
    """

    life: ArrayLike
    day: ArrayLike
    value: ArrayLike | None = None


@dataclass(frozen=True)
class Past:
    """All that may be looked up about lives.

    counted   happenings by name: gives `name_30`, `name_90` (how many in so many days before the row) and
              `name_days_since` (NaN when never yet)
    known     facts by name that change: gives `name`, the latest value before the row (NaN when none yet);
              of two values on one day the later in the table counts
    fixed     facts by name known when the life began, (n,) numbers or text
    """

    counted: Mapping[str, Dated] = field(default_factory=dict)
    known: Mapping[str, Dated] = field(default_factory=dict)
    fixed: Mapping[str, ArrayLike] = field(default_factory=dict)
    windows: Sequence[int] = WINDOWS


@dataclass(frozen=True)
class Standing:
    """life (N,) rows of `Lives`; first_day (N,) of each row's period; columns by name, (N,), `age_days` the first."""

    life: Ints
    first_day: Ints
    columns: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class PersonPeriods(Standing):
    """Rows to learn from: outcome (N,) 0 for still with us, 1 + place in `causes` for an end."""

    outcome: Ints
    causes: tuple[str, ...]
    period_days: int


def person_periods(
    lives: Lives,
    past: Past,
    *,
    as_of: int,
    period_days: int = 30,
    causes: Sequence[str] = CAUSES,
    since: int | None = None,
) -> PersonPeriods:
    """Every whole period up to `as_of` of every life, ordered by life and period.

    since   only periods that begin on or after this day; None for all
    Raises BadInput naming the first impossible row.
    """
    if period_days < 1:
        raise BadInput(f"period_days is {period_days}", remedy="Give a whole number of days >= 1.")
    began, ended = _days_of(lives, as_of)
    cause = _cause_codes(lives, ended, tuple(causes))
    whole = np.maximum((as_of + 1 - began) // period_days, 0)
    over = ended <= as_of
    last = np.where(over, (np.where(over, ended, began) - began) // period_days, whole)
    unmodelled = over & (cause == 0)
    rows: Ints = np.minimum(whole, np.where(over, last + np.where(unmodelled, 0, 1), whole))
    skipped = np.zeros_like(rows) if since is None else np.clip(-((began - since) // period_days), 0, rows)
    counts: Ints = (rows - skipped).astype(np.int64)
    life = np.repeat(np.arange(began.size), counts)
    ends = np.cumsum(counts)
    period = np.arange(life.size) - (ends - counts - skipped)[life]
    first_day = began[life] + period * period_days
    outcome = np.where((period == last[life]) & over[life], cause[life], 0)
    columns = _columns(past, began, life, first_day)
    return PersonPeriods(life, first_day, columns, outcome, tuple(causes), period_days)


def today(lives: Lives, past: Past, *, as_of: int) -> Standing:
    """One row for every life that goes on at the end of `as_of`: what is known of it for the period from tomorrow.

    Raises BadInput naming the first impossible row.
    """
    began, ended = _days_of(lives, as_of)
    life = np.flatnonzero((began <= as_of) & (ended > as_of))
    first_day = np.full(life.size, as_of + 1, dtype=np.int64)
    return Standing(life, first_day, _columns(past, began, life, first_day))


def _days_of(lives: Lives, as_of: int) -> tuple[Ints, Ints]:
    """First and last days; an end that is not known on `as_of` becomes a day after all days."""
    began, ended = np.asarray(lives.began, dtype=np.float64), np.asarray(lives.ended, dtype=np.float64)
    if began.ndim != 1 or began.shape != ended.shape:
        raise BadInput(f"began is {began.shape}, ended is {ended.shape}", remedy="Give two columns of one length.")
    _refuse(~(np.abs(began) < _FURTHEST) | (began != np.floor(began)), began, "began", "a whole day")
    _refuse(np.isinf(ended) | (ended != np.floor(ended)) & ~np.isnan(ended), ended, "ended", "a whole day, or NaN")
    # An end that came after as_of is not read, not even to refuse it.
    late = np.isnan(ended) | (ended > as_of)
    _refuse(~late & (ended < began), ended, "ended", "a day on or after began")
    return began.astype(np.int64), np.where(late, np.iinfo(np.int64).max, np.where(late, 0, ended).astype(np.int64))


def _refuse(bad: NDArray[np.bool_], values: NDArray[Any], name: str, wanted: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(f"{name} is {values[row]}, wanted {wanted}", where=f"row {row}", remedy="Check its dates.")


def _cause_codes(lives: Lives, ended: Ints, causes: tuple[str, ...]) -> Ints:
    told = np.asarray(lives.cause, dtype=object)
    if told.shape != ended.shape:
        raise BadInput(f"cause is {told.shape}, ended is {ended.shape}", remedy="Give one cause a life.")
    code = np.full(ended.size, -1, dtype=np.int64)
    for place, cause in enumerate(("", *causes)):
        code[told == cause] = place
    known = ended < np.iinfo(np.int64).max
    bad = np.flatnonzero(known & (code < 0))
    if bad.size:
        raise BadInput(
            f"{told[bad[0]]!r} is not a cause", where=f"row {bad[0]}", remedy=f"Use one of {', '.join(causes)} or ''."
        )
    return np.where(known, code, 0)


@dataclass(frozen=True)
class _Index:
    """Happenings sorted by life and day; key = life * _SPAN + day + _SPAN / 2."""

    key: Ints
    day: Ints
    value: Floats | None

    def before(self, life: Ints, day: Ints) -> Ints:
        """(N,) how many happenings come before the day: all of earlier lives, and this life's own."""
        return np.searchsorted(self.key, _key(life, day), side="left")


def _key(life: Ints, day: Ints) -> Ints:
    return life * _SPAN + day + _SPAN // 2


def _index(dated: Dated, name: str, n: int) -> _Index:
    life, day = np.asarray(dated.life, dtype=np.int64), np.asarray(dated.day, dtype=np.float64)
    if life.ndim != 1 or life.shape != day.shape:
        raise BadInput(f"life is {life.shape}, day is {day.shape}", where=name, remedy="Give columns of one length.")
    bad = np.flatnonzero(~(np.abs(day) < _FURTHEST) | (day != np.floor(day)) | (life < 0) | (life >= n))
    if bad.size:
        raise BadInput(
            f"life {life[bad[0]]}, day {day[bad[0]]}, wanted a life from 0 to {n - 1} and a whole day",
            where=f"{name}: row {bad[0]}",
        )
    value = None if dated.value is None else np.asarray(dated.value, dtype=np.float64)
    if value is not None and (value.shape != day.shape or np.isinf(value).any()):
        raise BadInput("values must be finite or NaN, one a row", where=name)
    key = _key(life, day.astype(np.int64))
    order = np.argsort(key, kind="stable")
    return _Index(key[order], day[order].astype(np.int64), None if value is None else value[order])


def _columns(past: Past, began: Ints, life: Ints, first_day: Ints) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {"age_days": (first_day - began[life]).astype(np.float64)}
    for name, facts in past.fixed.items():
        values = np.asarray(facts)
        if values.shape != began.shape:
            raise BadInput(f"{name} is {values.shape}, wanted {began.shape}", remedy="Give one value a life.")
        columns[name] = values[life]
    if any(window < 1 for window in past.windows):
        raise BadInput(f"windows are {list(past.windows)}", remedy="Give whole days >= 1.")
    for name, dated in past.known.items():
        index = _index(dated, name, began.size)
        if index.value is None:
            raise BadInput("a fact that is known has no value", where=name, remedy="Count it, or give its values.")
        columns[name] = _latest(index, index.value, life, first_day)
    for name, dated in past.counted.items():
        index = _index(dated, name, began.size)
        until = index.before(life, first_day)
        for window in past.windows:
            columns[f"{name}_{window}"] = (until - index.before(life, first_day - window)).astype(np.float64)
        columns[f"{name}_days_since"] = first_day - _latest(index, index.day.astype(np.float64), life, first_day)
    return columns


def _latest(index: _Index, values: Floats, life: Ints, first_day: Ints) -> Floats:
    """(N,) the value of the last happening before each row's first day; NaN where there is none."""
    place = index.before(life, first_day) - 1
    if not values.size:
        return np.full(life.size, np.nan)
    kept = np.maximum(place, 0)
    own = (place >= 0) & (index.key[kept] // _SPAN == life)
    return np.where(own, values[kept], np.nan)
