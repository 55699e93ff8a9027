"""BdW: published values, known truth, plain integrals, sBG as its middle, and the limits of its clock."""

from __future__ import annotations

import json
from math import log

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_law

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import bdw, sbg
from rekindle.understand.betaweibull import Likelihood
from rekindle.understand.renewals import from_survivors

# A cohort small enough to keep here: few leave at first, then more, then who is left stays.
SMALL = [600, 560, 488, 421, 369, 329, 299, 276]


def model(alpha=0.2143, beta=1.4266, c=1.7236):
    return bdw.Bdw({"alpha": alpha, "beta": beta, "c": c}, -1.0, 100.0, True, None, None, None)


def plain_chance(alpha, beta, power):
    """Average of a power of (1 - theta), over the spread of theta, by quadrature on its logarithm near 0."""

    def inner(u):
        theta = np.exp(u)
        return (1 - theta) ** power * beta_law.pdf(theta, alpha, beta) * theta

    return quad(inner, -200, 0, points=[-30, -8, -3, -1], limit=400, epsabs=1e-12)[0]


def plain_log_likelihood(alpha, beta, c):
    """The paper's formula, one renewal after another."""
    chance = [plain_chance(alpha, beta, t**c) for t in range(len(SMALL))]
    total = SMALL[-1] * log(chance[-1])
    for t in range(1, len(SMALL)):
        total += (SMALL[t - 1] - SMALL[t]) * log(chance[t - 1] - chance[t])
    return total


def lives(n, *, seed, letters=(0.5, 3.0, 1.6), longest=15):
    """Tenure and whether it is over, of lives begun at different times."""
    rng = np.random.default_rng(seed)
    alpha, beta, c = letters
    there = rng.integers(3, longest + 1, n)
    own = -np.log1p(-np.minimum(rng.beta(alpha, beta, n), 1 - 1e-15))
    end = np.ceil((rng.exponential(size=n) / np.maximum(own, 1e-300)) ** (1 / c))
    return np.minimum(end, there), end <= there


@pytest.fixture
def cohorts(shared_data):
    return np.loadtxt(shared_data / "sbg" / "sbg_retention.csv", delimiter=",", skiprows=1, unpack=True)


@pytest.mark.parametrize(
    ("column", "letters", "likelihood"),
    [(1, [0.2143, 1.4266, 1.7236], -1605.31), (2, [0.4556, 0.7793, 1.2835], -1679.60)],
)
def test_it_gives_the_papers_parameters(cohorts, column, letters, likelihood):
    fit = bdw.fit(cohorts[column][:8])
    assert [round(v, 4) for v in fit.parameters.values()] == letters
    assert fit.log_likelihood == pytest.approx(likelihood, abs=0.01)
    assert fit.converged
    assert fit.boundary is None


def test_it_forecasts_five_more_years_as_published_and_better_than_sbg(cohorts):
    t = np.arange(8, 13)
    forecast = 1000 * bdw.survivor(bdw.fit(cohorts[1][:8]), t)
    assert 100 * np.abs(forecast / cohorts[1][8:] - 1).mean() == pytest.approx(1.27, abs=0.005)


def test_a_small_cohort_stands_on_the_top_of_the_plain_formula():
    fit = bdw.fit(SMALL)
    assert fit.boundary is None
    top = plain_log_likelihood(*fit.letters)
    assert fit.log_likelihood == pytest.approx(top, abs=1e-5)
    for k in range(3):
        for step in (0.97, 1.03):
            moved = [v * (step if i == k else 1) for i, v in enumerate(fit.letters)]
            assert plain_log_likelihood(*moved) < top


def test_known_parameters_come_back_from_lives_still_going_on():
    fit = bdw.fit_lives(*lives(60_000, seed=5))
    for name, truth in {"alpha": 0.5, "beta": 3.0, "c": 1.6}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    assert fit.standard_errors["c"] < 0.1


def test_it_never_fits_worse_than_the_model_inside_it():
    for seed in range(6):
        tenure, over = lives(400, seed=seed, letters=(0.8, 2.0, 1.0))
        assert bdw.fit_lives(tenure, over).log_likelihood >= sbg.fit_lives(tenure, over).log_likelihood - 1e-6


def test_with_the_clock_at_one_it_is_sbg():
    plain = sbg.Sbg({"alpha": 0.7, "beta": 2.0}, -1.0, 100.0, True, None, None, None)
    t = np.array([1, 2, 9, 400])
    clocked = model(0.7, 2.0, 1 + 1e-12)
    np.testing.assert_allclose(bdw.survivor(clocked, t), sbg.survivor(plain, t), rtol=1e-9)
    np.testing.assert_allclose(bdw.retention(clocked, t), sbg.retention(plain, t), rtol=1e-9)
    np.testing.assert_allclose(
        bdw.discounted_renewals(clocked, t, discount=0.1), sbg.discounted_renewals(plain, t, discount=0.1), rtol=1e-9
    )


