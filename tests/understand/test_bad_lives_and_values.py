"""Values, contracts, ids and dates that cannot be: refused by name with a remedy, or a limit that is named."""

from __future__ import annotations

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand import bdw, gammagamma, lives, return_hazard, sbg
from rekindle.understand.origins import PurchaseDays
from rekindle.understand.person_periods import Dated, Lives, Past, person_periods

PEOPLE, BAD = 60, 7


def numbers(fit):
    """Every number a fit tells of itself."""
    told = [*fit.parameters.values(), fit.log_likelihood, fit.n, *(fit.standard_errors or {}).values()]
    return np.array([*told, *np.ravel(fit.covariance or [])], dtype=float)


VALUE_ROWS = {
    "x negative": (-1, 20),
    "x nothing": (0, 20),
    "x half": (1.5, 20),
    "x not a number": (np.nan, 20),
    "x infinite": (np.inf, 20),
    "value negative": (2, -20),
    "value nothing": (2, 0),
    "value not a number": (2, np.nan),
    "value infinite": (2, np.inf),
}


def spenders():
    rng = np.random.default_rng(3)
    x = rng.integers(1, 6, PEOPLE).astype(float)
    return x, rng.gamma(6 * x, 1 / rng.gamma(3.7, 1 / 1500, PEOPLE)) / x


@pytest.mark.parametrize("row", VALUE_ROWS)
def test_an_impossible_value_is_refused_with_its_row_and_a_remedy(row):
    columns = spenders()
    for column, value in zip(columns, VALUE_ROWS[row], strict=True):
        column[BAD] = value
    with pytest.raises(BadInput) as told:
        gammagamma.fit(*columns)
    assert told.value.where == f"row {BAD}"
    assert told.value.remedy


@pytest.mark.parametrize("row", [(1e5, 25.0), (1e5, 1e6), (2, 1e9), (2, 1e-9)])
def test_one_huge_spender_names_the_limit_or_leaves_a_fit_with_errors(row):
    columns = spenders()
    for column, value in zip(columns, row, strict=True):
        column[BAD] = value
    fit = gammagamma.fit(*columns)
    assert np.isfinite(numbers(fit)).all()
    assert fit.boundary is not None or fit.standard_errors is not None


COHORTS = {
    "negative": ([100, -5, 3, 2], BadInput, "period 1"),
    "not a number": ([100, np.nan, 50, 40], BadInput, "period 1"),
    "infinite": ([np.inf, 50, 40, 30], BadInput, "period 0"),
    "half a person": ([100, 80.5, 70, 60], BadInput, "period 1"),
    "rising": ([100, 80, 90, 70], BadInput, "period 2"),
    "one number": ([100], BadInput, ""),
    "nothing": ([], BadInput, ""),
    "under 30 people": ([29, 20, 15, 10, 8], NotEnoughData, ""),
    "nobody left": ([100] * 6, NotEnoughData, ""),
    "all left at once": ([100, 0, 0, 0, 0], NotEnoughData, ""),
    "nobody at all": ([0, 0, 0, 0], NotEnoughData, ""),
    "one renewal": ([100, 50], NotEnoughData, ""),
}


@pytest.mark.parametrize("model", [sbg, bdw])
@pytest.mark.parametrize("case", COHORTS)
def test_a_cohort_that_cannot_be_is_refused_with_its_place_and_a_remedy(model, case):
    survivors, error, where = COHORTS[case]
    with pytest.raises(error) as told:
        model.fit(survivors)
    assert told.value.where == where
    assert told.value.remedy


@pytest.mark.parametrize("model", [sbg, bdw])
@pytest.mark.parametrize(
    "survivors",
    [[1000, 500, 250, 125, 62, 31], [100] * 5 + [50, 50, 50], [100, 99, 99, 99, 99], [100, 50, 25, 12, 6, 3, 1, 0]],
)
def test_a_cohort_that_says_little_names_the_limit(model, survivors):
    fit = model.fit(survivors)
    assert np.isfinite(numbers(fit)).all()
    assert len(fit.boundary.split()) > 5


@pytest.mark.parametrize("model", [sbg, bdw])
@pytest.mark.parametrize("people", [1e12, 1e15])
def test_a_cohort_of_any_size_has_the_parameters_of_a_small_one(model, people):
    shares = np.array([1, 0.8, 0.7, 0.65, 0.62])
    small, large = model.fit(shares * 1000), model.fit(np.round(shares * people))
    for name, value in small.parameters.items():
        assert large.parameters[name] == pytest.approx(value, rel=0.02)


