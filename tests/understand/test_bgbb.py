"""BG/BB: published values, known truth, limits, and agreement with another library and with plain sums."""

from __future__ import annotations

import json
import warnings
from math import comb, log

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_law

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import bgbb
from rekindle.understand.bgbbsums import Likelihood
from rekindle.understand.compression import compress

# x, t_x, n, people: a table small enough to keep here, of two cohorts.
SMALL = [
    (0, 0, 5, 40), (1, 1, 5, 14), (1, 3, 5, 6), (1, 5, 5, 7), (2, 2, 5, 9), (2, 4, 5, 8),
    (3, 5, 5, 9), (4, 4, 5, 6), (4, 5, 5, 8), (5, 5, 5, 10), (0, 0, 3, 12), (1, 1, 3, 5), (3, 3, 3, 11),
]  # fmt: skip


def model(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783):
    letters = {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
    return bgbb.BgBb(letters, -1.0, 100.0, True, None, None, None)


def small():
    return (np.array(c, dtype=float) for c in zip(*SMALL, strict=True))


def moment(first, second, *, up, down):
    """Average of p^up (1-p)^down over Beta(first, second), by quadrature in a variable without poles at the ends."""

    def inner(s):
        p = np.sin(s) ** 2
        weight = 2 * np.sin(s) * np.cos(s)
        return p**up * (1 - p) ** down * beta_law.pdf(p, first, second) * weight

    return quad(inner, 0, np.pi / 2, epsabs=1e-12)[0]


def plain_chance(letters, x, t_x, n):
    """Chance of one history, added up over the opportunity before which the person left."""
    alpha, beta, gamma, delta = letters
    stays = moment(alpha, beta, up=x, down=n - x) * moment(gamma, delta, up=0, down=n)
    leaves = [moment(alpha, beta, up=x, down=j - x) * moment(gamma, delta, up=1, down=j) for j in range(t_x, n)]
    return stays, sum(leaves)


def plain_log_likelihood(letters):
    return sum(w * log(sum(plain_chance(letters, x, t_x, n))) for x, t_x, n, w in SMALL)


def theirs(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from lifetimes import BetaGeoBetaBinomFitter

        found = BetaGeoBetaBinomFitter()
        found.params_ = pd.Series(fit.parameters)
    return found


def donors(people, *, seed, letters=(1.2, 0.75, 0.66, 2.78), longest=12):
    """Histories of people who had 4 to `longest` opportunities."""
    rng = np.random.default_rng(seed)
    alpha, beta, gamma, delta = letters
    n = rng.integers(4, longest + 1, people)
    taking, leaving = rng.beta(alpha, beta, people), rng.beta(gamma, delta, people)
    here = np.minimum(rng.geometric(np.maximum(leaving, 1e-12)) - 1, n)
    j = np.arange(1, longest + 1)
    taken = (rng.random((people, longest)) < taking[:, None]) & (j <= here[:, None])
    return taken.sum(axis=1), (taken * j).max(axis=1), n


def random_histories(people, *, seed, longest=10):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, longest + 1, people)
    t_x = rng.integers(0, n + 1)
    return np.where(t_x > 0, 1 + rng.integers(0, np.maximum(t_x, 1)), 0), t_x, n


def test_it_gives_the_papers_parameters_on_donations(shared_data):
    path = shared_data / "donations" / "donations.csv"
    x, t_x, n, people = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
    fit = bgbb.fit(x, t_x, n, weights=people)
    assert fit.n == 11_104
    assert [round(v, 3) for v in fit.parameters.values()] == [1.204, 0.750, 0.657, 2.783]
    assert fit.log_likelihood == pytest.approx(-33_225.58, abs=0.01)
    assert fit.converged
    assert fit.boundary is None


def test_a_small_table_stands_on_the_top_of_the_plain_formula():
    x, t_x, n, people = small()
    fit = bgbb.fit(x, t_x, n, weights=people)
    top = plain_log_likelihood(fit.letters)
    assert fit.log_likelihood == pytest.approx(top, abs=1e-5)
    for k in range(4):
        for step in (0.95, 1.05):
            moved = [v * (step if i == k else 1) for i, v in enumerate(fit.letters)]
            assert plain_log_likelihood(moved) < top


def test_known_parameters_come_back():
    fit = bgbb.fit(*donors(40_000, seed=1))
    for name, truth in {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}.items():
        assert abs(fit.parameters[name] - truth) < 3 * fit.standard_errors[name]
    assert fit.standard_errors["gamma"] < 0.05


def test_the_slope_is_the_slope():
    x, t_x, n = donors(400, seed=2)
    likelihood = Likelihood(compress(x, t_x, n))
    at = np.log([0.9, 1.2, 0.5, 3.0])
    _, slope = likelihood(at)
    for k, nudge in enumerate(np.eye(4) * 1e-5):
        plain = (likelihood(at + nudge)[0] - likelihood(at - nudge)[0]) / 2e-5
        assert slope[k] == pytest.approx(plain, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_p_alive_agrees_with_another_library_on_a_thousand_rows(ahead):
    fit, rows = model(), random_histories(1000, seed=3)
    other = theirs(fit).conditional_probability_alive(ahead, *rows)
    np.testing.assert_allclose(bgbb.p_alive(fit, *rows, ahead=ahead), other, rtol=1e-9)


@pytest.mark.parametrize("horizon", [1, 5, 60])
def test_expected_transactions_agree_with_another_library_on_a_thousand_rows(horizon):
    fit, rows = model(), random_histories(1000, seed=4)
    other = theirs(fit).conditional_expected_number_of_purchases_up_to_time(horizon, *rows)
    np.testing.assert_allclose(bgbb.expected_transactions(fit, *rows, horizon=horizon), other, rtol=1e-9)


def test_p_alive_is_the_plain_share():
    for row in [(0, 0, 4), (1, 2, 6), (3, 3, 9), (2, 2, 2)]:
        stays, leaves = plain_chance(model().letters, *row)
        assert bgbb.p_alive(model(), *row)[0] == pytest.approx(stays / (stays + leaves), rel=1e-9)


def test_the_chance_of_each_count_is_the_plain_sum_over_what_may_happen():
    x, t_x, n, h = 2, 3, 5, 4
    stays, leaves = plain_chance(model().letters, x, t_x, n)
    for count in range(h + 1):
        total = (count == 0) * leaves
        for here in range(h + 1):  # opportunities still met
            alpha, beta, gamma, delta = model().letters
            if here < count:
                continue
            gone = 1 if here < h else 0
            some = moment(alpha, beta, up=x + count, down=n + here - x - count)
            total += comb(here, count) * some * moment(gamma, delta, up=gone, down=n + here)
        found = np.exp(bgbb.log_chance_of_count(model(), x, t_x, n, horizon=h, count=[count]))[0]
        assert found == pytest.approx(total / (stays + leaves), rel=1e-8)


def test_p_none_is_the_chance_of_the_count_zero_and_all_chances_add_up():
    fit, (x, t_x, n) = model(), random_histories(60, seed=5)
    chances = [np.exp(bgbb.log_chance_of_count(fit, x, t_x, n, horizon=9, count=np.full(60, k))) for k in range(11)]
    np.testing.assert_allclose(chances[0], bgbb.p_none(fit, x, t_x, n, horizon=9), rtol=1e-12)
    np.testing.assert_allclose(np.sum(chances, axis=0), 1, rtol=1e-12)
    assert (chances[10] == 0).all()
    mean = np.sum([k * chance for k, chance in enumerate(chances)], axis=0)
    np.testing.assert_allclose(mean, bgbb.expected_transactions(fit, x, t_x, n, horizon=9), rtol=1e-11)


def test_expected_transactions_hold_where_the_closed_form_divides_by_zero():
    at, near = (bgbb.expected_transactions(model(gamma=g), 2, 3, 6, horizon=8)[0] for g in (1.0, 1 + 1e-7))
    assert at == pytest.approx(near, rel=1e-6)


def test_who_took_the_last_opportunity_is_here_for_certain():
    assert bgbb.p_alive(model(), 1, 7, 7)[0] == 1
    assert bgbb.p_alive(model(), 1, 7, 7, ahead=1)[0] == pytest.approx((2.783 + 7) / (2.783 + 7 + 0.657))


def test_an_answer_does_not_depend_on_who_else_is_asked_about():
    alone = bgbb.p_alive(model(), [1], [2], [6])
    assert bgbb.p_alive(model(), [1, 3], [2, 3], [6, 20_000])[0] == pytest.approx(alone[0], rel=1e-10)


@pytest.mark.parametrize("row", [(0, 0, 0), (0, 0, 10_957), (10_957, 10_957, 10_957), (1, 1, 10_957), (1e5, 1e5, 1e5)])
def test_extremes_stay_finite(row):
    alive, none = bgbb.p_alive(model(), *row), bgbb.p_none(model(), *row, horizon=90)
    expected = bgbb.expected_transactions(model(), *row, horizon=90)
    chance = bgbb.log_chance_of_count(model(), *row, horizon=90, count=[5])
    assert np.isfinite([alive, none, expected, chance]).all()
    assert 0 <= alive[0] <= 1
    assert 0 <= none[0] <= 1
    assert 0 <= expected[0] <= 90


def test_a_table_in_pieces_is_the_table(monkeypatch):
    rows = random_histories(300, seed=6, longest=40)
    whole = bgbb.p_alive(model(), *rows)
    monkeypatch.setattr("rekindle.understand.bgbbsums._CELLS", 100)
    np.testing.assert_allclose(bgbb.p_alive(model(), *rows), whole, rtol=1e-12)


def test_nobody_ever_leaving_is_named_not_hidden():
    fit = bgbb.fit(*donors(3000, seed=7, letters=(1.2, 0.75, 1e-6, 50.0)))
    assert "no measurable drop-out" in fit.boundary


def test_everybody_taking_alike_is_named():
    fit = bgbb.fit(*donors(4000, seed=8, letters=(4e5, 6e5, 0.7, 3.0)))
    assert "takes an opportunity with one and the same chance 0.4" in fit.boundary


def test_everybody_leaving_alike_is_named():
    fit = bgbb.fit(*donors(4000, seed=9, letters=(1.2, 0.75, 1e5, 9e5)))
    assert "leaves with one and the same chance 0.1" in fit.boundary


def test_everybody_taking_every_opportunity_is_named():
    assert "no measurable drop-out" in bgbb.fit([6] * 60, [6] * 60, [6] * 60).boundary


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((-1, 0, 5), "whole numbers"),
        ((1.5, 2, 5), "whole numbers"),
        ((np.nan, 2, 5), "whole numbers"),
        ((1, 2, np.inf), "whole numbers"),
        ((1, 6, 5), "after the last there was"),
        ((3, 2, 5), "more were taken"),
        ((0, 2, 5), "x is 0 but t_x is not"),
        ((1, 1, 1e6), "more than 100000"),
    ],
)
def test_the_first_impossible_row_is_named(row, told):
    columns = [[good, bad] for good, bad in zip((2, 3, 5), row, strict=True)]
    with pytest.raises(BadInput, match=told) as error:
        bgbb.fit(*columns)
    assert error.value.where == "row 1"


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(NotEnoughData, match="29 people"):
        bgbb.fit([1] * 29, [2] * 29, [5] * 29)
    with pytest.raises(NotEnoughData, match="2 opportunities"):
        bgbb.fit([1] * 40, [2] * 40, [2] * 40)
    with pytest.raises(NotEnoughData, match="nobody has taken"):
        bgbb.fit([0] * 40, [0] * 40, [5] * 40)
    with pytest.raises(NotEnoughData, match="nobody to look at"):
        bgbb.fit([], [], [])
    with pytest.raises(BadInput, match="at most 2000"):
        bgbb.fit([1] * 40, [2] * 40, [5000] * 40)
    with pytest.raises(BadInput, match="line up"):
        bgbb.fit([1, 2], [1], [3, 3])


