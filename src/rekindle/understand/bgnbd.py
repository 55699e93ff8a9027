"""BG/NBD: buyers at their own gamma-spread rate, who may leave right after any repeat purchase.

A person who bought once has tossed no coin yet and so is alive for certain; where one-time buyers do vanish,
`mbgnbd` is the model. Formulas: `betageometric`.
Source: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way", Marketing Science 24(2), 275-284.
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

__all__ = ["BgNbd", "expected_purchases", "fit", "log_chance_of_count", "p_alive", "p_none"]


@dataclass(frozen=True)
class BgNbd(Dropout):
    """A fitted BG/NBD model; fields as in `Dropout`."""

    model: ClassVar[str] = "bgnbd"
    first_coin: ClassVar[int] = 0


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, weights: ArrayLike | None = None) -> BgNbd:
    """The BG/NBD under which these histories are most likely.

    x         (n,) repeat purchases, whole number >= 0
    t_x       (n,) age at the last purchase, any one unit, 0 <= t_x <= T
    T         (n,) age at the end of the window, same unit
    weights   (n,) people behind each row; one each when left out
    A fit at the edge of its parameters is given with `boundary` saying so; it should not be used.
    Raises BadInput naming the first impossible row; NotEnoughData under 30 people, when nobody repeats or when
    no time has passed.
    """
    return BgNbd(**fit_family(x, t_x, T, weights=weights, first_coin=BgNbd.first_coin))
