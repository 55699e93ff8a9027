"""What was known at an earlier day is made from the days up to it alone, and is what the night would have read."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from rekindle.errors import BadInput
from rekindle.understand.features import Pulse
from rekindle.understand.origins import EPOCH, PurchaseDays
from rekindle.understand.summaries import calibration

CUTOFF = date(2024, 6, 30)


def number(day: date) -> int:
    return (day - EPOCH).days


def some_days(*, seed: int, people: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    party = rng.integers(1, people + 1, people * 8)
    day = number(CUTOFF) + rng.integers(-300, 200, people * 8)
    pairs = np.unique(np.stack([party, day], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def test_the_histories_are_those_of_the_summaries():
    party, day = some_days(seed=1)
    rows = pa.table(
        {
            "party_id": pa.array(party, pa.int64()),
            "occurred_at": pa.array(
                [datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(days=int(d)) for d in day], pa.timestamp("us", "UTC")
            ),
            "kind": pa.array(["purchase"] * party.size),
            "amount_minor": pa.array([100] * party.size, pa.int64()),
            "currency": pa.array(["EUR"] * party.size),
            "quantity": pa.nulls(party.size, pa.float64()),
        }
    )
    with duckdb.connect(config={"threads": 1}) as con:
        con.register("events", rows)
        theirs = calibration(
            con,
            "events",
            cutoff=CUTOFF,
            until=CUTOFF + timedelta(days=60),
            pulse=Pulse(("purchase",)),
            time_zone="UTC",
        )
    ours = PurchaseDays(party, day).window(CUTOFF, horizon_days=60)
    for mine, name in ((ours.x, "x"), (ours.t_x, "t_x"), (ours.T, "T"), (ours.seen, "held_out_days")):
        np.testing.assert_array_equal(mine, theirs[name].to_numpy().astype(float), err_msg=name)
    np.testing.assert_allclose(ours.sum_log_gaps, theirs["gap_log_micro"].to_numpy() / 1e6, atol=1e-4)


def test_each_person_is_what_a_plain_count_finds():
    party, day = some_days(seed=2, people=40)
    window = PurchaseDays(party, day).window(CUTOFF, horizon_days=30)
    end, row = number(CUTOFF), 0
    for who in np.unique(party):
        days = [int(d) for p, d in zip(party, day, strict=True) if p == who]
        then = [d for d in days if d <= end]
        if not then:
            continue
        assert (window.x[row], window.t_x[row], window.T[row]) == (len(then) - 1, then[-1] - then[0], end - then[0])
        assert window.seen[row] == sum(end < d <= end + 30 for d in days)
        logs = sum(np.log(b - a) for a, b in itertools.pairwise(then))
        assert window.sum_log_gaps[row] == pytest.approx(logs)
        row += 1
    assert row == window.x.size


def test_what_comes_later_changes_no_history():
    party, day = some_days(seed=3)
    early = day <= number(CUTOFF)
    late = np.random.default_rng(4).permutation(np.arange(1, 201))[:50]
    planted = np.concatenate([party[early], late]), np.concatenate([day[early], np.full(50, number(CUTOFF) + 1)])
    order = np.lexsort(planted[::-1])
    with_plants = PurchaseDays(planted[0][order], planted[1][order]).window(CUTOFF, horizon_days=30)
    plain = PurchaseDays(party, day).window(CUTOFF, horizon_days=30)
    for name in ("x", "t_x", "T", "sum_log_gaps"):
        np.testing.assert_array_equal(getattr(with_plants, name), getattr(plain, name))
    assert with_plants.seen.sum() <= 50


def test_the_window_before_ends_at_the_cutoff_and_is_none_where_nobody_was_there():
    days = PurchaseDays(np.array([1, 1, 1, 2]), np.array([0, 5, 9, 8]))
    origin = days.origin(EPOCH + timedelta(days=7), horizon_days=4)
    assert origin.before is not None
    assert origin.before.T.tolist() == [3]
    assert origin.before.seen.tolist() == [1]
    assert origin.after.seen.tolist() == [1]
    assert days.origin(EPOCH + timedelta(days=2), horizon_days=4).before is None


def test_nobody_known_yet_is_an_empty_window():
    window = PurchaseDays(np.array([3]), np.array([50])).window(EPOCH, horizon_days=9)
    assert all(getattr(window, name).size == 0 for name in ("x", "t_x", "T", "seen", "sum_log_gaps"))


@pytest.mark.parametrize(("party", "day", "row"), [([1, 1], [5, 5], 1), ([1, 1, 1], [3, 6, 4], 2), ([2, 1], [1, 9], 1)])
def test_rows_out_of_order_or_twice_are_refused_by_name(party, day, row):
    with pytest.raises(BadInput, match=f"row {row}"):
        PurchaseDays(np.array(party), np.array(day))
    with pytest.raises(BadInput, match="one row a day"):
        PurchaseDays(np.array([1]), np.array([1, 2]))


def test_plain_lists_of_whole_numbers_are_taken():
    window = PurchaseDays([1, 1, 2], [0, 5, 3]).window(EPOCH + timedelta(days=9), horizon_days=9)
    assert window.x.tolist() == [1, 0]
    assert window.T.tolist() == [9, 6]


@pytest.mark.parametrize("day", [[0.0, 5.5, 3.0], ["0", "5", "3"], np.array(["2024-01-01"] * 3, dtype="M8[D]")])
def test_days_that_are_no_whole_numbers_are_refused(day):
    with pytest.raises(BadInput, match="wanted whole numbers") as told:
        PurchaseDays([1, 1, 2], day)
    assert told.value.remedy
