"""BG/NBD and Pareto/NBD beside pymc-marketing on the whole CDNOW cohort: MAP and NUTS, time and parameters.

    python bench/pymc_marketing.py [--data FOLDER] [--draws 500] [--people 23570] [--models bgnbd paretonbd]

pymc-marketing is no dependency of ours: without it one line says so. Its models carry priors, ours do not, so its
MAP may lie beside our maximum; NUTS gives mean and standard deviation of the draws (2 chains, its default tuning),
beside our estimate and standard error. Times include everything a user waits for: building and compiling too. Weeks.
NUTS of Pareto/NBD takes many minutes from a few thousand people on.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import resource
import sys
import time
import warnings
from datetime import date
from pathlib import Path
from typing import Any

# This file has the peer's name: its own folder must not come first when the peer is looked for.
HERE = Path(__file__).resolve().parent
sys.path = [place for place in sys.path if Path(place or ".").resolve() != HERE]

OURS = ("bgnbd", "paretonbd")


def histories(folder: Path, people: int) -> tuple[Any, Any, Any]:
    """x, t_x, T in weeks of the cohort up to 1997-09-30, or of its first people."""
    sys.path.append(str(HERE))
    from purchases import read_cdnow

    days = read_cdnow(folder / "cdnow" / "CDNOW_master.txt")
    window = days.window(date(1997, 9, 30), horizon_days=1)
    return window.x[:people], window.t_x[:people] / 7, window.T[:people] / 7


def ours(name: str, columns: tuple[Any, Any, Any]) -> None:
    """Our fit, its time and its parameters."""
    from rekindle.understand.candidates import CANDIDATES

    start = time.perf_counter()
    fit: Any = CANDIDATES[name].fit(*columns, None)
    errors = fit.standard_errors or {}
    line(name, "rekindle", time.perf_counter() - start, {k: (v, errors.get(k)) for k, v in fit.parameters.items()})


def theirs(name: str, columns: tuple[Any, Any, Any], draws: int) -> None:
    """Their MAP and NUTS."""
    import pandas as pd
    from pymc_marketing.clv import BetaGeoModel, ParetoNBDModel

    x, t_x, T = columns
    table = pd.DataFrame({"customer_id": range(x.size), "frequency": x, "recency": t_x, "T": T})
    kind, letters = {
        "bgnbd": (BetaGeoModel, ("r", "alpha", "a", "b")),
        "paretonbd": (ParetoNBDModel, ("r", "alpha", "s", "beta")),
    }[name]
    sampler = {"draws": draws, "chains": 2, "cores": 2, "random_seed": 1}
    for method, settings in (("map", {}), ("mcmc", sampler)):
        start = time.perf_counter()
        model = kind(data=table)
        posterior = model.fit(method=method, progressbar=False, **settings).posterior
        took = time.perf_counter() - start
        told = {k: (float(posterior[k].mean()), float(posterior[k].std()) or None) for k in letters}
        line(name, {"map": "pymc MAP", "mcmc": "pymc NUTS"}[method], took, told)


def line(name: str, who: str, seconds: float, told: dict[str, tuple[float, float | None]]) -> None:
    """One row."""
    values = ", ".join(f"{k} {v:.4f}" + (f" ± {e:.4f}" if e else "") for k, (v, e) in told.items())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:>10} {who:>10} {seconds:>9.3f} s  {values}; most memory so far {memory:.2f} GiB", flush=True)


def main() -> None:
    """Both models, ours and theirs in one process."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    asked.add_argument("--draws", type=int, default=500)
    asked.add_argument("--people", type=int, default=23_570)
    asked.add_argument("--models", nargs="+", choices=OURS, default=list(OURS))
    options = asked.parse_args()
    if importlib.util.find_spec("pymc_marketing") is None:
        print("skipped: pymc-marketing is not installed (pip install pymc-marketing, in an environment of its own)")
        return
    if not (options.data / "cdnow" / "CDNOW_master.txt").is_file():
        print(f"skipped: CDNOW is not present at {options.data / 'cdnow'}")
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    columns = histories(options.data, options.people)
    for name in options.models:
        ours(name, columns)
        theirs(name, columns, options.draws)


if __name__ == "__main__":
    main()
