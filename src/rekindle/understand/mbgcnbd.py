"""MBG/CNBD-k: buyers with a rhythm. As MBG/NBD, but a pause is the sum of k exponential steps.

    pauses             Gamma(shape k, rate lambda), mean k / lambda; k = 1 is MBG/NBD
    rate of steps      lambda ~ Gamma(shape r, rate alpha)
    chance of leaving  p ~ Beta(a, b), a coin tossed after every purchase, the first too

With n = r + k x, z = (T - t_x)/(alpha + T) and W from `erlang`
    L = Gamma(n)/Gamma(r) alpha^r (alpha+T)^-n B(a, b+x+1)/B(a, b) (W + W D) S
    D = a/(b+x) ((alpha+T)/(alpha+t_x))^n / W          the odds of having left
    S = product of the pauses ^(k-1) / Gamma(k)^x      the same whatever r, alpha, a, b
S is what tells one k from another; it needs the sum of each person's log pauses. A silent person stands at step j
of k with a known chance, and from there lambda ~ Gamma(n+j, alpha+T): all predictors are exact sums over the steps.
Sources: Platzer & Reutterer (2016), Marketing Science 35(5), 779-799; Wheat & Morrison (1990), "Estimating Purchase
Regularity with Two Interpurchase Times", Journal of Marketing Research 27(1), 87-93.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, digamma, expit, gammaln

from rekindle.errors import BadInput
from rekindle.understand import betageometric
from rekindle.understand.betageometric import NAMES, boundary_of, checked_horizon
from rekindle.understand.compression import Floats, Histories, checked, checked_weights, compress, enough, outweighed
from rekindle.understand.erlang import log_steps, log_steps_with_slopes, mean_purchases, step_chances
from rekindle.understand.fitted import Fitted, fields_of
from rekindle.understand.likelihood import Peak, climb

MOST_K = 12  # the paper's grid; whole days and a few pauses a person tell larger k apart no more
_CHUNK = 1 << 16


@dataclass(frozen=True)
class MbgCnbdK(Fitted):
    """A fitted MBG/CNBD-k model.

    parameters            k, r, alpha (in the unit of the times given), a, b
    log_likelihood        in that unit, over all people: of all pauses where their logs were given; else of x and t_x
                          alone, the pauses between them counted as chance, so that it stands beside MBG/NBD's
    log_likelihood_by_k   k -> log-likelihood at its own best r, alpha, a, b, for every k looked at
    other fields          as in `Fitted`; standard errors and covariance (r, alpha, a, b) take k as known
    """

    model: ClassVar[str] = "mbgcnbd"
    names: ClassVar[tuple[str, ...]] = NAMES
    times: ClassVar[tuple[str, ...]] = ("alpha",)

    log_likelihood_by_k: dict[str, float]

    def __post_init__(self) -> None:
        """Refuses a k that no fit has."""
        if self.parameters["k"] not in range(1, MOST_K + 1):
            raise BadInput(f"k is {self.parameters['k']}, wanted 1 to {MOST_K}", remedy="Fit again.")

    @property
    def k(self) -> int:
        """Steps in a pause."""
        return int(self.parameters["k"])


class Likelihood(betageometric.Likelihood):
    """The mean negative log-likelihood and its slope for one k, without S, which no slope depends on."""

    def __init__(self, histories: Histories, *, k: int) -> None:
        super().__init__(histories, first_coin=1)
        self.k = k
        self.steps_x = k * self.x
        self.silence = histories.T - histories.t_x
        self.steps_by_age = k * self.repeats_by_age

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood per person and its slope in (log r, log alpha, log a, log b)."""
        r, alpha, a, b = np.exp(log_parameters)
        people, crowd = self.people_by_x, self.people
        shape, coins = r + self.steps_x, self.x + 1
        log_age, per_age = np.log(alpha + self.ages), 1 / (alpha + self.ages)
        log_last, per_last = np.log(alpha + self.lasts), 1 / (alpha + self.lasts)
        by_age = r * self.people_by_age + self.steps_by_age

        value = _dot(people, gammaln(shape) + gammaln(b + coins) - gammaln(a + b + coins))
        value += crowd * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b)) - _dot(by_age, log_age)
        slope_r = _dot(people, digamma(shape)) + crowd * (np.log(alpha) - digamma(r))
        slope_r -= _dot(self.people_by_age, log_age)
        slope_alpha = crowd * r / alpha - _dot(by_age, per_age)
        both = _dot(people, digamma(a + b + coins))
        slope_a = crowd * digamma(a + b) - both
        slope_b = _dot(people, digamma(b + coins)) - both + crowd * (digamma(a + b) - digamma(b))

        # log(W + W D), history by history: W D may be large, so the two are told by their difference.
        gap = log_age[self.age_code] - log_last[self.last_code]
        own_shape, own_age = np.repeat(shape, self.lengths), per_age[self.age_code]
        log_w, by_shape, by_z = log_steps_with_slopes(self.k, own_shape, self.silence * own_age)
        log_odds = own_shape * gap - log_w + np.repeat(np.log(a) - np.log(b + self.x), self.lengths)
        small = np.exp(-np.abs(log_odds))
        value += _dot(self.weight, np.log1p(small) + np.maximum(log_odds, 0) + log_w)
        gone = self.weight * np.where(log_odds > 0, 1.0, small) / (1 + small)
        here = self.weight - gone
        gone_by_x = np.add.reduceat(gone, self.starts)
        slope_r += _dot(gone, gap) + _dot(here, by_shape)
        slope_alpha += _dot(gone * own_shape, own_age - per_last[self.last_code]) - _dot(here, by_z * own_age)
        slope_a += gone_by_x.sum() / a
        slope_b -= _dot(gone_by_x, 1 / (b + self.x))
        slope = np.array([slope_r * r, slope_alpha * alpha, slope_a * a, slope_b * b])
        return -float(value) / crowd, -slope / crowd


