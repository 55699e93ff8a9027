"""Tallies: the whole numbers behind a summary, how two of them add up, and the summary they give.

A `Tally` holds one row a party, sorted by party_id, as int64 columns; `windows.NEVER` stands for no day. Adding
a later stretch of days to an earlier one is exact, which is why an increment equals a rebuild to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.understand.features import day_number
from rekindle.understand.rhythm import own_rhythm
from rekindle.understand.windows import NEVER, WINDOWS

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

WINDOW_COLUMNS = tuple(window.column for window in WINDOWS)
MONEY_WINDOWS = tuple(window.column for window in WINDOWS if window.measure == "money")
LOG_WINDOWS = tuple(window.column for window in WINDOWS if "_log" in window.measure)
LATEST = ("last_two_way_day", "ended_day", "cancel_notice_day", "returned_day")
ADDED = ("pulse_days", "gap_log_micro", "gap_sq", "money_minor", "money_days", *WINDOW_COLUMNS)
REPEATS = ("repeat_money_minor", "repeat_money_days")
KEPT = ("first_day", "last_day", *LATEST, *ADDED, *REPEATS)
WHOLE = ("whole_money_minor", "whole_money_days")

SUMMARY = pa.schema(
    [
        ("party_id", pa.int64()),
        ("pulse_days", pa.int32()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("x", pa.int32()),
        ("t_x", pa.float64()),
        ("T", pa.float64()),
        ("gap_sum", pa.int64()),
        ("gap_log_micro", pa.int64()),
        ("gap_sq", pa.int64()),
        ("usual_gap", pa.float64()),
        ("gap_q95", pa.float64()),
        ("rhythm_k", pa.float64()),
        ("money_minor", pa.int64()),
        ("money_mean_minor", pa.float64()),
        ("money_days", pa.int32()),
        ("currency", pa.string()),
        ("last_two_way_day", pa.date32()),
        *(
            (column, pa.int64() if column in (*MONEY_WINDOWS, *LOG_WINDOWS) else pa.int32())
            for column in WINDOW_COLUMNS
        ),
        ("ended_day", pa.date32()),
        ("cancel_notice_day", pa.date32()),
        ("returned_day", pa.date32()),
        ("repeat_money_minor", pa.int64()),
        ("repeat_money_days", pa.int32()),
    ]
)
"""One row a party with any event. x, t_x and T (days) are null without a sign of life; money is in minor units,
null where currencies mix. The last two columns are what `money_mean_minor` divides; an increment needs them."""


@dataclass(frozen=True)
class Tally:
    """Rows sorted by party_id, each once.

    numbers   column -> (n,) int64: party_id, KEPT, and for freshly read events WHOLE
    least     (n,) string, the least currency of any known amount, null when there is none
    most      (n,) string, the greatest
    is_mixed  (n,) currencies are known to differ although least and most no longer tell
    """

    numbers: dict[str, Integers]
    least: pa.Array
    most: pa.Array
    is_mixed: Flags

    @property
    def party_id(self) -> Integers:
        return self.numbers["party_id"]

    def pick(self, rows: npt.NDArray[Any]) -> Tally:
        """The rows at these positions or under this mask."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        places = pa.array(at)
        return Tally(
            {name: column[at] for name, column in self.numbers.items()},
            self.least.take(places),
            self.most.take(places),
            self.is_mixed[at],
        )


def from_sql(rows: pa.Table | pa.RecordBatch) -> Tally:
    """The tally of `features.profile` rows as `summaries` asks for them: int64 without nulls, sorted by party."""
    names = [name for name in rows.schema.names if not name.startswith("currency_")]
    return Tally(
        {name: _integers(rows.column(name)) for name in names},
        _one(rows.column("currency_least")),
        _one(rows.column("currency_most")),
        np.zeros(rows.num_rows, dtype=bool),
    )


def from_summary(rows: pa.RecordBatch) -> Tally:
    """The tally that a stored summary was made of."""
    filled = {
        name: _integers(_or(rows.column(name), NEVER if name.endswith("_day") else 0)) for name in ("party_id", *KEPT)
    }
    currency = _one(rows.column("currency"))
    mixed = pc.is_null(rows.column("money_minor"))
    return Tally(filled, currency, currency, np.asarray(mixed.to_numpy(zero_copy_only=False), dtype=bool))


def shifted(tally: Tally, *, shift: Tally) -> Tally:
    """The tally with its windows moved on; `shift` has a change for some of its parties, strangers are ignored."""
    at, found = _places(tally.party_id, wanted=shift.party_id)
    moved = dict(tally.numbers)
    for column in WINDOW_COLUMNS:
        values = moved[column].copy()
        values[at[found]] += shift.numbers[column][found]
        moved[column] = values
    return Tally(moved, tally.least, tally.most, tally.is_mixed)


