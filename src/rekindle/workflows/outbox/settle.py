"""What nobody knows: shown, and closed by a human, by a later truth, or by time.

A message that may have arrived is never sent again by a machine. A human may say that it did, or that it did not and
shall go again; after three days without a word it is closed and counts as arrived.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import Conflict, NotFound
from rekindle.journal.models import Message, MessageState
from rekindle.workflows import audit
from rekindle.workflows.outbox import clock, fence
from rekindle.workflows.outbox.put import LIFETIME
from rekindle.workflows.outbox.trail import change

KNOWN_BY: Final = timedelta(hours=72)
_UNSURE: Final = (MessageState.UNKNOWN.value, MessageState.CLOSED_UNKNOWN.value)


def arrived(number: int, *, by: User) -> Message:
    """They have it. Raises NotFound, and Conflict where the message is not one of the unknown."""
    return _settled(number, MessageState.ACCEPTED, by=by, why="a human knows that it arrived")


def send_again(number: int, *, by: User) -> Message:
    """They surely have it not: it goes again under the same Message-ID, and the rules are asked again.

    Raises NotFound, and Conflict where the message is not one of the unknown.
    """
    return _settled(number, MessageState.QUEUED, by=by, why="a human knows that it did not arrive")


def cancel(number: int, *, by: User) -> Message:
    """Do not send it. Raises NotFound, and Conflict where it is not waiting any more."""
    with transaction.atomic():
        row = _held(number)
        if row.state != MessageState.QUEUED.value:
            raise Conflict(
                f"message {number} is {MessageState(row.state).label}", remedy="Only a waiting one can be held."
            )
        return _moved(row, MessageState.CANCELLED, by=by, why="held back by a human", verb="message.cancelled")


def close_old() -> int:
    """Close what has been unknown for three days; gives how many."""
    at = clock.now()
    old = Message.objects.filter(state=MessageState.UNKNOWN.value).exclude(trail__at__gt=at - KNOWN_BY)
    closed = 0
    for row in old[:500]:
        with transaction.atomic():
            closed += change(
                row, MessageState.CLOSED_UNKNOWN, was=[MessageState.UNKNOWN], at=at, why="nobody knew within three days"
            )
    return closed


def _settled(number: int, state: MessageState, *, by: User, why: str) -> Message:
    with transaction.atomic():
        row = _held(number)
        if row.state not in _UNSURE:
            raise Conflict(
                f"message {number} is {MessageState(row.state).label}", remedy="Only what is not known can be settled."
            )
        fence.log(row, state.value, at=clock.now())
        return _moved(row, state, by=by, why=why, verb="message.settled")


def _moved(row: Message, to: MessageState, *, by: User, why: str, verb: str) -> Message:
    """To a state that a human chose; a message that goes again has all its tries and its time before it."""
    at = clock.now()
    again: dict[str, Any] = {"not_before": at, "attempts": 0, "expires_at": max(row.expires_at, at + LIFETIME)}
    change(
        row, to, was=[MessageState(row.state)], at=at, why=why, error="", **(again if to is MessageState.QUEUED else {})
    )
    audit.record(verb, actor=by, subject=f"message:{row.pk}", details={"to": to.value})
    return row


def _held(number: int) -> Message:
    row = Message.objects.select_for_update(of=("self",)).filter(pk=number).first()
    if row is None:
        raise NotFound(f"no message {number}")
    return row
