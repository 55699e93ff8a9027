"""MBG/NBD: published values, known truth, and agreement with another library."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from rekindle.understand import mbgnbd


def model(r=0.525, alpha=6.183, a=0.891, b=1.614):
    letters = {"r": r, "alpha": alpha, "a": a, "b": b}
    return mbgnbd.MbgNbd(letters, -1.0, 100.0, True, None, None, None)


def random_histories(n, *, seed):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, 60, n)
    x = rng.poisson(rng.gamma(0.8, 3, n)).astype(float)
    return x, np.where(x > 0, T * rng.uniform(0.01, 1, n), 0.0), T


def theirs(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from lifetimes import ModifiedBetaGeoFitter

        found = ModifiedBetaGeoFitter()
        found.params_ = pd.Series(fit.parameters)
    return found


def test_it_gives_the_papers_parameters_on_cdnow(cdnow_calibration):
    fit = mbgnbd.fit(*cdnow_calibration)
    assert [round(v, 3) for v in fit.parameters.values()] == [0.525, 6.183, 0.891, 1.614]
    assert fit.log_likelihood == pytest.approx(-9582.13, abs=0.01)
    assert fit.boundary is None


def test_known_parameters_come_back(simulate_buyers):
    people = simulate_buyers(20_000, seed=5, first_coin=1)
    fit = mbgnbd.fit(people.x, people.t_x, people.T)
    for name, truth in {"r": 0.5, "alpha": 40.0, "a": 0.8, "b": 2.4}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]


def test_it_agrees_with_another_library_on_a_thousand_rows():
    fit, rows = model(), random_histories(1000, seed=2)
    other = theirs(fit)
    np.testing.assert_allclose(mbgnbd.p_alive(fit, *rows), other.conditional_probability_alive(*rows), rtol=1e-9)
    np.testing.assert_allclose(
        mbgnbd.expected_purchases(fit, *rows, horizon=39),
        other.conditional_expected_number_of_purchases_up_to_time(39, *rows),
        rtol=1e-8,
    )


def test_a_one_time_buyer_can_have_left():
    alive = mbgnbd.p_alive(model(), [0, 0], [0, 0], [1, 300])
    assert 1 > alive[0] > alive[1] > 0


def test_all_chances_of_counts_add_up():
    fit, (x, t_x, T) = model(), random_histories(50, seed=5)
    total = sum(
        np.exp(mbgnbd.log_chance_of_count(fit, x, t_x, T, horizon=26, count=np.full(50, n))) for n in range(400)
    )
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_it_comes_back_from_json_as_it_was(simulate_buyers):
    people = simulate_buyers(500, seed=6, first_coin=1)
    fit = mbgnbd.fit(people.x, people.t_x, people.T)
    assert mbgnbd.MbgNbd.from_json(json.loads(json.dumps(fit.to_json()))) == fit