def fit(
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    sum_log_gaps: ArrayLike | None = None,
    k: int | None = None,
) -> MbgCnbdK:
    """The MBG/CNBD-k under which these histories are most likely.

    x, t_x, T      (n,) as in `compression`, times in any one unit
    weights        (n,) people behind each row; one each when left out
    sum_log_gaps   (n,) sum of the natural logs of each person's x pauses, in the same unit, 0 where x == 0
                   (SUMMARY's gap_log_micro / 1e6, in days); needed unless k is given
    k              steps in a pause, 1 to 12; found by likelihood when left out
    A fit at the edge of its parameters is given with `boundary` saying so; it should not be used.
    Raises BadInput naming the first impossible row, or when k is to be found without the log pauses;
    NotEnoughData under 30 people, when nobody repeats or when no time has passed.
    """
    if k is not None and (isinstance(k, bool) or k not in range(1, MOST_K + 1)):
        raise BadInput(f"k is {k}, wanted a whole number from 1 to {MOST_K}", remedy="Leave it out to find it.")
    columns = checked(x, t_x, T)
    histories = compress(*columns, weights=weights)
    enough(histories)
    given = checked_weights(weights, columns[0].size)
    weight = np.ones_like(columns[0]) if given is None else given
    logs = None if sum_log_gaps is None else _checked_logs(sum_log_gaps, *columns[:2])
    total = None if logs is None else _dot(weight, logs)
    peaks: dict[int, Peak] = {}
    levels: dict[int, float] = {}

    def level(steps: int) -> float:
        if steps not in levels:
            peaks[steps] = _climbed(histories, steps)
            levels[steps] = peaks[steps].mean * histories.people + _spacing(histories, steps, total)
        return levels[steps]

    best = k
    if best is None:
        if logs is None:
            raise BadInput(
                "k cannot be found without the pauses: sum_log_gaps is missing",
                remedy="Give the sum of each person's log pauses, or a k.",
            )
        best = likeliest_by_spacing(*columns[:2], logs, weights=weight)
        for way in (1, -1):
            while 1 <= best + way <= MOST_K and level(best + way) > level(best):
                best += way
    level(best)
    return _result(histories, best, peaks, levels, was_found=k is None)


