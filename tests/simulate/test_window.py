"""The simulated stretch of time."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from rekindle.simulate.window import window_of


@pytest.mark.parametrize(
    ("until", "months", "first"),
    [
        (date(2026, 10, 31), 24, date(2024, 11, 1)),
        (date(2026, 10, 15), 24, date(2024, 10, 16)),
        (date(2025, 3, 31), 1, date(2025, 3, 1)),
        (date(2025, 12, 31), 12, date(2025, 1, 1)),
        (date(2024, 2, 29), 12, date(2023, 3, 1)),
    ],
)
def test_the_window_ends_on_the_day_asked_for(until: date, months: int, first: date) -> None:
    window = window_of(until=until, months=months)
    assert (window.first, window.last) == (first, until)


def test_weekdays_are_those_of_the_calendar() -> None:
    window = window_of(until=date(2026, 10, 31), months=2)
    expected = [day.weekday() for day in window.calendar().tolist()]
    assert window.weekdays(np.arange(window.days)).tolist() == expected


def test_the_gym_is_closed_at_christmas_and_new_year() -> None:
    window = window_of(until=date(2026, 1, 31), months=2)
    shut = window.calendar()[window.crowd() == 0]
    assert shut.tolist() == [date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1)]


def test_month_starts_cover_the_window() -> None:
    window = window_of(until=date(2025, 3, 15), months=2)
    assert window.month_starts().tolist() == [-15, 16, 44, 75]
