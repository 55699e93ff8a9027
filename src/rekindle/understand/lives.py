"""One person, several lives: where a silence was so long that they were as good as gone, and came back.

Nobody says goodbye in a shop without contracts. Somebody is presumed gone on a night when both hold, looking only
at the purchases of the life they are in:
  1. P(alive) < 0.1;
  2. the silence, in days, is over the 95 % quantile of their rhythm (their own gaps where there are at least
     five, else that of everybody) and at least `min_days`.
Both only become truer as a silence lasts, so the last night before each next purchase decides: was it presumed
then, the life ended and the purchase began a new one. The day it ended lies between the last purchase and the
first night on which both held.
Days are whole days since 1970-01-01 (Arrow's date32); a night sees all of its day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput
from rekindle.understand.compression import Floats, Ints

Alive = Callable[[Floats, Floats, Floats], Floats]

GONE_UNDER = 0.1  # domain rule: presumed gone when one in ten such people is still there
OWN_GAPS = 5  # fewer say nothing about a 95 % quantile; then everybody's is used
_QUANTILE = 0.95

SCHEMA = pa.schema(
    [
        ("party_id", pa.int64()),
        ("number", pa.int32()),
        ("began", pa.date32()),
        ("last_seen", pa.date32()),
        ("purchases", pa.int32()),
        ("ended", pa.bool_()),
        ("p_ended", pa.float64()),
        ("presumed_from", pa.date32()),
        ("band_low", pa.date32()),
        ("band_high", pa.date32()),
        ("healed_on", pa.date32()),
    ]
)


@dataclass(frozen=True)
class _Days:
    """Purchase days in order, and where each person's begin and end (end excluded)."""

    day: Ints
    first: Ints
    end: Ints


@dataclass(frozen=True)
class _Rule:
    """What makes somebody presumed gone."""

    alive: Alive
    crowd_gap_q95: float
    min_days: int
    as_of: int


def split_lives(
    party_id: ArrayLike,
    day: ArrayLike,
    *,
    alive: Alive,
    crowd_gap_q95: float,
    as_of: int,
    min_days: int = 30,
) -> pa.Table:
    """Every life of every person.

    party_id        (n,) person of each purchase day, sorted
    day             (n,) whole days, rising strictly within a person, none after as_of
    alive           (x, t_x, T) -> P(alive), times in days; falling in T
    crowd_gap_q95   95 % quantile of everybody's gaps, days, for people with under five gaps in a life
    as_of           the day whose night this is
    min_days        a shorter silence is never an end
    Gives a table with SCHEMA sorted by party_id and number. p_ended is 1 - P(alive) on the last night before the
    return, or at as_of for the last life; presumed_from and the band are null while nothing is presumed;
    healed_on is the day of the return, null for the last life.
    Raises BadInput naming the first bad row.
    """
    party, days = _checked(party_id, day, as_of)
    if not np.isfinite(crowd_gap_q95) or crowd_gap_q95 < 0 or min_days < 1:
        raise BadInput(
            f"crowd_gap_q95 is {crowd_gap_q95}, min_days is {min_days}",
            remedy="Give a number of days >= 0 and a whole number >= 1.",
        )
    rule = _Rule(alive, float(crowd_gap_q95), int(min_days), int(as_of))
    if party.size == 0:
        return SCHEMA.empty_table()
    first = np.flatnonzero(np.concatenate(([True], party[1:] != party[:-1])))
    all_days = _Days(days, first, np.append(first[1:], party.size))
    starts, lasts, closed = _breaks(all_days, rule)
    return _table(party, all_days, starts, lasts, closed, rule)


def _breaks(days: _Days, rule: _Rule) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Rows of the first and last purchase of every life, in order, and whether a return closed it.

    Each pass finds every person's first break after where their present life began, and starts them anew there.
    """
    starts, lasts, closed = [], [], []
    begin, end = days.first, days.end
    while begin.size:
        found = _first_breaks(days, begin, end, rule)
        broken = found < end
        starts.append(begin)
        lasts.append(np.where(broken, found, end) - 1)
        closed.append(broken)
        begin, end = found[broken], end[broken]
    order = np.argsort(np.concatenate(starts), kind="stable")
    return np.concatenate(starts)[order], np.concatenate(lasts)[order], np.concatenate(closed)[order]


def _first_breaks(days: _Days, begin: Ints, end: Ints, rule: _Rule) -> Ints:
    """Row of the first purchase that began another life, for each stretch begin..end; `end` where none did."""
    length = end - begin - 1
    which = np.repeat(np.arange(begin.size), length)
    offset = np.arange(which.size) - np.repeat(np.cumsum(length) - length, length)
    last = begin[which] + offset  # row of the purchase before each gap
    night = days.day[last + 1] - 1
    long_enough = np.flatnonzero(night - days.day[last] >= rule.min_days)
    which, last, night = which[long_enough], last[long_enough], night[long_enough]
    gone = _is_presumed(days, begin[which], last, night, rule)
    result = end.copy()
    # Backwards, so that the first break of a stretch is written last.
    result[which[gone][::-1]] = last[gone][::-1] + 1
    return result


def _is_presumed(days: _Days, start: Ints, last: Ints, night: Ints, rule: _Rule) -> NDArray[np.bool_]:
    silence = night - days.day[last]
    presumed = (silence >= rule.min_days) & (_p_alive(days, start, last, night, rule) < GONE_UNDER)
    rows = np.flatnonzero(presumed)
    presumed[rows] = silence[rows] > _rhythm_q95(days, start[rows], last[rows], rule)
    return presumed


def _p_alive(days: _Days, start: Ints, last: Ints, night: Ints, rule: _Rule) -> Floats:
    x = (last - start).astype(np.float64)
    t_x = (days.day[last] - days.day[start]).astype(np.float64)
    T = (night - days.day[start]).astype(np.float64)
    return np.asarray(rule.alive(x, t_x, T), dtype=np.float64)


def _rhythm_q95(days: _Days, start: Ints, last: Ints, rule: _Rule) -> Floats:
    """95 % quantile of the gaps between rows start..last, between neighbours linearly, or the crowd's."""
    gaps = last - start
    result = np.full(start.size, rule.crowd_gap_q95)
    own = np.flatnonzero(gaps >= OWN_GAPS)
    if own.size == 0:
        return result
    count = gaps[own]
    which = np.repeat(np.arange(own.size), count)
    ends = np.cumsum(count)
    row = np.arange(which.size) - np.repeat(ends - count, count) + start[own][which]
    gap = days.day[row + 1] - days.day[row]
    gap = gap[np.lexsort((gap, which))].astype(np.float64)
    place = (count - 1) * _QUANTILE
    below = np.floor(place).astype(np.int64)
    low, high = gap[ends - count + below], gap[ends - count + np.minimum(below + 1, count - 1)]
    result[own] = low + (place - below) * (high - low)
    return result


