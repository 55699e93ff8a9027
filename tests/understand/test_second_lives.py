"""Second lives beside first ones: areas and variances by hand, intervals that hold, refusals by name."""

from __future__ import annotations

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import second_lives


def people(n, *, seed, first=200.0, second=100.0, until=365):
    """Exponential lives, watched for `until` days; each brings 2 a day."""
    rng = np.random.default_rng(seed)
    number = np.repeat([1, 2], n)
    whole = np.floor(rng.exponential(np.where(number == 1, first, second)))
    days = np.minimum(whole, until)
    return days, whole <= until, 2.0 * days + rng.normal(0, 5, 2 * n), number


def test_a_case_worked_by_hand() -> None:
    # Twenty of forty end on day 10, ten are lost from sight on day 20, ten go on to day 30.
    days = np.tile(np.repeat([10, 20, 30], [20, 10, 10]), 2)
    ended = np.tile(np.repeat([True, False, False], [20, 10, 10]), 2)
    both = second_lives.compare(days, ended, 3.0 * days, number=np.repeat([1, 2], 40))
    assert both.horizon_days == 30
    assert both.first.days.value == pytest.approx(10 * 1 + 20 * 0.5)
    # Greenwood: (area after day 10)^2 d / (n (n - d)) = 10^2 * 20 / (40 * 20).
    half = second_lives.Z_80 * np.sqrt(2.5)
    assert both.first.days.high == pytest.approx(20 + half)
    assert both.second.value_per_day.value == pytest.approx(3)
    assert both.second.value_per_day.low == pytest.approx(3)
    assert both.second.value.value == pytest.approx(60)
    assert both.second.value.high == pytest.approx(60 + 3 * half)
    assert both.ratio.value == pytest.approx(1)
    assert both.first.curve.share[10] == pytest.approx(0.5)


def test_the_area_is_that_of_the_curve() -> None:
    days, ended, money, number = people(300, seed=1)
    both = second_lives.compare(days, ended, money, number=number, horizon_days=200)
    for record in (both.first, both.second):
        assert record.days.value == pytest.approx(record.curve.share[:200].sum())


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    h, hits = 180, 0
    # Whole days: a life is still going on after day t when it lasts over t, with chance exp(-(t + 1) / 100).
    truth = np.exp(-np.arange(1, h + 1) / 100.0).sum()
    for seed in range(200):
        days, ended, money, number = people(60, seed=seed)
        told = second_lives.compare(days, ended, money, number=number, horizon_days=h).second.days
        hits += told.low <= truth <= told.high
    assert 0.72 < hits / 200 < 0.88


def test_second_lives_half_as_long_are_seen_as_such() -> None:
    days, ended, money, number = people(3000, seed=3, first=100.0, second=50.0, until=700)
    both = second_lives.compare(days, ended, money, number=number)
    assert both.ratio.value == pytest.approx(0.5, abs=0.03)
    assert both.ratio.low < 0.5 < both.ratio.high
    assert both.second.value.value == pytest.approx(100, abs=6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda c: c["lasted"].__setitem__(3, -1), BadInput, "row 3: lasted is -1"),
        (lambda c: c["lasted"].__setitem__(3, np.nan), BadInput, "row 3: lasted is nan"),
        (lambda c: c["money"].__setitem__(4, np.inf), BadInput, "row 4: money is inf"),
        (lambda c: c["number"].__setitem__(5, 0), BadInput, "row 5: number is 0"),
        (lambda c: c["number"].__setitem__(slice(None), 1), NotEnoughData, "0 second lives are too few"),
        (lambda c: c.__setitem__("money", c["money"][:-1]), BadInput, "do not line up"),
    ],
)
def test_bad_lives_are_named(change, error, message) -> None:
    days, ended, money, number = people(40, seed=1)
    columns = {"lasted": days, "ended": ended, "money": money, "number": number.astype(float)}
    change(columns)
    with pytest.raises(error, match=message):
        second_lives.compare(**columns)


