"""Curves that draw near to everybody's, are asked for fewer periods, or come from the plain guess."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from rekindle.errors import BadInput, UnknownColumn
from rekindle.understand import hazard
from rekindle.understand.hazard_curve import Settling, curves, plain_curves, settling

try:
    import lightgbm  # noqa: F401
except OSError as error:  # pragma: no cover
    pytest.skip(f"LightGBM needs OpenMP (libgomp1, or libomp on macOS): {error}", allow_module_level=True)

PERIODS = 8


def people(n: int = 1200, *, seed: int = 1, keeps: float = 0.5) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """A mood that moves the log-odds by 1 and keeps a known share of itself from period to period."""
    rng = np.random.default_rng(seed)
    mood = np.empty((n, PERIODS))
    mood[:, 0] = rng.normal(size=n)
    for k in range(1, PERIODS):
        mood[:, k] = keeps * mood[:, k - 1] + np.sqrt(1 - keeps**2) * rng.normal(size=n)
    ends = rng.random((n, PERIODS)) < expit(-2.5 + mood)
    first = np.where(ends.any(axis=1), ends.argmax(axis=1), PERIODS)
    life, period = np.divmod(np.arange(n * PERIODS), PERIODS)
    kept = period <= first[life]
    outcome = (period == first[life]).astype(int)[kept]
    columns = {"age_days": (period * 30.0)[kept], "mood": mood.ravel()[kept]}
    return columns, outcome, life[kept]


def outcome_share() -> float:
    """Share of periods that end, the truth of many people."""
    _, outcome, _ = people(20_000, seed=9)
    return float(outcome.mean())


@pytest.fixture(scope="module")
def fitted():
    columns, outcome, life = people()
    return hazard.fit(columns, outcome, life=life, period_days=30, seed=3), columns, life


def test_the_share_that_is_left_is_measured(fitted) -> None:
    fit, columns, life = fitted
    found = settling(fit, columns, life=life, first_day=columns["age_days"], periods=6)
    # The truth is .5, .25, .125, ..; survivors are a little more alike than everybody. Stated tolerance .1.
    assert found.kept[0] == pytest.approx(0.5, abs=0.1)
    assert found.kept[1] == pytest.approx(0.25, abs=0.1)
    assert found.kept == sorted(found.kept, reverse=True)
    assert len(found.kept) == 5
    assert expit(found.centre[0]) == pytest.approx(outcome_share(), abs=0.02)


def test_too_few_pairs_keep_what_was_known_before() -> None:
    columns, outcome, life = people(400)
    fit = hazard.fit(columns, outcome, life=life, period_days=30, seed=3)
    few = life < 20
    found = settling(
        fit, {k: v[few] for k, v in columns.items()}, life=life[few], first_day=columns["age_days"][few], periods=5
    )
    assert found.kept == sorted(found.kept, reverse=True)
    alone = settling(fit, {k: v[:1] for k, v in columns.items()}, life=life[:1], first_day=[0.0], periods=3)
    assert alone.kept == [1.0, 1.0]


def test_a_hazard_settles_towards_everybodys_and_its_first_period_stays(fitted) -> None:
    fit, *_ = fitted
    asked = {"age_days": np.array([60.0, 60.0]), "mood": np.array([2.5, -2.5])}
    plain = curves(fit, asked, periods=6, clocks=())
    worn = curves(fit, asked, periods=6, clocks=(), settles=Settling([-2.5], [0.5, 0.25, 0.0]))
    np.testing.assert_allclose(worn.here[:, 1], plain.here[:, 1])
    last = 1 - worn.here[:, -1] / worn.here[:, -2]
    np.testing.assert_allclose(last, expit(-2.5), atol=1e-9)
    second = 1 - worn.here[:, 2] / worn.here[:, 1]
    first = 1 - worn.here[:, 1]
    np.testing.assert_allclose(logit(second), -2.5 + 0.5 * (logit(first) + 2.5))
    assert worn.here[0, -1] > plain.here[0, -1]
    np.testing.assert_allclose(worn.here + worn.gone.sum(axis=2), 1)


def test_settled_curves_foretell_who_is_here_better_than_frozen_ones() -> None:
    """People of another seed, asked at their first period: how many are here five periods later, by their mood."""
    columns, outcome, life = people()
    fit = hazard.fit(columns, outcome, life=life, period_days=30, seed=3)
    settles = settling(fit, columns, life=life, first_day=columns["age_days"], periods=6)
    later, ended, who = people(4000, seed=2)
    start = later["age_days"] == 0
    over = np.bincount(who, weights=ended * (later["age_days"] < 150)) > 0
    gloomy = later["mood"][start] > 1
    asked = {name: values[start] for name, values in later.items()}
    seen = 1 - over[gloomy].mean()
    frozen = curves(fit, asked, periods=5).here[gloomy, -1].mean()
    settled = curves(fit, asked, periods=5, settles=settles).here[gloomy, -1].mean()
    assert abs(settled - seen) < 0.05
    assert abs(settled - seen) < abs(frozen - seen)


def test_asking_less_often_stays_near_asking_each_time(fitted) -> None:
    fit, columns, _ = fitted
    asked = {name: values[:200] for name, values in columns.items()}
    each = curves(fit, asked, periods=9)
    few = curves(fit, asked, periods=9, ask_every=4)
    assert few.here.shape == each.here.shape
    np.testing.assert_array_equal(few.here[:, 1], each.here[:, 1])
    assert np.abs(few.here - each.here).max() < 0.1
    np.testing.assert_allclose(few.here + few.gone.sum(axis=2), 1)
    with pytest.raises(BadInput, match="ask_every"):
        curves(fit, asked, periods=2, ask_every=0)


def test_the_plain_guess_has_a_curve_of_its_own(fitted) -> None:
    fit, *_ = fitted
    asked = {"age_days": np.array([0.0, 90.0])}
    found = plain_curves(fit, asked, periods=4)
    from rekindle.understand.plain_hazard import p_plain

    first = p_plain(fit.plain, np.array([0.0, 90.0]))
    second = p_plain(fit.plain, np.array([30.0, 120.0]))
    np.testing.assert_allclose(found.here[:, 1], 1 - first)
    np.testing.assert_allclose(found.here[:, 2], (1 - first) * (1 - second))
    np.testing.assert_allclose(found.here + found.gone.sum(axis=2), 1)
    with pytest.raises(UnknownColumn):
        plain_curves(fit, {"mood": np.array([0.0])}, periods=2)
    with pytest.raises(BadInput, match="periods"):
        plain_curves(fit, asked, periods=0)
