"""How each life ended, on which day that was told, and by which cause: what the hazard learns from and pages count.

A told end is dated the day it was told: the notice where one is known, else the end itself. From then on nobody needs
a forecast. Its cause is that of its kind, else of the reason stated; an end without
either is voluntary, one by us has no cause of theirs.
A presumed end was read from silence. To learn it back from silence would be circular, so no model learns from it:
silence is what the purchase model speaks of. It is counted beside the told ends, under `quiet`, where pages say by
what lives end, dated like in the curve of lives: the last day the person was seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Count

from rekindle.relationships.models import Breakup
from rekindle.relationships.reasons import REASONS
from rekindle.relationships.vocabulary import BreakupKind, Initiator
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.incidence import incidence
from rekindle.understand.person_periods import CAUSE_OF, CAUSES
from rekindle.workflows import bulk
from rekindle.workflows.night.ends import DAY_BITS, DAY_ZERO
from rekindle.workflows.night.reading import Reading, ordinal

BY_US: Final = "by_us"
YEAR: Final = 365
NOTICE_HOLDS: Final = 90  # days: an event of notice that no end followed for so long was taken back; our choice
_POINTS: Final = 40  # of the curves by cause: finer than a page shows
_NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class LifeEnds:
    """(n,) each, in the order of LIVES: by party and number.

    told      day on which the end was told, NaN where it was not
    cause     one of CAUSES; "" where we ended it, or nobody told an end
    closed    last day of a life that was taken up again without a told end between, NaN else
    runs      whether the life goes on and nobody gave notice
    notice    whether it goes on under a notice
    """

    party: Ints
    number: Ints
    began: Ints
    last_seen: Ints
    told: Floats
    cause: npt.NDArray[Any]
    closed: Floats
    runs: npt.NDArray[np.bool_]
    notice: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Recorded:
    """Ends in the books, by party and day: (m,) each. `known` whether the notice, or its load, was before the day."""

    party: Ints
    ended: Ints
    noticed: Floats
    cause: npt.NDArray[Any]
    known: npt.NDArray[np.bool_]

    @property
    def keys(self) -> Ints:
        return (self.party << DAY_BITS) | (self.ended + DAY_ZERO)


def life_ends(reading: Reading, lives: pa.Table, summary: pa.Table, *, as_of: int) -> LifeEnds:
    """What became of each life, as far as it was known on the day."""
    party, began = lives["party_id"].to_numpy(), ordinal(lives["began"])
    ended, seen = ordinal(lives["ended_on"]), ordinal(lives["last_seen"])
    over = lives["ended_on"].is_valid().to_numpy(zero_copy_only=False)
    is_told = over & ~lives["is_presumed"].to_numpy(zero_copy_only=False)
    books = _recorded(reading, as_of)
    noticed = _notices(summary, party, began)
    told = np.where(is_told, ended, np.nan).astype(np.float64)
    cause = np.where(is_told, "voluntary", "").astype(object)
    at = np.searchsorted(books.keys, (party << DAY_BITS) | (np.where(over, ended, began) + DAY_ZERO))
    at[at == len(books.keys)] = 0
    if len(books.keys):
        on_record = is_told & (books.party[at] == party) & (books.ended[at] == ended)
        cause[on_record] = books.cause[at[on_record]]
        noticed = np.where(on_record & np.isfinite(books.noticed[at]), books.noticed[at], noticed)
    early = is_told & (noticed >= began) & (noticed < ended)
    told[early] = noticed[early]
    last = np.append(party[1:] != party[:-1], True) if len(party) else np.zeros(0, bool)
    goes_on = last & ~over
    coming = np.isin(party, books.party[books.known & (books.ended > as_of)])
    by_event = np.isfinite(noticed) & (noticed > as_of - NOTICE_HOLDS)
    notice = goes_on & (coming | by_event)
    _under_notice(told, cause, notice, noticed, party, books, as_of)
    healed = lives["healed_on"].is_valid().to_numpy(zero_copy_only=False) & ~is_told
    closed = np.where(healed, np.maximum(ordinal(lives["healed_on"]) - 1, seen), np.nan).astype(np.float64)
    return LifeEnds(
        party=party,
        number=lives["number"].to_numpy().astype(np.int64),
        began=began,
        last_seen=seen,
        told=told,
        cause=cause,
        closed=closed,
        runs=goes_on & ~notice,
        notice=notice,
    )


def _under_notice(
    told: Floats, cause: Any, notice: Any, noticed: Floats, party: Ints, books: _Recorded, as_of: int
) -> None:
    """A notice that still runs has told the end already: dates and causes of these lives, set in place."""
    coming = np.flatnonzero(books.known & (books.ended > as_of))
    first = {int(books.party[row]): row for row in coming[::-1]}
    for row in np.flatnonzero(notice):
        recorded = first.get(int(party[row]))
        if recorded is None:
            told[row], cause[row] = noticed[row], "voluntary"
        elif np.isfinite(books.noticed[recorded]):
            told[row], cause[row] = books.noticed[recorded], books.cause[recorded]


def _recorded(reading: Reading, as_of: int) -> _Recorded:
    parties, ended, noticed, kinds, initiators, reasons = bulk.read(
        Breakup.objects.filter(relationship__brand=reading.brand, withdrawn_at=None),
        "relationship__party_id",
        "ended_on",
        "noticed_on",
        "kind",
        "initiator",
        "reasons",
    )
    party = np.array(parties, dtype=np.int64)
    day = np.array(ended, dtype="datetime64[D]").astype(np.int64)
    told = np.array([one or "NaT" for one in noticed], dtype="datetime64[D]").astype(np.int64)
    order = np.lexsort((day, party))
    cause = np.array([_cause(*one) for one in zip(kinds, initiators, reasons, strict=True)], dtype=object)
    # As in `stages`: a notice without a day counts from its load. For the past its end is all there is.
    known = (told == _NEVER) | (told <= as_of)
    seen = np.where((told == _NEVER) | (told > as_of), np.nan, told).astype(np.float64)
    return _Recorded(party[order], day[order], seen[order], cause[order], known[order])


_CAUSE_OF_PUSH: Final = {"moved": "circumstance", "technical": "payment", "shed": ""}


def _cause(kind: str, initiator: str, reasons: Any) -> str:
    """The cause of a recorded end: by its kind, else by the first reason stated; "" where we ended it."""
    known = next((CAUSE_OF[word] or "" for word in BreakupKind if word.value == kind), None)
    if known is not None:
        return known
    if initiator == Initiator.COMPANY.value:
        return ""
    codes = json.loads(reasons) if isinstance(reasons, str) else reasons  # SQLite gives JSON as text
    push = next((reason.push for reason in REASONS if codes and reason.code == codes[0]), "")
    return _CAUSE_OF_PUSH.get(push, "voluntary")


def _notices(summary: pa.Table, party: Ints, began: Ints) -> Floats:
    """(n,) day of the latest event of notice in each life, NaN where there is none."""
    said = summary.filter(pc.is_valid(summary["cancel_notice_day"]))
    found = np.full(len(party), np.nan)
    if said.num_rows and len(party):
        day = ordinal(said["cancel_notice_day"])
        keys = (party << DAY_BITS) | (began + DAY_ZERO)
        at = np.searchsorted(keys, (said["party_id"].to_numpy() << DAY_BITS) | (day + DAY_ZERO), side="right") - 1
        own = (at >= 0) & (party[np.maximum(at, 0)] == said["party_id"].to_numpy())
        found[at[own]] = day[own]
    return found


def described(reading: Reading, lives: pa.Table, ends: LifeEnds, *, as_of: int) -> dict[str, Any]:
    """By what lives end here: counts, shares within a year with their 80 % interval, and the curves."""
    presumed = lives["is_presumed"].to_numpy(zero_copy_only=False)
    over = lives["ended_on"].is_valid().to_numpy(zero_copy_only=False)
    names = (*CAUSES, BY_US)
    cause = np.where(over & presumed, "quiet", np.where(over & (ends.cause == ""), BY_US, ends.cause))
    code = np.zeros(len(cause), dtype=np.int64)
    for place, name in enumerate(names, start=1):
        code[over & (cause == name)] = place
    last = np.where(over, np.where(presumed, ends.last_seen, ordinal(lives["ended_on"])), as_of)
    counts = np.bincount(code, minlength=len(names) + 1)[1:]
    seen = [place for place in range(len(names)) if counts[place]]
    facts: dict[str, Any] = {
        "lives": len(code),
        "endings": int(counts.sum()),
        "presumed": int((over & presumed).sum()),
        "kinds": _kinds(reading),
        "causes": [],
        "survival": None,
    }
    if not seen:
        return facts
    lasted = np.maximum(last - ends.began, 0)
    longest = int(lasted.max())
    grid = np.unique(np.append(np.linspace(0, longest, _POINTS).astype(np.int64), min(YEAR, longest)))
    told = incidence(lasted, code, causes=names, days=grid)
    year = int(np.searchsorted(grid, YEAR)) if longest >= YEAR else None
    facts["causes"] = [
        {
            "cause": names[place],
            "endings": int(counts[place]),
            "share": round(float(counts[place] / counts.sum()), 4),
            # Nobody was followed for a year: what the first year brings is not known.
            "within_year": None if year is None else round(float(told.share[year, place]), 4),
            "low": None if year is None else round(float(told.low[year, place]), 4),
            "high": None if year is None else round(float(told.high[year, place]), 4),
        }
        for place in sorted(seen, key=lambda place: -counts[place])
    ]
    facts["survival"] = {
        "days": grid.tolist(),
        "still_here": np.round(told.still_here, 4).tolist(),
        "by_cause": {names[place]: np.round(told.share[:, place], 4).tolist() for place in seen},
    }
    return facts


def _kinds(reading: Reading) -> list[dict[str, Any]]:
    """Recorded ends of the last year by kind, the most frequent first; "" is an end without a kind."""
    rows = (
        Breakup.objects.filter(
            relationship__brand=reading.brand,
            withdrawn_at=None,
            ended_on__gt=reading.as_of - timedelta(days=YEAR),
            ended_on__lte=reading.as_of,
        )
        .values_list("kind")
        .annotate(n=Count("pk"))
        .order_by("-n", "kind")
    )
    return [{"kind": kind, "n": n} for kind, n in rows]
