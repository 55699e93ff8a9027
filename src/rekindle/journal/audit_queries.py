"""Reading the audit trail: one page of it, narrowed by deed, doer, subject and day, however long it has grown.

Entries are only ever added, so numbers and instants go up together: a day is found by halving, not by searching.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from rekindle.journal.models import AuditEntry
from rekindle.relationships.queries import beginning_with

_SLACK: Final = timedelta(minutes=10)
"""Two deeds at once may be numbered the other way round than they were timed; never by as much as this."""
_ROWS: Final = 2_000


@dataclass(frozen=True)
class Wanted:
    """Which entries. Empty or None: any.

    verb     how the deed's name begins: "task" finds "task.answered"
    actor    a member of staff's number; 0: nobody, the system itself
    since    the first instant, `until` the first after the last
    """

    verb: str = ""
    actor: int | None = None
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def page(wanted: Wanted, *, limit: int, below: int | None = None) -> tuple[list[AuditEntry], int | None]:
    """(one page, newest first; the number below which the next begins, None at the end)."""
    rows = _rows(wanted)
    if below is not None:
        rows = rows.filter(id__lt=below)
    found = list(rows.select_related("actor").order_by("-id")[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def each(wanted: Wanted, *, up_to: int) -> Iterator[AuditEntry]:
    """All of them up to a number, oldest first, a batch at a time, so that memory stays small."""
    rows, last = _rows(wanted).filter(id__lte=up_to).select_related("actor").order_by("id"), 0
    while batch := list(rows.filter(id__gt=last)[:_ROWS]):
        yield from batch
        last = batch[-1].pk


def last() -> AuditEntry | None:
    """The newest entry."""
    return AuditEntry.objects.order_by("-id").first()


def newest_about(subject: str, *, verb: str) -> AuditEntry | None:
    """The newest deed of that name about one subject."""
    return AuditEntry.objects.filter(subject=subject, verb=verb).select_related("actor").order_by("-id").first()


def _rows(wanted: Wanted) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.all()
    if wanted.verb:
        rows = rows.filter(beginning_with("verb", wanted.verb))
    if wanted.actor is not None:
        rows = rows.filter(actor=None) if wanted.actor == 0 else rows.filter(actor=wanted.actor)
    if wanted.subject:
        rows = rows.filter(subject=wanted.subject)
    if wanted.since is not None:
        rows = rows.filter(id__gte=_first_at(wanted.since - _SLACK), at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(id__lt=_first_at(wanted.until + _SLACK), at__lt=wanted.until)
    return rows


def _first_at(instant: datetime) -> int:
    """The number of the first entry at or after an instant; one more than the last where there is none."""
    newest = last()
    low, high = 1, newest.pk + 1 if newest else 1
    while low < high:
        middle = (low + high) // 2
        at = AuditEntry.objects.filter(id__gte=middle).order_by("id").values_list("at", flat=True).first()
        if at is None or at >= instant:
            high = middle
        else:
            low = middle + 1
    return low