def _presumed_from(days: _Days, start: Ints, last: Ints, night: Ints, rule: _Rule) -> Ints:
    """First night on which both conditions held, for lives where they hold on `night`."""
    rhythm = np.floor(_rhythm_q95(days, start, last, rule)).astype(np.int64) + 1
    low = days.day[last] + np.maximum(rhythm, rule.min_days) - 1  # one night before the silence is long enough
    high = night.copy()
    while (high - low > 1).any():
        middle = (low + high) // 2
        gone = _p_alive(days, start, last, np.maximum(middle, days.day[last]), rule) < GONE_UNDER
        open_still = high - low > 1
        low = np.where(open_still & ~gone, middle, low)
        high = np.where(open_still & gone, middle, high)
    return high


def _table(party: Ints, days: _Days, starts: Ints, lasts: Ints, closed: NDArray[np.bool_], rule: _Rule) -> pa.Table:
    back = np.where(closed, days.day[np.minimum(lasts + 1, days.day.size - 1)], 0)
    night = np.where(closed, back - 1, rule.as_of)
    ended = closed.copy()
    open_lives = np.flatnonzero(~closed)
    ended[open_lives] = _is_presumed(days, starts[open_lives], lasts[open_lives], night[open_lives], rule)
    since = np.zeros_like(starts)
    gone = np.flatnonzero(ended)
    since[gone] = _presumed_from(days, starts[gone], lasts[gone], night[gone], rule)
    owner = party[starts]
    newcomer = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    number = np.arange(owner.size) - np.repeat(newcomer, np.diff(np.append(newcomer, owner.size))) + 1
    last_seen = days.day[lasts]
    columns = {
        "party_id": pa.array(owner),
        "number": pa.array(number.astype(np.int32)),
        "began": _dates(days.day[starts]),
        "last_seen": _dates(last_seen),
        "purchases": pa.array((lasts - starts + 1).astype(np.int32)),
        "ended": pa.array(ended),
        "p_ended": pa.array(1 - _p_alive(days, starts, lasts, night, rule)),
        "presumed_from": _dates(since, known=ended),
        "band_low": _dates(last_seen, known=ended),
        "band_high": _dates(since, known=ended),
        "healed_on": _dates(back, known=closed),
    }
    return pa.table(columns, schema=SCHEMA)


def _dates(day: Ints, *, known: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(day.astype(np.int32), mask=None if known is None else ~known).cast(pa.date32())


def _checked(party_id: ArrayLike, day: ArrayLike, as_of: int) -> tuple[Ints, Ints]:
    party, days = np.asarray(party_id), np.asarray(day)
    if party.shape != days.shape or party.ndim != 1:
        raise BadInput(f"party_id is {party.shape}, day is {days.shape}", remedy="Give two columns of one length.")
    if party.size and not (np.issubdtype(party.dtype, np.integer) and np.issubdtype(days.dtype, np.integer)):
        raise BadInput(f"party_id is {party.dtype}, day is {days.dtype}, wanted whole numbers")
    party, days = party.astype(np.int64), days.astype(np.int64)
    same = party[1:] == party[:-1]
    for bad, what, remedy in (
        (party[1:] < party[:-1], "party_id is not sorted", "Sort by party_id, then day."),
        (same & (days[1:] <= days[:-1]), "the day does not rise within a person", "Sort and merge equal days."),
        ((days > as_of)[1:], "a purchase lies after as_of", "Leave out what as_of cannot know."),
    ):
        if bad.any():
            row = int(np.argmax(bad)) + 1
            raise BadInput(f"{what} (party {party[row]}, day {days[row]})", where=f"row {row}", remedy=remedy)
    if days.size and days[0] > as_of:
        raise BadInput(f"a purchase lies after as_of (party {party[0]}, day {days[0]})", where="row 0")
    return party, days
