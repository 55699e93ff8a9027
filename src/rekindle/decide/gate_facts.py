"""What the rules of contact look at: one row a person, the consents, and the touches that were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.errors import BadInput

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Instants = NDArray[np.datetime64]

_INSTANT: Final = pa.timestamp("us", tz="UTC")

PEOPLE: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("has_email", pa.bool_()),
        ("has_phone", pa.bool_()),
        ("has_address", pa.bool_()),
        ("has_handle", pa.bool_()),
        ("suppressed", pa.bool_()),
        ("closed", pa.bool_()),
        ("deceased", pa.bool_()),
        ("live", pa.bool_()),
        ("country", pa.string()),  # ISO 3166-1, two letters; null or another word: the strictest law
        ("time_zone", pa.string()),  # IANA name; null: every zone of the country
        ("last_purchase", _INSTANT),  # these three start the clocks of law; null: not known, or never
        ("last_contact", _INSTANT),  # the last sign of life that counts; opening a mail never does
        ("ended_at", _INSTANT),
        ("cooling_off", pa.bool_()),
        ("cooling_until", _INSTANT),
        ("reply_only", pa.bool_()),
        ("own_thread", pa.bool_()),  # they wrote and wait for an answer; null: they do not
        ("over", pa.bool_()),  # it has ended and no new life has begun
        ("old_friend", pa.bool_()),  # the ending desk placed them on a steady, low cadence; null: it did not
        ("want_back", pa.string()),  # a WantBack; null: undecided
        ("open_case", pa.bool_()),
        ("mend_open", pa.bool_()),  # something is owed and not yet made good
        ("holdout", pa.bool_()),  # column left out: nobody is assigned; null: not known, which refuses
        ("do_not_wake", pa.bool_()),  # column left out: nobody is listed; null: not known, which refuses
        ("do_not_wake_until", _INSTANT),
        ("asked_later", pa.bool_()),  # they named a day before which they would rather not hear; null: they did not
        ("asked_until", _INSTANT),  # that day's beginning; null beside a yes: nobody can tell, which refuses
        ("how_often", pa.string()),  # a HowOften, the limit they named; null: none
        ("unfit", pa.string()),  # what the message lacks; column left out, or null: nothing, or there is no message yet
        ("said_before", pa.bool_()),  # they have this content already; likewise
        ("written_today", pa.bool_()),  # something of ours reached them on this day of theirs; likewise
        ("next_day", _INSTANT),  # the first instant of their next day
    ]
)
"""One row a person. A null, or a column left out, is a fact not known, unless its line says otherwise."""

CONSENTS: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("channel", pa.string()),  # null: every road
        ("purpose", pa.string()),  # a TouchClass; null: every purpose
        ("basis", pa.string()),  # a Basis; null grants nothing
        ("given", pa.bool_()),  # false, or null: withdrawn, objected
        ("at", _INSTANT),
        ("expires_at", _INSTANT),  # null: no day of its own; the clock of law runs all the same
    ]
)
"""One row: one time somebody allowed or forbade something."""

TOUCHES: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("at", _INSTANT),
        ("touch_class", pa.string()),
        ("channel", pa.string()),
    ]
)
"""One row: one time we reached out, done and not only planned."""


@dataclass(frozen=True)
class Facts:
    """What the rules look at, made ready by `gather`.

    consents    in any order; None: no consents were read
    touches     in any order; None: they were not read
    home_zones  zones in which somebody plausibly lives of whom neither zone nor country is known
    """

    people: pa.Table
    consents: pa.Table | None
    touches: pa.Table | None = None
    home_zones: tuple[str, ...] = ()

    def take(self, rows: Ints) -> Facts:
        """The same facts for some of the people, in the order given; consents and touches are shared."""
        return Facts(self.people.take(pa.array(rows)), self.consents, self.touches, self.home_zones)


def gather(
    *,
    people: pa.Table,
    consents: pa.Table | None,
    touches: pa.Table | None = None,
    home_zones: Sequence[str] = (),
) -> Facts:
    """Facts made ready for `eligibility.check`.

    people      PEOPLE, any columns left out count as not known; party_id is needed
    consents    CONSENTS of these people (others are ignored), any order; None where they could not be read
    touches     TOUCHES likewise
    home_zones  see Facts
    Raises BadInput naming a column that is missing.
    """
    if "party_id" not in people.column_names:
        raise BadInput("no column party_id", where="people to check")
    if consents is not None:
        consents = _of(consents, schema=CONSENTS, where="consents")
    if touches is not None:
        touches = _of(touches, schema=TOUCHES, where="touches")
    return Facts(people, consents, touches, tuple(home_zones))


def _of(table: pa.Table, *, schema: pa.Schema, where: str) -> pa.Table:
    for name in schema.names:
        if name not in table.column_names:
            raise BadInput(f"no column {name}", where=where)
    return table.select(schema.names).cast(schema)


def instant(at: datetime) -> np.datetime64:
    """An instant in UTC microseconds. Raises BadInput where the time zone is missing."""
    if at.tzinfo is None:
        raise BadInput(f"{at} has no time zone", where="the instant to check", remedy="Pass an aware datetime.")
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


def instants(column: pa.ChunkedArray) -> Instants:
    """datetime64[us] in UTC, NaT where null."""
    return np.asarray(column.cast(pa.timestamp("us")).to_numpy(), dtype="datetime64[us]")


def never(n: int) -> Instants:
    """(n,) of no instant at all."""
    return np.full(n, np.datetime64("NaT", "us"))


class Known:
    """Columns of PEOPLE read as yes, no or unknown; a column left out is unknown for everybody."""

    def __init__(self, people: pa.Table) -> None:
        self._people = people
        self.everybody: Bools = np.ones(len(people), dtype=np.bool_)
        self.nobody: Bools = np.zeros(len(people), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self._people)

    def has(self, name: str) -> bool:
        return name in self._people.column_names

    def yes(self, name: str) -> Bools:
        if not self.has(name):
            return self.nobody
        filled = compute.fill_null(self._people[name], False)
        return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def unknown(self, name: str) -> Bools:
        if not self.has(name):
            return self.everybody
        if not self._people[name].null_count:
            return self.nobody
        return np.asarray(compute.is_null(self._people[name]).to_numpy(zero_copy_only=False), dtype=np.bool_)

    def instants(self, name: str) -> Instants:
        return instants(self._people[name]) if self.has(name) else never(len(self))

    def words(self, name: str) -> pa.ChunkedArray:
        """A column of text; all null where it was left out."""
        if self.has(name):
            return self._people[name].cast(pa.string())
        return pa.chunked_array([pa.nulls(len(self), pa.string())])

    def filled(self, name: str) -> Bools:
        """Whether a column of text says anything; a column left out says nothing."""
        found = compute.greater(compute.utf8_length(compute.fill_null(self.words(name), "")), 0)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def is_one_of(self, name: str, *words: str) -> Bools:
        """Whether the word is among those; null is not."""
        found = compute.is_in(self.words(name), value_set=pa.array(words, pa.string()))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)
