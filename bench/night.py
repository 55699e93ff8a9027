"""A night over a shop of N people, beside the bare floor: the same aggregate in plain DuckDB, the same rows written.

    python bench/night.py --people 100000
    python bench/night.py --people 1000000

The shop has about 50 events a person over 730 days (purchases and visits; `rekindle.simulate.shops`). It comes in by
`take-in` from Parquet files. Then, each in a process of its own: the first night (everything read anew), the floor,
the next night (carried on by one day). Prints seconds and peak memory of each, and of each step of the first night.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

EVENTS_A_PERSON = 50
VISITS_A_PURCHASE = 4.0
DAYS = 730
ROWS_A_FILE = 2_500_000
UNTIL = date(2026, 6, 30)


def write_shop(folder: Path, people: int) -> tuple[int, list[Path]]:
    """The shop's events as Parquet files; gives how many events there are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rekindle.simulate.shops import shop

    files: list[Path] = []
    rows = waiting = 0
    batches: list[pa.RecordBatch] = []

    def flush() -> None:
        nonlocal waiting
        if batches:
            files.append(folder / f"events-{len(files):03d}.parquet")
            pq.write_table(pa.Table.from_batches(batches), files[-1], compression="lz4")
            batches.clear()
            waiting = 0

    for batch in shop(people, days=DAYS, seed=3, visits_per_purchase=VISITS_A_PURCHASE):
        batches.append(batch)
        rows += batch.num_rows
        waiting += batch.num_rows
        if waiting >= ROWS_A_FILE:
            flush()
    flush()
    return rows, files


def measured(title: str, *command: str, home: Path) -> tuple[str, float, int]:
    """Run a command; gives its output, wall seconds and peak MB, and prints them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    environment = {**os.environ, "REKINDLE_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE)
    out, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{title} ended with {process.returncode}")
    seconds = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss // 1024  # of the largest child so far; told per step by the night itself
    print(f"{title:<44}{seconds:>9.1f} s wall {cpu:>9.1f} s cpu", flush=True)
    return out, seconds, peak


FLOOR = '''
import resource, sqlite3, sys, time
from pathlib import Path
from rekindle import home
from rekindle.observe.history import History, connect
begun = time.monotonic()
with connect(memory_limit="3GB", spill=Path(sys.argv[1])) as db:
    view = History(home.history_folder()).relation(db)
    rows = db.execute(f"""
        SELECT party_id, count(*), min(day), max(day), sum(pulse), sum(money), sum(CASE WHEN day > 20000 THEN n END)
        FROM (SELECT party_id, (epoch_us(occurred_at) // 86400000000) AS day, max((kind = 'purchase')::INT) AS pulse,
                     sum(amount_minor) AS money, count(*) AS n FROM {view} GROUP BY ALL)
        GROUP BY party_id""").fetchall()
aggregated = time.monotonic() - begun
begun = time.monotonic()
source = sqlite3.connect(home.books_file())
target = sqlite3.connect(Path(sys.argv[1]) / "floor.sqlite3", isolation_level=None)
target.execute("PRAGMA journal_mode=WAL"); target.execute("PRAGMA synchronous=FULL")
written = 0
for table in ("journal_outlook", "relationships_episode", "relationships_stagechange", "journal_decision"):
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql NOT NULL", [table]):
        target.execute(sql)
    cursor = source.execute(f"SELECT * FROM {table}")
    marks = ",".join("?" * len(cursor.description))
    target.execute("BEGIN IMMEDIATE")
    while batch := cursor.fetchmany(5000):
        target.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)
        written += len(batch)
    target.execute("COMMIT")
stored = time.monotonic() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{aggregated:.1f} {stored:.1f} {len(rows)} {written} {peak}")
'''


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as name:
        home = Path(name) / "home"
        files_folder = Path(name) / "files"
        files_folder.mkdir()
        events, files = write_shop(files_folder, people)
        print(f"{people:,} people, {events:,} events in {len(files)} files", flush=True)
        rekindle = (sys.executable, "-m", "rekindle")
        begun = time.monotonic()
        for number, file in enumerate(files):
            measured(
                f"take-in {number + 1}/{len(files)}",
                *rekindle,
                "take-in",
                str(file),
                "--as",
                "events",
                "--json",
                home=home,
            )
        seconds = time.monotonic() - begun
        print(f"take-in in all: {events / seconds:,.0f} rows/s")
        shutil.rmtree(files_folder)
        shutil.rmtree(home / "intakes")
        night, first, _ = measured(
            "first night", *rekindle, "nightly", "--as-of", str(UNTIL - timedelta(days=1)), "--json", home=home
        )
        show_steps(json.loads(night))
        floor_folder = Path(name) / "floor"
        floor_folder.mkdir()
        floor, _, _ = measured("floor", sys.executable, "-c", FLOOR, str(floor_folder), home=home)
        aggregated, stored, rows, written, peak = floor.splitlines()[-1].split()
        bare = float(aggregated) + float(stored)
        print(f"  plain aggregate {aggregated} s of {rows} people, writing {written} rows {stored} s, peak {peak} MB")
        print(f"first night / floor: {first / bare:.2f}")
        night, _, _ = measured("next night", *rekindle, "nightly", "--as-of", str(UNTIL), "--json", home=home)
        show_steps(json.loads(night))


def show_steps(document: dict[str, Any]) -> None:
    for step in document["steps"]:
        peak = f"{step['peak_mb']:>7,} MB peak so far"
        print(f"  {step['name']:<12}{step['seconds']:>9.1f} s {step['rows'] or 0:>14,} rows {peak}")
    print(f"  {document['stages']}")


if __name__ == "__main__":
    main()
