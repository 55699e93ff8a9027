"""What happens to a message, written once: its new state and a line of its trail, by whoever still holds it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from rekindle.journal.models import Message, MessageAttempt, MessageState
from rekindle.journal.models.message import OPEN
from rekindle.workflows.hooks_out import tell
from rekindle.workflows.outbox import clock

DEFERRED: Final = "deferred"
"""The phase of a try that ended back in the queue."""
_NOT_OVER: Final = (*OPEN, MessageState.UNKNOWN)


def change(
    row: Message,
    to: MessageState,
    *,
    was: Iterable[MessageState],
    at: datetime,
    why: str = "",
    error: str | None = None,
    phase: str = "",
    worker: str = "",
    code: int | None = None,
    **fields: Any,
) -> bool:
    """Compare and set by epoch and state; False where others went on with it meanwhile, and nothing was changed.

    why     the words of the trail; error: what the row shows as its last error, where that is something else
    phase   of the trail, where it is not the state
    fields  further columns of the row, as plain values
    """
    told = {
        "state": to.value, "lease_until": None, "claimed_by": "",
        "last_error": (why if error is None else error)[:300], "final_at": None if to in _NOT_OVER else at, **fields,
    }  # fmt: skip
    mine = Message.objects.filter(pk=row.pk, epoch=row.epoch, state__in=[state.value for state in was])
    if not mine.update(**told):
        return False
    for name, value in told.items():
        setattr(row, name, value)
    note(row, phase or to.value, at=at, worker=worker, code=code, reply=why)
    tell.message(row)
    return True


def note(
    row: Message, phase: str, *, at: datetime | None = None, worker: str = "", code: int | None = None, reply: str = ""
) -> None:
    """One line of the trail. `reply` is cut at 300 letters."""
    MessageAttempt.objects.create(
        message_id=row.pk, epoch=row.epoch, phase=phase, at=at or clock.now(), code=code, reply=reply[:300],
        worker=worker,
    )  # fmt: skip
