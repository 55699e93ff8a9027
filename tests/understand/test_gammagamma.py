"""Gamma-Gamma: published values, known truth, and what it refuses to say."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from rekindle.errors import BadInput, Degenerate, NotEnoughData
from rekindle.understand import gammagamma


def model(p=6.25, q=3.74, v=15.45):
    return gammagamma.GammaGamma({"p": p, "q": q, "v": v}, -1.0, 100.0, True, None, None, None, 0.1, None)


def spenders(n, *, seed, p=6.25, q=3.74, v=15.45, tie=False):
    rng = np.random.default_rng(seed)
    x = 1.0 + rng.poisson(2, n)
    nu = rng.gamma(q, 1 / v, n)
    mean = rng.gamma(p * x) / nu / x
    return x, mean * x**2 if tie else mean


def test_it_gives_the_papers_parameters_on_cdnow(cdnow_sample):
    x, mean = cdnow_sample.repeat_means("1997-09-30")
    fit = gammagamma.fit(x[mean > 0], mean[mean > 0])
    assert fit.n == 946
    for name, printed in {"p": 6.25, "q": 3.74, "v": 15.45}.items():
        assert fit.parameters[name] == pytest.approx(printed, rel=2e-3)
    assert fit.log_likelihood == pytest.approx(-4055.92, abs=0.01)
    assert fit.correlation == pytest.approx(0.11, abs=0.01)
    assert fit.caution is None
    assert gammagamma.population_mean(fit) == pytest.approx(35.2, abs=0.1)


def test_known_parameters_come_back():
    fit = gammagamma.fit(*spenders(20_000, seed=1))
    for name, truth in {"p": 6.25, "q": 3.74, "v": 15.45}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]


def test_the_currency_unit_changes_v_alone_and_the_likelihood_by_its_logarithm():
    x, mean = spenders(500, seed=2)
    euros, cents = gammagamma.fit(x, mean), gammagamma.fit(x, mean * 100)
    assert cents.parameters["p"] == pytest.approx(euros.parameters["p"], rel=1e-5)
    assert cents.parameters["v"] == pytest.approx(100 * euros.parameters["v"], rel=1e-5)
    assert cents.log_likelihood == pytest.approx(euros.log_likelihood - 500 * np.log(100), abs=1e-6)


def test_it_agrees_with_another_library():
    x, mean = spenders(400, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import GammaGammaFitter

        other = GammaGammaFitter().fit(x, mean)
        values = np.asarray(other.conditional_expected_average_profit(x, mean))
    fit = gammagamma.fit(x, mean)
    assert fit.log_likelihood == pytest.approx(-other._negative_log_likelihood_ * 400, abs=0.01)
    np.testing.assert_allclose(gammagamma.expected_value(fit, x, mean), values, rtol=1e-3)


def test_weights_stand_for_people():
    x, mean = spenders(200, seed=4)
    twice = gammagamma.fit(np.tile(x, 2), np.tile(mean, 2))
    weighted = gammagamma.fit(x, mean, weights=np.full(200, 2.0))
    assert weighted.log_likelihood == pytest.approx(twice.log_likelihood, rel=1e-9)


def test_nothing_of_their_own_known_is_the_crowds_mean():
    value = gammagamma.expected_value(model(), [0, 0], [np.nan, 99])
    np.testing.assert_allclose(value, gammagamma.population_mean(model()))


def test_the_own_mean_wins_with_purchases():
    value = gammagamma.expected_value(model(), [1, 10, 1e5], [100.0, 100.0, 100.0])
    assert (np.diff(value) > 0).all()
    assert value[2] == pytest.approx(100, rel=1e-3)


def test_frequent_buyers_spending_more_raises_a_caution():
    fit = gammagamma.fit(*spenders(2000, seed=5, tie=True))
    assert fit.correlation > 0.3
    assert "spend more" in fit.caution


def test_a_mean_without_limit_is_named_and_not_answered():
    fit = gammagamma.fit(*spenders(3000, seed=6, q=0.7))
    assert "no limit" in fit.boundary
    with pytest.raises(Degenerate, match="q is"):
        gammagamma.expected_value(fit, [1], [10.0])


def test_everybody_spending_alike_is_named():
    rng = np.random.default_rng(7)
    x = 1.0 + rng.poisson(2, 3000)
    assert "same" in gammagamma.fit(x, rng.gamma(6 * x) / x).boundary


@pytest.mark.parametrize(
    ("x", "mean", "told"),
    [(0, 5, "x is 0"), (1.5, 5, "x is 1.5"), (2, 0, "mean value is 0"), (2, -1, "Net out"), (2, np.nan, "nan")],
)
def test_the_first_impossible_row_is_named(x, mean, told):
    with pytest.raises(BadInput, match=told) as error:
        gammagamma.fit([2, x], [5, mean])
    assert error.value.where == "row 1"


def test_too_few_and_too_alike_are_refused():
    with pytest.raises(NotEnoughData, match="too few"):
        gammagamma.fit([2] * 29, [5.0] * 29)
    with pytest.raises(NotEnoughData, match="two repeat purchases"):
        gammagamma.fit([1] * 30, np.arange(1, 31))
    with pytest.raises(NotEnoughData, match="every mean value"):
        gammagamma.fit([2] * 30, [5.0] * 30)


def test_it_comes_back_from_json_as_it_was():
    fit = gammagamma.fit(*spenders(200, seed=8))
    assert gammagamma.GammaGamma.from_json(json.loads(json.dumps(fit.to_json()))) == fit
