"""Drift is called where people changed, and not where chance or the mere passing of time explains it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import ks_2samp

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import baselines, bgnbd, mbgcnbd, mbgnbd, nbd, paretonbd
from rekindle.understand.drift import LARGE, SMALL, Drift, drift, shift, since, stability_index
from rekindle.understand.origins import Origin, Window


def people(n: int, *, rng: np.random.Generator, longest: float = 540.0, pace: float = 40.0):
    """Histories and the next 90 days of buyers with a pace of their own who never leave."""
    T = np.floor(rng.random(n) * longest) + 1
    rate = rng.gamma(1.0, 1 / pace, n)
    x = rng.poisson(rate * T).astype(float)
    t_x = np.where(x > 0, np.maximum(np.floor(T * rng.beta(np.maximum(x, 1), 1)), 1), 0)
    return (x, np.minimum(t_x, T), T), rng.poisson(rate * 90).astype(float)


def test_the_largest_difference_and_its_p_are_scipys():
    rng = np.random.default_rng(1)
    then, now = rng.normal(size=700), rng.normal(0.1, 1.1, 900)
    found = shift("x", then, now)
    theirs = ks_2samp(then, now, method="asymp")
    assert found.ks == pytest.approx(theirs.statistic)
    assert found.ks_p == pytest.approx(theirs.pvalue, rel=0.1)  # scipy rounds the sample size


def test_the_stability_index_is_the_plain_sum():
    rng = np.random.default_rng(2)
    then, now = rng.exponential(1.0, 4000), rng.exponential(1.3, 5000)
    edges = [-np.inf, *np.quantile(then, np.arange(1, 10) / 10, method="inverted_cdf"), np.inf]
    total = 0.0
    for low, high in itertools.pairwise(edges):
        a = (np.sum((then > low) & (then <= high)) + 0.5) / 4005
        b = (np.sum((now > low) & (now <= high)) + 0.5) / 5005
        total += (b - a) * np.log(b / a)
    assert stability_index(then, now) == (pytest.approx(total), 10)


def test_without_drift_the_index_passes_what_chance_reaches_once_in_a_hundred():
    rng = np.random.default_rng(3)
    found = [shift("x", rng.normal(size=600), rng.normal(size=400)) for _ in range(1000)]
    over = sum(one.psi > one.psi_by_chance for one in found)
    assert 2 <= over <= 25  # 10 wanted
    assert sum(one.ks_p < 0.01 for one in found) <= 20
    assert sum(one.has_drifted for one in found) <= 10


def test_equal_values_stay_in_one_group():
    then, now = np.zeros(500), np.zeros(300)
    assert stability_index(then, now) == (pytest.approx(0, abs=1e-9), 1)
    found = shift("x", then, now)
    assert (found.ks, found.ks_p, found.has_drifted) == (0, 1, False)


@pytest.mark.parametrize(
    ("factor", "words"), [(1.0, "no drift"), (1.25, "but little"), (1.6, "moved;"), (3.0, "a lot")]
)
def test_the_sentence_grows_with_the_shift(factor, words):
    rng = np.random.default_rng(4)
    found = shift("gap", rng.exponential(20, 20_000), rng.exponential(20 * factor, 20_000))
    assert words in found.text
    assert f"PSI {found.psi:.3f}" in found.text
    assert found.has_drifted == (found.psi >= SMALL)
    assert ("a lot" in found.text) == (found.psi >= LARGE)


def test_a_base_that_only_grew_older_shows_no_drift():
    rng = np.random.default_rng(5)
    then, came = people(5000, rng=rng, longest=400)
    now, _ = people(6000, rng=rng, longest=490)
    fit = baselines.learn_rate(*then)
    found = drift(fit, then, now, came=came, horizon_days=90)
    assert [one.feature for one in found.shifts] == ["x", "silence", "gap", "p_none"]
    assert not any(one.has_drifted for one in found.shifts)
    assert all("no drift that this many people could show" in one.text for one in found.shifts)
    assert all(one.now < 6000 for one in found.shifts)


def test_slower_people_are_noticed_in_what_is_read_and_in_what_came():
    rng = np.random.default_rng(6)
    then, _ = people(5000, rng=rng)
    now, fewer = people(5000, rng=rng, pace=120)
    found = drift(baselines.learn_rate(*then), then, now, came=fewer, horizon_days=90)
    assert {one.feature for one in found.shifts if one.has_drifted} >= {"x", "gap", "p_none"}
    assert {one.quantity for one in found.misses if one.has_drifted} == {"purchases", "none"}
    assert found.text.startswith("Drift: repeat purchases, ")
    purchases = found.misses[0]
    assert f"{purchases.expected:,.0f} purchases were expected and {purchases.seen:,.0f} came" in purchases.text


def test_the_interval_holds_a_right_expectation_nineteen_times_in_twenty():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        then, came = people(400, rng=rng, pace=30)
        found = drift(baselines.learn_rate(*then), then, then, came=came, horizon_days=90).misses[0]
        held += found.low <= found.expected <= found.high
    assert 175 <= held <= 200  # 190 wanted; x / T is right on average


def test_the_interval_knows_that_a_fit_is_learned_from_few(simulate_buyers):
    held = {"purchases": 0, "none": 0}
    for seed in range(1000, 1100):
        buyers = simulate_buyers(1000, seed=seed, first_coin=1)
        columns = (buyers.x, buyers.t_x, buyers.T)
        found = drift(mbgnbd.fit(*columns), columns, columns, came=buyers.count_after, horizon_days=90)
        for miss in found.misses:
            held[miss.quantity] += miss.low <= miss.expected <= miss.high
    assert all(90 <= times <= 99 for times in held.values())  # 95 wanted; 400 runs gave 380 and 382


def test_a_closed_base_cannot_be_compared_and_says_so():
    rng = np.random.default_rng(8)
    then, came = people(2000, rng=rng)
    now = (then[0], then[1], then[2] + 1000)
    found = drift(baselines.learn_rate(*then), then, now, came=came, horizon_days=90)
    assert not found.shifts
    assert set(found.unknown) == {"x", "silence", "gap", "p_none"}
    assert found.unknown["x"].endswith("there are 2000 and 0")
    assert [one.quantity for one in found.misses] == ["purchases", "none"]


def test_a_closed_base_whose_purchases_came_as_expected_says_both(simulate_buyers):
    buyers = simulate_buyers(4000, seed=12, first_coin=1)
    then = (buyers.x, buyers.t_x, buyers.T)
    now = (buyers.x, buyers.t_x, buyers.T + 1000)
    found = drift(mbgnbd.fit(*then), then, now, came=buyers.count_after, horizon_days=90)
    assert found.text == (
        "No drift that this many people could show; whether the people themselves changed cannot be told."
    )


def test_what_moved_by_more_than_chance_but_little_is_not_called_drift():
    rng = np.random.default_rng(13)
    then, _ = people(40_000, rng=rng)
    now, came = people(40_000, rng=rng, pace=43)
    found = drift(baselines.learn_rate(*then), then, now, came=came, horizon_days=90)
    assert "moved by more than chance, but little" in found.shifts[0].text
    assert "more than chance, but less than 10%" in found.misses[0].text
    assert not found.misses[0].has_drifted
    assert not found.shifts[0].has_drifted


def test_a_fitted_model_is_asked_as_well(simulate_buyers):
    buyers = simulate_buyers(4000, seed=12, first_coin=1)
    columns = (buyers.x, buyers.t_x, buyers.T)
    found = drift(mbgnbd.fit(*columns), columns, columns, came=buyers.count_after, horizon_days=90)
    assert not found.has_drifted
    assert found.text == "No drift that this many people could show."
    assert all(one.psi == pytest.approx(0, abs=1e-9) for one in found.shifts)


@pytest.mark.parametrize("model", [bgnbd, paretonbd, nbd, mbgcnbd])
def test_every_model_widens_its_interval_by_what_it_does_not_know(simulate_buyers, model):
    buyers = simulate_buyers(3000, seed=14, first_coin=1)
    columns = (buyers.x, buyers.t_x, buyers.T)
    fit = model.fit(*columns, k=2) if model is mbgcnbd else model.fit(*columns)
    widths = []
    for one in (fit, replace(fit, covariance=None)):
        purchases = drift(one, columns, columns, came=buyers.count_after, horizon_days=90).misses[0]
        widths.append(purchases.high - purchases.low)
    assert widths[1] < widths[0] < 2 * widths[1]


def test_on_the_online_shop_the_christmas_trade_is_seen(online_retail):
    then, now = online_retail.histories("2011-09-10"), online_retail.histories("2011-12-09")
    came = online_retail.counts("2011-09-10", "2011-12-09")
    found = drift(baselines.learn_rate(*then), then, now, came=came, horizon_days=90)
    assert found.misses[0].seen > found.misses[0].expected
    assert found.misses[0].has_drifted


def test_it_comes_back_from_json_as_it_was():
    rng = np.random.default_rng(10)
    then, came = people(300, rng=rng)
    found = drift(baselines.learn_rate(*then), then, then, came=came, horizon_days=90)
    assert Drift.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    with pytest.raises(BadInput, match="cannot be read"):
        Drift.from_json({"shifts": []})


def test_too_few_and_impossible_rows_are_refused_by_name():
    rng = np.random.default_rng(11)
    then, came = people(300, rng=rng)
    fit = baselines.learn_rate(*then)
    few = tuple(c[:20] for c in then)
    with pytest.raises(NotEnoughData, match="20 people then"):
        drift(fit, few, then, came=came[:20], horizon_days=90)
    with pytest.raises(BadInput, match="one count a person"):
        drift(fit, then, then, came=came[:20], horizon_days=90)
    with pytest.raises(BadInput, match="row 4"):
        drift(fit, then, (then[0], then[1], np.where(np.arange(300) == 4, np.nan, then[2])), came=came, horizon_days=90)
    with pytest.raises(BadInput, match="horizon"):
        drift(fit, then, then, came=came, horizon_days=np.nan)
    with pytest.raises(NotEnoughData, match="nobody"):
        shift("gap", np.zeros(0), then[0])


@pytest.mark.parametrize("model", ["rate", "recency", "nbd"])
def test_since_a_cutoff_is_drift_by_the_model_as_learned_there(model: str):
    rng = np.random.default_rng(8)
    (earlier, came_before), (then, came), (now, _) = (people(400, rng=rng) for _ in range(3))
    cutoff = Origin(date(2025, 1, 1), Window(*then, came), Window(*earlier, came_before))
    fit = {
        "rate": lambda: baselines.learn_rate(*then),
        "recency": lambda: baselines.learn_recency(*earlier, seen=came_before, horizon=90.0),
        "nbd": lambda: nbd.fit(*then),
    }[model]()
    expected = drift(fit, then, now, came=came, horizon_days=90.0)
    assert since(model, cutoff, Window(*now, came), horizon_days=90) == expected


def test_a_model_that_cannot_be_learned_at_the_cutoff_is_a_reason():
    rng = np.random.default_rng(8)
    then, came = people(400, rng=rng)
    window = Window(*then, came)
    with pytest.raises(NotEnoughData, match="could not be learned from what was known then"):
        since("mbgcnbd", Origin(date(2025, 1, 1), window, None), window, horizon_days=90)
