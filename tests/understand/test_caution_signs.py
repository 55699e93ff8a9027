"""Caution signs: who shows them as of a day, and what they were worth."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from rekindle.errors import BadInput, UnknownColumn
from rekindle.understand.caution_signs import DEFINITIONS, Sign, look_back_begins, raise_signs
from rekindle.understand.sign_record import MEASURED, at_risk, measure, trusted, wilson

DAY = date(2024, 6, 30)
DOC = (Path(__file__).parents[2] / "docs" / "signs.md").read_text(encoding="utf-8")
TYPES = {
    "party_id": pa.int64(), "pulse_days": pa.int32(), "first_day": pa.date32(), "last_day": pa.date32(),
    "T": pa.float64(), "usual_gap": pa.float64(), "gap_q95": pa.float64(), "pulses_90": pa.int32(),
    "pulses_prev_90": pa.int32(), "visits_30": pa.int32(), "visits_prev_30": pa.int32(), "payments_90": pa.int32(),
    "money_90": pa.int64(), "money_prev_90": pa.int64(), "payments_failed_90": pa.int32(),
    "complaints_90": pa.int32(), "refunds_90": pa.int32(), "ended_day": pa.date32(), "returned_day": pa.date32(),
    "currency": pa.string(), "visits_90": pa.int32(), "visits_prev_90": pa.int32(), "purchases_90": pa.int32(),
    "purchases_prev_90": pa.int32(), "uses_90": pa.int32(), "uses_prev_90": pa.int32(), "paid_60": pa.int32(),
    "paid_log_60": pa.int64(), "paid_prev_180": pa.int32(), "paid_log_prev_180": pa.int64(),
    "paid_log_sq_240": pa.int64(), "seats_60": pa.int32(), "seats_log_60": pa.int64(), "seats_prev_180": pa.int32(),
    "seats_log_prev_180": pa.int64(), "seats_log_sq_240": pa.int64(),
}  # fmt: skip
WELL: dict[str, Any] = {
    "party_id": 1, "pulse_days": 60, "first_day": DAY - timedelta(400), "last_day": DAY - timedelta(3), "T": 400.0,
    "usual_gap": 6.0, "gap_q95": 12.5, "pulses_90": 14, "pulses_prev_90": 14, "visits_30": 5, "visits_prev_30": 5,
    "payments_90": 3, "money_90": 9000, "money_prev_90": 9000, "payments_failed_90": 0, "complaints_90": 0,
    "refunds_90": 0, "ended_day": None, "returned_day": None, "currency": "EUR",
    "visits_90": 14, "visits_prev_90": 14, "purchases_90": 0, "purchases_prev_90": 0, "uses_90": 0, "uses_prev_90": 0,
    "paid_60": 0, "paid_log_60": 0, "paid_prev_180": 0, "paid_log_prev_180": 0, "paid_log_sq_240": 0,
    "seats_60": 0, "seats_log_60": 0, "seats_prev_180": 0, "seats_log_prev_180": 0, "seats_log_sq_240": 0,
}  # fmt: skip


def summary(*people: dict[str, Any]) -> pa.Table:
    rows = [WELL | {"party_id": number + 1} | person for number, person in enumerate(people)]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(TYPES.items())))


def signs(**person: Any) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in raise_signs(summary(person), as_of=DAY).to_pylist()}


def test_somebody_who_comes_as_usual_shows_nothing() -> None:
    assert signs() == {}


@pytest.mark.parametrize(("silent", "shown"), [(12, False), (13, True)])
def test_silence_begins_beyond_the_own_gaps(silent: int, shown: bool) -> None:
    assert ("silence" in signs(last_day=DAY - timedelta(silent))) == shown


@pytest.mark.parametrize(("silent", "shown"), [(7, False), (8, True)])
def test_a_week_is_never_silence_however_dense_the_rhythm(silent: int, shown: bool) -> None:
    assert ("silence" in signs(gap_q95=2.0, usual_gap=1.0, last_day=DAY - timedelta(silent))) == shown


def test_silence_carries_its_evidence() -> None:
    row = signs(last_day=DAY - timedelta(25))["silence"]
    assert (row["usual"], row["now"], row["unit"]) == (6.0, 25.0, "day")
    assert row["since"] == DAY - timedelta(25) + timedelta(13), "12.5 days is the limit, day 13 the first beyond it"
    assert row["strength"] == pytest.approx(0.5)


def test_nobody_without_a_rhythm_is_silent() -> None:
    assert "silence" not in signs(gap_q95=None, usual_gap=None, last_day=DAY - timedelta(300))


def slow_tail(now: int, earlier: int, stretch: float) -> float:
    return float(binom.cdf(now, now + earlier, 90 / (stretch + 90)))


def test_slowing_compares_with_the_own_earlier_rate() -> None:
    for now in range(15):
        pulse_days = 46 + now  # 45 repeat days in the 310 before: 13.06 are likely in 90
        expected_shown = slow_tail(now, 45, 310.0) < 0.05
        assert ("slowing" in signs(pulses_90=now, pulse_days=pulse_days)) == expected_shown, now
    row = signs(pulses_90=3, pulse_days=49)["slowing"]
    assert row["usual"] == pytest.approx(45 / 310 * 90)
    assert row["now"] == 3.0
    assert row["since"] == DAY - timedelta(89)


@pytest.mark.parametrize(("earlier", "shown"), [(5, False), (6, True)])
def test_slowing_needs_six_earlier_days(earlier: int, shown: bool) -> None:
    assert ("slowing" in signs(pulses_90=0, pulse_days=earlier, T=125.0)) == shown


@pytest.mark.parametrize(("stretch", "shown"), [(29.0, False), (30.0, True)])
def test_slowing_needs_a_rate_seen_over_thirty_days(stretch: float, shown: bool) -> None:
    assert ("slowing" in signs(pulses_90=1, pulse_days=31, T=90 + stretch)) == shown


def test_coming_more_often_is_not_slowing() -> None:
    assert "slowing" not in signs(pulses_90=60, pulse_days=70)


@pytest.mark.parametrize(
    ("now", "before", "payments", "shown"),
    [(1, 4, 1, True), (2, 4, 1, False), (1, 3, 1, False), (1, 4, 0, False), (0, 4, 1, True)],
)
def test_the_quiet_leaver_pays_but_hardly_comes(now: int, before: int, payments: int, shown: bool) -> None:
    raised = signs(visits_30=now, visits_prev_30=before, payments_90=payments)
    assert ("fewer_visits" in raised) == shown


@pytest.mark.parametrize(("now", "shown"), [(4499, True), (4500, False), (-100, True)])
def test_spending_less_is_under_half(now: int, shown: bool) -> None:
    assert ("spending_less" in signs(money_90=now)) == shown


@pytest.mark.parametrize("missing", [{"pulses_90": 0, "pulse_days": 40}, {"pulses_prev_90": 0}, {"money_prev_90": 0}])
def test_spending_less_needs_both_periods(missing: dict[str, int]) -> None:
    assert "spending_less" not in signs(money_90=-1, **missing)


def test_money_in_no_named_currency_is_not_compared() -> None:
    assert "spending_less" not in signs(money_90=1, currency=None)


@pytest.mark.parametrize(
    ("column", "code"),
    [("payments_failed_90", "failed_payment"), ("complaints_90", "complaint"), ("refunds_90", "refund")],
)
def test_what_should_not_happen_is_a_sign_when_it_does(column: str, code: str) -> None:
    row = signs(**{column: 2})[code]
    assert (row["now"], row["usual"], row["strength"]) == (2.0, None, pytest.approx(2 / 3))
    assert list(signs(**{column: 2})) == [code]


def test_who_has_left_shows_no_sign() -> None:
    gone = {"complaints_90": 1, "ended_day": DAY}
    quiet = {"last_day": DAY - timedelta(12)}
    assert signs(**gone) == {}
    assert signs(**gone | {"ended_day": DAY + timedelta(1)}) != {}, "notice given is still a customer"
    assert signs(**gone | {"ended_day": DAY - timedelta(9), "returned_day": DAY - timedelta(9)} | quiet) != {}
    assert signs(**gone | {"ended_day": DAY - timedelta(9), "returned_day": DAY - timedelta(10)} | quiet) == {}
    assert signs(**gone | {"ended_day": DAY - timedelta(4)}) != {}, "came after the end on record"
    assert signs(**gone | {"ended_day": DAY - timedelta(3)}) == {}, "the last visit was the day of the end"


def test_the_caller_says_who_is_still_there() -> None:
    people = summary({"complaints_90": 1}, {"complaints_90": 1})
    assert raise_signs(people, as_of=DAY, among=np.array([False, True]))["party_id"].to_pylist() == [2]
    gone = summary({"complaints_90": 1, "ended_day": DAY})
    assert raise_signs(gone, as_of=DAY, among=np.array([True])).num_rows == 0, "an end on record is an end"


def test_signs_come_by_person_then_strongest_first() -> None:
    raised = raise_signs(summary({"refunds_90": 1}, {"refunds_90": 1, "complaints_90": 3}), as_of=DAY)
    assert list(zip(raised["party_id"].to_pylist(), raised["code"].to_pylist(), strict=True)) == [
        (1, "refund"), (2, "complaint"), (2, "refund"),
    ]  # fmt: skip


def test_a_person_without_any_sign_of_life_raises_nothing_and_breaks_nothing() -> None:
    nothing = dict.fromkeys(("first_day", "last_day", "T", "usual_gap", "gap_q95"))
    assert signs(**nothing, pulse_days=0, pulses_90=0, pulses_prev_90=0) == {}


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UnknownColumn, match="complaints_90"):
        raise_signs(summary({}).drop_columns(["complaints_90"]), as_of=DAY)


def test_look_backs_end_with_the_day() -> None:
    assert look_back_begins(Sign.COMPLAINT, as_of=DAY) == DAY - timedelta(89)
    assert look_back_begins(Sign.SILENCE, as_of=DAY) is None


def test_every_sign_is_defined_once_and_documented() -> None:
    assert [definition.sign for definition in DEFINITIONS] == list(Sign)
    for sign in Sign:
        assert f"`{sign.value}`" in DOC


# What a sign was worth -------------------------------------------------------------------------------------------

C1, C2 = date(2024, 1, 1), date(2024, 2, 1)
KNOWN = date(2024, 12, 31)


def table(rows: list[tuple[Any, ...]], **types: pa.DataType) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in types)
    return pa.table({n: pa.array(list(c), t) for (n, t), c in zip(types.items(), columns, strict=True)})


def record(
    raised: list[tuple[int, str, date]],
    live: list[tuple[int, date]],
    endings: list[tuple[int, date]],
    *,
    horizon: int = 60,
    codes: tuple[str, ...] = ("silence",),
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = measure(
        table(raised, party_id=pa.int64(), code=pa.string(), cutoff=pa.date32()),
        live=table(live, party_id=pa.int64(), cutoff=pa.date32()),
        endings=table(endings, party_id=pa.int64(), end_day=pa.date32()),
        horizon_days=horizon,
        codes=codes,
        known_until=KNOWN,
    ).to_pylist()
    return rows


def test_a_sign_is_measured_by_what_came_after_it() -> None:
    live = [(p, C1) for p in range(100)]
    raised = [(p, "silence", C1) for p in range(30)]  # 0..29 raised; of them 0..11 end, and 90..95 end unwarned
    endings = [(p, C1 + timedelta(10 + p)) for p in range(12)] + [(p, C1 + timedelta(5)) for p in range(90, 96)]
    (row,) = record(raised, live, endings)
    assert (row["raised"], row["people"], row["ended"]) == (30, 30, 12)
    assert row["precision"] == pytest.approx(0.4)
    assert (row["precision_low"], row["precision_high"]) == pytest.approx(wilson(0.4, n=30))
    assert row["base_rate"] == pytest.approx(0.18)
    assert row["false_alarm_rate"] == pytest.approx(18 / 82)
    assert (row["endings"], row["caught"], row["missed"]) == (18, 12, 6)
    assert (row["lead_days"], row["lead_low"], row["lead_high"]) == (15.5, 12.75, 18.25)


@pytest.mark.parametrize(("after", "counts"), [(0, 0), (1, 1), (60, 1), (61, 0)])
def test_the_horizon_begins_the_day_after_and_includes_its_last_day(after: int, counts: int) -> None:
    (row,) = record([(1, "silence", C1)], [(1, C1)], [(1, C1 + timedelta(after))])
    assert row["ended"] == counts


def test_under_twenty_raised_there_is_no_figure_but_a_reason() -> None:
    live = [(p, C1) for p in range(50)]
    (row,) = record([(p, "silence", C1) for p in range(19)], live, [(1, C1 + timedelta(5))])
    assert (row["precision"], row["reason"]) == (None, "only 19 times so far")
    (row,) = record([(p, "silence", C1) for p in range(20)], live, [(1, C1 + timedelta(5))])
    assert row["precision"] == pytest.approx(0.05)
    assert row["reason"] is None
    (row,) = record([], live, [])
    assert row["reason"] == "never so far"
    assert (row["base_rate"], row["lead_days"]) == (0.0, None)


def test_the_same_person_raised_twice_is_one_piece_of_evidence_and_one_ending() -> None:
    live = [(p, c) for p in range(20) for c in (C1, C2)]
    raised = [(p, "silence", c) for p, c in live]
    (row,) = record(raised, live, [(3, C2 + timedelta(9))])
    assert (row["raised"], row["people"], row["ended"], row["caught"]) == (40, 20, 2, 1)
    assert row["lead_days"] == 40.0, "from the first cut-off whose horizon covers the end"
    assert row["precision_low"] == pytest.approx(wilson(2 / 40, n=20)[0])


def test_a_second_ending_of_the_same_person_is_another_ending() -> None:
    live = [(1, C1), (1, C2)]
    (row,) = record([(1, "silence", C2)], live, [(1, C1 + timedelta(3)), (1, C2 + timedelta(3))])
    assert (row["endings"], row["caught"], row["missed"], row["lead_days"]) == (2, 1, 1, 3.0)


def test_endings_of_strangers_do_not_count() -> None:
    (row,) = record([(5, "silence", C1)], [(5, C1)], [(4, C1 + timedelta(1)), (6, C1 + timedelta(1))])
    assert (row["ended"], row["endings"]) == (0, 0)


def test_a_horizon_that_is_not_over_is_refused() -> None:
    live = [(1, KNOWN - timedelta(59))]
    with pytest.raises(BadInput, match="lies after"):
        record([], live, [])
    assert record([], [(1, KNOWN - timedelta(60))], [])


@pytest.mark.parametrize("stranger", [(2, "silence", C1), (1, "silence", C2), (0, "silence", C1)])
def test_a_sign_of_somebody_not_live_is_refused(stranger: tuple[int, str, date]) -> None:
    with pytest.raises(BadInput, match="not live"):
        record([stranger], [(1, C1)], [])


def plain(
    raised: set[tuple[int, date]], live: set[tuple[int, date]], endings: set[tuple[int, date]], horizon: int
) -> tuple[int, int, int, int, list[int]]:
    """The definitions written row by row."""

    def end_of(row: tuple[int, date]) -> date | None:
        later = [e for p, e in endings if p == row[0] and row[1] < e]
        first = min(later, default=None)
        return first if first and (first - row[1]).days <= horizon else None

    ended = {row: end_of(row) for row in live}
    warned = {(row[0], e) for row, e in ended.items() if e}
    first_raise = {}
    for row in sorted(raised):
        if ended[row]:
            first_raise.setdefault((row[0], ended[row]), row[1])
    leads = sorted((end - day).days for (_, end), day in first_raise.items() if end)
    return len(raised), sum(bool(ended[row]) for row in raised), len(warned), len(first_raise), leads


DAYS = st.integers(0, 200).map(lambda day: C1 + timedelta(day))
ROWS = st.sets(st.tuples(st.integers(1, 6), DAYS), max_size=30)


@given(live=ROWS, endings=ROWS, horizon=st.integers(1, 120), data=st.data())
def test_measuring_agrees_with_the_definitions_row_by_row(
    live: set[tuple[int, date]], endings: set[tuple[int, date]], horizon: int, data: st.DataObject
) -> None:
    raised = data.draw(st.sets(st.sampled_from(sorted(live)))) if live else set()
    (row,) = record([(p, "silence", d) for p, d in raised], list(live), list(endings), horizon=horizon)
    n, ended, warned, caught, leads = plain(raised, live, endings, horizon)
    assert (row["raised"], row["ended"], row["endings"], row["caught"]) == (n, ended, warned, caught)
    assert row["lead_days"] == (float(np.median(leads)) if leads else None)


def test_wilson_gives_the_published_interval() -> None:
    low, high = wilson(81 / 263, n=263, z=1.959963984540054)  # Newcombe (1998), table I, method 3: .2553 to .3662
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0.0, n=5)[0] == 0.0
    with pytest.raises(BadInput):
        wilson(0.5, n=0)


def measured(**known: Any) -> pa.Table:
    empty = dict.fromkeys(MEASURED.names)
    row = {"code": "slowing", "horizon_days": 90, "precision": 0.3, "precision_low": 0.2, "precision_high": 0.4,
           "base_rate": 0.1}  # fmt: skip
    return pa.Table.from_pylist([empty | row | known], schema=MEASURED)


def test_before_anything_is_measured_only_silence_counts() -> None:
    assert trusted(None).codes == {"silence"}
    rare = trusted(measured(precision=None, precision_low=None, precision_high=None, reason="only 3 times so far"))
    assert rare.codes == {"silence"}
    assert rare.why["slowing"] == "does not count yet: raised only 3 times so far"


@pytest.mark.parametrize(("low", "counts"), [(0.1, False), (0.101, True)])
def test_a_sign_counts_only_when_its_lower_bound_beats_the_base_rate(low: float, counts: bool) -> None:
    trust = trusted(measured(precision_low=low))
    assert ("slowing" in trust.codes) == counts
    assert trust.why["slowing"].startswith("counts" if counts else "does not count")


def test_at_risk_is_anybody_with_a_sign_that_counts() -> None:
    raised = raise_signs(summary({"complaints_90": 1}, {"refunds_90": 1}, {}), as_of=DAY)
    trust = trusted(measured(code="refund"))
    assert at_risk(np.array([1, 2, 3]), raised=raised, trust=trust).tolist() == [False, True, False]
