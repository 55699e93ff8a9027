"""The hour of one person: their own habit where there is one, the house's where there is not, and no guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import pacing
from rekindle.errors import BadInput

NOBODY = np.zeros(24, np.int64)
NO_DAY = np.zeros(7, np.int64)
EVENING = np.bincount(np.repeat([17, 18, 19], [200, 500, 200]), minlength=24)


def one(*hours: int, days: tuple[int, ...] = (), house: np.ndarray = EVENING) -> pacing.Paces:
    return pacing.paces(
        np.bincount(np.array(hours, int), minlength=24)[None, :],
        np.bincount(np.array(days, int), minlength=7)[None, :],
        house_hours=house, house_weekdays=NO_DAY,
    )  # fmt: skip


def test_a_habit_of_their_own_goes_before_the_house() -> None:
    found = one(*[10] * 30, 9, 11, 18)
    assert (found.hour[0], found.hour_near[0], found.hour_seen[0]) == (10, 32, 33)


def test_two_visits_are_no_habit() -> None:
    assert one(10, 10).hour[0] == 18


def test_somebody_unknown_gets_the_hour_of_the_house() -> None:
    assert one().hour[0] == 18
    assert one().hour_seen[0] == 0


def test_where_nothing_is_known_there_is_no_hour() -> None:
    found = one(house=NOBODY)
    assert found.hour[0] == -1
    assert np.isnan(found.hour_chance[0])


def test_a_house_of_a_few_is_no_profile() -> None:
    few = np.bincount([18] * (pacing.HOUSE_AT_LEAST - 1), minlength=24)
    assert one(house=few).hour[0] == -1


def test_night_owls_are_written_to_in_a_welcome_hour() -> None:
    assert one(*[2] * 50).hour[0] in pacing.WELCOME


def test_a_weekday_is_named_only_where_it_stands_out() -> None:
    assert one(10, days=(1,) * 7).weekday[0] == -1
    found = one(10, days=(1,) * 12 + (3,))
    assert (found.weekday[0], found.weekday_near[0]) == (1, 12)


@given(st.lists(st.lists(st.integers(0, 40), min_size=24, max_size=24), min_size=1, max_size=5))
def test_many_at_once_are_each_as_alone(counts: list[list[int]]) -> None:
    hours = np.array(counts)
    days = np.zeros((len(hours), 7), np.int64)
    together = pacing.paces(hours, days, house_hours=EVENING, house_weekdays=NO_DAY)
    for place, row in enumerate(hours):
        alone = pacing.paces(row[None, :], days[:1], house_hours=EVENING, house_weekdays=NO_DAY)
        assert together.hour[place] == alone.hour[0]
        # By hand: own counts and the house worth twelve of them, three hours around.
        chance = (row + 12 * EVENING / EVENING.sum()) / (row.sum() + 12)
        best = {h: chance[h - 1] + chance[h] + chance[h + 1] for h in pacing.WELCOME}
        assert best[together.hour[place]] == pytest.approx(max(best.values()), abs=1e-5)


def test_gaps_lean_on_the_house_until_they_are_many() -> None:
    found = pacing.gaps(np.array([2.0, 2.0, np.nan]), np.array([1, 100, 0]), house_median=20.0)
    assert found[2] == pytest.approx(20.0)
    assert 2.0 < found[1] < 2.2
    assert found[0] == pytest.approx(np.exp(0.25 * np.log(2) + 0.75 * np.log(20)))
    assert np.isnan(pacing.gaps(np.array([np.nan]), np.array([0]), house_median=np.nan)[0])


ROME = ZoneInfo("Europe/Rome")


def test_the_next_hour_is_today_tomorrow_or_now() -> None:
    morning = datetime(2026, 3, 12, 8, 0, tzinfo=UTC)  # a Thursday, 09:00 in Rome
    assert pacing.next_at(morning, hour=18, zone=ROME) == datetime(2026, 3, 12, 17, 0, tzinfo=UTC)
    assert pacing.next_at(morning, hour=9, zone=ROME) == morning
    assert pacing.next_at(morning, hour=8, zone=ROME) == datetime(2026, 3, 13, 7, 0, tzinfo=UTC)
    assert pacing.next_at(morning, hour=18, weekday=2, zone=ROME) == datetime(2026, 3, 18, 17, 0, tzinfo=UTC)


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)), st.integers(0, 23), st.integers(-1, 6))
def test_the_next_hour_is_never_past_and_never_later_than_a_week(at: datetime, hour: int, weekday: int) -> None:
    at = at.replace(tzinfo=UTC)
    found = pacing.next_at(at, hour=hour, weekday=weekday, zone=ROME)
    assert at <= found <= at + timedelta(days=8, hours=1)
    there = found.astimezone(ROME)
    assert weekday < 0 or there.weekday() == weekday
    # The night in spring has no hour at two; the first instant behind it is taken.
    assert there.hour == hour or (there.month == 3 and hour == 2)


def test_counts_that_are_none_are_refused() -> None:
    with pytest.raises(BadInput, match="shape"):
        pacing.paces(np.zeros((1, 23), int), np.zeros((1, 7), int), house_hours=NOBODY, house_weekdays=NO_DAY)
    with pytest.raises(BadInput, match="-1"):
        pacing.paces(np.full((1, 24), -1), np.zeros((1, 7), int), house_hours=NOBODY, house_weekdays=NO_DAY)
