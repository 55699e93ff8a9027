"""Bring the events that were told and wait into the history.

1. what a gathering that was cut off left behind goes: its load was never taken in, its events wait still;
2. what waits becomes one load a source and teller: looked at, cleaned, counted, undone like any other. An event told
   before, whatever the road, is recognised there and counted once;
3. only what is in the history stops waiting.

Cut off between 2 and 3, the next time tells the history what it knows and nothing changes. A load that goes on
meanwhile leaves everything waiting. A request whose events no load can take waits on, with the reason in the log and on
the page of its load that failed, and keeps no other waiting.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import Intake, IntakeState
from rekindle.relationships.vocabulary import IntakeKind
from rekindle.workflows import events_waiting, take_in
from rekindle.workflows.alone import alone
from rekindle.workflows.deeds import batch
from rekindle.workflows.events_waiting import Batch

WAITS: Final = timedelta(seconds=30)
"""So long an event waits at most for others: a load has its price, however small, and leaves a commit behind for
good. Our choice: somebody who looks at a person sees what happened a minute ago."""

MANY: Final = 20_000
"""So many that wait do not wait for more. Our choice: a load of them takes about a second."""

A_LOAD_AT_MOST: Final = 200_000

_NAME: Final = "told-"
_log = logging.getLogger(__name__)


def gather_due() -> tuple[int, ...]:
    """Gather where something has waited for WAITS, or MANY wait; gives the loads."""
    count, since = events_waiting.how_many()
    if since is None or (count < MANY and datetime.now(UTC) - since < WAITS):
        return ()
    return gather()


def gather() -> tuple[int, ...]:
    """All three steps for what waits now; gives the loads. Raises Conflict where another process gathers."""
    if not events_waiting.how_many()[0]:
        return ()
    loads: list[int] = []
    with alone("told-events", doing="Gathering what was told"):
        some = events_waiting.waiting(at_most=A_LOAD_AT_MOST)
        _clear()
        groups: dict[tuple[str, int], list[Batch]] = {}
        for one in some:
            groups.setdefault((one.source, one.teller), []).append(one)
        try:
            for group in groups.values():
                loads += _taken(group)
        except Conflict as error:
            _log.warning("events that were told wait on: %s", error)
    return tuple(loads)


def _taken(some: Sequence[Batch]) -> list[int]:
    """The loads of these batches of one source and teller, who wait no more."""
    try:
        load = _load(some)
    except BadInput as error:
        if isinstance(error.__cause__, OSError) or "disk is full" in str(error):
            raise
        if len(some) > 1:  # whichever it is must not keep the others waiting
            return [number for one in some for number in _taken([one])]
        _log.exception("events that were told cannot be taken in, and wait on")
        return []
    events_waiting.settle([one.number for one in some])
    return [load.pk]


def _load(some: Sequence[Batch]) -> Intake:
    folder = home.uploads_folder() / f"{_NAME}{some[0].number}-{secrets.token_hex(8)}"
    teller = User.objects.filter(pk=some[0].teller).first()
    rows = [
        {**event, "occurred_at": datetime.fromisoformat(event["occurred_at"])} for one in some for event in one.events
    ]
    intake = batch.begun(rows, folder, source=some[0].source, by=teller)
    twin = Intake.objects.filter(fingerprint=intake.fingerprint, state=IntakeState.TAKEN.value).first()
    if twin is not None:  # cut off after the load and before its events stopped waiting
        batch.drop(intake, folder)
        return twin
    try:
        return take_in.commit(take_in.stage(intake))
    except Conflict:
        intake.refresh_from_db()
        if intake.state == IntakeState.STAGED.value:
            batch.drop(intake, folder)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear() -> None:
    """Loads that a gathering began and never took in, and their files."""
    left = [IntakeState.SURVEYED.value, IntakeState.STAGED.value, IntakeState.FAILED.value]
    uploads = home.uploads_folder()
    for intake in Intake.objects.filter(state__in=left, kind=IntakeKind.EVENTS.value):
        folder = Path(intake.files[0]).parent if intake.files else Path()
        if folder.parent == uploads and folder.name.startswith(_NAME):
            batch.drop(intake, folder)
