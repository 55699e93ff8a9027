"""The summary against lifetimes, against a slow plain version, and the increment against the rebuild."""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.understand import features
from rekindle.understand.features import Pulse
from rekindle.understand.summaries import SUMMARY, advance, calibration, pulse_days, rebuild, rebuild_to

EVENT = pa.schema(
    [
        ("party_id", pa.int64()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("kind", pa.string()),
        ("amount_minor", pa.int64()),
        ("currency", pa.string()),
        ("quantity", pa.float64()),
    ]
)
Row = tuple[int, datetime, str, int | None, str | None] | tuple[int, datetime, str, int | None, str | None, float]
SHOP = Pulse(("purchase",))
GYM = Pulse(("visit",))
BERLIN = "Europe/Berlin"


def at(day: str, *, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def bought(party: int, day: str, *, amount: int | None = 1000, kind: str = "purchase", hour: int = 12) -> Row:
    return (party, at(day, hour=hour), kind, amount, None if amount is None else "EUR")


def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def put(con: duckdb.DuckDBPyConnection, rows: Sequence[Row], *, name: str = "events") -> None:
    # A row without a quantity has none.
    con.register(name, pa.Table.from_pylist([dict(zip(EVENT.names, row, strict=False)) for row in rows], EVENT))


def summary(
    rows: Sequence[Row], *, as_of: str, pulse: Pulse = SHOP, time_zone: str = "UTC"
) -> dict[int, dict[str, object]]:
    with connection() as con:
        put(con, rows)
        found = rebuild(con, "events", as_of=date.fromisoformat(as_of), pulse=pulse, time_zone=time_zone)
    assert found.schema == SUMMARY
    return {row["party_id"]: row for row in found.to_pylist()}


def test_it_equals_lifetimes_on_every_customer_of_cdnow(shared_data: Path) -> None:
    lines = (shared_data / "cdnow" / "CDNOW_master.txt").read_text().splitlines()[1:]
    fields = [line.split() for line in lines if line.strip()]
    rows: list[Row] = [
        (int(who), datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC), "purchase", round(float(value) * 100), "USD")
        for who, day, _, value in fields
    ]
    ours = list(summary(rows, as_of="1998-06-30").values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes 0.11.3 speaks an older pandas
        import pandas as pd
        from lifetimes.utils import summary_data_from_transaction_data

        frame = pd.DataFrame({"id": [r[0] for r in rows], "day": [r[1] for r in rows], "value": [r[3] for r in rows]})
        frame["day"] = frame["day"].dt.tz_localize(None)
        theirs = summary_data_from_transaction_data(
            frame, "id", "day", monetary_value_col="value", observation_period_end="1998-06-30"
        ).sort_index()
    assert [row["party_id"] for row in ours] == list(theirs.index)
    for ours_column, theirs_column in (("x", "frequency"), ("t_x", "recency"), ("T", "T")):
        assert [row[ours_column] for row in ours] == list(theirs[theirs_column])
    money = np.array([row["money_mean_minor"] or 0.0 for row in ours], dtype=float)
    np.testing.assert_allclose(money, theirs["monetary_value"].to_numpy(), rtol=1e-12)


def test_purchases_of_one_local_day_are_one_sign_of_life() -> None:
    rows = [bought(1, "2024-03-01", hour=22), bought(1, "2024-03-01", hour=23), bought(1, "2024-03-02", hour=1)]
    assert summary(rows, as_of="2024-03-05")[1]["pulse_days"] == 2
    assert summary(rows, as_of="2024-03-05", time_zone=BERLIN)[1]["pulse_days"] == 2
    assert summary(rows[1:], as_of="2024-03-05", time_zone=BERLIN)[1]["pulse_days"] == 1


def test_nothing_after_the_end_of_the_local_day_is_read() -> None:
    rows = [bought(1, "2024-03-01"), bought(1, "2024-03-05", hour=22), bought(1, "2024-03-05", hour=23)]
    ana = summary(rows, as_of="2024-03-05", time_zone=BERLIN)[1]
    assert (ana["pulse_days"], ana["money_minor"]) == (2, 2000)
    assert summary(rows, as_of="2024-03-04", time_zone=BERLIN)[1]["pulse_days"] == 1
    assert summary(rows, as_of="2024-02-29", time_zone=BERLIN) == {}


def test_a_refund_lowers_the_money_and_is_no_sign_of_life() -> None:
    rows = [
        bought(1, "2024-01-01", amount=5000),
        bought(1, "2024-01-11", amount=3000),
        bought(1, "2024-01-11", amount=-1000, kind="refund"),
        bought(1, "2024-01-20", amount=-500, kind="refund"),
    ]
    ana = summary(rows, as_of="2024-01-31")[1]
    assert (ana["pulse_days"], ana["money_minor"], ana["money_mean_minor"], ana["refunds_90"]) == (2, 6500, 2000.0, 2)
    assert ana["last_day"] == date(2024, 1, 11)


def test_a_mean_that_is_not_positive_is_unknown() -> None:
    rows = [
        bought(1, "2024-01-01"),
        bought(1, "2024-01-02", amount=100),
        bought(1, "2024-01-02", amount=-100, kind="refund"),
    ]
    assert summary(rows, as_of="2024-01-31")[1]["money_mean_minor"] is None


def test_a_day_of_unknown_amount_does_not_pull_the_mean_down() -> None:
    rows = [bought(1, "2024-01-01"), bought(1, "2024-01-02", amount=600), bought(1, "2024-01-03", amount=None)]
    ana = summary(rows, as_of="2024-01-31")[1]
    assert (ana["x"], ana["money_mean_minor"], ana["money_days"]) == (2, 600.0, 2)


def test_money_in_two_currencies_has_no_sum() -> None:
    rows = [bought(1, "2024-01-01"), (1, at("2024-01-05"), "purchase", 500, "USD"), bought(2, "2024-01-01")]
    both = summary(rows, as_of="2024-01-31")
    assert [both[1][c] for c in ("currency", "money_minor", "money_mean_minor", "money_90")] == [None] * 4
    assert (both[2]["currency"], both[2]["money_minor"]) == ("EUR", 1000)


def test_where_visits_are_the_pulse_money_after_the_first_day_is_spread_over_the_visits() -> None:
    rows = [
        bought(1, "2024-01-01", amount=9900, kind="payment"),
        bought(1, "2024-01-01", amount=None, kind="visit"),
        bought(1, "2024-01-08", amount=None, kind="visit"),
        bought(1, "2024-01-15", amount=None, kind="visit"),
        bought(1, "2024-02-01", amount=3000, kind="payment"),
    ]
    ana = summary(rows, as_of="2024-02-10", pulse=GYM)[1]
    assert (ana["x"], ana["money_minor"], ana["money_mean_minor"], ana["payments_90"]) == (2, 12900, 1500.0, 2)
    assert (ana["visits_30"], ana["visits_prev_30"]) == (1, 2)


def test_someone_without_a_sign_of_life_is_listed_with_nothing_assumed() -> None:
    dov = summary([bought(4, "2024-01-01", amount=None, kind="complaint")], as_of="2024-01-31")[4]
    assert [dov[c] for c in ("first_day", "last_day", "x", "t_x", "T", "usual_gap", "currency")] == [None] * 7
    assert (dov["pulse_days"], dov["complaints_90"], dov["last_two_way_day"]) == (0, 1, date(2024, 1, 1))


@pytest.mark.parametrize(
    ("column", "kind", "inside", "outside"),
    [
        ("pulses_7", "purchase", 6, 7), ("pulses_30", "purchase", 29, 30), ("pulses_90", "purchase", 89, 90),
        ("pulses_365", "purchase", 364, 365), ("pulses_prev_90", "purchase", 90, 89),
        ("pulses_prev_90", "purchase", 179, 180), ("complaints_90", "complaint", 89, 90),
        ("payments_failed_90", "payment_failed", 89, 90), ("refunds_90", "refund", 89, 90),
        ("visits_30", "visit", 29, 30), ("visits_prev_30", "visit", 30, 29), ("visits_prev_30", "visit", 59, 60),
        ("payments_90", "payment", 0, 90), ("visits_90", "visit", 89, 90), ("visits_prev_90", "visit", 179, 180),
        ("purchases_90", "purchase", 0, 90), ("purchases_prev_90", "purchase", 90, 89),
        ("uses_90", "usage", 89, 90), ("uses_prev_90", "login", 179, 180), ("seats_60", "usage", 59, 60),
        ("seats_prev_180", "usage", 60, 59), ("seats_prev_180", "usage", 239, 240), ("paid_60", "payment", 59, 60),
        ("paid_prev_180", "payment", 60, 59), ("paid_prev_180", "payment", 239, 240),
    ],
)  # fmt: skip
def test_a_window_holds_its_first_day_and_not_the_day_before(column: str, kind: str, inside: int, outside: int) -> None:
    today = at("2024-06-30")
    for age, expected in ((inside, 1), (outside, 0)):
        rows: list[Row] = [(1, today - timedelta(days=age), kind, 990 if kind == "payment" else None, "EUR", 3.0)]
        assert summary(rows, as_of="2024-06-30")[1][column] == expected


def test_an_end_in_the_future_is_not_known_yet() -> None:
    rows = [bought(1, "2024-01-01"), bought(1, "2024-02-01", amount=None, kind="ended")]
    assert summary(rows, as_of="2024-01-31")[1]["ended_day"] is None
    assert summary(rows, as_of="2024-02-01")[1]["ended_day"] == date(2024, 2, 1)


@pytest.mark.parametrize("time_zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC"])
def test_the_local_day_is_the_one_of_the_zone_rules(time_zone: str) -> None:
    rng = np.random.default_rng(5)
    instants = rng.integers(0, 1_750_000_000, 4_000)
    edges = [
        when // 1_000_000 + step
        for when, _ in features.changes_of_clock(time_zone, until=date(2025, 6, 1))[1]
        for step in (-1, 0)
    ]
    seconds = [int(second) for second in [*instants, *edges] if second >= 0]
    rows: list[Row] = [
        (n, datetime.fromtimestamp(second, UTC), "visit", None, None) for n, second in enumerate(seconds)
    ]
    with connection() as con:
        put(con, rows)
        seen = features.seen("events", as_of=date(2025, 12, 31), time_zone=time_zone)
        con.execute(
            f"CREATE TEMP MACRO rekindle_local_us(instant_us) AS {features.clock(time_zone, until=date(2025, 12, 31))}"
        )
        dated = features.dated(seen)
        sql = ibis.to_sql(dated.select("party_id", "day").order_by("party_id"), dialect="duckdb")
        days = con.sql(sql).to_arrow_table()["day"].to_pylist()
    zone = ZoneInfo(time_zone)
    assert days == [features.day_number(datetime.fromtimestamp(second, zone).date()) for second in seconds]


def test_the_engine_and_numpy_round_the_logarithm_of_every_gap_alike() -> None:
    with connection() as con:
        found = con.sql(
            "SELECT CAST(ROUND(LN(CAST(g AS DOUBLE)) * 1000000, 0) AS BIGINT) AS v FROM range(1, 40000) t(g)"
        )
        engine = found.to_arrow_table()["v"].to_numpy()
    np.testing.assert_array_equal(engine, np.rint(np.log(np.arange(1, 40_000)) * 1_000_000).astype(np.int64))


# --- a slow plain version of the counting -------------------------------------------------------------------------

KINDS = [
    "purchase",
    "refund",
    "payment",
    "visit",
    "complaint",
    "payment_failed",
    "ended",
    "returned",
    "cancel_notice",
    "click",
    "usage",
    "login",
]
FIRST = datetime(2023, 1, 1, tzinfo=UTC)


@st.composite
def some_events(draw: st.DrawFn) -> list[Row]:
    hour = st.integers(0, 24 * 700)
    kind = st.sampled_from(KINDS)
    drawn = draw(
        st.lists(st.tuples(st.integers(1, 4), hour, kind, st.integers(0, 900), st.integers(0, 9)), max_size=40)
    )
    rows: list[Row] = []
    for party, hours, what, amount, luck in drawn:
        money = {"purchase": amount, "payment": amount, "refund": -amount}.get(what)
        money = None if luck == 0 else money
        currency = None if money is None else ("USD" if luck == 1 else "EUR")
        rows.append((party, FIRST + timedelta(hours=hours), what, money, currency, amount / 100))
    return rows


def plain(rows: Sequence[Row], *, as_of: date, pulse: Pulse, time_zone: str) -> dict[int, dict[str, object]]:
    zone, told = ZoneInfo(time_zone), {}
    local = [(p, t.astimezone(zone).date(), k, a, c) for p, t, k, a, c, *_ in rows]
    for party in sorted({row[0] for row in local if row[1] <= as_of}):
        mine = [row for row in local if row[0] == party and row[1] <= as_of]
        beats = sorted({d for _, d, k, _, _ in mine if k in pulse.kinds})
        gaps = [(b - a).days for a, b in pairwise(beats)]
        money: dict[date, int] = {}
        for _, d, k, a, _ in mine:
            if k in pulse.money_kinds and a is not None:
                money[d] = money.get(d, 0) + a
        repeat = {d: m for d, m in money.items() if beats and d > beats[0] and (d in beats or not pulse.carries_money)}
        over = len(repeat) if pulse.carries_money else len(gaps)
        total = sum(repeat.values())
        currencies = {c for _, _, k, a, c in mine if k in pulse.money_kinds and a is not None and c is not None}
        mixed = len(currencies) > 1
        mean = total / over if over and total > 0 and not mixed else None
        age = {d: (as_of - d).days for _, d, _, _, _ in mine}

        def events(
            kind: str, *, mine: list[tuple[int, date, str, int | None, str | None]] = mine, age: dict[date, int] = age
        ) -> int:
            return sum(k == kind and age[d] < 90 for _, d, k, _, _ in mine)

        visits = {d for _, d, k, _, _ in mine if k == "visit"}
        uses = {d for _, d, k, _, _ in mine if k in ("usage", "login")}
        paid: dict[date, int] = {}
        seats: dict[date, float] = {}
        for p, t, k, a, _, *quantity in rows:
            d = t.astimezone(zone).date()
            if p == party and d <= as_of and k == "payment" and a is not None:
                paid[d] = paid.get(d, 0) + a
            if p == party and d <= as_of and k == "usage":
                seats[d] = max(seats.get(d, 0.0), float(str(quantity[0])))
        logs = {
            "paid": {d: round(100_000 * math.log(sum_paid)) for d, sum_paid in paid.items() if sum_paid > 0},
            "seats": {d: round(100_000 * math.log(most + 1)) for d, most in seats.items()},
        }
        told[party] = {
            "pulse_days": len(beats), "x": len(gaps) if beats else None, "gap_sum": sum(gaps),
            "first_day": beats[0] if beats else None, "last_day": beats[-1] if beats else None,
            "gap_sq": sum(g * g for g in gaps), "gap_log_micro": sum(round(1e6 * float(np.log(g))) for g in gaps),
            "money_minor": None if mixed else sum(money.values()), "money_days": len(money),
            "money_mean_minor": mean,
            "currency": None if mixed else next(iter(currencies), None),
            "pulses_7": sum(age[d] < 7 for d in beats), "pulses_365": sum(age[d] < 365 for d in beats),
            "pulses_prev_90": sum(90 <= age[d] < 180 for d in beats),
            "money_90": None if mixed else sum(m for d, m in money.items() if age[d] < 90),
            "money_prev_90": None if mixed else sum(m for d, m in money.items() if 90 <= age[d] < 180),
            "complaints_90": events("complaint"), "payments_failed_90": events("payment_failed"),
            "refunds_90": events("refund"), "payments_90": events("payment"),
            "visits_30": sum(age[d] < 30 for d in visits), "visits_prev_30": sum(30 <= age[d] < 60 for d in visits),
            "visits_90": sum(age[d] < 90 for d in visits), "uses_90": sum(age[d] < 90 for d in uses),
            "uses_prev_90": sum(90 <= age[d] < 180 for d in uses),
            **{f"{what}_60": sum(age[d] < 60 for d in of) for what, of in logs.items()},
            **{f"{what}_prev_180": sum(60 <= age[d] < 240 for d in of) for what, of in logs.items()},
            **{f"{what}_log_60": sum(log for d, log in of.items() if age[d] < 60) for what, of in logs.items()},
            **{f"{what}_log_prev_180": sum(log for d, log in of.items() if 60 <= age[d] < 240)
               for what, of in logs.items()},
            **{f"{what}_log_sq_240": sum(log**2 for d, log in of.items() if age[d] < 240) for what, of in logs.items()},
            "ended_day": max((d for _, d, k, _, _ in mine if k == "ended"), default=None),
            "returned_day": max((d for _, d, k, _, _ in mine if k == "returned"), default=None),
            "last_two_way_day": max((d for _, d, k, _, _ in mine if k in features.TWO_WAY), default=None),
        }  # fmt: skip
    return told


PULSES = st.sampled_from([SHOP, GYM, Pulse(("purchase", "visit"))])
DAYS = st.integers(0, 720).map(lambda n: date(2023, 1, 1) + timedelta(days=n))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=some_events(), as_of=DAYS, pulse=PULSES, time_zone=st.sampled_from(["UTC", BERLIN]))
def test_it_equals_a_slow_plain_count(rows: list[Row], as_of: date, pulse: Pulse, time_zone: str) -> None:
    ours = summary(rows, as_of=as_of.isoformat(), pulse=pulse, time_zone=time_zone)
    theirs = plain(rows, as_of=as_of, pulse=pulse, time_zone=time_zone)
    assert {p: {c: row[c] for c in theirs[p]} for p, row in ours.items()} == theirs


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=some_events(),
    loads=st.lists(st.integers(0, 3), min_size=40, max_size=40),
    nights=st.lists(DAYS, min_size=3, max_size=3).map(sorted),
    pulse=PULSES,
    gone=st.sets(st.integers(1, 4), max_size=2),
)
def test_advancing_night_by_night_gives_the_rows_of_a_rebuild(
    rows: list[Row], loads: list[int], nights: list[date], pulse: Pulse, gone: set[int]
) -> None:
    """Rows arrive in any load: late, early (not happened yet) or in time; in the last night some people are erased."""
    with connection() as con, tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "summary.parquet"
        arrived: list[Row] = []
        for night, as_of in enumerate(nights):
            new = [row for row, load in zip(rows, loads, strict=False) if load == night]
            if night:
                ended = features.end_of(nights[night - 1], time_zone=BERLIN)
                unseen = new + [row for row in arrived if row[1] >= ended]
            arrived += new
            if night == len(nights) - 1:
                arrived = [row for row in arrived if row[0] not in gone]
                unseen = [row for row in unseen if row[0] not in gone]
            put(con, arrived)
            if night == 0:
                rebuild_to(con, "events", as_of=as_of, pulse=pulse, time_zone=BERLIN, to=kept)
            else:
                put(con, unseen, name="unseen")
                erased = pa.array(sorted(gone), pa.int64()) if night == len(nights) - 1 else None
                advance(
                    con, kept, "unseen", "events", as_of=as_of, pulse=pulse, time_zone=BERLIN, to=kept, afresh=erased
                )
            whole = rebuild(con, "events", as_of=as_of, pulse=pulse, time_zone=BERLIN)
            assert pq.read_table(kept).replace_schema_metadata(None).equals(whole)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "summary.parquet"
    with connection() as con:
        put(con, [bought(1, "2024-01-01")])
        rebuild_to(con, "events", as_of=date(2024, 1, 31), pulse=SHOP, time_zone="UTC", to=path)
    return path


