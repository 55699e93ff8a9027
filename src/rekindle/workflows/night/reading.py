"""What every step of a night is handed, and where it finds what the step before left.

Steps speak to one another through files in the night's folder. A step writes its file beside its name and moves it
into place whole; what it then writes into the books it reads from that file. So a night that was killed goes on with
the first step that had not finished, and ends as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rekindle import home
from rekindle.journal.models import Night
from rekindle.observe.history import History
from rekindle.relationships.models import Brand, Relationship
from rekindle.workflows import bulk, staging, take_in
from rekindle.workflows.brand import end_of

if TYPE_CHECKING:
    import duckdb

Ints = npt.NDArray[np.int64]
ROW_GROUP = 50_000  # one person is found again by reading one group


@dataclass(frozen=True)
class Reading:
    """One night being read. `tell` takes a line of progress for people."""

    night: Night
    brand: Brand
    tell: Callable[[str], None]

    @property
    def as_of(self) -> date:
        """The last day that is read; nothing after its end is."""
        return self.night.as_of

    @cached_property
    def folder(self) -> Path:
        path = home.night_folder(self.night.pk)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def write(self, name: str, table: pa.Table) -> None:
        """Hand a table on to the steps after this one."""
        draft = self.folder / f"{name}.draft"
        pq.write_table(table, draft, compression="lz4", row_group_size=ROW_GROUP)
        draft.replace(self.folder / f"{name}.parquet")

    def read(self, name: str) -> pa.Table:
        """The table an earlier step handed on."""
        return pq.read_table(self.folder / f"{name}.parquet")

    def note(self, name: str, facts: Any) -> None:
        """Hand plain facts on."""
        draft = self.folder / f"{name}.json.draft"
        draft.write_text(json.dumps(facts))
        draft.replace(self.folder / f"{name}.json")

    def noted(self, name: str) -> Any:
        """The plain facts an earlier step handed on."""
        return json.loads((self.folder / f"{name}.json").read_text())

    @cached_property
    def relationships(self) -> tuple[Ints, Ints]:
        """(party, relationship) of everybody in the books, by party."""
        found, parties = bulk.read(Relationship.objects.filter(brand=self.brand), "id", "party_id")
        party = np.array(parties, dtype=np.int64)
        order = np.argsort(party, kind="stable")
        return party[order], np.array(found, dtype=np.int64)[order]

    def with_relationship(self, rows: pa.Table) -> pa.Table:
        """Rows of people who are in the books, with relationship_id in place of party_id."""
        parties, relationships = self.relationships
        at = place_of(rows["party_id"].to_numpy(), parties)
        known = rows.filter(pa.array(at >= 0)).drop_columns(["party_id"])
        return known.add_column(0, "relationship_id", pa.array(relationships[at[at >= 0]]))

    @contextmanager
    def events(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A DuckDB connection and the name of a view of every event this night may see."""
        with staging.columns() as db:
            history = History(home.history_folder())
            yield db, history.relation(db, before=end_of(self.as_of, self.brand), without=take_in.hidden_loads())

    def previous(self, name: str) -> pa.Table | None:
        """The same table as the last finished night left it, None where there is none: then everything is written."""
        last = Night.objects.filter(state="done").order_by("-ended_at", "-id").first()
        if last is None:
            return None
        path = home.night_folder(last.pk) / f"{name}.parquet"
        return pq.read_table(path) if path.exists() else None


def place_of(wanted: npt.NDArray[Any], keys: npt.NDArray[Any]) -> Ints:
    """Where each wanted value stands among the sorted, distinct keys; -1 where it does not."""
    at = np.searchsorted(keys, wanted)
    at[at == len(keys)] = 0
    found = keys[at] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)
    return np.where(found, at, -1).astype(np.int64)


def changed_rows(now: pa.Table, before: pa.Table | None, *, key: list[str]) -> pa.Table:
    """The rows of `now` that `before` does not hold just so. Both have distinct keys; the order of `now` is kept."""
    if before is None or before.schema != now.schema:
        return now
    with staging.columns() as db:
        db.register("now_rows", now.append_column("place", pa.array(np.arange(now.num_rows))))
        db.register("rows_before", before)
        on = " AND ".join(f'n."{name}" = b."{name}"' for name in key)
        same = " AND ".join(f'n."{name}" IS NOT DISTINCT FROM b."{name}"' for name in now.column_names)
        places = db.sql(
            f"SELECT place FROM now_rows n LEFT JOIN rows_before b ON {on} AND {same} "  # noqa: S608  # own names
            f'WHERE b."{key[0]}" IS NULL ORDER BY place'
        ).to_arrow_table()
    return now.take(places["place"])


def ordinal(column: pa.ChunkedArray | pa.Array) -> Ints:
    """Days since 1970-01-01; the least integer where there is no day."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(
        array.cast(pa.int32()).cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False),
        dtype=np.int64,
    )


def days(ordinals: npt.NDArray[Any], *, unknown: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """date32 of days since 1970-01-01, null where unknown."""
    filled = ordinals if unknown is None else np.where(unknown, 0, ordinals)
    return pa.array(filled.astype(np.int32), mask=unknown).cast(pa.date32())


def floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """float64 with NaN where null."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
