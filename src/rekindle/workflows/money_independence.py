"""Does our interest end with their money? Touches and speed of answer before and after somebody's last payment.

Touches that are neither transactional nor legal, per 30 days of days 1 to 90 after the last sign of life, divided by
the same of the 90 days before. Shown with the enforced quiet in it, so that a rule cannot hide a silence, and
without, so that a rule we chose is not held against us. 1 is the same interest; 0 is none.

1. take those whose life ended and whose last sign lies 90 to 455 days back; at most a few thousand, the latest first;
2. count what reached them, and what a human did, by day from the last sign;
3. under twenty people, or with no touch before, the ratio is not known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final

from rekindle.decide.pressure import OWED
from rekindle.journal.models import Inbound, InboundKind
from rekindle.relationships.models import CoolingOff, Episode, Task
from rekindle.relationships.vocabulary import TaskState
from rekindle.workflows.touches_seen import human_words, messages_to

SIDE_DAYS: Final = 90
LOOKED_BACK_DAYS: Final = 365
AT_MOST: Final = 2_000
"""People looked at, the latest last: beyond this a ratio no longer moves by what anybody could see. Our choice."""
ENOUGH: Final = 20
"""Fewer people make a ratio an anecdote. Our choice."""


@dataclass(frozen=True)
class Left:
    """One life that is over: its last sign, how many of the 90 days before were lived, and the quiet after it."""

    party_id: int
    last: date
    days_before: int
    quiet: frozenset[int]


@dataclass(frozen=True)
class Rates:
    """Touches per 30 days. `without_quiet` leaves out both the days of quiet and what fell into them; None: no days."""

    before: float
    after: float
    without_quiet: float | None

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None

    @property
    def ratio_without_quiet(self) -> float | None:
        return self.without_quiet / self.before if self.before and self.without_quiet is not None else None


def rates(left: Sequence[Left], touched: Mapping[int, Iterable[date]]) -> Rates:
    """Pure: touches per 30 days of all these people before and after.

    touched  party -> the days on which something reached them
    Raises ValueError for nobody, or for days before that are none.
    """
    exposure_before = sum(one.days_before for one in left)
    if not exposure_before:
        raise ValueError("nobody was with us for a day before; nothing to compare with")
    before = after = outside = 0
    for one in left:
        for on in touched.get(one.party_id, ()):
            offset = (on - one.last).days
            before += -one.days_before < offset <= 0
            after += 1 <= offset <= SIDE_DAYS
            outside += 1 <= offset <= SIDE_DAYS and offset not in one.quiet
    open_days = sum(SIDE_DAYS - len(one.quiet) for one in left)
    return Rates(
        before=30 * before / exposure_before,
        after=30 * after / (SIDE_DAYS * len(left)),
        without_quiet=30 * outside / open_days if open_days else None,
    )


def measure(*, at: datetime) -> dict[str, Any]:
    """The figure as plain values; `unknown` says why where it is None."""
    left = _left(at.date())
    if len(left) < ENOUGH:
        return {"people": len(left), "ratio": None, "ratio_without_quiet": None, "unknown": "few"}
    parties = [one.party_id for one in left]
    found = rates(left, _touched(parties))
    answers = _answers(left, parties)
    return {
        "people": len(left),
        "before": found.before,
        "after": found.after,
        "after_without_quiet": found.without_quiet,
        "ratio": found.ratio,
        "ratio_without_quiet": found.ratio_without_quiet,
        "unknown": "" if found.ratio is not None else "none_before",
        "answers": answers,
    }


def _left(today: date) -> list[Left]:
    newest, oldest = today - timedelta(days=SIDE_DAYS), today - timedelta(days=SIDE_DAYS + LOOKED_BACK_DAYS)
    ends = Episode.objects.filter(ended_on__isnull=False, last_seen_on__lte=newest, last_seen_on__gt=oldest)
    rows = list(
        ends.filter(healed_on=None)
        .order_by("-last_seen_on", "-pk")
        .values_list("relationship", "relationship__party", "began_on", "last_seen_on")[:AT_MOST]
    )
    quiet: dict[int, list[tuple[date, date]]] = {}
    stretches = CoolingOff.objects.filter(relationship__in=[row[0] for row in rows], superseded_at=None)
    for relationship, begins, ends_at in stretches.values_list("relationship", "begins_at", "ends_at"):
        quiet.setdefault(relationship, []).append((begins.date(), ends_at.date()))
    return [
        Left(
            party, last, min(SIDE_DAYS, (last - began).days + 1),
            frozenset(
                offset
                for begins, over in quiet.get(relationship, ())
                for offset in range(max(1, (begins - last).days), min(SIDE_DAYS, (over - last).days) + 1)
            ),
        )
        for relationship, party, began, last in rows
    ]  # fmt: skip


def _touched(parties: Sequence[int]) -> dict[int, list[date]]:
    owed = [one.value for one in OWED]
    found: dict[int, list[date]] = {}
    sent = messages_to(parties).exclude(touch_class__in=owed).values_list("party", "went")
    done = Task.objects.filter(
        relationship__party__in=parties, state=TaskState.DONE.value, answered_at__isnull=False
    ).exclude(touch_class__in=owed)
    for party, when in [*sent, *done.values_list("relationship__party", "answered_at")]:
        found.setdefault(party, []).append(when.date())
    return found


def _answers(left: Sequence[Left], parties: Sequence[int]) -> dict[str, Any]:
    """Median days until a human of ours answered, before and after; with how many had no answer at all."""
    ours, last = human_words(parties), {one.party_id: one.last for one in left}
    sides: dict[str, list[float | None]] = {"before": [], "after": []}
    replies = Inbound.objects.filter(party__in=parties, kind=InboundKind.REPLY.value)
    for party, when in replies.values_list("party", "occurred_at"):
        offset = (when.date() - last[party]).days
        if -SIDE_DAYS < offset <= SIDE_DAYS:
            words = ours.get(party, [])
            place = bisect_right(words, when)
            waited = (words[place] - when).total_seconds() / 86_400 if place < len(words) else None
            sides["after" if offset > 0 else "before"].append(waited)
    told: dict[str, Any] = {}
    for side, waits in sides.items():
        answered = [wait for wait in waits if wait is not None]
        told[side] = {
            "asked": len(waits), "answered": len(answered), "days": median(answered) if answered else None,
        }  # fmt: skip
    return told
