"""What happens to a message, written once: its new state and a line of its trail, by whoever still holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rekindle.journal.models import Message, MessageAttempt, MessageState
from rekindle.journal.models.message import OPEN
from rekindle.workflows.hooks_out import tell
from rekindle.workflows.outbox import clock

DEFERRED: Final = "deferred"
"""The phase of a try that ended back in the queue."""
_NOT_OVER: Final = (*OPEN, MessageState.UNKNOWN)


@dataclass(frozen=True)
class Change:
    """What is to become of one message.

    why     the words of the trail; error: what the row shows as its last error, where that is something else
    phase   of the trail, where it is not the state
    code    the number of the other side's answer
    fields  further columns of the row, as plain values
    """

    row: Message
    to: MessageState
    why: str = ""
    error: str | None = None
    phase: str = ""
    code: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def columns(self, *, at: datetime) -> dict[str, Any]:
        """The columns of the row and what is to stand in them."""
        error = self.why if self.error is None else self.error
        return {
            "state": self.to.value, "lease_until": None, "claimed_by": "", "last_error": error[:300],
            "final_at": None if self.to in _NOT_OVER else at, **self.fields,
        }  # fmt: skip


def change(
    row: Message, to: MessageState, *, was: Iterable[MessageState], at: datetime, worker: str = "", **told: Any
) -> bool:
    """Compare and set by epoch and state; False where others went on with it meanwhile, and nothing was changed.

    told  `why`, `error`, `phase` and `code` of a `Change`, and further columns of the row
    """
    words = {name: told.pop(name) for name in ("why", "error", "phase", "code") if name in told}
    return bool(change_all([Change(row, to, **words, fields=told)], was=was, at=at, worker=worker))


def change_all(
    changes: Sequence[Change], *, was: Iterable[MessageState], at: datetime, worker: str = ""
) -> list[Message]:
    """The same for many at once, inside the caller's transaction; gives the rows that were changed."""
    if not changes:
        return []
    wanted = {one.row.pk: one.row.epoch for one in changes}
    held = Message.objects.select_for_update(of=("self",)).filter(
        pk__in=wanted, state__in=[state.value for state in was]
    )
    ours = {pk for pk, epoch in held.order_by("pk").values_list("pk", "epoch") if epoch == wanted[pk]}
    done = [one for one in changes if one.row.pk in ours]
    for columns, rows in _alike(done, at=at):
        Message.objects.filter(pk__in=[row.pk for row in rows]).update(**columns)
        for row in rows:
            for name, value in columns.items():
                setattr(row, name, value)
    MessageAttempt.objects.bulk_create(
        _line(one.row, one.phase or one.to.value, at=at, worker=worker, code=one.code, reply=one.why) for one in done
    )
    tell.messages([one.row for one in done])
    return [one.row for one in done]


def note(
    row: Message, phase: str, *, at: datetime | None = None, worker: str = "", code: int | None = None, reply: str = ""
) -> None:
    """One line of the trail. `reply` is cut at 300 letters."""
    _line(row, phase, at=at or clock.now(), worker=worker, code=code, reply=reply).save()


def _alike(changes: Iterable[Change], *, at: datetime) -> Iterable[tuple[dict[str, Any], list[Message]]]:
    """(what is to stand in the columns, the rows in which it is the same): one statement each."""
    groups: dict[str, tuple[dict[str, Any], list[Message]]] = {}
    for one in changes:
        columns = one.columns(at=at)
        group = groups.setdefault(repr(sorted(columns.items())), (columns, []))
        group[1].append(one.row)
    return groups.values()


def _line(row: Message, phase: str, *, at: datetime, worker: str, code: int | None, reply: str) -> MessageAttempt:
    return MessageAttempt(
        message_id=row.pk, epoch=row.epoch, phase=phase, at=at, code=code, reply=reply[:300], worker=worker
    )
