"""What was told and has not arrived yet: one file a delivery, on the disk before the answer is given.

    told.json   events that wait for the history
    held.json   all of a delivery that the books could not take: nobody is known under its number, or they say otherwise

Each lies in a folder of its own among the uploads (`uploads/hook-<source>-<whom>-<delivery>/`), because that is where
forgetting somebody looks for their words. A delivery sent again writes the same file; a file goes only after what it
holds is in the history or in the books.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from rekindle import home
from rekindle.journal.models import WebhookSource
from rekindle.relationships.models import Party
from rekindle.workflows.hook_ends import digest
from rekindle.workflows.hook_people import numbers_of
from rekindle.workflows.hooks.told import Heard, Who

_TOLD: Final = "told.json"
_HELD: Final = "held.json"
_SHORT: Final = 16
"""Hex digits of a digest in a folder's name: enough that no two deliveries of a source ever share one."""


@dataclass(frozen=True)
class Waiting:
    """One delivery that waits: for the history, or, `is_held`, for the books."""

    source: int
    delivery: int
    received_on: date
    heard: Heard
    is_held: bool
    path: Path = Path()

    def remove(self) -> None:
        """It has arrived; what else of the same delivery waits, waits on."""
        self.path.unlink(missing_ok=True)
        if self.path.parent.exists() and not any(self.path.parent.iterdir()):
            shutil.rmtree(self.path.parent, ignore_errors=True)


def keep(waiting: Waiting, *, source: WebhookSource) -> Waiting:
    """Write it down for good: file and folder are on the disk when this returns."""
    whom = digest(source, named_by(waiting.heard.who).lower())[:_SHORT]
    number = digest(source, f"delivery {waiting.heard.number}")[:_SHORT]
    folder = home.uploads_folder() / f"hook-{source.pk}-{whom}-{number}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / (_HELD if waiting.is_held else _TOLD)
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_adapter().dump_json(replace(waiting, path=Path())))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    for place in (folder, folder.parent):
        _sync(place)
    return replace(waiting, path=path)


def named_by(who: Who) -> str:
    """How a source names somebody: by its number where it gives one, else by their address."""
    return who.number or who.email or who.phone


def waiting(*, source: WebhookSource | None = None, named: str = "", is_held: bool | None = None) -> Iterator[Waiting]:
    """What waits, oldest delivery first: everything, or one source's, or what it told of one customer.

    named    the number or address under which the source speaks of them
    is_held  only what waits for the books, or only what waits for the history; None: both
    """
    found = [one for path in _paths(source, named=named, is_held=is_held) if (one := _read(path)) is not None]
    yield from sorted(found, key=lambda one: (one.delivery, one.is_held))


def how_many(source: WebhookSource, *, is_held: bool) -> int:
    """How many of a source's deliveries wait for the books, or for the history, without opening any."""
    return sum(1 for _ in _paths(source, named="", is_held=is_held))


def forget_waiting(party: Party) -> int:
    """Remove what waits about one person, under any number or address of theirs; gives how many deliveries."""
    gone = 0
    for source in WebhookSource.objects.all():
        for named in numbers_of(party, source=source):
            for one in waiting(source=source, named=named):
                one.remove()
                gone += 1
    return gone


def _paths(source: WebhookSource | None, *, named: str, is_held: bool | None) -> Iterator[Path]:
    whom = digest(source, named.lower())[:_SHORT] if source is not None and named else "*"
    folders = f"hook-{source.pk if source is not None else '*'}-{whom}-*"
    for name in (_TOLD, _HELD):
        if is_held is None or is_held is (name == _HELD):
            yield from home.uploads_folder().glob(f"{folders}/{name}")


def _read(path: Path) -> Waiting | None:
    try:
        found: Waiting = _adapter().validate_json(path.read_bytes())
    except (ValidationError, FileNotFoundError):
        return None  # gathered by another process just now, or written by a later version: it stays where it is
    return replace(found, path=path)


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Waiting)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
