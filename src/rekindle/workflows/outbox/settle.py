"""What nobody knows: shown, and closed by a human, by a later truth, or by time.

A message that may have arrived is never sent again by a machine. A human may say that it did, or that it did not and
shall go again; after three days without a word it is closed and counts as arrived.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import Conflict, NotFound
from rekindle.journal.models import Message, MessageAttempt, MessageState
from rekindle.workflows import audit
from rekindle.workflows.outbox import clock, fence
from rekindle.workflows.outbox.put import LIFETIME

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
            mine = Message.objects.filter(pk=row.pk, epoch=row.epoch, state=MessageState.UNKNOWN.value)
            if mine.update(state=MessageState.CLOSED_UNKNOWN.value, final_at=at):
                MessageAttempt.objects.create(
                    message_id=row.pk, epoch=row.epoch, phase=MessageState.CLOSED_UNKNOWN.value, at=at,
                    reply="nobody knew within three days",
                )  # fmt: skip
                closed += 1
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


def _moved(row: Message, state: MessageState, *, by: User, why: str, verb: str) -> Message:
    at = clock.now()
    row.state, row.lease_until, row.claimed_by, row.last_error = state.value, None, "", ""
    row.final_at = None if state is MessageState.QUEUED else at
    if state is MessageState.QUEUED:
        row.not_before, row.attempts = at, 0
        row.expires_at = max(row.expires_at, at + LIFETIME)
    row.save()
    MessageAttempt.objects.create(message=row, epoch=row.epoch, phase=state.value, at=at, reply=why)
    audit.record(verb, actor=by, subject=f"message:{row.pk}", details={"to": state.value})
    return row


def _held(number: int) -> Message:
    row = Message.objects.select_for_update(of=("self",)).filter(pk=number).first()
    if row is None:
        raise NotFound(f"no message {number}")
    return row
