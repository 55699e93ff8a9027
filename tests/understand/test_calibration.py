"""Honest chances: each map against what it must find, and each measure against its plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import calibration


def crowd(n, *, seed, a=1.0, b=1.0, c=0.0):
    """Told chances p, and what was seen under the beta map with these letters."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 2.5, n)
    truth = expit(a * np.log(p) - b * np.log1p(-p) + c)
    return p, (rng.random(n) < truth).astype(float), truth


@pytest.mark.parametrize("n", [19_000, 60_000])
def test_the_letters_of_a_beta_map_come_back(n: int) -> None:
    p, y, truth = crowd(n, seed=3, a=0.6, b=1.4, c=-0.4)
    found = calibration.learn_beta(p, y)
    assert found.values == pytest.approx([0.6, 1.4, -0.4], abs=0.1)
    assert np.abs(found(p) - truth).max() < 0.04


def test_rounding_the_log_odds_of_many_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    p, y, _ = crowd(30_000, seed=4, a=0.6, b=1.4)
    rounded = calibration.learn_beta(p, y)
    monkeypatch.setattr(calibration, "_MANY", 10**9)
    np.testing.assert_allclose(calibration.learn_beta(p, y)(p), rounded(p), atol=1e-4)


def test_isotonic_is_the_best_rising_step() -> None:
    p = np.repeat(np.arange(1, 9) / 10, 20)
    y = np.concatenate([np.arange(20) < k for k in (1, 4, 2, 3, 9, 8, 15, 19)]).astype(float)
    found = calibration.learn_isotonic(p, y)
    # Steps by hand: 1/20; (4 + 2 + 3)/60; (9 + 8)/40; 15/20; 19/20, each with half an event added.
    assert found.values == pytest.approx([1.5 / 21, 9.5 / 61, 17.5 / 41, 15.5 / 21, 19.5 / 21])
    assert found.at == pytest.approx([0.1, 0.3, 0.55, 0.7, 0.8])
    assert found(0.0) == pytest.approx(1.5 / 21)


def test_no_map_ever_turns_two_people_round_or_says_never() -> None:
    p, y, _ = crowd(2_000, seed=5, a=0.5, b=2.0)
    asked = np.linspace(0, 1, 500)
    for learned in (calibration.learn_beta(p, y), calibration.learn_isotonic(p, y), calibration.NONE):
        told = learned(asked)
        assert (np.diff(told) >= 0).all()
        assert ((told > 0) & (told < 1)).all()


def test_a_crooked_score_is_mended_and_a_straight_one_left() -> None:
    part = np.arange(8_000) % 5
    p, y, truth = crowd(8_000, seed=6, a=0.4, b=0.4, c=-1.0)
    learned, told = calibration.learn(p, y, part=part)
    assert learned.kind == "beta"
    assert calibration.ece(told, y) < 0.02 < calibration.ece(p, y)
    assert np.abs(told - truth).mean() < 0.01
    p, y, _ = crowd(8_000, seed=8)
    _, told = calibration.learn(p, y, part=part)
    assert np.abs(told - p).mean() < 0.02


def test_few_events_leave_the_chances_as_they_are() -> None:
    p, y = np.linspace(0.01, 0.2, 200), np.arange(200) % 10 == 0
    learned, told = calibration.learn(p, y, part=np.arange(200) % 5)
    assert learned == calibration.NONE
    np.testing.assert_array_equal(told, p)
    with pytest.raises(NotEnoughData, match="20 of 200"):
        calibration.learn_beta(p, y)


def test_the_measures_are_their_plain_definitions() -> None:
    rng = np.random.default_rng(7)
    p = np.round(rng.random(300), 2) * 0.98 + 0.01
    y = (rng.random(300) < p).astype(float)
    found = calibration.scores(p, y)
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]]
    assert found.auc == pytest.approx(np.mean(pairs))
    assert found.brier == pytest.approx(np.mean((p - y) ** 2))
    assert found.log_loss == pytest.approx(-np.mean([np.log(a if b else 1 - a) for a, b in zip(p, y, strict=True)]))
    wide = np.minimum((p * 10).astype(int), 9)
    plain = sum(abs(p[wide == k].mean() - y[wide == k].mean()) * (wide == k).mean() for k in set(wide.tolist()))
    assert calibration.ece(p, y, equal_width=True) == pytest.approx(plain)
    assert calibration.scores(p, np.zeros(300)).auc is None


def test_one_chance_for_all_is_one_group() -> None:
    curve = calibration.reliability(np.full(50, 0.3), np.arange(50) < 15)
    assert curve.people.tolist() == [50]
    assert curve.told == pytest.approx([0.3])
    assert curve.low[0] < 0.3 < curve.high[0]
    assert calibration.ece(np.full(50, 0.3), np.arange(50) < 15) == pytest.approx(0)


def test_the_interval_of_a_share_holds_the_borders() -> None:
    low, high = calibration.wilson([0, 10, 5], [10, 10, 10])
    assert low[0] == pytest.approx(0, abs=1e-12)
    assert high[1] == pytest.approx(1)
    # Wilson's interval is where a score test just does not refuse.
    z = (0.5 - low[2]) / np.sqrt(low[2] * (1 - low[2]) / 10)
    assert z == pytest.approx(calibration.Z_80)
    assert logit(low[2]) == pytest.approx(-logit(high[2]))


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([0.5, 1.5], [0, 1], "row 1: 1.5 is not a chance"),
        ([0.5, np.nan], [0, 1], "row 1: nan is not a chance"),
        ([0.5, 0.5], [0, 2], "row 1: 2.0 is not 0 or 1"),
        ([], [], "two columns of one length"),
        ([0.5], [0, 1], "two columns of one length"),
    ],
)
def test_what_is_no_chance_is_named(p: list[float], y: list[float], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        calibration.scores(p, y)
