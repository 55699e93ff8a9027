"""A person's own rhythm: the closed formulas against SciPy, and what is said when there is little to go by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from rekindle.understand.rhythm import SHAPE_MOST, median, own_rhythm, shape, unusual, with_population


def of(gaps: list[int]) -> tuple[float, float, float]:
    """(usual_gap, gap_q95, k) of one person with these gaps."""
    logs = sum(round(1e6 * float(np.log(gap))) for gap in gaps)
    usual, q95, k = own_rhythm(np.array([len(gaps)]), gap_sum=np.array([sum(gaps)]), gap_log_micro=np.array([logs]))
    return float(usual[0]), float(q95[0]), float(k[0])


@pytest.mark.parametrize("k", [0.7, 1.0, 2.0, 8.0, 30.0])
def test_the_usual_gap_is_the_median_of_the_gamma_distribution(k: float) -> None:
    """Wilson & Hilferty: within 4 % of the mean down to k = 0.7."""
    assert median(np.array([100.0]), k=np.array([k]))[0] == pytest.approx(stats.gamma.ppf(0.5, k, scale=100 / k), abs=4)


@pytest.mark.parametrize("k", [1.0, 2.0, 8.0, 30.0])
@pytest.mark.parametrize("gaps", [2, 3, 10, 50])
def test_the_unusual_gap_is_the_quantile_of_the_f_distribution(k: float, gaps: int) -> None:
    """Paulson: within 5 % where the mean of the gaps has a shape of 2 or more."""
    ours = unusual(np.array([100.0]), gaps=np.array([gaps]), k=np.array([k]))[0]
    assert ours == pytest.approx(100 * stats.f.ppf(0.95, 2 * k, 2 * gaps * k), rel=0.05)


@pytest.mark.parametrize(
    ("k", "gaps", "least", "most"), [(1, 2, 0.12, 0.18), (3, 2, 0.07, 0.11), (1, 10, 0.05, 0.08), (3, 10, 0.05, 0.08)]
)
def test_about_one_next_gap_in_twenty_is_unusual(k: float, gaps: int, least: float, most: float) -> None:
    """Seeded; the bounds are the simulated share plus and minus a fifth. With two gaps little can be known."""
    drawn = np.maximum(np.random.default_rng(7).gamma(k, 60 / k, (20_000, gaps + 1)).round(), 1).astype(np.int64)
    logs = np.rint(1e6 * np.log(drawn[:, :gaps])).astype(np.int64).sum(axis=1)
    _, q95, _ = own_rhythm(np.full(20_000, gaps), gap_sum=drawn[:, :gaps].sum(axis=1), gap_log_micro=logs)
    assert least < (drawn[:, gaps] > q95).mean() < most


@pytest.mark.parametrize("k", [0.7, 1.0, 3.0, 12.0])
def test_the_shape_is_within_two_percent_of_the_likelihood_s(k: float) -> None:
    gaps = np.maximum(stats.gamma.rvs(k, scale=200 / k, size=400, random_state=3), 1).round().astype(int)
    fitted, _, _ = stats.gamma.fit(gaps, floc=0)
    logs = int(np.rint(1e6 * np.log(gaps)).sum())
    ours = shape(np.array([len(gaps)]), gap_sum=np.array([gaps.sum()]), gap_log_micro=np.array([logs]))
    assert ours[0] == pytest.approx(fitted, rel=0.02)


def test_a_clockwork_is_bounded() -> None:
    usual, q95, k = of([7, 7, 7, 7])
    assert k == SHAPE_MOST
    assert usual == pytest.approx(7, abs=0.05)
    assert 7 < q95 < 12


def test_too_few_gaps_tell_no_rhythm() -> None:
    assert np.isnan(of([30])).all()
    usual, q95, k = of([20, 40])
    assert usual < q95
    assert np.isnan(k)


def test_no_gap_is_under_a_day() -> None:
    assert of([1, 1, 1, 1, 1, 1, 1, 1, 2])[0] >= 1.0
    assert of([1, 1, 1, 1])[0] == 1.0


def table(*people: tuple[int, int | None, int, float | None, float | None]) -> pa.Table:
    names = ("party_id", "x", "gap_sum", "usual_gap", "gap_q95")
    return pa.table({name: [person[n] for person in people] for n, name in enumerate(names)})


def test_whose_own_gaps_are_too_few_gets_the_population_s() -> None:
    found = with_population(
        table((1, 5, 50, 9.0, 22.0), (2, 5, 100, 19.0, 44.0), (3, 0, 0, None, None), (4, 1, 30, None, None))
    )
    assert found["filled_from"].to_pylist() == ["own", "own", "population", "population"]
    assert found["usual_gap_filled"].to_pylist() == [9.0, 19.0, 14.0, 14.0]
    assert found["gap_q95_filled"].to_pylist()[:2] == [22.0, 44.0]
    assert found["gap_q95_filled"].to_pylist()[2] == pytest.approx(np.quantile([10, 20, 30], 0.95))


def test_where_nobody_ever_came_back_nothing_is_filled() -> None:
    found = with_population(table((1, 0, 0, None, None), (2, None, 0, None, None)))
    assert found["usual_gap_filled"].to_pylist() == [None, None]
    assert found["filled_from"].to_pylist() == [None, None]
