"""Which comes first, the next purchase or leaving: the one integral in Pareto/NBD, to rounding.

    lambda ~ Gamma(c, alpha + t), mu ~ Gamma(s, beta + t): the two rates of somebody still here at age t
    H = E[mu / (lambda + mu)]     the chance that leaving comes first; depends on t by ratio = (alpha+t)/(beta+t) alone
      = s/(s+c)       2F1(1, c;   s+c+1; 1 - 1/ratio)
      = s/(s+c) ratio 2F1(1, s+1; s+c+1; 1 - ratio)

The form whose argument is not positive has a continued fraction of positive terms only (Gauss), so nothing
cancels; at ratio == 1 it is one term, and no branch is needed for alpha == beta. Each level gains the factor
(1 - sqrt q)/(1 + sqrt q), q the ratio or its inverse, whichever is under 1. Where that would take more than 128
levels (q under about 0.02) and 64 do not agree with 128, the chance is a sum over even steps of the logarithm of
the time to leaving.
Source: Gauss (1813) as in DLMF 15.7.5; Trefethen & Weideman (2014), SIAM Review 56(3), for the sum.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rekindle.understand.compression import Floats, Ints

_EXACT = 36.0  # natural digits wanted: exp(-36) is the rounding of a float
_LEVELS = np.array([8, 16, 32, 64, 128])
_SETTLED = 1e-14
_CHUNK = 1 << 14  # so that a pass stays in the processor's cache
_STEP = 0.25  # the integrand is bounded within pi/2 of the real line: error exp(-pi^2 / step), 7e-18
_FAR = 38.0  # exp(-38) is 3e-17


def log_leaves_first(c: Floats, code: Ints, s: float, ratio: Floats, *, slopes: bool = False) -> Floats:
    """Log of the chance that leaving comes before the next purchase.

    c        (k,) the different shapes of the purchase rate, > 0
    code     (n,) which of them each row has
    s        shape of the leaving rate, > 0
    ratio    (n,) (alpha + t) / (beta + t), > 0
    slopes   also give how it changes with c, with s and with log ratio
    Gives (1, n), or (4, n) with slopes.
    """
    found = np.empty((4 if slopes else 1, ratio.size))
    below = ratio <= 1
    root = np.sqrt(np.where(below, ratio, 1 / ratio))
    with np.errstate(divide="ignore"):  # at ratio == 1 every level is exact
        levels = _EXACT / -np.log((1 - root) / (1 + root))
    group = 2 * np.searchsorted(_LEVELS, levels) + below
    for which in np.unique(group):
        depth, is_below = int(which) // 2, bool(which % 2)
        rows = np.flatnonzero(group == which)
        for i in range(0, rows.size, _CHUNK):
            part = rows[i : i + _CHUNK]
            deep = int(_LEVELS[min(depth, _LEVELS.size - 1)])
            if depth == _LEVELS.size:
                slow = _is_slow(c, code[part], s, ratio[part], below=is_below)
                hard, part = part[slow], part[~slow]
                if hard.size:
                    found[:, hard] = _by_sum(c[code[hard]], s, ratio[hard], slopes=slopes)
            if part.size:
                found[:, part] = _by_fraction(c, code[part], s, ratio[part], below=is_below, levels=deep, slopes=slopes)
    return found


def _is_slow(c: Floats, code: Ints, s: float, ratio: Floats, *, below: bool) -> NDArray[np.bool_]:
    # The factor a level is the worst case; where the rates are well known far fewer levels may do.
    deep = int(_LEVELS[-1])
    less, more = (_by_fraction(c, code, s, ratio, below=below, levels=k, slopes=False)[0] for k in (deep // 2, deep))
    return np.asarray(np.abs(less - more) > _SETTLED)


def _by_fraction(c: Floats, code: Ints, s: float, ratio: Floats, *, below: bool, levels: int, slopes: bool) -> Floats:
    """F = 1/(1 - k1 z/(1 - k2 z/(1 - ...))) from its far end, with its slopes in b, m = s + c and z alongside."""
    b, m = (c if below else np.full_like(c, s + 1)), s + c
    z = 1 - 1 / ratio if below else 1 - ratio
    f = np.ones_like(ratio)
    f_b, f_m, f_z = np.zeros((3, ratio.size))
    for k, k_b, k_m in _coefficients(levels, b, m, slopes=slopes):
        own = k[code]
        over = z / f
        if slopes:
            back = own * over / f
            f_b = back * f_b - k_b[code] * over
            f_m = back * f_m - k_m[code] * over
            f_z = back * f_z - own / f
        f = 1 - own * over
    own_m = m[code]
    value = np.log(s) - np.log(own_m) - np.log(f)
    if not slopes:
        return np.asarray(value if below else value + np.log(ratio))[None]
    by_b, by_m, by_z = -f_b / f, -f_m / f - 1 / own_m, -f_z / f
    if below:
        return np.stack([value, by_b + by_m, 1 / s + by_m, by_z / ratio])
    return np.stack([value + np.log(ratio), by_m, 1 / s + by_b + by_m, 1 - by_z * ratio])


def _coefficients(levels: int, b: Floats, m: Floats, *, slopes: bool) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Each level's coefficient in the fraction of 2F1(1, b; m+1; z), and its slopes in b and m, the last level first.

    Made for many levels at once: there may be a hundred for a single row. Without `slopes` theirs are not made.
    """
    at_once = max(2, _CHUNK // b.size)
    for top in range(levels, 0, -at_once):
        level = np.arange(top, max(top - at_once, 0), -1)
        k = np.empty((level.size, b.size))
        k_b, k_m = (np.empty_like(k), np.empty_like(k)) if slopes else (k, k)
        odd = level % 2 == 1
        n = (level[odd] // 2)[:, None]
        below = (m + 2 * n) * (m + 2 * n + 1)
        per = (m + n) / below
        k[odd] = per * (b + n)
        if slopes:
            k_b[odd] = per
            k_m[odd] = k[odd] * (1 / (m + n) - 1 / (m + 2 * n) - 1 / (m + 2 * n + 1))
        n = (level[~odd] // 2)[:, None]
        first, second = m + 2 * n - 1, m + 2 * n
        per = n / (first * second)
        k[~odd] = per * (m - b + n)
        if slopes:
            k_b[~odd] = -per
            k_m[~odd] = per - k[~odd] * (1 / first + 1 / second)
        yield from zip(k, k_b, k_m, strict=True)


def _by_sum(c: Floats, s: float, ratio: Floats, *, slopes: bool) -> Floats:
    """s times the integral of e^y (1 + e^y/ratio)^-c (1 + e^y)^-(s+1) over all y, by the trapezoid rule.

    Right of y = 38 (and of log ratio + 38) the terms are a geometric series, added in closed form.
    """
    log_ratio, kappa = np.log(ratio), c + s
    start = -np.log(c / ratio + s + 1) - _FAR
    end = np.maximum(log_ratio, 0) + _FAR
    steps = int(np.ceil((end - start).max() / _STEP))
    walk = _STEP * np.arange(steps + 1)
    found = np.empty((4 if slopes else 1, c.size))
    rows = max(1, (1 << 16) // steps)
    for i in range(0, c.size, rows):
        part = slice(i, i + rows)
        u = np.exp(start[part])[:, None] * np.exp(walk)
        share = u / ratio[part, None]
        buy, leave = np.log1p(share), np.log1p(u)
        log_term = start[part, None] + walk - c[part, None] * buy - (s + 1) * leave
        top = log_term.max(axis=1, keepdims=True)
        term = np.exp(log_term - top)
        last, shrink = term[:, -1], -np.expm1(-kappa[part] * _STEP)
        rest = last * (1 - shrink) / shrink
        total = term.sum(axis=1) + rest
        found[0, part] = np.log(s * _STEP) + top[:, 0] + np.log(total)
        if slopes:
            tail = _STEP * rest / shrink  # the rest times how far along it lies on average
            by_c = np.einsum("ij,ij->i", term, buy) + rest * buy[:, -1] + tail
            by_s = np.einsum("ij,ij->i", term, leave) + rest * leave[:, -1] + tail
            by_ratio = np.einsum("ij,ij->i", term, share / (1 + share)) + rest
            found[1, part], found[2, part] = -by_c / total, 1 / s - by_s / total
            found[3, part] = c[part] * by_ratio / total
    return found
