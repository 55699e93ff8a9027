"""Leaving in part, on histories made by hand: a smaller plan, fewer users, a habit given up."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from rekindle.understand.caution_signs import raise_signs
from rekindle.understand.features import Pulse
from rekindle.understand.summaries import rebuild

DAY = date(2024, 6, 30)
DOC = (Path(__file__).parents[2] / "docs" / "signs.md").read_text(encoding="utf-8")
EVENT = pa.schema(
    [("party_id", pa.int64()), ("occurred_at", pa.timestamp("us", tz="UTC")), ("kind", pa.string()),
     ("amount_minor", pa.int64()), ("currency", pa.string()), ("quantity", pa.float64())]
)  # fmt: skip


def on(
    age: int, kind: str, *, amount: int | None = None, currency: str = "EUR", quantity: Any = None
) -> dict[str, Any]:
    """An event of the only person, so many days before the day."""
    at = datetime.combine(DAY - timedelta(age), time(12), tzinfo=UTC)
    return {"party_id": 1, "occurred_at": at, "kind": kind, "amount_minor": amount,
            "currency": None if amount is None else currency, "quantity": quantity}  # fmt: skip


def paid(*amounts: tuple[int, int], currency: str = "EUR") -> list[dict[str, Any]]:
    return [on(age, "payment", amount=amount, currency=currency) for age, amount in amounts]


def used(*numbers: tuple[int, float]) -> list[dict[str, Any]]:
    return [on(age, "usage", quantity=number) for age, number in numbers]


def signs(*events: list[dict[str, Any]], kinds: tuple[str, ...] = ("visit",)) -> dict[str, dict[str, Any]]:
    rows = [event for some in events for event in some]
    with duckdb.connect(config={"threads": 1}) as con:
        con.register("events", pa.Table.from_pylist(rows, EVENT))
        summary = rebuild(con, "events", as_of=DAY, pulse=Pulse(kinds), time_zone="UTC")
    return {row["code"]: row for row in raise_signs(summary, as_of=DAY).to_pylist()}


MONTHS = (65, 96, 126, 157, 187, 218)  # six monthly payments, all of them over 60 days ago
PLAN = paid(*((age, 2999) for age in MONTHS))


def test_a_step_down_to_a_smaller_plan() -> None:
    row = signs(PLAN, paid((5, 1999)))["cheaper_plan"]
    assert (row["usual"], row["now"], row["unit"], row["currency"]) == (2999.0, 1999.0, "money_minor", "EUR")
    assert row["since"] == DAY - timedelta(59)
    found = re.search(r"1 - 1,999 / 2,999 = ([\d.]+\d)", DOC)
    assert found is not None
    assert row["strength"] == pytest.approx(float(found[1]), abs=5e-4)


@pytest.mark.parametrize(("now", "shown"), [(2999, False), (2850, False), (2700, False), (2699, True), (5999, False)])
def test_a_plan_is_smaller_from_a_tenth_less(now: int, shown: bool) -> None:
    assert ("cheaper_plan" in signs(PLAN, paid((5, now)))) == shown


@pytest.mark.parametrize(("age", "shown"), [(0, True), (59, True), (60, False)])
def test_only_the_last_sixty_days_are_now(age: int, shown: bool) -> None:
    assert ("cheaper_plan" in signs(PLAN, paid((age, 1999)))) == shown


@pytest.mark.parametrize(("before", "shown"), [(2, False), (3, True)])
def test_there_is_a_usual_amount_from_three_payments_on(before: int, shown: bool) -> None:
    assert ("cheaper_plan" in signs(PLAN[:before], paid((5, 1999)))) == shown


def test_who_pays_nothing_at_all_has_no_smaller_plan() -> None:
    assert "cheaper_plan" not in signs(PLAN)
    assert "cheaper_plan" not in signs(PLAN, paid((5, 0)))
    assert "cheaper_plan" not in signs(PLAN, [on(5, "payment")]), "an amount not known is not less"


def test_two_payments_of_one_day_are_one_amount() -> None:
    assert "cheaper_plan" not in signs(PLAN, paid((5, 1500), (5, 1499)))


def test_amounts_in_two_currencies_are_not_compared() -> None:
    assert "cheaper_plan" not in signs(PLAN, paid((5, 1999), currency="USD"))


def test_bills_that_go_up_and_down_must_fall_further_than_they_scatter() -> None:
    bills = paid(*zip(MONTHS, (2000, 4000, 2500, 3800, 2100, 3600), strict=True))
    assert "cheaper_plan" not in signs(bills, paid((5, 2000)))
    assert "cheaper_plan" in signs(bills, paid((5, 900)))


def test_the_new_amount_becomes_the_usual_one() -> None:
    for_long = paid(*((age, 1999) for age in (5, 35, 65, 96, 126, 157, 187)), (218, 2999))
    assert "cheaper_plan" not in signs(for_long)


@settings(max_examples=12, deadline=None)
@given(
    before=st.lists(st.integers(500, 5000), min_size=3, max_size=6),
    now=st.lists(st.integers(500, 5000), min_size=1, max_size=2),
)
def test_it_is_the_two_sample_t_of_the_logs(before: list[int], now: list[int]) -> None:
    a, b = np.log(now), np.log(before)
    if np.ptp(a) + np.ptp(b) < 0.01:
        return  # all alike: no scatter to compare with
    pooled = (((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / (a.size + b.size - 2)
    chance = float(t.cdf((a.mean() - b.mean()) / np.sqrt(pooled * (1 / a.size + 1 / b.size)), a.size + b.size - 2))
    expected = chance < 0.05 and np.exp(a.mean()) <= 0.9 * np.exp(b.mean())
    rows = signs(paid(*zip(MONTHS, before, strict=False)), paid(*zip((5, 35), now, strict=False)))
    assert ("cheaper_plan" in rows) == expected or abs(chance - 0.05) < 1e-4


def test_fewer_people_use_it() -> None:
    team = used(*((age, 12) for age in MONTHS))
    row = signs(team, used((5, 7), (35, 7)), kinds=("usage",))["fewer_users"]
    assert (row["usual"], row["now"], row["unit"], row["currency"]) == (12.0, 7.0, "user", None)
    assert row["strength"] == pytest.approx(1 - 7 / 12, abs=1e-4)


@pytest.mark.parametrize(("now", "shown"), [(10, False), (9, False), (8, True), (0, True), (15, False)])
def test_fewer_users_from_a_fifth_less(now: int, shown: bool) -> None:
    team = used(*((age, 10) for age in MONTHS))
    assert ("fewer_users" in signs(team, used((5, now)), kinds=("usage",))) == shown


def test_the_most_users_told_on_a_day_count_and_uses_without_a_number_do_not() -> None:
    team = used(*((age, 10) for age in MONTHS))
    assert "fewer_users" not in signs(team, used((5, 2), (5, 10)), kinds=("usage",))
    assert "fewer_users" not in signs(team, [on(5, "usage")], kinds=("usage",))
    assert "fewer_users" not in signs(team, used((5, float("nan")), (6, -3.0), (7, 1e12)), kinds=("usage",))
    purchases = [on(age, "purchase", amount=100, quantity=10.0) for age in MONTHS]
    assert "fewer_users" not in signs(purchases, [on(5, "purchase", amount=100, quantity=1.0)], kinds=("purchase",))


def days(kind: str, *ages: int) -> list[dict[str, Any]]:
    return [on(age, kind, amount=500 if kind == "purchase" else None) for age in ages]


BOTH = days("visit", 91, 100, 120, 140, 170) + days("purchase", 92, 101, 121, 141, 171)


def test_a_habit_given_up_while_another_goes_on() -> None:
    row = signs(BOTH, days("visit", 3, 20))["narrower"]
    assert (row["usual"], row["now"], row["unit"], row["strength"]) == (2.0, 1.0, "habit", 0.5)
    assert row["since"] == DAY - timedelta(89)


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        (days("visit", 3), True),
        (days("visit", 3) + days("purchase", 89), False),
        (days("visit", 3) + days("purchase", 90), True),
        ([], False),
        (days("login", 3), False),
    ],
)
def test_who_gave_everything_up_is_silent_and_who_goes_on_with_all_is_well(
    more: list[dict[str, Any]], shown: bool
) -> None:
    assert ("narrower" in signs(BOTH, more)) == shown


def test_a_habit_is_five_different_days() -> None:
    seldom = days("visit", 91, 100, 120, 140, 170) + days("purchase", 92, 92, 121, 141, 171)
    assert "narrower" not in signs(seldom, days("visit", 3))


def test_logging_in_and_using_are_one_habit() -> None:
    both = days("login", 91, 100, 120) + days("usage", 130, 150) + days("purchase", 92, 101, 121, 141, 171)
    assert signs(both, days("purchase", 3))["narrower"]["now"] == 1.0
    assert "narrower" not in signs(both, days("purchase", 3) + days("usage", 8))


def test_what_comes_after_the_day_changes_nothing() -> None:
    before = signs(PLAN, paid((5, 1999)), BOTH, days("visit", 3))
    later = signs(PLAN, paid((5, 1999), (-1, 9999), (-40, 1)), BOTH, days("visit", 3, -2), days("purchase", -1))
    assert later == before
