"""What BG/NBD and MBG/NBD share: gamma-spread rates, and a beta-spread chance of leaving after a purchase.

    rate of buying     lambda ~ Gamma(shape r, rate alpha)
    chance of leaving  p ~ Beta(a, b), a coin tossed after every purchase
    c                  coins survived so far: x in BG/NBD, x + 1 in MBG/NBD (the first purchase tosses one too)

    L(r, alpha, a, b) = Gamma(r+x)/Gamma(r) alpha^r (alpha+T)^-(r+x) B(a, b+c)/B(a, b) (1 + D)
    D = a/(b+c-1) ((alpha+T)/(alpha+t_x))^(r+x)      the odds of having left; 0 where c == 0

Given that somebody is still with us, lambda ~ Gamma(r+x, alpha+T) and p ~ Beta(a, b+c), independent of each
other, so that with z = h/(alpha+T+h) the purchases N in the next h follow
    P(N >= n) = P(alive) E[(1-p)^(n-1)] P(NB(r+x, z) >= n),   n >= 1
which is all the predictors below need. Letters and units as in `compression`; horizons are in the same unit.
Sources: Fader, Hardie & Lee (2005), Marketing Science 24(2); Batislam, Denizel & Filiztekin (2007), IJRM 24(3);
Wagner & Hoppe (2008), Journal of Modelling in Management 3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, digamma, expit, gammaln

from rekindle.errors import BadInput
from rekindle.understand.betanodes import mean_over_beta
from rekindle.understand.compression import (
    Floats,
    Histories,
    Ints,
    checked,
    coded,
    coded_counts,
    compress,
    enough,
    outweighed,
)
from rekindle.understand.likelihood import Peak, climb, sigma_points

NAMES = ("r", "alpha", "a", "b")
_RARE = 0.02  # our choice: where fewer leave after a purchase, the next line is asked
_MOST_PAIRS = 2**22  # our choice: a table of that many pairs is gone through in a hundredth of a second
_FAINT = 2 / 3  # of log a: the chance of leaving is within one and a half standard errors of none


@dataclass(frozen=True)
class Dropout:
    """A fitted model of this family.

    parameters        r, alpha (in the unit of the times given), a, b
    log_likelihood    in that unit, over all people
    n                 people
    converged         the search ended on a flat top
    boundary          None, or one sentence naming the limit the fit ran to
    standard_errors   of the parameters by the delta method; None when the likelihood has no proper peak
    covariance        (4, 4) of the log-parameters in the order r, alpha, a, b; None likewise
    held_out          how it did on a window it had not seen (`choice.HeldOut` as a dict); None until it was judged
    """

    model: ClassVar[str] = ""
    times: ClassVar[tuple[str, ...]] = ("alpha",)  # the letters that are lengths of time
    first_coin: ClassVar[int] = 0

    parameters: dict[str, float]
    log_likelihood: float
    n: float
    converged: bool
    boundary: str | None
    standard_errors: dict[str, float] | None
    covariance: list[list[float]] | None
    held_out: dict[str, Any] | None = field(default=None, kw_only=True)

    @property
    def letters(self) -> tuple[float, float, float, float]:
        """r, alpha, a, b."""
        p = self.parameters
        return p["r"], p["alpha"], p["a"], p["b"]

    def likely_letters(self) -> Floats:
        """(8, 4) equally likely parameter sets around the fit, (1, 4) when its uncertainty is not known."""
        at = np.log(np.array(self.letters))
        covariance = None if self.covariance is None else np.array(self.covariance)
        return np.asarray(np.exp(sigma_points(at, covariance)), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """The fit as plain JSON values."""
        return {"model": self.model, **asdict(self)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The fit that `to_json` wrote. Raises BadInput for another model's."""
        values = dict(stored)
        if values.pop("model", None) != cls.model:
            raise BadInput(f"stored model is {stored.get('model')!r}, wanted {cls.model!r}", remedy="Fit again.")
        try:
            return cls(**values)
        except TypeError as error:
            raise BadInput(f"stored {cls.model} fit cannot be read: {error}", remedy="Fit again.") from error


