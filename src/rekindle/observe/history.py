"""The history: every event ever taken in, append-only, in one Delta Lake table.

A load is one Delta commit, tagged with its intake number, so that a crash leaves all of it or nothing and taking
it in twice changes nothing. Rows are sorted by party and time, so that one person's life is a few row groups.
DuckDB reads the Parquet files that the Delta log names; it always runs in memory, because a DuckDB file locks out
every second process.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from rekindle.errors import BadInput, Conflict
from rekindle.observe.event_files import (
    EVENTS,
    EventFile,
    files_of,
    instant,
    may_hold,
    name_of,
    numbers,
    overlaps,
    select,
    text,
)

__all__ = ["EVENTS", "History", "connect"]

ROW_GROUP = 131_072
FILE_BYTES = 256 * 2**20
RETENTION_HOURS = 168
"""A reader may hold a list of files for as long as a night's work takes; a week is far more, and Delta's default."""

PRESENT, REMOVED = 1, 2
"""Versions of an intake's Delta transaction. The log keeps them for good, through checkpoints and clean-ups."""


def connect(*, threads: int = 2, memory_limit: str = "2GB", spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB in UTC that spills to a folder of its own, beyond its memory.

    The folder is made in `spill` (none: the system's temporary folder) when first needed and goes with the
    connection. Two connections must never share one: their files have the same names.
    """
    own = Path(tempfile.gettempdir() if spill is None else spill) / f"rekindle-spill-{uuid4().hex}"
    con = duckdb.connect(config={"threads": threads, "memory_limit": memory_limit, "temp_directory": str(own)})
    con.execute("SET TimeZone = 'UTC'")
    return con


class History:
    """The event table in one folder. Opening a folder that is not there is fine; the first append makes it."""

    def __init__(self, folder: Path, *, threads: int = 2, memory_limit: str = "2GB", spill: Path | None = None) -> None:
        self.folder = folder
        self._threads, self._memory_limit, self._spill = threads, memory_limit, spill
        self._lock = threading.Lock()
        self._read: tuple[DeltaTable, int, tuple[EventFile, ...]] | None = None
        self._reader: duckdb.DuckDBPyConnection | None = None

    def append(self, events: pa.Table | pa.RecordBatchReader, *, intake: int) -> int:
        """Keep these EVENTS rows as one commit; 0 rows and no commit when this intake is already there.

        Raises BadInput when the columns are not those of EVENTS or a row is of another intake, Conflict when the
        intake was removed before: what was undone does not come back under its old number.
        """
        if events.schema.names != EVENTS.names:
            wrong = sorted(set(events.schema.names) ^ set(EVENTS.names)) or ["their order"]
            raise BadInput(f"These are not event columns: {', '.join(wrong)}.", where=f"load {intake}")
        table = self._create()  # looked at and written to: a commit of this load after it is a conflict
        state = table.transaction_version(_transaction_name(intake))
        if state == REMOVED:
            raise Conflict(f"Load {intake} was taken back.", where=str(self.folder), remedy="Load it anew.")
        if state is not None:
            return 0
        counted = _Counted(intake)
        with self._engine() as con:
            con.register("loaded", events)
            columns = ", ".join(EVENTS.names)
            ordered = con.sql(f"SELECT {columns} FROM loaded ORDER BY party_id, occurred_at")  # noqa: S608  own names
            batches = pa.RecordBatchReader.from_batches(EVENTS, counted.through(ordered.to_arrow_reader(ROW_GROUP)))
            try:
                self._write(table, batches, mode="append", tag=_tagged(intake, PRESENT))
            except Conflict:
                if self.has(intake):
                    return 0  # another process took the same load in between our look and our commit
                raise
            except DeltaError as error:
                if counted.refusal is not None:
                    raise counted.refusal from error
                raise
        return counted.rows

    def has(self, intake: int) -> bool:
        """Whether this intake was ever committed, taken back since or not."""
        return self._transaction(intake) is not None

    def version(self) -> int | None:
        """The number of the latest commit; None before the first append."""
        table = self._table()
        return None if table is None else table.version()

    def relation(
        self,
        con: duckdb.DuckDBPyConnection,
        *,
        before: datetime | None = None,
        without: Sequence[int] = (),
        name: str = "events",
        intakes: Sequence[int] | None = None,
        since: datetime | None = None,
    ) -> str:
        """Make `name` a view in `con` of the events of the current version, and give the name back.

        before   only what occurred earlier than this instant
        without  leave out these intakes
        intakes, since   with either or both: only events of these intakes, or that occurred at `since` or later.
                         Together they are what a summary kept at `since` has not seen.
        Files are chosen by the Delta log's statistics, so a new load is read without opening the old ones.
        """
        tests = ["TRUE"]
        if before is not None:
            tests.append(f"occurred_at < {instant(before)}")
        if without:
            tests.append(f"intake NOT IN ({numbers(without)})")
        either = [f"intake IN ({numbers(intakes)})"] if intakes else []
        if since is not None:
            either.append(f"occurred_at >= {instant(since)}")
        if intakes is not None or since is not None:
            tests.append(f"({' OR '.join(either) or 'FALSE'})")
        files = [
            file.path
            for file in self._files()
            if may_hold(file, before=before, without=without, intakes=intakes, since=since)
        ]
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name_of(name)} AS {select(files, test=' AND '.join(tests))}")
        return name

    def new_rows(
        self, con: duckdb.DuckDBPyConnection, *, batch: pa.Table | Path, without: Sequence[int] = ()
    ) -> pa.RecordBatchReader:
        """The rows of a batch (EVENTS columns) that are not yet in the history, in their order.

        A row with an event_id is known by (source, event_id), and of several in the batch the first one counts; a
        row without is known by (party_id, occurred_at, event_key), where event_key already tells the n-th equal
        row of a file from the first. Intakes in `without` count as not there. The history is only looked up: of
        its files the keys are read, in the batch's span of time where ids do not ask for all of it.
        The reader is lazy and lives as long as `con` is not used for something else.
        """
        if isinstance(batch, Path):
            source = f"read_parquet({text(str(batch))})"
        else:
            con.register("rekindle_batch", batch)
            source = "rekindle_batch"
        con.execute(f"CREATE OR REPLACE TEMP VIEW rekindle_incoming AS {PLACED} {source}")
        first, last, with_id = _span(con)
        self._known(con, first=first, last=last, with_id=with_id, without=without)
        con.execute(REPEATED)
        columns = ", ".join(f"i.{name}" for name in EVENTS.names)
        return con.sql(NEW_ROWS.format(columns=columns)).to_arrow_reader(ROW_GROUP)

    def of(
        self, party_id: int, *, before: datetime | None = None, limit: int = 200, without: Sequence[int] = ()
    ) -> pa.Table:
        """One party's latest events, newest first, at most `limit`."""
        files = [
            file.path
            for file in self._files()
            if may_hold(file, before=before, without=without)
            and (file.first_party is None or file.last_party is None or file.first_party <= party_id <= file.last_party)
        ]
        tests = [f"party_id = {int(party_id)}"]
        if before is not None:
            tests.append(f"occurred_at < {instant(before)}")
        if without:
            tests.append(f"intake NOT IN ({numbers(without)})")
        wanted = select(files, test=" AND ".join(tests))
        with self._lock:
            if self._reader is None:
                self._reader = connect(threads=self._threads, memory_limit=self._memory_limit)
            con = self._reader.cursor()
        with con:
            found = con.sql(f"{wanted} ORDER BY occurred_at DESC, event_key LIMIT {int(limit)}").to_arrow_table()
        return found.cast(EVENTS)

    def remove_intake(self, intake: int) -> int:
        """Take one load's rows back; gives how many. The intake stays known, so that it cannot slip in again."""
        return self._delete(f"intake = {int(intake)}", tag=_tagged(intake, REMOVED) if self.has(intake) else None)

    def remove_party(self, party_id: int) -> int:
        """Erase one party's rows; gives how many. The old files go with the next `compact` after the retention."""
        return self._delete(f"party_id = {int(party_id)}", tag=None)

    def keys_of(self, party_id: int) -> list[int]:
        """The event keys of one party's rows, in order, loads that are not read included."""
        with self._engine() as con:
            view = self.relation(con)
            rows = con.execute(f"SELECT event_key FROM {view} WHERE party_id = {int(party_id)} ORDER BY 1").fetchall()  # noqa: S608  own names, a number
        return [row[0] for row in rows]

    def move_party(self, party_id: int, *, to: int, keys: Sequence[int] | None = None) -> int:
        """Give one party's rows, all or those of `keys`, to another party; gives how many. Again changes nothing."""
        table = self._table()
        if table is None or (keys is not None and not keys):
            return 0
        mine = f"party_id = {int(party_id)}"
        done = table.update(
            updates={"party_id": f"CAST({int(to)} AS BIGINT)"},
            predicate=mine if keys is None else f"{mine} AND event_key IN ({numbers(keys)})",
            writer_properties=_writing(),
        )
        return int(done["num_updated_rows"] or 0)

    def erase_party(self, party_id: int) -> int:
        """Erase one party's rows for good; gives how many. Call it while no load runs.

        The old files go at once, and so do the log entries before this: they note the least and the greatest value
        of every column of every file, which may be this party's. A checkpoint says what is left.
        """
        rows = self.remove_party(party_id)
        self.compact(retention_hours=0)
        table = self._table()
        if table is not None:
            table.create_checkpoint()
            for entry in (self.folder / "_delta_log").iterdir():
                number = entry.name.split(".")[0]
                if number.isdigit() and int(number) < table.version():
                    entry.unlink()
        return rows

    def compact(self, *, retention_hours: int = RETENTION_HOURS) -> None:
        """Rewrite many small files as few large ones in the order of parties, and delete files long unused.

        Loads that come in meanwhile stay as they are. Raises Conflict when rows were removed meanwhile; nothing
        is changed then. Sorted by DuckDB, which spills: Delta's own z-order took 6 GB for 50,000,000 events.
        """
        table = self._table()
        if table is None:
            return
        files = [file.path for file in files_of(table, folder=self.folder)]
        if len(files) > 1 + self._bytes(table) // FILE_BYTES:
            with self._engine() as con:
                ordered = con.sql(f"{select(files, test='TRUE')} ORDER BY party_id, occurred_at")
                self._write(table, ordered.to_arrow_reader(ROW_GROUP), mode="overwrite")
        table.vacuum(
            retention_hours=retention_hours,
            dry_run=False,
            enforce_retention_duration=retention_hours >= RETENTION_HOURS,
        )

    def _write(
        self,
        table: DeltaTable,
        rows: pa.RecordBatchReader,
        *,
        mode: Literal["append", "overwrite"],
        tag: CommitProperties | None = None,
    ) -> None:
        """One commit on the very version in `table`; Conflict when another process got in its way."""
        try:
            write_deltalake(
                table,
                pa.RecordBatchReader.from_batches(EVENTS, (batch.cast(EVENTS) for batch in rows)),
                mode=mode,
                target_file_size=FILE_BYTES,
                writer_properties=_writing(),
                commit_properties=tag,
            )
        except CommitFailedError as error:
            raise Conflict(
                f"The history changed meanwhile: {error}", where=str(self.folder), remedy="Try again."
            ) from error

    def _known(
        self,
        con: duckdb.DuckDBPyConnection,
        *,
        first: datetime | None,
        last: datetime | None,
        with_id: bool,
        without: Sequence[int],
    ) -> None:
        """Fill the temporary table `rekindle_known` with the keys of history rows that share one with the batch."""
        files = [file.path for file in self._files() if with_id or overlaps(file, first=first, last=last)]
        test = f"intake NOT IN ({numbers(without)})" if without else "TRUE"
        if not with_id and first is not None and last is not None:
            test += f" AND occurred_at BETWEEN {instant(first)} AND {instant(last)}"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE rekindle_known AS SELECT DISTINCT event_key, party_id, occurred_at, source, event_id "  # noqa: S608,E501  own names, numbers, quoted paths
            f"FROM ({select(files, test=test)}) WHERE event_key IN (SELECT event_key FROM rekindle_incoming)"
        )

    def _delete(self, predicate: str, *, tag: CommitProperties | None) -> int:
        table = self._table()
        if table is None:
            return 0
        done = table.delete(predicate, writer_properties=_writing(), commit_properties=tag)
        return int(done["num_deleted_rows"] or 0)

    def _transaction(self, intake: int) -> int | None:
        table = self._table()
        return None if table is None else table.transaction_version(_transaction_name(intake))

    def _create(self) -> DeltaTable:
        table = self._table()
        if table is not None:
            return table
        self.folder.mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(self.folder, schema=EVENTS, mode="ignore")

    def _table(self) -> DeltaTable | None:
        """The table as of now; None when nothing was ever appended."""
        return None if not DeltaTable.is_deltatable(str(self.folder)) else DeltaTable(self.folder)

    def _bytes(self, table: DeltaTable) -> int:
        sizes = pa.table(table.get_add_actions(flatten=True))["size_bytes"]
        return int(pc.sum(sizes).as_py() or 0)

    def _files(self) -> tuple[EventFile, ...]:
        """The data files of the current version, from the Delta log; read anew only when the version moved."""
        with self._lock:
            if self._read is None:
                table = self._table()
                if table is None:
                    return ()
            else:
                table = self._read[0]
                try:
                    table.update_incremental()
                except DeltaError:  # the log entries in between are gone: somebody was erased
                    table = DeltaTable(self.folder)
                if table.version() == self._read[1]:
                    return self._read[2]
            files = tuple(files_of(table, folder=self.folder))
            self._read = (table, table.version(), files)
            return files

    @contextmanager
    def _engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with connect(threads=self._threads, memory_limit=self._memory_limit, spill=self._spill) as con:
            yield con


PLACED = "SELECT *, row_number() OVER () AS rekindle_place FROM"

SPAN = """
SELECT min(occurred_at) AS first, max(occurred_at) AS last, count(event_id) > 0 AS with_id
FROM rekindle_incoming
"""

REPEATED = """
CREATE OR REPLACE TEMP TABLE rekindle_repeated AS
SELECT rekindle_place FROM (
    SELECT rekindle_place, row_number() OVER (PARTITION BY source, event_id ORDER BY rekindle_place) AS n
    FROM rekindle_incoming
    WHERE event_id IS NOT NULL AND event_key IN (
        SELECT event_key FROM rekindle_incoming WHERE event_id IS NOT NULL GROUP BY event_key HAVING count(*) > 1
    )
) WHERE n > 1
"""

NEW_ROWS = """
SELECT {columns} FROM rekindle_incoming AS i
WHERE NOT EXISTS (
    SELECT 1 FROM rekindle_known AS k WHERE k.event_key = i.event_key AND i.event_id IS NOT NULL
    AND k.event_id = i.event_id AND k.source IS NOT DISTINCT FROM i.source
) AND NOT EXISTS (
    SELECT 1 FROM rekindle_known AS k WHERE k.event_key = i.event_key AND i.event_id IS NULL
    AND k.event_id IS NULL AND k.party_id = i.party_id AND k.occurred_at = i.occurred_at
) AND NOT EXISTS (SELECT 1 FROM rekindle_repeated AS r WHERE r.rekindle_place = i.rekindle_place)
ORDER BY i.rekindle_place
"""


class _Counted:
    """Counts the rows that pass, and stops at one of another intake."""

    def __init__(self, intake: int) -> None:
        self.intake, self.rows = intake, 0
        self.refusal: BadInput | None = None  # an error does not keep its class on the way through Delta's writer

    def through(self, batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            strangers = pc.any(pc.fill_null(pc.not_equal(batch.column("intake"), self.intake), True)).as_py()
            if strangers:
                self.refusal = BadInput(
                    "A row belongs to another load.", where=f"load {self.intake}", remedy="Append it alone."
                )
                raise self.refusal
            self.rows += batch.num_rows
            yield batch


def _writing() -> WriterProperties:
    return WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP)


def _transaction_name(intake: int) -> str:
    return f"rekindle-intake-{int(intake)}"


def _tagged(intake: int, state: int) -> CommitProperties:
    return CommitProperties(
        custom_metadata={"intake": str(int(intake))},
        app_transactions=[Transaction(_transaction_name(intake), state)],
    )


def _span(con: duckdb.DuckDBPyConnection) -> tuple[datetime | None, datetime | None, bool]:
    """First and last instant of the incoming rows, and whether any of them has an id."""
    row = con.sql(SPAN).to_arrow_table().to_pylist()[0]
    return row["first"], row["last"], row["with_id"]
