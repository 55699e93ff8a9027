"""Pauses of k silent steps: a purchase is the last of k steps, each as unpredictable as a coin in the dark.

    pause ~ Gamma(shape k, rate lambda), so k = 1 is chance alone and a large k a clock
    lambda ~ Gamma(n, w) after w of waiting: steps in a further s follow NB(n, z), z = s / (w + s)
    P(silent through s) = P(NB(n, z) <= k - 1) = (1 - z)^n W,   W = sum over j < k of C(n+j-1, j) z^j
    step j of k is where a silent person stands, with chance C(n+j-1, j) z^j / W

Source: Platzer & Reutterer (2016), "Ticking Away the Moments: Timing Regularity Helps to Better Predict Customer
Activity", Marketing Science 35(5), 779-799. The sum W and the mean below are our own way of writing them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rekindle.understand.betanodes import beta_nodes
from rekindle.understand.compression import Floats

_SIZES = (8, 16, 32, 64, 128, 256)
_EXACT = 13.0  # as in `betanodes`: natural digits per end
_CHUNK = 1 << 19
_LEAST = 1e-200  # a chance of leaving under it changes no double
_SMALL = 1e-4  # under it three terms of a series are exact and the quotient is not


def log_steps(k: int, n: Floats, z: Floats) -> Floats:
    """(m,) log W."""
    term, total = np.ones_like(z), np.ones_like(z)
    for j in range(1, k):
        term = term * ((n + (j - 1)) * z / j)
        total += term
    return np.asarray(np.log(total))


def log_steps_with_slopes(k: int, n: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """(m,) each: log W, its slope in n, and z times its slope in z."""
    term, total = np.ones_like(z), np.ones_like(z)
    by_n, all_by_n, by_z = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    for j in range(1, k):
        by_n = (by_n * (n + (j - 1)) + term) * z / j
        term = term * ((n + (j - 1)) * z / j)
        total += term
        all_by_n += by_n
        by_z += j * term
    return np.log(total), all_by_n / total, by_z / total


def step_chances(k: int, n: Floats, z: Floats) -> Floats:
    """(k, m) chance that a silent person stands at step 0, 1, .. k - 1."""
    found = np.ones((k, z.size))
    for j in range(1, k):
        found[j] = found[j - 1] * ((n + (j - 1)) * z / j)
    return np.asarray(found / found.sum(axis=0))


def mean_purchases(k: int, a: float, b: float, *, r: float, x: Floats, z: Floats, scale: Floats) -> Floats:
    """(m,) purchases to expect of somebody still here, who may leave after each: exact, without simulation.

    b          coins survived at x = 0: p ~ Beta(a, b + x)
    z, scale   (m,) silence / (alpha + T), horizon / (alpha + T) > 0
    The mean of (1 - E[q^N | p]) / p over p, q = 1 - p, by Gauss-Jacobi nodes. With M steps from step j there are
    N = floor((j + M)/k) purchases, and with u_l the k-th roots of q
        q^floor(i/k) = sum over l of c_l u_l^i,   c_l = (1 - 1/q) / (k (1 - 1/u_l))
    so the mean is a sum of k terms (1 + scale (1 - u))^-n, as for k = 1. The positive root is taken from 1 first,
    which keeps every digit when p is near 0.
    """
    result = np.empty(x.size)
    n = r + k * x
    digits = 2 * np.arcsinh(np.sqrt(np.expm1(np.minimum(k * np.log1p(1 / scale), 500))))
    wanted = np.searchsorted(np.array(_SIZES), _EXACT / digits * (1 + 0.25 * np.log1p(x)))
    wanted = np.minimum(wanted, len(_SIZES) - 1)
    for level in np.unique(wanted):
        rows = np.flatnonzero(wanted == level)
        xs, which = np.unique(x[rows], return_inverse=True)
        size = _SIZES[level]
        step = max(1, (1 << 21) // (size * size))
        rules = [beta_nodes(a, b + xs[i : i + step], size=size) for i in range(0, xs.size, step)]
        nodes, weights = (np.concatenate([rule[part] for rule in rules]) for part in (0, 1))
        for i in range(0, rows.size, _CHUNK // size):
            part = slice(i, i + _CHUNK // size)
            here = rows[part]
            p = np.clip(nodes[which[part]], _LEAST, 1 - 1e-15)
            share = _given_leaving(k, p, n[here], step_chances(k, n[here], z[here]), scale[here])
            result[here] = np.einsum("ij,ij->i", share, weights[which[part]])
    return result


def _given_leaving(k: int, p: Floats, n: Floats, at: Floats, scale: Floats) -> Floats:
    """(m, size) the mean for each chance of leaving p (m, size); n, scale (m,), at (k, m) chances of steps."""
    shape, reach = n[:, None], scale[:, None]
    log_q = np.log1p(-p)
    miss = -np.expm1(log_q / k)  # 1 - the positive root
    power = -shape * np.log1p(reach * miss)
    if k == 1:
        return np.asarray(-np.expm1(power) / p)
    first = np.expm1(_log_first(k, p, log_q, miss) + power)
    onward = np.expm1(log_q / k - np.log1p(reach * miss))
    behind, moved = np.zeros_like(p), np.zeros_like(p)
    for j in range(1, k):
        moved = moved + onward + moved * onward
        behind += at[j][:, None] * moved
    result = -(first + behind + first * behind) / p
    for turn in range(1, k // 2 + 1):
        share = _of_root(k, turn, log_q, shape, at, reach)
        result += share if 2 * turn == k else 2 * share  # the root and its mirror image
    return np.asarray(result)


def _log_first(k: int, p: Floats, log_q: Floats, miss: Floats) -> Floats:
    """(m, size) log c_0 = log(p / (k miss)) - (1 - 1/k) log q, which is about p (1 - 1/k) / 2."""
    e = 1 / k
    series = p * ((1 - e) / 2 + p * ((1 - e) * (2 - e) / 6 + p * (1 - e) * (2 - e) * (3 - e) / 24))
    ratio = np.where(p < _SMALL, -np.log1p(series), np.log(p / (k * miss)))
    return np.asarray(ratio - (1 - e) * log_q)


def _of_root(k: int, turn: int, log_q: Floats, shape: Floats, at: Floats, reach: Floats) -> Floats:
    """(m, size) real part of one other root's term, already divided by p."""
    root: NDArray[np.complex128] = np.exp(log_q / k) * np.exp(2j * np.pi * turn / k)
    spread = 1 + reach * (1 - root)
    power = np.exp(-shape * np.log(spread))
    ratio = root / spread
    total = np.zeros_like(root) + at[k - 1][:, None]
    for j in range(k - 2, -1, -1):
        total = total * ratio + at[j][:, None]
    return np.asarray((root / (root - 1) * total * power).real * np.exp(-log_q) / k)
