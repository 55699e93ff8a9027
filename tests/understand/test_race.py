"""The chance that leaving comes before the next purchase, held against plain integrals and known limits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from rekindle.understand.race import log_leaves_first

ONE = np.zeros(1, dtype=np.int64)


def chance(c, s, ratio):
    return float(np.exp(log_leaves_first(np.array([c]), ONE, s, np.array([ratio]))[0, 0]))


def plain(c, s, ratio):
    """s times the integral of (1 + u/ratio)^-c (1 + u)^-(s+1) over u, on the logarithm of u, piece by piece."""
    middle = -np.log(c / ratio + s + 1)
    far = middle + 40 / (c + s) + 40 + max(0.0, np.log(ratio))
    ends = sorted([middle - 40, middle - 5, middle, middle + 3, middle + 10, middle + 40, far])

    def inner(y):
        return np.exp(y - c * np.logaddexp(0, y - np.log(ratio)) - (s + 1) * np.logaddexp(0, y))

    pieces = pairwise(ends)
    return s * sum(quad(inner, low, high, epsabs=0, epsrel=1e-12, limit=400)[0] for low, high in pieces)


def test_it_is_the_plain_integral_over_all_shapes_and_ratios():
    rng = np.random.default_rng(1)
    for _ in range(150):
        c, s = np.exp(rng.uniform(np.log(0.02), np.log(3000))), np.exp(rng.uniform(np.log(0.02), np.log(50)))
        ratio = np.exp(rng.uniform(-9, 9))
        assert chance(c, s, ratio) == pytest.approx(plain(c, s, ratio), rel=1e-12), (c, s, ratio)


def test_equal_scales_give_the_share_of_the_shapes():
    assert chance(2.3, 0.6, 1.0) == pytest.approx(0.6 / 2.9, rel=1e-15)
    assert chance(2.3, 0.6, 1 + 1e-13) == pytest.approx(0.6 / 2.9, rel=1e-12)


def test_both_sides_of_where_the_method_changes_agree():
    for edge in (0.0212, 1 / 0.0212):  # about where 128 levels stop being enough
        near = [chance(0.8, 0.5, edge * k) for k in (0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03)]
        assert np.abs(np.diff(near, 5)).max() < 1e-9


@pytest.mark.parametrize("ratio", [0.001, 0.03, 0.3, 1.0, 1.4, 30.0, 2000.0])
def test_the_slopes_are_the_slopes(ratio):
    c, s, e = 2.3, 0.6, 1e-5

    def log_chance(c, s, log_ratio):
        return log_leaves_first(np.array([c]), ONE, s, np.exp([log_ratio]))[0, 0]

    found = log_leaves_first(np.array([c]), ONE, s, np.array([ratio]), slopes=True)[:, 0]
    y = np.log(ratio)
    assert found[0] == pytest.approx(log_chance(c, s, y), rel=1e-14)
    assert found[1] == pytest.approx((log_chance(c + e, s, y) - log_chance(c - e, s, y)) / (2 * e), rel=1e-7)
    assert found[2] == pytest.approx((log_chance(c, s + e, y) - log_chance(c, s - e, y)) / (2 * e), rel=1e-7)
    assert found[3] == pytest.approx((log_chance(c, s, y + e) - log_chance(c, s, y - e)) / (2 * e), rel=1e-6)


@pytest.mark.parametrize("c", [1e-6, 1.0, 1e5])
@pytest.mark.parametrize("s", [1e-6, 1.0, 1e5])
@pytest.mark.parametrize("ratio", [1e-9, 1e-3, 1.0, 1e3, 1e9])
def test_extremes_stay_chances(c, s, ratio):
    found = log_leaves_first(np.array([c]), ONE, s, np.array([ratio]), slopes=True)
    assert np.isfinite(found).all()
    assert found[0, 0] <= 1e-12


@pytest.mark.parametrize("slopes", [False, True])
def test_many_shapes_at_once_give_what_each_gives_alone(slopes):
    rng = np.random.default_rng(3)
    shapes, rows = 20_000, 60  # more shapes than one block of levels holds
    c = np.exp(rng.uniform(-3, 5, shapes))
    code, ratio = rng.integers(0, shapes, rows), np.exp(rng.uniform(-5, 5, rows))
    found = log_leaves_first(c, code, 0.6, ratio, slopes=slopes)
    alone = [log_leaves_first(c[[at]], ONE, 0.6, ratio[[row]], slopes=slopes)[:, 0] for row, at in enumerate(code)]
    np.testing.assert_allclose(found, np.stack(alone, axis=1), rtol=1e-13, atol=1e-15)
