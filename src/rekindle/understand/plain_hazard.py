"""The plain guess every hazard must beat: people in the same twentieth of one column end equally often.

Groups by quantiles of the column (days since last seen, or age), one more for "not known"; the chance of a group is
(k + 1/2) / (n + 1), Jeffreys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rekindle.errors import BadInput
from rekindle.understand.calibration import Scores, reliability, scores
from rekindle.understand.compression import Floats, Ints

_NOISE = 2.0  # paired standard errors, as in `choice`
_GROUPS = 20  # as the recency baseline of `baselines`


@dataclass(frozen=True)
class PlainHazard:
    """column's name; edge (g - 1,) between the groups, rising; chance (g,) of an end a period; unknown's own chance."""

    column: str
    edge: list[float]
    chance: list[float]
    unknown: float


def learn_plain(values: Floats, happened: NDArray[np.bool_], *, column: str) -> PlainHazard:
    """The guess from these rows; NaN among the values is a group of its own."""
    known = ~np.isnan(values)
    edge = np.unique(np.quantile(values[known], np.arange(1, _GROUPS) / _GROUPS)) if known.any() else np.empty(0)
    group = np.searchsorted(edge, values[known], side="left")
    n = np.bincount(group, minlength=edge.size + 1)
    # A group nobody is in, above the last value seen, is told what everybody is told.
    share = (happened.sum() + 0.5) / (happened.size + 1)
    chance = np.where(n > 0, (np.bincount(group, weights=happened[known], minlength=n.size) + 0.5) / (n + 1), share)
    left = happened[~known]
    unknown = (left.sum() + 0.5) / (left.size + 1) if left.size else share
    return PlainHazard(column, edge.tolist(), chance.tolist(), float(unknown))


def p_plain(fit: PlainHazard, values: ArrayLike) -> Floats:
    """(n,) chance of an end in the next period by the plain guess. Raises BadInput for an infinite value."""
    column = np.asarray(values, dtype=np.float64)
    if np.isinf(column).any():
        row = int(np.argmax(np.isinf(column)))
        raise BadInput(f"{column[row]} is not a number", where=f"{fit.column}: row {row}", remedy="Use NaN.")
    group = np.searchsorted(np.array(fit.edge), column, side="left")
    told = np.array([*fit.chance, fit.unknown])
    return np.asarray(told[np.where(np.isnan(column), len(fit.chance), group)])


def plain_told(values: Floats, happened: NDArray[np.bool_], *, part: Ints) -> Floats:
    """(n,) what the guess says of each row when it is learned from the other parts."""
    told = np.empty(values.size)
    for fold in np.unique(part):
        inside = part == fold
        told[inside] = p_plain(learn_plain(values[~inside], happened[~inside], column=""), values[inside])
    return told


@dataclass(frozen=True)
class Verdict:
    """scores by name; gain in nats a life over the better guess and its standard error; why the trees are not used.

    reliability   the trees' calibration curve: told, seen, low, high, n by groups of equal size
    """

    scores: dict[str, Scores]
    gain: float
    gain_error: float
    why: str | None
    reliability: dict[str, list[float]]


def judge(trees: Floats, plain: Floats, happened: NDArray[np.bool_], *, life: Ints, column: str) -> Verdict:
    """The trees against both guesses on the same rows, none of which had been seen by who speaks of it.

    Ahead means by more than two standard errors over lives: rows of one life are no independent witnesses.
    """
    constant = np.full(happened.size, (happened.sum() + 0.5) / (happened.size + 1))
    told = {"trees": np.minimum(trees, 1.0), "constant": constant, "plain": plain}
    logs = {name: np.log(np.clip(np.where(happened, p, 1 - p), 1e-12, 1)) for name, p in told.items()}
    scored = {name: scores(chance, happened) for name, chance in told.items()}
    rival = max(("constant", "plain"), key=lambda name: float(logs[name].sum()))
    ahead = np.bincount(np.unique(life, return_inverse=True)[1], weights=logs["trees"] - logs[rival])
    gain, error = float(ahead.mean()), float(ahead.std(ddof=1) / np.sqrt(ahead.size))
    why = None
    if gain <= _NOISE * error:
        name = "one chance for all" if rival == "constant" else f"{column} alone"
        why = (
            f"the trees do not beat {name} on people they had not seen: log loss {scored['trees'].log_loss:.4f} "
            f"against {scored[rival].log_loss:.4f} a period"
        )
    curve = reliability(told["trees"], happened)
    shown = {name: getattr(curve, name).tolist() for name in ("told", "seen", "low", "high")}
    return Verdict(scored, gain, error, why, {**shown, "n": curve.people.astype(np.float64).tolist()})
