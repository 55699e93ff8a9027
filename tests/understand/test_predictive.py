"""Ranges by every model of purchases: the chances behind them are exact, and they hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaincc

from rekindle.understand import bgnbd, gammagamma, mbgcnbd, mbgnbd, nbd, paretonbd
from rekindle.understand.candidates import CANDIDATES
from rekindle.understand.outlook import outlook
from rekindle.understand.predictive import beliefs, count_ranges, reach_table
from rekindle.understand.predictive_none import own_none_ranges

from .simulated import Buyers, leaving_any_time, with_a_rhythm

HORIZON = 90.0


def fitted(kind, **letters):
    """A fit with these letters, known without any doubt."""
    given = ({name: float(value) for name, value in letters.items()}, -1.0, 100.0, True, None, None, None)
    return mbgcnbd.MbgCnbdK(*given, {}) if kind is mbgcnbd.MbgCnbdK else kind(*given)


FITS = [
    fitted(mbgnbd.MbgNbd, r=0.6, alpha=50, a=0.8, b=2),
    fitted(bgnbd.BgNbd, r=0.3, alpha=30, a=0.7, b=2.2),
    fitted(nbd.Nbd, r=0.7, alpha=60),
    fitted(paretonbd.ParetoNbd, r=0.6, alpha=80, s=0.5, beta=60),
    fitted(paretonbd.ParetoNbd, r=1.5, alpha=20, s=2, beta=400),
    *(fitted(mbgcnbd.MbgCnbdK, k=k, r=0.9, alpha=30 / k, a=0.3, b=2) for k in (1, 2, 5, 12)),
]
NAMES = [f"{fit.model}-{'-'.join(f'{v:g}' for v in fit.parameters.values())}" for fit in FITS]


def random_histories(n, *, seed):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, 600, n)
    x = rng.poisson(rng.gamma(0.6, 6, n)).astype(float)
    x[: n // 50] = rng.integers(50, 400, n // 50)
    return x, np.where(x > 0, T * rng.uniform(0.05, 1, n), 0.0), T


def exact_reach(fit, columns, *, horizon, most):
    """(n, most) chance of at least 1, 2, .. by adding up the model's own chances of each count."""
    counts = [
        np.exp(
            CANDIDATES[fit.model].asks.log_chance_of_count(
                fit, *columns, horizon=horizon, count=np.full(columns[0].size, float(k))
            )
        )
        for k in range(most)
    ]
    return 1 - np.cumsum(counts, axis=0).T


@pytest.mark.parametrize("horizon", [7.0, 90.0, 365.0])
@pytest.mark.parametrize("fit", FITS, ids=NAMES)
def test_the_chance_of_reaching_a_count_is_that_of_the_model(fit, horizon):
    columns = random_histories(400, seed=1)
    held = beliefs(fit, *columns)
    table = reach_table(held, horizon=horizon)
    exact = exact_reach(fit, columns, horizon=horizon, most=table.shape[1])
    within = 2e-4
    if fit.model == "paretonbd":  # times of leaving are looked at in a few nodes only
        within = 6e-3 if horizon > 90 else 1e-3
    assert np.abs(table - exact).max() < within
    for n in (1, 4, 17):
        one = held[0].reaching(np.full(400, float(n)), horizon)
        np.testing.assert_allclose(one, exact_reach(fit, columns, horizon=horizon, most=n)[:, -1], atol=within)


@pytest.mark.parametrize("fit", FITS, ids=NAMES)
def test_the_chance_of_none_lies_in_its_range(fit):
    columns = random_histories(400, seed=2)
    none = CANDIDATES[fit.model].asks.p_none(fit, *columns, horizon=HORIZON)
    low, high = own_none_ranges(fit, *columns, horizon=HORIZON)
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()
    # The middle 8 in 10 of a skewed spread need not hold its mean; of nearly everybody it does.
    assert ((none >= low - 1e-3) & (none <= high + 1e-3)).mean() > 0.8


