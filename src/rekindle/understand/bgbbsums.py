"""The sums of BG/BB over when somebody may have left, by steps that only multiply and add.

Each term of the sum follows from the one before it by a factor,
    term(j+1)/term(j) = (beta+j-x)/(alpha+beta+j) (delta+j)/(gamma+delta+1+j),
so that what is left of the sum from j on, measured in term(j), is 1 + factor * (the same from j + 1 on). Walking back
from the last opportunity gives it for every j at once, for all x side by side; nothing can overflow, and nothing is
taken from anything larger. The slopes of the sum are walked in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, digamma, gammaln

from rekindle.understand.compression import Floats, Histories
from rekindle.understand.gammaratio import log_gamma_ratio

_CELLS = 1 << 22  # of one table, 32 MB


class Likelihood:
    """The mean negative log-likelihood and its slope in (log alpha, log beta, log gamma, log delta)."""

    def __init__(self, histories: Histories) -> None:
        self.x, self.t_x, self.n = histories.x, histories.t_x, histories.T
        self.weight, self.people = histories.weight, histories.people
        self.values, self.code = np.unique(self.x, return_inverse=True)
        self.most = int(self.n.max())
        self.silent = np.flatnonzero(self.t_x < self.n)

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood per person and its slope."""
        letters = np.exp(log_parameters)
        alpha, beta, gamma, delta = letters
        x, n, s = self.x, self.n, self.silent
        here = betaln(alpha + x, beta + n - x) + betaln(gamma, delta + n)
        slope_here = _slopes_at(letters, x, n, gone=0)
        table = _walk_back(letters, self.values, self.most, with_slopes=True)
        first, end = self.t_x[s].astype(np.int64), n[s].astype(np.int64)
        begin = _log_ratio(letters, x[s], self.t_x[s])
        fade = np.exp(np.minimum(_log_ratio(letters, x[s], n[s]) - begin, 0.0))
        sums = table[first, :, self.code[s]] - fade[:, None] * table[end, :, self.code[s]]
        sums[:, 0] = np.maximum(sums[:, 0], 1.0)  # its first term alone is 1; letters beyond 1e12 leave rounding only
        gone = begin + gammaln(alpha + x[s]) + gammaln(gamma + 1) + np.log(sums[:, 0])
        both = here.copy()
        both[s] = np.logaddexp(here[s], gone)
        share = np.exp(here - both)
        slope_rows = share * slope_here
        slope_rows[:, s] += np.exp(gone - both[s]) * sums[:, 1:].T / sums[:, 0]
        value = np.einsum("i,i->", self.weight, both) / self.people - betaln(alpha, beta) - betaln(gamma, delta)
        slope = np.einsum("ki,i->k", slope_rows, self.weight) / self.people
        slope -= _slopes_at(letters, np.zeros(1), np.zeros(1), gone=0)[:, 0]
        return -float(value), -slope * letters


