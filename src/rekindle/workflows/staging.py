"""A load on its way in: rows read and cleaned, lying in the load's own folder, seen by nobody yet.

    kept-00001.parquet ...   clean rows as read, one file a part of the source
    lines.parquet            the same with invoice lines summed to invoices, where the files hold lines
    rejects.csv              refused rows: file, row, column, value, reason
    parties.parquet          who the rows are about, each with the party known under that key or a fresh one
    rows.parquet             events with the stable key of each
    events.parquet           rows of history, ready to be appended

Every file is written beside its name and moved into place whole, so that a killed reading leaves nothing half done.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rekindle import home
from rekindle.relationships.vocabulary import IdentityKind

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from rekindle.observe.reading import Survey

Progress = Callable[[str], None]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
SAID_OF_PARTIES = ("email", "phone", "name", "given_name", "language", "time_zone", "country", "extra", "owner")
PARTY_KEY = """
    CASE WHEN who IS NOT NULL THEN 'external' WHEN email IS NOT NULL THEN 'email' ELSE 'phone' END AS key_kind,
    coalesce(who, lower(email), phone) AS key"""


@dataclass(frozen=True)
class Folder:
    """The places of one load."""

    path: Path

    @property
    def rejects(self) -> Path:
        return self.path / "rejects.csv"

    @property
    def parties(self) -> Path:
        return self.path / "parties.parquet"

    @property
    def rows(self) -> Path:
        return self.path / "rows.parquet"

    @property
    def events(self) -> Path:
        return self.path / "events.parquet"

    def kept(self) -> list[Path]:
        """The clean rows, invoice lines already summed."""
        lines = self.path / "lines.parquet"
        return [lines] if lines.exists() else sorted(self.path.glob("kept-*.parquet"))


def folder(number: int) -> Folder:
    return Folder(home.intake_folder(number))


@contextmanager
def columns() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that spills into the home folder. Never a DuckDB file: it would lock out other readers."""
    from rekindle.observe.history import connect

    place = home.prepare() / "spill"
    place.mkdir(mode=0o700, exist_ok=True)
    # A spill folder of its own: two engines in one would overwrite each other's pages.
    with TemporaryDirectory(dir=place) as spill, connect(memory_limit="3GB", spill=Path(spill)) as connection:
        yield connection


def read_into(place: Folder, survey: Survey, *, latest: datetime, progress: Progress) -> dict[str, Any]:
    """Read the files of a survey into the load's folder, replacing what lay there.

    Gives {"seen": rows, "refused": rows, "remarks": rows kept without a value, "reasons": {reason: rows}}.
    """
    import pyarrow.parquet as pq

    from rekindle.observe import reading

    if place.path.exists():
        shutil.rmtree(place.path)
    place.path.mkdir(mode=0o700, parents=True)
    seen = kept = 0
    reasons: dict[str, int] = {}
    with place.rejects.open("w", newline="", encoding="utf-8") as file:
        rejects = csv.writer(file)
        rejects.writerow(["file", "row", "column", "value", "reason"])
        for number, part in enumerate(reading.read(survey, latest=latest)):
            pq.write_table(part.kept, place.path / f"kept-{number:05d}.parquet", compression="lz4")
            seen += part.rows_seen
            kept += part.kept.num_rows
            for row in part.rejects.to_pylist():
                reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
                rejects.writerow([harmless(row[name]) for name in ("file", "row", "column", "value", "reason")])
            progress(f"{seen:,} rows read")
    if survey.lines and kept:
        reading.gather_lines(place.kept(), out=place.path / "lines.parquet")
    return {"seen": seen, "refused": seen - kept, "reasons": reasons}


def harmless(value: Any) -> Any:
    """A cell that a spreadsheet would run as a formula gets a quote in front."""
    if isinstance(value, str) and value.lstrip().startswith(FORMULA_STARTS):
        return "'" + value
    return value


def find_parties(place: Folder, *, known: Callable[[str, pa.Array], pa.Table]) -> None:
    """Write parties.parquet: one row a distinct key of the load.

    known   (kind of key, distinct keys) -> table(key, party_id), one row a key that the books know
    Columns: key_kind, key, SAID_OF_PARTIES (the last word of the load, null if it says none), first (earliest day),
    party_id (null: new).
    """
    with columns() as db:
        view = staged(db, place)
        have = {row[0] for row in db.execute(f"DESCRIBE {view}").fetchall()}
        texts = ", ".join(
            f'arg_max({name}, file * 1000000000000 + "row") AS {name}' if name in have else f"NULL::VARCHAR AS {name}"
            for name in SAID_OF_PARTIES
        )
        first = "min(occurred_at)::DATE" if "occurred_at" in have else "NULL::DATE"
        db.execute(
            f"CREATE TABLE keys AS SELECT key_kind, key, {texts}, {first} AS first FROM {view} "  # noqa: S608
            "WHERE key IS NOT NULL GROUP BY key_kind, key"
        )
        db.execute("CREATE TABLE known (key_kind VARCHAR, key VARCHAR, party_id BIGINT)")
        for kind in IdentityKind:
            keys = db.sql("SELECT key FROM keys WHERE key_kind = $1", params=[kind.value]).to_arrow_table()["key"]
            if len(keys):
                found = known(kind.value, keys.combine_chunks())
                db.register("found", found)
                db.execute("INSERT INTO known SELECT $1, key, party_id FROM found", [kind.value])
        _copy(
            db,
            "SELECT k.*, known.party_id FROM keys k LEFT JOIN known USING (key_kind, key) ORDER BY key_kind, key",
            place.parties,
        )


