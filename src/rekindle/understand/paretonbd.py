"""Pareto/NBD: buyers at their own gamma-spread rate, who may leave at any moment, unseen.

    rate of buying    lambda ~ Gamma(shape r, rate alpha)
    rate of leaving   mu ~ Gamma(shape s, rate beta), from the first purchase on; independent of lambda

    L = Gamma(r+x)/Gamma(r) alpha^r beta^s (alpha+T)^-(r+x) (beta+T)^-s (1 + D)
    1 + D = 1 - H(T) + G H(t_x),  G = ((alpha+T)/(alpha+t_x))^(r+x) ((beta+T)/(beta+t_x))^s
D is the odds of having left, H(t) the chance that somebody still here at age t after x repeat purchases leaves
before the next one (`race`). H depends on (x, t) alone, so it is worked out once a pair, not once a history.

Given that somebody is still here, lambda ~ Gamma(r+x, alpha+T) and mu ~ Gamma(s, beta+T), still independent.
Letters and units as in `compression`; horizons are in the same unit.
Sources: Schmittlein, Morrison & Colombo (1987), Management Science 33(1), 1-24; Fader & Hardie (2005), "A Note on
Deriving the Pareto/NBD Model and Related Expressions", brucehardie.com/notes/009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from rekindle.errors import BadInput
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.compression import Floats, Histories, Ints, checked, compress, enough, outweighed
from rekindle.understand.fitted import Fitted, fields_of
from rekindle.understand.likelihood import Peak, climb
from rekindle.understand.paretochances import Letters, log_alive, log_count, log_none, mean_purchases
from rekindle.understand.race import log_leaves_first

NAMES = ("r", "alpha", "s", "beta")
_RARE = 0.02  # our choice: where fewer leave in the time people were seen for, the next line is asked
_FAINT = 2 / 3  # of log s: the rate of leaving is within one and a half standard errors of none


@dataclass(frozen=True)
class ParetoNbd(Fitted):
    """A fitted Pareto/NBD model; fields as in `Fitted`, alpha and beta in the unit of the times given."""

    model: ClassVar[str] = "paretonbd"
    names: ClassVar[tuple[str, ...]] = NAMES
    times: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    @property
    def four(self) -> Letters:
        """r, alpha, s, beta."""
        r, alpha, s, beta = self.letters
        return r, alpha, s, beta


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, weights: ArrayLike | None = None) -> ParetoNbd:
    """The Pareto/NBD under which these histories are most likely.

    x         (n,) repeat purchases, whole number >= 0
    t_x       (n,) age at the last purchase, any one unit, 0 <= t_x <= T
    T         (n,) age at the end of the window, same unit
    weights   (n,) people behind each row; one each when left out
    A fit at the edge of its parameters is given with `boundary` saying so; it should not be used.
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people, when nobody repeats or when
    no time has passed.
    """
    histories = compress(x, t_x, T, weights=weights)
    enough(histories)
    people = histories.people
    mean_age = dot(histories.weight, histories.T) / people
    start = np.log(np.array([0.5, mean_age / 4, 0.5, mean_age / 4]))  # near what published buyers show
    peak = climb(Likelihood(histories), start, people=people)
    boundary = boundary_of(peak, NAMES, mean_age=mean_age) or outweighed(histories)
    return ParetoNbd(**fields_of(peak, NAMES, people=people, boundary=boundary))


class Likelihood:
    """The mean negative log-likelihood and its slope, with all that does not depend on the parameters done once."""

    def __init__(self, histories: Histories) -> None:
        h = histories
        self.people, self.weight = h.people, h.weight
        firsts = np.concatenate(([True], h.x[1:] != h.x[:-1]))
        self.x, self.x_code = h.x[firsts], np.cumsum(firsts) - 1
        self.people_by_x = np.add.reduceat(h.weight, np.flatnonzero(firsts))
        self.ages, self.age_code = h.age.values, h.age.code
        self.lasts, self.last_code = h.last.values, h.last.code
        self.people_by_age = sums(h.age.code, h.weight, self.ages.size)
        self.repeats_by_age = sums(h.age.code, h.weight * h.x, self.ages.size)
        # The pairs H is wanted at: (x, T), which lie together because rows are sorted by x and T, then (x, t_x).
        changes = firsts | np.concatenate(([True], h.age.code[1:] != h.age.code[:-1]))
        self.now = np.cumsum(changes) - 1
        key, last = np.unique(self.x_code * self.lasts.size + h.last.code, return_inverse=True)
        self.then = last.astype(np.int64) + int(self.now[-1]) + 1
        last_x, last_code = np.divmod(key, self.lasts.size)
        self.pair_x = np.concatenate([self.x_code[changes], last_x])
        self.pair_t = np.concatenate([h.T[changes], self.lasts[last_code]])

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood per person and its slope in (log r, log alpha, log s, log beta)."""
        r, alpha, s, beta = np.exp(log_parameters)
        n, shape = self.people, r + self.x
        buys, leaves = np.log(alpha + self.ages), np.log(beta + self.ages)
        by_age = r * self.people_by_age + self.repeats_by_age

        value = dot(self.people_by_x, gammaln(shape)) - dot(by_age, buys) - s * dot(self.people_by_age, leaves)
        value += n * (r * np.log(alpha) - gammaln(r) + s * np.log(beta))
        slope_r = dot(self.people_by_x, digamma(shape)) + n * (np.log(alpha) - digamma(r))
        slope_r -= dot(self.people_by_age, buys)
        slope_alpha = n * r / alpha - dot(by_age, 1 / (alpha + self.ages))
        slope_s = n * np.log(beta) - dot(self.people_by_age, leaves)
        slope_beta = n * s / beta - s * dot(self.people_by_age, 1 / (beta + self.ages))

        # log(1 + D), history by history.
        buy_gap = buys[self.age_code] - np.log(alpha + self.lasts)[self.last_code]
        leave_gap = leaves[self.age_code] - np.log(beta + self.lasts)[self.last_code]
        per_buy, per_leave = 1 / (alpha + self.pair_t), 1 / (beta + self.pair_t)
        race = log_leaves_first(shape, self.pair_x, s, per_leave / per_buy, slopes=True)
        first = np.exp(race[0])
        own_shape = shape[self.x_code]
        log_gone = own_shape * buy_gap + s * leave_gap + race[0][self.then]
        log_all = np.logaddexp(np.log(np.maximum(1 - first, 1e-300))[self.now], log_gone)
        value += dot(self.weight, log_all)

        part = self.weight * np.exp(log_gone - log_all)
        size = self.pair_t.size
        pull = sums(self.then, part, size) - first * sums(self.now, self.weight * np.exp(-log_all), size)
        slope_r += dot(part, buy_gap) + dot(pull, race[1])
        slope_s += dot(part, leave_gap) + dot(pull, race[2])
        tilt = pull * race[3]
        weighted = part * own_shape
        slope_alpha += dot(sums(self.age_code, weighted, self.ages.size), 1 / (alpha + self.ages))
        slope_alpha += dot(tilt, per_buy)
        slope_alpha -= dot(sums(self.last_code, weighted, self.lasts.size), 1 / (alpha + self.lasts))
        slope_beta += s * dot(sums(self.age_code, part, self.ages.size), 1 / (beta + self.ages))
        slope_beta -= s * dot(sums(self.last_code, part, self.lasts.size), 1 / (beta + self.lasts))
        slope_beta -= dot(tilt, per_leave)
        slope = np.array([slope_r * r, slope_alpha * alpha, slope_s * s, slope_beta * beta])
        return -float(value) / n, -slope / n


