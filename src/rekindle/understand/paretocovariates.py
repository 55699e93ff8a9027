"""Pareto/NBD where what is known of a person from the start moves both rates: channel, first basket, region.

    a person with covariates z buys at rate lambda exp(gamma1 . z) and leaves at rate mu exp(gamma2 . z), so their
    alpha is alpha0 exp(-gamma1 . z) and their beta is beta0 exp(-gamma2 . z); all else is as in `paretonbd`
gamma is per unit of z: exp(gamma1) is how many times as often somebody buys who has one unit more. Covariates do
not change over time, and what came after the first purchase must not be among them: it would know the future.
Source: Fader & Hardie (2007), "Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models",
brucehardie.com/notes/019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from rekindle.errors import BadInput
from rekindle.understand import paretonbd
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.compression import Floats, Histories, as_numbers, checked, compress, enough, outweighed
from rekindle.understand.fitted import Fitted
from rekindle.understand.likelihood import Peak, climb, sigma_points
from rekindle.understand.paretochances import Letters, log_alive, log_count, log_none, mean_purchases
from rekindle.understand.paretonbd import NAMES, boundary_of, checked_count, dot, sums
from rekindle.understand.race import log_leaves_first

_MOST = 20  # our choice: each covariate costs two parameters and four slopes a step


@dataclass(frozen=True)
class ParetoNbdCovariates(Fitted):
    """A fitted Pareto/NBD model with covariates; fields as in `Fitted`.

    parameters   r, alpha0, s, beta0, then gamma1[name] (buying) and gamma2[name] (leaving) of every covariate
    covariance   of log r, log alpha0, log s, log beta0 and the gammas as they are
    covariates   their names, in the order of the columns
    """

    model: ClassVar[str] = "paretonbd_covariates"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha0", "s", "beta0")
    times: ClassVar[tuple[str, ...]] = ("alpha0", "beta0")

    covariates: list[str]

    def likely_letters(self) -> Floats:
        """(m, 4 + 2k) equally likely parameter sets around the fit, in the order of `parameters`."""
        values = np.array(list(self.parameters.values()))
        at = np.concatenate([np.log(values[:4]), values[4:]])
        sets = sigma_points(at, None if self.covariance is None else np.array(self.covariance))
        return np.concatenate([np.exp(sets[:, :4]), sets[:, 4:]], axis=1)

    def letters_of(self, z: Floats) -> Letters:
        """r, (n,) alpha, s, (n,) beta of people with covariates z, (n, k)."""
        r, alpha, s, beta = self.letters
        effects = np.array([[self.parameters[f"gamma{g}[{c}]"] for c in self.covariates] for g in (1, 2)])
        return r, alpha * np.exp(-(z @ effects[0])), s, beta * np.exp(-(z @ effects[1]))


def fit(
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    covariates: ArrayLike,
    *,
    names: Sequence[str],
    weights: ArrayLike | None = None,
) -> ParetoNbdCovariates:
    """The Pareto/NBD with covariates under which these histories are most likely.

    x, t_x, T    (n,) histories as in `paretonbd.fit`
    covariates   (n, k) finite numbers, 0 and 1 for a group, known from the first purchase on; none the same for all
    names        (k,) what the columns are called
    A fit at the edge of its parameters is given with `boundary` saying so; it should not be used.
    Raises BadInput naming the first impossible row or column; NotEnoughData as `paretonbd.fit`.
    """
    xs, lasts, ages = checked(x, t_x, T)
    histories = compress(xs, lasts, ages, weights=weights)
    enough(histories)
    z = _checked_covariates(covariates, xs.size, names)
    middle, spread = z.mean(axis=0), z.std(axis=0)
    flat = np.flatnonzero(spread <= 1e-12 * np.maximum(np.abs(middle), 1e-300))
    if flat.size:
        raise BadInput(f"covariate {names[flat[0]]!r} is the same for everybody", remedy="Leave it out.")
    plain = paretonbd.fit(xs, lasts, ages, weights=weights)
    mean_age = dot(histories.weight, histories.T) / histories.people
    known = plain.letters if plain.boundary is None else (0.5, mean_age / 4, 0.5, mean_age / 4)
    start = np.concatenate([np.log(np.array(known)), np.zeros(2 * len(names))])
    # Around the mean and in standard deviations, so that a step means the same along every direction.
    likelihood = Likelihood(*_people(xs, lasts, ages, (z - middle) / spread, weights))
    peak = climb(likelihood, start, people=histories.people)
    return _told(peak, list(names), middle, spread, histories)


def p_alive(fit: ParetoNbdCovariates, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, covariates: ArrayLike) -> Floats:
    """(n,) chance that each person is still with us at the end of the window. Raises BadInput naming the row."""
    columns = checked(x, t_x, T)
    return np.exp(log_alive(_letters(fit, covariates, columns[0].size), *columns))


def p_none(
    fit: ParetoNbdCovariates, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, covariates: ArrayLike, horizon: float
) -> Floats:
    """(n,) chance of no purchase at all in the next `horizon`. Raises BadInput."""
    columns = checked(x, t_x, T)
    return np.exp(log_none(_letters(fit, covariates, columns[0].size), *columns, checked_horizon(horizon)))


def expected_purchases(
    fit: ParetoNbdCovariates, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, covariates: ArrayLike, horizon: float
) -> Floats:
    """(n,) days with a purchase to expect in the next `horizon`. Raises BadInput."""
    columns = checked(x, t_x, T)
    return mean_purchases(_letters(fit, covariates, columns[0].size), *columns, checked_horizon(horizon))


def log_chance_of_count(
    fit: ParetoNbdCovariates,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    *,
    covariates: ArrayLike,
    horizon: float,
    count: ArrayLike,
) -> Floats:
    """(n,) log of the chance of exactly `count` days with a purchase in the next `horizon`. Raises BadInput."""
    columns = checked(x, t_x, T)
    n = columns[0].size
    letters = _letters(fit, covariates, n)
    return log_count(letters, *columns, checked_horizon(horizon), checked_count(count, n))


class Likelihood:
    """The mean negative log-likelihood and its slope; every different (x, t_x, T, z) is one row."""

    def __init__(self, x: Floats, t_x: Floats, T: Floats, z: Floats, weight: Floats) -> None:
        self.x, code = np.unique(x, return_inverse=True)
        self.code = code.astype(np.int64)
        self.t_x, self.T, self.z, self.weight = t_x, T, z, weight
        self.people = float(weight.sum())
        self.people_by_x = sums(self.code, weight, self.x.size)
        self.twice = np.concatenate([self.code, self.code])

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood per person and its slope in (log r, log alpha0, log s, log beta0, gammas)."""
        k, n, w = self.z.shape[1], self.people, self.weight
        r, alpha0, s, beta0 = np.exp(point[:4])
        alpha = alpha0 * np.exp(-np.einsum("ij,j->i", self.z, point[4 : 4 + k]))
        beta = beta0 * np.exp(-np.einsum("ij,j->i", self.z, point[4 + k :]))
        shape, own = r + self.x, (r + self.x)[self.code]

        buy_now, buy_then = alpha + self.T, alpha + self.t_x
        leave_now, leave_then = beta + self.T, beta + self.t_x
        ratio = np.concatenate([buy_now / leave_now, buy_then / leave_then])
        race = log_leaves_first(shape, self.twice, s, ratio, slopes=True)
        now, then = race[:, : self.T.size], race[:, self.T.size :]
        first = np.exp(now[0])
        buy_gap, leave_gap = np.log(buy_now / buy_then), np.log(leave_now / leave_then)
        log_gone = own * buy_gap + s * leave_gap + then[0]
        log_all = np.logaddexp(np.log(np.maximum(1 - first, 1e-300)), log_gone)
        buy_share, leave_share = np.log(alpha / buy_now), np.log(beta / leave_now)
        value = dot(self.people_by_x, gammaln(shape)) - n * gammaln(r) + dot(w, r * buy_share + s * leave_share)
        value += dot(w, log_all) - dot(w * self.x[self.code], np.log(buy_now))

        gone, stay = np.exp(log_gone - log_all), -first * np.exp(-log_all)
        slope_r = dot(self.people_by_x, digamma(shape)) - n * digamma(r)
        slope_r += dot(w, buy_share + gone * (buy_gap + then[1]) + stay * now[1])
        slope_s = dot(w, leave_share + gone * (leave_gap + then[2]) + stay * now[2])
        # By the logarithm of each row's own alpha and beta; the gammas act through these alone.
        tilt_now, tilt_then = stay * now[3], gone * then[3]
        by_alpha = w * (r + alpha * (-own / buy_now + gone * own * (1 / buy_now - 1 / buy_then)))
        by_alpha += w * alpha * (tilt_now / buy_now + tilt_then / buy_then)
        by_beta = w * (s + beta * (-s / leave_now + gone * s * (1 / leave_now - 1 / leave_then)))
        by_beta -= w * beta * (tilt_now / leave_now + tilt_then / leave_then)
        slope = np.concatenate(
            [
                [slope_r * r, by_alpha.sum(), slope_s * s, by_beta.sum()],
                -np.einsum("ij,i->j", self.z, by_alpha),
                -np.einsum("ij,i->j", self.z, by_beta),
            ]
        )
        return -float(value) / n, -slope / n


