"""Lifetime value: what each person is still expected to spend, counted at what it is worth today.

    value = margin * value of a purchase * integral over 0..H of e^(-delta t) dE(t)
    the integral = e^(-delta H) E(H) + delta * integral over 0..H of e^(-delta t) E(t) dt

E(t) are the purchases any model expects by t, and delta = log(1 + discount rate) / 365.25 a day. Parts first: E is
smoother than its slope, and a few Gauss-Legendre points on t = s (e^v - 1) are within 1e-4 for everybody at once.

low and high hold the *expectation* itself 8 times in 10: how far it would move with other customers of the same
kind, by the likely parameters of the purchase model (or fits to reweighted people, see `bootstrapped`) and of
Gamma-Gamma. What one person will really spend varies far more: that range is `outlook`'s.
Sources: Fader, Hardie & Lee (2005), "RFM and CLV", Journal of Marketing Research 42(4), 415-430, for the idea of
discounted expected residual transactions; Rubin (1981), "The Bayesian Bootstrap", Annals of Statistics 9(1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput, Degenerate
from rekindle.understand import baselines, betageometric, blend, gammagamma, mbgcnbd, nbd, paretonbd
from rekindle.understand.baselines import Baseline
from rekindle.understand.betageometric import Dropout, checked_horizon
from rekindle.understand.blend import Blend
from rekindle.understand.compression import Floats, checked, compress
from rekindle.understand.fitted import Fitted
from rekindle.understand.gammagamma import GammaGamma
from rekindle.understand.mbgcnbd import MbgCnbdK
from rekindle.understand.nbd import Nbd
from rekindle.understand.paretonbd import ParetoNbd

Model = Dropout | MbgCnbdK | ParetoNbd | Nbd
AnyFit = TypeVar("AnyFit")

DAYS_A_YEAR = 365.25
_SPREAD = 1.2815515655446004  # normal deviate: 8 in 10 lie within
_NEARLY_NOTHING = 1e-300
_END = 12.0  # without end, purchases worth less than e^-12 of today's are left out
_SOON = 1.5  # a discount of e^-1.5 at the horizon: up to there five points do
_FEW = (5, 20.0)  # points, and how much finer the first step of time is than the last
_MANY = (12, 100.0)
_ROUGH_END = 4.0  # for the spread between parameter sets, which all leave out the same


class LifetimeValue(TypedDict):
    """Columns (n,) in the order of the people given; None where it is not known, with the reason by name.

    p_alive      chance of still being a customer
    expected     purchase days to expect within the horizon; None without end, where the sum has no limit
    discounted   the same counted at what they are worth today
    mid          expected residual value, in the unit of the mean values
    low, high    8 in 10 for that expectation
    reasons      column -> why it is None, or what to know about it
    """

    p_alive: Floats | None
    expected: Floats | None
    discounted: Floats
    low: Floats | None
    mid: Floats | None
    high: Floats | None
    reasons: dict[str, str]


def lifetime_value(
    chosen: Model | Blend | Baseline,
    value_fit: GammaGamma | None,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    mean_value: ArrayLike,
    *,
    horizon_days: float | None,
    discount_rate_per_year: float,
    margin: ArrayLike = 1.0,
    likely: Sequence[Model] | None = None,
) -> LifetimeValue:
    """What each person is still expected to be worth, by the chosen model and the fit of values.

    x, t_x, T                (n,) histories, times in days
    mean_value               (n,) mean value of the x repeat purchases; NaN where there is none or it is not > 0
    value_fit                None, or one at a boundary: everybody's purchase counts as the plain mean
    horizon_days             None: without end, which needs a model people can leave and a discount rate > 0
    discount_rate_per_year   0.1 takes a value a year away by 1.1; continuous in between
    margin                   share of a value that is kept, one number or (n,), 0 < margin <= 1
    likely                   other fits of the same model, equally likely (`bootstrapped`); by its own curvature if
                             left out
    Raises BadInput naming the first impossible row.
    """
    share = _checked_margin(margin, np.atleast_1d(np.asarray(x)).size)
    h = compress(x, t_x, T, with_rows=True)
    columns = (h.x, h.t_x, h.T)
    far, rate = _checked_reach(chosen, horizon_days, discount_rate_per_year)
    alive, expected, discounted = _purchases(chosen, *columns, far=far, per_day=rate, rough=False)
    reasons: dict[str, str] = {}
    if alive is None:
        reasons["p_alive"] = f"the {chosen.model} baseline does not say whether somebody has left"
    if expected is None:
        reasons["expected"] = "without end the sum of purchases has no limit; only their discounted sum has"
    found = LifetimeValue(
        p_alive=None if alive is None else alive[h.row],
        expected=None if expected is None else expected[h.row],
        discounted=discounted[h.row],
        low=None,
        mid=None,
        high=None,
        reasons=reasons,
    )
    xs, means = known_means(np.atleast_1d(np.asarray(x, dtype=np.float64)), mean_value)
    usable = value_fit if value_fit is not None and value_fit.boundary is None else None
    worth = _worth(reasons, usable, value_fit, xs, means)
    if worth is None:
        return found
    mid = found["mid"] = found["discounted"] * worth * share
    spread = _log_variance(chosen, likely, columns, far=far, per_day=rate, reasons=reasons)
    if spread is None or not _spends_known(usable, reasons):
        return found
    wide = np.sqrt(spread[h.row] + (_value_variance(usable, xs, means) if usable is not None else 0.0))
    factor = np.exp(_SPREAD * np.minimum(wide, 500))
    found["low"], found["high"] = mid / factor, mid * factor
    return found


def discounted_purchases(
    fit: Model | Blend | Baseline,
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    *,
    horizon_days: float | None,
    discount_rate_per_year: float,
) -> Floats:
    """(n,) purchase days to expect within the horizon, each counted at what it is worth today.

    Times in days, horizon and rate as in `lifetime_value`; fastest when rows are sorted by x and then T.
    Raises BadInput.
    """
    far, rate = _checked_reach(fit, horizon_days, discount_rate_per_year)
    return _purchases(fit, *checked(x, t_x, T), far=far, per_day=rate, rough=False)[2]


def bootstrapped(
    fit_again: Callable[..., AnyFit],
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,
    *,
    seed: int,
    times: int = 20,
) -> list[AnyFit]:
    """Fits to the same people with weights drawn anew: how far the fit would move with other people like them.

    fit_again   a model's `fit`, or one with k given: lambda *h, **w: mbgcnbd.fit(*h, k=2, **w)
    times       8 or more; 20 tell the width of a range to a sixth of itself
    Each person's weight is exponential, so a history that stands for w people gets a Gamma(w): people need not be
    written out. Raises Degenerate when a draw runs to a boundary; BadInput and NotEnoughData as the fit does.
    """
    if times < 8:
        raise BadInput(f"{times} draws tell nothing about a range, wanted 8 or more", remedy="Leave it at 20.")
    h = compress(x, t_x, T)
    rng = np.random.default_rng(seed)
    fits = []
    for draw in range(times):
        weight = np.maximum(rng.gamma(h.weight), 1e-9)
        weight *= h.people / weight.sum()
        fits.append(fit_again(h.x, h.t_x, h.T, weights=weight))
        boundary = getattr(fits[-1], "boundary", None)
        if boundary is not None:
            raise Degenerate(
                f"draw {draw} of {times} ran to a boundary: {boundary}",
                remedy="Leave `likely` out, or use a model that the data pin down.",
            )
    return fits


def known_means(x: Floats, mean_value: ArrayLike) -> tuple[Floats, Floats]:
    """Repeat purchases whose mean is known (0 where it is not), and the means, 0 there. Raises BadInput."""
    means = np.atleast_1d(np.asarray(mean_value, dtype=np.float64))
    if means.shape != x.shape:
        raise BadInput(f"mean_value is {means.shape}, x is {x.shape}", remedy="Give one a person, NaN if none.")
    bad = np.isinf(means) | (means <= 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(f"mean value is {means[row]}", where=f"row {row}", remedy="Give NaN where it is not > 0.")
    known = (x > 0) & ~np.isnan(means)
    return np.where(known, x, 0.0), np.where(known, means, 0.0)


def checked_discount(discount_rate_per_year: float) -> float:
    """What a day takes off, as a continuous rate. Raises BadInput."""
    if not np.isfinite(discount_rate_per_year) or discount_rate_per_year <= -1:
        raise BadInput(f"discount rate is {discount_rate_per_year}, wanted a number > -1", remedy="0.1 is 10 %.")
    return float(np.log1p(discount_rate_per_year) / DAYS_A_YEAR)


def _purchases(
    fit: Model | Blend | Baseline, x: Floats, t_x: Floats, T: Floats, *, far: float | None, per_day: float, rough: bool
) -> tuple[Floats | None, Floats | None, Floats]:
    """(m,) each: chance alive (None for a baseline), purchases expected (None without end) and discounted.

    But for a rhythm, what to expect of somebody still here depends on (x, T) alone, and a million histories have
    some ten thousand such pairs: it is asked at t_x = T, where nobody is all but gone, and multiplied by the chance.
    """
    if isinstance(fit, Baseline):
        return (None, *_summed(lambda t: baselines.expected_purchases(fit, x, t_x, T, horizon=t), far, per_day, rough))
    if isinstance(fit, Blend):
        return _of_blend(fit, x, t_x, T, far=far, per_day=per_day, rough=rough)
    asked = _module(fit)
    alive: Floats = asked.p_alive(fit, x, t_x, T)
    if isinstance(fit, MbgCnbdK) and fit.k > 1:
        if rough:  # only ratios between sets are asked for, and a single sum of all rows is dear here
            once = asked.expected_purchases(fit, x, t_x, T, horizon=far if far is not None else 1 / per_day)
            return alive, None, once
        return (alive, *_summed(lambda t: asked.expected_purchases(fit, x, t_x, T, horizon=t), far, per_day, rough))
    starts = np.concatenate(([True], (x[1:] != x[:-1]) | (T[1:] != T[:-1])))
    pair = np.cumsum(starts) - 1
    pair_x, pair_T = x[starts], T[starts]
    last = np.where(pair_x > 0, pair_T, 0.0)
    certain: Floats = asked.p_alive(fit, pair_x, last, pair_T)

    def here(t: float) -> Floats:
        total: Floats = asked.expected_purchases(fit, pair_x, last, pair_T, horizon=t)
        # A chance of nothing is met where x == 0 alone, and there it is the row's own: nothing times anything.
        return np.asarray(np.divide(total, certain, out=np.zeros_like(total), where=certain > _NEARLY_NOTHING))

    expected, discounted = _summed(here, far, per_day, rough)
    return alive, None if expected is None else alive * expected[pair], alive * discounted[pair]


def _of_blend(
    fit: Blend, x: Floats, t_x: Floats, T: Floats, *, far: float | None, per_day: float, rough: bool
) -> tuple[Floats | None, Floats | None, Floats]:
    """As `_purchases`: purchases by the weights, the chance alive by the models in which people leave."""
    told = {name: _purchases(one, x, t_x, T, far=far, per_day=per_day, rough=rough) for name, one in fit.fits.items()}
    expected = {name: whole for name, (_, whole, _) in told.items() if whole is not None}
    discounted = blend.mean_answer(fit, {name: worth for name, (_, _, worth) in told.items()})
    return blend.p_alive(fit, x, t_x, T), blend.mean_answer(fit, expected) if far is not None else None, discounted


def _summed(
    until: Callable[[float], Floats], far: float | None, per_day: float, rough: bool
) -> tuple[Floats | None, Floats]:
    """Purchases expected by `far` and their discounted sum, from purchases expected until any day."""
    whole = None if far is None else until(far)
    if per_day == 0 and whole is not None:
        return whole, whole
    most = (_ROUGH_END if rough else _END) / abs(per_day)
    end = most if far is None else min(far, most) if per_day > 0 else far
    points, finer = _FEW if rough or abs(per_day) * end <= _SOON else _MANY
    at, weight = np.polynomial.legendre.leggauss(points)
    reach = np.log1p(finer)
    v = (at + 1) / 2 * reach
    days = end / finer * np.expm1(v)
    factors = weight / 2 * reach * end / finer * np.exp(v) * per_day * np.exp(-per_day * days)
    total = sum((w * until(float(t)) for w, t in zip(factors, days, strict=True)), start=np.float64(0))
    if far is None or whole is None:
        return None, np.asarray(total)
    return whole, np.asarray(total + np.exp(-per_day * far) * whole)


def _module(fit: Model) -> Any:
    if isinstance(fit, Dropout):
        return betageometric
    return {MbgCnbdK: mbgcnbd, ParetoNbd: paretonbd, Nbd: nbd}[type(fit)]


def _log_variance(
    chosen: Model | Blend | Baseline,
    likely: Sequence[Model] | None,
    columns: tuple[Floats, Floats, Floats],
    *,
    far: float | None,
    per_day: float,
    reasons: dict[str, str],
) -> Floats | None:
    """(m,) variance of the log of each history's discounted purchases over the likely parameters."""
    if isinstance(chosen, Baseline):
        _no_range(reasons, f"the {chosen.model} baseline has no likely parameters besides its own")
        return None
    if isinstance(chosen, Blend):
        _no_range(reasons, "of a blend only its models' own ranges are known, not how far its weights would move")
        return None
    if likely is None and chosen.covariance is None:
        _no_range(reasons, "the fit has no standard errors")
        return None
    fits = _around(chosen) if likely is None else list(likely)
    if len(fits) < 2 or any(f.model != chosen.model for f in fits):
        raise BadInput(f"likely fits must be several fits of {chosen.model}", remedy="Use `bootstrapped`.")
    total, square = np.zeros_like(columns[0]), np.zeros_like(columns[0])
    middle: Floats | None = None
    for one in fits:
        log_value = np.log(np.maximum(_purchases(one, *columns, far=far, per_day=per_day, rough=True)[2], 1e-300))
        middle = log_value if middle is None else middle  # squares of what is left over keep their digits
        total += log_value - middle
        square += (log_value - middle) ** 2
    # The sets around the fit have its covariance by construction; draws estimate it and lose one to their mean.
    freedom = len(fits) if likely is None else len(fits) - 1
    return np.asarray(np.maximum(square - total**2 / len(fits), 0) / freedom)


