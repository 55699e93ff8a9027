"""Pareto/NBD: published values, known truth, limits, and agreement with another library and with plain integrals."""

from __future__ import annotations

import json
import re
import warnings
from math import exp, lgamma, log
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import nbd, paretonbd
from rekindle.understand.compression import compress
from rekindle.understand.paretonbd import Likelihood

PAGE = Path(__file__).parents[2] / "docs" / "models" / "paretonbd.md"
# A table small enough to keep here.
SMALL = [
    (0, 0, 30, 20), (0, 0, 20, 14), (1, 5, 30, 6), (1, 22, 30, 3), (2, 12, 30, 4),
    (2, 17, 20, 3), (3, 25, 30, 3), (4, 11, 30, 2), (6, 28, 30, 2), (9, 19, 20, 1),
]  # fmt: skip


def model(r=0.553, alpha=10.578, s=0.606, beta=11.669):
    letters = {"r": r, "alpha": alpha, "s": s, "beta": beta}
    return paretonbd.ParetoNbd(letters, -1.0, 100.0, True, None, None, None)


def plain_log_likelihood(letters, rows):
    """Still here at T, or gone at some u between t_x and T: one history after another, by quadrature."""
    r, alpha, s, beta = letters
    total = 0.0
    for x, t_x, T, people in rows:

        def left(u, x=x, T=T):
            return ((alpha + T) / (alpha + u)) ** (r + x) * s / (beta + u) * ((beta + T) / (beta + u)) ** s

        here = lgamma(r + x) - lgamma(r) + r * log(alpha) - (r + x) * log(alpha + T) + s * log(beta / (beta + T))
        total += people * (here + log(1 + quad(left, t_x, T, epsabs=0, epsrel=1e-12)[0]))
    return total


def plain_chance(fit, x, T, *, horizon, count):
    """Chance of that many purchases by somebody still here: by quadrature over the moment of leaving."""
    r, alpha, s, beta = fit.letters
    c, a, b = r + x, alpha + T, beta + T
    ways = lgamma(c + count) - lgamma(c) - lgamma(count + 1)

    def buys(u):
        return exp(ways + count * log(u / (a + u)) + c * log(a / (a + u)))

    def gone(u):
        return buys(u) * s / (b + u) * (b / (b + u)) ** s

    leave = quad(gone, 0, horizon, epsabs=0, epsrel=1e-11, limit=400)[0]
    return buys(horizon) * (b / (b + horizon)) ** s + leave


def theirs(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from lifetimes import ParetoNBDFitter

        found = ParetoNBDFitter()
        found.params_ = pd.Series(fit.parameters)
    return found


def random_histories(n, *, seed, longest=60.0):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, longest, n)
    x = rng.poisson(rng.gamma(0.8, 3, n)).astype(float)
    return x, np.where(x > 0, T * rng.uniform(0.01, 1, n), 0.0), T