def likeliest_by_spacing(x: Floats, t_x: Floats, sum_log_gaps: Floats, *, weights: Floats) -> int:
    """The k that best explains how evenly each person's own pauses are spaced; where the search for k begins.

    The shares of t_x that the pauses take are Dirichlet(k, .. k) whatever the rate and the chance of leaving. Wheat
    & Morrison look at the variance of one share where there are two pauses; this uses everybody with two or more.
    1 where nobody has two.
    """
    rows = np.flatnonzero(x >= 2)
    if not rows.size:
        return 1
    values, code = np.unique(x[rows], return_inverse=True)
    people = np.bincount(code, weights=weights[rows])
    uneven = _dot(weights[rows], sum_log_gaps[rows] - x[rows] * np.log(t_x[rows]))
    steps = np.arange(1, MOST_K + 1, dtype=np.float64)[:, None]
    level = (people * (gammaln(steps * values) - values * gammaln(steps))).sum(axis=1) + (steps[:, 0] - 1) * uneven
    return int(np.argmax(level)) + 1


def p_alive(fit: MbgCnbdK, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """(n,) chance that each person is still with us at the end of the window. Raises BadInput naming the row."""
    return np.asarray(expit(-_log_odds_gone(fit, *checked(x, t_x, T))))


def p_none(fit: MbgCnbdK, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) chance of no purchase at all in the next `horizon`. Raises BadInput."""
    columns = checked(x, t_x, T)
    odds = _log_odds_gone(fit, *columns)
    quiet = np.exp(_log_quiet(fit, *columns, horizon=checked_horizon(horizon)))
    return np.asarray(expit(odds) + expit(-odds) * quiet)


def expected_purchases(fit: MbgCnbdK, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`, exactly: see `erlang.mean_purchases`."""
    xs, lasts, ages = checked(x, t_x, T)
    r, alpha, a, b = fit.letters
    z, scale = (ages - lasts) / (alpha + ages), checked_horizon(horizon) / (alpha + ages)
    here = mean_purchases(fit.k, a, b + 1, r=r, x=xs, z=z, scale=scale)
    return np.asarray(expit(-_log_odds_gone(fit, xs, lasts, ages)) * here)


def log_chance_of_count(
    fit: MbgCnbdK, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float, count: ArrayLike
) -> Floats:
    """(n,) log of the chance of exactly `count` days with a purchase in the next `horizon`. Raises BadInput."""
    columns = checked(x, t_x, T)
    wanted = np.asarray(count, dtype=np.float64)
    if wanted.shape != columns[0].shape or not np.isfinite(wanted).all() or (wanted < 0).any():
        raise BadInput("held-out counts must be whole numbers >= 0, one a person", remedy="Count purchase days.")
    if (wanted != np.floor(wanted)).any():
        raise BadInput("held-out counts must be whole numbers >= 0, one a person", remedy="Count purchase days.")
    far = checked_horizon(horizon)
    odds = _log_odds_gone(fit, *columns)
    log_none = np.logaddexp(odds, _log_quiet(fit, *columns, horizon=far)) - np.logaddexp(0, odds)
    found = np.where(wanted == 0, log_none, 0.0)
    some = np.flatnonzero(wanted > 0)
    for i in range(0, some.size, _CHUNK):
        rows = some[i : i + _CHUNK]
        xs, lasts, ages = (c[rows] for c in columns)
        chance = _log_some(fit, xs, lasts, ages, far, wanted[rows])
        found[rows] = chance - np.logaddexp(0, odds[rows])
    return found


def _log_some(fit: MbgCnbdK, x: Floats, t_x: Floats, T: Floats, far: float, count: Floats) -> Floats:
    """(n,) log of the chance of exactly `count` >= 1 of somebody still here."""
    r, alpha, a, b = fit.letters
    shape, left, z = r + fit.k * x, b + x + 1, far / (alpha + T + far)
    at = step_chances(fit.k, shape, (T - t_x) / (alpha + T))
    exact, more = np.full(x.size, -np.inf), np.full(x.size, -np.inf)
    with np.errstate(divide="ignore"):  # a step nobody stands at, a tail too thin for a float
        for j in range(fit.k):
            own, least = shape + j, fit.k * count - j
            first = gammaln(own + least) - gammaln(own) - gammaln(least + 1)
            first += own * np.log1p(-z) + least * np.log(z)
            term, window = np.ones_like(z), np.ones_like(z)
            for i in range(1, fit.k):
                term = term * ((own + least + (i - 1)) * z / (least + i))
                window += term
            first += np.log(window)
            reach = np.maximum(np.log(betainc(least, own, z)), first)
            exact = np.logaddexp(exact, np.log(at[j]) + first)
            more = np.logaddexp(more, np.log(at[j]) + reach)
        stayed = gammaln(left + count - 1) + gammaln(a + left) - gammaln(left) - gammaln(a + left + count - 1)
        keep = (left + count - 1) / (a + left + count - 1)
        return np.asarray(stayed + np.logaddexp(np.log(keep) + exact, np.log1p(-keep) + more))


def log_odds_of_steps(letters: Floats, k: int, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """(n,) log of the odds of having left; letters r, alpha, a, b in the unit of the times."""
    r, alpha, a, b = letters
    shape = r + k * x
    odds = np.log(a) - np.log(b + x) + shape * (np.log(alpha + T) - np.log(alpha + t_x))
    return np.asarray(odds - log_steps(k, shape, (T - t_x) / (alpha + T)))


def _log_odds_gone(fit: MbgCnbdK, x: Floats, t_x: Floats, T: Floats) -> Floats:
    return log_odds_of_steps(np.array(fit.letters), fit.k, x, t_x, T)


def _log_quiet(fit: MbgCnbdK, x: Floats, t_x: Floats, T: Floats, *, horizon: float) -> Floats:
    """(n,) log of the chance of no purchase in the horizon of somebody still here."""
    r, alpha, _, _ = fit.letters
    shape, silence, age = r + fit.k * x, T - t_x, alpha + T
    longer = log_steps(fit.k, shape, (silence + horizon) / (age + horizon))
    return np.asarray(longer - log_steps(fit.k, shape, silence / age) - shape * np.log1p(horizon / age))


def _climbed(histories: Histories, k: int) -> Peak:
    mean_age = _dot(histories.weight, histories.T) / histories.people
    start = np.log(np.array([0.5, k * mean_age / 4, 0.8, 2.0]))  # steps are k times as quick as purchases
    return climb(Likelihood(histories, k=k), start, people=histories.people)


def _result(
    histories: Histories, k: int, peaks: dict[int, Peak], levels: dict[int, float], *, was_found: bool
) -> MbgCnbdK:
    boundary = boundary_of(peaks[k])
    if boundary is None and was_found and k == MOST_K:
        boundary = f"people buy like clocks: k ran to its limit, {MOST_K}"
    boundary = boundary or outweighed(histories)
    fields = fields_of(peaks[k], NAMES, people=histories.people, boundary=boundary)
    fields["parameters"] = {"k": float(k), **fields["parameters"]}
    fields["log_likelihood"] = levels[k]
    return MbgCnbdK(**fields, log_likelihood_by_k={str(steps): levels[steps] for steps in sorted(levels)})


def _spacing(histories: Histories, k: int, sum_of_logs: float | None) -> float:
    """What the pauses themselves add to the log-likelihood, over all people: log S."""
    h = histories
    if sum_of_logs is not None:
        return float((k - 1) * sum_of_logs - _dot(h.weight, h.x) * gammaln(k))
    some = h.x > 0
    x, weight = h.x[some], h.weight[some]  # the density of t_x given k, beside the same for k = 1
    return _dot(weight, (k - 1) * x * np.log(h.t_x[some]) - gammaln(k * x) + gammaln(x))


def _checked_logs(sum_log_gaps: ArrayLike, x: Floats, t_x: Floats) -> Floats:
    logs = np.atleast_1d(np.asarray(sum_log_gaps, dtype=np.float64))
    if logs.shape != x.shape:
        raise BadInput(f"sum_log_gaps is {logs.shape}, x is {x.shape}", remedy="Give one a row.")
    # Equal pauses have the largest sum of logs; each may have been rounded to a millionth.
    most = x * np.log(np.maximum(t_x, 1e-300) / np.maximum(x, 1)) + 1e-6 * (x + 1)
    for bad, what, remedy in (
        (~np.isfinite(logs), "is not a finite number", "Merge purchases of one day."),
        ((x == 0) & (logs != 0), "is not 0 though there is no pause", "Set it to 0 where x is 0."),
        ((x > 0) & (logs > most), "is more than pauses that add up to t_x allow", "Check that both use one unit."),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            seen = f"sum of log pauses {what} ({logs[row]:g}; x {x[row]:g}, t_x {t_x[row]:g})"
            raise BadInput(seen, where=f"row {row}", remedy=remedy)
    return logs


def _dot(left: Floats, right: Floats) -> float:
    return float(np.einsum("i,i->", left, right))
