"""How long we are quiet after an end, as data with a version. Each figure has its reason beside it.

The quiet is counted in local days from the day the relationship ended, and stored once as an instant; a new version
here never touches an end already on record. Every length is our choice, a default that a business may argue with:

    90 days   the usual quiet: time to settle, and for both sides to look back without a pitch
    30        moved away, need met, season over: nobody is hurt, and a date of return is often known
    14        a payment or a machine failed: not an end they chose; dunning takes about as long
    180       we ended it for our own reasons: the wish to hear from us is smaller, and it is theirs to say
    +30       they were wounded; and again where it is not the first end
    +90       they felt betrayed; a human may mend before, nothing else

Abuse, unpaid bills, a law, and a death close the relationship at once. Free of Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from rekindle.relationships.vocabulary import BreakupKind, Wound


@dataclass(frozen=True)
class Quiet:
    """One version of the policy. All lengths are local days.

    by_kind        kinds with a length of their own; all others take `usual`
    by_wound       what a wound adds
    by_country     two-letter countries where the quiet is never shorter than this; a floor, it adds nothing
    again          added where an earlier end of the same relationship is on record
    floor_presumed days that are left at least when a presumed end is confirmed late
    thread         days for which a person who wrote to us may be answered
    closed         kinds that close at once: no quiet has an end there
    """

    version: str
    usual: int
    by_kind: Mapping[BreakupKind, int]
    by_wound: Mapping[Wound, int]
    by_country: Mapping[str, int]
    again: int
    floor_presumed: int
    thread: int
    closed: frozenset[BreakupKind]

    def days(self, kind: BreakupKind | None, *, wound: Wound, ends_before: int, country: str = "") -> int | None:
        """Length of the quiet; None where the kind closes the relationship for good.

        ends_before  ends of the same relationship on record before this one, each followed by a return
        country      two letters; empty where it is not known
        """
        if kind in self.closed:
            return None
        return max(self._sum(kind, wound=wound, ends_before=ends_before), self.by_country.get(country.upper(), 0))

    def _sum(self, kind: BreakupKind | None, *, wound: Wound, ends_before: int) -> int:
        base = self.usual if kind is None else self.by_kind.get(kind, self.usual)
        return base + self.by_wound.get(wound, 0) + (self.again if ends_before else 0)

    def basis(self, kind: BreakupKind | None, *, wound: Wound, ends_before: int, country: str = "") -> str:
        """The sum in words, for the record: "policy 1: 30 moved away + 30 wounded"."""
        floor = self.by_country.get(country.upper(), 0)
        if floor > self._sum(kind, wound=wound, ends_before=ends_before):
            return f"policy {self.version}: {floor} at least in {country.upper()}"
        parts = [
            f"{self.by_kind[kind]} {kind.label}" if kind is not None and kind in self.by_kind else f"{self.usual} usual"
        ]
        if self.by_wound.get(wound):
            parts.append(f"{self.by_wound[wound]} {wound.label}")
        if ends_before:
            parts.append(f"{self.again} not the first end")
        return f"policy {self.version}: {' + '.join(parts)}"

    def lengths(self) -> dict[str, Any]:
        """Everything a business may choose, as plain JSON; `quiet_of` reads it back."""
        return {
            "usual": self.usual,
            "by_kind": {kind.value: days for kind, days in sorted(self.by_kind.items())},
            "by_wound": {wound.value: days for wound, days in sorted(self.by_wound.items())},
            "by_country": dict(sorted(self.by_country.items())),
            "again": self.again,
            "floor_presumed": self.floor_presumed,
            "thread": self.thread,
        }


POLICIES: Final = (
    Quiet(
        version="1",
        usual=90,
        by_kind={
            BreakupKind.MOVED: 30,
            BreakupKind.COMPLETED: 30,
            BreakupKind.SEASONAL: 30,
            BreakupKind.TECHNICAL: 14,
            BreakupKind.UNPROFITABLE: 180,
            BreakupKind.STRATEGY: 180,
        },
        by_wound={Wound.WOUNDED: 30, Wound.BETRAYED: 90},
        by_country={},
        again=30,
        floor_presumed=45,
        thread=14,
        closed=frozenset({BreakupKind.TOXIC, BreakupKind.UNPAID, BreakupKind.LEGAL, BreakupKind.DECEASED}),
    ),
)
"""Every version that ever shipped, oldest first. What a business chose for itself is `workflows.policies`."""
QUIET: Final = POLICIES[-1]


def quiet_of(version: str, lengths: Mapping[str, Any]) -> Quiet:
    """A version from its JSON; a length that is not in it is the shipped one. What closes at once is never data.

    Raises ValueError for a kind or wound that there is not.
    """
    given = {**QUIET.lengths(), **lengths}
    return Quiet(
        version=version,
        usual=int(given["usual"]),
        by_kind={BreakupKind(kind): int(days) for kind, days in given["by_kind"].items()},
        by_wound={Wound(wound): int(days) for wound, days in given["by_wound"].items()},
        by_country={str(country): int(days) for country, days in given["by_country"].items()},
        again=int(given["again"]),
        floor_presumed=int(given["floor_presumed"]),
        thread=int(given["thread"]),
        closed=QUIET.closed,
    )


BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "usual": (14, 365),
    "by_kind": (7, 365),
    "by_wound": (0, 365),
    "by_country": (14, 730),
    "again": (0, 365),
    "floor_presumed": (14, 180),
    "thread": (1, 60),
}
"""Least and most days of each length. Our choice: under two weeks is no quiet at all, and who needs more than a year
by rule wants to be asked, not waited out. A thread longer than two months is no answer any more."""

CLEAN_BREAK: Final = frozenset({BreakupKind.TOXIC, BreakupKind.UNPAID, BreakupKind.LEGAL})
"""We close for good: takes two people, and every address goes on the never-again list."""

BY_US: Final = CLEAN_BREAK | {BreakupKind.UNPROFITABLE, BreakupKind.STRATEGY}

DECIDE_WITHIN_DAYS: Final = 30
"""Within so many days of the end somebody says whether we would like them back. Domain default."""
BRAKE_DAYS: Final = 7
"""A "no" so soon after being left may be hurt speaking: it takes a second person, or is looked at again."""
UNDO_WITHIN: Final = timedelta(days=1)
"""A slip is noticed within a day; later the record is corrected, not taken back. Our choice."""


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC, also where the clocks skip or repeat midnight."""
    # fold=0 reads a repeated midnight as the first one, and a skipped one by the old offset, which is the jump itself.
    return datetime.combine(day, time(), zone).astimezone(UTC)
