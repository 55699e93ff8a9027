"""Second lives beside first ones: how long they last, what a day of them brings, and what a return is worth.

    days within H       area under Kaplan & Meier's curve up to day H, with Greenwood's variance
    value a day         money of all lives over days of all lives, with the variance of a ratio
    value within H      the one times the other: counted from the restart, never added to the first life's

H is the longest span that both kinds of life were watched for, unless a shorter one is asked for.
Sources: Stauss & Friege (1999), J. Service Research 1(4), for second lifetime value; Kumar, Bhagwat & Zhang (2015),
J. Marketing 79(4); Greenwood (1926); Cochran (1977), Sampling Techniques, section 2.11, for the ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.compression import Floats
from rekindle.understand.survival import Z_80, Curve, kaplan_meier

FEWEST_LIVES = 30  # our choice: fewer second lives are told one by one, not as a curve


@dataclass(frozen=True)
class Interval:
    """A number and its 80 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LifeRecord:
    """Lives of one kind within `horizon_days`: their curve, days with us, money a day and money within the horizon."""

    n: int
    curve: Curve
    days: Interval
    value_per_day: Interval
    value: Interval


@dataclass(frozen=True)
class SecondLives:
    """First lives and second ones over one span; `ratio` of the days with us, second over first."""

    horizon_days: int
    first: LifeRecord
    second: LifeRecord
    ratio: Interval


