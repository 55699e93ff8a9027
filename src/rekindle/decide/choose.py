"""One choice a person, for everyone: what to do, by which road, or to leave in peace, and why.

    1 which options fit the stage, the days since the life began and the rest since the last touch
    2 what each is worth (`worth`), against doing nothing, which is worth 0
    3 which of the worthwhile ones the rules allow, by the most preferred road (`eligibility`)
    4 the best allowed one, or nothing, with the one reason that decided
    5 a rank for everybody by value at stake, whatever was chosen

Where no money is known, options that need none are ordered by their effect, and no worth is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rekindle.decide.eligibility import RULES, Facts, check, instant
from rekindle.decide.explain import Reason
from rekindle.decide.options import OPTIONS, Option
from rekindle.decide.worth import BASES, Stakes, option_worth, rank
from rekindle.errors import BadInput
from rekindle.relationships.stages import CODE
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Instants = NDArray[np.datetime64]

DECISIONS: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("rank", pa.int64()),  # 1 = most at stake; everybody has one
        ("suggestion", pa.string()),
        ("channel", pa.string()),  # null for nothing
        ("reason", pa.string()),  # a Reason
        ("until", pa.timestamp("us", tz="UTC")),  # when the reason changes by itself, null: not by the calendar
        ("wished", pa.string()),  # the best option before the rules and the capacity; null: none was worthwhile
        ("refusal", pa.string()),  # a Rule: what stood against `wished`; null: nothing did
        ("refusal_until", pa.timestamp("us", tz="UTC")),
        ("at_stake", pa.float64()),  # minor units, null not known
        ("stake_basis", pa.string()),
        ("worth", pa.float64()),  # of the suggestion, else of what was wished; minor units, null not known
        ("minutes", pa.float64()),  # of the suggestion; 0 for nothing
        ("ground", pa.string()),  # where the effect used comes from; null where nothing was wished
    ]
)
"""One row a person, in the order given."""

WORRYING: Final = (Stage.AT_RISK, Stage.PRESUMED_BREAKUP)
"""Stages in which doing nothing is never because somebody sleeps well."""


@dataclass(frozen=True)
class People:
    """Everybody to decide about, one array a fact, all of length n and in the order of facts.people.

    party_id    int64, each once
    stage       int8, codes of relationships.stages.STAGES
    sign        bool, a caution sign that counts is raised
    life_days   float64, days since the current life began, NaN where there is none
    last_touch  datetime64[D], the last touch of any kind, NaT where there was none
    stakes      what is at stake with each (worth.stakes)
    facts       what the rules look at (eligibility.gather)
    """

    party_id: Ints
    stage: Codes
    sign: Bools
    life_days: Floats
    last_touch: Instants
    stakes: Stakes
    facts: Facts

    def __post_init__(self) -> None:
        n = len(self.party_id)
        for name in ("stage", "sign", "life_days", "last_touch"):
            if len(getattr(self, name)) != n:
                raise BadInput(
                    f"{name} has {len(getattr(self, name))} rows, party_id has {n}", where="people to choose for"
                )
        if len(self.stakes.amount) != n:
            raise BadInput(
                f"stakes have {len(self.stakes.amount)} rows, party_id has {n}", where="people to choose for"
            )
        if not np.array_equal(self.facts.people["party_id"].to_numpy(), self.party_id):
            raise BadInput("the rules look at other people than these", where="people to choose for",
                           remedy="Give facts.people in the order of party_id.")  # fmt: skip
        if len(np.unique(self.party_id)) != n:
            raise BadInput("somebody is there twice", where="people to choose for")


@dataclass(frozen=True)
class _Looked:
    """One option over everybody: where it fits, whether time is right, and what it is worth, (n,) each."""

    option: Option
    roads: tuple[Channel, ...]
    fits: Bools  # stage and sign
    timely: Bools  # and the life is old enough, and not too old
    rests: Bools  # and the last touch is too near
    worth: Floats  # NaN where no money is known
    wanted: Bools  # worth something, or care that needs no figure; rest not looked at


def choose(
    people: People,
    *,
    roads: frozenset[Channel],
    minor_per_minute: float,
    at: datetime,
    options: tuple[Option, ...] = OPTIONS,
) -> pa.Table:
    """One decision for everybody.

    roads             the channels this business uses
    minor_per_minute  what a minute of staff time costs, minor units
    at                the instant of the touch, with a time zone; rules are asked for it
    Gives DECISIONS, one row a person in the order given; what capacity allows is settled after, in `budget`.
    Raises BadInput for a negative cost or an instant without a time zone.
    """
    if not minor_per_minute >= 0:
        raise BadInput(f"a minute cannot cost {minor_per_minute}", where="choosing")
    now = instant(at)
    touches = [option for option in options if option.suggestion is not Suggestion.NOTHING]
    looked = [
        _look(option, people=people, roads=roads, minor_per_minute=minor_per_minute, now=now) for option in touches
    ]

    n = len(people.party_id)
    wished, chosen = _Best.nothing(n), _Best.nothing(n)
    road = np.full(n, -1, dtype=np.int8)
    refusal, refusal_until = np.zeros(n, dtype=np.int8), _never(n)
    for place, look in enumerate(looked):
        if not look.roads:
            continue
        rows = np.flatnonzero(look.wanted & ~look.rests)
        ways, rules, untils = _ask(look, people.facts.take(rows), at=at)
        # Without money the effect orders the options of one person; money and effect never meet in one person.
        worth = look.worth[rows]
        score = np.where(np.isnan(worth), look.option.effect, worth)
        better = wished.update(rows, place=place, score=score, worth=worth)
        refusal[rows[better]], refusal_until[rows[better]] = rules[better], untils[better]
        opened = np.flatnonzero(ways >= 0)
        won = opened[chosen.update(rows[opened], place=place, score=score[opened], worth=worth[opened])]
        road[rows[won]] = ways[won]
    reason, reason_until = _reasons(looked, people=people, wished=wished.place, chosen=chosen.place, now=now)
    return _table(
        people,
        looked=looked,
        wished=wished,
        chosen=chosen,
        road=road,
        refusal=refusal,
        refusal_until=refusal_until,
        reason=reason,
        reason_until=reason_until,
    )


@dataclass(frozen=True)
class _Best:
    """The best option so far for each person: its place in the options (-1 nothing), score and worth, (n,) each."""

    place: Codes
    score: Floats
    worth: Floats

    @classmethod
    def nothing(cls, n: int) -> _Best:
        return cls(np.full(n, -1, dtype=np.int8), np.full(n, -np.inf), np.full(n, np.nan))

    def update(self, rows: Ints, *, place: int, score: Floats, worth: Floats) -> Bools:
        """Takes the option over where it scores higher; equals stay with the earlier option. Says where it did."""
        better: Bools = np.greater(score, self.score[rows])
        won = rows[better]
        self.place[won], self.score[won], self.worth[won] = place, score[better], worth[better]
        return better


def _never(n: int) -> Instants:
    return np.full(n, np.datetime64("NaT", "us"))


def _look(
    option: Option, *, people: People, roads: frozenset[Channel], minor_per_minute: float, now: np.datetime64
) -> _Looked:
    fits = _in(people.stage, option.stages) | (people.sign & _in(people.stage, option.when_sign))
    timely = fits
    if option.from_day > 0 or option.to_day is not None:  # NaN compares False: no life, no time of it
        last = np.inf if option.to_day is None else option.to_day
        timely = fits & (people.life_days >= option.from_day) & (people.life_days <= last)
    rests = people.last_touch + np.timedelta64(option.rest_days, "D") > now.astype("datetime64[D]")
    worth = option_worth(
        people.stakes, effect=option.effect, harm=option.harm, cost_minor=option.minutes * minor_per_minute
    )
    wanted = timely & ((worth > 0) | (np.isnan(worth) & option.unpriced))
    usable = tuple(channel for channel in option.channels if channel in roads)
    return _Looked(option, usable, fits, timely, rests, worth, wanted)


def _in(stage: Codes, stages: frozenset[Stage]) -> Bools:
    return np.isin(stage, np.array([CODE[one] for one in stages], dtype=np.int8))


_ROADS: Final = tuple(Channel)


def _ask(look: _Looked, facts: Facts, *, at: datetime) -> tuple[Codes, Codes, Instants]:
    """For the people whom this option would suit: the road (-1 none), and where none, the refusal that came closest.

    Roads are tried in order of preference. A rule asked later has passed the ones before, so the road whose refusal
    stands furthest down the list is the one nearest to being open; equals go to the preferred road.
    """
    n = len(facts.people)
    road = np.full(n, -1, dtype=np.int8)
    rule = np.zeros(n, dtype=np.int8)
    until = _never(n)
    if look.option.touch_class is None:
        return road, rule, until
    for channel in look.roads:
        open_rows = np.flatnonzero(road < 0)
        if not len(open_rows):
            break
        verdict = check(facts.take(open_rows), touch_class=look.option.touch_class, channel=channel, at=at, hour=False)
        road[open_rows[verdict.allowed]] = _ROADS.index(channel)
        closer = verdict.rule > rule[open_rows]
        rule[open_rows[closer]], until[open_rows[closer]] = verdict.rule[closer], verdict.until[closer]
    rule[road >= 0] = 0
    until[road >= 0] = np.datetime64("NaT")
    return road, rule, until


_REASONS: Final = tuple(Reason)


def _reasons(
    looked: list[_Looked], *, people: People, wished: Codes, chosen: Codes, now: np.datetime64
) -> tuple[Codes, Instants]:
    """The one reason that decided, as a code of Reason, and the instant it changes by the calendar."""
    n = len(people.party_id)
    today = now.astype("datetime64[D]")
    fits, resting, early, roadless = (np.zeros(n, dtype=np.bool_) for _ in range(4))
    rested_on, begins_on = _never(n), _never(n)
    for look in looked:
        fits |= look.fits
        rests = look.wanted & look.rests
        resting |= rests
        rested = (people.last_touch + np.timedelta64(look.option.rest_days, "D")).astype("datetime64[us]")
        rested_on = np.where(rests, np.fmin(rested_on, rested), rested_on)  # fmin passes over NaT: the nearest day
        before = look.fits & (people.life_days < look.option.from_day)
        early |= before
        wait = np.where(before, np.ceil(look.option.from_day - np.where(before, people.life_days, 0.0)), 0)
        begins = (today + wait.astype("timedelta64[D]")).astype("datetime64[us]")
        begins_on = np.where(before, np.fmin(begins_on, begins), begins_on)
        roadless |= look.wanted & ~look.rests & (len(look.roads) == 0)
    worried = people.sign | _in(people.stage, frozenset(WORRYING))
    picked, priced = chosen >= 0, ~np.isnan(people.stakes.amount)
    cases: list[tuple[Bools, Reason]] = [
        (picked & priced, Reason.WORTH_DOING),
        (picked, Reason.CARE),
        (~fits, Reason.STAGE_AT_REST),
        (wished >= 0, Reason.REFUSED_EVERYWHERE),
        (roadless, Reason.NO_ROAD),
        (resting, Reason.TOUCHED_LATELY),
        (worried, Reason.TOO_LITTLE_AT_STAKE),
        (early, Reason.TOO_EARLY),
    ]
    codes = np.select(
        [holds for holds, _ in cases],
        [_REASONS.index(reason) for _, reason in cases],
        _REASONS.index(Reason.SLEEPING_WELL),
    ).astype(np.int8)
    until = np.where(codes == _REASONS.index(Reason.TOUCHED_LATELY), rested_on, _never(n))
    return codes, np.where(codes == _REASONS.index(Reason.TOO_EARLY), begins_on, until)


def _table(
    people: People,
    *,
    looked: list[_Looked],
    wished: _Best,
    chosen: _Best,
    road: Codes,
    refusal: Codes,
    refusal_until: Instants,
    reason: Codes,
    reason_until: Instants,
) -> pa.Table:
    names = [look.option.suggestion.value for look in looked]
    shown = np.where(chosen.place >= 0, chosen.place, wished.place)
    minutes = np.array([*(look.option.minutes for look in looked), 0.0])  # the last is nothing, found by -1
    return pa.table(
        {
            "party_id": people.party_id,
            "rank": rank(people.party_id, at=people.stakes),
            "suggestion": _words(
                [*names, Suggestion.NOTHING.value], np.where(chosen.place < 0, len(names), chosen.place)
            ),
            "channel": _words([channel.value for channel in _ROADS], road),
            "reason": _words([word.value for word in _REASONS], reason),
            "until": pa.array(reason_until).cast(DECISIONS.field("until").type),
            "wished": _words(names, wished.place),
            "refusal": _words([word.value for word in RULES], np.where(refusal > 0, refusal, -1)),
            "refusal_until": pa.array(refusal_until).cast(DECISIONS.field("refusal_until").type),
            "at_stake": pa.array(people.stakes.amount, from_pandas=True),
            "stake_basis": _words([word.value for word in BASES], people.stakes.basis),
            "worth": pa.array(np.where(chosen.place >= 0, chosen.worth, wished.worth), from_pandas=True),
            "minutes": minutes[chosen.place],
            "ground": _words([look.option.ground for look in looked], shown),
        },
        schema=DECISIONS,
    )


def _words(words: list[str], codes: NDArray[np.signedinteger]) -> pa.Array:
    """The word of each code; null where the code is negative."""
    return pa.array(words, pa.string()).take(pa.array(codes, mask=codes < 0))
