"""Quotients of gamma functions to the last digits, where the plain difference of two logarithms loses them.

log Gamma(100,000) is over a million, so its rounding alone is 1e-10, and a chance of leaving read from two of them
has six digits left. Taking Stirling's series of both together first leaves a quotient as exact as its own size.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from rekindle.understand.compression import Floats

_FAR = 32.0  # from here on the series hold to 2e-14


def log_gamma_ratio(alpha: float | Floats, y: Floats, log_y: Floats | None = None) -> Floats:
    """(n,) log of Gamma(y) / Gamma(y + alpha), y > 0.

    log_y   (n,) the logarithm of y where y itself is too large to write down and was cut off
    """
    near, far = np.minimum(y, _FAR), np.maximum(y, _FAR)
    rest = np.log1p(alpha / far)
    power = np.log(far) if log_y is None else log_y
    series = -(far - 0.5) * rest + alpha - alpha * (power + rest) + _stirling(far) - _stirling(far + alpha)
    return np.where(y < _FAR, gammaln(near) - gammaln(near + alpha), series)


def digamma_gap(alpha: float, y: Floats) -> Floats:
    """(n,) digamma(y) - digamma(y + alpha), y > 0."""
    near, far = np.minimum(y, _FAR), np.maximum(y, _FAR)
    series = -np.log1p(alpha / far) + _digamma_rest(far) - _digamma_rest(far + alpha)
    return np.where(y < _FAR, digamma(near) - digamma(near + alpha), series)


def _stirling(y: Floats) -> Floats:
    # What Stirling's formula leaves of log Gamma(y): Abramowitz & Stegun 6.1.41.
    s = 1 / (y * y)
    return np.asarray((1 / 12 - s * (1 / 360 - s * (1 / 1260 - s / 1680))) / y)


def _digamma_rest(y: Floats) -> Floats:
    # Abramowitz & Stegun 6.3.18.
    s = 1 / (y * y)
    return np.asarray(-0.5 / y - s * (1 / 12 - s * (1 / 120 - s / 252)))