def sums(code: Ints, weight: Floats, size: int) -> Floats:
    """(size,) total weight by code."""
    return np.bincount(code, weights=weight, minlength=size).astype(np.float64)


def dot(left: Floats, right: Floats) -> float:
    """Sum of products. Not `@`: for long vectors it wakes the linear algebra library's threads, which costs more."""
    return float(np.einsum("i,i->", left, right))


def boundary_of(peak: Peak, names: Sequence[str], *, mean_age: float) -> str | None:
    """None, or one sentence naming the limit that r, alpha, s, beta (the first four of `names`) ran to."""
    r, alpha, s, beta = np.exp(peak.log_parameters[:4])
    leave = -float(np.expm1(-s * np.log1p(mean_age / beta)))
    spread = None if peak.covariance is None else float(np.sqrt(peak.covariance[2][2]))
    if leave < 1e-4:  # our choice: under one in ten thousand people no history of this size shows it
        name = f"s fell to {s:.1e}" if peak.low[2] or s < 1e-2 else f"beta grew to {beta:.1e}"
        return f"this data shows no measurable drop-out: {name}, a chance of {leave:.0e} to leave in the time seen"
    if leave < _RARE and (spread is None or spread > _FAINT):
        told = "with no peak around it" if spread is None else f"with a standard error of {spread:.0%} of itself"
        return f"this data shows no measurable drop-out: s is {s:.1e}, {told}"
    if peak.low[2] or peak.low[3]:
        name = f"s fell to {s:.1e}" if peak.low[2] else f"beta fell to {beta:.1e}"
        return f"people either leave at once or never here: {name}"
    if peak.high[2] or peak.high[3] or s > 1e3:
        return f"everybody leaves at one and the same rate {s / beta:.3g}: s and beta grew without end"
    if peak.high[0] or peak.high[1] or r > 1e3:
        return f"everybody buys at one and the same rate: r grew to {r:.1e} and alpha to {alpha:.1e}"
    if peak.low[0] or peak.low[1]:
        return f"almost nobody repeats: r fell to {r:.1e} and alpha to {alpha:.1e}"
    if peak.covariance is None:
        return f"the likelihood has no peak: {names[peak.loosest]} can be many things with the same fit"
    if peak.is_loose:
        return f"this data does not pin down {names[peak.loosest]}: one standard error is over a factor of seven"
    return None


def p_alive(fit: ParetoNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """(n,) chance that each person is still with us at the end of the window. Raises BadInput naming the row."""
    return np.exp(log_alive(fit.four, *checked(x, t_x, T)))


def p_none(fit: ParetoNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase at all in the next `horizon`. Raises BadInput."""
    return np.exp(log_none(fit.four, *checked(x, t_x, T), checked_horizon(horizon)))


def expected_purchases(fit: ParetoNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`. Raises BadInput."""
    return mean_purchases(fit.four, *checked(x, t_x, T), checked_horizon(horizon))


def log_chance_of_count(
    fit: ParetoNbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float, count: ArrayLike
) -> Floats:
    """(n,) log of the chance of exactly `count` days with a purchase in the next `horizon`. Raises BadInput."""
    columns = checked(x, t_x, T)
    return log_count(fit.four, *columns, checked_horizon(horizon), checked_count(count, columns[0].size))


def checked_count(count: ArrayLike, people: int) -> Floats:
    """(n,) held-out counts, whole numbers >= 0. Raises BadInput."""
    n = np.asarray(count, dtype=np.float64)
    if n.shape != (people,) or not np.isfinite(n).all() or (n < 0).any() or (n != np.floor(n)).any():
        raise BadInput("held-out counts must be whole numbers >= 0, one a person", remedy="Count purchase days.")
    return n
