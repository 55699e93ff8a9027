"""NBD: buyers at their own gamma-spread rate who never leave; the floor any model of leaving has to beat.

    rate of buying   lambda ~ Gamma(shape r, rate alpha)
    L(r, alpha) = Gamma(r+x)/Gamma(r) alpha^r (alpha+T)^-(r+x)

L is the chance of the purchase days themselves, as in the other purchase models, so that log-likelihoods compare;
when the last one was does not matter to it. What is known of a person is lambda ~ Gamma(r+x, alpha+T), and the
purchases of the next h are negative binomial. Letters and units as in `compression`.
Source: Ehrenberg (1959), "The Pattern of Consumer Purchases", Applied Statistics 8(1), 26-41.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from rekindle.errors import BadInput
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.compression import Floats, Histories, checked, compress, enough, outweighed
from rekindle.understand.fitted import Fitted, fields_of
from rekindle.understand.likelihood import Objective, Peak, climb

NAMES = ("r", "alpha")


@dataclass(frozen=True)
class Nbd(Fitted):
    """A fitted NBD model; fields as in `Fitted`, alpha in the unit of the times given."""

    model: ClassVar[str] = "nbd"
    names: ClassVar[tuple[str, ...]] = NAMES
    times: ClassVar[tuple[str, ...]] = ("alpha",)


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, weights: ArrayLike | None = None) -> Nbd:
    """The NBD under which these counts are most likely.

    x         (n,) repeat purchases, whole number >= 0
    t_x       (n,) age at the last purchase, 0 <= t_x <= T; checked, otherwise not looked at
    T         (n,) age at the end of the window, same unit
    weights   (n,) people behind each row; one each when left out
    A fit at the edge of its parameters is given with `boundary` saying so; it should not be used.
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people, when nobody repeats or when
    no time has passed.
    """
    histories = compress(x, t_x, T, weights=weights)
    enough(histories)
    people = histories.people
    rate = _dot(histories.weight, histories.x) / _dot(histories.weight, histories.T)
    peak = climb(_objective(histories), np.log(np.array([0.5, 0.5 / rate])), people=people)
    return Nbd(**fields_of(peak, NAMES, people=people, boundary=_boundary(peak) or outweighed(histories)))


def p_alive(fit: Nbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:  # noqa: ARG001  as in every model
    """(n,) ones: in this model nobody ever leaves, whatever the silence. Raises BadInput naming the row."""
    return np.ones(checked(x, t_x, T)[0].size)


def p_none(fit: Nbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase at all in the next `horizon`. Raises BadInput."""
    xs, _, ages = checked(x, t_x, T)
    r, alpha = fit.letters
    return np.asarray(np.exp(-(r + xs) * np.log1p(checked_horizon(horizon) / (alpha + ages))))


def expected_purchases(fit: Nbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`. Raises BadInput."""
    xs, _, ages = checked(x, t_x, T)
    r, alpha = fit.letters
    return np.asarray((r + xs) / (alpha + ages) * checked_horizon(horizon))


def log_chance_of_count(
    fit: Nbd, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float, count: ArrayLike
) -> Floats:
    """(n,) log of the chance of exactly `count` days with a purchase in the next `horizon`. Raises BadInput."""
    xs, _, ages = checked(x, t_x, T)
    n = np.asarray(count, dtype=np.float64)
    if n.shape != xs.shape or not np.isfinite(n).all() or (n < 0).any() or (n != np.floor(n)).any():
        raise BadInput("held-out counts must be whole numbers >= 0, one a person", remedy="Count purchase days.")
    h = checked_horizon(horizon)
    r, alpha = fit.letters
    shape, time = r + xs, alpha + ages
    log_ways = gammaln(shape + n) - gammaln(shape) - gammaln(n + 1)
    return np.asarray(log_ways - shape * np.log1p(h / time) - n * np.log1p(time / h))


def _objective(histories: Histories) -> Objective:
    # The counts and the ages enter apart from each other, so a few hundred numbers say all about ten million.
    h, n = histories, histories.people
    firsts = np.flatnonzero(np.concatenate(([True], h.x[1:] != h.x[:-1])))
    counts, people = h.x[firsts], np.add.reduceat(h.weight, firsts)
    ages = h.age.values
    people_by_age = np.bincount(h.age.code, weights=h.weight, minlength=ages.size).astype(np.float64)
    repeats_by_age = np.bincount(h.age.code, weights=h.weight * h.x, minlength=ages.size).astype(np.float64)

    def objective(log_parameters: Floats) -> tuple[float, Floats]:
        r, alpha = np.exp(log_parameters)
        log_age, by_age = np.log(alpha + ages), r * people_by_age + repeats_by_age
        value = _dot(people, gammaln(r + counts)) + n * (r * np.log(alpha) - gammaln(r)) - _dot(by_age, log_age)
        slope_r = _dot(people, digamma(r + counts)) + n * (np.log(alpha) - digamma(r)) - _dot(people_by_age, log_age)
        slope_alpha = n * r / alpha - _dot(by_age, 1 / (alpha + ages))
        return -float(value) / n, -np.array([slope_r * r, slope_alpha * alpha]) / n

    return objective


def _dot(left: Floats, right: Floats) -> float:
    return float(np.einsum("i,i->", left, right))


def _boundary(peak: Peak) -> str | None:
    r, alpha = np.exp(peak.log_parameters)
    if peak.high.any() or r > 1e3 or (r > 10 and peak.is_loose):  # our choice: at 10 rates differ by a third
        return f"everybody buys at one and the same rate: r grew to {r:.1e} and alpha to {alpha:.1e}"
    if peak.low.any():
        return f"almost nobody repeats: r fell to {r:.1e} and alpha to {alpha:.1e}"
    if peak.covariance is None:
        return f"the likelihood has no peak: {NAMES[peak.loosest]} can be many things with the same fit"
    if peak.is_loose:
        return f"this data does not pin down {NAMES[peak.loosest]}: one standard error is over a factor of seven"
    return None
