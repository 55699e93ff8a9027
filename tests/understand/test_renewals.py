"""Contracts as counts: the same from a cohort and from single lives, and the first impossible place named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.understand.renewals import from_lives, from_survivors

LIFE = st.tuples(st.integers(0, 6), st.integers(1, 8), st.booleans(), st.integers(1, 4))


def test_a_cohort_counted_by_hand():
    counts = from_survivors([50, 40, 40, 30])
    assert counts.met.tolist() == [50, 40, 40]
    assert counts.left.tolist() == [10, 0, 10]
    assert counts.renewed.tolist() == [40, 40, 30]
    assert counts.n == 50


def test_single_lives_of_one_cohort_count_as_the_cohort():
    lives = from_lives([1] * 10 + [3] * 10 + [3] * 30, [True] * 20 + [False] * 30)
    cohort = from_survivors([50, 40, 40, 30])
    assert lives.met.tolist() == cohort.met.tolist()
    assert lives.left.tolist() == cohort.left.tolist()


@given(st.lists(LIFE, min_size=1, max_size=40))
def test_lives_count_as_the_plain_definition(lives):
    entered = np.array([life[0] for life in lives])
    tenure = entered + np.array([life[1] for life in lives])
    over = np.array([life[2] for life in lives])
    weights = np.array([life[3] for life in lives], dtype=float)
    counts = from_lives(tenure, over, entered=entered, weights=weights)
    for t in range(1, int(tenure.max()) + 1):
        met = sum(w for e, m, w in zip(entered, tenure, weights, strict=True) if e < t <= m)
        left = sum(w for m, o, w in zip(tenure, over, weights, strict=True) if o and m == t)
        assert counts.met[t - 1] == pytest.approx(met)
        assert counts.left[t - 1] == left
    assert counts.n == weights.sum()


def test_who_has_met_no_renewal_is_not_counted():
    counts = from_lives([0, 0, 2], [False, False, True])
    assert counts.n == 1
    assert counts.met.tolist() == [1, 1]


def test_one_huge_customer_does_not_swallow_the_others():
    counts = from_lives([1, 2, 4, 4], [True, True, True, False], weights=[1e15, 0.1, 0.2, 0.3])
    assert (counts.renewed >= 0).all()
    assert counts.left.tolist() == [1e15, 0.1, 0.0, 0.2]


@pytest.mark.parametrize(
    ("survivors", "place", "told"),
    [
        ([100, 90, 95], "period 2", "95 people after 90"),
        ([100, -1, 5], "period 1", "-1.0 people"),
        ([100, 90.5], "period 1", "90.5 people"),
        ([np.nan, 90], "period 0", "nan people"),
        ([100, np.inf], "period 1", "inf people"),
        ([100], "", "at least two counts"),
        ([[100, 90]], "", "at least two counts"),
    ],
)
def test_the_first_impossible_place_of_a_cohort_is_named(survivors, place, told):
    with pytest.raises(BadInput, match=told) as error:
        from_survivors(survivors)
    assert error.value.where == place


@pytest.mark.parametrize(
    ("life", "told"),
    [
        ((-1, False, 0), "tenure is -1"),
        ((1.5, False, 0), "tenure is 1.5"),
        ((np.nan, False, 0), "tenure is nan"),
        ((1e9, False, 0), "to 100000"),
        ((0, True, 0), "over after 0 periods"),
        ((2, True, 2), "2 of them before records begin"),
        ((2, False, 3), "records begin 3 periods into a life of 2"),
        ((2, 0.5, 0), "is_over is"),
        ((2, np.nan, 0), "is_over is"),
    ],
)
def test_the_first_impossible_life_is_named(life, told):
    tenure, over, entered = life
    with pytest.raises(BadInput, match=told) as error:
        from_lives([5, tenure], [0, over], entered=[0, entered])
    assert error.value.where == "row 1"


def test_columns_that_do_not_line_up_are_refused():
    with pytest.raises(BadInput, match="one length"):
        from_lives([1, 2], [True])
    with pytest.raises(BadInput, match="entered is"):
        from_lives([1, 2], [True, False], entered=[0])
    with pytest.raises(BadInput, match="weights have shape"):
        from_lives([1, 2], [True, False], weights=[1.0])
    with pytest.raises(BadInput, match="tenure is <U1"):
        from_lives(["a"], [True])