def new_parties(place: Folder) -> int:
    """How many parties of the load have no number yet."""
    with columns() as db:
        counted = db.execute(
            "SELECT count(*) FROM read_parquet($1) WHERE party_id IS NULL", [str(place.parties)]
        ).fetchall()
    return int(counted[0][0])


def number_new_parties(place: Folder, first: int) -> None:
    """Give the parties without a number the ids from `first` on, in the order of their keys."""
    with columns() as db:
        db.execute(f"CREATE TABLE p AS SELECT * FROM read_parquet('{_sql(place.parties)}')")  # noqa: S608
        _copy(
            db,
            f"""SELECT * EXCLUDE (party_id),
                   coalesce(party_id, {int(first)} - 1 + row_number() OVER
                       (PARTITION BY party_id IS NULL ORDER BY key_kind, key)) AS party_id,
                   party_id IS NULL AS is_new
                FROM p ORDER BY key_kind, key""",  # noqa: S608  # a number of ours
            place.parties,
        )


def write_rows(place: Folder, *, source: str) -> None:
    """Write rows.parquet: the clean events, each with the stable key that tells it from every other.

    A row with an id from its source is known by (source, id). A row without one is known by everything it says and
    by being the n-th such row of the load: a file may hold the same purchase twice and mean it, and the same file
    loaded again still adds nothing.
    """
    said = "key_kind, key, occurred_at, kind, amount_minor, currency, quantity, channel, ref, properties"
    text = " || chr(31) || ".join(f"coalesce({name}::VARCHAR, chr(30))" for name in said.split(", "))
    kept = f"{said}, event_id"
    with columns() as db:
        view = staged(db, place)
        _copy(
            db,
            f"""WITH hashed AS (SELECT {kept}, {_stable(text)} AS hash FROM {view} WHERE event_id IS NULL),
                     numbered AS (SELECT *, row_number() OVER (PARTITION BY hash) AS nth FROM hashed)
                SELECT CASE WHEN nth = 1 THEN hash ELSE {_stable("hash::VARCHAR || chr(31) || nth::VARCHAR")} END
                    AS event_key, {kept} FROM numbered
                UNION ALL
                SELECT {_stable("$1 || chr(31) || event_id")} AS event_key, {kept} FROM {view}
                WHERE event_id IS NOT NULL""",  # noqa: S608  # own column names
            place.rows,
            [source],
        )


def _stable(text: str) -> str:
    """SQL for a 64-bit hash of a text that is the same on every machine and with every version."""
    return f"(md5_number_lower({text})::HUGEINT - 9223372036854775808)::BIGINT"


def write_events(place: Folder, *, source: str, intake: int) -> None:
    """Write events.parquet: the rows of history of this load, each with its party (null: not numbered yet)."""
    with columns() as db:
        db.execute(f"CREATE VIEW p AS SELECT key_kind, key, party_id FROM read_parquet('{_sql(place.parties)}')")  # noqa: S608
        _copy(
            db,
            f"""SELECT event_key, event_id, party_id, occurred_at, kind, amount_minor, currency, quantity, channel, ref,
                       properties, $1 AS source, {int(intake)}::BIGINT AS intake
                FROM read_parquet('{_sql(place.rows)}') LEFT JOIN p USING (key_kind, key)""",  # noqa: S608  # own names
            place.events,
            [source],
        )


def staged(db: duckdb.DuckDBPyConnection, place: Folder) -> str:
    """The name of a view of the clean rows with the key of their party."""
    files = ", ".join(f"'{_sql(path)}'" for path in place.kept())
    db.execute(f"CREATE VIEW staged AS SELECT *, {PARTY_KEY} FROM read_parquet([{files}], union_by_name=true)")  # noqa: S608
    return "staged"


def _sql(path: Path) -> str:
    return str(path).replace("'", "''")


def _copy(db: duckdb.DuckDBPyConnection, query: str, to: Path, parameters: list[Any] | None = None) -> None:
    draft = to.with_suffix(".draft")
    db.execute(f"COPY ({query}) TO '{_sql(draft)}' (FORMAT parquet, COMPRESSION lz4_raw)", parameters or [])
    draft.replace(to)
