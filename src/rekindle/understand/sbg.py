"""sBG: contracts renewed by people who each toss an own coin at every renewal, the same one each time.

Retention of a cohort rises although nobody's own does: who leaves easily leaves early. Formulas: `betaweibull`;
what a person's contract is still worth: `residual`.
Source: Fader & Hardie (2007), "How to Project Customer Retention", Journal of Interactive Marketing 21(1), 76-90;
Fader & Hardie (2010), "Customer-Base Valuation in a Contractual Setting", Marketing Science 29(1), 85-93.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import Degenerate
from rekindle.understand.betaweibull import Contract, fit_family
from rekindle.understand.compression import Floats
from rekindle.understand.renewals import checked_periods, from_lives, from_survivors
from rekindle.understand.residual import (
    discounted_renewals,
    p_leaves,
    renewal_value,
    residual_tenure,
    retention,
    survivor,
)

__all__ = [
    "Sbg",
    "discounted_renewals",
    "endless_tenure",
    "fit",
    "fit_lives",
    "p_leaves",
    "renewal_value",
    "residual_tenure",
    "retention",
    "survivor",
]


@dataclass(frozen=True)
class Sbg(Contract):
    """A fitted sBG model; fields as in `Contract`, parameters alpha and beta."""

    model: ClassVar[str] = "sbg"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta")


def fit(survivors: ArrayLike) -> Sbg:
    """The sBG under which a cohort falls off like this.

    survivors   (m + 1,) how many were still there after 0, 1, 2, .. renewals, whole numbers that never rise
    A fit at the edge of its parameters is given with `boundary` saying so.
    Raises BadInput naming the place; NotEnoughData under 30 people, when nobody left, or with one renewal only.
    """
    return Sbg(**fit_family(from_survivors(survivors), has_clock=False))


def fit_lives(
    tenure: ArrayLike, is_over: ArrayLike, *, entered: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Sbg:
    """The sBG under which single lives, begun whenever and in part still going on, are most likely.

    Columns as in `renewals.from_lives`; `n` counts who met at least one renewal.
    Raises BadInput naming the first impossible row; NotEnoughData as `fit`.
    """
    return Sbg(**fit_family(from_lives(tenure, is_over, entered=entered, weights=weights), has_clock=False))


def endless_tenure(fit: Sbg, tenure: ArrayLike) -> Floats:
    """(n,) renewals still to come without any horizon, (beta + tenure) / (alpha - 1).

    Raises Degenerate when alpha <= 1, where the mean has no limit; BadInput naming the row.
    """
    lasted = checked_periods(tenure, "tenure")
    alpha, beta, _ = fit.alpha_beta_c
    if alpha <= 1:
        raise Degenerate(
            f"alpha is {alpha:.3f}, so the mean of what is still to come has no limit",
            remedy="Ask residual_tenure with a horizon.",
        )
    return np.asarray((beta + lasted) / (alpha - 1))