def log_odds_gone(letters: Sequence[float], histories: Histories) -> Floats:
    """(m,) log of the odds of having left by the last opportunity; -inf where that one was taken."""
    alpha, beta, gamma, delta = letters
    odds = np.full(histories.x.size, -np.inf)
    silent = np.flatnonzero(histories.t_x < histories.T)
    if silent.size == 0:
        return odds
    x, t_x, n = histories.x[silent], histories.t_x[silent], histories.T[silent]
    values, code = np.unique(x, return_inverse=True)
    most = int(n.max())
    sums = np.empty(silent.size)
    begin = _log_ratio(letters, x, t_x)
    fade = np.exp(np.minimum(_log_ratio(letters, x, n) - begin, 0.0))
    step = max(1, _CELLS // (most + 1))
    for i in range(0, values.size, step):  # by x, so that a table of long histories stays in memory
        table = _walk_back(letters, values[i : i + step], most, with_slopes=False)[:, 0]
        rows = np.flatnonzero((code >= i) & (code < i + step))
        first, end, column = t_x[rows].astype(np.int64), n[rows].astype(np.int64), code[rows] - i
        sums[rows] = np.maximum(table[first, column] - fade[rows] * table[end, column], 1.0)  # the first term is 1
    here = log_gamma_ratio(alpha + x, beta + n - x) + log_gamma_ratio(gamma, delta + n)
    odds[silent] = np.log(gamma) + begin + np.log(sums) - here
    return odds


def log_future(letters: Sequence[float], x: Floats, n: Floats, count: Floats, *, horizon: int) -> Floats:
    """(k,) log of the chance that who is still here takes exactly `count` of the next `horizon` opportunities."""
    alpha, beta, gamma, delta = letters[0] + x, letters[1] + n - x, letters[2], letters[3] + n
    possible = count <= horizon
    y = np.where(possible, count, 0.0)
    base = betaln(alpha, beta) + betaln(gamma, delta)
    here = betaln(alpha + y, beta + horizon - y) + betaln(gamma, delta + horizon)
    here = here + gammaln(horizon + 1) - gammaln(y + 1) - gammaln(horizon - y + 1)
    sums = np.full(x.size, -np.inf)
    for i in range(horizon - 1, -1, -1):
        on = np.flatnonzero(y <= i)
        a, b, d, k = alpha[on], beta[on], delta[on], y[on]
        factor = (i + 1) / (i + 1 - k) * (b + i - k) / (a + b + i) * (d + i) / (gamma + d + 1 + i)
        sums[on] = np.logaddexp(0.0, np.log(factor) + sums[on])
    gone = betaln(alpha + y, beta) + betaln(gamma + 1, delta + y) + sums
    return np.where(possible, np.minimum(np.logaddexp(here, gone) - base, 0.0), -np.inf)


def _log_ratio(letters: Sequence[float] | Floats, x: Floats, j: Floats) -> Floats:
    """(m,) log of term(j) but for Gamma(alpha+x) Gamma(gamma+1), which all terms of an x share."""
    alpha, beta, gamma, delta = letters
    return np.asarray(log_gamma_ratio(alpha + x, beta + j - x) + log_gamma_ratio(gamma + 1, delta + j))


def _slopes_at(letters: Sequence[float] | Floats, x: Floats, j: Floats, *, gone: int) -> Floats:
    """(4, m) slopes of log B(alpha+x, beta+j-x) + log B(gamma+gone, delta+j) in the letters."""
    alpha, beta, gamma, delta = letters
    both, ends = digamma(alpha + beta + j), digamma(gamma + gone + delta + j)
    return np.stack(
        [
            digamma(alpha + x) - both,
            digamma(beta + j - x) - both,
            digamma(gamma + gone) - ends,
            digamma(delta + j) - ends,
        ]
    )


def _walk_back(letters: Sequence[float] | Floats, x: Floats, most: int, *, with_slopes: bool) -> Floats:
    """(most + 1, 1 or 5, u) sums from j to `most` - 1 in units of term(j), then the slopes of their terms likewise.

    Where j < x no history can be; there the table holds numbers that are not looked at.
    """
    alpha, beta, gamma, delta = letters
    j = np.arange(most, dtype=np.float64)
    passing = 1 / (alpha + beta + j) * (delta + j) / (gamma + delta + 1 + j)
    table = np.zeros((most + 1, 5 if with_slopes else 1, x.size))
    start = np.ones((5 if with_slopes else 1, x.size))
    if with_slopes:
        both, ends = digamma(alpha + beta + j), digamma(gamma + 1 + delta + j)
        taking, staying, leaving = digamma(alpha + x), digamma(delta + j) - ends, digamma(gamma + 1) - ends
        passes = digamma(beta + j)
        whole = x.astype(np.int64)
    for k in range(most - 1, -1, -1):
        quiet = np.maximum(k - x, 0.0)
        if with_slopes:
            start[1] = taking - both[k]
            start[2] = passes[np.maximum(k - whole, 0)] - both[k]
            start[3], start[4] = leaving[k], staying[k]
        table[k] = start + (beta + quiet) * passing[k] * table[k + 1]
    return table