class Likelihood:
    """The mean negative log-likelihood and its slope, with all that does not depend on the parameters done once.

    Rows enter only through the odds of having left; the rest is sums over the different x and the different T.
    """

    def __init__(self, histories: Histories, *, first_coin: int) -> None:
        h = histories
        self.people = h.people
        self.first_coin = first_coin
        firsts = np.flatnonzero(np.concatenate(([True], h.x[1:] != h.x[:-1])))
        self.x = h.x[firsts]
        self.people_by_x = np.add.reduceat(h.weight, firsts)
        self.ages = h.age.values
        self.people_by_age = _sums(h.age.code, h.weight, self.ages.size)
        self.repeats_by_age = _sums(h.age.code, h.weight * h.x, self.ages.size)
        # Only histories with a coin behind them can have left.
        keep = slice(0 if first_coin else int(np.searchsorted(h.x, 1)), None)
        self.weight, self.age_code, self.last_code = h.weight[keep], h.age.code[keep], h.last.code[keep]
        self.lasts = h.last.values
        self.coins_x = self.x[0 if first_coin else int(np.searchsorted(self.x, 1)) :]
        self.starts = np.flatnonzero(np.concatenate(([True], h.x[keep][1:] != h.x[keep][:-1])))
        self.lengths = np.diff(self.starts, append=self.weight.size)

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood per person and its slope in (log r, log alpha, log a, log b)."""
        r, alpha, a, b = np.exp(log_parameters)
        people, n_x = self.people_by_x, self.people
        shape, coins = r + self.x, self.x + self.first_coin
        log_age, per_age = np.log(alpha + self.ages), 1 / (alpha + self.ages)
        log_last, per_last = np.log(alpha + self.lasts), 1 / (alpha + self.lasts)
        by_age = r * self.people_by_age + self.repeats_by_age

        value = _dot(people, gammaln(shape) + gammaln(b + coins) - gammaln(a + b + coins))
        value += n_x * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b)) - _dot(by_age, log_age)
        slope_r = _dot(people, digamma(shape)) + n_x * (np.log(alpha) - digamma(r)) - _dot(self.people_by_age, log_age)
        slope_alpha = n_x * r / alpha - _dot(by_age, per_age)
        both = _dot(people, digamma(a + b + coins))
        slope_a = n_x * digamma(a + b) - both
        slope_b = _dot(people, digamma(b + coins)) - both + n_x * (digamma(a + b) - digamma(b))

        # The odds of having left, history by history: exp of something that may be large, so in two halves.
        gap = log_age[self.age_code] - log_last[self.last_code]
        own_shape = np.repeat(r + self.coins_x, self.lengths)
        log_odds = own_shape * gap
        log_odds += np.repeat(np.log(a) - np.log(b + self.coins_x + self.first_coin - 1), self.lengths)
        small = np.exp(-np.abs(log_odds))
        value += _dot(self.weight, np.log1p(small) + np.maximum(log_odds, 0))
        gone = self.weight * np.where(log_odds > 0, 1.0, small) / (1 + small)
        gone_by_x = np.add.reduceat(gone, self.starts)
        slope_r += _dot(gone, gap)
        slope_alpha += _dot(gone * own_shape, per_age[self.age_code] - per_last[self.last_code])
        slope_a += gone_by_x.sum() / a
        slope_b -= _dot(gone_by_x, 1 / (b + self.coins_x + self.first_coin - 1))
        slope = np.array([slope_r * r, slope_alpha * alpha, slope_a * a, slope_b * b])
        return -float(value) / n_x, -slope / n_x


def _sums(code: Ints, weight: Floats, size: int) -> Floats:
    return np.bincount(code, weights=weight, minlength=size).astype(np.float64)


def _dot(left: Floats, right: Floats) -> float:
    # Not `@`: for vectors this long it wakes the linear algebra library's threads, which costs more than the sum.
    return float(np.einsum("i,i->", left, right))


def fit_family(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, weights: ArrayLike | None, first_coin: int
) -> dict[str, Any]:
    """The fields of a fitted model, by maximum likelihood over the different histories.

    Raises BadInput naming the first impossible row; NotEnoughData under 30 people, when nobody repeats or when
    no time has passed.
    """
    histories = compress(x, t_x, T, weights=weights)
    enough(histories)
    mean_age = _dot(histories.weight, histories.T) / histories.people
    start = np.log(np.array([0.5, mean_age / 4, 0.8, 2.0]))  # near what published buyers show
    peak = climb(Likelihood(histories, first_coin=first_coin), start, people=histories.people)
    found = np.exp(peak.log_parameters)
    errors = None
    if peak.covariance is not None:
        spread = found * np.sqrt(np.diag(peak.covariance))
        errors = dict(zip(NAMES, spread.tolist(), strict=True))
    return {
        "parameters": dict(zip(NAMES, found.tolist(), strict=True)),
        "log_likelihood": peak.mean * histories.people,
        "n": histories.people,
        "converged": peak.converged,
        "boundary": boundary_of(peak) or outweighed(histories),
        "standard_errors": errors,
        "covariance": None if peak.covariance is None else peak.covariance.tolist(),
    }


def boundary_of(peak: Peak) -> str | None:
    """The limit a peak over log r, log alpha, log a, log b ran to, in one sentence; None inside all limits."""
    r, alpha, a, b = np.exp(peak.log_parameters)
    leave = a / (a + b)
    spread = None if peak.covariance is None else float(np.sqrt(peak.covariance[2][2]))
    if leave < 1e-4:  # our choice: under one in ten thousand purchases no history of this size shows it
        name = f"a fell to {a:.1e}" if peak.low[2] or a < 1e-2 else f"b grew to {b:.1e}"
        return f"this data shows no measurable drop-out: {name}, a chance of {leave:.0e} to leave after a purchase"
    if leave < _RARE and (spread is None or spread > _FAINT):
        told = "with no peak around it" if spread is None else f"with a standard error of {spread:.0%} of itself"
        return f"this data shows no measurable drop-out: a is {a:.1e}, {told}"
    if peak.low[2] or peak.low[3]:
        name = f"a fell to {a:.1e}" if peak.low[2] else f"b fell to {b:.1e}"
        return f"people either always or never leave after a purchase here: {name}"
    if peak.high[2] or peak.high[3] or (a > 1e3 and b > 1e3):
        return f"everybody leaves after a purchase with one and the same chance {leave:.3g}: a and b grew without end"
    if peak.high[0] or peak.high[1] or r > 1e3:
        return f"everybody buys at one and the same rate: r grew to {r:.1e} and alpha to {alpha:.1e}"
    if peak.low[0] or peak.low[1]:
        return f"almost nobody repeats: r fell to {r:.1e} and alpha to {alpha:.1e}"
    if peak.covariance is None:
        return f"the likelihood has no peak: {NAMES[peak.loosest]} can be many things with the same fit"
    if peak.is_loose:
        return f"this data does not pin down {NAMES[peak.loosest]}: one standard error is over a factor of seven"
    return None


def log_odds_gone(letters: Floats, x: Floats, t_x: Floats, T: Floats, *, first_coin: int) -> Floats:
    """(n,) log of the odds of having left; -inf where no coin was tossed. Letters: r, alpha, a, b."""
    r, alpha, a, b = letters
    coins = x + first_coin
    divisor = np.where(coins > 0, b + coins - 1, 1.0)
    odds = np.log(a) - np.log(divisor) + (r + x) * (np.log(alpha + T) - np.log(alpha + t_x))
    return np.where(coins > 0, odds, -np.inf)


def p_alive(fit: Dropout, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """(n,) chance that each person is still with us at the end of the window. Raises BadInput naming the row."""
    columns = checked(x, t_x, T)
    return np.asarray(expit(-log_odds_gone(np.array(fit.letters), *columns, first_coin=fit.first_coin)))


def p_none(fit: Dropout, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase at all in the next `horizon`. Raises BadInput."""
    r, alpha, _, _ = fit.letters
    xs, lasts, ages = checked(x, t_x, T)
    quiet = np.exp(-(r + xs) * np.log1p(checked_horizon(horizon) / (alpha + ages)))
    odds = log_odds_gone(np.array(fit.letters), xs, lasts, ages, first_coin=fit.first_coin)
    return np.asarray(expit(odds) + expit(-odds) * quiet)


