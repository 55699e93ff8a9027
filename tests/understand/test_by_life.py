"""What each life brought: every event in its life, nothing carried over a return, the same as by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.understand.by_life import BY_LIFE, by_life
from rekindle.understand.features import EVENT_COLUMNS, Pulse

START = date(2024, 1, 1)
AS_OF = date(2025, 12, 31)
SHOP, GYM = Pulse(kinds=("purchase",)), Pulse(kinds=("visit",))


def facts(
    events: list[tuple[int, int, str, int | None]], lives: list[tuple[int, int, int]], *, pulse: Pulse = SHOP
) -> dict[tuple[int, int], dict[str, Any]]:
    """events (party, day, kind, amount), lives (party, number, day of its beginning); by (party, number)."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    table = pa.table(
        {
            "party_id": pa.array([one[0] for one in events], pa.int64()),
            "occurred_at": pa.array(
                [datetime.combine(START + timedelta(days=one[1]), time(12), UTC) for one in events],
                pa.timestamp("us", "UTC"),
            ),
            "kind": pa.array([one[2] for one in events], pa.string()),
            "amount_minor": pa.array([one[3] for one in events], pa.int64()),
            "currency": pa.array([None if one[3] is None else "EUR" for one in events], pa.string()),
        }
    )
    for name, kind in EVENT_COLUMNS.items():
        if name not in table.column_names:  # read by others, of no matter here
            table = table.append_column(
                name, pa.nulls(table.num_rows, pa.string() if kind == "string" else pa.float64())
            )
    con.register("events", table)
    begun = pa.table(
        {
            "party_id": pa.array([one[0] for one in lives], pa.int64()),
            "number": pa.array([one[1] for one in lives], pa.int32()),
            "began": pa.array([START + timedelta(days=one[2]) for one in lives], pa.date32()),
        }
    )
    found = by_life(con, "events", begun, as_of=AS_OF, pulse=pulse, time_zone="UTC")
    assert found.schema == BY_LIFE
    return {(row["party_id"], row["number"]): row for row in found.to_pylist()}


def test_each_life_has_its_own_money_mean_and_pause() -> None:
    first = [(1, 7 * week, "purchase", 1000) for week in range(10)]
    again = [(1, 300 + 21 * turn, "purchase", 200) for turn in range(6)]
    told = facts([*first, *again], [(1, 1, 0), (1, 2, 300)])
    assert (told[1, 1]["money_minor"], told[1, 2]["money_minor"]) == (10_000, 1_200)
    assert (told[1, 1]["money_mean_minor"], told[1, 2]["money_mean_minor"]) == (1000.0, 200.0)
    assert told[1, 1]["usual_gap"] == pytest.approx(7, abs=0.2)
    assert told[1, 2]["usual_gap"] == pytest.approx(21, abs=0.5)


def test_a_return_of_one_day_has_no_mean_and_no_pause_of_its_own() -> None:
    told = facts(
        [(1, 0, "purchase", 500), (1, 7, "purchase", 500), (1, 200, "purchase", 900)], [(1, 1, 0), (1, 2, 200)]
    )
    assert told[1, 2] == {
        "party_id": 1, "number": 2, "money_minor": 900, "money_mean_minor": None, "usual_gap": None,
    }  # fmt: skip


def test_a_refund_after_the_end_and_a_payment_before_the_first_visit_belong_to_the_first_life() -> None:
    events = [
        (1, 0, "payment", 3000), (1, 5, "visit", None), (1, 12, "visit", None), (1, 80, "refund", -1000),
        (1, 200, "visit", None), (1, 201, "payment", 2500),
    ]  # fmt: skip
    told = facts(events, [(1, 1, 5), (1, 2, 200)], pulse=GYM)
    assert (told[1, 1]["money_minor"], told[1, 2]["money_minor"]) == (2000, 2500)
    # One repeat visit in the first life, and what came after its first day went out again.
    assert told[1, 1]["money_mean_minor"] is None


def test_people_with_one_life_are_left_to_the_summary() -> None:
    assert facts([(1, 0, "purchase", 500)], [(1, 1, 0)]) == {}
    assert facts([], []) == {}


def test_nothing_after_the_day_is_read() -> None:
    events = [(1, 0, "purchase", 500), (1, 200, "purchase", 500), (1, (AS_OF - START).days + 1, "purchase", 99_999)]
    assert facts(events, [(1, 1, 0), (1, 2, 200)])[1, 2]["money_minor"] == 500


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 400), st.integers(-500, 5000)), min_size=1, max_size=40),
    st.lists(st.integers(1, 400), min_size=3, max_size=3),
)
@settings(max_examples=20, deadline=None)
def test_lives_add_up_to_the_person(events: list[tuple[int, int, int]], returns: list[int]) -> None:
    """Whatever the events and the returns, no amount is lost or counted twice."""
    bought = [(party, day, "purchase", amount) for party, day, amount in events]
    lives = [row for party in (1, 2, 3) for row in ((party, 1, 0), (party, 2, returns[party - 1]))]
    told = facts(bought, lives)
    for party in (1, 2, 3):
        mine = [(day, amount) for who, day, amount in events if who == party]
        before = sum(amount for day, amount in mine if day < returns[party - 1])
        after = sum(amount for day, amount in mine if day >= returns[party - 1])
        assert told.get((party, 1), {"money_minor": 0})["money_minor"] == before
        assert told.get((party, 2), {"money_minor": 0})["money_minor"] == after