def _around(fit: Model) -> list[Model]:
    """The equally likely parameter sets around a fit, as fits."""
    names = fit.names if isinstance(fit, Fitted) else betageometric.NAMES
    sets = fit.likely_letters().tolist()
    return [replace(fit, parameters={**fit.parameters, **dict(zip(names, one, strict=True))}) for one in sets]


def _value_variance(fit: GammaGamma, x: Floats, means: Floats) -> Floats:
    """(n,) variance of the log of the expected value of a purchase, to first order in log p, log q, log v."""
    p, q, v = fit.letters
    below, above = p * x + q - 1, v + x * means
    slopes = (1 - p * x / below, -q / below, v / above)
    cov = fit.covariance
    if cov is None:  # `_spends_known` has refused it
        return np.zeros_like(x)
    total = np.zeros_like(x)
    for i in range(3):
        total += cov[i][i] * slopes[i] ** 2
        for j in range(i):
            total += 2 * cov[i][j] * slopes[i] * slopes[j]
    return np.maximum(total, 0)


def _worth(
    reasons: dict[str, str], usable: GammaGamma | None, given: GammaGamma | None, xs: Floats, means: Floats
) -> Floats | float | None:
    """What a purchase of each person is expected to be worth; None, with the reason, when nothing is known."""
    if usable is not None:
        return gammagamma.expected_value(usable, xs, means)
    if not xs.any():
        reasons["mid"] = "no purchase has a known value yet"
        _no_range(reasons, "no purchase has a known value yet")
        return None
    plain = float((xs * means).sum() / xs.sum())
    reasons["mid"] = f"every purchase counts as the plain mean, {plain:.2f}; no fit of values is known."
    if given is not None:
        reasons["mid"] += f" The fit of values was not used: {given.boundary}."
    return plain


