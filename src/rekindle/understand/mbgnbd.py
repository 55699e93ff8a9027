"""MBG/NBD: as BG/NBD, but the first purchase tosses a coin too, so a one-time buyer can have left.

Formulas: `betageometric`, with c = x + 1 coins behind every person.
Source: Batislam, Denizel & Filiztekin (2007), "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24(3), 201-209.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from rekindle.understand.betageometric import (
    Dropout,
    expected_purchases,
    fit_family,
    log_chance_of_count,
    p_alive,
    p_none,
)

__all__ = ["MbgNbd", "expected_purchases", "fit", "log_chance_of_count", "p_alive", "p_none"]


@dataclass(frozen=True)
class MbgNbd(Dropout):
    """A fitted MBG/NBD model; fields as in `Dropout`."""

    model: ClassVar[str] = "mbgnbd"
    first_coin: ClassVar[int] = 1


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, weights: ArrayLike | None = None) -> MbgNbd:
    """The MBG/NBD under which these histories are most likely.

    x         (n,) repeat purchases, whole number >= 0
    t_x       (n,) age at the last purchase, any one unit, 0 <= t_x <= T
    T         (n,) age at the end of the window, same unit
    weights   (n,) people behind each row; one each when left out
    A fit at the edge of its parameters is given with `boundary` saying so; it should not be used.
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people, when nobody repeats or when
    no time has passed.
    """
    return MbgNbd(**fit_family(x, t_x, T, weights=weights, first_coin=MbgNbd.first_coin))
