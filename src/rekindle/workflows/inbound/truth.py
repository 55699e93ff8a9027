"""What later became known about a message, and about the address it went to. The person's rows are held already.

The only place that moves a message out of "handed over": what their side says afterwards is the later truth. A
delivery never takes back a refusal, so that both give the same end in any order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rekindle.act.inbound.reports import is_hard
from rekindle.journal.models import Inbound, InboundKind, Message, MessageState
from rekindle.workflows.outbox import clock, fence
from rekindle.workflows.outbox.trail import change

SOFT: Final = 3
SOFT_WITHIN: Final = timedelta(days=14)
"""So many messages refused for a while within two weeks are an address that is dead. Our choice."""

_UNSURE: Final = frozenset({MessageState.UNKNOWN, MessageState.CLOSED_UNKNOWN, MessageState.HANDING_OVER})
_GONE: Final = _UNSURE | {MessageState.ACCEPTED}


def arrived(message: Message, *, why: str) -> bool:
    """They have it; False where that was known, or the opposite is."""
    row = _held(message)
    # Owed mail whose worker was lost waits to go again: it need not.
    waits_again = row.state == MessageState.QUEUED.value and row.handed_at is not None
    if MessageState(row.state) not in _UNSURE and not waits_again:
        return False
    return _move(row, MessageState.ACCEPTED, why=why)


def came_back(message: Message, *, code: str) -> bool:
    """They do not have it, whatever their server said first; False where that was known."""
    row = _held(message)
    if MessageState(row.state) not in _GONE:
        return False
    return _move(row, MessageState.FAILED, why=f"it came back: {code or 'without a number'}")


def is_dead(address: str, *, code: str, at: datetime) -> bool:
    """Whether an address is no road any more: refused for good, or for a while by `SOFT` messages in two weeks.

    Call it when the newest is kept: rows count in whatever order they came.
    """
    if is_hard(code):
        return True
    near = Inbound.objects.filter(
        kind=InboundKind.BOUNCED.value, message__recipient__iexact=address,
        occurred_at__gte=at - SOFT_WITHIN, occurred_at__lte=at + SOFT_WITHIN,
    )  # fmt: skip
    first: dict[int, datetime] = {}
    for number, told_at in near.order_by("occurred_at").values_list("message_id", "occurred_at")[:200]:
        first.setdefault(number, told_at)
    times = sorted(first.values())
    return any(late - early <= SOFT_WITHIN for early, late in zip(times, times[SOFT - 1 :], strict=False))


def _held(message: Message) -> Message:
    return Message.objects.select_for_update(of=("self",)).get(pk=message.pk)


def _move(row: Message, state: MessageState, *, why: str) -> bool:
    at = clock.now()
    # Before the books, as everywhere: a state that the log does not know of would look like an older copy of them.
    fence.log(row, state.value, at=at)
    error = why if state is MessageState.FAILED else ""
    return change(row, state, was=[MessageState(row.state)], at=at, why=why, error=error)
