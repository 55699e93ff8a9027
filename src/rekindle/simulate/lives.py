"""What happens to the people of the simulated gym: complaints, wounds, decisions to leave, returns.

Week by week and for everybody at once. A person has up to `LIVES` lives; a life begins with joining or coming back
and ends by saying so (a notice, then a last day) or quietly (visits thin out, payments go on for a while).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from rekindle.simulate.people import (
    CARD,
    LEAVING_TRAINER,
    PRICE_RISES_AT,
    STUDENT,
    TRAINER_LEAVES_AT,
    Bools,
    Floats,
    Ints,
    People,
)
from rekindle.simulate.window import NEVER, Window
from rekindle.simulate.words import (
    BORED,
    COMPLAINT,
    INJURY,
    MONEY,
    MOVED,
    NEVER_STARTED,
    REASONS,
    SEASON,
    TOPICS,
    TRAINER_LEFT,
)

LIVES = 3
# Days before the window in which people already decide to leave, so that its first weeks look like all others;
# a decision that would have taken somebody away before the window is not one of ours.
RUN_UP = 56
# none, sore, wounded, betrayed
WOUNDS = ("none", "sore", "wounded", "betrayed")
# Of those who leave hurt, how many want no word from us ever again; of all others, how many.
FOREVER_HURT, FOREVER_OTHERS = 0.16, 0.004


@dataclass(frozen=True)
class Complaints:
    """One entry a complaint: whose, on which day, about what (index of TOPICS), and whether it was put right."""

    person: Ints
    day: Ints
    topic: Ints
    mended: Bools


@dataclass(frozen=True)
class Lives:
    """Arrays of shape (n, LIVES); day numbers, NEVER where it does not happen.

    began       first day of the life
    fades       from here on visits thin out
    left        last day the person is really with us; for the quiet the end of the fading
    noticed     day of the notice, told people only
    ended       last day of the contract as cancelled, told people only
    paid_until  last day on which a payment falls due
    quiet, lapses, reason (index of REASONS, -1 none), wound (0..3 at the end of the life)
    forever     (n,) wants no word from us again, said on `forever_on`
    satisfaction  (n,) as it stands at the end of the window
    """

    began: Ints
    fades: Ints
    left: Ints
    noticed: Ints
    ended: Ints
    paid_until: Ints
    quiet: Bools
    lapses: Bools
    reason: Ints
    wound: Ints
    forever: Bools
    forever_on: Ints
    satisfaction: Floats
    complaints: Complaints


@dataclass
class _State:
    """What is true of everybody in the week at hand."""

    life: Ints
    present: Bools
    returns_on: Ints
    satisfaction: Floats
    wound: Ints
    hurt_on: Ints


def unfold(people: People, *, window: Window, rng: np.random.Generator) -> Lives:
    """The lives of everybody over the window."""
    n = len(people)
    lives = _blank(n)
    lives.began[:, 0] = people.joined
    state = _State(
        life=np.zeros(n, dtype=np.int64),
        present=np.ones(n, dtype=np.bool_),
        returns_on=np.full(n, NEVER),
        satisfaction=people.satisfaction.copy(),
        wound=np.zeros(n, dtype=np.int64),
        hurt_on=np.full(n, -NEVER),
    )
    complaints: list[tuple[Ints, Ints, Ints, Bools]] = []
    for day in range(-RUN_UP, window.days, 7):
        _come_back(state, lives, day=day)
        complaints.append(_complain(state, lives, day=day, rng=rng))
        hazards = _hazards(people, state, lives, day=day, window=window)
        _decide(people, state, lives, hazards, day=day, window=window, rng=rng)
    columns = [np.concatenate([part[i] for part in complaints]) for i in range(4)]
    told = (columns[1] >= 0) & (columns[1] < window.days)
    return _closed(
        lives,
        state=state,
        complaints=Complaints(columns[0][told], columns[1][told], columns[2][told], columns[3][told].astype(bool)),
    )


def _blank(n: int) -> Lives:
    def never() -> Ints:
        return np.full((n, LIVES), NEVER, dtype=np.int64)

    empty = np.zeros(0, dtype=np.int64)
    return Lives(
        began=never(),
        fades=never(),
        left=never(),
        noticed=never(),
        ended=never(),
        paid_until=never(),
        quiet=np.zeros((n, LIVES), dtype=np.bool_),
        lapses=np.zeros((n, LIVES), dtype=np.bool_),
        reason=np.full((n, LIVES), -1, dtype=np.int64),
        wound=np.zeros((n, LIVES), dtype=np.int64),
        forever=np.zeros(n, dtype=np.bool_),
        forever_on=np.full(n, NEVER, dtype=np.int64),
        satisfaction=np.zeros(n),
        complaints=Complaints(empty, empty, empty, empty.astype(bool)),
    )


def _closed(lives: Lives, *, state: _State, complaints: Complaints) -> Lives:
    fields = {name: getattr(lives, name) for name in lives.__dataclass_fields__}
    return Lives(**{**fields, "satisfaction": state.satisfaction, "complaints": complaints})


def _come_back(state: _State, lives: Lives, *, day: int) -> None:
    """Those whose day of return falls into this week begin their next life, healed and curious."""
    back = np.flatnonzero((state.returns_on < day + 7) & ~state.present)
    state.life[back] += 1
    lives.began[back, state.life[back]] = state.returns_on[back]
    state.present[back] = True
    state.returns_on[back] = NEVER
    state.wound[back] = 0
    state.hurt_on[back] = -NEVER
    state.satisfaction[back] = np.minimum(state.satisfaction[back] + 0.10, 0.95)


def _complain(
    state: _State, lives: Lives, *, day: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    """A week's complaints, and what they do: a mended one helps a little, a mishandled one wounds."""
    n = len(state.life)
    began = lives.began[np.arange(n), state.life]
    chance = 0.0042 * (1.5 - state.satisfaction)
    who = np.flatnonzero(state.present & (began <= day) & (rng.random(n) < chance))
    topic = rng.integers(0, len(TOPICS), len(who))
    mended = rng.random(len(who)) < 0.70
    depth = rng.choice([1, 2, 3], size=len(who), p=[0.5, 0.35, 0.15])
    hurt = who[~mended]
    state.satisfaction[who[mended]] = np.minimum(state.satisfaction[who[mended]] + 0.04, 0.97)
    state.satisfaction[hurt] = np.maximum(state.satisfaction[hurt] - 0.12 * depth[~mended], 0.02)
    state.wound[hurt] = np.maximum(state.wound[hurt], depth[~mended])
    state.hurt_on[hurt] = day
    when = day + rng.integers(0, 7, len(who))
    return who.astype(np.int64), when.astype(np.int64), topic.astype(np.int64), mended


