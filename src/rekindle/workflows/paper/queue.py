"""What waits to be printed: due now, due soon, and what was held back and why. A page at a time, by key.

A letter is due from its print day (`not_before`): so many days before its occasion as the post and a hand need. From
`expires_at` on it would arrive too late and is not printed any more. Reading only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from rekindle.act.channels import paper
from rekindle.act.channels.paper import FOOT, Form, Sheet
from rekindle.journal.models import Message, MessageState
from rekindle.relationships.models import Brand
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows.outbox import clock
from rekindle.workflows.paper.addresses import is_inch_paper

__all__ = [
    "LEAD", "POST", "Form", "Sheet", "Waiting", "due", "form_of", "home_region", "sheet_of", "view", "waiting",
]  # fmt: skip

LEAD: Final = timedelta(days=10)
"""Between the print day and the occasion: two days to sign and fold, eight for the post (domain, C8)."""
POST: Final = timedelta(days=3)
"""So long before its occasion a letter must be in the box, or it is too late. Our choice: ordinary post inland."""
SOON: Final = timedelta(days=14)
HELD_DAYS: Final = timedelta(days=60)
LISTS: Final = ("due", "soon", "held")


@dataclass(frozen=True)
class Waiting:
    """One letter of the queue. `street`: its address without the name; `lacks`: what the fonts cannot draw of it."""

    message: Message
    form: Form
    sheet: Sheet
    words: str
    street: tuple[str, ...]
    lacks: tuple[str, ...]


def waiting(which: str, *, after: int | None, limit: int) -> list[Waiting]:
    """Up to `limit` of one list, from behind the number `after`; due and soon by number, held back newest first.

    Raises KeyError for no such list.
    """
    at = clock.now()
    rows = _rows(which, at=at)
    if which == "held":
        rows = (rows.filter(pk__lt=after) if after else rows).order_by("-pk")
    else:
        rows = (rows.filter(pk__gt=after) if after else rows).order_by("pk")
    home = home_region()
    return [view(row, home=home) for row in rows.select_related("party", "actor")[:limit]]


def due(ids: list[int] | None, *, limit: int) -> list[Message]:
    """Letters that may be printed now, by number; `ids`: some of them."""
    rows = _rows("due", at=clock.now())
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return list(rows.select_related("party").order_by("pk")[:limit])


def home_region() -> str:
    """The country of the business, two letters; empty where it is not known."""
    return Brand.objects.order_by("pk").values_list("region", flat=True).first() or ""


def view(row: Message, *, home: str) -> Waiting:
    """One letter as the queue and a pile show it."""
    lacks = paper.undrawable(f"{row.recipient}\n{row.subject}\n{row.text}")
    street = row.recipient.splitlines()[1:]
    return Waiting(row, form_of(row), sheet_of(home), row.text.partition(FOOT)[0].strip(), tuple(street), lacks)


def form_of(row: Message) -> Form:
    """What it is printed as: as was chosen for it, but never a card that its words do not fit."""
    fits = paper.form_of(row.text)
    return Form.LETTER if row.chosen.get("paper") == Form.LETTER.value else fits


def sheet_of(home: str) -> Sheet:
    """The paper of the country of the business: its printer holds it, and its envelopes fit."""
    return Sheet.US if is_inch_paper(home) else Sheet.A4


def _rows(which: str, *, at: datetime) -> QuerySet[Message]:
    letters = Message.objects.filter(channel=Channel.LETTER.value)
    queued = letters.filter(state=MessageState.QUEUED.value, expires_at__gt=at)
    held = letters.filter(
        state__in=[MessageState.CANCELLED.value, MessageState.EXPIRED.value], created_at__gt=at - HELD_DAYS
    )
    return {
        "due": queued.filter(not_before__lte=at),
        "soon": queued.filter(not_before__gt=at, not_before__lte=at + SOON),
        "held": held,
    }[which]
