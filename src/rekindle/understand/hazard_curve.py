"""Period after period from one person's hazard: still here, by which cause gone, how long, and what that is worth.

    S(0) = 1,  S(k) = S(k-1) (1 - h(k)),  F_c(k) = F_c(k-1) + S(k-1) h_c(k)
    days left within K periods   L (S(0)/2 + S(1) + .. + S(K-1) + S(K)/2), ends lying half-way through a period
    renewal value                sum of m S(k) / (1 + d)^(k L / 365.25), k = 1 .. K, m paid at each period's end

h(k) is the hazard with everything as it is today, except that the columns named in `clocks` have grown by (k-1) L days:
age does so for everybody. What else may change in the meantime is not guessed one by one: a complaint is forgotten, a
habit comes back. How much of somebody's distance from everybody's log-odds is left k periods later can be measured on
lives of the past (`settling`), and then h(k) draws near to everybody's at that pace.
Source: Allison (1982), Sociological Methodology 13; Gupta, Lehmann & Stuart (2004), JMR 41(1), for the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from rekindle.errors import BadInput, UnknownColumn
from rekindle.understand import tree_columns
from rekindle.understand.compression import Floats
from rekindle.understand.hazard import Hazard, hazards_of
from rekindle.understand.plain_hazard import p_plain

_DAYS_PER_YEAR = 365.25
_TINY = 1e-9
_FEWEST_PAIRS = 100  # of rows of the same lives: fewer tell no slope; our choice


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


@dataclass(frozen=True)
class Settling:
    """How the log-odds of single lives draw near to everybody's as time goes on.

    centre  (c,) log-odds of the mean chance of each cause in a period
    kept    (K - 1,) share of the distance from it that is left 1, 2, .. periods later, in [0, 1], never rising
    """

    centre: list[float]
    kept: list[float]


def settling(
    fit: Hazard,
    columns: Mapping[str, ArrayLike],
    *,
    life: ArrayLike,
    first_day: ArrayLike,
    periods: int,
    threads: int = 1,
) -> Settling:
    """Measured on person-periods: the slope of a life's log-odds on its own k periods earlier.

    life, first_day   (n,) of each row, as `person_periods` gives them: by life, then by day
    A distance that fewer than 100 pairs of rows speak of keeps the share of the one before; 1 where even the next
    period has fewer. Raises BadInput as `hazards` does.
    """
    told = np.clip(hazards_of(fit, tree_columns.matrix(fit.design, columns), threads=threads), _TINY, 1 - _TINY)
    # The odds of the mean chance, not the mean of the odds: far ahead everybody ends as often as all do together.
    centre = logit(told.mean(axis=0))
    off = logit(np.clip(told.sum(axis=1), _TINY, 1 - _TINY))
    off = off - off.mean()
    owner, day = np.asarray(life), np.asarray(first_day)
    kept, left = [], 1.0
    for k in range(1, periods):
        pairs = (owner[k:] == owner[:-k]) & (day[k:] - day[:-k] == k * fit.period_days)
        then, now = off[:-k][pairs], off[k:][pairs]
        if then.size >= _FEWEST_PAIRS and np.any(then != 0):
            left = float(np.clip((then * now).sum() / (then * then).sum(), 0.0, left))
        kept.append(left)
    return Settling(centre.tolist(), kept)


def curves(
    fit: Hazard,
    columns: Mapping[str, ArrayLike],
    *,
    periods: int,
    clocks: Sequence[str] = ("age_days",),
    ask_every: int = 1,
    settles: Settling | None = None,
    threads: int = 1,
) -> LifeCurves:
    """Curves of everybody over the next `periods`.

    clocks      columns in days that grow with time whatever happens; those not learned from are passed over
    ask_every   the trees are asked about the first period, every so many after it, and the last; between two answers
                the hazard lies on the straight line. 1 asks about each; more is for millions of people
    settles     how a hazard draws near to everybody's; None keeps today's for ever
    Raises BadInput for periods < 1 or a clock that is text, and as `hazards` does.
    """
    if periods < 1:
        raise BadInput(f"periods is {periods}", remedy="Give a whole number >= 1.")
    values = tree_columns.matrix(fit.design, columns)
    names = [name for name in clocks if name in fit.design.names]
    if any(name in fit.design.levels for name in names):
        raise BadInput(f"one of {names} is text", where="clocks", remedy="Name columns counted in days.")
    places = [fit.design.names.index(name) for name in names]
    if ask_every < 1:
        raise BadInput(f"ask_every is {ask_every}", remedy="Give a whole number >= 1.")
    told = hazards_of(fit, values, threads=threads)
    asked, answers = 0, [told]
    if not places:
        answers = [told] * periods
    while len(answers) < periods:
        following = min(asked + ask_every, periods - 1)
        values[:, places] += (following - asked) * fit.period_days
        told = hazards_of(fit, values, threads=threads)
        steps = np.arange(1, following - asked + 1) / (following - asked)
        answers += [answers[asked] + step * (told - answers[asked]) for step in steps]
        asked = following
    return _unfolded(answers if settles is None else worn_down(answers, settles), fit)


def plain_curves(fit: Hazard, columns: Mapping[str, ArrayLike], *, periods: int) -> LifeCurves:
    """Curves by the plain guess, for a fit whose trees did not beat it; causes share an end as they did in the past.

    An age grows with time; days since last seen, or anything else, stays as it is.
    Raises BadInput for periods < 1, UnknownColumn for a guess whose column is not given.
    """
    if periods < 1:
        raise BadInput(f"periods is {periods}", remedy="Give a whole number >= 1.")
    name = fit.plain.column
    if name not in columns:
        raise UnknownColumn(f"{name!r} is not given", where="columns", remedy="Give the column of the plain guess.")
    values = np.asarray(columns[name], dtype=np.float64)
    ends = np.array([cause.endings for cause in fit.causes], dtype=np.float64)
    grows = fit.period_days if name == "age_days" else 0.0
    answers = [p_plain(fit.plain, values + k * grows)[:, None] * ends / ends.sum() for k in range(periods)]
    return _unfolded(answers, fit)


def worn_down(answers: Sequence[Floats], settles: Settling) -> list[Floats]:
    """Hazards (n, c) of each period with their distance from everybody's worn down; what age alone adds stays whole."""
    centre = np.array(settles.centre)
    odds = [logit(np.clip(told, _TINY, 1 - _TINY)) for told in answers]
    own = odds[0] - centre
    kept = [1.0, *settles.kept][: len(odds)]
    kept += [kept[-1]] * (len(odds) - len(kept))
    worn = [expit(now - (1 - share) * own) for now, share in zip(odds, kept, strict=True)]
    return [told / np.maximum(told.sum(axis=1, keepdims=True), 1.0) for told in worn]


def _unfolded(answers: Sequence[Floats], fit: Hazard) -> LifeCurves:
    """The curves of hazards (n, c) period by period."""
    n, causes = answers[0].shape
    here = np.ones((n, len(answers) + 1))
    gone = np.zeros((n, len(answers) + 1, causes))
    for k, told in enumerate(answers, start=1):
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
