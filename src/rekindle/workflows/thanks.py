"""The ledger of thanks: when each of those with the most at stake was last thanked, and who never was.

A thank-you is a letter or a card of the intent to thank that reached them, or a task to say thank you that was done.
Receipts and offers are none, whatever they say: their class is transactional or promotional.

1. choose who is looked at along the index of values, never everybody
2. one question a source for all of them at once, the newest thank-you of each
3. who was never thanked stands first, then the longest ago; "never" is said, not counted as days
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Max, Q, QuerySet

from rekindle.accounts.models import User
from rekindle.act.letters import Intent
from rekindle.journal.models import Outlook
from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion, TaskState, TouchClass
from rekindle.workflows.touches_seen import messages_to
from rekindle.workflows.words.own_letters import letters_now

VALUED: Final = 500
"""So many with the most at stake are looked at. Our choice: more than one house thanks by name in a year."""
GAP_DAYS: Final = 365
"""Who was not thanked within a year stands on the list of gaps. Our choice: once a year is the least."""

_NO_THANKS: Final = (TouchClass.TRANSACTIONAL.value, TouchClass.LEGAL.value, TouchClass.PROMOTIONAL.value)


@dataclass(frozen=True)
class Thanked:
    """One relationship of the ledger. `at`, `days` and `how` (letter, card, task) are None, None and "" for never."""

    relationship: Relationship
    value_minor: int
    currency: str
    at: datetime | None
    days: int | None
    how: str

    @property
    def is_gap(self) -> bool:
        return self.days is None or self.days > GAP_DAYS


def ledger(*, owner: User | None, at: datetime) -> list[Thanked]:
    """The VALUED, those who lack thanks the longest first; at equal lack the most at stake first."""
    rows = Outlook.objects.filter(value_at_stake_minor__gt=0, relationship__party__deceased_on=None)
    rows = rows.exclude(relationship__stage=Stage.CLOSED.value)
    if owner is not None:
        rows = rows.filter(relationship__owner=owner)
    valued = list(
        rows.select_related("relationship__party", "relationship__owner").order_by(
            "-value_at_stake_minor", "relationship"
        )[:VALUED]
    )
    newest = _newest([one.relationship for one in valued])
    found = []
    for one in valued:
        thanked_at, how = newest.get(one.pk, (None, ""))
        days = (at - thanked_at).days if thanked_at else None
        found.append(Thanked(one.relationship, one.value_at_stake_minor or 0, one.currency, thanked_at, days, how))
    # Sorting keeps the order by value among those of one day, and among those never thanked.
    return sorted(found, key=lambda one: (one.days is not None, -(one.days or 0)))


def _newest(relationships: list[Relationship]) -> dict[int, tuple[datetime, str]]:
    parties = {one.party_id: one.pk for one in relationships}
    newest: dict[int, tuple[datetime, str]] = {}
    done = Task.objects.filter(
        relationship__in=list(parties.values()),
        suggestion=Suggestion.THANK_YOU.value,
        state=TaskState.DONE.value,
        answered_at__isnull=False,
    )
    told = [(number, at, "task") for number, at in _last(done.values_list("relationship"), "answered_at")]
    codes = [one.code for one in letters_now() if one.intent is Intent.THANK]
    if codes:
        of_thanks = reduce(or_, (Q(content__startswith=f"letter:{code}:") for code in codes))
        sent = messages_to(parties).filter(of_thanks).exclude(touch_class__in=_NO_THANKS)
        paper = Q(channel=Channel.LETTER.value)
        for how, some in (("card", sent.filter(paper)), ("letter", sent.exclude(paper))):
            told += [(parties[party], at, how) for party, at in _last(some.values_list("party"), "went")]
    for number, at, how in told:
        if number not in newest or newest[number][0] < at:
            newest[number] = (at, how)
    return newest


def _last(rows: QuerySet[Any, Any], when: str) -> Iterable[tuple[int, datetime]]:
    """Of each key the newest instant."""
    found: Iterable[tuple[int, datetime]] = rows.order_by().annotate(newest=Max(when))
    return found
