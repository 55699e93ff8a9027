"""One list for one day out of everything that asks for a human, in one stated order, within the minutes of the day.

Pure: plain values in, plain values out.

1. who spoke to us comes first, who waits longest first: somebody stands at the counter;
2. then promises by the day they are due, then what a plan asks, then days to remember by their day, then alerts, then
   the night's suggestions by rank;
3. what is owed (an answer, a promise) is today's even where the day is full: it was given, not chosen. The rest is
   today's while the minutes last; one that no longer fits is passed over for a shorter one further down;
4. what is not today's can wait, in the same order. Nothing is lost and nothing stands twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from rekindle.accounts.roles import Role
from rekindle.errors import BadInput
from rekindle.words import Word


class Lane(Word):
    """Why something stands on Today, in the order of the day."""

    SPOKE = "spoke", "they spoke to us"
    PROMISE = "promise", "we promised"
    PLAN = "plan", "a plan asks"
    DAY = "day", "to remember"
    ALERT = "alert", "to look at"
    NIGHT = "night", "worth a word"


class Desk(Word):
    """Whose eyes Today is read with."""

    SOLO = "solo", "everything"
    MANAGER = "manager", "management"
    MARKETER = "marketer", "marketing"
    AGENT = "agent", "service"
    TRAINER = "trainer", "my own people"


OWED: Final = frozenset({Lane.SPOKE, Lane.PROMISE})
"""What cannot wait for want of time: others count on it."""

SEES: Final[dict[Desk, frozenset[Lane]]] = {
    Desk.SOLO: frozenset(Lane),
    Desk.MANAGER: frozenset({Lane.SPOKE, Lane.PROMISE, Lane.ALERT, Lane.NIGHT}),
    Desk.MARKETER: frozenset({Lane.SPOKE, Lane.PLAN, Lane.DAY, Lane.ALERT, Lane.NIGHT}),
    Desk.AGENT: frozenset({Lane.SPOKE, Lane.PROMISE, Lane.PLAN, Lane.ALERT, Lane.NIGHT}),
    Desk.TRAINER: frozenset({Lane.SPOKE, Lane.PROMISE, Lane.PLAN, Lane.DAY, Lane.NIGHT}),
}
"""What each desk shows. What a desk leaves out is named on it, with the way to everything."""

_DESKS: Final = {Role.MANAGER: Desk.MANAGER, Role.MARKETER: Desk.MARKETER, Role.AGENT: Desk.AGENT}
_PLACE: Final = {lane: place for place, lane in enumerate(Lane)}


@dataclass(frozen=True)
class Work:
    """One thing that asks for a human.

    key      makes it one: the same key from two places stands once
    due_on   since when or by when, the earlier the sooner; rank: the place within a day, lower first, None last
    minutes  what it takes; 0 for what is only to be looked at
    of       what a page shows of it
    """

    lane: Lane
    key: str
    minutes: int
    due_on: date
    rank: int | None = None
    of: Any = None


@dataclass(frozen=True)
class DaysWork:
    """`today` fits into the day, `can_wait` does not; `minutes` is what today's takes. `elsewhere`: other desks'."""

    today: tuple[Work, ...]
    can_wait: tuple[Work, ...]
    minutes: int
    elsewhere: tuple[Work, ...] = ()


def merge(works: Iterable[Work], *, capacity: int | None, desk: Desk = Desk.SOLO) -> DaysWork:
    """Everything in the order of the day, divided by what the day has room for.

    capacity  minutes of the day; None is without bounds
    Raises BadInput for a negative day or work that takes negative time.
    """
    if capacity is not None and capacity < 0:
        raise BadInput(f"a day of {capacity} minutes", where="capacity")
    once = {work.key: work for work in sorted(works, key=_order, reverse=True)}  # the first in the order stays
    ordered = sorted(once.values(), key=_order)
    if any(work.minutes < 0 for work in ordered):
        raise BadInput("work that takes less than no time", where="minutes")
    seen = [work for work in ordered if work.lane in SEES[desk]]
    chosen = _fitting(seen, capacity=capacity)
    return DaysWork(
        today=tuple(work for work in seen if work.key in chosen),
        can_wait=tuple(work for work in seen if work.key not in chosen),
        minutes=sum(work.minutes for work in seen if work.key in chosen),
        elsewhere=tuple(work for work in ordered if work.lane not in SEES[desk]),
    )


def desk_for(role: str, *, is_alone: bool) -> Desk:
    """The desk somebody starts at. Who works alone, owns the house or only reads sees everything."""
    known = next((known for known in Role if known.value == role), None)
    return Desk.SOLO if is_alone or known is None else _DESKS.get(known, Desk.SOLO)


def _fitting(works: Sequence[Work], *, capacity: int | None) -> set[str]:
    if capacity is None:
        return {work.key for work in works}
    chosen = {work.key for work in works if work.lane in OWED}
    left = capacity - sum(work.minutes for work in works if work.lane in OWED)
    for work in works:
        if work.lane not in OWED and (work.minutes == 0 or work.minutes <= left):
            chosen.add(work.key)
            left -= work.minutes
    return chosen


def _order(work: Work) -> tuple[int, date, bool, int, str]:
    """By lane, then by day; the night's suggestions and alerts by rank alone."""
    by_rank = work.lane in (Lane.NIGHT, Lane.ALERT)
    day = date.min if by_rank else work.due_on
    return (_PLACE[work.lane], day, work.rank is None, work.rank or 0, work.key)
