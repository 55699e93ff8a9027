"""What Pareto/NBD says of people, from its four letters; alpha and beta may be each person's own.

    letters   r, alpha, s, beta; alpha and beta one number for all, or (n,) where covariates move them
    H(t)      chance that somebody still here at age t leaves before the next purchase (`race`)
Model and sources: `paretonbd`. Columns are taken as checked by `compression.checked`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, exprel, gammaln

from rekindle.understand.compression import Floats, Ints
from rekindle.understand.race import log_leaves_first

Letters = tuple[float, "float | Floats", float, "float | Floats"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_DEEP = 32.0  # exp(-32) is 1e-14: what lies further down than that does not count
_CHUNK = 1 << 14


def log_alive(letters: Letters, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """(n,) log of the chance of being still here at T: minus log(1 + D), D the odds of having left."""
    r, alpha, s, beta = letters
    then, now = _log_leaves_first(letters, x, t_x), _log_leaves_first(letters, x, T)
    # As logarithms of quotients: 30 years of silence after 10^5 purchases make the odds exp(10^6).
    gap = (r + x) * np.log1p((T - t_x) / (alpha + t_x)) + s * np.log1p((T - t_x) / (beta + t_x))
    return np.asarray(-np.maximum(np.logaddexp(_log_rest(now), gap + then), 0.0))


def log_none(letters: Letters, x: Floats, t_x: Floats, T: Floats, h: float) -> Floats:
    """(n,) log of the chance of no purchase in the next h."""
    here = log_alive(letters, x, t_x, T)
    return np.asarray(np.log(np.minimum(-np.expm1(here) + np.exp(here + _log_quiet(letters, x, T, h)), 1.0)))


def mean_purchases(letters: Letters, x: Floats, t_x: Floats, T: Floats, h: float) -> Floats:
    """(n,) purchases to expect in the next h.

    P(alive) (r+x)/(alpha+T) E[(1 - exp(-mu h)) / mu]; the last is b (1 - (b/(b+h))^(s-1)) / (s-1) with
    b = beta + T, written so that it holds at s = 1 too.
    """
    r, alpha, s, beta = letters
    away = np.log1p(h / (beta + T))
    stays = (beta + T) * away * exprel(-(s - 1) * away)
    return np.asarray(np.exp(log_alive(letters, x, t_x, T)) * (r + x) / (alpha + T) * stays)


def log_count(letters: Letters, x: Floats, t_x: Floats, T: Floats, h: float, n: Floats) -> Floats:
    """(n,) log of the chance of exactly n purchases in the next h.

    Here to the end and just so many, or left within the horizon after so many: the second is an integral over
    the time of leaving, by 64 Gauss-Legendre nodes on its logarithm, where it is a single hump.
    """
    r, alpha, s, beta = letters
    found = log_none(letters, x, t_x, T, h)
    some = np.flatnonzero(n > 0)
    if some.size:
        own = [np.broadcast_to(np.asarray(c, dtype=np.float64), x.shape)[some] for c in (x, T, n, alpha, beta)]
        case, back = np.unique(np.stack(own), axis=1, return_inverse=True)
        given = _log_some((r, case[3], s, case[4]), case[0], case[1], case[2], h)
        found[some] = _own(letters, some, x, t_x, T) + given[back.ravel()]
    return found


def _own(letters: Letters, rows: Ints, x: Floats, t_x: Floats, T: Floats) -> Floats:
    r, alpha, s, beta = letters
    alphas, betas = (c if np.ndim(c) == 0 else np.asarray(c)[rows] for c in (alpha, beta))
    return log_alive((r, alphas, s, betas), x[rows], t_x[rows], T[rows])


def _log_quiet(letters: Letters, x: Floats, T: Floats, h: float) -> Floats:
    """(n,) log of the chance that somebody still here at T buys nothing in the next h, whether they leave or not."""
    r, alpha, s, beta = letters
    both = -(r + x) * np.log1p(h / (alpha + T)) - s * np.log1p(h / (beta + T))
    stay = both + _log_rest(_log_leaves_first(letters, x, T + h))
    return np.asarray(np.minimum(np.logaddexp(_log_leaves_first(letters, x, T), stay), 0.0))


def _log_leaves_first(letters: Letters, x: Floats, t: Floats) -> Floats:
    """(n,) log H(t), worked out once for each different (x, t) where t counts whole days and letters are shared."""
    r, alpha, s, beta = letters
    whole, count = t.astype(np.int64), x.astype(np.int64)
    most, counts = int(whole.max(initial=0)) + 1, int(count.max(initial=0)) + 1
    many = x.size >= _CHUNK and counts * most <= 4 * x.size
    if not many or np.ndim(alpha) or np.ndim(beta) or not np.array_equal(whole, t):
        shapes, code = np.unique(r + x, return_inverse=True)
        return np.asarray(log_leaves_first(shapes, code, s, (alpha + t) / (beta + t))[0])
    key = count * most + whole
    seen = np.zeros(counts * most, dtype=np.bool_)
    seen[key] = True
    which, times = np.divmod(np.flatnonzero(seen), most)
    table = np.empty(seen.size)
    shapes = r + np.arange(counts, dtype=np.float64)
    table[seen] = log_leaves_first(shapes, which, s, np.asarray((alpha + times) / (beta + times)))[0]
    return np.asarray(table[key])


def _log_rest(log_chance: Floats) -> Floats:
    # A chance rounded to 1 leaves less than a float can say beside what it is added to.
    return np.asarray(np.log(np.maximum(-np.expm1(log_chance), 1e-300)))


def _log_some(letters: tuple[float, Floats, float, Floats], x: Floats, T: Floats, n: Floats, h: float) -> Floats:
    """(n,) log of the chance of exactly n >= 1 purchases in the next h by somebody still here at T."""
    r, alpha, s, beta = letters
    c, a, b = r + x, alpha + T, beta + T
    log_ways = gammaln(c + n) - gammaln(c) - gammaln(n + 1)
    stayed = log_ways + n * np.log(h / (a + h)) - c * np.log1p(h / a) - s * np.log1p(h / b)
    off, end = np.log(b / a), np.log(h / a)
    parts = [slice(i, i + _CHUNK) for i in range(0, c.size, _CHUNK)]
    left = np.concatenate([_log_hump(c[i], off[i], s, n[i], end[i]) for i in parts])
    return np.asarray(np.logaddexp(stayed, log_ways + np.log(s) - off + left))


def _log_hump(c: Floats, off: Floats, s: float, n: Floats, end: Floats) -> Floats:
    """Log of the integral up to `end` of exp f, f(y) = (n+1) y - (c+n) softplus(y) - (s+1) softplus(y - off).

    y is the log of the time to leaving over alpha + T. f is concave, so Newton from outside closes in on where it
    has fallen by 32 from its top and never steps inside.
    """

    def f(y: Floats) -> Floats:
        return np.asarray((n + 1) * y - (c + n) * np.logaddexp(0, y) - (s + 1) * np.logaddexp(0, y - off))

    def steepness(y: Floats) -> Floats:
        return np.asarray((n + 1) - (c + n) * expit(y) - (s + 1) * expit(y - off))

    middle = np.log(n + 1) - np.log(c + s)  # the top if off were 0; else it lies between this and `off` further
    low, high = middle + np.minimum(off, 0), middle + np.maximum(off, 0)
    for _ in range(20):
        half = (low + high) / 2
        low, high = np.where(steepness(half) > 0, half, low), np.where(steepness(half) > 0, high, half)
    peak = np.minimum((low + high) / 2, end)
    goal = f(peak) - _DEEP
    left = np.minimum(np.minimum(peak, off), 0) - _DEEP
    right = np.maximum(np.maximum(peak, off), 0) + 8 + _DEEP / (c + s)  # 8: by then f falls by c + s a unit
    for _ in range(8):
        left = left + np.maximum(goal - f(left), 0) / steepness(left)
        right = right - np.maximum(goal - f(right), 0) / -steepness(right)
    right = np.minimum(right, end)
    y = ((right + left) / 2)[:, None] + ((right - left) / 2)[:, None] * _NODES
    log_term = (n + 1)[:, None] * y - (c + n)[:, None] * np.logaddexp(0, y)
    log_term -= (s + 1) * np.logaddexp(0, y - off[:, None]) + goal[:, None] + _DEEP
    return np.asarray(goal + _DEEP + np.log(np.exp(log_term) @ _WEIGHTS * (right - left) / 2))