def added(tally: Tally, *, later: Tally) -> Tally:
    """The tally after the days in `later`, all of which lie after all days of `tally`.

    Parties that only `later` knows are put in at their place.
    """
    at, found = _places(tally.party_id, wanted=later.party_id)
    at, known = at[found], later.pick(found)
    now, new = {name: column.copy() for name, column in tally.numbers.items()}, known.numbers
    had, beats = now["pulse_days"][at] > 0, new["pulse_days"] > 0
    gap = np.where(had & beats, new["first_day"] - now["last_day"][at], 1)  # one day adds nothing to the logs
    now["gap_log_micro"][at] += np.rint(np.log(gap) * 1_000_000).astype(np.int64)
    now["gap_sq"][at] += np.where(had & beats, gap * gap, 0)
    for repeat, whole in zip(REPEATS, WHOLE, strict=True):
        now[repeat][at] += np.where(had, new[whole], new[repeat])
    now["first_day"][at] = np.where(had, now["first_day"][at], new["first_day"])
    for column in ("last_day", *LATEST):
        now[column][at] = np.maximum(now[column][at], new[column])
    for column in ADDED:
        now[column][at] += new[column]
    places = np.full(len(tally.party_id), -1, dtype=np.int64)
    places[at] = np.arange(len(at))
    where = pa.array(places, mask=places < 0)
    least = pc.min_element_wise(tally.least, known.least.take(where))
    most = pc.max_element_wise(tally.most, known.most.take(where))
    return joined(Tally(now, least, most, tally.is_mixed), more=later.pick(~found))


def joined(tally: Tally, *, more: Tally) -> Tally:
    """Both tallies' rows, which share no party, in the order of party_id."""
    if not len(more.party_id):
        return tally
    columns = ("party_id", *KEPT)
    both = Tally(
        {name: np.concatenate([tally.numbers[name], more.numbers[name]]) for name in columns},
        pa.concat_arrays([tally.least, more.least]),
        pa.concat_arrays([tally.most, more.most]),
        np.concatenate([tally.is_mixed, more.is_mixed]),
    )
    return both.pick(np.argsort(both.party_id, kind="stable"))


def without(tally: Tally, *, parties: Integers) -> Tally:
    """The tally without the rows of these parties (sorted)."""
    if not len(parties):
        return tally
    _, found = _places(parties, wanted=tally.party_id)
    return tally.pick(~found)


def to_summary(tally: Tally, *, as_of: date) -> pa.RecordBatch:
    """The SUMMARY rows of a tally as of the end of that day."""
    numbers = tally.numbers
    alive = numbers["pulse_days"] > 0
    first, last = (np.where(alive, numbers[name], 0) for name in ("first_day", "last_day"))
    repeats = np.where(alive, numbers["pulse_days"] - 1, 0)
    usual, q95, k = own_rhythm(repeats, gap_sum=last - first, gap_log_micro=numbers["gap_log_micro"])
    differ = pc.fill_null(pc.not_equal(tally.least, tally.most), False).to_numpy(zero_copy_only=False)
    mixed = tally.is_mixed | np.asarray(differ, dtype=bool)
    columns: dict[str, pa.Array] = {
        "x": pa.array(repeats, mask=~alive),
        "t_x": pa.array((last - first).astype(np.float64), mask=~alive),
        "T": pa.array((day_number(as_of) - first).astype(np.float64), mask=~alive),
        "gap_sum": pa.array(last - first),
        "usual_gap": pa.array(usual, mask=np.isnan(usual)),
        "gap_q95": pa.array(q95, mask=np.isnan(q95)),
        "rhythm_k": pa.array(k, mask=np.isnan(k)),
        "money_mean_minor": mean_of_repeats(tally, is_mixed=mixed),
        "currency": pc.if_else(pa.array(mixed), pa.scalar(None, pa.string()), tally.least),
    }
    for name in ("money_minor", "repeat_money_minor", *MONEY_WINDOWS):
        columns[name] = pa.array(numbers[name], mask=mixed)
    for field in SUMMARY:
        if pa.types.is_date(field.type):
            day = numbers[field.name]
            columns[field.name] = pa.array(day.astype(np.int32), mask=day == NEVER).cast(pa.date32())
    return pa.record_batch(
        [
            (columns[field.name] if field.name in columns else pa.array(numbers[field.name])).cast(field.type)
            for field in SUMMARY
        ],
        schema=SUMMARY,
    )


def mean_of_repeats(tally: Tally, *, is_mixed: Flags) -> pa.Array:
    """Mean money of the repeat days, minor units; null where there is none, it is not positive or not one currency."""
    money, days = (tally.numbers[name] for name in REPEATS)
    known = (days > 0) & (money > 0) & ~is_mixed
    return pa.array(money / np.where(known, days, 1), mask=~known)


def _places(ordered: Integers, *, wanted: Integers) -> tuple[Integers, Flags]:
    """Where each wanted party is in the ordered ones, and whether it is there at all."""
    at = np.searchsorted(ordered, wanted)
    inside = at < len(ordered)
    found = inside.copy()
    found[inside] = ordered[at[inside]] == wanted[inside]
    return at.astype(np.int64), found


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole.cast(pa.string())


def _or(column: pa.Array, value: int) -> pa.Array:
    plain = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
    return pc.fill_null(plain.cast(pa.int64()), value)


def _integers(column: pa.Array | pa.ChunkedArray) -> Integers:
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    ).astype(np.int64)