def simulate(n, *, seed, letters=(0.5, 40.0, 0.6, 90.0), after=0.0):
    """x, t_x, T and the purchases of the `after` following, of buyers with known truth."""
    r, alpha, s, beta = letters
    rng = np.random.default_rng(seed)
    T = rng.integers(180, 541, n).astype(float)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
    gone = rng.exponential(1 / np.maximum(leave, 1e-12))
    seen, later = np.minimum(gone, T), np.clip(gone - T, 0, after)
    x = rng.poisson(rate * seen).astype(float)
    # The last of x moments spread evenly is the largest of x uniforms.
    t_x = np.where(x > 0, seen * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return x, t_x, T, rng.poisson(rate * later).astype(float)


def test_it_gives_the_papers_parameters_on_cdnow(cdnow_calibration):
    fit = paretonbd.fit(*cdnow_calibration)
    for value, printed in zip(fit.letters, [0.553, 10.578, 0.606, 11.669], strict=True):
        assert value == pytest.approx(printed, rel=1e-3)
    assert fit.log_likelihood == pytest.approx(-9594.98, abs=0.01)
    assert fit.converged
    assert fit.boundary is None


def test_it_gives_the_known_parameters_on_all_of_cdnow(cdnow):
    x, t_x, T = cdnow.histories("1997-09-30")
    fit = paretonbd.fit(x, t_x / 7, T / 7)
    assert fit.n == 23_570
    for value, printed in zip(fit.letters, [0.5974, 11.5856, 0.5222, 8.8277], strict=True):
        assert value == pytest.approx(printed, rel=1e-4)
    assert fit.log_likelihood == pytest.approx(-95_415.12, abs=0.01)


@pytest.mark.parametrize("letters", [(0.5, 9.0, 0.6, 20.0), (0.4, 20.0, 1.2, 5.0), (0.7, 8.0, 0.9, 8.0)])
def test_the_likelihood_of_a_small_table_is_the_plain_one(letters):
    x, t_x, T, weights = (np.array(c, dtype=float) for c in zip(*SMALL, strict=True))
    mean, _ = Likelihood(compress(x, t_x, T, weights=weights))(np.log(letters))
    assert -mean * weights.sum() == pytest.approx(plain_log_likelihood(letters, SMALL), abs=1e-9)


def test_the_fit_is_the_top_of_the_plain_likelihood():
    x, t_x, T, _ = simulate(400, seed=3)
    rows = list(zip(x, t_x, T, np.ones(400), strict=True))
    fit = paretonbd.fit(x, t_x, T)
    assert fit.log_likelihood == pytest.approx(plain_log_likelihood(fit.letters, rows), abs=1e-6)
    for k in range(4):
        for step in (0.98, 1.02):
            near = [v * step if i == k else v for i, v in enumerate(fit.letters)]
            assert plain_log_likelihood(near, rows) < fit.log_likelihood


@pytest.mark.parametrize("letters", [(0.5, 40.0, 0.6, 90.0), (0.8, 60.0, 1.5, 200.0)])
def test_known_parameters_come_back(letters):
    x, t_x, T, _ = simulate(20_000, seed=4, letters=letters)
    fit = paretonbd.fit(x, t_x, T)
    for name, truth in zip(paretonbd.NAMES, letters, strict=True):
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    assert fit.standard_errors["r"] < 0.03


def test_the_unit_of_time_changes_alpha_and_beta_alone(cdnow_calibration):
    x, t_x, T = cdnow_calibration
    weeks, days = paretonbd.fit(x, t_x, T), paretonbd.fit(x, t_x * 7, T * 7)
    assert days.parameters["alpha"] == pytest.approx(7 * weeks.parameters["alpha"], rel=1e-5)
    assert days.parameters["beta"] == pytest.approx(7 * weeks.parameters["beta"], rel=1e-5)
    assert days.parameters["s"] == pytest.approx(weeks.parameters["s"], rel=1e-5)


@pytest.mark.parametrize("letters", [(0.4, 3.0, 0.7, 30.0), (0.4, 300.0, 0.7, 3.0), (0.6, 8.0, 0.6, 8.0)])
def test_the_slope_is_the_slope(letters):
    likelihood = Likelihood(compress(*random_histories(300, seed=1)))
    at = np.log(letters)
    _, slope = likelihood(at)
    for k, nudge in enumerate(np.eye(4) * 1e-5):
        plain = (likelihood(at + nudge)[0] - likelihood(at - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-5, abs=1e-8)


def test_p_alive_agrees_with_another_library_on_a_thousand_rows():
    fit, rows = model(), random_histories(1000, seed=2)
    other = theirs(fit).conditional_probability_alive(*rows)
    np.testing.assert_allclose(paretonbd.p_alive(fit, *rows), other, rtol=1e-8)


@pytest.mark.parametrize("horizon", [1, 13, 39, 400])
def test_expected_purchases_agree_with_another_library_on_a_thousand_rows(horizon):
    fit, rows = model(), random_histories(1000, seed=3)
    other = theirs(fit).conditional_expected_number_of_purchases_up_to_time(horizon, *rows)
    np.testing.assert_allclose(paretonbd.expected_purchases(fit, *rows, horizon=horizon), other, rtol=1e-8)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_counts_agree_with_another_library_on_a_thousand_rows(count):
    fit, (x, t_x, T) = model(), random_histories(1000, seed=13)
    ours = paretonbd.log_chance_of_count(fit, x, t_x, T, horizon=26, count=np.full(1000, count))
    other = theirs(fit).conditional_probability_of_n_purchases_up_to_time(count, 26, x, t_x, T)
    np.testing.assert_allclose(np.exp(ours), other, rtol=1e-6, atol=1e-9)


def test_weights_are_people():
    x, t_x, T, _ = simulate(800, seed=14)
    one = paretonbd.fit(x, t_x, T, weights=np.full(800, 3.0))
    other = paretonbd.fit(*(np.tile(c, 3) for c in (x, t_x, T)))
    assert one.n == other.n == 2400
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("letters", [{}, {"alpha": 40.0, "beta": 3.0}, {"alpha": 11.0, "beta": 11.0}])
def test_counts_are_the_plain_integral(letters):
    fit, (x, t_x, T) = model(**letters), random_histories(60, seed=7)
    alive = paretonbd.p_alive(fit, x, t_x, T)
    for count in (1, 2, 7, 40):
        ours = paretonbd.log_chance_of_count(fit, x, t_x, T, horizon=26, count=np.full(60, count))
        plain = [plain_chance(fit, a, b, horizon=26, count=count) for a, b in zip(x, T, strict=True)]
        np.testing.assert_allclose(ours, np.log(alive) + np.log(plain), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("letters", [{}, {"alpha": 11.0, "beta": 11.0, "s": 1.0}])
def test_p_none_is_the_chance_of_the_count_zero_and_all_chances_add_up(letters):
    fit, (x, t_x, T) = model(**letters), random_histories(50, seed=5)
    chances = [
        np.exp(paretonbd.log_chance_of_count(fit, x, t_x, T, horizon=26, count=np.full(50, n))) for n in range(400)
    ]
    np.testing.assert_allclose(chances[0], paretonbd.p_none(fit, x, t_x, T, horizon=26), rtol=1e-12)
    np.testing.assert_allclose(np.sum(chances, axis=0), 1, rtol=1e-11)
    mean = np.sum([n * c for n, c in enumerate(chances)], axis=0)
    np.testing.assert_allclose(mean, paretonbd.expected_purchases(fit, x, t_x, T, horizon=26), rtol=1e-9)


def test_what_it_expects_is_what_simulated_buyers_do():
    x, t_x, T, after = simulate(200_000, seed=11, after=90.0)
    fit = model(0.5, 40.0, 0.6, 90.0)
    people = after.size
    expected = paretonbd.expected_purchases(fit, x, t_x, T, horizon=90)
    assert after.sum() == pytest.approx(expected.sum(), abs=4 * np.sqrt((after**2).sum()))
    for k in range(4):
        chance = np.exp(paretonbd.log_chance_of_count(fit, x, t_x, T, horizon=90, count=np.full(people, k)))
        assert (after == k).sum() == pytest.approx(chance.sum(), abs=4 * np.sqrt((chance * (1 - chance)).sum()))


def test_whole_days_looked_up_in_a_table_give_what_single_rows_give():
    rng = np.random.default_rng(12)
    T = rng.integers(1, 60, 20_000).astype(float)
    x = np.minimum(rng.poisson(2, 20_000), T)
    t_x = np.where(x > 0, np.ceil(T * rng.uniform(0.01, 1, 20_000)), 0.0)
    many = paretonbd.p_alive(model(), x, t_x, T)
    np.testing.assert_allclose(many[:100], paretonbd.p_alive(model(), x[:100], t_x[:100], T[:100]), rtol=1e-13)


def test_bought_today_is_alive_for_certain():
    np.testing.assert_allclose(paretonbd.p_alive(model(), [0, 3], [0, 20], [0, 20]), 1, rtol=1e-14)


def test_a_one_time_buyer_can_have_left():
    alive = paretonbd.p_alive(model(), [0, 0], [0, 0], [1, 300])
    assert 1 > alive[0] > alive[1] > 0


def test_frequent_buyers_gone_silent_are_the_surest_to_have_left():
    alive = paretonbd.p_alive(model(), [1, 10, 100], [10, 10, 10], [40, 40, 40])
    assert (np.diff(alive) < 0).all()
    assert alive[2] < 1e-6


@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [(0, 0, 0), (0, 0, 10_957), (1e5, 10_957, 10_957), (1e5, 1, 10_957), (1, 1e-9, 1), (3, 5, 5)],
)
@pytest.mark.parametrize(("alpha", "beta"), [(31.0, 40.0), (31.0, 31.0), (1e-3, 1e4), (1e4, 1e-3)])
def test_extremes_stay_finite(x, t_x, T, alpha, beta):
    fit = model(alpha=alpha, beta=beta)
    alive = paretonbd.p_alive(fit, x, t_x, T)
    none = paretonbd.p_none(fit, x, t_x, T, horizon=90)
    expected = paretonbd.expected_purchases(fit, x, t_x, T, horizon=90)
    chance = paretonbd.log_chance_of_count(fit, x, t_x, T, horizon=90, count=[5])
    assert np.isfinite([alive, none, expected, chance]).all()
    assert 0 <= alive[0] <= 1
    assert 0 <= none[0] <= 1
    assert 0 <= expected[0] <= (fit.parameters["r"] + x) * 90 / (alpha + T) * (1 + 1e-9)
    assert chance[0] < 0


def test_nobody_ever_leaving_is_named_not_hidden():
    x, t_x, T, _ = simulate(3000, seed=8, letters=(0.7, 65.0, 1e-6, 50.0))
    assert "no measurable drop-out" in paretonbd.fit(x, t_x, T).boundary


def test_online_retail_shows_no_drop_out_and_so_is_nbd(online_retail):
    histories = online_retail.histories("2011-09-01")
    fit = paretonbd.fit(*histories)
    assert "no measurable drop-out" in fit.boundary
    assert fit.covariance is None
    assert fit.log_likelihood == pytest.approx(nbd.fit(*histories).log_likelihood, abs=0.01)


def test_one_huge_buyer_does_not_break_the_fit():
    x, t_x, T, _ = simulate(3000, seed=9)
    x[7], t_x[7] = 1e5, T[7] - 1
    fit = paretonbd.fit(x, t_x, T)
    assert np.isfinite(fit.letters).all()
    assert fit.converged or fit.boundary is not None


def test_everybody_alike_is_named():
    people = np.full(200, 5.0)
    fit = paretonbd.fit(people, np.full(200, 29.0), np.full(200, 30.0))
    assert fit.boundary is not None


def test_it_comes_back_from_json_as_it_was():
    x, t_x, T, weights = (np.array(c, dtype=float) for c in zip(*SMALL, strict=True))
    fit = paretonbd.fit(x, t_x, T, weights=weights)
    assert paretonbd.ParetoNbd.from_json(json.loads(json.dumps(fit.to_json()))) == fit


def test_another_models_json_is_refused():
    with pytest.raises(BadInput, match="wanted 'paretonbd'"):
        paretonbd.ParetoNbd.from_json({**model().to_json(), "model": "bgnbd"})


def test_too_little_to_learn_from_is_refused_by_name():
    with pytest.raises(NotEnoughData, match="1 people are too few"):
        paretonbd.fit([2], [5], [9])
    with pytest.raises(NotEnoughData, match="second day"):
        paretonbd.fit(np.zeros(50), np.zeros(50), np.full(50, 9.0))
    with pytest.raises(NotEnoughData, match="no time has passed"):
        paretonbd.fit(np.zeros(50), np.zeros(50), np.zeros(50))


@pytest.mark.parametrize(
    ("x", "t_x", "T"), [([0, -1], [0, 1], [5, 5]), ([0, np.nan], [0, 1], [5, 5]), ([0, 1], [0, 6], [5, 5])]
)
def test_impossible_rows_are_refused_by_name(x, t_x, T):
    for ask in (paretonbd.fit, lambda *rows: paretonbd.p_alive(model(), *rows)):
        with pytest.raises(BadInput, match="row 1"):
            ask(x, t_x, T)


@pytest.mark.parametrize("horizon", [0, -1, np.nan, np.inf])
def test_a_horizon_that_is_no_length_is_refused(horizon):
    for ask in (paretonbd.p_none, paretonbd.expected_purchases):
        with pytest.raises(BadInput, match="horizon"):
            ask(model(), 1, 2, 3, horizon=horizon)


def test_inputs_are_left_as_they_were():
    x, t_x, T = random_histories(200, seed=9)
    before = (x.copy(), t_x.copy(), T.copy())
    paretonbd.fit(x, t_x, T)
    paretonbd.log_chance_of_count(model(), x, t_x, T, horizon=5, count=np.ones(200))
    for now, then in zip((x, t_x, T), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_pages_worked_numbers_are_what_it_gives():
    number = r"([\d.]+) \|"
    rows = re.findall(r"^\| (\d+) \| " + " ".join([number] * 6) + "$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= 4
    for x, t_x, T, *printed in rows:
        history = float(x), float(t_x), float(T)
        two = paretonbd.log_chance_of_count(model(), *history, horizon=39, count=[2])
        found = [
            paretonbd.p_alive(model(), *history),
            paretonbd.p_none(model(), *history, horizon=39),
            paretonbd.expected_purchases(model(), *history, horizon=39),
            np.exp(two),
        ]
        assert [f"{v[0]:.4f}" for v in found] == printed
