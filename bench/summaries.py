"""How fast the history takes events in and the summary is made, beside plain DuckDB SQL of the same aggregate.

    python bench/summaries.py --events 5000000

A seeded business of events/50 people over 730 days (25 % purchases, 70 % visits, 5 % other) is written in 13 loads
to a temporary folder; the last load is the last day. Every step runs in a process of its own, so that its greatest
memory (VmHWM) is its own. Prints a table, and how the increment of a day and the first rebuild stand beside the plain
SQL of the same run (wanted at 50,000,000 events: 5 times as fast, and at most 1.1 times as long). Leaves nothing
behind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rekindle.observe.history import EVENTS, History, connect
from rekindle.understand.features import end_of
from rekindle.understand.summaries import Pulse, advance, rebuild_to

DAYS, LOADS = 730, 13
FIRST = date(2022, 1, 1)
LAST = FIRST + timedelta(days=DAYS - 1)
ZONE, PULSE = "Europe/Berlin", Pulse(("purchase",))
KINDS = np.array(["purchase", "visit", "refund", "complaint", "payment", "payment_failed"])
SHARES = [0.25, 0.70, 0.01, 0.01, 0.02, 0.01]

PLAIN = """
WITH dated AS (
    SELECT *, CAST(occurred_at AT TIME ZONE 'Europe/Berlin' AS DATE) AS day FROM events
), days AS (
    SELECT party_id, day, max(CAST(kind = 'purchase' AS INT)) AS pulse, max(CAST(kind = 'visit' AS INT)) AS visit,
        sum(CASE WHEN kind IN ('purchase', 'refund', 'payment') THEN amount_minor END) AS money
    FROM dated
    WHERE kind IN ('purchase', 'refund', 'payment') OR (kind = 'visit' AND day > DATE '{last}' - 60)
    GROUP BY ALL
), gaps AS (
    SELECT *, CASE WHEN pulse = 1 THEN day - lag(day) OVER (PARTITION BY party_id, pulse ORDER BY day) END AS gap,
        CASE WHEN pulse = 1 THEN day END AS beat, DATE '{last}' - day AS age
    FROM days
), lives AS (
    SELECT party_id, sum(pulse) AS pulse_days, min(beat) AS first_day, max(beat) AS last_day,
        sum(CAST(round(ln(gap) * 1000000) AS BIGINT)) AS gap_log_micro, sum(gap * gap) AS gap_sq,
        sum(money) AS money_minor, count(money) AS money_days,
        sum(money) FILTER (gap IS NOT NULL) AS repeat_money, count(money) FILTER (gap IS NOT NULL) AS repeat_days,
        sum(pulse) FILTER (age < 7) AS pulses_7, sum(pulse) FILTER (age < 30) AS pulses_30,
        sum(pulse) FILTER (age < 90) AS pulses_90, sum(pulse) FILTER (age < 365) AS pulses_365,
        sum(pulse) FILTER (age >= 90 AND age < 180) AS pulses_prev_90, sum(money) FILTER (age < 90) AS money_90,
        sum(money) FILTER (age >= 90 AND age < 180) AS money_prev_90, sum(visit) FILTER (age < 30) AS visits_30,
        sum(visit) FILTER (age >= 30 AND age < 60) AS visits_prev_30
    FROM gaps GROUP BY party_id
), habit_days AS (
    SELECT party_id, day, max(CAST(kind = 'visit' AS INT)) AS visit, max(CAST(kind = 'purchase' AS INT)) AS purchase,
        max(CAST(kind IN ('usage', 'login') AS INT)) AS used, sum(amount_minor) FILTER (kind = 'payment') AS paid,
        max(quantity) FILTER (kind = 'usage' AND quantity >= 0 AND quantity <= 1e9) AS seats, DATE '{last}' - day AS age
    FROM dated
    WHERE day > DATE '{last}' - 240 AND kind IN ('visit', 'purchase', 'usage', 'login', 'payment') GROUP BY ALL
), logs AS (
    SELECT *, CASE WHEN paid > 0 THEN CAST(round(ln(CAST(paid AS DOUBLE)) * 100000) AS BIGINT) END AS paid_log,
        CAST(round(ln(seats + 1) * 100000) AS BIGINT) AS seats_log
    FROM habit_days
), habits AS (
    SELECT party_id, sum(visit) FILTER (age < 90) AS visits_90, sum(visit) FILTER (age >= 90 AND age < 180) AS visits_b,
        sum(purchase) FILTER (age < 90) AS buys_90, sum(purchase) FILTER (age >= 90 AND age < 180) AS buys_b,
        sum(used) FILTER (age < 90) AS uses_90, sum(used) FILTER (age >= 90 AND age < 180) AS uses_b,
        count(paid_log) FILTER (age < 60) AS paid_60, sum(paid_log) FILTER (age < 60) AS paid_log_60,
        count(paid_log) FILTER (age >= 60) AS paid_b, sum(paid_log) FILTER (age >= 60) AS paid_log_b,
        sum(paid_log * paid_log) AS paid_log_sq,
        count(seats_log) FILTER (age < 60) AS seats_60, sum(seats_log) FILTER (age < 60) AS seats_log_60,
        count(seats_log) FILTER (age >= 60) AS seats_b, sum(seats_log) FILTER (age >= 60) AS seats_log_b,
        sum(seats_log * seats_log) AS seats_log_sq
    FROM logs GROUP BY party_id
), standing AS (
    SELECT party_id, max(day) FILTER (kind IN ('purchase', 'visit', 'usage', 'login', 'complaint', 'ticket_opened',
            'click', 'reply', 'returned', 'referral', 'review', 'survey')) AS last_two_way_day,
        max(day) FILTER (kind = 'ended') AS ended_day, max(day) FILTER (kind = 'cancel_notice') AS cancel_notice_day,
        max(day) FILTER (kind = 'returned') AS returned_day,
        min(currency) FILTER (kind IN ('purchase', 'refund', 'payment') AND amount_minor IS NOT NULL) AS least,
        max(currency) FILTER (kind IN ('purchase', 'refund', 'payment') AND amount_minor IS NOT NULL) AS most,
        count(*) FILTER (kind = 'complaint' AND day > DATE '{last}' - 90) AS complaints_90,
        count(*) FILTER (kind = 'payment_failed' AND day > DATE '{last}' - 90) AS payments_failed_90,
        count(*) FILTER (kind = 'refund' AND day > DATE '{last}' - 90) AS refunds_90,
        count(*) FILTER (kind = 'payment' AND day > DATE '{last}' - 90) AS payments_90
    FROM dated GROUP BY party_id
)
SELECT * FROM standing LEFT JOIN lives USING (party_id) LEFT JOIN habits USING (party_id) ORDER BY party_id
"""


def load(events: int, number: int) -> pa.Table:
    """One load's events: twelve even stretches of all days but the last, then the last day."""
    rng = np.random.default_rng([20_221_231, number])
    people = max(events // 50, 1)
    borders = [*np.linspace(0, DAYS - 1, LOADS).round().astype(int), DAYS]
    first, last = int(borders[number]), int(borders[number + 1])
    rows = events * (last - first) // DAYS
    start = np.datetime64(FIRST.isoformat(), "us") - np.timedelta64(3_600_000_000, "us")  # local midnight in winter
    at = start + rng.integers(first * 86_400_000_000, last * 86_400_000_000, rows).astype("timedelta64[us]")
    kind = rng.choice(len(KINDS), rows, p=SHARES)
    paid = np.isin(kind, [0, 2, 4])
    amount = np.where(kind == 2, -1, 1) * rng.integers(100, 20_000, rows)
    columns = {field.name: pa.nulls(rows, field.type) for field in EVENTS}
    words = pa.DictionaryArray.from_arrays(pa.array(kind.astype(np.int8)), pa.array(KINDS)).cast(pa.string())
    columns |= {
        "event_key": pa.array(rng.integers(-(2**62), 2**62, rows)),
        "party_id": pa.array(rng.integers(1, people + 1, rows)),
        "occurred_at": pa.array(at, pa.timestamp("us", "UTC")),
        "kind": words,
        "amount_minor": pa.array(amount, mask=~paid),
        "currency": pa.array(np.where(paid, "EUR", ""), mask=~paid),
        "source": pa.array(np.full(rows, "till")),
        "intake": pa.array(np.full(rows, number + 1)),
    }
    return pa.table(columns, schema=EVENTS)


def greatest_memory() -> int:
    """This process's VmHWM, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


def step(name: str, *, folder: Path, events: int) -> dict[str, float]:
    """Run one step in this process; gives seconds, seconds of processor, and rows."""
    history = History(folder / "history", spill=folder)
    if name == "append":
        seconds, cpu, rows = 0.0, 0.0, 0
        for number in range(LOADS):
            batch = load(events, number)
            begun, worked = time.perf_counter(), time.process_time()
            rows += history.append(batch, intake=number + 1)
            seconds, cpu = seconds + time.perf_counter() - begun, cpu + time.process_time() - worked
        return {"seconds": seconds, "cpu": cpu, "rows": rows}
    with connect(spill=folder) as con:
        begun, worked, rows = time.perf_counter(), time.process_time(), 0
        if name == "one life":
            history.of(1)
            begun, worked = time.perf_counter(), time.process_time()
            rows = history.of(events // 100).num_rows
        elif name == "plain SQL":
            history.relation(con, before=end_of(LAST, time_zone=ZONE))
            target = str(folder / "plain.parquet")
            con.execute(f"COPY ({PLAIN.format(last=LAST)}) TO '{target}' (FORMAT parquet, COMPRESSION lz4_raw)")
            rows = pq.read_metadata(target).num_rows
        elif name in ("rebuild", "rebuild the day before"):
            day = LAST if name == "rebuild" else LAST - timedelta(days=1)
            history.relation(con, before=end_of(day, time_zone=ZONE))
            rows = rebuild_to(con, "events", as_of=day, pulse=PULSE, time_zone=ZONE, to=folder / f"{day}.parquet")
        elif name == "advance one day":
            day, ended = LAST - timedelta(days=1), end_of(LAST - timedelta(days=1), time_zone=ZONE)
            before = end_of(LAST, time_zone=ZONE)
            history.relation(con, before=before)
            history.relation(con, before=before, intakes=[LOADS], since=ended, name="unseen")
            to = folder / "advanced.parquet"
            rows = advance(
                con, folder / f"{day}.parquet", "unseen", "events", as_of=LAST, pulse=PULSE, time_zone=ZONE, to=to
            )
        elif name == "compact":
            history.compact()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
        return {"seconds": seconds, "cpu": cpu, "rows": rows}


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--events", type=int, default=5_000_000)
    told.add_argument("--folder", type=Path, help="where the temporary files go")
    told.add_argument("--step", help=argparse.SUPPRESS)
    asked = told.parse_args()
    if asked.step:
        done = step(asked.step, folder=asked.folder, events=asked.events)
        print(json.dumps({**done, "memory": greatest_memory()}))
        return
    print(f"{asked.events:,} events\n{'step':<24}{'seconds':>9}{'cpu s':>9}{'rows':>13}{'rows/s':>13}{'peak MB':>9}")
    steps = ("append", "one life", "plain SQL", "rebuild", "rebuild the day before", "advance one day")
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for name in (*steps, "compact", "one life", "rebuild"):
            again = [sys.executable, __file__, "--events", str(asked.events), "--folder", folder, "--step", name]
            out = json.loads(subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True).stdout)
            took.setdefault(name, out["seconds"])
            pace = out["rows"] / out["seconds"] if out["seconds"] else 0.0
            print(
                f"{name:<24}{out['seconds']:>9.3f}{out['cpu']:>9.3f}{out['rows']:>13,}{pace:>13,.0f}{out['memory']:>9,}",
                flush=True,
            )
    plain = took["plain SQL"]
    print(f"one day by increment: {plain / took['advance one day']:.1f} times as fast as plain SQL")
    print(f"rebuild: {took['rebuild'] / plain:.2f} times as long as plain SQL")


if __name__ == "__main__":
    main()
