"""What a plan did: those who were drawn for it beside those who were left alone.

Everybody counts as they were drawn, whatever became of them afterwards, and from their own day on; only people whose
whole window has passed are looked at. Where the groups were not drawn as told, or are too small, there are no figures
and it is said why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from rekindle.journal.models import Arm, Assignment, Holdout, Inbound, InboundKind
from rekindle.relationships.models import Breakup, Consent, Episode, Referral
from rekindle.understand.two_shares import ALARM, Difference, difference, sample_ratio
from rekindle.words import Word

ENOUGH: Final = 30
"""People in either group from which on a share is told. Our choice: below it the interval says nothing."""


class Outcome(Word):
    """What happened to somebody within their window."""

    RETURNED = "returned", "came back"
    ENDED = "ended", "left"
    REFERRED = "referred", "recommended us"
    REPLIED = "replied", "answered"
    STOPPED = "stopped", "asked to hear less or nothing"
    COMPLAINED = "complained", "complained of a message"


@dataclass(frozen=True)
class Line:
    """One outcome in both groups: how many of them; of how many is in the reading."""

    outcome: Outcome
    treated: int
    held_out: int
    treated_share: float
    held_out_share: float
    difference: Difference

    @property
    def in_percent(self) -> tuple[float, float]:
        """(of the treated, of those left alone)."""
        return 100 * self.treated_share, 100 * self.held_out_share

    @property
    def points(self) -> tuple[float, float, float]:
        """(the difference, its lower and upper end), in points of percent."""
        return 100 * self.difference.by, 100 * self.difference.low, 100 * self.difference.high


@dataclass(frozen=True)
class Reading:
    """A holdout read at an instant.

    drawn    people by arm; full: those whose whole window has passed
    problem  why there are no lines, as a sentence; empty where there are
    """

    holdout: Holdout
    drawn: dict[Arm, int]
    full: dict[Arm, int]
    problem: str
    lines: tuple[Line, ...]

    @property
    def early(self) -> int:
        """How many are still within their window."""
        return self.people - sum(self.full.values())

    @property
    def people(self) -> int:
        return sum(self.drawn.values())

    @property
    def alone(self) -> int:
        return self.drawn[Arm.HELD_OUT]

    @property
    def percent(self) -> str:
        return f"{100 * self.holdout.share:g}"


def read(holdout: Holdout, *, at: datetime | None = None) -> Reading:
    """What the plan did, as far as it can be told at an instant; None is now."""
    at = at or timezone.now()
    everybody = Assignment.objects.filter(holdout=holdout)
    drawn = _by_arm(everybody)
    whole = everybody.filter(assigned_at__lte=at - timedelta(days=holdout.days))
    full = _by_arm(whole)
    problem = _problem(holdout, drawn, full)
    return Reading(holdout, drawn, full, problem, () if problem else _lines(holdout, whole, full))


def everything(*, at: datetime | None = None) -> list[Reading]:
    """Every holdout there ever was, the newest first."""
    rows = Holdout.objects.select_related("playbook__current").order_by("-began_at", "-pk")
    return [read(row, at=at) for row in rows]


def _by_arm(rows: QuerySet[Assignment]) -> dict[Arm, int]:
    return {arm: rows.filter(arm=arm.value).count() for arm in Arm}


def _problem(holdout: Holdout, drawn: dict[Arm, int], full: dict[Arm, int]) -> str:
    ratio = sample_ratio(drawn[Arm.HELD_OUT], drawn[Arm.TREATED], share=holdout.share)
    if ratio < ALARM:
        return (
            f"{drawn[Arm.HELD_OUT]} of {sum(drawn.values())} were left alone, and {holdout.share:.0%} should have been:"
            " the groups are not what was drawn, and are not compared."
        )
    lacking = {arm: ENOUGH - full[arm] for arm in Arm if full[arm] < ENOUGH}
    if not lacking:
        return ""
    told = " and ".join(f"{count} more in “{arm.label}”" for arm, count in lacking.items())
    return f"Too early: {told} must have had their {holdout.days} days."


def _lines(holdout: Holdout, whole: QuerySet[Assignment], full: dict[Arm, int]) -> tuple[Line, ...]:
    rows = np.array(list(whole.order_by("party").values_list("party", "arm", "assigned_at")), dtype=object)
    parties, is_held = rows[:, 0].astype(np.int64), rows[:, 1] == Arm.HELD_OUT.value
    begins = np.array([one.timestamp() for one in rows[:, 2]])
    ends = begins + holdout.days * 86_400
    lines = []
    for outcome, ask in _ASKED.items():
        hit = np.zeros(len(parties), dtype=np.bool_)
        for found in ask(whole.values("party")):
            who, when = _columns(found)
            at = np.minimum(np.searchsorted(parties, who), len(parties) - 1)
            within = (parties[at] == who) & (when >= begins[at]) & (when < ends[at])
            hit[at[within]] = True
        treated, held = int(np.sum(hit & ~is_held)), int(np.sum(hit & is_held))
        n, m = full[Arm.TREATED], full[Arm.HELD_OUT]
        lines.append(Line(outcome, treated, held, treated / n, held / m, difference(treated, n, held, m)))
    return tuple(lines)


def _columns(found: QuerySet[Any, tuple[int, Any]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(numbers of parties, when it happened in seconds); a day counts from its end, so that it came after the draw."""
    rows = list(found)
    who = np.array([party for party, _ in rows], dtype=np.int64)
    when = np.array([_instant(at).timestamp() for _, at in rows], dtype=np.float64)
    return who, when


def _instant(at: Any) -> datetime:
    return at if isinstance(at, datetime) else datetime.combine(at, time.max, tzinfo=UTC)


Ask = Callable[[QuerySet[Any]], list[QuerySet[Any, tuple[int, Any]]]]


def _came_back(kind: InboundKind) -> Ask:
    return lambda parties: [
        Inbound.objects.filter(party__in=parties, kind=kind.value).values_list("party", "occurred_at")
    ]


_ASKED: Final[dict[Outcome, Ask]] = {
    Outcome.RETURNED: lambda parties: [
        Episode.objects.filter(relationship__party__in=parties, number__gt=1).values_list(
            "relationship__party", "began_on"
        )
    ],
    Outcome.ENDED: lambda parties: [
        Breakup.objects.filter(relationship__party__in=parties, withdrawn_at=None).values_list(
            "relationship__party", "ended_on"
        )
    ],
    Outcome.REFERRED: lambda parties: [
        Referral.objects.filter(referrer__in=parties).values_list("referrer", "told_at")
    ],
    Outcome.REPLIED: _came_back(InboundKind.REPLY),
    Outcome.STOPPED: lambda parties: [
        Consent.objects.filter(party__in=parties, withdrawn_at__isnull=False).values_list("party", "withdrawn_at"),
        *_came_back(InboundKind.UNSUBSCRIBED)(parties),
    ],
    Outcome.COMPLAINED: _came_back(InboundKind.COMPLAINED),
}