@pytest.mark.parametrize("at", [(0.6, 2.5, 1.3), (30.0, 4.0, 0.4), (0.05, 60.0, 3.0)])
def test_the_slope_is_the_slope(at):
    likelihood = Likelihood(from_survivors([*SMALL, 260, 259, 255]))
    top = np.log(at)
    _, slope = likelihood(top)
    for k, nudge in enumerate(np.eye(3) * 1e-5):
        plain = (likelihood(top + nudge)[0] - likelihood(top - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-6, abs=1e-9)
    _, slope = likelihood.alike(top[[0, 2]])
    for k, nudge in enumerate(np.eye(2) * 1e-6):
        plain = (likelihood.alike(top[[0, 2]] + nudge)[0] - likelihood.alike(top[[0, 2]] - nudge)[0]) / 2e-6
        assert slope[k] == pytest.approx(plain, rel=1e-6, abs=1e-9)


def test_predictions_are_the_plain_averages():
    t = np.arange(9)
    chance = np.array([plain_chance(0.2143, 1.4266, s**1.7236) for s in t])
    np.testing.assert_allclose(bdw.survivor(model(), t), chance, rtol=1e-7)
    np.testing.assert_allclose(bdw.retention(model(), t[1:]), chance[1:] / chance[:-1], rtol=1e-7)
    np.testing.assert_allclose(bdw.p_leaves(model(), [2], horizon=6), 1 - chance[8] / chance[2], rtol=1e-6)
    plain = sum(chance[2 + k] / chance[2] * 1.1 ** (1 - k) for k in range(1, 7))
    assert bdw.discounted_renewals(model(), [2], discount=0.1, horizon=6)[0] == pytest.approx(plain, rel=1e-7)


@pytest.mark.parametrize("discount", [0.01, 0.1])
def test_without_a_horizon_what_is_left_off_is_under_a_billionth_of_a_renewal(discount):
    m = [0, 3, 200]
    endless = bdw.discounted_renewals(model(), m, discount=discount)
    within = bdw.discounted_renewals(model(), m, discount=discount, horizon=20_000)
    np.testing.assert_allclose(endless, within, atol=1.1e-9)
    assert (np.array(endless) <= np.array(within) + 1e-9).all()


@pytest.mark.parametrize("letters", [(0.2, 1.4, 1.7), (0.7, 2, 1e-5), (0.7, 2, 1000), (1e6, 1e6, 3), (1e-6, 1e6, 0.1)])
def test_extremes_stay_finite(letters):
    fit, tenure = model(*letters), [0, 1, 10_957, 100_000]
    found = [
        bdw.survivor(fit, tenure),
        bdw.p_leaves(fit, tenure, horizon=1),
        bdw.residual_tenure(fit, tenure, horizon=360),
        bdw.discounted_renewals(fit, tenure, discount=0.001),
    ]
    assert np.isfinite(found).all()
    assert (np.array(found) >= 0).all()


def test_everybody_alike_is_named_also_where_their_chance_changes():
    t = np.arange(8)
    fit = bdw.fit(np.floor(20_000 * np.exp(-0.05 * t**1.5)))
    assert "no measurable difference" in fit.boundary
    assert fit.parameters["c"] == pytest.approx(1.5, abs=0.02)


def test_leaving_that_stops_after_the_first_renewal_is_named():
    assert "nobody leaves after the first renewal" in bdw.fit([100, 50, 50, 50]).boundary
    assert "first renewal" in bdw.fit([50_000, 30_000, 29_990, 29_985, 29_982, 29_980]).boundary


def test_everybody_leaving_at_one_renewal_is_named():
    assert "same" in bdw.fit([1000, 1000, 1000, 999, 1, 0]).boundary


@pytest.mark.parametrize(
    ("survivors", "told"),
    [([29, 20, 15, 12], "29 people"), ([50, 50, 50], "nobody has left"), ([50, 40, 30], "only 2 renewals are seen")],
)
def test_what_cannot_be_learned_is_refused(survivors, told):
    with pytest.raises(NotEnoughData, match=told):
        bdw.fit(survivors)


def test_without_a_horizon_a_vanishing_discount_is_refused():
    with pytest.raises(BadInput, match="Give a horizon"):
        bdw.discounted_renewals(model(), [1], discount=1e-5)


def test_it_comes_back_from_json_as_it_was_and_another_models_is_refused():
    fit = bdw.fit(SMALL)
    assert bdw.Bdw.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    assert fit.likely_letters().shape == (6, 3)
    with pytest.raises(BadInput, match="wanted 'bdw'"):
        bdw.Bdw.from_json(sbg.fit(SMALL).to_json())
