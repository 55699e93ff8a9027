"""The plain guesses every model must beat."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import baselines


def window(n=400, *, seed=1):
    rng = np.random.default_rng(seed)
    T = rng.integers(30, 300, n).astype(float)
    x = rng.poisson(2, n).astype(float)
    t_x = np.where(x > 0, np.maximum(1, np.floor(T * rng.random(n))), 0)
    seen = rng.poisson(2 * np.exp(-(T - t_x) / 60)).astype(float)
    return x, t_x, T, seen


def test_the_rate_goes_on_as_it_was():
    fit = baselines.Rate(n=100, crowd_rate=0.01)
    expected = baselines.expected_purchases(fit, [0, 3, 0], [0, 20, 0], [50, 60, 0], horizon=30)
    np.testing.assert_allclose(expected, [0, 1.5, 0])


def test_the_rate_never_swears_that_nobody_comes():
    fit = baselines.Rate(n=100, crowd_rate=0.01)
    none = baselines.p_none(fit, [0, 0, 1e5], [0, 0, 50], [0, 10_000, 50], horizon=30)
    assert ((none >= 0) & (none < 1)).all()
    assert none[0] == pytest.approx((50 / 80) ** 0.5)
    assert none[1] > none[0] > none[2]


def test_the_crowds_rate_is_all_repeats_over_all_time():
    fit = baselines.learn_rate([0, 3] * 20, [0, 5] * 20, [10, 20] * 20)
    assert fit.crowd_rate == pytest.approx(3 / 30)


def test_longer_silence_never_promises_more():
    x, t_x, T, seen = window()
    fit = baselines.learn_recency(x, t_x, T, seen=seen, horizon=90)
    silence = np.arange(300.0)
    rows = (np.zeros(300), np.zeros(300), silence)
    assert (np.diff(baselines.p_none(fit, *rows, horizon=90)) >= 0).all()
    assert (np.diff(baselines.expected_purchases(fit, *rows, horizon=90)) <= 0).all()


def test_the_table_expects_in_total_what_it_saw():
    x, t_x, T, seen = window()
    fit = baselines.learn_recency(x, t_x, T, seen=seen, horizon=90)
    assert baselines.expected_purchases(fit, x, t_x, T, horizon=90).sum() == pytest.approx(seen.sum())


def test_eight_in_ten_of_a_group_lie_in_its_range():
    x, t_x, T, seen = window(4000)
    fit = baselines.learn_recency(x, t_x, T, seen=seen, horizon=90)
    low, high = baselines.count_range(fit, t_x, T)
    assert ((seen >= low) & (seen <= high)).mean() >= 0.8


def test_half_the_window_is_half_the_purchases():
    x, t_x, T, seen = window()
    fit = baselines.learn_recency(x, t_x, T, seen=seen, horizon=90)
    whole, half = (baselines.expected_purchases(fit, x, t_x, T, horizon=h) for h in (90, 45))
    np.testing.assert_allclose(half, whole / 2)


def test_everybody_equally_silent_is_one_group():
    fit = baselines.learn_recency([0] * 40, [0] * 40, [9] * 40, seen=[0, 1] * 20, horizon=30)
    assert fit.edge == []
    assert fit.p_none == [pytest.approx(0.5)]


def test_both_come_back_from_json_as_they_were():
    x, t_x, T, seen = window()
    for fit in (
        baselines.learn_rate(x, t_x, T),
        baselines.learn_recency(x, t_x, T, seen=seen, horizon=90),
    ):
        assert baselines.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    with pytest.raises(BadInput, match="stored baseline"):
        baselines.from_json({"model": "oracle"})


def test_too_few_people_are_refused():
    with pytest.raises(NotEnoughData):
        baselines.learn_rate([1], [2], [3])
    with pytest.raises(NotEnoughData):
        baselines.learn_recency([1], [2], [3], seen=[0], horizon=9)
