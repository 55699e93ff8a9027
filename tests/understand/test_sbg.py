"""sBG: published values, known truth, closed forms against plain integrals, limits, and what it refuses to say."""

from __future__ import annotations

import json
from math import log

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta as beta_law

from rekindle.errors import BadInput, Degenerate, NotEnoughData
from rekindle.understand import sbg
from rekindle.understand.betaweibull import Likelihood
from rekindle.understand.renewals import from_survivors

# A cohort small enough to keep here.
SMALL = [400, 330, 291, 265, 247, 233]


def model(alpha=0.668, beta=3.806):
    return sbg.Sbg({"alpha": alpha, "beta": beta}, -1.0, 100.0, True, None, None, None)


def plain_chance(alpha, beta, power):
    """Average of a power of (1 - theta), over the spread of theta, by quadrature."""
    return quad(lambda theta: (1 - theta) ** power * beta_law.pdf(theta, alpha, beta), 0, 1, epsabs=1e-12)[0]


def plain_log_likelihood(alpha, beta):
    """The paper's formula, one renewal after another."""
    total = SMALL[-1] * log(plain_chance(alpha, beta, len(SMALL) - 1))
    for t in range(1, len(SMALL)):
        left = plain_chance(alpha, beta, t - 1) - plain_chance(alpha, beta, t)
        total += (SMALL[t - 1] - SMALL[t]) * log(left)
    return total


def lives(n, *, seed, letters=(0.8, 3.0), longest=12):
    """Tenure, whether it is over, and the renewals there could have been, of lives begun at different times."""
    rng = np.random.default_rng(seed)
    there = rng.integers(1, longest + 1, n)
    end = rng.geometric(np.maximum(rng.beta(*letters, n), 1e-12))
    return np.minimum(end, there), end <= there, there


@pytest.fixture
def cohorts(shared_data):
    return np.loadtxt(shared_data / "sbg" / "sbg_retention.csv", delimiter=",", skiprows=1, unpack=True)


@pytest.mark.parametrize(
    ("column", "alpha", "beta", "likelihood"), [(1, 0.668, 3.806, -1611.16), (2, 0.704, 1.182, -1680.27)]
)
def test_it_gives_the_papers_parameters(cohorts, column, alpha, beta, likelihood):
    fit = sbg.fit(cohorts[column][:8])
    assert [round(v, 3) for v in fit.parameters.values()] == [alpha, beta]
    assert fit.log_likelihood == pytest.approx(likelihood, abs=0.01)
    assert fit.n == 1000
    assert fit.converged
    assert fit.boundary is None


def test_it_forecasts_five_more_years_as_published(cohorts):
    fit = sbg.fit(cohorts[1][:8])
    forecast = 1000 * sbg.survivor(fit, np.arange(8, 13))
    assert 100 * np.abs(forecast / cohorts[1][8:] - 1).mean() == pytest.approx(2.83, abs=0.005)


def test_a_small_cohort_stands_on_the_top_of_the_plain_formula():
    fit = sbg.fit(SMALL)
    alpha, beta = fit.letters
    top = plain_log_likelihood(alpha, beta)
    assert fit.log_likelihood == pytest.approx(top, abs=1e-6)
    for step in (0.99, 1.01):
        assert plain_log_likelihood(alpha * step, beta) < top
        assert plain_log_likelihood(alpha, beta * step) < top


def test_known_parameters_come_back_from_lives_still_going_on():
    tenure, over, _ = lives(40_000, seed=1)
    fit = sbg.fit_lives(tenure, over)
    for name, truth in {"alpha": 0.8, "beta": 3.0}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    assert fit.standard_errors["alpha"] < 0.05


def test_known_parameters_come_back_where_records_begin_late():
    tenure, over, there = lives(60_000, seed=2)
    entered = np.minimum(there - 1, 4)
    seen = tenure > entered
    fit = sbg.fit_lives(tenure[seen], over[seen], entered=entered[seen])
    for name, truth in {"alpha": 0.8, "beta": 3.0}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    # Taken as if they had been followed from the start, the same people look far more loyal than they are.
    assert sbg.retention(sbg.fit_lives(tenure[seen], over[seen]), 1)[0] > sbg.retention(fit, 1)[0] + 0.05