def test_a_summary_does_not_go_back_in_time(kept: Path) -> None:
    con = connection()
    put(con, [])
    with con, pytest.raises(BadInput, match="after 2024-01-30"):
        advance(con, kept, "events", "events", as_of=date(2024, 1, 30), pulse=SHOP, time_zone="UTC", to=kept)


def test_a_summary_of_another_pulse_is_not_carried_on(kept: Path) -> None:
    con = connection()
    put(con, [])
    with con, pytest.raises(Conflict, match="Rebuild"):
        advance(con, kept, "events", "events", as_of=date(2024, 2, 1), pulse=GYM, time_zone="UTC", to=kept)


@pytest.mark.parametrize(("content", "error"), [(None, NotFound), (b"not parquet", BadInput)])
def test_what_is_no_summary_is_not_carried_on(tmp_path: Path, content: bytes | None, error: type[Exception]) -> None:
    path = tmp_path / "other.parquet"
    if content is not None:
        path.write_bytes(content)
    with connection() as con, pytest.raises(error):
        advance(con, path, "events", "events", as_of=date(2024, 2, 1), pulse=SHOP, time_zone="UTC", to=path)


def test_a_summary_of_an_earlier_version_is_not_carried_on(kept: Path) -> None:
    pq.write_table(pq.read_table(kept).drop_columns(["uses_90"]), kept)
    con = connection()
    put(con, [])
    with con, pytest.raises(Conflict, match="another version"):
        advance(con, kept, "events", "events", as_of=date(2024, 2, 1), pulse=SHOP, time_zone="UTC", to=kept)


