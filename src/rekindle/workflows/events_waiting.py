"""Events that were told and wait for the history: on the disk before their sender gets the answer.

1. keep     what one request tells, each event once; requests that come together share one commit
2. waiting  what waits, oldest first, as many events as one load should hold
3. settle   what reached the history goes
4. forget_waiting   what waits about one person goes at once

It all lies in one SQLite file of the home folder beside the history, never in the books: a load that holds the books'
write lock keeps no sender waiting. Every commit is flushed to the disk before anybody is told of it, and what goes is
overwritten. An event is known here by its source and number, or by what it says and by being the n-th that says so in
its request: just as the history knows it (`staging.write_rows`), which stays the judge of what is there for good.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from rekindle import home
from rekindle.errors import RekindleError

PATIENCE_SECONDS: Final = 20.0
"""So long a writer waits for another process at the same file. Our choice."""

_ASKED_AT_ONCE: Final = 10_000
"""Keys in one question; SQLite takes 32,766."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, source TEXT NOT NULL, teller INTEGER NOT NULL,
    events INTEGER NOT NULL, told TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS known (key BLOB PRIMARY KEY, batch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """What one request told and nobody had told before: `events` as their sender wrote them, fields left out left out.

    teller   number of the member of staff in whose name it was told
    """

    number: int
    at: datetime
    source: str
    teller: int
    events: tuple[dict[str, Any], ...]


@dataclass
class _Telling:
    """One request in line for the next commit."""

    source: str
    teller: int
    events: Sequence[dict[str, Any]]
    keys: Sequence[bytes]
    kept: int | None = None
    error: Exception | None = None


class _Books:
    """The file of one home folder as this process writes to it; one commit at a time."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.line: list[_Telling] = []
        self._place: Path | None = None
        self._open: sqlite3.Connection | None = None

    def connection(self) -> sqlite3.Connection:
        """The writer's connection; only who holds `turn` may ask. It stays open: closing it would flush it all."""
        place = _file()
        if self._open is None or place != self._place or not place.exists():
            self.close()
            self._place, self._open = place, _connect(place)
        return self._open

    def close(self) -> None:
        """Let go of the file; whatever went wrong with it, the next commit opens it anew."""
        if self._open is not None:
            self._open.close()
        self._open = None


_books: Final = _Books()


def keep(events: Sequence[dict[str, Any]], *, source: str, teller: int) -> int:
    """Keep the events that do not wait already; gives how many. They are on the disk when this returns.

    events   of one request: `who`, `email`, `phone`, `occurred_at` (an instant with its zone) and the other fields of
             `deeds.batch.Event`, as JSON would hold them
    Raises RekindleError where they cannot be written: nothing of them was kept.
    """
    mine = _Telling(source, teller, events, _keys(events, source))
    _books.line.append(mine)  # a list takes one from each thread without a lock
    with _books.turn:
        # Whoever had the turn before may have written this along with theirs.
        if mine.kept is None and mine.error is None:
            _commit_line()
    if mine.error is not None or mine.kept is None:
        raise RekindleError(
            "the events cannot be written down at this moment.", remedy="Send them again in a few seconds."
        ) from mine.error
    return mine.kept


def waiting(*, at_most: int) -> list[Batch]:
    """The oldest batches, whole, until they hold `at_most` events; at least one where any waits."""
    if not _file().exists():
        return []
    found: list[Batch] = []
    held = 0
    with _reading() as db:
        rows = db.execute("SELECT number, at, source, teller, events, told FROM batch ORDER BY number")
        for number, at, source, teller, events, told in rows:
            if found and held + events > at_most:
                break
            held += events
            found.append(Batch(number, datetime.fromtimestamp(at, UTC), source, teller, tuple(json.loads(told))))
    return found


def how_many() -> tuple[int, datetime | None]:
    """(events that wait, since when the oldest does)."""
    if not _file().exists():
        return 0, None
    with _reading() as db:
        count, oldest = db.execute("SELECT coalesce(sum(events), 0), min(at) FROM batch").fetchone()
    return count, None if oldest is None else datetime.fromtimestamp(oldest, UTC)


def settle(numbers: Collection[int]) -> None:
    """These batches reached the history: they go, and their words with them."""
    with _changing() as db:
        for number in numbers:
            db.execute("DELETE FROM batch WHERE number = ?", [number])
        db.execute("CREATE TEMP TABLE IF NOT EXISTS gone (number INTEGER PRIMARY KEY)")
        db.execute("DELETE FROM gone")
        db.executemany("INSERT INTO gone VALUES (?)", [[number] for number in numbers])
        db.execute("DELETE FROM known WHERE batch IN (SELECT number FROM gone)")


def forget_waiting(identities: Iterable[tuple[str, str, str]]) -> int:
    """Take away what waits about one person; gives how many events.

    identities   (column `who`, `email` or `phone`; value; source, which counts for `who` alone)
    """
    theirs = {(name, value.casefold(), source if name == "who" else "") for name, value, source in identities}
    if not theirs or not _file().exists():
        return 0
    gone = 0
    with _changing() as db:
        for number, source, told in db.execute("SELECT number, source, told FROM batch").fetchall():
            events = json.loads(told)
            stay = [event for event in events if not _is_about(event, theirs, source=source)]
            if len(stay) < len(events):
                gone += len(events) - len(stay)
                if stay:
                    said = [json.dumps(stay, ensure_ascii=False), len(stay), number]
                    db.execute("UPDATE batch SET told = ?, events = ? WHERE number = ?", said)
                else:
                    db.execute("DELETE FROM batch WHERE number = ?", [number])
                    db.execute("DELETE FROM known WHERE batch = ?", [number])
    return gone


def _is_about(event: dict[str, Any], theirs: set[tuple[str, str, str]], *, source: str) -> bool:
    return any(
        (name, str(event.get(name) or "").strip().casefold(), source if name == "who" else "") in theirs
        for name in ("who", "email", "phone")
    )


def _keys(events: Sequence[dict[str, Any]], source: str) -> list[bytes]:
    """What tells each event from every other that may wait, 16 bytes each; equal ones of one request are counted."""
    seen: dict[bytes, int] = {}
    found = []
    for event in events:
        number = str(event.get("event_id") or "").strip()
        said = [source, "number", number] if number else [source, *_says(event)]
        key = blake2b("\x1f".join(said).encode(), digest_size=16).digest()
        if not number:
            seen[key] = nth = seen.get(key, 0) + 1
            key = key if nth == 1 else blake2b(key + nth.to_bytes(4), digest_size=16).digest()
        found.append(key)
    return found


def _says(event: dict[str, Any]) -> list[str]:
    who, email, phone = (str(event.get(name) or "").strip() for name in ("who", "email", "phone"))
    amount = event.get("amount")
    return [
        f"who {who}" if who else f"email {email.lower()}" if email else f"phone {phone}",
        datetime.fromisoformat(event["occurred_at"]).astimezone(UTC).isoformat(),
        event["kind"],
        "" if amount is None else f"{Decimal(amount).normalize():f}",
        *(str(event.get(name) if event.get(name) is not None else "").strip()
          for name in ("currency", "quantity", "channel", "ref")),
    ]  # fmt: skip


def _commit_line() -> None:
    """Everybody in line with one commit; each is told what became of theirs."""
    some = _books.line[:]
    del _books.line[: len(some)]
    try:
        db = _books.connection()
        db.execute("BEGIN IMMEDIATE")
        counted = [_written(db, one) for one in some]
        db.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        _log.exception("events that were told could not be written down")
        _books.close()
        for one in some:
            one.error = error
        return
    for one, kept in zip(some, counted, strict=True):
        one.kept = kept


def _written(db: sqlite3.Connection, one: _Telling) -> int:
    known = _known(db, one.keys)
    fresh: dict[bytes, dict[str, Any]] = {}
    for key, event in zip(one.keys, one.events, strict=True):
        if key not in known:
            fresh.setdefault(key, event)
    if not fresh:
        return 0
    said = json.dumps(list(fresh.values()), ensure_ascii=False)
    number = db.execute(
        "INSERT INTO batch (at, source, teller, events, told) VALUES (?, ?, ?, ?, ?)",
        [datetime.now(UTC).timestamp(), one.source, one.teller, len(fresh), said],
    ).lastrowid
    db.executemany("INSERT INTO known (key, batch) VALUES (?, ?)", [(key, number) for key in fresh])
    return len(fresh)


def _known(db: sqlite3.Connection, keys: Sequence[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for start in range(0, len(keys), _ASKED_AT_ONCE):
        some = keys[start : start + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(some))
        found |= {row[0] for row in db.execute(f"SELECT key FROM known WHERE key IN ({marks})", some)}  # noqa: S608  # question marks
    return found


def _file() -> Path:
    return home.home() / "told" / "events.sqlite3"


def _connect(place: Path) -> sqlite3.Connection:
    home.prepare()
    place.parent.mkdir(mode=0o700, exist_ok=True)
    # Made before SQLite opens it, which would let everybody read it; its companions take its mode.
    os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(place, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
        db.executescript(_TABLES)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _reading() -> Iterator[sqlite3.Connection]:
    with closing(_connect(_file())) as db:
        yield db


@contextmanager
def _changing() -> Iterator[sqlite3.Connection]:
    """A change in one commit on a connection of its own, after which the log of changes holds no old words either."""
    with closing(_connect(_file())) as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
