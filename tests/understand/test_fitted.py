"""Ranges of a fit's answers hold the truth as often as they say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import betaln

from rekindle.errors import BadInput, Degenerate
from rekindle.understand import bdw, bgbb, gammagamma, paretocovariates, sbg
from rekindle.understand.candidates import CANDIDATES
from rekindle.understand.fitted import in_longer_unit, parameter_range

from .simulated import with_a_rhythm


def cohort(rng, people=500, years=7):
    """How many of a cohort are still there after each year (alpha .8, beta 3)."""
    end = rng.geometric(np.maximum(rng.beta(0.8, 3.0, people), 1e-12))
    return [(end > t).sum() for t in range(years + 1)]


def test_the_range_of_a_forecast_holds_the_truth_eight_times_in_ten():
    truth = np.exp(betaln(0.8, 3.0 + 12) - betaln(0.8, 3.0))
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        low, high = parameter_range(sbg.fit(cohort(rng)), lambda fit: sbg.survivor(fit, [12]))
        held += bool(low[0] <= truth <= high[0])
    assert held / 300 == pytest.approx(0.8, abs=0.06)  # 2.6 standard errors of 300 draws


def test_the_answer_itself_lies_in_its_range_which_narrows_with_people():
    few, many = (sbg.fit(cohort(np.random.default_rng(12), people=people)) for people in (500, 50_000))
    widths = []
    for fit in (few, many):
        low, high = parameter_range(fit, lambda f: sbg.discounted_renewals(f, [0, 5], discount=0.1))
        middle = sbg.discounted_renewals(fit, [0, 5], discount=0.1)
        assert (low < middle).all()
        assert (middle < high).all()
        widths.append(high - low)
    assert (widths[1] < widths[0] / 5).all()


def test_what_is_worth_nothing_is_worth_nothing_for_certain():
    fit = sbg.fit(cohort(np.random.default_rng(14)))
    low, high = parameter_range(fit, lambda f: sbg.renewal_value(f, [2], value=0.0, discount=0.1))
    assert low[0] == high[0] == 0


def test_no_range_is_made_up_where_none_is_known():
    with pytest.raises(Degenerate, match="nobody leaves after the first renewal"):
        parameter_range(sbg.fit([100, 50, 50, 50]), lambda fit: sbg.survivor(fit, [3]))
    fit = sbg.fit(cohort(np.random.default_rng(13)))
    with pytest.raises(BadInput, match="below 0"):
        parameter_range(fit, lambda f: -sbg.survivor(f, [3]))


def purchase_fit(model, *, days_in_a_unit=1.0):
    people = with_a_rhythm(3000, k=2, seed=21, horizon=1.0)
    logs = people.sum_log_gaps - people.x * np.log(days_in_a_unit)
    times = (people.t_x / days_in_a_unit, people.T / days_in_a_unit)
    return CANDIDATES[model].fit(people.x, *times, logs), float(people.x.sum())


@pytest.mark.parametrize("model", CANDIDATES)
def test_a_fit_told_in_weeks_is_the_fit_to_weeks(model):
    fit, repeats = purchase_fit(model)
    weekly, _ = purchase_fit(model, days_in_a_unit=7.0)
    told = in_longer_unit(fit, of=7, repeats=repeats)
    assert told["parameters"] == pytest.approx(weekly.parameters, rel=1e-4)
    assert told["log_likelihood"] == pytest.approx(weekly.log_likelihood, abs=0.01)
    if fit.standard_errors is not None and weekly.standard_errors is not None:
        assert told["standard_errors"] == pytest.approx(weekly.standard_errors, rel=1e-2)


def any_fit(model):
    rng = np.random.default_rng(22)
    if model == "sbg":
        return sbg.fit(cohort(rng))
    if model == "bdw":
        return bdw.fit(cohort(rng))
    if model == "bgbb":
        taken = rng.random((400, 8)) < rng.beta(1, 1, (400, 1))
        last = np.where(taken.any(axis=1), 8 - np.argmax(taken[:, ::-1], axis=1), 0)
        return bgbb.fit(taken.sum(axis=1), last, np.full(400, 8), weights=None)
    if model == "gammagamma":
        x = rng.integers(1, 6, 400)
        return gammagamma.fit(x, rng.gamma(6 * x, 1 / rng.gamma(4, 1 / 15, 400)) / x, weights=None)
    people = with_a_rhythm(1500, k=1, seed=23, horizon=1.0)
    columns = (people.x, people.t_x, people.T)
    if model == "paretonbd_covariates":
        return paretocovariates.fit(*columns, rng.integers(0, 2, (1500, 1)), names=["region"], weights=None)
    return CANDIDATES[model].asks.fit(*columns, weights=None, **({"k": 2} if model == "mbgcnbd" else {}))


@pytest.mark.parametrize("model", [*CANDIDATES, "paretonbd_covariates", "gammagamma", "sbg", "bdw", "bgbb"])
def test_a_fit_is_not_judged_until_it_was_and_keeps_its_error_in_what_is_stored(model):
    fit = any_fit(model)
    assert fit.held_out is None
    judged = replace(fit, held_out={"n": 10, "mae": 0.5, "auc": None})
    for one in (fit, judged):
        assert type(fit).from_json(json.loads(json.dumps(one.to_json()))) == one
    older = fit.to_json()
    del older["held_out"]
    assert type(fit).from_json(older) == fit
