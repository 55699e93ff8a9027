"""Rows into and out of the books by the million: columns go in, columns come out, no objects on the way.

Everything that writes more than a handful of rows goes through `insert` and `update`. On SQLite one prepared
statement runs over a batch; on PostgreSQL the batch is copied into a temporary table and joined from there. Outside
a transaction each batch commits by itself with a short pause, so that a page that wants to write gets its turn
between two batches; inside one, all batches stand or fall together.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 5_000
ROOM_KIB = 262_144  # of SQLite's cache during bulk work
PAGES_KIB = 65_536  # and otherwise, as in settings
PAUSE_SECONDS = 0.003  # long enough for a waiting writer to be next, short enough not to be felt


def insert(
    model: type[models.Model],
    rows: pa.Table,
    *,
    conflict: Sequence[str] = (),
    update: Sequence[str] = (),
    where: str = "",
) -> int:
    """Insert rows; where `conflict` columns meet an existing row, set the `update` columns or, without any, skip.

    rows    columns named like the table's columns (a foreign key as `party_id`); JSON columns hold JSON text
    where   condition of a partial unique index the conflict columns belong to, as SQL
    Gives the number of rows handed over. Column names come from the code alone, never from a user.
    """
    columns = _known(model, rows.column_names)
    _known(model, [*conflict, *update])
    quoted = ", ".join(f'"{name}"' for name in columns)
    clause = ""
    if conflict:
        target = ", ".join(f'"{name}"' for name in conflict)
        partial = f" WHERE {where}" if where else ""
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in update)
        clause = f" ON CONFLICT ({target}){partial} " + (f"DO UPDATE SET {sets}" if update else "DO NOTHING")
    table = model._meta.db_table
    for batch in _batches(rows):
        with _turn(), connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                marks = ", ".join("?" * len(columns))
                statement = f'INSERT INTO "{table}" ({quoted}) VALUES ({marks}){clause}'  # noqa: S608  # own names
                cursor.connection.executemany(statement, _tuples(batch))
            else:
                _copy(cursor, "bulk_rows", table, batch)
                cursor.execute(
                    f'INSERT INTO "{table}" ({quoted}) SELECT {quoted} FROM bulk_rows{clause}'  # noqa: S608  # own names
                )
    return int(rows.num_rows)


def update(model: type[models.Model], rows: pa.Table, *, key: str = "id") -> int:
    """Set every other column of `rows` on the rows of the table whose `key` is the same."""
    columns = [name for name in _known(model, rows.column_names) if name != key]
    table = model._meta.db_table
    for batch in _batches(rows):
        with _turn(), connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                sets = ", ".join(f'"{name}" = ?' for name in columns)
                statement = f'UPDATE "{table}" SET {sets} WHERE "{key}" = ?'  # noqa: S608  # own names
                cursor.connection.executemany(statement, _tuples(batch.select([*columns, key])))
            else:
                _copy(cursor, "bulk_rows", table, batch)
                sets = ", ".join(f'"{name}" = bulk_rows."{name}"' for name in columns)
                cursor.execute(
                    f'UPDATE "{table}" SET {sets} FROM bulk_rows WHERE "{table}"."{key}" = bulk_rows."{key}"'  # noqa: S608
                )
    return int(rows.num_rows)


def read(queryset: models.QuerySet[Any, Any], *fields: str) -> list[list[Any]]:
    """The fields of a query as columns, without building objects; one list a field, in the order of the query."""
    compiler_sql, parameters = queryset.order_by().values_list(*fields).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(compiler_sql, parameters)
        rows = cursor.fetchall()
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in fields]


def reserve(model: type[models.Model], count: int) -> int:
    """The first of `count` fresh ids of that table, never given to anyone else. A gap is left if they stay unused.

    Call it inside the transaction that inserts them.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # Django makes AUTOINCREMENT keys: the counter never goes back, even after a delete.
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            found = cursor.fetchone()
            first = (found[0] if found else 0) + 1
            if found:
                cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [first + count - 1, table])
            else:
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count])
        else:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [table])
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
            first = int(cursor.fetchone()[0])
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, first + count - 1])
    return int(first)


@contextmanager
def in_earnest() -> Iterator[None]:
    """For work that writes millions of rows it could write again: room for the indexes, and no wait for the disk.

    On SQLite a commit inside the block may be lost with the power, together with every later one, never an earlier
    one and never half: the log is in order. A step noted as done is therefore done, and the first commit after the
    block waits for the disk again. PostgreSQL is left as it is, and so is a caller's transaction, which waits anyway.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA cache_size=-{ROOM_KIB}")
        cursor.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute(f"PRAGMA cache_size=-{PAGES_KIB}")


def _known(model: type[models.Model], names: Sequence[str]) -> list[str]:
    columns = {str(field.column) for field in model._meta.concrete_fields}
    for name in names:
        if name not in columns:
            raise ValueError(f"{model.__name__} has no column {name}; it has {', '.join(sorted(columns))}")
    return list(names)


@contextmanager
def _turn() -> Iterator[None]:
    """One batch in a transaction of its own, with a pause after it; part of the caller's where there is one."""
    if connection.in_atomic_block:
        connection.ensure_connection()
        yield
        return
    with transaction.atomic():
        yield
    if connection.vendor == "sqlite":
        time.sleep(PAUSE_SECONDS)


def _batches(rows: pa.Table) -> Iterator[pa.Table]:
    size = BATCH_ROWS if connection.vendor == "sqlite" else 20 * BATCH_ROWS
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Rows as Django writes them into SQLite: dates and instants as text, instants without their zone (UTC)."""
    import pyarrow as pa

    columns = []
    for column in rows.columns:
        kind = column.type
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us")).cast(pa.string())  # ISO; many times faster than strftime
        elif pa.types.is_date(kind):
            column = column.cast(pa.string())
        elif pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        columns.append(column.to_pylist())
    return zip(*columns, strict=True)


def _copy(cursor: Any, name: str, table: str, rows: pa.Table) -> None:
    """A temporary table like `table`, holding `rows`, gone at the end of the transaction."""
    import pyarrow.csv as csv

    quoted = ", ".join(f'"{column}"' for column in rows.column_names)
    cursor.execute(f'DROP TABLE IF EXISTS "{name}"')
    cursor.execute(
        f'CREATE TEMP TABLE "{name}" ON COMMIT DROP AS SELECT {quoted} FROM "{table}" WITH NO DATA'  # noqa: S608  # own names
    )
    text = io.BytesIO()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False, quoting_style="needed"))
    with cursor.copy(f'COPY "{name}" ({quoted}) FROM STDIN (FORMAT csv)') as copy:
        copy.write(text.getvalue())