def _spends_known(usable: GammaGamma | None, reasons: dict[str, str]) -> bool:
    if usable is None:
        _no_range(reasons, "the range is that of the number of purchases; how sure their value is is not in it")
        return True
    if usable.covariance is None:
        _no_range(reasons, "the fit of values has no standard errors")
        return False
    return True


def _no_range(reasons: dict[str, str], why: str) -> None:
    reasons["low"] = reasons["high"] = why


def _checked_reach(
    fit: Model | Blend | Baseline, horizon_days: float | None, discount_rate_per_year: float
) -> tuple[float | None, float]:
    per_day = checked_discount(discount_rate_per_year)
    if horizon_days is not None:
        return checked_horizon(horizon_days), per_day
    if per_day <= 0:
        raise BadInput(
            f"without end a discount rate of {discount_rate_per_year} leaves no limit, wanted a number > 0",
            remedy="Give a horizon or a discount rate.",
        )
    if isinstance(fit, Baseline | Nbd) or (isinstance(fit, Blend) and Nbd.model in fit.fits):
        raise BadInput(
            f"in {Nbd.model if isinstance(fit, Blend) else fit.model} nobody ever leaves, so {fit.model} says nothing "
            "without end",
            remedy="Give a horizon.",
        )
    return None, per_day


def _checked_margin(margin: ArrayLike, n: int) -> Floats | float:
    share = np.asarray(margin, dtype=np.float64)
    if share.shape not in ((), (n,)):
        raise BadInput(f"margin has shape {share.shape}, wanted one number or ({n},)", remedy="Give one a row.")
    bad = np.flatnonzero(~np.isfinite(share) | (share <= 0) | (share > 1))
    if bad.size:
        where = f"row {bad[0]}" if share.ndim else ""
        seen = np.atleast_1d(share)[bad[0]]
        raise BadInput(f"margin is {seen}, wanted over 0 and at most 1", where=where, remedy="0.3 is 30 %.")
    return float(share) if share.ndim == 0 else share
