"""A blend beside the models: judged by their rules, fitted again, asked for ranges and worth, tried at earlier days."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.understand import blend, lifetime_value, mbgcnbd, mbgnbd, nbd, paretonbd
from rekindle.understand.backtest import Backtest, backtest
from rekindle.understand.baselines import Rate
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import CANDIDATES
from rekindle.understand.choice import Choice, choose, expected_purchases, p_none, refit
from rekindle.understand.origins import Origin, PurchaseDays, Window
from rekindle.understand.outlook import alive_by, outlook
from rekindle.understand.predictive import beliefs, count_ranges, reach_table
from rekindle.understand.predictive_none import own_none_ranges

from .simulated import leaving_any_time

HORIZON = 170
PLAIN = {name: CANDIDATES[name] for name in ("mbgnbd", "nbd")}
ASKED = {"horizon_days": 90.0, "value_horizon_days": 365.0, "discount_rate_per_year": 0.1}


def honeymoons():
    """3,000 people of one start who buy often at first, then a fifth as often, and some of whom leave."""
    rng = np.random.default_rng(3)
    party, day = [], []
    for person in range(3000):
        joined, pace = float(rng.integers(0, 60)), rng.gamma(0.6, 1 / 25)
        now, fresh, leaves = joined, rng.exponential(60), rng.beta(0.3, 2.7)
        while now < 540:
            party.append(person)
            day.append(int(now))
            if rng.random() < leaves:
                break
            now += max(1.0, rng.exponential(1 / max(pace * (1 if now < joined + fresh else 0.2), 1e-9)))
    return PurchaseDays(party, day)


@pytest.fixture(scope="module")
def days():
    return honeymoons()


@pytest.fixture(scope="module")
def origin(days):
    return days.origin(date(1970, 12, 31), horizon_days=HORIZON)


def choice_of(window, before, **changes):
    given = {"horizon_days": HORIZON, "sum_log_gaps": window.sum_log_gaps, "before": before, **changes}
    return choose(*window.columns(), window.seen, **given)


@pytest.fixture(scope="module")
def chosen(origin):
    return choice_of(origin.after, origin.before)


def fitted(kind, **letters):
    """A fit with these letters, known without any doubt."""
    given = ({name: float(value) for name, value in letters.items()}, -1.0, 100.0, True, None, None, None)
    return mbgcnbd.MbgCnbdK(*given, {}) if kind is mbgcnbd.MbgCnbdK else kind(*given)


FITS = {
    "mbgnbd": fitted(mbgnbd.MbgNbd, r=0.6, alpha=50, a=0.8, b=2),
    "paretonbd": fitted(paretonbd.ParetoNbd, r=0.6, alpha=80, s=0.5, beta=60),
    "mbgcnbd": fitted(mbgcnbd.MbgCnbdK, k=2, r=0.9, alpha=15, a=0.3, b=2),
    "nbd": fitted(nbd.Nbd, r=0.7, alpha=60),
}


def mixed(**weights):
    return Blend(weights, {name: FITS[name] for name in weights}, 90.0, 1000.0, 0.01)


def histories(n, *, seed):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, 600, n)
    x = rng.poisson(rng.gamma(0.6, 6, n)).astype(float)
    return x, np.where(x > 0, T * rng.uniform(0.05, 1, n), 0.0), T


def test_where_people_slow_down_and_stay_the_blend_is_used_and_says_by_how_much_it_leads(chosen):
    found = chosen.chosen
    assert found.fit.model == "blend"
    assert found.why.startswith("Used: ahead of")
    assert "standard error" in found.why
    scores = {one.fit.model: one.held_out for one in chosen.candidates}
    assert found.held_out.count_log_score > max(scores[name].count_log_score for name in found.fit.weights)
    assert found.held_out.rmse <= scores["rate"].rmse
    assert found.held_out.log_loss <= scores["rate"].log_loss
    assert found.fit.held_out == asdict(found.held_out)
    assert found.fit.parameters == pytest.approx(found.fit.weights)
    assert sum(found.fit.parameters.values()) == pytest.approx(1)


def test_its_score_is_that_of_its_own_answers(chosen, origin):
    fit, columns, seen = chosen.chosen.fit, origin.after.columns(), origin.after.seen
    told = blend.log_chance_of_count(fit, *columns, horizon=HORIZON, count=seen).mean()
    assert chosen.chosen.held_out.count_log_score == pytest.approx(told)
    expected = expected_purchases(fit, *columns, horizon=HORIZON)
    assert chosen.chosen.held_out.total_error == pytest.approx(expected.sum() / seen.sum() - 1)
    none = p_none(fit, *columns, horizon=HORIZON)
    assert chosen.chosen.held_out.brier == pytest.approx(np.mean((1 - none - (seen > 0)) ** 2))


def test_without_an_earlier_window_no_blend_is_tried(origin):
    found = choice_of(origin.after, None)
    assert "blend" not in {one.fit.model for one in found.candidates}
    assert "blend" not in found.skipped


def test_what_came_in_the_window_moves_no_weight(chosen, origin):
    other = replace(origin.after, seen=origin.after.seen[::-1].copy())
    found = choice_of(other, origin.before)
    (fit,) = [one.fit for one in found.candidates if one.fit.model == "blend"]
    assert replace(fit, held_out=None) == replace(chosen.chosen.fit, held_out=None)


def test_where_nothing_earlier_teaches_it_the_reason_is_kept(origin):
    few = Window(*(column[:9] for column in (origin.before.x, origin.before.t_x, origin.before.T, origin.before.seen)))
    nobody = Window(*(np.zeros(0) for _ in range(4)))
    for before, told in ((few, "9 people were known 170 days ago"), (nobody, "0 people were known")):
        found = choice_of(origin.after, before)
        assert told in found.skipped["blend"]
        assert found.chosen.fit.model != "blend"


def test_it_has_to_lead_by_more_than_noise_to_replace_the_default():
    people = leaving_any_time(1500, seed=6, horizon=90)
    quarter = people.T > 90
    x = np.where(people.t_x <= people.T - 90, people.x, 0.0)
    then = [column[quarter] for column in (x, np.where(x > 0, people.t_x, 0.0), people.T - 90, people.x - x)]
    found = choose(
        people.x, people.t_x, people.T, people.after, horizon_days=90, before=Window(*then)
    )  # the windows overlap nowhere, but tell nothing that one of the models does not know
    assert found.chosen.fit.model != "blend"
    (mine,) = [one for one in found.candidates if one.fit.model == "blend"] or [None]
    assert mine is None or mine.why


def test_the_choice_comes_back_from_json_as_it_was(chosen):
    assert Choice.from_json(json.loads(json.dumps(chosen.to_json(), allow_nan=False))) == chosen


def test_fitted_again_on_everybody_it_keeps_weights_and_error(chosen, days):
    now = days.window(date(1971, 6, 1), horizon_days=9)
    again = refit(chosen, *now.columns(), sum_log_gaps=now.sum_log_gaps).chosen
    assert again.fit.model == "blend"
    assert again.fit.held_out == chosen.chosen.fit.held_out
    weights = chosen.chosen.fit.weights
    whole = sum(weights[name] for name in again.fit.weights)
    assert again.fit.weights == pytest.approx({name: weights[name] / whole for name in again.fit.weights})
    for name, fit in again.fit.fits.items():
        model = CANDIDATES[name]
        assert fit == model.fit(*now.columns(), now.sum_log_gaps)


def test_a_model_that_meets_a_limit_on_everybody_leaves_its_weight_to_the_others_or_the_rate_is_used(chosen):
    people = leaving_any_time(3000, seed=2, horizon=9, letters=(1.5, 20.0, 0.5, 1e9))  # nobody leaves here
    columns = people.x, people.t_x, people.T
    assert "nbd alone in it fits" in blend.fit_again_or_why(mixed(mbgnbd=0.5, nbd=0.5), *columns, None)
    found = refit(chosen, *columns)
    assert isinstance(found.chosen.fit, Rate)
    (dropped,) = [one for one in found.candidates if one.fit.model == "blend"]
    assert dropped.why.startswith("Not used: on all the data, ")
    several = leaving_any_time(3000, seed=5, horizon=9)
    kept = blend.fit_again_or_why(mixed(mbgcnbd=0.2, paretonbd=0.2, nbd=0.6), several.x, several.t_x, several.T, None)
    assert kept.weights == pytest.approx({"paretonbd": 0.25, "nbd": 0.75})


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.05, 1), min_size=4, max_size=4), st.sampled_from([7.0, 90.0, 365.0]))
def test_the_chance_of_reaching_a_count_is_the_weighed_mean_of_the_models(shares, horizon):
    weights = dict(zip(FITS, (np.array(shares) / sum(shares)).tolist(), strict=True))
    columns = histories(60, seed=3)
    found = reach_table(beliefs(mixed(**weights), *columns), horizon=horizon)
    wanted = np.zeros((60, 25))
    for name, share in weights.items():
        table = reach_table(beliefs(FITS[name], *columns), horizon=horizon)
        wanted[:, : table.shape[1]] += share * table
    np.testing.assert_allclose(found, wanted[:, : found.shape[1]], atol=2e-4)
    np.testing.assert_allclose(1 - found[:, 0], p_none(mixed(**weights), *columns, horizon=horizon), atol=5e-3)


def test_a_blend_of_one_model_with_itself_has_its_ranges():
    columns = histories(500, seed=5)
    same = Blend({"mbgnbd": 0.3, "mbgcnbd": 0.7}, {"mbgnbd": FITS["mbgnbd"], "mbgcnbd": AS_ONE_STEP}, 90, 1000, 0.0)
    for one, other in zip(
        own_none_ranges(same, *columns, horizon=90),
        own_none_ranges(FITS["mbgnbd"], *columns, horizon=90),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=0.05)  # their points are not the same
    for one, other in zip(
        count_ranges(beliefs(same, *columns), horizon=90),
        count_ranges(beliefs(FITS["mbgnbd"], *columns), horizon=90),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


AS_ONE_STEP = fitted(mbgcnbd.MbgCnbdK, k=1, r=0.6, alpha=50, a=0.8, b=2)


def test_the_ranges_hold_8_in_10_of_people_of_two_kinds():
    leaving = leaving_any_time(4000, seed=5, horizon=90)
    staying = leaving_any_time(4000, seed=6, horizon=90, letters=(1.5, 20.0, 0.5, 1e9))
    columns = [
        np.concatenate([getattr(kind, name) for kind in (leaving, staying)]) for name in ("x", "t_x", "T", "after")
    ]
    both = Blend(
        {"paretonbd": 0.5, "nbd": 0.5},
        {
            "paretonbd": paretonbd.fit(leaving.x, leaving.t_x, leaving.T),
            "nbd": nbd.fit(staying.x, staying.t_x, staying.T),
        },
        90, 8000, 0.0,
    )  # fmt: skip
    low, high = count_ranges(beliefs(both, *columns[:3]), horizon=90)
    assert 0.78 <= ((columns[3] >= low) & (columns[3] <= high)).mean() <= 0.95


def test_what_it_says_of_a_person_is_whole_and_in_order(chosen, origin):
    fit, columns = chosen.chosen.fit, origin.after.columns()
    means = np.where(columns[0] > 0, 20.0, np.nan)
    found = outlook(fit, None, *columns, means, **ASKED)
    assert set(found["reasons"]) == {"value", "value_low", "value_high"}  # of the fit of values alone
    for name in ("p_none", "expected"):
        assert (found[f"{name}_low"] <= found[f"{name}_high"]).all()
    assert (found["p_none_low"] <= found["p_none"]).all()
    assert (found["p_none"] <= found["p_none_high"]).all()
    assert (found["p_alive"] <= 1).all()
    assert (found["p_alive"] >= 1 - found["p_none"] - 1e-12).all()
    assert found["expected"] == pytest.approx(blend.expected_purchases(fit, *columns, horizon=90))


def test_whether_somebody_is_still_here_is_asked_of_models_in_which_people_leave():
    silent = (np.array([3.0, 0.0]), np.array([30.0, 0.0]), np.array([3_000.0, 3_000.0]))
    heavy = mixed(mbgnbd=0.1, paretonbd=0.3, nbd=0.6)
    told = 0.25 * mbgnbd.p_alive(FITS["mbgnbd"], *silent) + 0.75 * paretonbd.p_alive(FITS["paretonbd"], *silent)
    np.testing.assert_allclose(alive_by(heavy)(*silent), told, rtol=1e-12)
    assert alive_by(heavy)(*silent)[0] < 0.1  # however much weight a model has in which nobody ever leaves


def test_what_people_are_worth_is_the_weighed_mean_and_a_missing_range_has_its_reason():
    columns = histories(200, seed=9)
    means = np.where(columns[0] > 0, 30.0, np.nan)
    far = {"horizon_days": 365.0, "discount_rate_per_year": 0.1}
    three = mixed(mbgnbd=0.5, mbgcnbd=0.2, nbd=0.3)
    found = lifetime_value.lifetime_value(three, None, *columns, means, **far)
    for column in ("expected", "discounted", "mid"):
        parts = [
            share * lifetime_value.lifetime_value(FITS[name], None, *columns, means, **far)[column]
            for name, share in three.weights.items()
        ]
        np.testing.assert_allclose(found[column], np.sum(parts, axis=0), rtol=1e-9)
    assert found["low"] is None
    assert found["high"] is None
    assert "blend" in found["reasons"]["low"]
    endless = {"horizon_days": None, "discount_rate_per_year": 0.1}
    with pytest.raises(BadInput, match="in nbd nobody ever leaves, so blend says nothing without end"):
        lifetime_value.lifetime_value(three, None, *columns, means, **endless)
    leaving = mixed(mbgnbd=0.5, paretonbd=0.5)
    assert np.isfinite(lifetime_value.discounted_purchases(leaving, *columns, **endless)).all()


@pytest.mark.parametrize("row", [(0, 0, 0), (1, 11_000, 11_000), (100_000, 400, 400), (100_000, 1, 11_000)])
def test_extremes_stay_finite_and_in_order(row):
    columns = [np.array([float(value), other]) for value, other in zip(row, (2.0, 30.0, 90.0), strict=True)]
    every = mixed(mbgnbd=0.1, paretonbd=0.2, mbgcnbd=0.3, nbd=0.4)
    found = outlook(every, None, *columns, np.full(2, 9.0), **ASKED)
    for name in ("p_alive", "p_none", "expected", "value", "p_none_low", "expected_high", "value_high"):
        assert np.isfinite(found[name]).all()
    assert (found["expected_low"] <= found["expected_high"]).all()


@pytest.fixture(scope="module")
def tested(days):
    found = [days.origin(date(1970, month, 1), horizon_days=90) for month in (8, 10, 12)]
    return found, backtest(found, horizon_days=90, models=PLAIN)


def test_a_backtest_tries_it_at_every_day_with_a_window_before(tested):
    origins, found = tested
    assert [one.model for one in found.standings] == [*PLAIN, "blend", "rate", "recency"]
    for held, one in zip(found.held, origins, strict=True):
        trial = held.trial("blend")
        assert trial.refused is None
        learned = blend.fit(one.after, one.before, before_days=90, models=PLAIN)
        assert trial.parameters == pytest.approx(learned.weights)
        assert trial.expected == pytest.approx(
            blend.expected_purchases(learned, *one.after.columns(), horizon=90).sum()
        )
    assert Backtest.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_a_backtest_says_why_there_is_no_blend(origin):
    alone = backtest([replace(origin, before=None)], horizon_days=HORIZON, models=PLAIN)
    assert alone.held[0].trial("blend").refused == "the history has no 170 days before this cutoff to learn from"
    one_model = backtest([origin], horizon_days=HORIZON, models={"mbgnbd": CANDIDATES["mbgnbd"]})
    assert "nothing to weigh it against" in one_model.held[0].trial("blend").refused
    assert one_model.winner.model in {"mbgnbd", "rate", "recency"}
    (standing,) = [one for one in one_model.standings if one.model == "blend"]
    assert standing.cutoffs == 0
    assert standing.why.startswith("Not used: at the newest cutoff")


def test_a_backtest_learns_nothing_of_what_came(origin):
    other = Origin(origin.cutoff, replace(origin.after, seen=origin.after.seen[::-1].copy()), origin.before)
    mine, theirs = (
        backtest([one], horizon_days=HORIZON, models=PLAIN).held[0].trial("blend") for one in (origin, other)
    )
    assert mine.parameters == theirs.parameters
    assert mine.expected == theirs.expected
