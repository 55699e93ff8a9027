"""Lifetime value: against plain sums over short periods, simulated futures, and other draws of the same people."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rekindle.errors import BadInput, Degenerate
from rekindle.understand import baselines, bgnbd, gammagamma, mbgcnbd, mbgnbd, nbd, paretonbd
from rekindle.understand.lifetime_value import bootstrapped, discounted_purchases, lifetime_value

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models" / "lifetime_value.md"
COVARIANCE = np.diag([0.01, 0.02, 0.03, 0.04]).tolist()


def fits():
    """One fit of every model, as if of 100 people."""
    letters = {"r": 0.5, "alpha": 40.0, "a": 0.8, "b": 2.4}
    rest = (-1.0, 100.0, True, None, None, COVARIANCE)
    two = np.diag([0.01, 0.02]).tolist()
    return {
        "bgnbd": bgnbd.BgNbd(letters, *rest),
        "mbgnbd": mbgnbd.MbgNbd(letters, *rest),
        "mbgcnbd": mbgcnbd.MbgCnbdK({"k": 3.0, **letters}, *rest, {}),
        "paretonbd": paretonbd.ParetoNbd({"r": 0.55, "alpha": 74.0, "s": 0.6, "beta": 82.0}, *rest),
        "nbd": nbd.Nbd({"r": 0.4, "alpha": 80.0}, *rest[:-1], two),
    }


MODULES = {"bgnbd": bgnbd, "mbgnbd": mbgnbd, "mbgcnbd": mbgcnbd, "paretonbd": paretonbd, "nbd": nbd}
PEOPLE = ([0, 0, 1, 3, 3, 12], [0, 0, 20, 200, 60, 500], [5, 400, 30, 210, 300, 520])


def spend():
    letters = {"p": 6.25, "q": 3.74, "v": 1545.0}
    cov = (np.diag([1.0, 2.0, 3.0]) * 1e-3).tolist()
    return gammagamma.GammaGamma(letters, -1.0, 100.0, True, None, None, cov, 0.1, None)


def ask(fit, value_fit=None, people=PEOPLE, means=None, **changes):
    given = [np.nan if x == 0 else 3000.0 for x in people[0]] if means is None else means
    asked = {"horizon_days": 365, "discount_rate_per_year": 0.1, **changes}
    return lifetime_value(fit, value_fit, *people, given, **asked)


def plain_sum(name, fit, *, days, rate, steps):
    """Purchases of each short period times what a unit is worth in its middle, periods growing with the time away."""
    edges = np.expm1(np.linspace(0, np.log1p(days), steps + 1))
    total = np.zeros(len(PEOPLE[0]))
    before = np.zeros_like(total)
    for start, end in pairwise(edges):
        now = MODULES[name].expected_purchases(fit, *PEOPLE, horizon=end)
        total += (now - before) * (1 + rate) ** (-(start + end) / 2 / 365.25)
        before = now
    return total


@pytest.mark.parametrize("name", list(MODULES))
@pytest.mark.parametrize(("days", "rate"), [(365, 0.1), (1095, 0.3), (90, -0.05), (3650, 0.5)])
def test_the_discounted_sum_is_that_over_short_periods(name, days, rate):
    fit = fits()[name]
    ours = discounted_purchases(fit, *PEOPLE, horizon_days=days, discount_rate_per_year=rate)
    np.testing.assert_allclose(ours, plain_sum(name, fit, days=days, rate=rate, steps=200), rtol=2e-4)


@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd", "paretonbd"])
def test_without_end_is_the_limit_of_a_far_horizon(name):
    fit = fits()[name]
    endless = discounted_purchases(fit, *PEOPLE, horizon_days=None, discount_rate_per_year=0.4)
    plain = plain_sum(name, fit, days=365.25 * 30, rate=0.4, steps=200)
    np.testing.assert_allclose(endless, plain, rtol=5e-4)


@pytest.mark.parametrize("name", list(MODULES))
def test_the_columns_are_the_models_own_answers(name):
    fit, module = fits()[name], MODULES[name]
    found = ask(fit, spend(), discount_rate_per_year=0.0, margin=0.3)
    np.testing.assert_allclose(found["p_alive"], module.p_alive(fit, *PEOPLE), rtol=1e-12)
    expected = module.expected_purchases(fit, *PEOPLE, horizon=365)
    np.testing.assert_allclose(found["expected"], expected, rtol=1e-9)
    worth = gammagamma.expected_value(spend(), PEOPLE[0], np.full(6, 3000.0))
    np.testing.assert_allclose(found["mid"], 0.3 * expected * worth, rtol=1e-9)
    assert (found["low"] < found["mid"]).all()
    assert (found["mid"] < found["high"]).all()
    assert found["reasons"] == {}


def test_a_margin_may_differ_between_people():
    one, other = ask(fits()["mbgnbd"], spend()), ask(fits()["mbgnbd"], spend(), margin=[1, 0.5, 0.1, 1, 1, 0.2])
    np.testing.assert_allclose(other["high"] / one["high"], [1, 0.5, 0.1, 1, 1, 0.2])


def test_people_come_back_in_their_order_and_apart():
    everyone = ask(fits()["mbgnbd"], spend())
    for i in (5, 0, 3):
        alone = ask(fits()["mbgnbd"], spend(), people=tuple([column[i]] for column in PEOPLE))
        for name in ("p_alive", "expected", "discounted", "low", "mid", "high"):
            assert alone[name][0] == pytest.approx(everyone[name][i], rel=1e-12)


def test_it_adds_up_to_what_simulated_buyers_spend(simulate_buyers):
    people = simulate_buyers(20_000, seed=21, first_coin=1, after=365.0)
    repeat = people.x > 0
    fit = mbgnbd.fit(people.x, people.t_x, people.T)
    value_fit = gammagamma.fit(people.x[repeat], people.mean_value[repeat])
    rows = (people.x, people.t_x, people.T)
    found = ask(fit, value_fit, people=rows, means=people.mean_value, discount_rate_per_year=0.0)
    assert found["mid"].sum() == pytest.approx(people.value_after.sum(), rel=0.06)
    assert found["expected"].sum() == pytest.approx(people.count_after.sum(), rel=0.04)


def test_the_range_holds_the_true_expectation_8_times_in_10(simulate_buyers):
    truth = replace(fits()["mbgnbd"], parameters={"r": 0.5, "alpha": 40.0, "a": 0.8, "b": 2.4})
    true_spend = replace(spend(), parameters={"p": 6.25, "q": 3.74, "v": 1545.0})
    aim = ask(truth, true_spend)["mid"]
    held = []
    for seed in range(60):
        people = simulate_buyers(3000, seed=1000 + seed, first_coin=1)
        repeat = people.x > 0
        fit = mbgnbd.fit(people.x, people.t_x, people.T)
        found = ask(fit, gammagamma.fit(people.x[repeat], people.mean_value[repeat]))
        held.append((found["low"] <= aim) & (aim <= found["high"]))
    # 60 draws: one standard error of a share of .8 is .05 for each person, less for their mean.
    assert np.mean(held) == pytest.approx(0.8, abs=0.1)
    assert (np.mean(held, axis=0) > 0.6).all()


def test_weighing_people_anew_gives_the_same_range(simulate_buyers):
    people = simulate_buyers(4000, seed=5, first_coin=1)
    rows = (people.x, people.t_x, people.T)
    fit = mbgnbd.fit(*rows)
    draws = bootstrapped(mbgnbd.fit, *rows, seed=3, times=40)
    one, other = ask(fit, spend()), ask(fit, spend(), likely=draws)
    widths = np.log(one["high"] / one["low"]) / np.log(other["high"] / other["low"])
    # Forty draws tell a spread to about 11 % of itself (one standard error).
    np.testing.assert_allclose(widths, 1, atol=0.4)
    np.testing.assert_allclose(one["mid"], other["mid"])
    assert bootstrapped(mbgnbd.fit, *rows, seed=3, times=8) == draws[:8]


def test_a_less_sure_fit_has_a_wider_range():
    fit = fits()["mbgnbd"]
    unsure = replace(fit, covariance=(np.array(COVARIANCE) * 4).tolist())
    near, far = ask(fit, spend()), ask(unsure, spend())
    assert (far["high"] - far["low"] > near["high"] - near["low"]).all()
    np.testing.assert_allclose(far["mid"], near["mid"])


def test_the_page_gives_what_the_code_gives():
    text = PAGE.read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+|none) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.M)
    assert len(table) >= 4
    for x, t_x, T, mean, *told in table:
        means = [np.nan if mean == "none" else float(mean)]
        people = ([float(x)], [float(t_x)], [float(T)])
        found = ask(fits()["mbgnbd"], spend(), people=people, means=means, margin=0.3)
        for name, value in zip(("low", "mid", "high"), told, strict=True):
            assert found[name][0] == pytest.approx(float(value), abs=0.006)


@pytest.mark.parametrize("name", list(MODULES))
@pytest.mark.parametrize(
    ("x", "t_x", "T"), [(0, 0, 0), (0, 0, 10_957), (1e5, 10_957, 10_957), (1e5, 1, 10_957), (3, 5, 5)]
)
def test_extremes_stay_finite(name, x, t_x, T):
    found = ask(fits()[name], spend(), people=([x], [t_x], [T]))
    columns = [found[c] for c in ("p_alive", "expected", "discounted", "low", "mid", "high")]
    assert np.isfinite(columns).all()
    assert found["low"][0] <= found["mid"][0] <= found["high"][0]


def test_without_end_there_is_no_sum_of_purchases():
    found = ask(fits()["mbgnbd"], spend(), horizon_days=None)
    assert found["expected"] is None
    assert "no limit" in found["reasons"]["expected"]
    assert np.isfinite(found["high"]).all()


def test_a_baseline_gives_a_middle_and_says_why_no_range():
    rate = baselines.Rate(n=100, crowd_rate=0.01)
    found = ask(rate, spend())
    assert found["p_alive"] is None
    assert found["low"] is None
    assert {"p_alive", "low", "high"} == set(found["reasons"])
    np.testing.assert_allclose(found["expected"], baselines.expected_purchases(rate, *PEOPLE, horizon=365))


def test_without_a_fit_of_values_the_plain_mean_is_used_and_said():
    found = ask(fits()["mbgnbd"])
    np.testing.assert_allclose(found["mid"], found["discounted"] * 3000.0)
    assert "plain mean" in found["reasons"]["mid"]
    assert (found["low"] < found["high"]).all()
    edge = ask(fits()["mbgnbd"], replace(spend(), boundary="q is 0.9"))
    assert "q is 0.9" in edge["reasons"]["mid"]


def test_what_is_not_known_is_none_with_a_reason():
    nothing = ask(fits()["mbgnbd"], means=[np.nan] * 6)
    assert nothing["mid"] is None
    assert "known value" in nothing["reasons"]["mid"]
    unsure = ask(replace(fits()["mbgnbd"], covariance=None), spend())
    assert unsure["low"] is None
    assert "standard errors" in unsure["reasons"]["low"]
    vague = ask(fits()["mbgnbd"], replace(spend(), covariance=None))
    assert vague["high"] is None
    assert "fit of values" in vague["reasons"]["high"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"discount_rate_per_year": -1}, "discount"),
        ({"discount_rate_per_year": 0.0, "horizon_days": None}, "without end"),
        ({"horizon_days": 0}, "horizon"),
        ({"margin": 0}, "margin is 0"),
        ({"margin": [1, 1, 1, 2, 1, 1]}, "row 3"),
        ({"margin": [1, 1]}, "margin has shape"),
        ({"means": [np.nan, np.nan, 1, 1, -1, 1]}, "row 4"),
        ({"means": [1.0]}, "mean_value"),
        ({"people": ([1, 1], [2, 9], [5, 5])}, "row 1"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, told):
    with pytest.raises(BadInput, match=told):
        ask(fits()["mbgnbd"], spend(), **changes)


def test_where_nobody_leaves_nothing_is_said_without_end():
    for fit in (baselines.Rate(n=100, crowd_rate=0.01), fits()["nbd"]):
        with pytest.raises(BadInput, match="nobody ever leaves"):
            ask(fit, spend(), horizon_days=None)


def test_fits_of_another_model_are_not_likely():
    with pytest.raises(BadInput, match="likely fits"):
        ask(fits()["mbgnbd"], spend(), likely=[fits()["bgnbd"]] * 8)


def test_too_few_draws_and_draws_at_a_boundary_are_refused(simulate_buyers):
    people = simulate_buyers(3000, seed=8, first_coin=0, letters=(0.7, 65.0, 1e-6, 50.0))
    with pytest.raises(BadInput, match="3 draws"):
        bootstrapped(bgnbd.fit, people.x, people.t_x, people.T, seed=1, times=3)
    with pytest.raises(Degenerate, match="no measurable drop-out"):
        bootstrapped(bgnbd.fit, people.x, people.t_x, people.T, seed=1)


def test_inputs_are_left_as_they_were():
    rows = [np.array(c, dtype=float) for c in (*PEOPLE, [np.nan, np.nan, 1, 2, 3, 4])]
    before = [c.copy() for c in rows]
    lifetime_value(fits()["mbgnbd"], spend(), *rows, horizon_days=90, discount_rate_per_year=0.1)
    for now, then in zip(rows, before, strict=True):
        np.testing.assert_array_equal(now, then)
