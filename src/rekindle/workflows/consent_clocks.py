"""Grounds to write that run out soon, with what to do before: planning works backwards from the law.

1. ask the database for the grounds that could run out in that time, by the lengths of the clocks of the law packs;
2. gather the facts about those people and let the law say when each ground really ends (`decide.law.holds`, as the
   gate does);
3. keep those that end in that time, in the order of their end, a page at a time; names only for the page.

Reading only. What is read grows with the grounds that could run out, not with everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from rekindle.decide import law as law_of
from rekindle.decide.gate_facts import Known, instant
from rekindle.decide.law import BASES, NO_RULE, Law, LawRule, Life
from rekindle.errors import BadInput
from rekindle.relationships import consent_queries
from rekindle.relationships.consent_queries import Window
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass
from rekindle.workflows.contact_facts import clock_starts
from rekindle.workflows.why_not import business_zone

WITHIN_DAYS: Final = 60
LONGEST_WITHIN: Final = 366
_SLACK: Final = timedelta(days=4)
"""Calendar months end on the last of a shorter month: a window is so much wider than the sum of its days."""
_OWN_DAY: Final = "own_day"

Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]


@dataclass(frozen=True)
class Expiring:
    """One ground that runs out. `until`: the instant; `last_day`: the last day it holds, where the business is.

    rule    the id of the law's rule whose clock it is; "own_day" where the person named the day
    before  what the law pack suggests meanwhile, in words; empty where nothing but letting it end
    """

    consent: int
    party: int
    person: str
    channel: Channel
    purpose: TouchClass
    basis: Basis
    until: datetime
    last_day: date
    rule: str
    before: tuple[str, ...]


@dataclass(frozen=True)
class Clocks:
    """One page, the soonest first; `next`: what to ask the next page with, empty on the last."""

    rows: tuple[Expiring, ...]
    next: str


def expiring(*, within_days: int = WITHIN_DAYS, after: str = "", limit: int = 50, at: datetime | None = None) -> Clocks:
    """Grounds that end within so many days of an instant (None: now).

    after  `Clocks.next` of the page before
    Raises BadInput for a time under one day or over a year, and for a place that no page gave.
    """
    if not 1 <= within_days <= LONGEST_WITHIN:
        raise BadInput(f"{within_days} days", where="clocks", remedy=f"Ask for 1 to {LONGEST_WITHIN} days.")
    at = at or timezone.now()
    place = _place(after)
    ids, parties, columns, until = _ending(at, until=at + timedelta(days=within_days))
    order = np.lexsort((ids, until))
    if place is not None:
        past = (until[order] < place[0]) | ((until[order] == place[0]) & (ids[order] <= place[1]))
        order = order[~past]
    page = order[:limit]
    names, zone = consent_queries.names_of(int(parties[row]) for row in page), business_zone()
    rows = []
    for row in page:
        rule, is_own = columns.rule(int(row))
        ends = until[row].item().replace(tzinfo=UTC)
        rows.append(
            Expiring(
                consent=int(ids[row]), party=int(parties[row]), person=names.get(int(parties[row]), ""),
                channel=Channel(columns.channel[row]), purpose=TouchClass(columns.purpose[row]),
                basis=Basis(columns.basis[row]), until=ends,
                last_day=(ends - timedelta(microseconds=1)).astimezone(zone).date(),
                rule=_OWN_DAY if is_own else rule.id, before=_before(rule),
            )
        )  # fmt: skip
    last = page[-1] if len(page) else None
    more = f"{until[last].astype(np.int64)}.{ids[last]}" if last is not None and len(order) > limit else ""
    return Clocks(tuple(rows), more)


@dataclass(frozen=True)
class _Grounds:
    """The grounds found, (n,) each, and for each the place of the law's rule about it."""

    law: Law
    channel: Any
    purpose: Any
    basis: Any
    place: NDArray[np.int16]
    is_own: NDArray[np.bool_]

    def rule(self, row: int) -> tuple[LawRule, bool]:
        return self.law.rules[int(self.place[row])], bool(self.is_own[row])


