"""What is left of a contract: the chance to last, renewals still to come, and what they are worth today.

Given that somebody has lasted m periods and stands before renewal m + 1, with v = 1 / (1 + discount),
    renewals to come within h   sum over k = 1..h of S(m+k) / S(m) v^(k-1)
The first of them is decided now and counts in full; who still has a part of a period to go has all of it discounted
by that part. Without a horizon the sum obeys D(m) = r (1 + v D(m+1)), r the retention at renewal m + 1, and is
walked back from so far out that what is left off is under 1e-9 renewals. In sBG it equals
    (beta+m)/(alpha+beta+m) 2F1(1, beta+m+1; alpha+beta+m+1; v)
(Fader & Hardie 2010, Marketing Science 29(1), equation 6), which tests compare; the function itself cannot be had in
floating point for long tenures.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike

from rekindle.errors import BadInput
from rekindle.understand.betaweibull import Contract
from rekindle.understand.compression import Floats, Ints
from rekindle.understand.renewals import LONGEST, checked_periods

SMALLEST_DISCOUNT = 1e-4  # a period, without a horizon: below it the sum has over 300,000 terms
_LEFT_OFF = 1e-9  # renewals


def survivor(fit: Contract, t: ArrayLike) -> Floats:
    """(n,) chance to last beyond t renewals, for t = 0, 1, 2, .. Raises BadInput naming the row."""
    return np.asarray(np.exp(fit.log_survivor(checked_periods(t, "t").astype(np.float64))))


def retention(fit: Contract, t: ArrayLike) -> Floats:
    """(n,) chance that who has come to renewal t renews, for t = 1, 2, .. Raises BadInput naming the row."""
    return fit.retentions(checked_periods(t, "t", at_least=1).astype(np.float64))


def p_leaves(fit: Contract, tenure: ArrayLike, *, horizon: int) -> Floats:
    """(n,) chance that a person who has lasted `tenure` periods leaves at one of the next `horizon` renewals."""
    lasted = checked_periods(tenure, "tenure").astype(np.float64)
    ahead = fit.log_survivor(lasted + checked_count(horizon)) - fit.log_survivor(lasted)
    return np.asarray(-np.expm1(np.minimum(ahead, 0.0)))


def residual_tenure(fit: Contract, tenure: ArrayLike, *, horizon: int) -> Floats:
    """(n,) how many of the next `horizon` renewals a person who has lasted `tenure` periods is expected to make.

    Between 0 and the horizon. Raises BadInput naming the row.
    """
    lasted = checked_periods(tenure, "tenure")
    return _each(fit, lasted, horizon=checked_count(horizon), keep=1.0)


def discounted_renewals(
    fit: Contract,
    tenure: ArrayLike,
    *,
    discount: float,
    horizon: int | None = None,
    until_next: ArrayLike = 0.0,
) -> Floats:
    """(n,) renewals still to come, each worth less the later it is: the discounted expected residual lifetime.

    tenure       (n,) periods lasted, whole number >= 0
    discount     a period, >= 0: .1 takes a renewal one period later as worth 1 / 1.1
    horizon      renewals that count; without one the discount must be at least 1e-4
    until_next   share of a period until the next renewal, in [0, 1], one for all or (n,)
    Raises BadInput naming the row.
    """
    lasted = checked_periods(tenure, "tenure")
    if not np.isfinite(discount) or discount < 0:
        raise BadInput(f"discount is {discount}, wanted a finite number >= 0", remedy="Give the rate of a period.")
    wait = np.asarray(until_next, dtype=np.float64)
    if wait.shape not in ((), lasted.shape):
        raise BadInput(f"until_next is {wait.shape}, tenure is {lasted.shape}", remedy="Give one a person, or one.")
    bad = ~((wait >= 0) & (wait <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(
            f"until_next is {wait.ravel()[row]}, wanted a share of a period from 0 to 1",
            where=f"row {row}" if wait.shape else "",
            remedy="Divide the time to the next renewal by the length of a period.",
        )
    keep = 1 / (1 + discount)
    if horizon is not None:
        worth = _each(fit, lasted, horizon=checked_count(horizon), keep=keep)
    elif discount < SMALLEST_DISCOUNT:
        raise BadInput(
            f"discount is {discount:g} a period without a horizon, wanted at least {SMALLEST_DISCOUNT:g}",
            remedy="Give a horizon.",
        )
    else:
        worth = _endless(fit, lasted, keep=keep)
    return np.asarray(worth * keep**wait)


def renewal_value(
    fit: Contract,
    tenure: ArrayLike,
    *,
    value: ArrayLike,
    discount: float,
    horizon: int | None = None,
    until_next: ArrayLike = 0.0,
) -> Floats:
    """(n,) what the renewals still to come are worth today, in the unit of `value`.

    value   what one renewal brings, after its costs: one for all or (n,), finite
    Other columns, and what is refused, as in `discounted_renewals`.
    """
    renewals = discounted_renewals(fit, tenure, discount=discount, horizon=horizon, until_next=until_next)
    each = np.asarray(value, dtype=np.float64)
    if each.shape not in ((), renewals.shape):
        raise BadInput(f"value is {each.shape}, tenure is {renewals.shape}", remedy="Give one a person, or one.")
    if not np.isfinite(each).all():
        row = int(np.argmin(np.isfinite(each)))
        raise BadInput(
            f"value is {each.ravel()[row]}, wanted a finite number",
            where=f"row {row}" if each.shape else "",
            remedy="Leave out whose price is not known.",
        )
    return np.asarray(renewals * each)


def checked_count(horizon: int) -> int:
    """A horizon in whole renewals, 1 to 100,000. Raises BadInput."""
    if not np.isfinite(horizon) or horizon != int(horizon) or not 1 <= horizon <= LONGEST:
        raise BadInput(
            f"horizon is {horizon}, wanted a whole number from 1 to {LONGEST}", remedy="Give a number of periods."
        )
    return int(horizon)


def _each(fit: Contract, tenure: Ints, *, horizon: int, keep: float) -> Floats:
    """The sum as it stands, once for every different tenure."""
    different, which = np.unique(tenure, return_inverse=True)
    if different.size == 0:
        return np.zeros(0)
    retained = fit.retentions(np.arange(1, int(different[-1]) + horizon + 1, dtype=np.float64))
    stays, total = np.ones(different.size), np.zeros(different.size)
    worth = 1.0
    for k in range(horizon):
        stays *= retained[different + k]
        total += stays * worth
        worth *= keep
        if worth * stays.max() < 1e-18:  # nothing further shows in a sum of this size
            break
    return np.asarray(total[which])


def _endless(fit: Contract, tenure: Ints, *, keep: float) -> Floats:
    if tenure.size == 0:
        return np.zeros(0)
    last = int(tenure.max())
    further = int(np.ceil(np.log(_LEFT_OFF * (1 - keep)) / np.log(keep)))
    retained = fit.retentions(np.arange(last + further, 0, -1, dtype=np.float64))
    walk = accumulate(retained.tolist(), lambda later, r: r * (1 + keep * later), initial=0.0)
    worth = np.fromiter(walk, dtype=np.float64, count=last + further + 1)[::-1]
    return np.asarray(worth[tenure])