def test_a_span_nobody_was_watched_for_is_refused() -> None:
    days, ended, money, number = people(40, seed=1)
    with pytest.raises(BadInput, match="horizon_days is 5000"):
        second_lives.compare(days, ended, money, number=number, horizon_days=5000)
    with pytest.raises(NotEnoughData, match="not watched for a day"):
        second_lives.compare(np.zeros(80), ended, money, number=number)
    with pytest.raises(NotEnoughData, match="lasted no days"):
        second_lives.compare((number == 1) * 9.0, number == 2, money, number=number)


def test_lives_that_all_ended_are_known_for_good() -> None:
    lasted = np.repeat([50.0, 10.0], 40)
    both = second_lives.compare(lasted, np.full(80, True), lasted, number=np.repeat([1, 2], 40))
    assert both.horizon_days == 50
    assert both.second.days.value == 10
    assert both.ratio.value == pytest.approx(0.2)


def returned(n, *, seed, carries, noise=0.1):
    """People who came back: what a day of the first life brought tells the second (or tells nothing), times a half."""
    rng = np.random.default_rng(seed)
    own = rng.gamma(4.0, 0.5, n)
    first_days, second_days = rng.integers(100, 900, n).astype(float), rng.integers(30, 400, n).astype(float)
    told = own if carries else rng.permutation(own)
    return own * first_days, first_days, 0.5 * told * second_days * (1 + noise * rng.normal(size=n)), second_days


def test_who_spent_more_the_first_time_is_told_more_where_that_holds() -> None:
    m1, d1, m2, d2 = returned(400, seed=1, carries=True)
    pace = second_lives.own_pace(m1, d1, m2, d2, everyone=float(m1.sum() / d1.sum()))
    assert pace.pull_days < 30
    assert pace.ratio.value == pytest.approx(0.5, abs=0.02)
    assert pace.ratio.low < pace.ratio.value < pace.ratio.high
    days, ended, money, number = people(300, seed=2)
    both = second_lives.compare(days, ended, money, number=number, horizon_days=200)
    value, low, high = second_lives.value_of_return(both, pace, [1000.0, 200.0, np.nan], [500.0, 500.0, np.nan])
    assert value[0] == pytest.approx(5 * value[1], rel=0.15)
    assert value[2] == pytest.approx(both.second.days.value * pace.ratio.value * pace.everyone)
    assert (low < value).all()
    assert (value < high).all()


def test_everybody_is_told_the_same_where_the_first_life_says_nothing() -> None:
    m1, d1, m2, d2 = returned(2000, seed=3, carries=False)
    pace = second_lives.own_pace(m1, d1, m2, d2, everyone=float(m1.sum() / d1.sum()))
    assert pace.pull_days > 1000
    # A first life of a single day, whatever it brought, is next to nothing against so many.
    days, ended, money, number = people(300, seed=2)
    both = second_lives.compare(days, ended, money, number=number, horizon_days=200)
    value, _, _ = second_lives.value_of_return(both, pace, [50.0, 0.0], [0.0, 0.0])
    assert value[0] == pytest.approx(value[1], rel=0.05)


def test_the_span_is_cut_where_the_business_looks_no_further() -> None:
    days, ended, money, number = people(300, seed=4)
    longest = second_lives.compare(days, ended, money, number=number).horizon_days
    assert second_lives.compare(days, ended, money, number=number, at_most_days=90).horizon_days == 90
    assert second_lives.compare(days, ended, money, number=number, at_most_days=10_000).horizon_days == longest


def test_a_pace_that_cannot_be_told_is_refused_by_name() -> None:
    m1, d1, m2, d2 = returned(40, seed=5, carries=True)
    with pytest.raises(NotEnoughData, match="no first life brought anything"):
        second_lives.own_pace(m1, d1, m2, d2, everyone=0.0)
    with pytest.raises(NotEnoughData, match="no second one has lasted a day"):
        second_lives.own_pace(m1, d1, m2, 0 * d2, everyone=1.0)
    m2[7] = np.nan
    with pytest.raises(BadInput, match="row 7"):
        second_lives.own_pace(m1, d1, m2, d2, everyone=1.0)
    with pytest.raises(BadInput, match="do not line up"):
        second_lives.own_pace(m1, d1[:3], m2, d2, everyone=1.0)