def _ending(at: datetime, *, until: datetime) -> tuple[Ints, Ints, _Grounds, Instants]:
    """(id, party, the grounds, when each ends) of those that hold at the instant and end by `until`."""
    law = law_of.law()
    windows = {
        basis: [_window(months, at=at, until=until) for months in sorted(lengths)]
        for basis, lengths in _lengths(law).items()
    }
    found = list(consent_queries.expiring(own_day=Window(at, until), clocks=windows))
    columns = list(zip(*found, strict=True)) if found else [()] * 7
    ids, parties = (np.array(columns[n], dtype=np.int64) for n in (0, 1))
    channel, purpose, basis = (np.array(columns[n], dtype=object) for n in (2, 3, 4))
    obtained, own = (_instants(columns[n]) for n in (5, 6))
    people, back = np.unique(parties, return_inverse=True)
    known = Known(clock_starts(people, at=at))
    life = Life(
        known.instants("last_purchase"), known.instants("last_contact"), known.instants("ended_at"), known.yes("live")
    ).take(back)
    where = law.places(known.words("country"))[back]
    n = len(ids)
    ends, place = np.full(n, np.datetime64("NaT", "us")), np.full(n, NO_RULE, dtype=np.int16)
    for road, kind, ground, rows in _groups(channel, purpose, basis):
        codes = np.full(len(rows), BASES.index(ground), dtype=np.int8)
        counts, ran = law_of.holds(
            law, where=where[rows], basis=codes, channel=road, touch_class=kind, obtained=obtained[rows],
            life=life.take(rows),
        )  # fmt: skip
        here = law.cells[:, law_of.CHANNELS.index(road), law_of.CLASSES.index(kind), BASES.index(ground)]
        place[rows] = np.where(counts, here[where[rows]], NO_RULE)
        ends[rows] = ran
    is_own = ~np.isnat(own) & ~(ends <= own)
    ends = np.fmin(ends, own)
    # NaT compares False: a ground without an end does not run out.
    kept = np.flatnonzero((place != NO_RULE) & (ends > instant(at)) & (ends <= instant(until)))
    grounds = _Grounds(law, channel[kept], purpose[kept], basis[kept], place[kept], is_own[kept])
    return ids[kept], parties[kept], grounds, ends[kept]


def _groups(channel: Any, purpose: Any, basis: Any) -> Iterator[tuple[Channel, TouchClass, str, Ints]]:
    """Rows by road, purpose and ground; a word nobody knows any more is in no group and holds for nothing."""
    roads, kinds = {word.value for word in Channel}, {word.value for word in TouchClass}
    for road, kind, ground in dict.fromkeys(zip(channel.tolist(), purpose.tolist(), basis.tolist(), strict=True)):
        if road in roads and kind in kinds and ground in BASES:
            rows = np.flatnonzero((channel == road) & (purpose == kind) & (basis == ground))
            yield Channel(road), TouchClass(kind), ground, rows


def _lengths(law: Law) -> dict[str, set[int]]:
    """Every length of clock there is for a ground, whatever the country."""
    found: dict[str, set[int]] = {}
    for rule in law.rules:
        if rule.clock is not None:
            found.setdefault(rule.basis, set()).add(rule.clock.months)
    return found


def _window(months: int, *, at: datetime, until: datetime) -> Window:
    """When a clock of that length started that runs out between two instants."""
    first, last = (_months_before(moment, months=months) for moment in (at, until))
    return Window(first - _SLACK, last + _SLACK)


def _months_before(moment: datetime, *, months: int) -> datetime:
    start = np.array([np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")])
    found: datetime = law_of.months_after(start, months=-months)[0].item()
    return found.replace(tzinfo=UTC)


def _before(rule: LawRule) -> tuple[str, ...]:
    words = {
        "consent_before": "ask for consent before that day",
        "letter": "a letter needs no such ground",
        "ask_once_to_continue": "ask once whether they would like to stay in touch; silence is a no",
    }
    suggested = (rule.on_expiry or {}).get("suggest", ())
    return tuple(words[word] for word in suggested if word in words)


def _instants(values: Any) -> Instants:
    plain = [value.astimezone(UTC).replace(tzinfo=None) if value is not None else None for value in values]
    return np.array(plain, dtype="datetime64[us]")


def _place(text: str) -> tuple[np.datetime64, int] | None:
    if not text:
        return None
    moment, _dot, number = text.partition(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (moment, number)):
        raise BadInput("no such page", where="clocks", remedy="Begin at the first page.")
    return np.datetime64(int(moment), "us"), int(number)
