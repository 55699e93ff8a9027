"""Contracts and opportunities: sBG, BdW and BG/BB on simulated people, beside a floor or a peer in the same run.

    python bench/contracts.py [--lives 1000000 10000000] [--people 1000000] [--repeats 3]

Prints medians of wall seconds, taken in turn in one process, and the peak memory of our side.
  fit contracts   beside the floor (counting the lives once, which nothing can do without) and beside the plain way
                  (scipy's L-BFGS-B on the likelihood of every life), which runs on 100,000 of them
  value           beside one look-up a person in a ready table
  fit BG/BB       ours on all rows; lifetimes on the collapsed table with weights, its best case
  predict BG/BB   chance alive and expected transactions on all rows, both
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
import tracemalloc
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln

from rekindle.understand import bdw, bgbb, sbg

Ints = NDArray[np.int64]


def simulate_lives(people: int, *, rng: np.random.Generator) -> tuple[Ints, NDArray[np.bool_]]:
    """Tenure and whether it is over, of monthly contracts begun over five years (alpha .7, beta 6)."""
    there = rng.integers(1, 61, people)
    end = rng.geometric(np.maximum(rng.beta(0.7, 6.0, people), 1e-12))
    return np.minimum(end, there), end <= there


def simulate_takers(people: int, most: int, *, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """x, t_x, n of people like the paper's donors, after half of `most` opportunities or more."""
    n = rng.integers(most // 2, most + 1, people)
    taking = rng.beta(1.2, 0.75, people)
    here = np.minimum(rng.geometric(np.maximum(rng.beta(0.66, 2.8, people), 1e-12)) - 1, n)
    x, last = np.zeros(people, dtype=np.int64), np.zeros(people, dtype=np.int64)
    for j in range(1, most + 1):
        taken = (j <= here) & (rng.random(people) < taking)
        x += taken
        last[taken] = j
    return x, last, n


def medians(jobs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median wall seconds of each job, taken in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(taken) for name, taken in seconds.items()}


def peak_megabytes(job: Callable[[], Any]) -> float:
    """Most memory taken at once by the job itself."""
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def plain_fit(tenure: Ints, over: NDArray[np.bool_]) -> Any:
    """sBG by the likelihood of every life, as it is written in the paper."""

    def negative(log_parameters: NDArray[np.float64]) -> float:
        a, b = np.exp(log_parameters)
        logs = np.where(over, betaln(a + 1, b + tenure - 1), betaln(a, b + tenure)) - betaln(a, b)
        return -float(logs.mean())

    return minimize(negative, np.zeros(2), method="L-BFGS-B")


def contracts(people: int, repeats: int) -> None:
    """Fit and value of contracts."""
    tenure, over = simulate_lives(people, rng=np.random.default_rng(20))
    some = slice(100_000)
    jobs: dict[str, Callable[[], Any]] = {
        "sBG fit": lambda: sbg.fit_lives(tenure, over),
        "BdW fit": lambda: bdw.fit_lives(tenure, over),
        "floor: count lives": lambda: (np.bincount(tenure), np.bincount(tenure[over])),
        "plain sBG on 100,000": lambda: plain_fit(tenure[some], over[some]),
    }
    show(people, medians(jobs, repeats))
    fit, clocked = sbg.fit_lives(tenure, over), bdw.fit_lives(tenure, over)
    table = np.random.default_rng(0).random(61)
    values: dict[str, Callable[[], Any]] = {
        "sBG value": lambda: sbg.renewal_value(fit, tenure, value=12.0, discount=0.01),
        "BdW value": lambda: bdw.renewal_value(clocked, tenure, value=12.0, discount=0.01),
        "floor: one look-up": lambda: table[tenure] * 12.0,
    }
    show(people, medians(values, repeats))
    print(f"{'':>11} sBG {letters(fit.parameters)}; BdW {letters(clocked.parameters)}; simulated .7, 6, 1")
    print(f"{'':>11} peak memory: BdW fit {peak_megabytes(jobs['BdW fit']):.0f} MB,", end=" ")
    print(f"value {peak_megabytes(values['BdW value']):.0f} MB")


def opportunities(people: int, most: int, repeats: int, theirs: Any) -> None:
    """Fit and prediction of opportunities, beside lifetimes."""
    import pandas as pd
    from lifetimes.utils import ConvergenceError

    x, t_x, n = simulate_takers(people, most, rng=np.random.default_rng(21))
    rows, weights = np.unique(np.stack([x, t_x, n]), axis=1, return_counts=True)
    found = medians({"BG/BB fit": lambda: bgbb.fit(x, t_x, n)}, repeats)
    fit, told = bgbb.fit(x, t_x, n), ""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found |= medians({"lifetimes, collapsed": lambda: theirs.fit(*rows, weights=weights)}, 1)
    except ConvergenceError:
        told = " (did not converge: predicts with ours)"
        theirs.params_ = pd.Series(fit.parameters)

    def predict() -> None:
        bgbb.p_alive(fit, x, t_x, n)
        bgbb.expected_transactions(fit, x, t_x, n, horizon=12)

    def predict_theirs() -> None:
        theirs.conditional_probability_alive(0, x, t_x, n)
        theirs.conditional_expected_number_of_purchases_up_to_time(12, x, t_x, n)

    found |= medians({"BG/BB predict": predict}, repeats) | medians({"lifetimes predict": predict_theirs}, 1)
    print(f"{most} opportunities, {weights.size:,} different histories")
    show(people, found)
    print(f"{'':>11} ours {letters(fit.parameters)}; theirs {letters(dict(theirs.params_))}{told}")
    print(f"{'':>11} peak memory: fit {peak_megabytes(lambda: bgbb.fit(x, t_x, n)):.0f} MB,", end=" ")
    print(f"predict {peak_megabytes(predict):.0f} MB")


def letters(parameters: dict[str, float]) -> str:
    """Parameters on one line."""
    return " ".join(f"{name} {value:.3f}" for name, value in parameters.items())


def show(people: int, found: dict[str, float]) -> None:
    """A line for each job."""
    for name, seconds in found.items():
        print(f"{people:>11,} {name:<22} {seconds:>9.4f} s")


def main() -> None:
    """Both kinds, one table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--lives", type=int, nargs="+", default=[1_000_000, 10_000_000])
    asked.add_argument("--people", type=int, default=1_000_000)
    asked.add_argument("--repeats", type=int, default=3)
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoBetaBinomFitter

    for lives in options.lives:
        contracts(lives, options.repeats)
    for most in (6, 52):
        opportunities(options.people, most, options.repeats, BetaGeoBetaBinomFitter())


if __name__ == "__main__":
    main()
