"""What reached people in a stretch of time, and what humans of ours did: the log that reports are read from.

A message that its queue let out, or may have; a task that was done. Found by the day along the trail's index.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from rekindle.journal.models import MessageAttempt, MessageState
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Note, Task
from rekindle.relationships.vocabulary import TaskState

_GONE = (MessageState.HANDING_OVER.value, MessageState.ACCEPTED.value, MessageState.KEPT.value)


def messages_between(start: datetime, end: datetime) -> QuerySet[Any]:
    """Messages that reached somebody from `start` until before `end`; each with `went`, the instant it left."""
    trail = MessageAttempt.objects.filter(phase__in=_GONE, at__gte=start, at__lt=end)
    rows = reached().filter(pk__in=trail.values("message")).annotate(went=Coalesce("handed_at", "final_at"))
    return rows.filter(went__gte=start, went__lt=end, party__isnull=False)


def messages_to(parties: Iterable[int]) -> QuerySet[Any]:
    """Every message that reached one of these parties, each with `went`."""
    rows = reached().filter(party__in=list(parties)).annotate(went=Coalesce("handed_at", "final_at"))
    return rows.filter(went__isnull=False)


def human_words(parties: Iterable[int]) -> dict[int, list[datetime]]:
    """Party -> the instants of every word a human of ours gave them, the earliest first."""
    some = list(parties)
    found: dict[int, list[datetime]] = {}
    done = Task.objects.filter(relationship__party__in=some, state=TaskState.DONE.value, answered_at__isnull=False)
    notes = Note.objects.filter(relationship__party__in=some, by__isnull=False)
    sources: tuple[QuerySet[Any], ...] = (
        done.values_list("relationship__party", "answered_at"),
        notes.values_list("relationship__party", "at"),
        messages_to(some).filter(actor__isnull=False).values_list("party", "went"),
    )
    for rows in sources:
        for party, at in rows:
            found.setdefault(party, []).append(at)
    return {party: sorted(instants) for party, instants in found.items()}
