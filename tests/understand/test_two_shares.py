"""Two shares beside each other, as published and as drawn."""

from __future__ import annotations

import numpy as np
import pytest

from rekindle.errors import BadInput
from rekindle.understand.two_shares import ALARM, difference, sample_ratio


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [  # Newcombe (1998), table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_intervals_as_published(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    found = difference(*counts)
    assert found.by == pytest.approx(counts[0] / counts[1] - counts[2] / counts[3])
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_without_an_effect_it_is_sure_of_one_about_once_in_twenty() -> None:
    chance = np.random.default_rng(5)
    pairs = chance.binomial([400, 100], 0.2, size=(2_000, 2))
    sure = np.mean([difference(int(k), 400, int(other), 100).is_sure for k, other in pairs])
    assert 0.03 < sure < 0.07


def test_the_two_sides_mirror_each_other() -> None:
    one, other = difference(30, 100, 50, 300), difference(50, 300, 30, 100)
    assert (one.by, one.low, one.high) == pytest.approx((-other.by, -other.high, -other.low))


@pytest.mark.parametrize("counts", [(1, 0, 1, 2), (3, 2, 1, 2), (-1, 2, 1, 2), (0, 2, 0, 0)])
def test_what_is_no_share_is_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(BadInput, match="is no share"):
        difference(*counts)


def test_a_draw_that_is_off_is_seen_and_an_honest_one_is_not() -> None:
    assert sample_ratio(100, 900, share=0.1) == pytest.approx(1.0)
    assert sample_ratio(150, 850, share=0.1) < ALARM
    assert sample_ratio(0, 0, share=0.1) == 1.0
    chance = np.random.default_rng(6)
    drawn = chance.binomial(1_000, 0.1, size=3_000)
    assert np.mean([sample_ratio(int(n), 1_000 - int(n), share=0.1) < 0.05 for n in drawn]) == pytest.approx(
        0.05, abs=0.015
    )
