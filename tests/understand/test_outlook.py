"""What to expect of each person, and that the ranges hold what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rekindle.errors import BadInput
from rekindle.understand import baselines, bgnbd, gammagamma, mbgnbd
from rekindle.understand.outlook import outlook
from rekindle.understand.predictive import beliefs, count_ranges

COLUMNS = [
    "p_alive",
    "p_none",
    "p_none_low",
    "p_none_high",
    "expected",
    "expected_low",
    "expected_high",
    "value",
    "value_low",
    "value_high",
]


def ask(fit, spend, people, **changes):
    asked = {"horizon_days": 90, "value_horizon_days": 90, "discount_rate_per_year": 0.0, **changes}
    return outlook(fit, spend, people.x, people.t_x, people.T, people.mean_value, **asked)


def inside(value, low, high):
    return ((value >= low) & (value <= high)).mean()


@pytest.fixture(scope="module", params=[bgnbd, mbgnbd], ids=["bgnbd", "mbgnbd"])
def known(request, simulate_buyers):
    """Simulated buyers, the models fitted on them, and the outlook."""
    coin = 1 if request.param is mbgnbd else 0
    # Buyers lively enough that their ranges seldom begin at zero, where a count range holds too much.
    people = simulate_buyers(6000, seed=11, first_coin=coin, letters=(1.5, 12.0, 0.6, 6.0))
    repeat = people.x > 0
    fit = request.param.fit(people.x, people.t_x, people.T)
    spend = gammagamma.fit(people.x[repeat], people.mean_value[repeat])
    return people, fit, spend, ask(fit, spend, people)


def test_the_range_of_the_own_chance_of_none_holds_it_8_times_in_10(known):
    people, fit, _, found = known
    odds = people.leave / (1 - people.leave) * np.exp(np.minimum(people.rate * (people.T - people.t_x), 700))
    gone = np.where(people.x + fit.first_coin > 0, odds, 0.0)
    own = 1 - (1 - np.exp(-people.rate * 90)) / (1 + gone)
    low, high = found["p_none_low"], found["p_none_high"]
    # An upper end at 1 has nothing above it and so holds nine in ten; elsewhere it is eight.
    two_sided = high < 0.99
    assert two_sided.mean() > 0.3
    assert inside(own[two_sided], low[two_sided], high[two_sided]) == pytest.approx(0.8, abs=0.03)
    assert inside(own, low, high) >= 0.78


def test_the_range_of_values_holds_8_in_10_where_it_is_not_zero(known):
    people, _, _, found = known
    some = found["value_high"] > 0
    held = inside(people.value_after[some], found["value_low"][some], found["value_high"][some])
    assert held == pytest.approx(0.8, abs=0.03)


def test_the_range_of_counts_holds_at_least_8_in_10(known):
    people, _, _, found = known
    assert 0.78 <= inside(people.count_after, found["expected_low"], found["expected_high"]) <= 0.95


def test_expectations_are_right_in_total(known):
    people, _, _, found = known
    assert found["expected"].sum() == pytest.approx(people.count_after.sum(), rel=0.05)
    assert found["value"].sum() == pytest.approx(people.value_after.sum(), rel=0.1)
    assert found["p_none"].mean() == pytest.approx((people.count_after == 0).mean(), abs=0.02)


def test_every_range_is_in_order_and_finite(known):
    found = known[3]
    assert all(np.isfinite(found[name]).all() for name in COLUMNS)
    assert (found["p_none_low"] <= found["p_none"]).all()
    assert (found["p_none"] <= found["p_none_high"]).all()
    assert (found["expected_low"] <= found["expected_high"]).all()
    assert (found["value_low"] <= found["value_high"]).all()
    assert found["reasons"] == {}


def test_a_less_sure_fit_leaves_more_open_about_a_newcomer(simulate_buyers):
    many = simulate_buyers(20_000, seed=3, first_coin=1)
    sure = mbgnbd.fit(many.x, many.t_x, many.T)
    unsure = replace(sure, covariance=(np.array(sure.covariance) * 50).tolist())
    asked = {"horizon_days": 90, "value_horizon_days": 90, "discount_rate_per_year": 0.0}
    tops = [outlook(fit, None, [0], [0], [20], [np.nan], **asked)["p_none_high"][0] for fit in (sure, unsure)]
    assert tops[1] > tops[0]


def test_a_discount_takes_off_what_the_formula_says(known):
    people, fit, spend, _ = known
    whole = ask(fit, spend, people, value_horizon_days=365.25)
    less = ask(fit, spend, people, value_horizon_days=365.25, discount_rate_per_year=0.2)
    share = less["value"] / whole["value"]
    assert ((share > 1 / 1.2) & (share < 1)).all()
    lively = np.argmin(np.abs(people.T - people.t_x))
    even = (1 - 1 / 1.2) / np.log(1.2)  # purchases spread evenly over the year
    assert share[lively] == pytest.approx(even, rel=0.02)
    np.testing.assert_allclose(less["value_high"], whole["value_high"] * share, rtol=1e-9)


def test_nobody_known_yet_is_worth_the_crowds_mean(known):
    _, fit, spend, _ = known
    asked = {"horizon_days": 90, "value_horizon_days": 90, "discount_rate_per_year": 0.0}
    found = outlook(fit, spend, [0], [0], [30], [np.nan], **asked)
    assert found["value"][0] == pytest.approx(found["expected"][0] * gammagamma.population_mean(spend))


def test_a_repeat_buyer_of_unknown_value_counts_as_the_crowd(known):
    _, fit, spend, _ = known
    asked = {"horizon_days": 90, "value_horizon_days": 90, "discount_rate_per_year": 0.0}
    found = outlook(fit, spend, [3, 3], [20, 20], [30, 30], [np.nan, 600.0], **asked)
    assert found["value"][0] == pytest.approx(found["expected"][0] * gammagamma.population_mean(spend))
    assert found["value_high"][0] > 0


def test_without_a_fit_of_values_the_plain_mean_is_used_and_said(known):
    people, fit, _, _ = known
    found = ask(fit, None, people)
    known_x = np.where(people.x > 0, people.x, 0)
    plain = np.nansum(known_x * people.mean_value) / known_x.sum()
    np.testing.assert_allclose(found["value"], found["expected"] * plain, rtol=1e-9)
    assert "plain mean" in found["reasons"]["value"]


def test_no_known_value_at_all_is_none_with_a_reason(known):
    _, fit, _, _ = known
    asked = {"horizon_days": 90, "value_horizon_days": 90, "discount_rate_per_year": 0.0}
    found = outlook(fit, None, [0, 2], [0, 9], [30, 30], [np.nan, np.nan], **asked)
    assert found["value"] is None
    assert "known value" in found["reasons"]["value"]


def test_the_rate_baseline_gives_ranges_but_no_p_alive(known):
    people, _, spend, _ = known
    found = ask(baselines.learn_rate(people.x, people.t_x, people.T), spend, people)
    assert found["p_alive"] is None
    assert "baseline" in found["reasons"]["p_alive"]
    assert all(np.isfinite(found[name]).all() for name in COLUMNS[1:])


def test_the_recency_baseline_says_what_it_cannot(known):
    people, _, spend, _ = known
    fit = baselines.learn_recency(people.x, people.t_x, people.T, seen=people.count_after, horizon=90)
    found = ask(fit, spend, people)
    assert found["p_alive"] is None
    assert found["p_none_low"] is None
    assert found["value_high"] is None
    assert {"p_alive", "p_none_low", "value_high"} <= set(found["reasons"])
    assert inside(people.count_after, found["expected_low"], found["expected_high"]) >= 0.8
    assert ask(fit, spend, people, horizon_days=30)["expected_low"] is None


def test_count_ranges_far_up_are_those_of_the_plain_sum():
    fit = baselines.Rate(n=100, crowd_rate=1.0)
    x, T = np.array([3000.0, 200.0, 0.0]), np.array([1000.0, 100.0, 100.0])
    low, high = count_ranges(beliefs(fit, x, T / 2, T), horizon=100.0)
    rng = np.random.default_rng(1)
    shape, time = fit.belief(x, T)
    drawn = rng.poisson(rng.gamma(shape, 1 / time, (200_000, 3)) * 100)
    np.testing.assert_allclose(low[:2], np.quantile(drawn[:, :2], 0.1, axis=0), atol=2)
    np.testing.assert_allclose(high[:2], np.quantile(drawn[:, :2], 0.9, axis=0), atol=2)
    assert low[2] == 0
    assert high[2] == np.quantile(drawn[:, 2], 0.8)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"discount_rate_per_year": -1}, "discount"), ({"horizon_days": 0}, "horizon"), ({"mean_value": [-5]}, "mean")],
)
def test_what_makes_no_sense_is_refused(known, changes, told):
    _, fit, spend, _ = known
    asked = {"mean_value": [5.0], "horizon_days": 90, "value_horizon_days": 90, "discount_rate_per_year": 0, **changes}
    mean = asked.pop("mean_value")
    with pytest.raises(BadInput, match=told):
        outlook(fit, spend, [1], [5], [9], mean, **asked)
