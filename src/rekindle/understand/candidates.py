"""The models of purchases that are held against one another: one line a model, and how each is asked.

A candidate is a module with the predictors below, its `fit`, and the class of what that gives. A line in
`CANDIDATES`, and for ranges one in `predictive`, is all that the night and a backtest need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput, Degenerate, NotEnoughData
from rekindle.understand import bgnbd, mbgcnbd, mbgnbd, nbd, paretonbd
from rekindle.understand.betageometric import Dropout
from rekindle.understand.compression import Floats
from rekindle.understand.mbgcnbd import MbgCnbdK
from rekindle.understand.nbd import Nbd
from rekindle.understand.paretonbd import ParetoNbd

PurchaseFit = Dropout | MbgCnbdK | ParetoNbd | Nbd


class Predictors(Protocol):
    """What a module must offer to be a candidate. `fit` is a fit of that module; times are in its unit."""

    def p_alive(self, fit: Any, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """(n,) chance of being still a customer."""

    def p_none(self, fit: Any, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
        """(n,) chance of no purchase in the next `horizon`."""

    def expected_purchases(self, fit: Any, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float) -> Floats:
        """(n,) purchase days to expect in the next `horizon`."""

    def log_chance_of_count(
        self, fit: Any, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, horizon: float, count: ArrayLike
    ) -> Floats:
        """(n,) log of the chance of exactly `count` purchase days in the next `horizon`."""


class Stored(Protocol):
    """The class of a fit: it reads what `to_json` wrote."""

    def from_json(self, stored: dict[str, Any]) -> PurchaseFit:
        """The fit. Raises BadInput for another model's."""


@dataclass(frozen=True)
class PurchaseModel:
    """One candidate.

    fit            x, t_x, T and the sum of each person's log pauses (None: not known) -> the fitted model
    asks           the module with its predictors
    kind           the class of its fits
    people_leave   whether somebody can leave in it; a model in which nobody does is a fallback
    """

    fit: Callable[[Floats, Floats, Floats, Floats | None], PurchaseFit]
    asks: Predictors
    kind: Stored
    people_leave: bool = True


def _plainly(fit: Callable[[ArrayLike, ArrayLike, ArrayLike], PurchaseFit]) -> Callable[..., PurchaseFit]:
    """A fit that has no use for the pauses."""

    def fitted(x: Floats, t_x: Floats, T: Floats, _: Floats | None) -> PurchaseFit:
        return fit(x, t_x, T)

    return fitted


def _by_its_pauses(x: Floats, t_x: Floats, T: Floats, sum_log_gaps: Floats | None) -> PurchaseFit:
    if sum_log_gaps is None:
        raise NotEnoughData("the pauses between purchases are not known, so no rhythm can be found")
    return mbgcnbd.fit(x, t_x, T, sum_log_gaps=sum_log_gaps)


CANDIDATES: dict[str, PurchaseModel] = {  # the default first
    "mbgnbd": PurchaseModel(_plainly(mbgnbd.fit), mbgnbd, mbgnbd.MbgNbd),
    "bgnbd": PurchaseModel(_plainly(bgnbd.fit), bgnbd, bgnbd.BgNbd),
    "paretonbd": PurchaseModel(_plainly(paretonbd.fit), paretonbd, paretonbd.ParetoNbd),
    "mbgcnbd": PurchaseModel(_by_its_pauses, mbgcnbd, mbgcnbd.MbgCnbdK),
    "nbd": PurchaseModel(_plainly(nbd.fit), nbd, nbd.Nbd, people_leave=False),
}


def fit_or_why(
    model: PurchaseModel, x: Floats, t_x: Floats, T: Floats, sum_log_gaps: Floats | None
) -> PurchaseFit | str:
    """The fit, or why this data does not allow it, in words. Raises BadInput as the fit does."""
    try:
        return model.fit(x, t_x, T, sum_log_gaps)
    except (NotEnoughData, Degenerate) as error:
        return str(error)
    except np.linalg.LinAlgError as error:
        return f"its likelihood could not be followed to a top ({error})"


def model_of(name: Any) -> PurchaseModel:
    """The candidate of that name. Raises BadInput for an unknown one."""
    if name not in CANDIDATES:
        raise BadInput(f"stored model {name!r} is not known", remedy="Choose a model again.")
    return CANDIDATES[name]
