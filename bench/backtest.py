"""A backtest of every model and baseline over four quarters, beside lifetimes doing BG/NBD alone at the same cutoffs.

    python bench/backtest.py [--people 20000 100000] [--repeats 3]

Ours: every day with a purchase in, five models and two baselines fitted and scored at four cutoffs, out comes the
whole document. Theirs: summary of the histories, BG/NBD fit, expected purchases and their mean absolute error at
the same four cutoffs; no other model, no baseline, no chance, no calibration. Prints medians of wall seconds of both in
turn in one process, and both mean absolute errors of BG/NBD. lifetimes runs once above 50,000 people.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

import numpy as np

from rekindle.understand.backtest import Backtest, backtest
from rekindle.understand.origins import EPOCH, PurchaseDays

DAYS, HORIZON = 720, 90
CUTOFFS = tuple(DAYS - HORIZON * back for back in (4, 3, 2, 1))


def simulate(people: int, *, rng: np.random.Generator) -> PurchaseDays:
    """Days with a purchase of buyers like CDNOW's (r .25, alpha 31 days, a .8, b 2.4) who come all the time."""
    now = np.floor(rng.random(people) * DAYS)
    pace = 1 / np.maximum(rng.gamma(0.25, 1 / 31, people), 1e-9)
    leave = rng.beta(0.8, 2.4, people)
    party, day, here = [], [], np.arange(people)
    while here.size:
        party.append(here)
        day.append(now[here].astype(np.int64))
        now[here] += np.maximum(1, np.ceil(rng.exponential(pace[here])))
        here = here[(now[here] < DAYS) & (rng.random(here.size) >= leave[here])]
    who, when = np.concatenate(party), np.concatenate(day)
    order = np.lexsort((when, who))
    return PurchaseDays(who[order], when[order])


def ours(days: PurchaseDays) -> Backtest:
    """The whole backtest."""
    found = [days.origin(EPOCH + timedelta(days=day), horizon_days=HORIZON) for day in CUTOFFS]
    return backtest(found, horizon_days=HORIZON)


def theirs(table: Any) -> float:
    """BG/NBD by lifetimes at the same cutoffs; its mean absolute error over them."""
    import pandas as pd
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import summary_data_from_transaction_data

    errors = []
    for day in CUTOFFS:
        start, end = (pd.Timestamp(EPOCH) + pd.Timedelta(days=d) for d in (day, day + HORIZON))
        told = summary_data_from_transaction_data(table, "who", "when", observation_period_end=start)
        known = (told["frequency"], told["recency"], told["T"])
        fit = BetaGeoFitter().fit(*known)
        expected = fit.conditional_expected_number_of_purchases_up_to_time(HORIZON, *known)
        after = table[(table["when"] > start) & (table["when"] <= end)].groupby("who").size()
        errors.append(float(np.abs(expected - after.reindex(told.index, fill_value=0)).mean()))
    return float(np.mean(errors))


def timed(job: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and the answer."""
    start = time.perf_counter()
    answer = job()
    return time.perf_counter() - start, answer


def main() -> None:
    """Each size, both, one table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, nargs="+", default=[20_000, 100_000])
    asked.add_argument("--repeats", type=int, default=3)
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    import pandas as pd

    ours(simulate(2000, rng=np.random.default_rng(0)))  # both start warm
    print(f"{'people':>10} {'days':>10} {'rekindle s':>11} {'lifetimes s':>12}   BG/NBD mean absolute error")
    for people in options.people:
        days = simulate(people, rng=np.random.default_rng(20))
        when = pd.to_datetime(pd.Timestamp(EPOCH)) + pd.to_timedelta(days.day, unit="D")
        table = pd.DataFrame({"who": days.party, "when": when})
        us, them = [], []
        for i in range(options.repeats):
            us.append(timed(lambda days=days: ours(days)))
            if i == 0 or people <= 50_000:
                them.append(timed(lambda table=table: theirs(table)))
        mae = next(s for s in us[0][1].standings if s.model == "bgnbd").mean["mae"]
        seconds = [median(second for second, _ in runs) for runs in (us, them)]
        print(
            f"{people:>10,} {days.day.size:>10,} {seconds[0]:>11.2f} {seconds[1]:>12.2f}   {mae:.5f} / {them[0][1]:.5f}"
        )


if __name__ == "__main__":
    main()
