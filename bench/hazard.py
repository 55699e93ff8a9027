"""The hazard of ending: a million person-periods by the clock, and real people held out.

    python bench/hazard.py [--rows 1000000] [--seeds 5] [--data FOLDER] [--threads 1]

Speed: rows built from lives, one fit by three causes, one score of every row; beside it LightGBM alone (three plain
trainings with the same settings on the same rows, no held-out slice, no calibration), in turn in one process.
Held out: Telco and gym in five parts by seed; each part is told by a fit that never saw it (calibration included).
Beside it a logistic regression (text as one column a level, numbers standardised) and the plain guess, same parts.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rekindle.understand import calibration, hazard, tree_columns
from rekindle.understand.person_periods import CAUSES, Dated, Lives, Past, PersonPeriods, person_periods
from rekindle.understand.plain_hazard import p_plain

Floats = NDArray[np.float64]
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = (
    ("Telco", "telco_churn/Telco-Customer-Churn.csv", "tenure", 0.848),
    ("gym", "gym_churn/gym_churn_us.csv", "Lifetime", 0.978),
)


def simulate(rows: int, *, rng: np.random.Generator) -> tuple[Lives, Past, int]:
    """Lives over 1,000 days whose ends hang on plan, visits and failed payments; about `rows` person-periods."""
    n, as_of = round(rows / 11.42), 1000
    began = rng.integers(0, 900, n)
    plan, keen = rng.integers(0, 3, n), rng.gamma(2.0, 0.04, n)
    lasted = np.floor(rng.exponential(np.array([250.0, 500.0, 900.0])[plan] * (0.5 + keen / 0.08)))
    ended = began + lasted
    watched = np.minimum(lasted, as_of - began)
    visits = rng.poisson(keen * watched)
    who = np.repeat(np.arange(n), visits)
    # Visits thin out towards the end, as they do.
    day = began[who] + np.floor(watched[who] * rng.beta(1.0, np.where(ended[who] <= as_of, 1.6, 1.0)))
    fails = rng.poisson(0.3, n) * (plan == 0)
    payer = np.repeat(np.arange(n), fails)
    failed = began[payer] + np.floor(watched[payer] * np.sqrt(rng.random(payer.size)))
    cause = np.where(fails > 0, 1, rng.choice([0, 2], n))
    past = Past(
        counted={"visit": Dated(who, day), "failed": Dated(payer, failed)},
        fixed={"plan": np.array(["monthly", "yearly", "family"], dtype=object)[plan]},
    )
    return Lives(began, ended, np.array(CAUSES[:3], dtype=object)[cause]), past, as_of


def speed(rows: int, threads: int) -> None:
    """Seconds of each step, ours and the bare library's."""
    lives, past, as_of = simulate(rows, rng=np.random.default_rng(3))
    start = time.perf_counter()
    made = person_periods(lives, past, as_of=as_of, causes=CAUSES[:3])
    built = time.perf_counter()
    fit = hazard.fit(
        made.columns, made.outcome, life=made.life, period_days=30, seed=1, causes=CAUSES[:3],
        recency="visit_days_since", threads=threads,
    )  # fmt: skip
    fitted = time.perf_counter()
    hazard.hazards(fit, made.columns, threads=threads)
    scored = time.perf_counter()
    bare = bare_lightgbm(made, fit, threads)
    print(f"{made.life.size:,} person-periods of {fit.n:,.0f} lives, {int((made.outcome > 0).sum()):,} ends")
    print(
        f"build {built - start:.2f} s, fit {fitted - built:.2f} s, score {scored - fitted:.2f} s; "
        f"fit + score {scored - built:.2f} s; LightGBM alone {bare:.2f} s; "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )
    for name, found in fit.held_out.items():
        print(f"  {name:>9}: held-out log loss {found.log_loss:.4f}, AUC {found.auc:.4f}, ECE {found.ece:.4f}")
    print(f"  boundary: {fit.boundary}")


