"""The files behind the history: which the Delta log names, which may hold what is asked for, and SQL over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from rekindle.errors import BadInput

EVENTS = pa.schema(
    [
        ("event_key", pa.int64()),
        ("event_id", pa.string()),
        ("party_id", pa.int64()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("kind", pa.string()),
        ("amount_minor", pa.int64()),
        ("currency", pa.string()),
        ("quantity", pa.float64()),
        ("channel", pa.string()),
        ("ref", pa.string()),
        ("properties", pa.string()),
        ("source", pa.string()),
        ("intake", pa.int64()),
    ]
)
"""One row an event. event_key is a stable hash; event_id is null unless the source gave one."""

A_MILLISECOND = timedelta(milliseconds=1)
"""The Delta log cuts its greatest instants down to milliseconds."""


@dataclass(frozen=True)
class EventFile:
    """One data file of the current version, with what the Delta log knows of it."""

    path: str
    first_party: int | None
    last_party: int | None
    first_at: datetime | None
    last_at: datetime | None
    first_intake: int | None
    last_intake: int | None


def files_of(table: DeltaTable, *, folder: Path) -> Iterator[EventFile]:
    actions = pa.table(table.get_add_actions(flatten=True))
    for row in actions.to_pylist():
        yield EventFile(
            str(folder / unquote(row["path"])),
            row.get("min.party_id"),
            row.get("max.party_id"),
            row.get("min.occurred_at"),
            None if row.get("max.occurred_at") is None else row["max.occurred_at"] + A_MILLISECOND,
            row.get("min.intake"),
            row.get("max.intake"),
        )


def may_hold(
    file: EventFile,
    *,
    before: datetime | None,
    without: Sequence[int],
    intakes: Sequence[int] | None = None,
    since: datetime | None = None,
) -> bool:
    """False only where the file's statistics rule out every wanted row."""
    if before is not None and file.first_at is not None and file.first_at >= before:
        return False
    if file.first_intake is None or file.last_intake is None:
        return True
    if file.first_intake == file.last_intake and file.first_intake in without:
        return False
    if intakes is None and since is None:
        return True
    loaded = any(file.first_intake <= intake <= file.last_intake for intake in intakes or ())
    return loaded or (since is not None and (file.last_at is None or file.last_at >= since))


def overlaps(file: EventFile, *, first: datetime | None, last: datetime | None) -> bool:
    if first is None or last is None:
        return False
    return file.first_at is None or file.last_at is None or (file.first_at <= last and first <= file.last_at)


def select(files: Sequence[str], *, test: str) -> str:
    columns = ", ".join(EVENTS.names)
    if not files:
        nothing = ", ".join(f"CAST(NULL AS {_sql_type(field.type)}) AS {field.name}" for field in EVENTS)
        return f"SELECT {nothing} WHERE FALSE"
    paths = ", ".join(text(path) for path in files)
    return f"SELECT {columns} FROM read_parquet([{paths}]) WHERE {test}"  # noqa: S608  own names, quoted paths


def _sql_type(kind: pa.DataType) -> str:
    names = {pa.int64(): "BIGINT", pa.string(): "VARCHAR", pa.float64(): "DOUBLE"}
    return names.get(kind, "TIMESTAMPTZ")


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def name_of(value: str) -> str:
    if not value.isidentifier():
        raise BadInput(f"'{value}' cannot be the name of a view.", remedy="Use letters, digits and _.")
    return f'"{value}"'


def numbers(intakes: Sequence[int]) -> str:
    return ", ".join(str(int(intake)) for intake in intakes)


def instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise BadInput(f"{at} has no time zone.", remedy="Pass an instant in UTC.")
    return f"TIMESTAMPTZ '{at.astimezone(UTC).isoformat()}'"
