"""Ranges of a fit's answers hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaln

from rekindle.errors import BadInput, Degenerate
from rekindle.understand import sbg
from rekindle.understand.fitted import parameter_range


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
