"""The summary: one row a person of everything the models and signs read, as of the end of one day.

`rebuild` reads the whole history. `advance` takes the summary kept from an earlier day, reads only what is new
and the few days that cross the border of a rolling window, and gives the very same rows: every sum is an integer,
and everyone whose past was touched (late rows, removed rows) is computed afresh from all events.

Same-day signs of life merge into one (the semantics of lifetimes' `summary_data_from_transaction_data`). Refunds
are negative money of the day they fall on. Where one person's money comes in several currencies its sums are
null: there is no honest number for them.

`con` is an open DuckDB connection in which the named views of EVENT rows exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.understand import features
from rekindle.understand.features import Pulse
from rekindle.understand.tally import (
    KEPT,
    SUMMARY,
    WHOLE,
    WINDOW_COLUMNS,
    Integers,
    Tally,
    added,
    from_sql,
    from_summary,
    joined,
    shifted,
    to_summary,
    without,
)
from rekindle.understand.windows import NEVER

__all__ = ["CALIBRATION", "SUMMARY", "Pulse", "advance", "calibration", "pulse_days", "rebuild", "rebuild_to"]

ROWS_A_BATCH = 262_144
PARTIES = "rekindle_parties"

CALIBRATION = pa.schema(
    [
        ("party_id", pa.int64()),
        ("x", pa.int32()),
        ("t_x", pa.float64()),
        ("T", pa.float64()),
        ("gap_log_micro", pa.int64()),
        ("money_mean_minor", pa.float64()),
        ("held_out_days", pa.int32()),
        ("held_out_money_minor", pa.int64()),
    ]
)


def rebuild(con: duckdb.DuckDBPyConnection, events_view: str, *, as_of: date, pulse: Pulse, time_zone: str) -> pa.Table:
    """The SUMMARY rows of everyone with an event up to the end of `as_of`, by party_id."""
    _set_clock(con, time_zone=time_zone, until=as_of)
    events = features.seen(events_view, as_of=as_of, time_zone=time_zone)
    batches = [
        to_summary(from_sql(batch), as_of=as_of)
        for batch in _profile(con, events, as_of=as_of, pulse=pulse, time_zone=time_zone)
    ]
    return pa.Table.from_batches(batches, schema=SUMMARY)


def rebuild_to(
    con: duckdb.DuckDBPyConnection, events_view: str, *, as_of: date, pulse: Pulse, time_zone: str, to: Path
) -> int:
    """Write the summary as Parquet, batch by batch, so that `advance` can go on from it. Gives the rows."""
    _set_clock(con, time_zone=time_zone, until=as_of)
    events = features.seen(events_view, as_of=as_of, time_zone=time_zone)
    with _written(to, as_of=as_of, pulse=pulse, time_zone=time_zone) as writer:
        rows = 0
        for batch in _profile(con, events, as_of=as_of, pulse=pulse, time_zone=time_zone):
            writer.write_batch(to_summary(from_sql(batch), as_of=as_of))
            rows += batch.num_rows
    return rows


def advance(
    con: duckdb.DuckDBPyConnection,
    previous: Path,
    new_events_view: str,
    all_events_view: str,
    *,
    as_of: date,
    pulse: Pulse,
    time_zone: str,
    to: Path,
    afresh: pa.Array | None = None,
) -> int:
    """Carry the kept summary on to `as_of`: what `rebuild_to` would write, for a fraction of the reading.

    previous         Parquet of `rebuild_to` or of an earlier `advance`
    new_events_view  every event that `previous` has not seen: loaded since, or not yet happened then
    all_events_view  the whole history, the new events included
    afresh           int64 party ids whose events were removed or moved since `previous`
    to               where the new summary goes; may be `previous`
    Gives the rows written. Raises NotFound, BadInput (not a summary, or the date goes back) or Conflict (kept
    with another pulse or time zone: rebuild).
    """
    _set_clock(con, time_zone=time_zone, until=as_of)
    before = _kept_day(previous, as_of=as_of, pulse=pulse, time_zone=time_zone)
    late = features.seen(new_events_view, as_of=before, time_zone=time_zone).select("party_id").distinct()
    touched = _integers(_table(con, late).column("party_id"))
    if afresh is not None:
        touched = np.union1d(touched, _integers(afresh))
    touched.sort()
    settled = features.seen(all_events_view, as_of=before, time_zone=time_zone)
    fresh = features.seen(new_events_view, after=before, as_of=as_of, time_zone=time_zone)
    moved = features.window_shift(settled, before=before, as_of=as_of, pulse=pulse, time_zone=time_zone)
    shift = without(_tally(con, moved, columns=WINDOW_COLUMNS), parties=touched)
    profile = features.profile(fresh, as_of=as_of, pulse=pulse, time_zone=time_zone)
    later = without(_tally(con, profile, columns=(*KEPT, *WHOLE)), parties=touched)
    again = later.pick(np.zeros(0, dtype=np.int64))
    if len(touched):
        with _parties(con, pa.array(touched)) as parties:
            everything = features.seen(all_events_view, as_of=as_of, time_zone=time_zone)
            whole = features.profile(
                everything.semi_join(parties, "party_id"), as_of=as_of, pulse=pulse, time_zone=time_zone
            )
            again = _tally(con, whole, columns=(*KEPT, *WHOLE))
    rows = 0
    with _written(to, as_of=as_of, pulse=pulse, time_zone=time_zone) as writer:
        for kept, low, high in _ranges(previous):
            tally = without(from_summary(kept), parties=touched)
            tally = shifted(tally, shift=_between(shift, low=low, high=high))
            tally = added(tally, later=_between(later, low=low, high=high))
            tally = joined(tally, more=_between(again, low=low, high=high))
            writer.write_batch(to_summary(tally, as_of=as_of))
            rows += len(tally.party_id)
    return rows


def calibration(
    con: duckdb.DuckDBPyConnection,
    events_view: str,
    *,
    cutoff: date,
    until: date,
    pulse: Pulse,
    time_zone: str,
    sample: tuple[int, int] | None = None,
) -> pa.Table:
    """CALIBRATION rows: what was known of each living party at `cutoff`, and what came in (cutoff, until].

    sample  (k, m) keeps a steady k in m of all parties
    gap_log_micro is the sum of ln(pause in days) up to the cutoff, in millionths; held_out_days counts days with a
    sign of life; held_out_money_minor is the net money of all held-out days, null where its currency is not the one
    from before.
    """
    if until <= cutoff:
        raise BadInput(f"The held-out period ends on {until}, not after {cutoff}.", remedy="Choose a later end.")
    _set_clock(con, time_zone=time_zone, until=until)
    then = features.seen(events_view, as_of=cutoff, time_zone=time_zone)
    after = features.seen(events_view, after=cutoff, as_of=until, time_zone=time_zone)
    if sample is not None:
        keep, of = sample
        then, after = (e.filter(features.in_sample(e.party_id, keep=keep, of=of)) for e in (then, after))
    known = _tally(con, features.profile(then, as_of=cutoff, pulse=pulse, time_zone=time_zone), columns=(*KEPT, *WHOLE))
    known = known.pick(known.numbers["pulse_days"] > 0)
    came = _tally(con, features.profile(after, as_of=until, pulse=pulse, time_zone=time_zone), columns=(*KEPT, *WHOLE))
    at = np.searchsorted(came.party_id, known.party_id)
    at[at == len(came.party_id)] = 0
    found = came.party_id[at] == known.party_id if len(came.party_id) else np.zeros(len(at), dtype=bool)
    held = {
        name: np.where(found, came.numbers[name][at], 0) if len(came.party_id) else np.zeros(len(at), np.int64)
        for name in ("pulse_days", "money_minor")
    }
    start = to_summary(known, as_of=cutoff)
    end = to_summary(
        added(known, later=without(came, parties=np.setdiff1d(came.party_id, known.party_id))), as_of=until
    )
    other_currency = pc.is_null(end.column("money_minor")).to_numpy(zero_copy_only=False)
    columns = {
        **{name: start.column(name) for name in CALIBRATION.names[:6]},
        "held_out_days": pa.array(held["pulse_days"]).cast(pa.int32()),
        "held_out_money_minor": pa.array(held["money_minor"], mask=other_currency),
    }
    return pa.table(columns).select(CALIBRATION.names).cast(CALIBRATION)


def pulse_days(
    con: duckdb.DuckDBPyConnection,
    events_view: str,
    *,
    as_of: date,
    pulse: Pulse,
    time_zone: str,
    parties: pa.Array | None = None,
) -> pa.Table:
    """Every distinct day with a sign of life: (party_id int64, day date32), sorted; `parties` narrows it."""
    _set_clock(con, time_zone=time_zone, until=as_of)
    events = features.seen(events_view, as_of=as_of, time_zone=time_zone)
    events = events.filter(events.kind.isin(list(pulse.kinds)))
    with _parties(con, parties if parties is not None else pa.array([], pa.int64())) as wanted:
        if parties is not None:
            events = events.semi_join(wanted, "party_id")
        days = features.dated(events).select("party_id", "day").distinct()
        found = _table(con, days.order_by("party_id", "day"))
    return pa.table({"party_id": found["party_id"], "day": found["day"].cast(pa.int32()).cast(pa.date32())})


def _set_clock(con: duckdb.DuckDBPyConnection, *, time_zone: str, until: date) -> None:
    local = features.clock(time_zone, until=until)
    con.execute(f"CREATE OR REPLACE TEMP MACRO rekindle_local_us(instant_us) AS {local}")


def _sql(expression: ir.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb", pretty=False))


def _table(con: duckdb.DuckDBPyConnection, expression: ir.Table) -> pa.Table:
    return con.sql(_sql(expression)).to_arrow_table()


def _whole_numbers(expression: ir.Table, *, columns: tuple[str, ...]) -> str:
    """SQL for the party, these columns as int64 without nulls, and the currencies, in the order of party_id.

    The engine sums int64 into wider types; the casts bring them back, and refuse a sum that does not fit.
    """
    numbers = ", ".join(
        f"CAST(COALESCE({name}, {NEVER if name.endswith('_day') else 0}) AS BIGINT) AS {name}" for name in columns
    )
    currencies = ", ".join(
        name if name in expression.columns else f"CAST(NULL AS VARCHAR) AS {name}"
        for name in ("currency_least", "currency_most")
    )
    return f"SELECT party_id, {numbers}, {currencies} FROM ({_sql(expression)}) ORDER BY party_id"  # noqa: S608  own names only


def _profile(
    con: duckdb.DuckDBPyConnection, events: ir.Table, *, as_of: date, pulse: Pulse, time_zone: str
) -> Iterator[pa.RecordBatch]:
    rows = features.profile(events, as_of=as_of, pulse=pulse, time_zone=time_zone)
    yield from con.sql(_whole_numbers(rows, columns=KEPT)).to_arrow_reader(ROWS_A_BATCH)


def _tally(con: duckdb.DuckDBPyConnection, expression: ir.Table, *, columns: tuple[str, ...]) -> Tally:
    return from_sql(con.sql(_whole_numbers(expression, columns=columns)).to_arrow_table())


@contextmanager
def _parties(con: duckdb.DuckDBPyConnection, ids: pa.Array) -> Iterator[ir.Table]:
    """These parties as a relation, for as long as the block runs."""
    con.register(PARTIES, pa.table({"party_id": ids.cast(pa.int64())}))
    try:
        yield ibis.table({"party_id": "int64"}, name=PARTIES)
    finally:
        con.unregister(PARTIES)


def _integers(column: pa.Array | pa.ChunkedArray) -> Integers:
    return np.array(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def _between(tally: Tally, *, low: int | None, high: int | None) -> Tally:
    """The rows with low < party_id <= high; None is no bound."""
    first = 0 if low is None else int(np.searchsorted(tally.party_id, low, side="right"))
    last = len(tally.party_id) if high is None else int(np.searchsorted(tally.party_id, high, side="right"))
    return tally.pick(np.arange(first, last))


def _ranges(previous: Path) -> Iterator[tuple[pa.RecordBatch, int | None, int | None]]:
    """The kept rows in batches, each with the range of party ids (above, up to) it answers for."""
    with pq.ParquetFile(previous) as kept:
        low: int | None = None
        waiting: pa.RecordBatch = pa.RecordBatch.from_pylist([], schema=SUMMARY)
        for batch in kept.iter_batches(ROWS_A_BATCH):
            if waiting.num_rows:
                high = waiting.column("party_id")[-1].as_py()
                yield waiting, low, high
                low = high
            waiting = batch
        yield waiting, low, None


def _meaning(*, pulse: Pulse, time_zone: str) -> str:
    return json.dumps({"kinds": pulse.kinds, "money_kinds": pulse.money_kinds, "time_zone": time_zone})


def _kept_day(previous: Path, *, as_of: date, pulse: Pulse, time_zone: str) -> date:
    """The day a kept summary is of, once it is sure that it can be carried on."""
    if not previous.is_file():
        raise NotFound("There is no summary to carry on.", where=str(previous), remedy="Rebuild it.")
    try:
        kept = pq.read_schema(previous)
        told = kept.metadata or {}
    except pa.ArrowInvalid as error:
        raise BadInput("This is not a Parquet file.", where=str(previous), remedy="Rebuild the summary.") from error
    if b"as_of" not in told or b"meaning" not in told:
        raise BadInput("This is not a kept summary.", where=str(previous), remedy="Rebuild the summary.")
    if kept.names != SUMMARY.names:
        raise Conflict(
            "The kept summary was made by another version, with other columns.",
            where=str(previous),
            remedy="Rebuild it.",
        )
    if told[b"meaning"].decode() != _meaning(pulse=pulse, time_zone=time_zone):
        raise Conflict(
            f"The kept summary was made with {told[b'meaning'].decode()}.",
            where=str(previous),
            remedy="Rebuild it with the new pulse and time zone.",
        )
    day = date.fromisoformat(told[b"as_of"].decode())
    if day > as_of:
        raise BadInput(f"The kept summary is of {day}, after {as_of}.", where=str(previous), remedy="Rebuild it.")
    return day


@contextmanager
def _written(to: Path, *, as_of: date, pulse: Pulse, time_zone: str) -> Iterator[pq.ParquetWriter]:
    """A writer of SUMMARY rows whose file appears at `to` whole or not at all."""
    told = {"as_of": as_of.isoformat(), "meaning": _meaning(pulse=pulse, time_zone=time_zone)}
    part = to.with_name(to.name + ".part")
    try:
        with pq.ParquetWriter(
            part, SUMMARY.with_metadata(told), compression="lz4", use_dictionary=["currency"]
        ) as writer:
            yield writer
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
