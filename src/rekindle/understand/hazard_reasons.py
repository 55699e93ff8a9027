"""Why a hazard is what it is: exact contributions of each column, as numbers that add up and as sentences.

    log-odds of the hazard = start + calibration + sum over columns of the column's contribution

Each tree model's contributions are the exact Shapley values of its trees (Lundberg et al. 2020, Nature Machine
Intelligence 2, 56-67), averaged over the models as the scores are; `start` is the trees' mean score and
`calibration` what the calibration added. A contribution c multiplies the odds of an end by e^c:

    "Contract is Month-to-month: the odds of an end are 2.1 times as high"
    "tenure is 61: the odds of an end are 0.4 times as high"

Causes of the model's answer, not of the person's: what would happen if a column were changed is not said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from rekindle.errors import BadInput
from rekindle.understand import tree_columns
from rekindle.understand.compression import Floats
from rekindle.understand.hazard import Hazard, booster, scores_by_cause
from rekindle.understand.reasons import Translate, english


@dataclass(frozen=True)
class Contributions:
    """Of one cause, in log-odds: start + calibration + by_column.sum(1) == logit of `hazard`.

    hazard       (n,) chance to end by the cause in the next period, before causes share a sum over 1
    start        (n,) the mean score, the same for everybody
    calibration  (n,)
    by_column    (n, k) in the order of `names`
    """

    cause: str
    names: tuple[str, ...]
    hazard: Floats
    start: Floats
    calibration: Floats
    by_column: Floats


def contributions(
    fit: Hazard, columns: Mapping[str, ArrayLike], *, cause: str | None = None, threads: int = 1
) -> Contributions:
    """What each column adds, for a list or a page of people, not a million.

    cause   one of the fit's; the first when left out
    Raises BadInput for a cause the fit does not know, and as `hazards` does.
    """
    name = fit.cause_names[0] if cause is None else cause
    if name not in fit.cause_names:
        raise BadInput(f"{name!r} is not a cause", where="hazard", remedy=f"Known: {', '.join(fit.cause_names)}.")
    place = fit.cause_names.index(name)
    values = tree_columns.matrix(fit.design, columns)
    model = fit.causes[place]
    raw = scores_by_cause(fit, values, threads=threads)[:, place]
    parts = np.zeros((len(values), len(fit.design.names) + 1))
    if model.trees:
        told = [booster(text).predict(values, pred_contrib=True, num_threads=threads) for text in model.trees]
        parts = np.mean([np.asarray(part, dtype=np.float64) for part in told], axis=0)
    else:
        parts[:, -1] = raw
    hazard = model.calibration(expit(raw))
    return Contributions(name, tuple(fit.design.names), hazard, parts[:, -1], logit(hazard) - raw, parts[:, :-1])


_REASON = (
    "{name} is {value}: the odds of an end are {times} time as high",
    "{name} is {value}: the odds of an end are {times} times as high",
)
_UNKNOWN = (
    "{name} is not known: the odds of an end are {times} time as high",
    "{name} is not known: the odds of an end are {times} times as high",
)
_START = (
    "an ordinary period here ends {share} time in 100",
    "an ordinary period here ends {share} times in 100",
)
_REST = (
    "all else together: the odds of an end are {times} time as high",
    "all else together: the odds of an end are {times} times as high",
)


@dataclass(frozen=True)
class Reason:
    """One sentence without a full stop, and the log-odds behind it."""

    text: str
    log_odds: float


def sentences(
    fit: Hazard,
    columns: Mapping[str, ArrayLike],
    *,
    cause: str | None = None,
    most: int = 3,
    labels: Mapping[str, str] | None = None,
    translate: Translate = english,
) -> list[list[Reason]]:
    """For each person: where everybody starts, the `most` weightiest columns, and all else together.

    labels   what a column is called on the page; its own name when left out
    The log-odds of a person's sentences add up to those of their hazard.
    """
    if most < 1:
        raise BadInput(f"most is {most}", remedy="Ask for at least one reason.")
    parts = contributions(fit, columns, cause=cause)
    values = tree_columns.matrix(fit.design, columns)
    called = [(labels or {}).get(name, name) for name in parts.names]
    told = []
    for row in range(len(values)):
        weight = parts.by_column[row]
        order = [int(k) for k in np.argsort(-np.abs(weight), kind="stable")[:most] if weight[k] != 0]
        start = float(parts.start[row])
        reasons = [Reason(_filled(_START, 100 * float(expit(start)), translate, share=""), start)]
        for k in order:
            said = fit.design.said(k, values[row, k])
            pair = _UNKNOWN if said is None else _REASON
            text = _filled(pair, float(np.exp(weight[k])), translate, name=called[k], value=said or "")
            reasons.append(Reason(text, float(weight[k])))
        rest = float(weight.sum() - weight[order].sum() + parts.calibration[row])
        reasons.append(Reason(_filled(_REST, float(np.exp(rest)), translate), rest))
        told.append(reasons)
    return told


def _filled(pair: tuple[str, str], number: float, translate: Translate, **places: str) -> str:
    """The template with its number in two digits; English says one only for exactly 1."""
    shown = f"{number:.2g}" if number < 10 else f"{number:,.0f}"
    template = translate(*pair, 1 if shown == "1" else 2)
    return template.format(**{**places, "times": shown, "share": shown})
