"""Everybody who ever left, as the models of coming back read it: the end, the return, and which group they lie in.

Two kinds of end are kept apart throughout. A told end is somebody's word. A presumed one is our reading of a silence,
and it heals exactly where that reading was wrong: learned together, such returns would promise that people come back
who have said goodbye. Not counted as leaving: a death, a notice that was taken back, a silence of which staff said
that it is no end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rekindle.relationships.endings_queries import still_with_us
from rekindle.relationships.models import Breakup, Party
from rekindle.relationships.reasons import BY_CODE
from rekindle.relationships.return_queries import returned_by_word
from rekindle.relationships.vocabulary import BreakupKind, Wound
from rekindle.understand import return_hazard
from rekindle.workflows import bulk
from rekindle.workflows.night import ends
from rekindle.workflows.night.reading import Ints, Reading, floats, ordinal, place_of

Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

TOLD: Final = "told"
PRESUMED: Final = "presumed"
KINDS: Final = (TOLD, PRESUMED)
LEVELS: Final = {TOLD: ("reason", "wound", "first_life"), PRESUMED: ("first_life",)}
"""What each kind of end is grouped by, the widest first. A silence tells neither a reason nor a wound."""
NOT_KNOWN: Final = "unknown"

PUSH_OF: Final = {
    BreakupKind.DISSATISFIED: "pushed",
    BreakupKind.PULLED: "pulled",
    BreakupKind.BOUGHT: "bought",
    BreakupKind.AFFORDABILITY: "moved",
    BreakupKind.NEED_CHANGED: "moved",
    BreakupKind.MOVED: "moved",
    BreakupKind.LIFE_EVENT: "moved",
    BreakupKind.ORGANISATION: "moved",
    BreakupKind.TECHNICAL: "technical",
    BreakupKind.COMPLETED: "moved",
    BreakupKind.SEASONAL: "moved",
    BreakupKind.QUIET_FADE: NOT_KNOWN,
    BreakupKind.TOXIC: "shed",
    BreakupKind.UNPROFITABLE: "shed",
    BreakupKind.UNPAID: "shed",
    BreakupKind.STRATEGY: "shed",
    BreakupKind.LEGAL: "shed",
}
"""The group of reasons of an end whose kind is on record and whose reasons are not."""

PUSH_OF_WORDS: Final = {
    word: reason.push for reason in BY_CODE.values() for word in (reason.code, reason.label.casefold())
}
"""The group of a reason that is written as its code or in its own words."""
LONGEST_WORDS: Final = 60


@dataclass(frozen=True)
class Left:
    """One row an end, by party and day.

    day          whole day the absence begins: the day told, or the night the silence was taken for an end
    returned     day of the return, NaN while away
    first_life   text, band of the person's first life; NOT_KNOWN where no sign of life came before the end
    is_lasting   the absence goes on today
    is_learned   the end follows a life, so that a return would have been seen as one
    """

    party: Ints
    day: Ints
    returned: npt.NDArray[np.float64]
    is_presumed: Flags
    is_lasting: Flags
    is_learned: Flags
    reason: Texts
    wound: Texts
    first_life: Texts

    def of(self, kind: str, *, among: Flags) -> Flags:
        """Rows of one kind of end."""
        return np.asarray(among & (self.is_presumed == (kind == PRESUMED)), dtype=bool)

    def levels(self, kind: str, rows: Flags) -> dict[str, Texts]:
        """The names of the groups of these rows."""
        return {level: getattr(self, level)[rows] for level in LEVELS[kind]}


@dataclass(frozen=True)
class Lived:
    """One row a life, by party and number, in days: lasted to its end or to today; ended as far as was seen."""

    party: Ints
    number: Ints
    lasted: Ints
    ended: Flags
    is_presumed: Flags
    follows: Texts  # the kind of end before it; empty for a first life

    @classmethod
    def of(cls, lives: pa.Table, *, as_of: int) -> Lived:
        """A quiet end lies somewhere after the last sign of life: what came after it was no day with us."""
        party, number = lives["party_id"].to_numpy(), lives["number"].to_numpy().astype(np.int64)
        ended = np.asarray(lives["ended_on"].is_valid().to_numpy(zero_copy_only=False), dtype=bool)
        presumed = np.asarray(lives["is_presumed"].to_numpy(zero_copy_only=False), dtype=bool) & ended
        over = np.where(presumed, ordinal(lives["last_seen"]), ordinal(lives["ended_on"]))
        lasted = np.where(ended, over, as_of) - ordinal(lives["began"])
        follows = np.full(len(party), "", dtype=object)
        if len(party):
            again = np.append(False, party[1:] == party[:-1])
            follows[again] = np.where(np.append(False, presumed[:-1])[again], PRESUMED, TOLD)
        return cls(party, number, np.maximum(lasted, 0), ended, presumed, follows)


def everybody_who_left(reading: Reading, lives: pa.Table, lived: Lived, *, as_of: int) -> Left:
    """Every end up to the day."""
    party = lived.party
    last = np.append(party[1:] != party[:-1], True) if len(party) else np.zeros(0, dtype=bool)
    came = _by_word(reading, party)
    day = np.where(lived.ended, ordinal(lives["ended_on"]), as_of)
    back = last & lived.ended & (came > day)
    returned = np.where(back, came.astype(np.float64), _or_nan(lives["healed_on"]))
    denied = np.isin(party, np.array(sorted(still_with_us(reading.as_of)), dtype=np.int64))
    left = lived.ended & ~(last & lived.is_presumed & denied & ~back)
    first = party[1:] != party[:-1] if len(party) else np.zeros(0, dtype=bool)
    band = return_hazard.first_life_band(lived.lasted[np.append(True, first)] if len(party) else [])
    first_life = band[np.cumsum(np.append(False, first))] if len(party) else np.zeros(0, dtype=object)
    alone, alone_day = _without_a_life(reading, party)
    none = np.zeros(len(alone), dtype=bool)
    rows = Left(
        party=np.concatenate([party[left], alone]),
        day=np.concatenate([day[left], alone_day]),
        returned=np.concatenate([returned[left], np.full(len(alone), np.nan)]),
        is_presumed=np.concatenate([lived.is_presumed[left], none]),
        is_lasting=np.concatenate([(last & ~back)[left], ~none]),
        is_learned=np.concatenate([np.ones(int(left.sum()), dtype=bool), none]),
        reason=np.full(int(left.sum()) + len(alone), NOT_KNOWN, dtype=object),
        wound=np.full(int(left.sum()) + len(alone), Wound.NONE.value, dtype=object),
        first_life=np.concatenate([first_life[left], np.full(len(alone), NOT_KNOWN, dtype=object)]),
    )
    return _without_the_dead(_with_reasons(reading, rows), reading)


def _by_word(reading: Reading, party: Ints) -> Ints:
    """Since when somebody is back by the word of staff; the least integer where nobody said so."""
    told = returned_by_word(reading.as_of)
    came = np.full(len(party), np.iinfo(np.int64).min, dtype=np.int64)
    if told:
        people = np.array(sorted(told), dtype=np.int64)
        since = np.array([told[one] for one in people.tolist()], dtype="datetime64[D]").astype(np.int64)
        at = place_of(party, people)
        came[at >= 0] = since[at[at >= 0]]
    return came


def _without_a_life(reading: Reading, party: Ints) -> tuple[Ints, Ints]:
    """(party, day) of people of whom only an end is known."""
    told = ends.told_ends(reading, reading.read("summary"))
    people = np.unique(told.party)
    alone = people[place_of(people, np.unique(party)) < 0] if len(people) else people
    day = told.last_of(alone)
    came = _by_word(reading, alone)
    return alone[came <= day], day[came <= day]


def _with_reasons(reading: Reading, rows: Left) -> Left:
    """The group of reasons and the wound of every end that is on record."""
    found = Breakup.objects.filter(relationship__brand=reading.brand, ended_on__lte=reading.as_of, withdrawn_at=None)
    parties, ended, kinds, reasons, said, wounds = bulk.read(
        found, "relationship__party_id", "ended_on", "kind", "reasons", "stated_reason", "wound"
    )
    if not parties:
        return rows
    key = _keys(np.array(parties, dtype=np.int64), np.array(ended, dtype="datetime64[D]").astype(np.int64))
    order = np.argsort(key, kind="stable")
    at = place_of(_keys(rows.party, rows.day), key[order])
    told = (at >= 0) & ~rows.is_presumed
    place = order[at[told]]
    words = {text: _plain(text) for text in set(said)}
    often = Counter(words[text] for text in said)
    given = list(zip(kinds, reasons, [words[text] for text in said], strict=True))
    group_of = {one: _group(*one, often=often) for one in set(given)}
    rows.reason[told] = np.array([group_of[one] for one in given], dtype=object)[place]
    rows.wound[told] = np.array([wound or Wound.NONE.value for wound in wounds], dtype=object)[place]
    return rows


def _group(kind: str, reasons: str, said: str, *, often: Mapping[str, int]) -> str:
    """The group of the weightiest reason they gave, else of the kind of end. What we only think is not read.

    said   their words as another system wrote them: a group of its own where many ends share them, since such words
           come from a list; words of few may name somebody, and are no group
    """
    codes = json.loads(reasons)
    push = PUSH_OF_WORDS.get(codes[0] if codes else said, NOT_KNOWN)
    if kind == BreakupKind.DECEASED.value:
        return kind
    if push != NOT_KNOWN:
        return push
    if kind:
        return PUSH_OF.get(BreakupKind(kind), NOT_KNOWN)
    return f"“{said}”" if said and often[said] >= return_hazard.FEWEST_ENDS else NOT_KNOWN


def _plain(text: str) -> str:
    """Words as they are compared and shown, free of the sign that parts the names of groups."""
    return " ".join(text.casefold().replace("/", ", ").split())[:LONGEST_WORDS]


def _without_the_dead(rows: Left, reading: Reading) -> Left:
    """Nobody waits for the dead to come back."""
    (dead,) = bulk.read(Party.objects.filter(deceased_on__lte=reading.as_of), "id")
    gone = np.isin(rows.party, np.array(dead, dtype=np.int64)) | (rows.reason == BreakupKind.DECEASED.value)
    kept = ~gone
    return Left(**{name: column[kept] for name, column in vars(rows).items()})


def _or_nan(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return floats(column.cast(pa.int32()))


def _keys(party: Ints, day: Ints) -> Ints:
    return (party << ends.DAY_BITS) | (day + ends.DAY_ZERO)