def bare_lightgbm(made: PersonPeriods, fit: hazard.Hazard, threads: int) -> float:
    """Seconds of three plain trainings and scores."""
    import lightgbm

    start = time.perf_counter()
    values = tree_columns.matrix(fit.design, made.columns)
    for k in range(1, 4):
        settings = {
            "objective": "binary", "learning_rate": 0.25, "num_leaves": 15, "min_data_in_leaf": 200, "max_bin": 63,
            "feature_fraction": 0.6, "lambda_l2": 5.0, "verbosity": -1, "num_threads": threads, "seed": 1,
        }  # fmt: skip
        data = lightgbm.Dataset(values, made.outcome == k, categorical_feature=fit.design.text_places)
        lightgbm.train(settings, data, 40).predict(values, num_threads=threads)
    return time.perf_counter() - start


def read(path: Path) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Columns as numbers where they are numbers (blank: not known), and who left."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns: dict[str, NDArray[Any]] = {}
    for name in rows[0]:
        if name in ("customerID", "Churn"):
            continue
        texts = [row[name] for row in rows]
        try:
            columns[name] = np.array([float(t) if t.strip() else np.nan for t in texts])
        except ValueError:
            columns[name] = np.array(texts, dtype=object)
    return columns, np.array([row["Churn"] in ("Yes", "1") for row in rows]).astype(np.int64)


def one_hot(columns: dict[str, NDArray[Any]]) -> Floats:
    """What a logistic regression reads."""
    made = [np.ones(len(next(iter(columns.values()))))]
    for column in columns.values():
        if column.dtype == object:
            made += [(column == level).astype(float) for level in sorted(set(column))[1:]]
        else:
            known = np.where(np.isnan(column), np.nanmean(column), column)
            made.append((known - known.mean()) / known.std())
    return np.column_stack(made)


def logistic(x: Floats, y: NDArray[np.int64], new: Floats) -> Floats:
    """Chances by a logistic regression with a whiff of ridge, by Newton steps."""
    at = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ at))
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.eye(at.size)
        at += np.linalg.solve(curve, x.T @ (y - p) - at)
    return np.asarray(1 / (1 + np.exp(-new @ at)))


def held_out(folder: Path, seeds: int, threads: int) -> None:
    """AUC, ECE and Brier of each seed, and their means."""
    for name, file, recency, aim in SETS:
        if not (folder / file).is_file():
            print(f"{name}: not present at {folder / file}")
            continue
        columns, y = read(folder / file)
        x = one_hot(columns)
        print(f"\n{name}: {y.size:,} people, {y.sum():,} left; aim AUC >= {aim}, ECE <= .02")
        print(f"{'seed':>5} {'AUC':>7} {'ECE':>6} {'ECE wide':>8} {'Brier':>6} {'logistic':>9} {recency:>9}")
        lines = []
        for seed in range(seeds):
            part = np.random.default_rng(1000 + seed).permutation(y.size) % 5
            told, other, plain = np.empty(y.size), np.empty(y.size), np.empty(y.size)
            for k in range(5):
                seen, new = part != k, part == k
                fit = hazard.fit(
                    {n: c[seen] for n, c in columns.items()}, y[seen], life=np.flatnonzero(seen), period_days=30,
                    seed=seed, recency=recency, threads=threads,
                )  # fmt: skip
                told[new] = hazard.p_ending(fit, {n: c[new] for n, c in columns.items()}, threads=threads)
                other[new] = logistic(x[seen], y[seen], x[new])
                plain[new] = p_plain(fit.plain, columns[recency][new])
            ours = calibration.scores(told, y)
            wide = calibration.ece(told, y, equal_width=True)
            rivals = [calibration.scores(p, y).auc for p in (other, plain)]
            lines.append([ours.auc, ours.ece, wide, ours.brier, *rivals])
            show(str(seed), lines[-1])
        show("mean", np.mean(np.array(lines, dtype=float), axis=0).tolist())


def show(name: str, line: list[Any]) -> None:
    """One row of the table."""
    auc, ece, wide, brier, other, plain = line
    print(f"{name:>5} {auc:>7.4f} {ece:>6.4f} {wide:>8.4f} {brier:>6.4f} {other:>9.4f} {plain:>9.4f}", flush=True)


def main() -> None:
    """Speed, then real people."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--data", type=Path, default=DATA)
    asked.add_argument("--threads", type=int, default=1)
    options = asked.parse_args()
    speed(options.rows, options.threads)
    if options.seeds:
        held_out(options.data, options.seeds, options.threads)


if __name__ == "__main__":
    main()
