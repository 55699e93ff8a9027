"""BG/NBD: published values, known truth, limits, and agreement with another library and with plain integrals."""

from __future__ import annotations

import json
import warnings
from math import exp, lgamma, log

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_law

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import bgnbd
from rekindle.understand.betageometric import Likelihood
from rekindle.understand.compression import compress

# A table small enough to keep here.
SMALL = [
    (0, 0, 30, 20), (0, 0, 20, 14), (1, 5, 30, 6), (1, 22, 30, 3), (2, 12, 30, 4),
    (2, 17, 20, 3), (3, 25, 30, 3), (4, 11, 30, 2), (6, 28, 30, 2), (9, 19, 20, 1),
]  # fmt: skip


def model(r=0.243, alpha=4.414, a=0.793, b=2.426):
    letters = {"r": r, "alpha": alpha, "a": a, "b": b}
    return bgnbd.BgNbd(letters, -1.0, 100.0, True, None, None, None)


def plain_log_likelihood(fit):
    """The paper's formula (equation 6), one history after another."""
    r, alpha, a, b = fit.letters
    total = 0.0
    for x, t_x, T, people in SMALL:
        buys = lgamma(r + x) - lgamma(r) + r * log(alpha)
        here = lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x) - (r + x) * log(alpha + T)
        gone = 0.0
        if x > 0:
            gone = lgamma(a + b) - lgamma(a) - lgamma(b) + lgamma(a + 1) + lgamma(b + x - 1) - lgamma(a + b + x)
            gone = exp(gone - (r + x) * log(alpha + t_x))
        total += people * (buys + log(exp(here) + gone))
    return total


def theirs(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from lifetimes import BetaGeoFitter

        found = BetaGeoFitter()
        found.params_ = pd.Series(fit.parameters)
    return found


def random_histories(n, *, seed, longest=60.0):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, longest, n)
    x = rng.poisson(rng.gamma(0.8, 3, n)).astype(float)
    return x, np.where(x > 0, T * rng.uniform(0.01, 1, n), 0.0), T


def test_it_gives_the_papers_parameters_on_cdnow(cdnow_calibration):
    fit = bgnbd.fit(*cdnow_calibration)
    assert [round(v, 3) for v in fit.parameters.values()] == [0.243, 4.414, 0.793, 2.426]
    assert fit.log_likelihood == pytest.approx(-9582.43, abs=0.01)
    assert fit.converged
    assert fit.boundary is None


def test_it_gives_the_known_parameters_on_all_of_cdnow(cdnow):
    x, t_x, T = cdnow.histories("1997-09-30")
    fit = bgnbd.fit(x, t_x / 7, T / 7)
    assert fit.n == 23_570
    assert [round(v, 4) for v in fit.parameters.values()] == [0.2516, 4.7889, 0.7234, 2.1611]
    assert fit.log_likelihood == pytest.approx(-95_368.44, abs=0.01)


