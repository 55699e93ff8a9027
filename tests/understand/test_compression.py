"""Equal histories collapse into one with a weight, and impossible ones are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.compression import compress, enough

HISTORY = st.integers(0, 5).flatmap(
    lambda x: st.tuples(
        st.just(x), st.just(0) if x == 0 else st.integers(1, 9), st.integers(9, 20), st.sampled_from([1.0, 7.0, 0.37])
    )
)


@given(st.lists(HISTORY, min_size=1, max_size=40))
def test_every_person_is_found_again_behind_their_row(people):
    x, t_x, T, unit = (np.array(c, dtype=float) for c in zip(*people, strict=True))
    t_x, T = t_x / unit, T / unit
    h = compress(x, t_x, T, with_rows=True)
    np.testing.assert_array_equal(h.x[h.row], x)
    np.testing.assert_array_equal(h.t_x[h.row], t_x)
    np.testing.assert_array_equal(h.T[h.row], T)
    np.testing.assert_array_equal(np.bincount(h.row), h.weight)


@given(st.lists(HISTORY, min_size=1, max_size=40))
def test_no_history_is_kept_twice_and_x_rises(people):
    x, t_x, T, _ = (np.array(c, dtype=float) for c in zip(*people, strict=True))
    h = compress(x, t_x, T)
    assert len(set(zip(h.x, h.t_x, h.T, strict=True))) == h.x.size == len(set(zip(x, t_x, T, strict=True)))
    assert (np.diff(h.x) >= 0).all()
    assert h.people == len(people)


def test_weights_are_added_up():
    h = compress([1, 1, 0], [2, 2, 0], [5, 5, 5], weights=[3, 4, 1.5])
    np.testing.assert_array_equal(h.weight, [1.5, 7])


def test_codes_lead_back_to_the_times():
    h = compress([1, 2, 0], [2.5, 3.25, 0], [5, 1000, 5])
    np.testing.assert_array_equal(h.age.values[h.age.code], h.T)
    np.testing.assert_array_equal(h.last.values[h.last.code], h.t_x)


@pytest.mark.parametrize(
    ("x", "t_x", "T", "told"),
    [
        (-1, 1, 5, "x is not a finite number"),
        (1.5, 1, 5, "not a whole number"),
        (np.nan, 1, 5, "x is not a finite number"),
        (1, np.inf, 5, "t_x is not a finite number"),
        (1, 1, np.nan, "T is not a finite number"),
        (1, -1, 5, "t_x is not a finite number"),
        (1, 6, 5, "after the window"),
        (0, 3, 5, "x is 0 but t_x is not"),
        (2, 0, 5, "Merge purchases of one day"),
    ],
)
def test_the_first_impossible_row_is_named(x, t_x, T, told):
    with pytest.raises(BadInput, match=told) as error:
        compress([0, x, x], [0, t_x, t_x], [9, T, T])
    assert error.value.where == "row 1"
    assert error.value.remedy


def test_columns_of_different_length_are_refused():
    with pytest.raises(BadInput, match="do not line up"):
        compress([1, 2], [1], [5, 5])


def test_a_weight_of_zero_is_refused():
    with pytest.raises(BadInput, match="row 1: weight is 0"):
        compress([0, 0], [0, 0], [5, 5], weights=[1, 0])


@pytest.mark.parametrize(
    ("x", "t_x", "T", "told"),
    [
        ([1] * 29, [1] * 29, [2] * 29, "too few"),
        ([0] * 30, [0] * 30, [2] * 30, "second day"),
        ([0] * 30, [0] * 30, [0] * 30, "one day only"),
    ],
)
def test_what_no_model_can_learn_from_is_refused_by_name(x, t_x, T, told):
    with pytest.raises(NotEnoughData, match=told):
        enough(compress(x, t_x, T))


def test_nobody_is_not_enough():
    with pytest.raises(NotEnoughData, match="nobody"):
        compress([], [], [])
