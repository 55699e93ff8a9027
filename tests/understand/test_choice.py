"""The model to believe is the one that did best on a window it had not seen."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.choice import GUESSES, Choice, beaten, champion, choose, refit, score
from rekindle.understand.origins import PurchaseDays

from .simulated import with_a_rhythm


def scores(choice):
    return {c.fit.model: c.held_out for c in choice.candidates}


def why_of(choice, model):
    return next(c.why for c in choice.candidates if c.fit.model == model)


def assert_not_worse_than_the_rate(choice):
    rate, chosen = scores(choice)["rate"], choice.chosen.held_out
    assert chosen.rmse <= rate.rmse
    assert chosen.log_loss <= rate.log_loss


def test_on_cdnow_the_default_model_is_chosen(cdnow):
    histories = cdnow.histories("1997-09-30")
    choice = choose(*histories, cdnow.counts("1997-09-30", "1998-06-30"), horizon_days=273)
    assert choice.chosen.fit.model == "mbgnbd"
    assert "more than noise" in choice.chosen.why
    assert_not_worse_than_the_rate(choice)
    assert scores(choice)["mbgnbd"].mae == pytest.approx(0.79, abs=0.01)
    final = refit(choice, *cdnow.histories("1998-06-30"))
    assert final.chosen.fit.log_likelihood != choice.chosen.fit.log_likelihood
    assert final.chosen.held_out == choice.chosen.held_out


def test_on_online_retail_a_degenerate_model_is_not_used(online_retail):
    histories = online_retail.histories("2011-09-01")
    choice = choose(*histories, online_retail.counts("2011-09-01", "2011-12-09"), horizon_days=99)
    assert choice.chosen.fit.model == "rate"
    assert "no measurable drop-out" in choice.candidates[0].why
    assert "root mean squared error 1.605 against 1.584" in why_of(choice, "nbd")
    assert "pauses between purchases are not known" in choice.skipped["mbgcnbd"]


def test_on_online_retail_the_model_with_a_rhythm_is_chosen_and_its_absolute_error_owned_up_to(online_retail):
    window = PurchaseDays(online_retail.person, online_retail.day).window(date(2011, 9, 1), horizon_days=99)
    choice = choose(*window.columns(), window.seen, horizon_days=99, sum_log_gaps=window.sum_log_gaps)
    assert choice.chosen.fit.model == "mbgcnbd"
    assert choice.chosen.fit.parameters["k"] == 2
    assert_not_worse_than_the_rate(choice)
    assert "(0.976 against 0.964)" in choice.chosen.why
    final = refit(choice, *window.columns(), sum_log_gaps=window.sum_log_gaps)
    assert final.chosen.fit == choice.chosen.fit  # the same people and pauses give the same fit, its error kept


@pytest.mark.parametrize(("first_coin", "wanted"), [(1, "mbgnbd"), (0, "bgnbd")])
def test_the_model_that_made_the_data_is_found(simulate_buyers, first_coin, wanted):
    people = simulate_buyers(30_000, seed=1, first_coin=first_coin)
    choice = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90)
    assert choice.chosen.fit.model == wanted
    assert_not_worse_than_the_rate(choice)


def test_exactly_one_is_chosen_and_each_says_why(simulate_buyers):
    people = simulate_buyers(2000, seed=2, first_coin=1)
    stored = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90).to_json()
    assert [s["model"] for s in stored] == ["mbgnbd", "bgnbd", "paretonbd", "nbd", "rate", "recency"]
    assert sum(s["chosen"] for s in stored) == 1
    assert all(s["why"] for s in stored)
    assert set(stored[0]["baselines"]) == {"rate", "recency"}


def test_it_comes_back_from_json_as_it_was(simulate_buyers):
    people = simulate_buyers(2000, seed=3, first_coin=1)
    choice = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90)
    assert Choice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
    with pytest.raises(BadInput, match="cannot be read"):
        Choice.from_json([])


def test_every_fit_keeps_its_own_error_and_the_refit_too(simulate_buyers):
    people = simulate_buyers(2000, seed=2, first_coin=1)
    columns = (people.x, people.t_x, people.T)
    choice = choose(*columns, people.count_after, horizon_days=90)
    models = [c for c in choice.candidates if c.fit.model not in GUESSES]
    assert all(c.fit.held_out == asdict(c.held_out) for c in models)
    assert refit(choice, *columns).chosen.fit.held_out == asdict(choice.chosen.held_out)


def test_a_choice_stored_before_squared_errors_were_kept_still_loads(simulate_buyers):
    people = simulate_buyers(500, seed=3, first_coin=1)
    stored = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90).to_json()
    for one in stored:
        del one["held_out"]["rmse"], one["skipped"]
        one["fit"].pop("held_out", None)
    old = Choice.from_json(stored)
    assert old.chosen.held_out.rmse is None
    assert old.chosen.fit.held_out is None


@pytest.mark.parametrize("k", [2, 3])
def test_buyers_with_a_rhythm_are_told_by_the_model_that_knows_one(k):
    people = with_a_rhythm(8000, k=k, seed=k, horizon=180)
    choice = choose(people.x, people.t_x, people.T, people.after, horizon_days=180, sum_log_gaps=people.sum_log_gaps)
    assert choice.chosen.fit.model == "mbgcnbd"
    assert choice.chosen.fit.k == k
    assert "by more than noise" in choice.chosen.why
    assert_not_worse_than_the_rate(choice)


def test_a_rhythm_of_one_step_is_the_default_under_another_name():
    people = with_a_rhythm(8000, k=1, seed=6, horizon=180)
    choice = choose(people.x, people.t_x, people.T, people.after, horizon_days=180, sum_log_gaps=people.sum_log_gaps)
    assert choice.chosen.fit.model == "mbgnbd"


def test_where_nobody_ever_leaves_the_model_that_says_so_is_the_fallback():
    rng = np.random.default_rng(7)
    n = 6000
    T, rate = rng.uniform(200, 500, n), rng.gamma(1.2, 1 / 40, n)
    x = rng.poisson(rate * T).astype(float)
    t_x = np.where(x > 0, T * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    choice = choose(x, t_x, T, rng.poisson(rate * 90), horizon_days=90)
    assert choice.chosen.fit.model == "nbd"
    assert_not_worse_than_the_rate(choice)


def test_where_people_leave_the_model_in_which_they_do_not_only_stands_beside():
    assert champion(["paretonbd", "nbd"], lambda *_: (1.0, 0.01))[0] == "paretonbd"  # however far it is ahead
    assert "the only model in which people leave" in champion(["paretonbd", "nbd"], lambda *_: (1.0, 0.01))[1]
    assert champion(["nbd"], lambda *_: (0.0, 1.0)) == ("nbd", "the only model that beat the rate baseline")
    assert "nobody ever leaves" in beaten("nbd", "paretonbd")


def test_a_lead_within_two_standard_errors_or_within_rounding_is_none():
    def lead(gain, noise):
        return champion(["mbgnbd", "bgnbd"], lambda *_: (gain, noise))[0]

    assert lead(0.02, 0.0101) == "mbgnbd"
    assert lead(0.02, 0.0099) == "bgnbd"
    assert lead(9e-6, 0.0) == "mbgnbd"
    assert lead(-0.5, 0.01) == "mbgnbd"


def test_a_refit_at_the_boundary_falls_back_to_the_rate_and_says_so(simulate_buyers, online_retail):
    people = simulate_buyers(3000, seed=4, first_coin=1)
    choice = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90)
    assert choice.chosen.fit.model in ("mbgnbd", "bgnbd")
    final = refit(choice, *online_retail.histories("2011-09-01"))
    assert final.chosen.fit.model == "rate"
    assert "boundary" in final.chosen.why
    assert sum(c.chosen for c in final.candidates) == 1


def test_scores_of_a_perfect_and_a_useless_guess():
    seen = np.array([0.0, 2.0, 0.0, 1.0])
    perfect = score(np.array([1.0, 0.0, 1.0, 0.0]), seen, seen)
    assert (perfect.log_loss, perfect.brier, perfect.auc, perfect.mae, perfect.total_error) == (0, 0, 1, 0, 0)
    useless = score(np.full(4, 0.5), np.ones(4), seen)
    assert useless.log_loss == pytest.approx(np.log(2))
    assert useless.auc == 0.5
    assert useless.total_error == pytest.approx(1 / 3)


def test_what_cannot_be_known_is_none():
    nobody = score(np.full(3, 0.5), np.ones(3), np.zeros(3))
    assert nobody.auc is None
    assert nobody.total_error is None


def test_impossible_counts_and_too_few_people_are_refused():
    with pytest.raises(BadInput, match="row 1: held-out count"):
        choose([0, 0], [0, 0], [5, 5], [0, -1], horizon_days=9)
    with pytest.raises(BadInput, match="one count a person"):
        choose([0, 0], [0, 0], [5, 5], [0], horizon_days=9)
    with pytest.raises(NotEnoughData):
        choose([0, 1], [0, 2], [5, 5], [0, 1], horizon_days=9)
