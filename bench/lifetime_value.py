"""Lifetime value of a million people: still here, expected purchases, value and its range, beside a floor.

    python bench/lifetime_value.py [--people 1000000] [--repeats 3] [--endless]

The floor is the least any engine does in NumPy: one chance alive for each row, one expectation by the plain formula at
a coin of one and the same bias (no averaging over people's own), times the Gamma-Gamma mean; no horizon is discounted
and there is no range. Prints medians of wall seconds taken in turn in one process, and the peak of memory.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bgnbd import Columns, simulate, timed

from rekindle.understand import gammagamma, mbgcnbd, mbgnbd
from rekindle.understand.lifetime_value import bootstrapped, lifetime_value

ASKED = {"discount_rate_per_year": 0.1, "margin": 0.3}


def main() -> None:
    """One table: the floor, ours over a year and three, and what is slower."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=1_000_000)
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--endless", action="store_true", help="also without end, with a rhythm, and by reweighting")
    options = asked.parse_args()
    columns = simulate(options.people, rng=np.random.default_rng(20))
    means = mean_values(columns[0], rng=np.random.default_rng(21))
    fit = mbgnbd.fit(*columns)
    repeat = columns[0] > 0
    spend = gammagamma.fit(columns[0][repeat], means[repeat])
    jobs: dict[str, Callable[[], Any]] = {
        "floor: no mean over people, no range": lambda: floor(fit, spend, *columns, means),
        "MBG/NBD, one year, with range": lambda: lifetime_value(fit, spend, *columns, means, horizon_days=365, **ASKED),
        "MBG/NBD, three years, with range": lambda: lifetime_value(
            fit, spend, *columns, means, horizon_days=1095, **ASKED
        ),
    }
    if options.endless:
        regular = mbgcnbd.fit(*columns, k=2)
        jobs |= {
            "MBG/NBD, without end, with range": lambda: lifetime_value(
                fit, spend, *columns, means, horizon_days=None, **ASKED
            ),
            "MBG/CNBD-2, one year, with range": lambda: lifetime_value(
                regular, spend, *columns, means, horizon_days=365, **ASKED
            ),
            "20 reweighted fits of MBG/NBD": lambda: bootstrapped(mbgnbd.fit, *columns, seed=1),
            "fit of MBG/CNBD-2": lambda: mbgcnbd.fit(*columns, k=2),
        }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(options.repeats):
        for name, job in jobs.items():
            seconds[name].append(timed(job)[0])
    print(f"{options.people:,} people, {np.unique(np.stack(columns), axis=1).shape[1]:,} different histories")
    for name, runs in seconds.items():
        print(f"{name:<40} {median(runs):>8.3f} s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def mean_values(x: NDArray[np.float64], *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Mean value of the repeat purchases by Gamma-Gamma (p 6.25, q 3.74, v 1545); NaN where there is none."""
    own = rng.gamma(3.74, 1 / 1545, x.size)
    total = rng.gamma(6.25 * np.maximum(x, 1), 1 / own)
    return np.where(x > 0, total / np.maximum(x, 1), np.nan)


def floor(fit: mbgnbd.MbgNbd, spend: gammagamma.GammaGamma, x: Any, t_x: Any, T: Any, means: Any) -> Columns:
    """Chance alive, expected purchases in a year were every coin alike, and their value."""
    r, alpha, a, b = fit.letters
    alive = mbgnbd.p_alive(fit, x, t_x, T)
    coin = a / (a + b + x + 1)
    expected = alive * -np.expm1(-(r + x) * np.log1p(coin * 365 / (alpha + T))) / coin
    return alive, expected, expected * gammagamma.expected_value(spend, x, means)


if __name__ == "__main__":
    main()
