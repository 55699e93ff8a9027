"""BdW: sBG with a clock, so that a person's own chance of leaving may rise (c > 1) or fall (c < 1) with time.

c = 1 is sBG. Formulas: `betaweibull`; what a person's contract is still worth: `residual`.
Source: Fader, Hardie, Liu, Davin & Steenburgh (2018), "How to Project Customer Retention Revisited: The Role of
Duration Dependence", Journal of Interactive Marketing 43, 1-16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from rekindle.understand.betaweibull import NAMES, Contract, fit_family
from rekindle.understand.renewals import from_lives, from_survivors
from rekindle.understand.residual import (
    discounted_renewals,
    p_leaves,
    renewal_value,
    residual_tenure,
    retention,
    survivor,
)

__all__ = [
    "Bdw",
    "discounted_renewals",
    "fit",
    "fit_lives",
    "p_leaves",
    "renewal_value",
    "residual_tenure",
    "retention",
    "survivor",
]


@dataclass(frozen=True)
class Bdw(Contract):
    """A fitted BdW model; fields as in `Contract`, parameters alpha, beta and c."""

    model: ClassVar[str] = "bdw"
    names: ClassVar[tuple[str, ...]] = NAMES


def fit(survivors: ArrayLike) -> Bdw:
    """The BdW under which a cohort falls off like this.

    survivors   (m + 1,) how many were still there after 0, 1, 2, .. renewals, whole numbers that never rise
    A fit at the edge of its parameters is given with `boundary` saying so.
    Raises BadInput naming the place; NotEnoughData under 30 people, when nobody left, or with under three renewals.
    """
    return Bdw(**fit_family(from_survivors(survivors), has_clock=True))


def fit_lives(
    tenure: ArrayLike, is_over: ArrayLike, *, entered: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Bdw:
    """The BdW under which single lives, begun whenever and in part still going on, are most likely.

    Columns as in `renewals.from_lives`; `n` counts who met at least one renewal.
    Raises BadInput naming the first impossible row; NotEnoughData as `fit`.
    """
    return Bdw(**fit_family(from_lives(tenure, is_over, entered=entered, weights=weights), has_clock=True))
