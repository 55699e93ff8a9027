"""How many ended by each cause within so many days, when the causes compete for the same lives.

    S(t)     share of lives still going on, Kaplan & Meier over ends by any cause
    F_c(t)   sum over days s <= t of S(s-) d_c(s) / n(s): ended by cause c within t days (Aalen & Johansen)
    S(t) + sum of F_c(t) == 1

d_c(s) lives ended by c after s days, n(s) lives seen going on just before. One minus Kaplan-Meier of a single cause,
with the others taken for lives merely lost from sight, would count people who can no longer leave by it.
Variance: Marubini & Valsecchi (1995), Analysing Survival Data, section 10.2.5 (delta method). The band is on the
log(-log) scale, so it never leaves [0, 1].
Source: Aalen & Johansen (1978), Scandinavian Journal of Statistics 5, 141-150.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.survival import Z_80


@dataclass(frozen=True)
class Incidence:
    """days (k,) as asked; share, low, high (k, c) ended by each cause by then; still_here (k,)."""

    days: Ints
    share: Floats
    low: Floats
    high: Floats
    still_here: Floats
    causes: tuple[str, ...]


def incidence(lasted: ArrayLike, cause: ArrayLike, *, causes: Sequence[str], days: ArrayLike) -> Incidence:
    """Shares of lives ended by each cause, with their 80 % intervals.

    lasted  (n,) days from the beginning to the end, or to today where the life goes on, >= 0
    cause   (n,) 0 while the life goes on, else 1 + the place in `causes`
    days    (k,) days since the beginning to tell the shares at, >= 0
    Raises BadInput for no rows, a negative duration or an unknown cause, naming the row.
    """
    duration, code = np.asarray(lasted, dtype=np.int64), np.asarray(cause, dtype=np.int64)
    asked = np.atleast_1d(np.asarray(days, dtype=np.int64))
    if not duration.size or duration.shape != code.shape:
        raise BadInput(f"{duration.size} durations and {code.size} causes", where="incidence")
    bad = np.flatnonzero((duration < 0) | (code < 0) | (code > len(causes)))
    if bad.size:
        row = int(bad[0])
        raise BadInput(f"lasted {duration[row]} days, cause {code[row]}", where=f"row {row}", remedy="Check its dates.")
    times, place = np.unique(duration, return_inverse=True)
    leaving = np.bincount(place, minlength=times.size)
    ended = np.column_stack(
        [np.bincount(place[code == k], minlength=times.size) for k in range(1, len(causes) + 1)]
    ).astype(np.float64)
    at_risk = (duration.size - np.concatenate(([0], np.cumsum(leaving)[:-1]))).astype(np.float64)
    over = ended.sum(axis=1)
    stay = np.cumprod(1 - over / at_risk)
    before = np.concatenate(([1.0], stay[:-1]))
    grown = np.cumsum(before[:, None] * ended / at_risk[:, None], axis=0)
    at = np.searchsorted(times, asked, side="right")
    share = np.clip(np.vstack([np.zeros(len(causes)), grown])[at], 0.0, 1.0)
    error = np.sqrt(np.maximum(_variance(grown, before, ended, over, at_risk, share, at), 0.0))
    low, high = _band(share, error)
    return Incidence(asked, share, low, high, np.concatenate(([1.0], stay))[at], tuple(causes))


def _variance(
    grown: Floats, before: Floats, ended: Floats, over: Floats, at_risk: Floats, share: Floats, at: Ints
) -> Floats:
    """(k, c) by the delta method, every sum over times split so that it is a running sum.

    With G(s) = F(t) - F(s): sum of G^2 u + sum of v - 2 sum of G w, where u, v, w do not know t.
    """
    # Where all who are left end on one day G is 0 ever after, so the term without bound does not count.
    u = np.divide(over, at_risk * (at_risk - over), out=np.zeros_like(over), where=at_risk > over)[:, None]
    v = before[:, None] ** 2 * ended * (at_risk[:, None] - ended) / at_risk[:, None] ** 3
    w = before[:, None] * ended / at_risk[:, None] ** 2

    def running(values: Floats) -> Floats:
        summed = np.cumsum(np.broadcast_to(values, grown.shape), axis=0)
        return np.asarray(np.vstack([np.zeros(grown.shape[1]), summed])[at])

    squares = share**2 * running(u) - 2 * share * running(u * grown) + running(u * grown**2)
    return squares + running(v) - 2 * (share * running(w) - running(w * grown))


def _band(share: Floats, error: Floats) -> tuple[Floats, Floats]:
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    spread = Z_80 * error / (safe * np.abs(np.log(safe)))
    low, high = safe ** np.exp(spread), safe ** np.exp(-spread)
    return np.where(inside, low, share), np.where(inside, high, share)
