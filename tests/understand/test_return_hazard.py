"""Returns by month: a case by hand, the plain count, shrinkage that finds its own strength, refusals by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import beta, betabinom

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import return_groups, return_hazard

AS_OF = 2000


def absences(n, *, seed, chances, reach=20):
    """Ends spread over `reach` months of 30 days before AS_OF, each coming back at its group's chance a month."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, len(chances), n)
    ended = AS_OF - rng.integers(0, reach * 30, n)
    month = rng.geometric(np.array(chances)[group]) - 1
    back = (ended + month * 30 + rng.integers(0, 30, n)).astype(float)
    return ended, np.where(back <= AS_OF, back, np.nan), group


def test_a_case_worked_by_hand() -> None:
    # 40 left on day 0 and 5 on day 70; as_of is day 89, so three months of 30 days can be watched, one for the 5.
    ended = np.repeat([0, 70], [40, 5])
    returned = np.full(45, np.nan)
    returned[:6] = [0, 29, 30, 59, 60, 89]
    returned[40] = 75  # inside a month that is not over: not counted, as the other four are not
    fit = return_hazard.fit(ended, returned, as_of=89, month_days=30)
    whole = fit.groups[""]
    assert whole.watched == [40, 38, 36]
    assert whole.returned == [2, 2, 2]
    assert whole.a == [2.5] * 3
    assert whole.b == [38.5, 36.5, 34.5]
    curve = return_hazard.curve(fit)
    assert curve.chance == pytest.approx([2.5 / 41, 2.5 / 39, 2.5 / 37])
    assert curve.by[-1] == pytest.approx(1 - (38.5 / 41) * (36.5 / 39) * (34.5 / 37))
    low = brentq(lambda h: quad(beta(2.5, 38.5).pdf, 0, h)[0] - 0.1, 0, 0.2)
    assert curve.low[0] == pytest.approx(low, rel=1e-6)
    assert (curve.by_low < curve.by).all()
    assert (curve.by < curve.by_high).all()
    assert fit.returns == 7


def test_a_group_is_drawn_to_the_whole_as_far_as_the_data_say() -> None:
    # The likeness found is the one that makes the beta-binomial counts most likely.
    ended, returned, group = absences(4000, seed=2, chances=[0.02, 0.05, 0.12])
    reason = np.array(["pulled", "price", "moved"], dtype=object)[group]
    fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": reason}, months=12, month_days=30)
    inside = return_hazard.curve(fit).chance

    def plain(likeness):
        total = 0.0
        for name in ("pulled", "price", "moved"):
            cells = fit.groups[name]
            for m in range(12):
                k, n = cells.returned[m], cells.watched[m]
                total += betabinom.logpmf(k, n, likeness * inside[m], likeness * (1 - inside[m]))
        return total

    found = fit.parameters["reason"]
    assert plain(found) >= max(plain(found * 1.05), plain(found / 1.05))
    for name, truth in (("pulled", 0.02), ("price", 0.05), ("moved", 0.12)):
        curve = return_hazard.curve(fit, group=(name,))
        assert curve.chance[:6].mean() == pytest.approx(truth, abs=0.012)
        raw = np.array(fit.groups[name].returned) / np.array(fit.groups[name].watched)
        assert (np.abs(curve.chance - inside) <= np.abs(raw - inside) + 1e-12).all()
    assert fit.boundary is None


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    inside = total = 0
    for seed in range(30):
        ended, returned, _ = absences(600, seed=seed, chances=[0.06])
        curve = return_hazard.curve(return_hazard.fit(ended, returned, as_of=AS_OF, months=8, month_days=30))
        inside += ((curve.low <= 0.06) & (curve.high >= 0.06)).sum()
        total += curve.chance.size
    assert 0.74 < inside / total < 0.86


def test_groups_that_do_not_differ_are_named_and_given_the_whole() -> None:
    ended, returned, group = absences(3000, seed=4, chances=[0.05])
    rng = np.random.default_rng(1)
    label = np.array(["a", "b"], dtype=object)[rng.integers(0, 2, group.size)]
    fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": label}, months=12, month_days=30)
    assert "no difference between groups of reason" in (fit.boundary or "")
    np.testing.assert_allclose(
        return_hazard.curve(fit, group=("a",)).chance, return_hazard.curve(fit).chance, atol=2e-3
    )