def compare(
    lasted: ArrayLike,
    ended: ArrayLike,
    money: ArrayLike,
    *,
    number: ArrayLike,
    horizon_days: int | None = None,
    at_most_days: int | None = None,
) -> SecondLives:
    """Lives numbered 1 against lives numbered 2 and over.

    lasted   (n,) whole days of each life, to its end or to today, >= 0
    ended    (n,) bool, whether the end was seen
    money    (n,) what the life brought in those days, in one currency; may be negative
    number   (n,) 1 for a first life, 2 and over for a later one
    horizon_days   the span; the longest both kinds were watched for, `at_most_days` at most, when left out
    Raises BadInput naming the row; NotEnoughData under 30 lives of either kind.
    """
    days, over = np.asarray(lasted, dtype=np.float64), np.asarray(ended, dtype=bool)
    brought, count = np.asarray(money, dtype=np.float64), np.asarray(number, dtype=np.float64)
    if days.ndim != 1 or len({days.shape, over.shape, brought.shape, count.shape}) != 1:
        raise BadInput("the columns do not line up", where="second lives", remedy="Give four of one length.")
    for bad, values, what in (
        (~np.isfinite(days) | (days < 0) | (days != np.floor(days)), days, "lasted is {}, wanted whole days >= 0"),
        (~np.isfinite(brought), brought, "money is {}, wanted a finite number"),
        (~(count >= 1) | (count != np.floor(count)), count, "number is {}, wanted 1, 2, .."),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise BadInput(what.format(values[row]), where=f"row {row}", remedy="Check the life.")
    kinds = [count == 1, count > 1]
    for kind, name in zip(kinds, ("first", "second"), strict=True):
        if kind.sum() < FEWEST_LIVES:
            raise NotEnoughData(f"{int(kind.sum())} {name} lives are too few", remedy=f"Wait for {FEWEST_LIVES}.")
    reach = min(_reach(days[kind], over[kind]) for kind in kinds)
    reach = days.max() if np.isinf(reach) else reach
    if reach < 1:
        raise NotEnoughData("lives were not watched for a day", where="second lives", remedy="Wait.")
    longest = reach if at_most_days is None else min(reach, at_most_days)
    horizon = int(longest) if horizon_days is None else int(horizon_days)
    if horizon < 1 or horizon > reach:
        raise BadInput(
            f"horizon_days is {horizon}, both kinds of life were watched for {reach:g}",
            where="second lives",
            remedy="Ask for a shorter span.",
        )
    first, second = (_record(days[kind], over[kind], brought[kind], horizon) for kind in kinds)
    if first.days.value <= 0:
        raise NotEnoughData("first lives lasted no days", where="second lives")
    share = second.days.value / first.days.value
    # Spread of the log of a ratio of two independent means.
    spread = np.hypot(_relative(first.days), _relative(second.days))
    ratio = Interval(share, float(share * np.exp(-spread)), float(share * np.exp(spread)))
    return SecondLives(horizon, first, second, ratio)


@dataclass(frozen=True)
class OwnPace:
    """How far the first life of one person tells the second.

    everyone    money a day of all first lives
    pull_days   days of everyone's pace that each own first life is mixed with: many where it tells little
    ratio       money a day of second lives over the mixed pace of the same people's first ones
    """

    everyone: float
    pull_days: float
    ratio: Interval


def own_pace(
    first_money: ArrayLike, first_days: ArrayLike, second_money: ArrayLike, second_days: ArrayLike, *, everyone: float
) -> OwnPace:
    """Learned from people who came back, (n,) each: what their first and their second life brought in how many days.

    everyone   money a day of all first lives, > 0
    The pull is the one under which the mixed pace, times one ratio, misses the second lives least:
        pace = (money + pull everyone) / (days + pull),  least sum of (second money - ratio pace days)^2 / days
    Raises BadInput naming the row; NotEnoughData where nobody came back for a day or nothing was brought.
    """
    m1, d1, m2, d2 = (np.asarray(one, dtype=np.float64) for one in (first_money, first_days, second_money, second_days))
    if m1.ndim != 1 or len({m1.shape, d1.shape, m2.shape, d2.shape}) != 1:
        raise BadInput("the columns do not line up", where="own pace", remedy="Give four of one length.")
    bad = ~(np.isfinite(m1) & np.isfinite(m2) & np.isfinite(d1) & np.isfinite(d2) & (d1 >= 0) & (d2 >= 0))
    if bad.any():
        raise BadInput("a life without money or days", where=f"row {int(np.argmax(bad))}", remedy="Check the life.")
    if not everyone > 0 or not (d2 > 0).any():
        raise NotEnoughData("no first life brought anything, or no second one has lasted a day", remedy="Wait.")
    some = d2 > 0

    def pace(pull: float) -> Floats:
        return np.asarray((m1 + pull * everyone) / (d1 + pull))

    def missed(pull: float) -> float:
        told = pace(pull) * d2
        left = m2[some] - m2.sum() / told.sum() * told[some]
        return float(np.sum(left**2 / d2[some])) if told.sum() > 0 else np.inf

    losses = np.array([missed(pull) for pull in _PULLS])
    if not np.isfinite(losses).any():
        raise NotEnoughData("first lives brought nothing", where="own pace")
    pull = float(_PULLS[int(np.argmin(losses))])
    told = pace(pull) * d2
    ratio = float(m2.sum() / told.sum())
    variance = float(np.var(m2 - ratio * told, ddof=1) * m2.size / told.sum() ** 2) if m2.size > 1 else np.inf
    return OwnPace(float(everyone), pull, _interval(ratio, variance))


_PULLS = np.logspace(0, 5, 41)  # 1 day to 270 years, steps of a third: finer steps change no shown digit


def value_of_return(
    lives: SecondLives, pace: OwnPace, money: ArrayLike, days: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """(n,) expected money of each one's second life within the horizon, counted from its restart; low and high.

    money, days   (n,) of the first life; NaN where not known: then everyone's pace stands in
    The interval is that of the expectation: one life may bring far more or far less.
    """
    brought, lasted = np.asarray(money, dtype=np.float64), np.asarray(days, dtype=np.float64)
    known = np.isfinite(brought) & np.isfinite(lasted) & (lasted >= 0)
    own = np.where(known, (brought + pace.pull_days * pace.everyone) / (lasted + pace.pull_days), pace.everyone)
    expected = lives.second.days.value * pace.ratio.value * own
    share = np.hypot(_relative(lives.second.days), _relative(pace.ratio))
    half = np.abs(expected) * share
    return np.asarray(expected), np.asarray(expected - half), np.asarray(expected + half)


def _reach(days: Floats, over: NDArray[np.bool_]) -> float:
    """The last day the curve can speak of: without end when the longest life of all was seen to end."""
    longest = days.max()
    return float(np.inf if over[days == longest].all() else longest)


def _relative(told: Interval) -> float:
    """Half the interval as a share of the value."""
    return (told.high - told.low) / (2 * max(told.value, 1e-12))


def _record(days: Floats, over: NDArray[np.bool_], money: Floats, h: int) -> LifeRecord:
    curve = kaplan_meier(np.minimum(days, h), ended=over & (days < h), points=h + 1)
    mean, variance = _area(days, over, h)
    total = days.sum()
    if total <= 0:
        raise NotEnoughData("lives lasted no days, so nothing can be told a day", where="second lives")
    rate = float(money.sum() / total)
    rate_variance = float(np.var(money - rate * days, ddof=1) * days.size / total**2)
    value_variance = mean**2 * rate_variance + rate**2 * variance + variance * rate_variance
    return LifeRecord(
        n=days.size,
        curve=curve,
        days=_interval(mean, variance, lowest=0.0, highest=float(h)),
        value_per_day=_interval(rate, rate_variance),
        value=_interval(mean * rate, value_variance),
    )


def _area(days: Floats, over: NDArray[np.bool_], h: int) -> tuple[float, float]:
    """Area under the curve up to day h, and Greenwood's variance of it."""
    times = np.unique(days[over & (days < h)])
    at_risk = days.size - np.searchsorted(np.sort(days), times, side="left")
    deaths = np.bincount(np.searchsorted(times, days[over & (days < h)]), minlength=times.size)
    share = np.concatenate(([1.0], np.cumprod(1 - deaths / at_risk)))
    pieces = share * np.diff(np.concatenate(([0.0], times, [float(h)])))
    rest = np.cumsum(pieces[::-1])[::-1][1:]  # area after each end
    left = at_risk - deaths
    variance = np.sum(np.where(left > 0, rest**2 * deaths / (at_risk * np.maximum(left, 1)), 0.0))
    return float(pieces.sum()), float(variance)


def _interval(value: float, variance: float, *, lowest: float = -np.inf, highest: float = np.inf) -> Interval:
    half = Z_80 * float(np.sqrt(variance))
    return Interval(float(value), float(max(value - half, lowest)), float(min(value + half, highest)))
