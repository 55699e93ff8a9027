"""Competing causes: shares of Aalen & Johansen add up, agree with Kaplan & Meier, and know how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.understand.incidence import incidence
from rekindle.understand.survival import Z_80, kaplan_meier

CAUSES = ("a", "b")
lives = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), min_size=1, max_size=60)


@given(lives)
def test_what_is_left_and_what_is_gone_are_everybody(rows) -> None:
    lasted, cause = np.array(rows).T
    days = np.arange(0, 45, 3)
    found = incidence(lasted, cause, causes=CAUSES, days=days)
    np.testing.assert_allclose(found.still_here + found.share.sum(axis=1), 1, atol=1e-12)
    assert (np.diff(found.share, axis=0) >= -1e-12).all()
    assert (found.low <= found.share + 1e-12).all()
    assert (found.share <= found.high + 1e-12).all()
    assert ((found.low >= 0) & (found.high <= 1)).all()


@given(lives)
def test_the_plain_sum_over_days_gives_the_same(rows) -> None:
    lasted, cause = np.array(rows).T
    stay, share = 1.0, np.zeros(2)
    for day in range(21):
        at_risk = int((lasted >= day).sum())
        if at_risk:
            ended = np.array([((lasted == day) & (cause == k)).sum() for k in (1, 2)])
            share += stay * ended / at_risk
            stay *= 1 - ended.sum() / at_risk
    found = incidence(lasted, cause, causes=CAUSES, days=[20])
    np.testing.assert_allclose(found.share[0], share, atol=1e-12)
    np.testing.assert_allclose(found.still_here[0], stay, atol=1e-12)


def test_one_cause_alone_is_one_minus_kaplan_and_meier_with_greenwoods_error() -> None:
    rng = np.random.default_rng(3)
    lasted, ended = rng.integers(0, 400, 300), rng.random(300) < 0.6
    curve = kaplan_meier(lasted, ended=ended)
    found = incidence(lasted, ended.astype(int), causes=("a",), days=curve.days)
    np.testing.assert_allclose(found.share[:, 0], 1 - curve.share, atol=1e-12)
    # Greenwood by hand at one day, and the band it gives.
    day = int(curve.days[25])
    times = np.unique(lasted[ended & (lasted <= day)])
    at_risk = np.array([(lasted >= t).sum() for t in times])
    deaths = np.array([(ended & (lasted == t)).sum() for t in times])
    gone = 1 - np.prod(1 - deaths / at_risk)
    error = (1 - gone) * np.sqrt((deaths / (at_risk * (at_risk - deaths))).sum())
    high = gone ** np.exp(-Z_80 * error / (gone * -np.log(gone)))
    assert found.high[25, 0] == pytest.approx(high, rel=1e-9)


def test_the_interval_holds_the_truth_eight_times_in_ten() -> None:
    """Two competing exponential causes, half the lives still going on: the share within 100 days is known."""
    rng = np.random.default_rng(5)
    truth = 0.004 / 0.007 * (1 - np.exp(-0.007 * 100))
    held = []
    for _ in range(300):
        end, seen = rng.exponential(1 / 0.007, 200), rng.uniform(50, 250, 200)
        cause = np.where(rng.random(200) < 4 / 7, 1, 2)
        # Days are whole: an end during day 100 still counts as within 100 days.
        lasted = np.floor(np.minimum(end, seen)).astype(int)
        found = incidence(lasted, np.where(end <= seen, cause, 0), causes=CAUSES, days=[99])
        held.append(found.low[0, 0] <= truth <= found.high[0, 0])
    assert 0.74 <= np.mean(held) <= 0.86  # .80, with three standard errors of 300 tries


def test_to_forget_that_causes_compete_would_say_too_much() -> None:
    lasted = np.array([10] * 50 + [20] * 50)
    cause = np.array([2] * 50 + [1] * 50)
    found = incidence(lasted, cause, causes=CAUSES, days=[30])
    assert found.share[0].tolist() == [0.5, 0.5]
    naive = kaplan_meier(lasted, ended=cause == 1)
    assert 1 - naive.share[-1] == 1.0


@pytest.mark.parametrize(
    ("lasted", "cause"), [([], []), ([5], [1, 1]), ([5, -1], [1, 0]), ([5, 6], [0, 3]), ([5, 6], [0, -1])]
)
def test_what_cannot_be_is_refused(lasted, cause) -> None:
    with pytest.raises(BadInput):
        incidence(lasted, cause, causes=CAUSES, days=[1])