def expected_purchases(fit: Dropout, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`. Raises BadInput.

    Averages (1 - (1 + p h/(alpha+T))^-(r+x)) / p over p ~ Beta(a, b+c) by Gauss-Jacobi nodes, one rule per x;
    the closed form with a hypergeometric function breaks near a = 1 and overflows for frequent buyers.
    """
    xs, lasts, ages = checked(x, t_x, T)
    return np.asarray(p_alive(fit, xs, lasts, ages) * _purchases_if_alive(fit, xs, ages, checked_horizon(horizon)))


def _purchases_if_alive(fit: Dropout, x: Floats, T: Floats, horizon: float) -> Floats:
    """(n,) days with a purchase to expect of somebody still here, worked out once for all who share x and T."""
    r, alpha, a, b = fit.letters
    if x.size:
        (values, code), age = coded_counts(x), coded(T)
        if values.size * age.values.size <= min(2**14 + 4 * x.size, _MOST_PAIRS):
            key = code * age.values.size + age.code
            there = np.bincount(key, minlength=values.size * age.values.size) > 0
            k, j = np.divmod(np.flatnonzero(there), age.values.size)
            means = mean_over_beta(a, b + fit.first_coin, r, values[k], horizon / (alpha + age.values[j]))
            return np.asarray(means[(np.cumsum(there) - 1)[key]])
    return mean_over_beta(a, b + fit.first_coin, r, x, horizon / (alpha + T))


def log_chance_of_count(
    fit: Dropout, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float, count: ArrayLike
) -> Floats:
    """(n,) log of the chance of exactly `count` days with a purchase in the next `horizon`. Raises BadInput."""
    xs, lasts, ages = checked(x, t_x, T)
    n = np.asarray(count, dtype=np.float64)
    if n.shape != xs.shape or not np.isfinite(n).all() or (n < 0).any() or (n != np.floor(n)).any():
        raise BadInput("held-out counts must be whole numbers >= 0, one a person", remedy="Count purchase days.")
    r, alpha, a, b = fit.letters
    left = b + xs + fit.first_coin
    some = np.maximum(n, 1)
    z = checked_horizon(horizon) / (alpha + ages + horizon)
    shape = r + xs
    log_exact = gammaln(shape + some) - gammaln(shape) - gammaln(some + 1)
    log_exact = log_exact + shape * np.log1p(-z) + some * np.log(z)
    with np.errstate(divide="ignore"):  # a tail too thin for a float is at least its first term
        log_more = np.maximum(np.log(betainc(some, shape, z)), log_exact)
    stayed = gammaln(left + some - 1) + gammaln(a + left) - gammaln(left) - gammaln(a + left + some - 1)
    keep = (left + some - 1) / (a + left + some - 1)
    with np.errstate(divide="ignore"):  # a == 0 in the limit: nobody leaves at the last one
        inner = np.logaddexp(np.log(keep) + log_exact, np.log1p(-keep) + log_more)
    odds = log_odds_gone(np.array(fit.letters), xs, lasts, ages, first_coin=fit.first_coin)
    log_none = np.logaddexp(odds, shape * np.log1p(-z)) - np.logaddexp(0, odds)
    return np.where(n == 0, log_none, stayed + inner - np.logaddexp(0, odds))


def checked_horizon(horizon: float) -> float:
    """A horizon that is a finite number > 0. Raises BadInput."""
    if not np.isfinite(horizon) or horizon <= 0:
        raise BadInput(f"horizon is {horizon}, wanted a finite number > 0", remedy="Give a length of time.")
    return float(horizon)
