"""Quotients of gamma functions against the sums and products they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from rekindle.understand.gammaratio import digamma_gap, log_gamma_ratio


@pytest.mark.parametrize("y", [0.01, 1.0, 31.999, 32.0, 1e3, 1e6])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_whole_distance_is_the_plain_product(y, steps):
    parts = y + np.arange(steps)
    assert log_gamma_ratio(float(steps), np.array([y]))[0] == pytest.approx(-np.log(parts).sum(), rel=1e-13, abs=1e-13)
    assert digamma_gap(float(steps), np.array([y]))[0] == pytest.approx(-(1 / parts).sum(), rel=1e-12)


def test_the_slope_of_one_is_the_other():
    y, step = np.array([0.3, 5.0, 31.9, 40.0, 900.0]), 1e-5
    plain = (log_gamma_ratio(0.7, y + step) - log_gamma_ratio(0.7, y - step)) / (2 * step)
    np.testing.assert_allclose(digamma_gap(0.7, y), plain, rtol=1e-6)
