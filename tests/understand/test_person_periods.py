"""Lives cut into periods: a case by hand, the row-by-row version, and no way for the future to be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import BreakupKind
from rekindle.understand.person_periods import CAUSE_OF, CAUSES, Dated, Lives, Past, person_periods, today


def lives(began, ended, cause=None):
    return Lives(np.array(began), np.array(ended, dtype=float), np.array(cause or [""] * len(began), dtype=object))


def random_past(seed, n=12, m=80):
    rng = np.random.default_rng(seed)
    began = rng.integers(0, 200, n)
    ended = np.where(rng.random(n) < 0.6, began + rng.integers(0, 200, n), np.nan)
    some = Dated(rng.integers(0, n, m), rng.integers(-20, 400, m))
    fact = Dated(rng.integers(0, n, m), rng.integers(-20, 400, m), rng.normal(size=m))
    cause = np.array(["voluntary", "payment", "quiet", ""], dtype=object)[rng.integers(0, 4, n)]
    fixed = {"plan": np.array(["a", "b"], dtype=object)[rng.integers(0, 2, n)]}
    return Lives(began, ended, cause), Past({"visit": some}, {"price": fact}, fixed)


def assert_same_rows(one, other):
    np.testing.assert_array_equal(one.life, other.life)
    np.testing.assert_array_equal(one.first_day, other.first_day)
    np.testing.assert_array_equal(one.outcome, other.outcome)
    assert list(one.columns) == list(other.columns)
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other.columns[name])


def test_a_case_worked_by_hand() -> None:
    # Began on day 10, ended on day 75: periods 10-39, 40-69, 70-99. The second life is still here.
    rows = person_periods(
        lives([10, 60], [75, np.nan], ["payment", ""]),
        Past({"visit": Dated([0, 0, 0], [10, 39, 40])}, {"price": Dated([0, 0], [5, 40], [9.0, 11.0])}),
        as_of=119,
    )
    assert rows.life.tolist() == [0, 0, 0, 1, 1]
    assert rows.first_day.tolist() == [10, 40, 70, 60, 90]
    assert rows.outcome.tolist() == [0, 0, 1 + CAUSES.index("payment"), 0, 0]
    assert rows.columns["age_days"].tolist() == [0, 30, 60, 0, 30]
    assert rows.columns["visit_30"][:3].tolist() == [0, 2, 1]
    np.testing.assert_array_equal(rows.columns["visit_days_since"], [np.nan, 1, 30, np.nan, np.nan])
    np.testing.assert_array_equal(rows.columns["price"][:3], [9, 9, 11])


@given(st.integers(0, 10_000), st.integers(0, 420), st.sampled_from([1, 7, 30]))
@settings(max_examples=60, deadline=None)
def test_the_rows_are_the_plain_ones(seed: int, as_of: int, period: int) -> None:
    who, past = random_past(seed)
    rows = person_periods(who, past, as_of=as_of, period_days=period, since=100)
    visits, price = past.counted["visit"], past.known["price"]
    plain = []
    for i, (began, ended, cause) in enumerate(zip(who.began, who.ended, who.cause, strict=True)):
        start = began
        while start + period - 1 <= as_of and not start > ended:
            over = start <= ended < start + period
            if over and not cause:
                break
            seen = sorted(d for k, d in zip(visits.life, visits.day, strict=True) if k == i and d < start)
            facts = [(d, j) for j, (k, d) in enumerate(zip(price.life, price.day, strict=True)) if k == i and d < start]
            plain.append(
                (
                    i, start, 1 + CAUSES.index(cause) if over else 0, start - began,
                    sum(d >= start - 30 for d in seen), start - seen[-1] if seen else np.nan,
                    price.value[max(facts)[1]] if facts else np.nan,
                )
            )  # fmt: skip
            start += period
    c = rows.columns
    ours = [rows.life, rows.first_day, rows.outcome, c["age_days"], c["visit_30"], c["visit_days_since"], c["price"]]
    wanted = np.array([row for row in plain if row[1] >= 100]).reshape(-1, 7)
    np.testing.assert_array_equal(np.column_stack(ours), wanted)


@given(st.integers(0, 10_000), st.integers(30, 300))
@settings(max_examples=60, deadline=None)
def test_the_future_may_be_anything(seed: int, as_of: int) -> None:
    who, past = random_past(seed)
    rng = np.random.default_rng(seed + 1)

    def shuffled(dated: Dated) -> Dated:
        later = np.asarray(dated.day) > as_of
        day = np.where(later, as_of + 1 + rng.integers(0, 500, later.size), dated.day)
        value = None if dated.value is None else np.where(later, rng.normal(size=later.size), dated.value)
        return Dated(dated.life, day, value)

    ended = np.where(~(who.ended <= as_of), rng.choice([np.nan, as_of + 1, as_of + 77], who.ended.size), who.ended)
    cause = np.where(who.ended <= as_of, who.cause, rng.choice(["quiet", "nonsense"], who.ended.size))
    other = Lives(who.began, ended, cause)
    dreamt = replace(
        past,
        counted={"visit": shuffled(past.counted["visit"])},
        known={"price": shuffled(past.known["price"])},
    )
    assert_same_rows(person_periods(who, past, as_of=as_of), person_periods(other, dreamt, as_of=as_of))
    now, then = today(who, past, as_of=as_of), today(other, dreamt, as_of=as_of)
    np.testing.assert_array_equal(now.life, then.life)
    for name, column in now.columns.items():
        np.testing.assert_array_equal(column, then.columns[name])


@given(st.integers(0, 10_000), st.integers(0, 300))
@settings(max_examples=40, deadline=None)
def test_a_row_is_blind_to_its_own_period_and_all_after(seed: int, day: int) -> None:
    who, past = random_past(seed)
    whole = person_periods(who, past, as_of=400)
    cut = {
        name: {
            key: Dated(
                *(None if c is None else np.asarray(c)[np.asarray(dated.day) < day] for c in (dated.life, dated.day)),
                None if dated.value is None else np.asarray(dated.value)[np.asarray(dated.day) < day],
            )
            for key, dated in facts.items()
        }
        for name, facts in (("counted", past.counted), ("known", past.known))
    }
    less = person_periods(who, replace(past, **cut), as_of=400)
    early = whole.first_day <= day
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(column[early], less.columns[name][early])


def test_a_period_that_is_not_over_gives_no_row_even_when_it_brought_an_end() -> None:
    rows = person_periods(lives([0, 0], [45, np.nan], ["quiet", ""]), Past(), as_of=58)
    assert rows.life.tolist() == [0, 1]
    assert rows.outcome.tolist() == [0, 0]
    on_the_day = person_periods(lives([0, 0], [45, np.nan], ["quiet", ""]), Past(), as_of=59)
    assert on_the_day.outcome.tolist() == [0, 1 + CAUSES.index("quiet"), 0, 0]


def test_today_has_everybody_still_here_and_sees_today() -> None:
    rows = today(
        lives([0, 0, 99], [50, np.nan, np.nan], ["quiet", "", ""]), Past({"visit": Dated([1, 1], [50, 51])}), as_of=50
    )
    assert rows.life.tolist() == [1]
    assert rows.first_day.tolist() == [51]
    assert rows.columns["visit_30"].tolist() == [1]
    assert rows.columns["visit_days_since"].tolist() == [1]


def test_every_kind_of_end_has_its_cause() -> None:
    assert set(CAUSE_OF) == set(BreakupKind)
    assert {cause for cause in CAUSE_OF.values() if cause} == set(CAUSES)


@pytest.mark.parametrize(
    ("who", "message"),
    [
        (lives([5, 9], [np.nan, 3], ["", "quiet"]), "row 1: ended is 3.0"),
        (lives([5, np.nan], [np.nan, 3]), "row 1: began is nan"),
        (lives([0, 1], [3, 4], ["quiet", "bored"]), "row 1: 'bored' is not a cause"),
        (Lives(np.zeros(2), np.zeros(3), np.zeros(2)), "two columns of one length"),
    ],
)
def test_an_impossible_life_is_named(who: Lives, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        person_periods(who, Past(), as_of=100)


def test_a_happening_of_nobody_is_named() -> None:
    with pytest.raises(BadInput, match="visit: row 1"):
        person_periods(lives([0], [np.nan]), Past({"visit": Dated([0, 7], [1, 1])}), as_of=100)
    with pytest.raises(BadInput, match="visit: row 0"):
        person_periods(lives([0], [np.nan]), Past({"visit": Dated([0], [np.nan])}), as_of=100)
