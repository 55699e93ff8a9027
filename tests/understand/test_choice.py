"""The model to believe is the one that did best on a window it had not seen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.choice import Choice, choose, refit, score


def scores(choice):
    return {c.fit.model: c.held_out for c in choice.candidates}


def assert_not_worse_than_the_rate(choice):
    rate, chosen = scores(choice)["rate"], choice.chosen.held_out
    assert chosen.mae <= rate.mae
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
    assert choice.chosen.fit.model in ("rate", "recency")
    assert_not_worse_than_the_rate(choice)
    assert "no measurable drop-out" in choice.candidates[0].why


@pytest.mark.parametrize(("first_coin", "wanted"), [(1, "mbgnbd"), (0, "bgnbd")])
def test_the_model_that_made_the_data_is_found(simulate_buyers, first_coin, wanted):
    people = simulate_buyers(30_000, seed=1, first_coin=first_coin)
    choice = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90)
    assert choice.chosen.fit.model == wanted
    assert_not_worse_than_the_rate(choice)


def test_exactly_one_is_chosen_and_each_says_why(simulate_buyers):
    people = simulate_buyers(2000, seed=2, first_coin=1)
    stored = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90).to_json()
    assert [s["model"] for s in stored] == ["mbgnbd", "bgnbd", "rate", "recency"]
    assert sum(s["chosen"] for s in stored) == 1
    assert all(s["why"] for s in stored)
    assert set(stored[0]["baselines"]) == {"rate", "recency"}


def test_it_comes_back_from_json_as_it_was(simulate_buyers):
    people = simulate_buyers(2000, seed=3, first_coin=1)
    choice = choose(people.x, people.t_x, people.T, people.count_after, horizon_days=90)
    assert Choice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
    with pytest.raises(BadInput, match="cannot be read"):
        Choice.from_json([])


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