def test_a_small_table_gives_what_another_library_gives():
    x, t_x, T, weights = (np.array(c, dtype=float) for c in zip(*SMALL, strict=True))
    fit = bgnbd.fit(x, t_x, T, weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter

        other = BetaGeoFitter().fit(x, t_x, T, weights=weights, tol=1e-12)
    for name, value in fit.parameters.items():
        assert value == pytest.approx(other.params_[name], rel=1e-3)
    assert fit.log_likelihood == pytest.approx(plain_log_likelihood(fit), abs=1e-6)


def test_known_parameters_come_back(simulate_buyers):
    people = simulate_buyers(20_000, seed=4, first_coin=0)
    fit = bgnbd.fit(people.x, people.t_x, people.T)
    for name, truth in {"r": 0.5, "alpha": 40.0, "a": 0.8, "b": 2.4}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    assert fit.standard_errors["r"] < 0.01


def test_the_unit_of_time_changes_alpha_alone(cdnow_calibration):
    x, t_x, T = cdnow_calibration
    weeks, days = bgnbd.fit(x, t_x, T), bgnbd.fit(x, t_x * 7, T * 7)
    assert days.parameters["alpha"] == pytest.approx(7 * weeks.parameters["alpha"], rel=1e-5)
    assert days.parameters["a"] == pytest.approx(weeks.parameters["a"], rel=1e-5)


@pytest.mark.parametrize("first_coin", [0, 1])
def test_the_slope_is_the_slope(first_coin):
    x, t_x, T = random_histories(300, seed=1)
    likelihood = Likelihood(compress(x, t_x, T), first_coin=first_coin)
    at = np.log([0.4, 3.0, 0.7, 2.5])
    _, slope = likelihood(at)
    for k, nudge in enumerate(np.eye(4) * 1e-5):
        plain = (likelihood(at + nudge)[0] - likelihood(at - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-5, abs=1e-8)


def test_p_alive_agrees_with_another_library_on_a_thousand_rows():
    fit, rows = model(), random_histories(1000, seed=2)
    np.testing.assert_allclose(bgnbd.p_alive(fit, *rows), theirs(fit).conditional_probability_alive(*rows), rtol=1e-9)


@pytest.mark.parametrize("horizon", [1, 13, 39, 400])
def test_expected_purchases_agree_with_another_library_on_a_thousand_rows(horizon):
    fit, rows = model(), random_histories(1000, seed=3)
    other = theirs(fit).conditional_expected_number_of_purchases_up_to_time(horizon, *rows)
    np.testing.assert_allclose(bgnbd.expected_purchases(fit, *rows, horizon=horizon), other, rtol=1e-8)


def test_expected_purchases_hold_where_the_closed_form_divides_by_zero():
    fit = model(a=1.0)
    x, t_x, T, h = 7.0, 20.0, 26.0, 40.0
    r, alpha, a, b = fit.letters

    def inner(p):
        return (1 - (1 + p * h / (alpha + T)) ** -(r + x)) / p * beta_law.pdf(p, a, b + x)

    plain = quad(inner, 0, 1, epsabs=1e-13)[0] * bgnbd.p_alive(fit, x, t_x, T)[0]
    assert bgnbd.expected_purchases(fit, x, t_x, T, horizon=h)[0] == pytest.approx(plain, rel=1e-10)


def test_p_none_is_the_chance_of_the_count_zero_and_all_chances_add_up():
    fit, (x, t_x, T) = model(), random_histories(50, seed=5)
    chances = [np.exp(bgnbd.log_chance_of_count(fit, x, t_x, T, horizon=26, count=np.full(50, n))) for n in range(400)]
    np.testing.assert_allclose(chances[0], bgnbd.p_none(fit, x, t_x, T, horizon=26), rtol=1e-12)
    np.testing.assert_allclose(np.sum(chances, axis=0), 1, rtol=1e-6)
    mean = np.sum([n * c for n, c in enumerate(chances)], axis=0)
    np.testing.assert_allclose(mean, bgnbd.expected_purchases(fit, x, t_x, T, horizon=26), rtol=1e-4)


def test_one_purchase_only_is_alive_for_certain():
    assert bgnbd.p_alive(model(), 0, 0, 300)[0] == 1


def test_frequent_buyers_gone_silent_are_the_surest_to_have_left():
    alive = bgnbd.p_alive(model(), [1, 10, 100], [10, 10, 10], [40, 40, 40])
    assert (np.diff(alive) < 0).all()
    assert alive[2] < 1e-6


@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [(0, 0, 0), (0, 0, 10_957), (1e5, 10_957, 10_957), (1e5, 1, 10_957), (1, 1e-9, 1), (3, 5, 5)],
)
def test_extremes_stay_finite(x, t_x, T):
    fit = model(alpha=31.0)
    alive = bgnbd.p_alive(fit, x, t_x, T)
    none = bgnbd.p_none(fit, x, t_x, T, horizon=90)
    expected = bgnbd.expected_purchases(fit, x, t_x, T, horizon=90)
    chance = bgnbd.log_chance_of_count(fit, x, t_x, T, horizon=90, count=[5])
    assert np.isfinite([alive, none, expected, chance]).all()
    assert 0 <= alive[0] <= 1
    assert 0 <= none[0] <= 1
    assert 0 <= expected[0] <= (fit.parameters["r"] + x) * 90 / (31 + T) + 1e-9


def test_nobody_ever_leaving_is_named_not_hidden(simulate_buyers):
    people = simulate_buyers(3000, seed=8, first_coin=0, letters=(0.7, 65.0, 1e-6, 50.0))
    fit = bgnbd.fit(people.x, people.t_x, people.T)
    assert "no measurable drop-out" in fit.boundary


def test_online_retail_shows_no_drop_out(online_retail):
    fit = bgnbd.fit(*online_retail.histories("2011-09-01"))
    assert "no measurable drop-out" in fit.boundary
    assert fit.covariance is None


def test_everybody_alike_is_named():
    rng = np.random.default_rng(3)
    T = np.full(2000, 300.0)
    gaps = rng.exponential(20.0, (2000, 60)).cumsum(axis=1)
    tossed = rng.geometric(0.2, 2000)
    x = np.minimum((gaps <= 300).sum(axis=1), tossed).astype(float)
    t_x = np.where(x > 0, gaps[np.arange(2000), np.maximum(x.astype(int) - 1, 0)], 0)
    assert bgnbd.fit(x, t_x, T).boundary is not None


def test_it_comes_back_from_json_as_it_was():
    x, t_x, T, weights = (np.array(c, dtype=float) for c in zip(*SMALL, strict=True))
    fit = bgnbd.fit(x, t_x, T, weights=weights)
    assert bgnbd.BgNbd.from_json(json.loads(json.dumps(fit.to_json()))) == fit


def test_another_models_json_is_refused():
    with pytest.raises(BadInput, match="wanted 'bgnbd'"):
        bgnbd.BgNbd.from_json({**model().to_json(), "model": "mbgnbd"})
    with pytest.raises(BadInput, match="cannot be read"):
        bgnbd.BgNbd.from_json({"model": "bgnbd"})


def test_one_person_is_refused_by_name():
    with pytest.raises(NotEnoughData, match="1 people are too few"):
        bgnbd.fit([2], [5], [9])


@pytest.mark.parametrize("horizon", [0, -1, np.nan, np.inf])
def test_a_horizon_that_is_no_length_is_refused(horizon):
    with pytest.raises(BadInput, match="horizon"):
        bgnbd.p_none(model(), 1, 2, 3, horizon=horizon)


def test_inputs_are_left_as_they_were():
    x, t_x, T = random_histories(200, seed=9)
    before = (x.copy(), t_x.copy(), T.copy())
    bgnbd.fit(x, t_x, T)
    bgnbd.expected_purchases(model(), x, t_x, T, horizon=5)
    for now, then in zip((x, t_x, T), before, strict=True):
        np.testing.assert_array_equal(now, then)