def test_a_failed_advance_leaves_the_kept_summary_as_it_was(kept: Path) -> None:
    before = kept.read_bytes()
    with connection() as con, pytest.raises(duckdb.CatalogException):
        advance(con, kept, "nowhere", "nowhere", as_of=date(2024, 2, 1), pulse=SHOP, time_zone="UTC", to=kept)
    assert kept.read_bytes() == before
    assert list(kept.parent.iterdir()) == [kept]


def test_held_out_days_are_those_after_the_cutoff() -> None:
    rows = [
        bought(1, "2024-01-01"), bought(1, "2024-01-20", amount=700), bought(1, "2024-02-10", amount=900),
        bought(1, "2024-03-01", amount=111), bought(2, "2024-01-05"), bought(3, "2024-02-01"),
    ]  # fmt: skip
    with connection() as con:
        put(con, rows)
        found = calibration(
            con, "events", cutoff=date(2024, 1, 31), until=date(2024, 2, 29), pulse=SHOP, time_zone="UTC"
        ).to_pylist()
    assert found == [
        {
            "party_id": 1,
            "x": 1,
            "t_x": 19.0,
            "T": 30.0,
            "gap_log_micro": round(1e6 * math.log(19)),
            "money_mean_minor": 700.0,
            "held_out_days": 1,
            "held_out_money_minor": 900,
        },
        {
            "party_id": 2,
            "x": 0,
            "t_x": 0.0,
            "T": 26.0,
            "gap_log_micro": 0,
            "money_mean_minor": None,
            "held_out_days": 0,
            "held_out_money_minor": 0,
        },
    ]


