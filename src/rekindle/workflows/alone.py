"""One at a time: a lock that the operating system or the database lets go of when its holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from django.db import connection

from rekindle import home
from rekindle.errors import Conflict


@contextmanager
def alone(name: str, *, doing: str) -> Iterator[None]:
    """Hold the lock `name` while the block runs; `doing` tells the next in line what is going on.

    A file lock beside SQLite books, a session lock in PostgreSQL, so that several hosts exclude one another too.
    Raises Conflict when somebody else holds it. Neither kind outlives a killed process.
    """
    busy = Conflict(f"{doing} is going on in another process.", remedy="Wait until it is done, then try again.")
    if connection.vendor == "postgresql":
        number = crc32(name.encode())
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
            if not cursor.fetchone()[0]:
                raise busy
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
        return
    folder = home.prepare() / "locks"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise busy from error
        yield