def test_lives_of_a_cohort_give_the_fit_of_the_cohort():
    tenure = np.repeat([1, 2, 3, 4, 5, 5], [*-np.diff(SMALL), SMALL[-1]])
    over = np.arange(SMALL[0]) < SMALL[0] - SMALL[-1]
    one, other = sbg.fit(SMALL), sbg.fit_lives(tenure, over)
    assert one == other
    rows, counts = np.unique(np.stack([tenure, over]), axis=1, return_counts=True)
    weighted = sbg.fit_lives(rows[0], rows[1], weights=counts)
    assert weighted.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)


def test_the_slope_is_the_slope():
    likelihood = Likelihood(from_survivors(SMALL))
    at = np.log([0.6, 2.5])
    _, slope = likelihood.without_clock(at)
    for k, nudge in enumerate(np.eye(2) * 1e-5):
        plain = (likelihood.without_clock(at + nudge)[0] - likelihood.without_clock(at - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-6)


def test_survivor_and_retention_are_the_plain_averages():
    t = np.arange(1, 9)
    chance = [plain_chance(0.668, 3.806, s) for s in range(9)]
    np.testing.assert_allclose(sbg.survivor(model(), np.arange(9)), chance, rtol=1e-9)
    np.testing.assert_allclose(sbg.retention(model(), t), np.divide(chance[1:], chance[:-1]), rtol=1e-9)
    np.testing.assert_allclose(sbg.retention(model(), t), (3.806 + t - 1) / (0.668 + 3.806 + t - 1), rtol=1e-14)


def test_the_chance_of_leaving_is_what_survival_loses():
    gone = sbg.p_leaves(model(), [0, 4, 9], horizon=3)
    kept = sbg.survivor(model(), [3, 7, 12]) / sbg.survivor(model(), [0, 4, 9])
    np.testing.assert_allclose(gone, 1 - kept, rtol=1e-12)


@pytest.mark.parametrize("letters", [(0.668, 3.806), (2.0, 5.0), (0.05, 0.02), (3.3, 40.0)])
@pytest.mark.parametrize("discount", [0.01, 0.1, 0.5])
def test_discounted_renewals_are_the_papers_closed_form(letters, discount):
    alpha, beta = letters
    m = np.array([0, 1, 5, 20])
    closed = (beta + m) / (alpha + beta + m) * hyp2f1(1, beta + m + 1, alpha + beta + m + 1, 1 / (1 + discount))
    found = sbg.discounted_renewals(model(alpha, beta), m, discount=discount)
    np.testing.assert_allclose(found, closed, atol=1.1e-9, rtol=1e-12)


def test_renewals_within_a_horizon_are_the_plain_sum():
    fit, m, discount = model(), np.array([7, 0, 3, 0]), 0.1
    share = [[sbg.survivor(fit, t + k)[0] / sbg.survivor(fit, t)[0] for k in range(1, 6)] for t in m]
    plain = (np.array(share) * 1.1 ** -np.arange(5)).sum(axis=1)
    np.testing.assert_allclose(sbg.discounted_renewals(fit, m, discount=discount, horizon=5), plain, rtol=1e-12)
    np.testing.assert_allclose(sbg.residual_tenure(fit, m, horizon=5), np.sum(share, axis=1), rtol=1e-12)


def test_value_is_renewals_times_what_one_brings_later_where_a_part_of_the_period_is_to_go():
    fit, m = model(), [2, 2, 8]
    count = sbg.discounted_renewals(fit, m, discount=0.1)
    worth = sbg.renewal_value(fit, m, value=[50.0, 50.0, 20.0], discount=0.1, until_next=[0.0, 1.0, 0.25])
    np.testing.assert_allclose(worth, count * [50, 50 / 1.1, 20 * 1.1**-0.25], rtol=1e-14)


def test_without_a_horizon_the_mean_is_the_limit_of_the_sums_or_has_none():
    fit = model(3.3, 40.0)
    np.testing.assert_allclose(
        sbg.endless_tenure(fit, [0, 10]), sbg.residual_tenure(fit, [0, 10], horizon=100_000), rtol=1e-6
    )
    with pytest.raises(Degenerate, match=r"alpha is 0\.668"):
        sbg.endless_tenure(model(), [0])


@pytest.mark.parametrize("letters", [(0.668, 3.806), (1e-6, 1e-6), (1e6, 1e6), (1e-3, 1e5)])
def test_extremes_stay_finite(letters):
    fit, tenure = model(*letters), [0, 1, 10_957, 100_000]
    found = [
        sbg.survivor(fit, tenure),
        sbg.p_leaves(fit, tenure, horizon=1),
        sbg.residual_tenure(fit, tenure, horizon=360),
        sbg.discounted_renewals(fit, tenure, discount=1e-4),
    ]
    assert np.isfinite(found).all()
    assert (np.array(found) >= 0).all()
    assert (found[2] <= 360).all()
    assert (found[3] <= 10_001).all()


def test_everybody_alike_is_named():
    fit = sbg.fit([10_000, 8000, 6400, 5120, 4096])
    assert "no measurable difference" in fit.boundary
    assert sbg.retention(fit, 4)[0] == pytest.approx(0.8, abs=1e-3)
    assert "BdW" not in fit.boundary


def test_leaving_that_grows_likelier_points_to_the_other_model():
    assert "BdW can show" in sbg.fit([1000, 900, 700, 400, 100]).boundary


def test_nobody_leaving_after_the_first_renewal_is_named():
    assert "nobody leaves after the first renewal" in sbg.fit([100, 50, 50, 50]).boundary


@pytest.mark.parametrize(
    ("survivors", "told"),
    [
        ([29, 20, 15], "29 people"),
        ([0, 0, 0], "0 people"),
        ([50, 50, 50], "nobody has left"),
        ([50, 40], "only 1 renewal is seen"),
        ([50, 0, 0], "only 1 renewal is seen"),
    ],
)
def test_what_cannot_be_learned_is_refused(survivors, told):
    with pytest.raises(NotEnoughData, match=told):
        sbg.fit(survivors)


def test_lives_in_their_first_period_teach_nothing():
    with pytest.raises(NotEnoughData, match="0 people who met a renewal"):
        sbg.fit_lives([0] * 50, [False] * 50)


def test_nobody_at_all_is_refused_and_asked_about_gives_nothing():
    with pytest.raises(NotEnoughData, match="0 people"):
        sbg.fit_lives([], [])
    assert sbg.survivor(model(), []).size == 0
    assert sbg.residual_tenure(model(), [], horizon=3).size == 0
    assert sbg.discounted_renewals(model(), [], discount=0.1).size == 0


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda f: sbg.survivor(f, [1, -1]), "row 1: t is -1"),
        (lambda f: sbg.retention(f, [1, 0]), "row 1: t is 0"),
        (lambda f: sbg.retention(f, [np.nan]), "t is nan"),
        (lambda f: sbg.residual_tenure(f, [1], horizon=0), "horizon is 0"),
        (lambda f: sbg.residual_tenure(f, [1], horizon=np.inf), "horizon is inf"),
        (lambda f: sbg.p_leaves(f, [1], horizon=1.5), "horizon is 1.5"),
        (lambda f: sbg.discounted_renewals(f, [1], discount=-0.1), "discount is -0.1"),
        (lambda f: sbg.discounted_renewals(f, [1], discount=0), "Give a horizon"),
        (lambda f: sbg.discounted_renewals(f, [1, 2], discount=0.1, until_next=[0, 2]), "row 1: until_next is 2"),
        (lambda f: sbg.discounted_renewals(f, [1, 2], discount=0.1, until_next=[0, 0, 0]), "until_next is"),
        (lambda f: sbg.renewal_value(f, [1], value=np.nan, discount=0.1), "value is nan"),
        (lambda f: sbg.renewal_value(f, [1, 1], value=[1, np.inf], discount=0.1), "row 1: value is inf"),
        (lambda f: sbg.renewal_value(f, [1], value=[1, 2], discount=0.1), "value is"),
    ],
)
def test_an_impossible_question_is_refused_by_name(ask, told):
    with pytest.raises(BadInput, match=told):
        ask(model())


def test_it_comes_back_from_json_as_it_was_and_another_models_is_refused():
    fit = sbg.fit(SMALL)
    assert sbg.Sbg.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    assert fit.likely_letters().shape == (4, 2)
    with pytest.raises(BadInput, match="wanted 'sbg'"):
        sbg.Sbg.from_json({**fit.to_json(), "model": "bdw"})
    with pytest.raises(BadInput, match="cannot be read"):
        sbg.Sbg.from_json({**fit.to_json(), "parameters": {"alpha": 1.0}})


def test_inputs_are_left_as_they_were():
    tenure, over, _ = lives(500, seed=3)
    before = tenure.copy(), over.copy()
    sbg.discounted_renewals(sbg.fit_lives(tenure, over), tenure, discount=0.1)
    np.testing.assert_array_equal(tenure, before[0])
    np.testing.assert_array_equal(over, before[1])
