"""Period after period from one person's hazard: still here, by which cause gone, how long, and what that is worth.

    S(0) = 1,  S(k) = S(k-1) (1 - h(k)),  F_c(k) = F_c(k-1) + S(k-1) h_c(k)
    days left within K periods   L (S(0)/2 + S(1) + .. + S(K-1) + S(K)/2), ends lying half-way through a period
    renewal value                sum of m S(k) / (1 + d)^(k L / 365.25), k = 1 .. K, m paid at each period's end

h(k) is the hazard with everything as it is today, except that the columns named in `clocks` have grown by (k-1) L days:
age does so for everybody. What else may change in the meantime is not known and not guessed.
Source: Allison (1982), Sociological Methodology 13; Gupta, Lehmann & Stuart (2004), JMR 41(1), for the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput
from rekindle.understand import tree_columns
from rekindle.understand.compression import Floats
from rekindle.understand.hazard import Hazard, hazards_of

_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class LifeCurves:
    """One row a person, one column a period from 0 (now).

    here         (n, K + 1) chance to be still with us, falling from 1
    gone         (n, K + 1, c) chance to have ended by each cause; here + gone.sum(2) == 1
    period_days  length of a period
    causes       names of the c causes
    """

    here: Floats
    gone: Floats
    period_days: float
    causes: tuple[str, ...]


def curves(
    fit: Hazard,
    columns: Mapping[str, ArrayLike],
    *,
    periods: int,
    clocks: Sequence[str] = ("age_days",),
    threads: int = 1,
) -> LifeCurves:
    """Curves of everybody over the next `periods`.

    clocks   columns in days that grow with time whatever happens; those not learned from are passed over
    Raises BadInput for periods < 1 or a clock that is text, and as `hazards` does.
    """
    if periods < 1:
        raise BadInput(f"periods is {periods}", remedy="Give a whole number >= 1.")
    values = tree_columns.matrix(fit.design, columns)
    names = [name for name in clocks if name in fit.design.names]
    if any(name in fit.design.levels for name in names):
        raise BadInput(f"one of {names} is text", where="clocks", remedy="Name columns counted in days.")
    places = [fit.design.names.index(name) for name in names]
    here = np.ones((len(values), periods + 1))
    gone = np.zeros((len(values), periods + 1, len(fit.causes)))
    told = hazards_of(fit, values, threads=threads)
    for k in range(1, periods + 1):
        if k > 1 and places:
            values[:, places] += fit.period_days
            told = hazards_of(fit, values, threads=threads)
        gone[:, k] = gone[:, k - 1] + here[:, k - 1, None] * told
        here[:, k] = here[:, k - 1] * np.maximum(1 - told.sum(axis=1), 0)
    return LifeCurves(here, gone, fit.period_days, fit.cause_names)


def p_still_here(curve: LifeCurves, *, horizon_days: float) -> Floats:
    """(n,) chance to be with us after so many days; inside a period the hazard is spread evenly over its days.

    Raises BadInput for a horizon under 0 or past the curve's last period.
    """
    k, part = divmod(horizon_days / curve.period_days, 1.0)
    last = curve.here.shape[1] - 1
    if not np.isfinite(horizon_days) or horizon_days < 0 or horizon_days > last * curve.period_days:
        raise BadInput(
            f"horizon_days is {horizon_days}, the curve ends after {last * curve.period_days:g}",
            remedy="Ask for more periods.",
        )
    place = int(k)
    following = min(place + 1, last)
    before, after = curve.here[:, place], curve.here[:, following]
    return np.asarray(before ** (1 - part) * after**part)


def residual_days(curve: LifeCurves) -> Floats:
    """(n,) days with us to expect within the curve's reach; what comes after it is not counted."""
    middle = curve.here[:, 1:-1].sum(axis=1) + (curve.here[:, 0] + curve.here[:, -1]) / 2
    return np.asarray(curve.period_days * middle)


def renewal_value(curve: LifeCurves, *, margin_per_period: ArrayLike, discount_rate_per_year: float = 0.0) -> Floats:
    """(n,) value of the renewals to expect within the curve's reach, in the currency of the margin.

    margin_per_period   (n,) or one number: what a period brings after its own costs
    Raises BadInput for a margin that is not finite or a rate at or under -1.
    """
    margin = np.broadcast_to(np.asarray(margin_per_period, dtype=np.float64), (len(curve.here),))
    if not np.isfinite(margin).all():
        row = int(np.argmax(~np.isfinite(margin)))
        raise BadInput(f"margin is {margin[row]}", where=f"row {row}", remedy="Leave out who has none.")
    if not np.isfinite(discount_rate_per_year) or discount_rate_per_year <= -1:
        raise BadInput(f"discount_rate_per_year is {discount_rate_per_year}", remedy="Give .1 for 10 %.")
    years = np.arange(1, curve.here.shape[1]) * curve.period_days / _DAYS_PER_YEAR
    return np.asarray(margin * (curve.here[:, 1:] * (1 + discount_rate_per_year) ** -years).sum(axis=1))