LIFE_ROWS = {
    "tenure negative": (-1, True),
    "tenure not a number": (np.nan, True),
    "tenure infinite": (np.inf, True),
    "tenure half": (1.5, True),
    "tenure past all counting": (1e6, True),
    "over before it began": (0, True),
    "neither over nor not": (3, np.nan),
}


@pytest.mark.parametrize("model", [sbg, bdw])
@pytest.mark.parametrize("row", LIFE_ROWS)
def test_a_life_that_cannot_be_is_refused_with_its_row(model, row):
    tenure, over = np.tile([1.0, 2, 3, 4, 5, 6], 10), np.tile([1.0, 0, 1, 1, 0, 1], 10)
    tenure[BAD], over[BAD] = LIFE_ROWS[row]
    with pytest.raises(BadInput) as told:
        model.fit_lives(tenure, over)
    assert told.value.where == f"row {BAD}"
    assert told.value.remedy


DAY = 90
IDS = {
    "days: people unsorted": lambda: PurchaseDays(np.array([2, 1]), np.array([1, 1])),
    "days: a person's days unsorted": lambda: PurchaseDays(np.array([1, 1]), np.array([2, 1])),
    "days: repeated": lambda: PurchaseDays(np.array([1, 1]), np.array([1, 1])),
    "lives: people unsorted": lambda: split([2, 1], [1, 1]),
    "lives: a person's days unsorted": lambda: split([1, 1], [2, 1]),
    "lives: repeated": lambda: split([1, 1], [1, 1]),
    "lives: after the day it is": lambda: split([1, 1], [1, DAY + 1]),
    "periods: begun on no day": lambda: periods(Lives([0.0, np.nan], [np.nan, np.nan], ["", ""])),
    "periods: begun on half a day": lambda: periods(Lives([0.0, 0.5], [np.nan, np.nan], ["", ""])),
    "periods: an endless end": lambda: periods(Lives([0.0, 1], [np.nan, np.inf], ["", "quiet"])),
    "periods: over before it began": lambda: periods(Lives([0.0, 50], [np.nan, 20], ["", "quiet"])),
    "periods: no such cause": lambda: periods(Lives([0.0, 1], [np.nan, 20], ["", "weather"])),
}


def split(party, day):
    def alive(x, t_x, T):
        return np.full(x.size, 0.5)

    return lives.split_lives(party, day, alive=alive, crowd_gap_q95=20, as_of=DAY)


def periods(told, past=None):
    return person_periods(told, past or Past(), as_of=DAY)


@pytest.mark.parametrize("case", IDS)
def test_people_and_days_out_of_order_are_refused_with_their_row_and_a_remedy(case):
    with pytest.raises(BadInput) as told:
        IDS[case]()
    assert told.value.where == "row 1"
    assert told.value.remedy


@pytest.mark.parametrize("row", [(2, 3), (-1, 3), (0, np.nan), (0, np.inf), (0, 0.5)])
def test_a_happening_of_nobody_or_on_no_day_is_refused_with_its_row(row):
    seen = Dated(np.array([0, row[0]]), np.array([1.0, row[1]]))
    with pytest.raises(BadInput) as told:
        periods(Lives([0.0, 1], [np.nan, 20], ["", "quiet"]), Past(counted={"visit": seen}))
    assert told.value.where == "visit: row 1"


def test_happenings_may_come_in_any_order_and_be_repeated():
    known = Lives([0.0, 0.0], [np.nan, np.nan], ["", ""])
    forth = periods(known, Past(counted={"visit": Dated([0, 0, 1, 1], [5, 20, 5, 5])}))
    back = periods(known, Past(counted={"visit": Dated([1, 0, 1, 0], [5, 20, 5, 5])}))
    assert list(forth.columns) == list(back.columns)
    for name, column in forth.columns.items():
        np.testing.assert_array_equal(column, back.columns[name])


def ends():
    left = np.repeat(np.arange(0, 300, 5), 2).astype(float)
    return left, np.where(np.arange(left.size) % 4 == 0, left + 40, np.nan)


@pytest.mark.parametrize("row", [(np.nan, np.nan), (np.inf, np.nan), (0.5, np.nan), (50, 40), (50, -np.inf)])
def test_an_end_that_cannot_be_is_refused_with_its_row(row):
    columns = ends()
    for column, value in zip(columns, row, strict=True):
        column[BAD] = value
    with pytest.raises(BadInput) as told:
        return_hazard.fit(*columns, as_of=400)
    assert told.value.where == f"row {BAD}"
    assert told.value.remedy


def test_nobody_coming_back_is_a_limit_that_is_named():
    left, _ = ends()
    fit = return_hazard.fit(left, np.full(left.size, np.nan), as_of=400)
    assert "only an upper limit" in fit.boundary