def test_levels_lie_in_one_another() -> None:
    ended, returned, group = absences(3000, seed=5, chances=[0.02, 0.1])
    reason = np.array(["price", "moved"], dtype=object)[group]
    wound = np.array(["none", "sore"], dtype=object)[np.arange(group.size) % 2]
    fit = return_hazard.fit(
        ended, returned, as_of=AS_OF, levels={"reason": reason, "wound": wound}, months=6, month_days=30
    )
    assert set(fit.groups) == {
        "",
        "price",
        "moved",
        *(f"{r} / {w}" for r in ("price", "moved") for w in ("none", "sore")),
    }
    sore = return_hazard.curve(fit, group=("moved", "sore")).chance.mean()
    assert sore == pytest.approx(0.1, abs=0.02)
    stored = json.dumps(fit.to_json(), allow_nan=False)
    assert return_hazard.ReturnHazard.from_json(json.loads(stored)) == fit
    with pytest.raises(BadInput, match=r"nobody of \('boredom',\) has left"):
        return_hazard.curve(fit, group=("boredom",))


def test_the_chance_ahead_is_the_curve_cut() -> None:
    ended, returned, group = absences(3000, seed=6, chances=[0.02, 0.1])
    reason = np.array(["price", "moved"], dtype=object)[group]
    fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": reason}, months=12, month_days=30)
    told = return_hazard.p_return(fit, [0, 3, 3], horizon_months=4, groups=[("price",), ("moved",), ()])
    for value, group_name, away in zip(told, [("price",), ("moved",), ()], [0, 3, 3], strict=True):
        curve = return_hazard.curve(fit, group=group_name, months_away=away)
        assert value == pytest.approx(curve.by[3])
        assert curve.month[0] == away
    with pytest.raises(BadInput, match="row 1: 10 months away and 4 ahead, known are 12"):
        return_hazard.p_return(fit, [0, 10], horizon_months=4)
    with pytest.raises(BadInput, match="40 months away"):
        return_hazard.curve(fit, months_away=40)


def test_what_comes_after_as_of_is_not_read() -> None:
    ended, returned, _ = absences(400, seed=7, chances=[0.05])
    fit = return_hazard.fit(ended, returned, as_of=1700, month_days=30)
    late = np.where(returned > 1700, 1700 + 5 * np.arange(400) + 1, returned)
    moved = np.where(ended > 1700, ended + 50, ended)
    late = np.where(ended > 1700, np.nan, late)
    assert return_hazard.fit(moved, late, as_of=1700, month_days=30) == fit


def test_nobody_back_is_an_upper_limit_and_not_never() -> None:
    fit = return_hazard.fit(np.zeros(50), np.full(50, np.nan), as_of=400, month_days=30)
    assert fit.boundary == "nobody of 50 came back within 13 months: only an upper limit can be told"
    curve = return_hazard.curve(fit)
    assert (curve.chance > 0).all()
    assert curve.high[0] < 0.06


@pytest.mark.parametrize(
    ("ended", "returned", "error", "message"),
    [
        (np.zeros(29), np.full(29, np.nan), NotEnoughData, "29 ends are too few"),
        (np.full(40, 395), np.full(40, np.nan), NotEnoughData, "0 ends could be watched for a month"),
        (np.full(40, 500), np.full(40, np.nan), NotEnoughData, "0 ends are too few"),
        (np.full(40, 10), np.where(np.arange(40) == 3, 9, np.nan), BadInput, "row 3: returned is 9.0, before"),
        (np.where(np.arange(40) == 2, np.nan, 10), np.full(40, np.nan), BadInput, "row 2: ended is nan"),
        (np.zeros(40), np.full(40, -np.inf), BadInput, "row 0: returned is -inf"),
        (np.zeros(40), np.zeros(39), BadInput, "two columns of one length"),
    ],
)
def test_bad_ends_are_named(ended, returned, error, message) -> None:
    with pytest.raises(error, match=message):
        return_hazard.fit(ended, returned, as_of=400)


