"""Columns about people, in the order in which they were asked for: one person as quickly as a million.

A query is built once by a function and asked about whoever is wanted: by name while they are few, of the whole table
where they are many. What the queries ask is in `contact_facts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]

# Up to here the parties are named in the query; above, the whole table is read once and matched in memory, which is
# faster than hundreds of index look-ups and stays under SQLite's limit of parameters.
NAMED_AT_MOST: Final = 500


@dataclass(frozen=True)
class AsOf:
    """The instant the facts are for, its day, and a year and a day before it: the longest window of the rules."""

    at: datetime
    day: date
    since: datetime

    @classmethod
    def of(cls, at: datetime) -> AsOf:
        return cls(at, at.date(), at - timedelta(days=366))


Build = Callable[[AsOf], QuerySet[Any]]
"""A query, by the instant it is for. A function of the module, so that what it compiles to can be kept."""

# No real value is like these: where they stand in a compiled query, the values of the question go.
_MARK: Final = AsOf.of(datetime(1111, 11, 11, 11, 11, 11, 111_111, tzinfo=UTC))
_MARK_ID: Final = -1_111_111_111_111
_SIZES: Final = (1, 8, 32, 96)
"""Of so many parties a query is kept; fewer are asked about as so many, the first of them more than once."""


@cache
def _compiled(build: Build, columns: tuple[str, ...], party: str, alias: str, size: int) -> tuple[str, tuple[Any, ...]]:
    """The SQL of a query about so many parties and its parameters with the marks in place.

    Django takes longer to write this SQL than the database to answer it, and the transaction that sends waits for both.
    """
    asked = {party: _MARK_ID} if size == 1 else {f"{party}__in": [_MARK_ID - place for place in range(size)]}
    query = build(_MARK).filter(**asked).order_by().values_list(party, *columns)
    sql, parameters = query.using(alias).query.get_compiler(alias).as_sql()
    return sql, tuple(parameters)


class Places:
    """Where each party stands in the columns asked for."""

    def __init__(self, party_ids: Sequence[int] | NDArray[np.int64], *, when: AsOf) -> None:
        self.ids = np.asarray(party_ids, dtype=np.int64)
        self.when = when
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, found: Sequence[int] | Ints) -> tuple[Ints, Bools]:
        """(positions of those asked for, which of `found` were asked for)."""
        wanted = np.asarray(found, dtype=np.int64)
        if not len(self.ids):
            return np.empty(0, dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
        at = np.searchsorted(self._sorted, wanted)
        asked = self._sorted[np.minimum(at, len(self.ids) - 1)] == wanted
        return self._order[at[asked]], asked

    def _sql(self, build: Build, columns: tuple[str, ...], *, party: str) -> tuple[str, Sequence[Any]]:
        """The SQL and its parameters: party first; only of parties asked for when they are few."""
        size = next((one for one in _SIZES if len(self.ids) <= one), 0)
        if not size:
            query = build(self.when)
            if len(self.ids) <= NAMED_AT_MOST:
                query = query.filter(**{f"{party}__in": self.ids.tolist()})
            return query.order_by().values_list(party, *columns).query.sql_with_params()
        sql, parameters = _compiled(build, columns, party, connection.alias, size)
        adapt, adapt_day = connection.ops.adapt_datetimefield_value, connection.ops.adapt_datefield_value
        here: dict[Any, Any] = {
            adapt(_MARK.at): adapt(self.when.at),
            adapt(_MARK.since): adapt(self.when.since),
            adapt_day(_MARK.day): adapt_day(self.when.day),
        }
        here |= {_MARK_ID - place: int(self.ids[place if place < len(self.ids) else 0]) for place in range(size)}
        return sql, [here.get(value, value) for value in parameters]

    def rows(self, build: Build, *columns: str, party: str = "party_id") -> list[list[Any]]:
        """The columns asked for, party first, one list a column."""
        if not len(self.ids):
            return [[] for _ in range(1 + len(columns))]
        sql, parameters = self._sql(build, columns, party=party)
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        return [list(column) for column in zip(*found, strict=True)] if found else [[] for _ in range(1 + len(columns))]

    def grouped(self, build: Build, *columns: str, party: str = "party_id") -> Iterator[tuple[tuple[Any, ...], Ints]]:
        """For each combination of values the query finds: the values, and the parties as one array.

        The database joins the numbers into one text: for a million rows some ten times faster than rows, each of
        which would become a Python tuple first. Made for columns with few different values.
        """
        if not len(self.ids):
            return
        sql, parameters = self._sql(build, columns, party=party)
        names = [f"c{number}" for number in range(len(columns))]
        joined = "group_concat(n)" if connection.vendor == "sqlite" else "string_agg(n::text, ',')"
        by = f" GROUP BY {', '.join(names)}" if names else ""
        with connection.cursor() as cursor:
            # The text comes from the code alone; values stay parameters.
            named, told = ", ".join(["n", *names]), ", ".join([*names, joined])
            cursor.execute(f"WITH found({named}) AS ({sql}) SELECT {told} FROM found{by}", parameters)  # noqa: S608
            for *values, text in cursor.fetchall():
                if text:
                    yield tuple(values), np.fromstring(text, dtype=np.int64, sep=",")


def instants(values: Sequence[Any]) -> Instants:
    """Instants as the books give them, or None, as UTC microseconds; NaT where there is none.

    SQLite gives text in UTC, PostgreSQL gives aware datetimes.
    """
    plain = [value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
    return np.array(plain, dtype="datetime64[us]")


def stamps(instants: Instants) -> pa.Array:
    return pa.array(instants).cast(pa.timestamp("us", tz="UTC"))