@pytest.mark.parametrize("horizon", [0, -1, 1.5, np.nan, np.inf])
def test_a_horizon_that_is_no_count_is_refused(horizon):
    with pytest.raises(BadInput, match="horizon"):
        bgbb.p_none(model(), 1, 2, 3, horizon=horizon)


@pytest.mark.parametrize("count", [[-1], [0.5], [np.nan], [1, 2]])
def test_a_count_that_is_none_is_refused(count):
    with pytest.raises(BadInput, match="whole number"):
        bgbb.log_chance_of_count(model(), 1, 2, 3, horizon=2, count=count)


def test_it_comes_back_from_json_as_it_was_and_another_models_is_refused():
    x, t_x, n, people = small()
    fit = bgbb.fit(x, t_x, n, weights=people)
    assert bgbb.BgBb.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    with pytest.raises(BadInput, match="wanted 'bgbb'"):
        bgbb.BgBb.from_json({**fit.to_json(), "model": "bgnbd"})


def test_weights_stand_for_people_and_inputs_are_left_as_they_were():
    x, t_x, n, people = small()
    before = x.copy()
    weighted = bgbb.fit(x, t_x, n, weights=people)
    single = bgbb.fit(*(np.repeat(c, people.astype(int)) for c in (x, t_x, n)))
    assert single.log_likelihood == pytest.approx(weighted.log_likelihood, rel=1e-12)
    np.testing.assert_array_equal(x, before)
