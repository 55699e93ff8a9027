"""Simulated buyers with a rhythm, and ones who leave at any moment, with their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Buyers:
    """Histories, the sum of log pauses, what came after, and each person's own rate and chance or rate of leaving."""

    x: Floats
    t_x: Floats
    T: Floats
    sum_log_gaps: Floats
    after: Floats
    rate: Floats
    leave: Floats


def with_a_rhythm(
    n: int, *, k: int, seed: int, horizon: float, letters: tuple[float, float, float, float] = (1.5, 40.0, 0.8, 2.4)
) -> Buyers:
    """MBG/CNBD-k; alpha is told a purchase, so that steps come k times as fast. `rate` is that of steps."""
    r, alpha, a, b = letters
    rng = np.random.default_rng(seed)
    T = rng.uniform(180, 540, n)
    rate, leave = rng.gamma(r, 1 / alpha, n) * k, rng.beta(a, b, n)
    x, t_x, now, logs, after = (np.zeros(n) for _ in range(5))
    here = np.flatnonzero(rng.random(n) >= leave)
    while here.size:
        pause = rng.gamma(k, 1 / np.maximum(rate[here], 1e-12))
        now[here] += pause
        inside = now[here] <= T[here] + horizon
        here, pause = here[inside], pause[inside]
        past = now[here] <= T[here]
        x[here[past]] += 1
        t_x[here[past]] = now[here[past]]
        logs[here[past]] += np.log(pause[past])
        after[here[~past]] += 1
        here = here[rng.random(here.size) >= leave[here]]
    return Buyers(x, t_x, T, logs, after, rate, leave)


def leaving_any_time(
    n: int, *, seed: int, horizon: float, letters: tuple[float, float, float, float] = (1.5, 20.0, 1.5, 400.0)
) -> Buyers:
    """Pareto/NBD."""
    r, alpha, s, beta = letters
    rng = np.random.default_rng(seed)
    T = rng.uniform(180, 540, n)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
    gone = rng.exponential(1 / np.maximum(leave, 1e-12))
    seen, later = np.minimum(gone, T), np.clip(gone - T, 0, horizon)
    x = rng.poisson(rate * seen).astype(float)
    # The last of x moments spread evenly is the largest of x uniforms.
    t_x = np.where(x > 0, seen * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return Buyers(x, t_x, T, np.zeros(n), rng.poisson(rate * later).astype(float), rate, leave)
