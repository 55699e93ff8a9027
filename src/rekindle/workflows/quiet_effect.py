"""What another quiet policy would have done, asked before anybody decides on it. Reading only.

1. take the ends that hold, of the last 24 months, on which the two policies can differ today: a few weeks of them;
2. reckon each by the policy that holds and by the draft, in the person's local days; who was given more or less
   quiet by hand stands apart, for no policy decides about them;
3. put the rules of contact to everybody the draft would let go sooner, with the quiet taken away and all else as it
   is: so many could be written to, and so many are stopped by something else, a clock of the law among it.

The stored instants stay as they are; the figures tell what the same ends would look like under the draft.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from django.db.models import Exists, OuterRef, Q
from numpy.typing import NDArray

from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.decide.law import Law, law
from rekindle.relationships.models import Breakup, CoolingOff, Episode
from rekindle.relationships.policy import Quiet
from rekindle.relationships.vocabulary import BreakupKind, Channel, TouchClass, Wound
from rekindle.workflows.contact_facts import facts

Ints = NDArray[np.int64]

WINDOW_DAYS: Final = 730
BY_HAND: Final = "extended by hand"
"""How `cooling_off.extend` signs its stretch; a shorter one carries its two people."""


@dataclass(frozen=True)
class Effect:
    """Numbers of parties, sorted, never one twice in a list.

    ends      how many ends lie between the two lengths, or within a day of one
    by_hand   of these, given their quiet by hand and left out of the lists
    freed     quiet now, not quiet under the draft; `held` the other way round
    stopped   of the freed, those whom a rule refuses all the same, by that rule
    clocked   of those without a ground, the ones whose ground ran out by a clock of the law or its own day
    """

    ends: int
    by_hand: int
    freed: Ints
    held: Ints
    reachable: Ints
    stopped: dict[Rule, Ints]
    clocked: Ints


def effect(now: Quiet, draft: Quiet, *, at: datetime, touch_class: TouchClass, channel: Channel) -> Effect:
    """What the draft would change at an instant, and what the rules say to such a touch of those it lets go sooner."""
    freed: set[int] = set()
    held: set[int] = set()
    ends = by_hand = 0
    today, lasts = _local_days(at), _lasts(now, draft)
    for party, ended_on, kind, wound, before, country, zones, is_by_hand in _ends(
        at, wanted=_between(now, draft, today=at.date())
    ):
        ends += 1
        if is_by_hand:
            by_hand += 1
            continue
        old, new = lasts(kind, wound, bool(before), country)
        gone = (today(*zones) - ended_on).days
        # A kind that closes for good is quiet for ever, under both.
        if old is not None and new is not None and (gone < old) != (gone < new):
            (freed if gone < old else held).add(party)
    out = np.array(sorted(freed - held), dtype=np.int64)
    reachable, stopped, clocked = _ask(out, at=at, touch_class=touch_class, channel=channel)
    return Effect(ends, by_hand, out, np.array(sorted(held), dtype=np.int64), reachable, stopped, clocked)


def _between(now: Quiet, draft: Quiet, *, today: date) -> Q:
    """Ends between the two lengths, with a day either side for the zones of the world; none where nothing differs.

    Wider than exact where that keeps the query short: what is reckoned of each end decides.
    """
    wanted = Q(pk__in=[])
    for wound, again in product(Wound, (0, 1)):
        alike: dict[tuple[int, int], list[str]] = {}
        for kind in (None, *BreakupKind):
            pair = _pair(now, draft, kind, wound=wound, again=again, country="")
            if pair is not None:
                alike.setdefault(pair, []).append(kind.value if kind else "")
        for (low, high), kinds in alike.items():
            wanted |= Q(wound=wound.value, kind__in=kinds) & _gone(low, high, today=today)
    for country in {*now.by_country, *draft.by_country}:
        pairs = [
            pair
            for kind, wound, again in product((None, *BreakupKind), Wound, (0, 1))
            if (pair := _pair(now, draft, kind, wound=wound, again=again, country=country)) is not None
        ]
        if pairs:
            low, high = min(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
            wanted |= Q(relationship__party__country__iexact=country) & _gone(low, high, today=today)
    return wanted


def _pair(
    now: Quiet, draft: Quiet, kind: BreakupKind | None, *, wound: Wound, again: int, country: str
) -> tuple[int, int] | None:
    """(the shorter, the longer) of both lengths for such an end; None where they are the same, or it closes."""
    old, new = (one.days(kind, wound=wound, ends_before=again, country=country) for one in (now, draft))
    return None if old is None or new is None or old == new else (min(old, new), max(old, new))


def _gone(low: int, high: int, *, today: date) -> Q:
    """Ended at least `low` and less than `high` days ago, give or take a day."""
    return Q(ended_on__gt=today - timedelta(high + 1), ended_on__lte=today - timedelta(low - 1))


def _ends(at: datetime, *, wanted: Q) -> Any:
    """Rows of the ends that hold: nobody has left again since, and no new life followed."""
    since = Breakup.objects.filter(
        relationship=OuterRef("relationship"), withdrawn_at=None, ended_on__gt=OuterRef("ended_on")
    )
    lived_on = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    set_by_hand = CoolingOff.objects.filter(breakup=OuterRef("pk"), superseded_at=None).filter(
        Q(basis=BY_HAND) | Q(shortened_by__isnull=False)
    )
    rows = (
        Breakup.objects.filter(wanted, withdrawn_at=None, ended_on__gt=(at - timedelta(days=WINDOW_DAYS)).date())
        .exclude(Exists(since))
        .exclude(Exists(lived_on))
        .annotate(is_by_hand=Exists(set_by_hand))
        .order_by()
        .values_list(
            "relationship__party_id", "ended_on", "kind", "wound", "frozen__ends_before",
            "relationship__party__country", "relationship__party__time_zone", "relationship__brand__time_zone",
            "is_by_hand",
        )
    )  # fmt: skip
    for party, ended_on, kind, wound, before, country, zone, house, is_by_hand in rows.iterator(chunk_size=5_000):
        yield party, ended_on, kind, wound, before, country, (zone, house), is_by_hand


def _lasts(now: Quiet, draft: Quiet) -> Callable[[str, str, bool, str], tuple[int | None, int | None]]:
    """How long both policies are quiet about an end; there are few different ends, so each is reckoned once."""
    known: dict[tuple[str, str, bool, str], tuple[int | None, int | None]] = {}

    def of(kind: str, wound: str, before: bool, country: str) -> tuple[int | None, int | None]:
        key = (kind, wound, before, country)
        if key not in known:
            which, hurt = (BreakupKind(kind) if kind else None), Wound(wound)
            old, new = (one.days(which, wound=hurt, ends_before=int(before), country=country) for one in (now, draft))
            known[key] = (old, new)
        return known[key]

    return of


def _local_days(at: datetime) -> Callable[[str, str], date]:
    """The day it is in the first of the zones that is a real one."""
    known: dict[str, date | None] = {}

    def of(*zones: str) -> date:
        for zone in zones:
            if zone not in known:
                known[zone] = _day_in(zone, at)
            day = known[zone]
            if day is not None:
                return day
        return at.date()

    return of


def _day_in(zone: str, at: datetime) -> date | None:
    try:
        return at.astimezone(ZoneInfo(zone)).date()
    except (KeyError, ValueError, OSError):  # a load may have kept any text
        return None


def _ask(
    party: Ints, *, at: datetime, touch_class: TouchClass, channel: Channel
) -> tuple[Ints, dict[Rule, Ints], Ints]:
    """(who may be written to, who is stopped by which rule, whose ground ran out) with the quiet taken away."""
    if not len(party):
        return party, {}, party
    gathered = facts(party, at=at)
    people = gathered.people
    for name in ("cooling_off", "reply_only"):
        people = people.set_column(people.column_names.index(name), name, pa.array(np.zeros(len(party), dtype=bool)))
    freed = replace(gathered, people=people)
    said = eligibility.check(freed, touch_class=touch_class, channel=channel, at=at, hour=False)
    stopped = {
        RULES[code]: party[said.rule == code] for code in np.unique(said.rule) if RULES[code] is not Rule.ALLOWED
    }
    no_basis = said.rule == RULES.index(Rule.NO_BASIS)
    timeless = eligibility.check(
        _without_expiry(freed), touch_class=touch_class, channel=channel, at=at, hour=False, by_law=_without_clocks()
    )
    return party[said.allowed], stopped, party[no_basis & (timeless.rule != RULES.index(Rule.NO_BASIS))]


def _without_clocks() -> Law:
    held = law()
    return replace(held, rules=tuple(replace(rule, clock=None) for rule in held.rules))


def _without_expiry(gathered: eligibility.Facts) -> eligibility.Facts:
    consents = gathered.consents
    if consents is None:
        return gathered
    place = consents.column_names.index("expires_at")
    never = pa.nulls(len(consents), consents.schema.field(place).type)
    return replace(gathered, consents=consents.set_column(place, "expires_at", never))