def test_one_step_gives_the_ranges_of_the_plain_model():
    columns = random_histories(500, seed=3)
    letters = {"r": 0.9, "alpha": 30.0, "a": 0.3, "b": 2.0}
    plain, steps = fitted(mbgnbd.MbgNbd, **letters), fitted(mbgcnbd.MbgCnbdK, k=1, **letters)
    for one, other in zip(*(own_none_ranges(fit, *columns, horizon=HORIZON) for fit in (plain, steps)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(
        reach_table(beliefs(plain, *columns), horizon=HORIZON),
        reach_table(beliefs(steps, *columns), horizon=HORIZON),
        atol=1e-4,
    )


def test_people_who_hardly_leave_are_those_of_nbd():
    x, _, T = random_histories(300, seed=4)
    columns = (x, np.where(x > 0, T, 0.0), T)  # nobody has been silent; else even so small a chance of leaving tells
    stays = fitted(paretonbd.ParetoNbd, r=0.7, alpha=60, s=0.5, beta=5e8)
    never = fitted(nbd.Nbd, r=0.7, alpha=60)
    for one, other in zip(
        count_ranges(beliefs(stays, *columns), horizon=HORIZON),
        count_ranges(beliefs(never, *columns), horizon=HORIZON),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(
        own_none_ranges(stays, *columns, horizon=HORIZON),
        own_none_ranges(never, *columns, horizon=HORIZON),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-3)


def steps_own(people: Buyers, k: int):
    """Each person's own chance of none in the horizon, given the history, the true rate and chance of leaving."""
    silence = people.T - people.t_x
    quiet = gammaincc(k, people.rate * silence)
    longer = gammaincc(k, people.rate * (silence + HORIZON))
    here = (1 - people.leave) * quiet
    return 1 - np.divide((1 - people.leave) * (quiet - longer), here + people.leave)


def any_time_own(people: Buyers):
    """The same where people leave at a rate of their own."""
    both, silence = people.rate + people.leave, people.T - people.t_x
    here = 1 / (1 + people.leave / both * np.expm1(np.minimum(both * silence, 700)))
    return 1 - here * people.rate / both * -np.expm1(-both * HORIZON)


@pytest.fixture(scope="module", params=["paretonbd", "mbgcnbd-2", "mbgcnbd-4"])
def known(request):
    """Simulated buyers lively enough that ranges seldom begin at zero, the fit, the outlook and the own chances."""
    model, _, k = request.param.partition("-")
    if model == "paretonbd":
        people = leaving_any_time(6000, seed=5, horizon=HORIZON)
        own = any_time_own(people)
    else:
        people = with_a_rhythm(6000, k=int(k), seed=5, horizon=HORIZON, letters=(1.5, 12.0, 0.6, 6.0))
        own = steps_own(people, int(k))
    fit = CANDIDATES[model].fit(people.x, people.t_x, people.T, people.sum_log_gaps)
    asked = {"horizon_days": HORIZON, "value_horizon_days": HORIZON, "discount_rate_per_year": 0.0}
    rng = np.random.default_rng(8)
    nu = rng.gamma(3.74, 1 / 1545.0, people.x.size)
    paid = rng.gamma(6.25 * np.maximum(people.x, 1), 1 / nu) / np.maximum(people.x, 1)
    means = np.where(people.x > 0, paid, np.nan)
    spend = gammagamma.fit(people.x[people.x > 0], means[people.x > 0])
    worth = np.where(people.after > 0, rng.gamma(6.25 * np.maximum(people.after, 1e-9), 1 / nu), 0.0)
    return people, fit, outlook(fit, spend, people.x, people.t_x, people.T, means, **asked), own, worth


def inside(value, low, high):
    return ((value >= low) & (value <= high)).mean()


def test_the_range_of_the_own_chance_of_none_holds_it_8_times_in_10(known):
    _, fit, found, own, _ = known
    assert fit.boundary is None
    low, high = found["p_none_low"], found["p_none_high"]
    two_sided = high < 0.99  # an upper end at 1 has nothing above it and so holds nine in ten
    assert two_sided.mean() > 0.3
    assert inside(own[two_sided], low[two_sided], high[two_sided]) == pytest.approx(0.8, abs=0.03)
    assert inside(own, low, high) >= 0.78


def test_the_ranges_of_counts_and_values_hold_8_in_10(known):
    people, _, found, _, worth = known
    assert 0.78 <= inside(people.after, found["expected_low"], found["expected_high"]) <= 0.95
    some = found["value_high"] > 0
    assert inside(worth[some], found["value_low"][some], found["value_high"][some]) == pytest.approx(0.8, abs=0.03)


def test_expectations_are_right_in_total_and_nothing_is_left_unsaid(known):
    people, _, found, _, _ = known
    assert found["expected"].sum() == pytest.approx(people.after.sum(), rel=0.05)
    assert found["p_none"].mean() == pytest.approx((people.after == 0).mean(), abs=0.02)
    assert ((found["p_alive"] >= 0) & (found["p_alive"] <= 1)).all()
    assert found["reasons"] == {}


def test_a_model_in_which_nobody_leaves_has_ranges_but_says_nothing_of_leaving():
    people = leaving_any_time(2000, seed=9, horizon=HORIZON, letters=(1.5, 20.0, 0.5, 1e9))
    fit = nbd.fit(people.x, people.t_x, people.T)
    means = np.where(people.x > 0, 20.0, np.nan)
    found = outlook(
        fit, None, people.x, people.t_x, people.T, means,
        horizon_days=HORIZON, value_horizon_days=HORIZON, discount_rate_per_year=0.1,
    )  # fmt: skip
    assert found["p_alive"] is None
    assert "nobody ever leaves" in found["reasons"]["p_alive"]
    own = np.exp(-people.rate * HORIZON)
    assert inside(own, found["p_none_low"], found["p_none_high"]) == pytest.approx(0.8, abs=0.03)
    assert 0.78 <= inside(people.after, found["expected_low"], found["expected_high"]) <= 0.95


EXTREMES = [
    (0, 0, 0), (0, 0, 11_000), (1, 1e-3, 11_000), (1, 11_000, 11_000), (100_000, 400, 400), (100_000, 1, 11_000),
    (3000, 10_950, 10_957), (40, 39.99, 40),
]  # fmt: skip


@pytest.mark.parametrize("horizon", [0.5, 90.0, 3650.0])
@pytest.mark.parametrize("fit", FITS, ids=NAMES)
def test_extremes_stay_finite_and_in_order(fit, horizon):
    x, t_x, T = (np.array(c, dtype=float) for c in zip(*EXTREMES, strict=True))
    spend = gammagamma.GammaGamma({"p": 6.0, "q": 4.0, "v": 15.0}, -1.0, 100.0, True, None, None, None, None, None)
    asked = {"horizon_days": horizon, "value_horizon_days": horizon, "discount_rate_per_year": 0.1}
    found = outlook(fit, spend, x, t_x, T, np.where(x > 0, 30.0, np.nan), **asked)
    for name in ("p_none", "expected", "value"):
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        assert np.isfinite([found[name], low, high]).all()
        assert (low <= high).all()
    assert (found["p_none_high"] <= 1).all()


@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(0, 60), T=st.floats(1, 2000), share=st.floats(0.01, 1), more=st.floats(1.5, 20),
    which=st.integers(0, len(FITS) - 1),
)  # fmt: skip
def test_a_longer_horizon_never_lowers_a_count_or_the_chance_of_some(x, T, share, more, which):
    fit = FITS[which]
    columns = (np.array([float(x)]), np.array([share * T if x else 0.0]), np.array([T]))
    tables = [reach_table(beliefs(fit, *columns), horizon=h)[0] for h in (30.0, 30.0 * more)]
    size = min(t.size for t in tables)
    assert (tables[1][:size] >= tables[0][:size] - 3e-3).all()
    assert (np.diff(tables[0]) <= 1e-12).all()
    ends = [own_none_ranges(fit, *columns, horizon=h) for h in (30.0, 30.0 * more)]
    assert ends[1][0] <= ends[0][0] + 1e-5
    assert ends[1][1] <= ends[0][1] + 1e-5
