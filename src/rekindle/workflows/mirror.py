"""Everything they got from us, as they saw it: our own behaviour, read from the other side. Reading only.

What counts is what reached them or was said to them: suggestions that a human carried out, messages their side took,
promises they were told about, answers to what they said about us, an ending of ours that we announced. What we merely
planned or thought is not in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from django.utils import timezone

from rekindle.journal.models import Message
from rekindle.journal.models.message import REACHED
from rekindle.relationships.models import CompanyExit, Feedback, Party, Promise, Task
from rekindle.relationships.vocabulary import Channel, TaskState, TouchClass

YEAR: Final = timedelta(days=365)
ASKS: Final = frozenset({TouchClass.PROMOTIONAL, TouchClass.REFERRAL_ASK})
"""What asks them for something; the rest gives, or is owed."""
SHOWN: Final = 200


@dataclass(frozen=True)
class Received:
    """One thing they got. `purpose` and `road` are None where nobody wrote them down."""

    at: datetime
    what: str
    words: str
    purpose: TouchClass | None
    road: Channel | None
    by: str


@dataclass(frozen=True)
class Mirror:
    """rows         newest first, at most SHOWN; `has_more` where there are older ones
    last_year    how many in the 365 days before `at`, by purpose, most first
    asks         how many of those asked them for something
    longest_rest days of the longest silence of ours in that year; None with fewer than two touches in it
    """

    rows: tuple[Received, ...]
    has_more: bool
    last_year: tuple[tuple[TouchClass | None, int], ...]
    asks: int
    longest_rest: int | None


def mirror(party: Party, *, at: datetime | None = None) -> Mirror:
    """What one party got from us, up to an instant (None: now). Five queries, whatever the length of the record."""
    at = at or timezone.now()
    found = sorted(
        (row for part in _PARTS for row in part(party, at, SHOWN + 1)),
        key=lambda row: row.at,
        reverse=True,
    )
    year = [row for row in found if row.at > at - YEAR]
    rests = [(later.at - sooner.at).days for later, sooner in pairwise(year)]
    return Mirror(
        rows=tuple(found[:SHOWN]),
        has_more=len(found) > SHOWN,
        last_year=tuple(Counter(row.purpose for row in year).most_common()),
        asks=sum(row.purpose in ASKS for row in year),
        longest_rest=max(rests, default=None),
    )


def latest(party: Party, n: int = 5, *, at: datetime | None = None) -> tuple[Received, ...]:
    """The newest `n` things one party got from us, up to an instant (None: now). Five queries, `n` rows each."""
    at = at or timezone.now()
    found = [row for part in _PARTS for row in part(party, at, n)]
    return tuple(sorted(found, key=lambda row: row.at, reverse=True)[:n])


def _touches(party: Party, at: datetime, most: int) -> list[Received]:
    done = Task.objects.filter(relationship__party=party, state=TaskState.DONE.value, answered_at__lte=at)
    return [
        Received(
            at=task.answered_at,
            what=task.get_suggestion_display(),
            words=task.opening_line,
            purpose=TouchClass(task.touch_class),
            road=Channel(task.channel),
            by=str(task.answered_by or ""),
        )
        for task in done.select_related("answered_by").order_by("-answered_at")[:most]
        if task.answered_at is not None
    ]


def _messages(party: Party, at: datetime, most: int) -> list[Received]:
    """What their side took, or may have taken; what was only kept in this house reached nobody."""
    went = Message.objects.filter(party=party, state__in=[state.value for state in REACHED], handed_at__lte=at)
    return [
        Received(
            at=row.handed_at,
            what=row.subject,
            words=row.text.partition("\n-- \n")[0].strip(),
            purpose=TouchClass(row.touch_class),
            road=Channel(row.channel),
            by=str(row.actor or ""),
        )
        for row in went.select_related("actor").order_by("-handed_at")[:most]
        if row.handed_at is not None
    ]


def _promises(party: Party, at: datetime, most: int) -> list[Received]:
    told = Promise.objects.filter(relationship__party=party, told_customer=True, made_at__lte=at)
    return [
        Received(promise.made_at, "A promise", promise.text, TouchClass.SERVICE, None, str(promise.made_by or ""))
        for promise in told.select_related("made_by").order_by("-made_at")[:most]
    ]


def _answers(party: Party, at: datetime, most: int) -> list[Received]:
    closed = Feedback.objects.filter(relationship__party=party, closed_at__lte=at).exclude(answer="")
    return [
        Received(
            row.closed_at,
            "An answer to what they told us",
            row.answer,
            TouchClass.SERVICE,
            None,
            str(row.closed_by or ""),
        )
        for row in closed.select_related("closed_by").order_by("-closed_at")[:most]
        if row.closed_at is not None
    ]


def _notices(party: Party, at: datetime, most: int) -> list[Received]:
    told = CompanyExit.objects.filter(relationship__party=party, announced_at__lte=at)
    return [
        Received(row.announced_at, "That we end it", row.notice_text, TouchClass.LEGAL, None, str(row.helper or ""))
        for row in told.select_related("helper").order_by("-announced_at")[:most]
        if row.announced_at is not None
    ]


_PARTS: Final = (_touches, _messages, _promises, _answers, _notices)