def test_a_sample_is_the_same_share_every_time() -> None:
    rows = [bought(party, "2024-01-01") for party in range(1, 2001)]
    shares = []
    with connection() as con:
        put(con, rows)
        for keep in range(1, 4):
            found = calibration(
                con,
                "events",
                cutoff=date(2024, 1, 2),
                until=date(2024, 1, 3),
                pulse=SHOP,
                time_zone="UTC",
                sample=(keep, 4),
            )
            shares.append(set(found["party_id"].to_pylist()))
    assert shares[0] < shares[1] < shares[2]
    assert abs(len(shares[1]) - 1000) < 100


def test_pulse_days_are_distinct_and_in_order() -> None:
    rows = [
        bought(2, "2024-01-03"),
        bought(1, "2024-01-02"),
        bought(1, "2024-01-01"),
        bought(1, "2024-01-01", hour=3),
        bought(3, "2024-01-01"),
    ]
    with connection() as con:
        put(con, rows)
        days = pulse_days(con, "events", as_of=date(2024, 1, 31), pulse=SHOP, time_zone="UTC", parties=pa.array([1, 2]))
        everyone = pulse_days(con, "events", as_of=date(2024, 1, 2), pulse=SHOP, time_zone="UTC")
    assert list(zip(days["party_id"].to_pylist(), days["day"].to_pylist(), strict=True)) == [
        (1, date(2024, 1, 1)), (1, date(2024, 1, 2)), (2, date(2024, 1, 3)),
    ]  # fmt: skip
    assert everyone["party_id"].to_pylist() == [1, 1, 3]


def test_the_kept_file_says_what_it_is_of(kept: Path) -> None:
    told = pq.read_schema(kept).metadata
    assert told[b"as_of"] == b"2024-01-31"
    assert json.loads(told[b"meaning"])["kinds"] == ["purchase"]
