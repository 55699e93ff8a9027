"""What to expect of each person: chance alive, chance of no purchase, purchases and their value, with ranges.

Everything about a history is worked out once for all who share it; only the value looks at the person's own
mean. The ranges are for that person and hold 8 cases in 10; how, is in `predictive` and
`predictive_none`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput
from rekindle.understand import baselines, choice, gammagamma
from rekindle.understand.baselines import Baseline, Recency
from rekindle.understand.betageometric import checked_horizon
from rekindle.understand.blend import Blend, people_leave
from rekindle.understand.candidates import PurchaseFit
from rekindle.understand.choice import Fit, asks_of
from rekindle.understand.compression import Floats, Histories, compress
from rekindle.understand.gammagamma import GammaGamma
from rekindle.understand.lifetime_value import checked_discount, discounted_purchases, known_means
from rekindle.understand.predictive import beliefs, count_ranges, total_ranges
from rekindle.understand.predictive_none import own_none_ranges


class Outlook(TypedDict):
    """Columns (n,) in the order of the people given; None where it is not known, with the reason by name.

    p_alive                        chance of still being a customer
    p_none, _low, _high            chance of no purchase in `horizon_days`, and the range of the own chance
    expected, _low, _high          purchase days in `horizon_days`, and the range of what will be seen
    value, _low, _high             discounted value over `value_horizon_days`, in the unit of the mean values
    reasons                        column -> why it is None, or what to know about it
    """

    p_alive: Floats | None
    p_none: Floats
    p_none_low: Floats | None
    p_none_high: Floats | None
    expected: Floats
    expected_low: Floats | None
    expected_high: Floats | None
    value: Floats | None
    value_low: Floats | None
    value_high: Floats | None
    reasons: dict[str, str]


def outlook(
    chosen: Fit,
    value_fit: GammaGamma | None,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    mean_value: ArrayLike,
    *,
    horizon_days: float,
    value_horizon_days: float,
    discount_rate_per_year: float,
) -> Outlook:
    """What to expect of each person, by the chosen model or baseline.

    x, t_x, T                (n,) histories, times in days
    mean_value               (n,) mean value of the x repeat purchases; NaN where there is none or it is not > 0
    value_fit                None, or one at a boundary: everybody's purchase counts as the plain mean
    discount_rate_per_year   0.1 takes a tenth off a value a year away
    Raises BadInput naming the first impossible row.
    """
    checked_discount(discount_rate_per_year)
    horizon, far = checked_horizon(horizon_days), checked_horizon(value_horizon_days)
    h = compress(x, t_x, T, with_rows=True)
    found = _counted(chosen, h, horizon)
    xs, means = known_means(np.atleast_1d(np.asarray(x, dtype=np.float64)), mean_value)
    columns = (h.x, h.t_x, h.T)
    times = choice.expected_purchases(chosen, *columns, horizon=far)
    discounted = discounted_purchases(chosen, *columns, horizon_days=far, discount_rate_per_year=discount_rate_per_year)
    share = np.divide(discounted, times, out=np.ones_like(times), where=times > 0)[h.row]
    usable = value_fit if value_fit is not None and value_fit.boundary is None else None
    if usable is None:
        _plain_value(found, chosen, h, xs, means, discounted, share, far)
        if value_fit is not None and "value" in found["reasons"]:
            found["reasons"]["value"] += f" The fit of values was not used: {value_fit.boundary}."
        return found
    found["value"] = discounted[h.row] * gammagamma.expected_value(usable, xs, means)
    if isinstance(chosen, Recency):
        _no_range(found, "value", "the recency baseline knows groups, not how one person's total spreads")
        return found
    typical = float(means[xs > 0].mean()) if (xs > 0).any() else gammagamma.population_mean(usable)
    low, high = _totals(chosen, usable, h, xs, far, typical)
    unit = (usable.parameters["v"] + xs * means) * share
    found["value_low"], found["value_high"] = low * unit, high * unit
    return found


def alive_by(chosen: Fit) -> Callable[[Floats, Floats, Floats], Floats] | None:
    """x, t_x, T -> chance of being still a customer; None for a baseline, and for a model in which nobody leaves."""
    if isinstance(chosen, Baseline):
        return None
    fit: PurchaseFit | Blend = chosen
    return (lambda x, t_x, T: asks_of(fit).p_alive(fit, x, t_x, T)) if people_leave(fit.model) else None


def _counted(chosen: Fit, h: Histories, horizon: float) -> Outlook:
    columns = (h.x, h.t_x, h.T)
    found = Outlook(
        p_alive=None,
        p_none=choice.p_none(chosen, *columns, horizon=horizon)[h.row],
        p_none_low=None,
        p_none_high=None,
        expected=choice.expected_purchases(chosen, *columns, horizon=horizon)[h.row],
        expected_low=None,
        expected_high=None,
        value=None,
        value_low=None,
        value_high=None,
        reasons={},
    )
    alive = alive_by(chosen)
    if alive is not None:
        # Of a blend it is what those models say in which people leave; whoever comes by any of them is still here.
        here = alive(*columns)[h.row]
        found["p_alive"] = np.maximum(here, 1 - found["p_none"]) if isinstance(chosen, Blend) else here
    elif isinstance(chosen, Baseline):
        found["reasons"]["p_alive"] = f"the {chosen.model} baseline does not say whether somebody has left"
    else:
        found["reasons"]["p_alive"] = f"in the {chosen.model} model nobody ever leaves, so it does not say who has"
    if not isinstance(chosen, Baseline | Blend) and chosen.covariance is None:
        found["reasons"]["ranges"] = "the fit has no standard errors, so ranges leave out its own uncertainty"
    if isinstance(chosen, Recency):
        _no_range(found, "p_none", "the recency baseline knows groups, not one person's own chance")
        if horizon == chosen.horizon:
            low, high = baselines.count_range(chosen, h.t_x, h.T)
            found["expected_low"], found["expected_high"] = low[h.row], high[h.row]
        else:
            told = f"the recency baseline saw windows of {chosen.horizon:g} days, not {horizon:g}"
            _no_range(found, "expected", told)
        return found
    low, high = own_none_ranges(chosen, *columns, horizon=horizon)
    # The own chance is skewed; where its mean lies outside the middle 8 in 10, the range is widened to hold it.
    found["p_none_low"] = np.minimum(low[h.row], found["p_none"])
    found["p_none_high"] = np.maximum(high[h.row], found["p_none"])
    few, many = count_ranges(beliefs(chosen, *columns), horizon=horizon)
    found["expected_low"], found["expected_high"] = few[h.row], many[h.row]
    return found


def _no_range(found: Outlook, name: str, why: str) -> None:
    found["reasons"][f"{name}_low"] = found["reasons"][f"{name}_high"] = why


def _plain_value(
    found: Outlook,
    chosen: Fit,
    h: Histories,
    xs: Floats,
    means: Floats,
    discounted: Floats,
    share: Floats,
    far: float,
) -> None:
    if not xs.any():
        found["reasons"]["value"] = "no purchase has a known value yet"
        _no_range(found, "value", "no purchase has a known value yet")
        return
    plain = float((xs * means).sum() / xs.sum())
    found["value"] = discounted[h.row] * plain
    found["reasons"]["value"] = f"every purchase counts as the plain mean, {plain:.2f}; no fit of values is known."
    if isinstance(chosen, Recency):
        _no_range(found, "value", "the recency baseline knows groups, not how one person's total spreads")
        return
    few, many = count_ranges(beliefs(chosen, h.x, h.t_x, h.T), horizon=far)
    found["value_low"], found["value_high"] = few[h.row] * plain * share, many[h.row] * plain * share
    _no_range(found, "value", "the range is that of the number of purchases; how amounts vary is not in it")


def _totals(
    chosen: Fit, spend: GammaGamma, h: Histories, xs: Floats, far: float, typical: float
) -> tuple[Floats, Floats]:
    """(n,) ends of the total in units of v + x m, person by person."""
    if isinstance(chosen, Recency):
        raise BadInput("the recency baseline gives no spread of totals", remedy="Ask for the mean only.")
    held = beliefs(chosen, h.x, h.t_x, h.T)
    low, high = (end[h.row] for end in total_ranges(held, spend, h.x, horizon=far, typical=typical))
    unknown = np.flatnonzero((xs == 0) & (h.x[h.row] > 0))
    if unknown.size:
        rows, back = np.unique(h.row[unknown], return_inverse=True)
        some = beliefs(chosen, h.x[rows], h.t_x[rows], h.T[rows])
        ends = total_ranges(some, spend, np.zeros(rows.size), horizon=far, typical=typical)
        low[unknown], high[unknown] = ends[0][back], ends[1][back]
    return low, high