@pytest.mark.parametrize("name", [None, "", "a / b", 7])
def test_a_group_without_a_name_is_named(name) -> None:
    label = np.array(["moved"] * 40, dtype=object)
    label[5] = name
    with pytest.raises(BadInput, match="reason: row 5"):
        return_hazard.fit(np.zeros(40), np.full(40, np.nan), as_of=400, levels={"reason": label})


def test_first_lives_are_told_in_bands() -> None:
    told = return_hazard.first_life_band([0, 89, 90, 364, 365, 1094, 1095, 9000])
    assert told.tolist() == [
        "under 3 months", "under 3 months", "under a year", "under a year",
        "under 3 years", "under 3 years", "3 years and over", "3 years and over",
    ]  # fmt: skip
    with pytest.raises(BadInput, match=r"row 1: a first life of -1\.0 days"):
        return_hazard.first_life_band([5, -1])


def test_groups_that_do_not_differ_are_told_as_unsurely_as_the_whole() -> None:
    ended, returned, group = absences(3000, seed=4, chances=[0.05])
    label = np.array(["a", "b"], dtype=object)[np.random.default_rng(1).integers(0, 2, group.size)]
    fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": label}, months=12, month_days=30)
    whole, one = return_hazard.curve(fit), return_hazard.curve(fit, group=("a",))
    np.testing.assert_allclose(one.by_high - one.by_low, whole.by_high - whole.by_low, rtol=0.02)
    np.testing.assert_allclose(one.high - one.low, whole.high - whole.low, rtol=0.02)


def test_intervals_of_groups_hold_their_truth_as_often_as_they_say() -> None:
    inside = total = 0
    names = ("price", "moved", "bored", "rival")
    for seed in range(25):
        rng = np.random.default_rng(1000 + seed)
        # Groups as alike as beta draws with s = 40 about a chance of .06 are.
        truths = rng.beta(40 * 0.06, 40 * 0.94, len(names))
        ended, returned, group = absences(1600, seed=seed, chances=truths.tolist())
        reason = np.array(names, dtype=object)[group]
        fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": reason}, months=6, month_days=30)
        for name, truth in zip(names, truths, strict=True):
            curve = return_hazard.curve(fit, group=(name,))
            inside += ((curve.low <= truth) & (curve.high >= truth)).sum()
            total += curve.chance.size
    assert 0.72 < inside / total < 0.93


def test_within_is_the_curve_cut_with_its_interval() -> None:
    ended, returned, group = absences(3000, seed=6, chances=[0.02, 0.1])
    reason = np.array(["price", "moved"], dtype=object)[group]
    fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": reason}, months=12, month_days=30)
    told = return_hazard.within(fit, [0, 3, 5], horizon_months=4, groups=[("moved",), ()], group_of=[0, 0, 1])
    for row, (name, away) in enumerate([(("moved",), 0), (("moved",), 3), ((), 5)]):
        curve = return_hazard.curve(fit, group=name, months_away=away)
        assert told.value[row] == pytest.approx(curve.by[3])
        assert told.low[row] == pytest.approx(curve.by_low[3])
        assert told.high[row] == pytest.approx(curve.by_high[3])
    with pytest.raises(BadInput, match="row 1"):
        return_hazard.within(fit, [0, 9], horizon_months=4)
    with pytest.raises(BadInput, match="places in 1 groups"):
        return_hazard.within(fit, [0, 1], horizon_months=4, group_of=[0, 1])


def test_the_nearest_group_is_the_narrowest_that_anybody_left_in() -> None:
    ended, returned, group = absences(600, seed=9, chances=[0.05])
    reason = np.full(group.size, "moved", dtype=object)
    fit = return_hazard.fit(ended, returned, as_of=AS_OF, levels={"reason": reason}, months=6, month_days=30)
    assert return_hazard.nearest(fit, ("moved", "sore")) == ("moved",)
    assert return_hazard.nearest(fit, ("price",)) == ()
    for name in fit.groups:
        assert return_groups.name_of(return_groups.path_of(name)) == name
