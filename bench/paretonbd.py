"""Pareto/NBD beside lifetimes on the same simulated buyers: fit, and chance alive plus expected purchases.

    python bench/paretonbd.py [--people 23570 1000000] [--alone 10000000] [--repeats 3] [--lifetimes-all]

Prints medians of wall seconds, how far the parameters agree, the time of BG/NBD and of two covariates on the same
people, and the most memory the process has held. lifetimes runs once a job, and fits the smallest crowd only unless
--lifetimes-all asks for more (minutes at a million). A size under --alone is fitted by us only.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekindle.understand import bgnbd, paretocovariates, paretonbd

Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def simulate(people: int, *, rng: np.random.Generator) -> Columns:
    """Histories at day resolution of buyers like CDNOW's (r .55, alpha 74, s .61, beta 82 days), seen 180-540 days."""
    T = rng.integers(180, 541, people).astype(np.float64)
    scale = 1 / rng.gamma(0.55, 1 / 74, people).clip(1e-9)
    gone = np.minimum(rng.exponential(1 / rng.gamma(0.61, 1 / 82, people).clip(1e-9)), T)
    x, last, now = np.zeros(people), np.zeros(people), np.zeros(people)
    here = np.arange(people)
    while here.size:
        now[here] += np.maximum(1, np.ceil(rng.exponential(scale[here])))
        here = here[now[here] <= gone[here]]
        x[here] += 1
        last[here] = now[here]
    return x, last, T


def timed(job: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and the answer."""
    start = time.perf_counter()
    answer = job()
    return time.perf_counter() - start, answer


def main() -> None:
    """All sizes, one table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, nargs="+", default=[23_570, 1_000_000])
    asked.add_argument("--alone", type=int, nargs="*", default=[10_000_000])
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--lifetimes-all", action="store_true")
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    from lifetimes import ParetoNBDFitter

    warm = simulate(1000, rng=np.random.default_rng(0))  # every library starts warm
    paretonbd.fit(*warm)
    bgnbd.fit(*warm)
    print(f"{'people':>10} {'job':>8} {'rekindle s':>11} {'peer s':>9} {'times':>7}   peer")
    smallest = min(options.people)
    for people in options.people:
        compare(people, options.repeats, ParetoNBDFitter(), fits=options.lifetimes_all or people == smallest)
    for people in options.alone:
        x, t_x, T = simulate(people, rng=np.random.default_rng(20))
        beside_bgnbd(people, x, t_x, T, options.repeats)


def compare(people: int, repeats: int, theirs: Any, *, fits: bool) -> None:
    """Both jobs by both libraries at one size."""
    x, t_x, T = simulate(people, rng=np.random.default_rng(20))
    fit = beside_bgnbd(people, x, t_x, T, repeats)
    if fits:
        ours = [timed(lambda: paretonbd.fit(x, t_x, T)) for _ in range(repeats)]
        show(people, "fit", ours, [timed(lambda: theirs.fit(x, t_x, T))], "lifetimes, one run")
        pairs = ", ".join(f"{k} {v:.4f}/{theirs.params_[k]:.4f}" for k, v in fit.parameters.items())
        print(f"{'':>10} parameters ours/theirs: {pairs}")
    else:
        few = warm_peer(theirs, x, t_x, T)
        print(f"{'':>10} lifetimes was not asked to fit {people:,}; its predictors use {few:,} people's parameters")
    if people <= 100_000:
        with_covariates(people, x, t_x, T, repeats)
    ours = [timed(lambda: predict(fit, x, t_x, T)) for _ in range(repeats)]
    them = [timed(lambda: predict_theirs(theirs, x, t_x, T))]
    show(people, "predict", ours, them, "lifetimes, one run")


def with_covariates(people: int, x: Any, t_x: Any, T: Any, repeats: int) -> None:
    """Two groups, told at random: the cost of two covariates, beside the plain fit."""
    z = np.random.default_rng(21).integers(0, 2, (people, 2))
    job = [timed(lambda: paretocovariates.fit(x, t_x, T, z, names=["a", "b"])) for _ in range(repeats)]
    plain = [timed(lambda: paretonbd.fit(x, t_x, T)) for _ in range(repeats)]
    show(people, "2 covar.", job, plain, "our fit without covariates")


def warm_peer(theirs: Any, x: Any, t_x: Any, T: Any) -> int:
    """Parameters for the other library from the first people."""
    few = min(500, x.size)
    theirs.fit(x[:few], t_x[:few], T[:few])
    return few


def beside_bgnbd(people: int, x: Any, t_x: Any, T: Any, repeats: int) -> paretonbd.ParetoNbd:
    """Our two models in turn on the same people, and the memory so far."""
    ours: list[tuple[float, Any]] = []
    simpler: list[tuple[float, Any]] = []
    for _ in range(repeats):
        ours.append(timed(lambda: paretonbd.fit(x, t_x, T)))
        simpler.append(timed(lambda: bgnbd.fit(x, t_x, T)))
    show(people, "fit", ours, simpler, "our BG/NBD")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'':>10} most memory held so far, the columns themselves included: {peak:.2f} GiB")
    found: paretonbd.ParetoNbd = ours[0][1]
    return found


def predict(fit: paretonbd.ParetoNbd, x: Any, t_x: Any, T: Any) -> None:
    """Chance alive and expected purchases in 90 days for everybody."""
    paretonbd.p_alive(fit, x, t_x, T)
    paretonbd.expected_purchases(fit, x, t_x, T, horizon=90)


def predict_theirs(fit: Any, x: Any, t_x: Any, T: Any) -> None:
    """The same two answers from lifetimes."""
    fit.conditional_probability_alive(x, t_x, T)
    fit.conditional_expected_number_of_purchases_up_to_time(90, x, t_x, T)


def show(people: int, job: str, ours: list[tuple[float, Any]], theirs: list[tuple[float, Any]], peer: str) -> None:
    """One line of medians."""
    us, them = (median(seconds for seconds, _ in runs) for runs in (ours, theirs))
    print(f"{people:>10,} {job:>8} {us:>11.3f} {them:>9.3f} {them / us:>6.1f}x   {peer}")


if __name__ == "__main__":
    main()