def _checked_covariates(covariates: ArrayLike, n: int, names: Sequence[str]) -> Floats:
    z = as_numbers(covariates, "covariates")
    k = len(names)
    if z.shape != (n, k) or not 1 <= k <= _MOST or len(set(names)) != k:
        raise BadInput(
            f"covariates have shape {z.shape} and names {list(names)}, wanted ({n}, k) with k different names",
            remedy=f"Give one row a person and one column a name, 1 to {_MOST} of them.",
        )
    bad = np.argwhere(~np.isfinite(z))
    if bad.size:
        row, column = (int(i) for i in bad[0])
        raise BadInput(
            f"covariate {names[column]!r} is {z[row, column]}", where=f"row {row}", remedy="Give a finite number."
        )
    return z


def _letters(fit: ParetoNbdCovariates, covariates: ArrayLike, n: int) -> Letters:
    return fit.letters_of(_checked_covariates(covariates, n, fit.covariates))


def _people(
    x: Floats, t_x: Floats, T: Floats, z: Floats, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The different (x, t_x, T, z), and how many people share each."""
    h: Histories = compress(x, t_x, T, with_rows=True)
    kind = h.row
    for column in z.T:
        values, code = np.unique(column, return_inverse=True)
        kind = np.unique(kind * values.size + code, return_inverse=True)[1]
    _, first, row = np.unique(kind, return_index=True, return_inverse=True)
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    weight = np.bincount(row, weights=given).astype(np.float64)
    return x[first], t_x[first], T[first], z[first], weight


def _told(
    peak: Peak, covariates: list[str], middle: Floats, spread: Floats, histories: Histories
) -> ParetoNbdCovariates:
    """The fit in the units of the covariates as given."""
    people = histories.people
    mean_age = dot(histories.weight, histories.T) / people
    names = [*NAMES, *(f"gamma{g}[{c}]" for g in (1, 2) for c in covariates)]
    k = len(covariates)
    back = np.eye(4 + 2 * k)
    for block, letter in ((slice(4, 4 + k), 1), (slice(4 + k, None), 3)):
        back[block, block] = np.diag(1 / spread)
        back[letter, block] = middle / spread
    at = back @ peak.log_parameters
    values = np.concatenate([np.exp(at[:4]), at[4:]])
    stored = [*ParetoNbdCovariates.names, *names[4:]]
    covariance = errors = None
    if peak.covariance is not None:
        covariance = back @ peak.covariance @ back.T
        scale = np.concatenate([values[:4], np.ones(2 * k)])
        errors = dict(zip(stored, (scale * np.sqrt(np.diag(covariance))).tolist(), strict=True))
    return ParetoNbdCovariates(
        parameters=dict(zip(stored, values.tolist(), strict=True)),
        log_likelihood=peak.mean * people,
        n=people,
        converged=peak.converged,
        boundary=_boundary(peak, names, mean_age=mean_age) or outweighed(histories),
        standard_errors=errors,
        covariance=None if covariance is None else covariance.tolist(),
        covariates=covariates,
    )


def _boundary(peak: Peak, names: list[str], *, mean_age: float) -> str | None:
    ran = np.flatnonzero((peak.low | peak.high)[4:])
    if ran.size:
        return f"{names[4 + int(ran[0])]} ran without end: one side of it never buys again, or never leaves"
    return boundary_of(peak, names, mean_age=mean_age)