def _hazards(people: People, state: _State, lives: Lives, *, day: int, window: Window) -> Floats:
    """(n, reasons) chance of deciding this week to leave for each reason; 0 for who is not there."""
    n = len(people)
    began = lives.began[np.arange(n), state.life]
    month = (window.first + timedelta(days=day)).month
    weeks = np.maximum(day - began, 0) / 7.0
    unhappy = np.exp(2.0 * (0.62 - state.satisfaction))
    # The first half year is the hardest: a newcomer's risk is about twice an old hand's.
    newness = 0.80 + 1.10 * np.exp(-weeks / 18.0)
    base = np.asarray([reason.per_week for reason in REASONS])
    hazards = np.tile(base, (n, 1))
    hazards[:, MONEY] *= unhappy * newness
    hazards[:, BORED] *= unhappy * newness * (1.25 if month in (2, 3) else 1.0)
    risen_for = day - PRICE_RISES_AT * window.days
    if 0 <= risen_for < 100:
        hazards[:, MONEY] *= np.where(people.plan < STUDENT, 2.2, 1.0)
    gone_for = day - TRAINER_LEAVES_AT * window.days
    hazards[:, TRAINER_LEFT] *= (people.trainer == LEAVING_TRAINER) & (0 <= gone_for < 120)
    hazards[:, COMPLAINT] *= (day - state.hurt_on < 84) * state.wound
    season = 4.0 if month in (5, 6) else 0.4
    hazards[:, SEASON] *= season * np.where(people.plan == STUDENT, 3.5, 1.0)
    hazards[:, NEVER_STARTED] *= ~people.starts & (weeks > 4)
    hazards[~people.starts, :NEVER_STARTED] *= 0.3
    hazards *= (state.present & (began <= day))[:, None]
    return hazards


