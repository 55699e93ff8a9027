"""Kaplan and Meier, against a case worked by hand and the plain definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.understand.survival import kaplan_meier


def test_a_case_worked_by_hand() -> None:
    # Ends at 1, 2, 4; going on at 2 and 5: 4/5, then 4/5 * 3/4, then that * 1/2.
    curve = kaplan_meier([1, 2, 2, 4, 5], ended=[True, True, False, True, False])
    assert dict(zip(curve.days.tolist(), curve.share.round(6).tolist(), strict=True)) == {
        0: 1.0, 1: 0.8, 2: 0.6, 3: 0.6, 4: 0.3, 5: 0.3,
    }  # fmt: skip


def test_nobody_left_means_a_flat_line() -> None:
    curve = kaplan_meier([10, 20, 30], ended=[False] * 3)
    assert (curve.share == 1).all()
    assert (curve.low == 1).all()


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=80))
def test_the_curve_falls_within_its_band_and_is_the_plain_product(lives: list[tuple[int, bool]]) -> None:
    lasted, ended = zip(*lives, strict=True)
    curve = kaplan_meier(lasted, ended=ended)
    assert (np.diff(curve.share) <= 1e-12).all()
    assert ((curve.low <= curve.share + 1e-12) & (curve.share <= curve.high + 1e-12)).all()
    plain = 1.0
    for day in sorted(set(lasted)):
        here = sum(1 for other in lasted if other >= day)
        plain *= 1 - sum(1 for other, over in lives if other == day and over) / here
    assert curve.share[-1] == pytest.approx(plain)


def test_a_life_that_ended_before_it_began_is_named() -> None:
    with pytest.raises(BadInput, match="row 1 lasted -3 days"):
        kaplan_meier([4, -3], ended=[True, True])
