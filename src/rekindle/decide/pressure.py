"""How much is too much: how many touches in how many days, and how much rest between two of them.

The numbers are our choice and live in one table; a pilot that measures harm would change them. A card is counted
among all touches and not among the marketing ones. What is owed (transactional, legal) is never counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.decide.gate_facts import Facts, Known, instants, never
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.relationships.wishes import HowOften

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]

LIVE: Final = "live"
ENDED: Final = "ended"
OLD_FRIEND: Final = "old_friend"

MARKETING: Final = frozenset(
    {TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.REFERRAL_ASK, TouchClass.PROMOTIONAL}
)
OWED: Final = frozenset({TouchClass.TRANSACTIONAL, TouchClass.LEGAL})


@dataclass(frozen=True)
class Cap:
    """At most so many touches within so many days, for people who stand so. `marketing`: only such ones count."""

    standing: str
    days: int
    at_most: int
    marketing: bool


CAPS: Final = (
    Cap(LIVE, days=7, at_most=2, marketing=True),
    Cap(LIVE, days=30, at_most=6, marketing=True),
    Cap(ENDED, days=30, at_most=1, marketing=True),
    Cap(ENDED, days=365, at_most=6, marketing=True),
    Cap(ENDED, days=365, at_most=8, marketing=False),
    Cap(OLD_FRIEND, days=365, at_most=4, marketing=False),
)
ASKED: Final = {
    HowOften.MONTH: Cap("asked", days=30, at_most=1, marketing=True),
    HowOften.YEAR: Cap("asked", days=365, at_most=4, marketing=True),
}
"""What people asked for themselves, on top of what holds for how they stand. "A few" is four, as for old friends."""
GAP_HOURS: Final = {LIVE: 72, ENDED: 14 * 24, OLD_FRIEND: 14 * 24}
"""Hours of rest between any two touches that are not owed."""


def capped(
    facts: Facts, *, people: Known, touch_class: TouchClass, channel: Channel, now: np.datetime64
) -> tuple[Bools, Instants]:
    """(n,) whether one more touch of this kind would be one too many, and when the oldest in the way is old enough."""
    if facts.touches is None or touch_class in OWED:
        return people.nobody, never(len(people))
    asks_marketing = is_marketing(touch_class, channel=channel)
    standing = standings(people)
    until = never(len(people))
    counted = {which: _counted(facts.touches, marketing=which, now=now) for which in (True, False)}
    limits = [(cap, standing[cap.standing]) for cap in CAPS]
    limits += [(cap, people.is_one_of("how_often", word.value)) for word, cap in ASKED.items()]
    for cap, those in limits:
        if cap.marketing and not asks_marketing:
            continue
        party, at = counted[cap.marketing]
        freed = _nth_last(party, at, asked=facts.people["party_id"].to_numpy(), nth=cap.at_most)
        freed = freed + np.timedelta64(cap.days, "D")
        until = np.where(those & (freed > now), np.fmax(until, freed), until)
    return ~np.isnat(until), until


def rests(facts: Facts, *, people: Known, now: np.datetime64) -> tuple[Bools, Instants]:
    """(n,) whether the last touch was too near, and when the rest is over."""
    if facts.touches is None:
        return people.nobody, never(len(people))
    party, at = _counted(facts.touches, marketing=False, now=now)
    last = _nth_last(party, at, asked=facts.people["party_id"].to_numpy(), nth=1)
    until = never(len(people))
    for name, those in standings(people).items():
        over = last + np.timedelta64(GAP_HOURS[name], "h")
        until = np.where(those & (over > now), over, until)
    return ~np.isnat(until), until


def is_marketing(touch_class: TouchClass, *, channel: Channel) -> bool:
    """Whether a touch counts as marketing: a card by post does not."""
    is_card = touch_class is TouchClass.RELATIONSHIP and channel is Channel.LETTER
    return touch_class in MARKETING and not is_card


def standings(people: Known) -> dict[str, Bools]:
    """Who stands how: live, ended, old friend. Of whom it is not known, the ended one's limits hold."""
    friend = people.yes("old_friend")
    ended = (people.yes("over") | people.unknown("over")) & ~friend
    return {LIVE: ~ended & ~friend, ENDED: ended, OLD_FRIEND: friend}


def _counted(touches: pa.Table, *, marketing: bool, now: np.datetime64) -> tuple[Ints, Instants]:
    """(party, at) of the touches up to now that count, by person and time."""
    owed = compute.is_in(touches["touch_class"], value_set=pa.array([word.value for word in OWED], pa.string()))
    keep = compute.invert(owed)
    if marketing:
        wanted = compute.is_in(
            touches["touch_class"], value_set=pa.array([word.value for word in MARKETING], pa.string())
        )
        card = compute.fill_null(
            compute.and_(
                compute.equal(touches["touch_class"], TouchClass.RELATIONSHIP.value),
                compute.equal(touches["channel"], Channel.LETTER.value),
            ),
            False,
        )
        keep = compute.and_(wanted, compute.invert(card))
    some = touches.filter(keep)
    party, at = some["party_id"].to_numpy(), instants(some["at"])
    seen = np.flatnonzero(at <= now)  # NaT compares False
    seen = seen[np.lexsort((at[seen], party[seen]))]
    return party[seen], at[seen]


def _nth_last(party: Ints, at: Instants, *, asked: Ints, nth: int) -> Instants:
    """(n,) when the nth last touch of each was; NaT where there were fewer."""
    if not len(party):
        return never(len(asked))
    first, end = np.searchsorted(party, asked, side="left"), np.searchsorted(party, asked, side="right")
    place = end - nth
    return np.where(place >= first, at[np.maximum(place, 0)], np.datetime64("NaT", "us"))