def _decide(
    people: People,
    state: _State,
    lives: Lives,
    hazards: Floats,
    *,
    day: int,
    window: Window,
    rng: np.random.Generator,
) -> None:
    """Who decides this week, why, how they go, and whether they will be back."""
    ladder = np.cumsum(hazards, axis=1)
    draw = rng.random(len(people))
    who = np.flatnonzero(draw < ladder[:, -1])
    reason = (draw[who, None] >= ladder[who]).sum(axis=1)
    who, reason = _part(people, state, lives, who, reason, day=day, window=window, rng=rng)
    life, m = state.life[who], len(who)
    left = lives.left[who, life]
    state.present[who] = False
    hurt = (state.wound[who] >= 2) | (reason == COMPLAINT)
    forever = rng.random(m) < np.where(hurt, FOREVER_HURT, FOREVER_OTHERS)
    lives.forever[who[forever]] = True
    lives.forever_on[who[forever]] = (left + rng.integers(1, 30, m))[forever]
    returns = np.asarray([reason.returns for reason in REASONS])[reason]
    comes = (rng.random(m) < returns) & ~forever & (life < LIVES - 1)
    # Away for six weeks at least and five months on average; the last failed payment of a lapsed card, 45 days after
    # the last good one at most, still belongs to the old life.
    absence = 42 + rng.gamma(2.0, 54.0, m).astype(np.int64)
    back_on = np.maximum(left + absence, lives.paid_until[who, life] + 50)
    state.returns_on[who] = np.where(comes, back_on, NEVER)


def _part(
    people: People,
    state: _State,
    lives: Lives,
    who: Ints,
    reason: Ints,
    *,
    day: int,
    window: Window,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """How each of them goes, written into `lives`; gives (who, reason) of those gone no earlier than day 0."""
    life, m = state.life[who], len(who)
    start = np.maximum(day + rng.integers(0, 7, m), lives.began[who, life] + 1)
    tells = np.asarray([reason.tells for reason in REASONS])[reason] * np.where(people.plan[who] == CARD, 0.3, 1.0)
    quiet = rng.random(m) >= tells
    fading = np.where(reason == INJURY, rng.integers(1, 6, m), rng.integers(21, 57, m))
    noticed = start + np.where(np.isin(reason, (MOVED, INJURY)), 0, rng.integers(0, 22, m))
    ended = _last_contract_day(noticed + 14, window=window)
    left = np.where(quiet, start + fading, ended)
    columns = (
        (lives.fades, np.where(~quiet & (reason == MOVED), NEVER, start)),
        (lives.left, left),
        (lives.noticed, np.where(quiet, NEVER, noticed)),
        (lives.ended, np.where(quiet, NEVER, ended)),
        (lives.paid_until, np.where(quiet, left + rng.integers(0, 101, m), ended)),
        (lives.quiet, quiet),
        (lives.lapses, quiet & (people.plan[who] != CARD) & (rng.random(m) < 0.55)),
        (lives.reason, reason),
        (lives.wound, state.wound[who]),
    )
    ours = left >= 0
    for column, values in columns:
        column[who[ours], life[ours]] = values[ours]
    return who[ours], reason[ours]


def _last_contract_day(days: Ints, *, window: Window) -> Ints:
    """The last day of the calendar month in which each day number falls."""
    dates = np.datetime64(window.first, "D") + days
    month_ends = (dates.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    return np.asarray((month_ends - np.datetime64(window.first, "D")).astype(np.int64), dtype=np.int64)
