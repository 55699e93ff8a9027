"""The outbox as its page lists it: by state, newest first, a page at a time, never counted whole."""

from __future__ import annotations

from django.db.models import Exists, Q, QuerySet

from rekindle.journal.models import Message, MessageState, Road, Sending
from rekindle.journal.models.message import REACHED

SHOWN: tuple[tuple[str, tuple[MessageState, ...]], ...] = (
    ("unknown", (MessageState.UNKNOWN,)),
    ("waiting", (MessageState.QUEUED, MessageState.CLAIMED, MessageState.HANDING_OVER)),
    ("gone", (MessageState.ACCEPTED, MessageState.CLOSED_UNKNOWN, MessageState.KEPT)),
    ("held", (MessageState.CANCELLED, MessageState.EXPIRED, MessageState.FAILED)),
)
"""The lists of the page and the states in each."""


def reached() -> QuerySet[Message]:
    """Messages they have, or may have. Kept ones count while the folder of this house is where all mail goes."""
    kept = Q(state=MessageState.KEPT.value) & Exists(Sending.objects.filter(road=Road.LOCAL.value))
    return Message.objects.filter(Q(state__in=[state.value for state in REACHED]) | kept)


def page(which: str, *, before: int | None, limit: int) -> list[Message]:
    """Up to `limit` messages of a list, newest first, below the number `before`. Raises KeyError for no such list."""
    states = [state.value for state in dict(SHOWN)[which]]
    rows = Message.objects.filter(state__in=states).select_related("party")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.defer("text", "html").order_by("-pk")[:limit])


def unknown_open() -> int:
    """How many wait for somebody's word; they are few, or something is very wrong."""
    return Message.objects.filter(state=MessageState.UNKNOWN.value).count()
