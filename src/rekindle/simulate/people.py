"""Who the people of the simulated gym are: when they joined, what they pay, how and how often they come.

Everything here is fixed at birth; what happens to them is in `lives`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rekindle.simulate.window import JOINERS_BY_MONTH, NEVER, Window

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """A way to pay. `price_minor` in cents a month, or for ten visits where `per_visits` is 10."""

    word: str
    price_minor: int
    rise_minor: int
    share: float
    visits_per_week: float
    per_visits: int | None = None


# `rise_minor` comes on top from the day of the price rise on. Shares and rates are our choice.
PLANS: tuple[Plan, ...] = (
    Plan("monthly", 3990, 500, 0.58, 2.25),
    Plan("off-peak", 2990, 400, 0.15, 2.30),
    Plan("student", 2490, 0, 0.15, 2.50),
    Plan("ten-visit card", 9500, 0, 0.12, 1.10, 10),
)
STUDENT = 2
CARD = 3

# Share of people who sign up and never get into the habit: among those who join, and among the opening stock,
# where most of them have left already.
NEVER_STARTS_JOINERS, NEVER_STARTS_STOCK = 0.09, 0.035

TRAINERS = 6
# The trainer who leaves during the window, and how far into it.
LEAVING_TRAINER, TRAINER_LEAVES_AT = 2, 0.42
PRICE_RISES_AT = 0.62
# Share of creatures of one weekday (the Tuesday person), how often they come, and how regularly at least.
ONE_DAY, ONE_DAY_RATE, ONE_DAY_K = 0.07, 0.93, 7.0


@dataclass(frozen=True)
class People:
    """One entry a person, in order of joining; all arrays have n rows.

    joined          day number, negative for the opening stock
    plan, trainer   index; trainer -1 where nobody in particular is theirs
    price_minor     what they pay before the price rise, cents
    rate            visits a week when nothing is in the way
    k               shape of the gamma rhythm: 1 is random, 10 a clock
    weekdays        (n, 7) chance of each weekday in a full week, Monday first; rows sum to `rate`
    hour            favourite hour of the day
    satisfaction    0..1 on joining
    starts          False for those who never get into the habit
    away            (n, absences, 2) first day and length of holidays and pauses that end by themselves
    """

    joined: Ints
    plan: Ints
    price_minor: Ints
    trainer: Ints
    rate: Floats
    k: Floats
    weekdays: Floats
    hour: Floats
    satisfaction: Floats
    starts: Bools
    away: Ints

    def __len__(self) -> int:
        return len(self.joined)


def settle(n: int, *, window: Window, rng: np.random.Generator) -> People:
    """n people: an opening stock that joined earlier, then a steady inflow with its peaks."""
    joined = _joining_days(n, window=window, rng=rng)
    stock = joined < 0
    plan = rng.choice(len(PLANS), size=n, p=[plan.share for plan in PLANS])
    median = np.asarray([plan.visits_per_week for plan in PLANS])[plan]
    rate = np.clip(median * np.exp(rng.normal(0.0, 0.42, n)), 0.3, 5.5)
    one_day = rng.random(n) < ONE_DAY
    rate = np.where(one_day, ONE_DAY_RATE, rate)
    k = np.clip(np.exp(rng.normal(np.log(3.0), 0.45, n)), 1.0, 12.0)
    price = np.asarray([plan.price_minor for plan in PLANS])[plan]
    old_hands = (joined < -540) & (plan < STUDENT)
    price = price - np.where(old_hands, 500, 0)
    starts = rng.random(n) >= np.where(stock, NEVER_STARTS_STOCK, NEVER_STARTS_JOINERS)
    trainer = np.where(rng.random(n) < 0.45, rng.choice(TRAINERS, size=n), -1)
    # The opening stock is what is left of many joiners: happier than a newcomer on average.
    satisfaction = rng.beta(5.0, 2.6, n) + np.where(stock, 0.06, 0.0)
    return People(
        joined=joined,
        plan=plan.astype(np.int64),
        price_minor=price.astype(np.int64),
        trainer=trainer.astype(np.int64),
        rate=rate,
        k=np.where(one_day, np.maximum(k, ONE_DAY_K), k),
        weekdays=_weekday_pattern(rate, one_day=one_day, rng=rng),
        hour=_favourite_hour(plan, rng=rng),
        satisfaction=np.clip(satisfaction, 0.02, 0.98),
        starts=starts,
        away=_absences(n, window=window, rng=rng),
    )


def _joining_days(n: int, *, window: Window, rng: np.random.Generator) -> Ints:
    """Day numbers in order: the stock holds what an inflow of about 4 % a month keeps level."""
    months = window.days / 30.4
    stock = round(n / (1.0 + 0.042 * months))
    # How long the stock has been there: mean 500 days, nobody over nine years, the oldest the fewest.
    earlier = -1 - np.minimum(rng.exponential(500.0, stock), 3285.0).astype(np.int64)
    weights = np.asarray(JOINERS_BY_MONTH)[window.months() - 1] * (window.crowd() > 0)
    later = rng.choice(window.days, size=n - stock, p=weights / weights.sum())
    return np.sort(np.concatenate([earlier, later])).astype(np.int64)


def _weekday_pattern(rate: Floats, *, one_day: Bools, rng: np.random.Generator) -> Floats:
    """(n, 7) visits to expect on each weekday; few favourites for those who come seldom (the Tuesday person)."""
    n = len(rate)
    ordinary = np.asarray([1.15, 1.15, 1.10, 1.05, 0.80, 0.80, 0.60])
    taste = rng.gamma(np.maximum(0.30 * rate, 0.15)[:, None], size=(n, 7)) + 0.02
    only = rng.choice(7, size=n, p=ordinary / ordinary.sum())
    taste[one_day] = 0.001 + (np.arange(7) == only[one_day, None])
    pattern = ordinary * taste
    for _ in range(6):  # nobody comes twice a day: what exceeds it moves to the other days
        pattern = np.minimum(pattern * (rate / pattern.sum(axis=1))[:, None], 0.92)
    return np.asarray(pattern, dtype=np.float64)


def _favourite_hour(plan: Ints, *, rng: np.random.Generator) -> Floats:
    """Before work, at lunch, after work; off-peak members come in the quiet hours."""
    kind = rng.choice(3, size=len(plan), p=[0.24, 0.14, 0.62])
    hour = np.asarray([7.1, 12.4, 18.2])[kind] + rng.normal(0.0, 0.7, len(plan))
    quiet = 9.5 + 6.0 * rng.random(len(plan))
    return np.asarray(np.where(plan == 1, quiet, hour), dtype=np.float64)


def _absences(n: int, *, window: Window, rng: np.random.Generator) -> Ints:
    """(n, m, 2) holidays of 5 to 18 days, about five in two years, and now and then a pause of four to eight weeks."""
    count = max(1, round(window.days / 146))
    start = rng.integers(-10, window.days, size=(n, count))
    length = rng.integers(5, 19, size=(n, count))
    pause_start = rng.integers(0, window.days, size=(n, 1))
    chance = 0.11 * window.days / 365.0
    pauses = rng.random((n, 1)) < chance
    pause_length = np.where(pauses, rng.integers(28, 57, size=(n, 1)), 0)
    starts = np.concatenate([start, np.where(pauses, pause_start, NEVER)], axis=1)
    lengths = np.concatenate([length, pause_length], axis=1)
    return np.stack([starts, lengths], axis=2).astype(np.int64)
