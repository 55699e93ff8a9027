"""BG/NBD beside lifetimes on the same simulated buyers: fit, and chance alive plus expected purchases.

    python bench/bgnbd.py [--people 23570 1000000] [--alone 10000000] [--repeats 3]

Prints medians of wall seconds, ours and theirs taken in turn in one process, how far the parameters agree, and the
most memory the process has held. lifetimes runs once at a million people (about ten seconds); a size under --alone is
fitted by us only.
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

from rekindle.understand import bgnbd

Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def simulate(people: int, *, rng: np.random.Generator) -> Columns:
    """Histories at day resolution of buyers like CDNOW's (r .25, alpha 31 days, a .8, b 2.4), seen 1-540 days."""
    T = rng.integers(180, 541, people).astype(np.float64)
    rate = rng.gamma(0.25, 1 / 31, people)
    leave = rng.beta(0.8, 2.4, people)
    x, last, now = np.zeros(people), np.zeros(people), np.zeros(people)
    here = np.arange(people)
    while here.size:
        now[here] += np.maximum(1, np.ceil(rng.exponential(1 / np.maximum(rate[here], 1e-9))))
        here = here[now[here] <= T[here]]
        x[here] += 1
        last[here] = now[here]
        here = here[rng.random(here.size) >= leave[here]]
    return x, last, T


def timed(job: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and the answer."""
    start = time.perf_counter()
    answer = job()
    return time.perf_counter() - start, answer


def main() -> None:
    """Both sizes, both libraries, one table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, nargs="+", default=[23_570, 1_000_000])
    asked.add_argument("--alone", type=int, nargs="*", default=[10_000_000])
    asked.add_argument("--repeats", type=int, default=3)
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter

    bgnbd.fit(*simulate(1000, rng=np.random.default_rng(0)))  # both libraries start warm
    print(f"{'people':>10} {'job':>8} {'rekindle s':>11} {'lifetimes s':>12} {'times':>7}")
    for people in options.people:
        compare(people, options.repeats, BetaGeoFitter())
    for people in options.alone:
        columns = simulate(people, rng=np.random.default_rng(20))
        before = held()
        ours = [timed(lambda columns=columns: bgnbd.fit(*columns)) for _ in range(options.repeats)]
        print(f"{people:>10,} {'fit':>8} {median(seconds for seconds, _ in ours):>11.3f} {'not asked':>12}")
        print(f"{'':>10} most memory held: {before:.2f} GiB before the fit, {held():.2f} GiB after")


def held() -> float:
    """Most memory the process has held so far, the columns themselves included, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def compare(people: int, repeats: int, theirs: Any) -> None:
    """Both jobs by both libraries at one size."""
    x, t_x, T = simulate(people, rng=np.random.default_rng(20))
    theirs.fit(x[:1000], t_x[:1000], T[:1000])
    fewer = repeats if people < 500_000 else 1
    ours, them = [], []
    for i in range(repeats):
        ours.append(timed(lambda: bgnbd.fit(x, t_x, T)))
        if i < fewer:
            them.append(timed(lambda: theirs.fit(x, t_x, T)))
    show(people, "fit", ours, them)
    fit = ours[0][1]
    ours = [timed(lambda: predict(fit, x, t_x, T)) for _ in range(repeats)]
    them = [timed(lambda: predict_theirs(theirs, x, t_x, T)) for _ in range(fewer)]
    show(people, "predict", ours, them)
    pairs = ", ".join(f"{k} {fit.parameters[k]:.4f}/{theirs.params_[k]:.4f}" for k in fit.parameters)
    print(f"{'':>10} parameters ours/theirs: {pairs}; most memory held so far {held():.2f} GiB")


def predict(fit: bgnbd.BgNbd, x: Any, t_x: Any, T: Any) -> None:
    """Chance alive and expected purchases in 90 days for everybody."""
    bgnbd.p_alive(fit, x, t_x, T)
    bgnbd.expected_purchases(fit, x, t_x, T, horizon=90)


def predict_theirs(fit: Any, x: Any, t_x: Any, T: Any) -> None:
    """The same two answers from lifetimes."""
    fit.conditional_probability_alive(x, t_x, T)
    fit.conditional_expected_number_of_purchases_up_to_time(90, x, t_x, T)


def show(people: int, job: str, ours: list[tuple[float, Any]], theirs: list[tuple[float, Any]]) -> None:
    """One line of medians."""
    us, them = (median(seconds for seconds, _ in runs) for runs in (ours, theirs))
    print(f"{people:>10,} {job:>8} {us:>11.3f} {them:>12.3f} {them / us:>6.1f}x")


if __name__ == "__main__":
    main()
