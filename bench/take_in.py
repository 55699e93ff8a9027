"""Taking a plain CSV of purchases in: rows a second from first look to last row, beside DuckDB reading the same file.

    python bench/take_in.py --rows 2000000

Three runs each, medians. The floor parses the CSV with DuckDB into typed columns and writes them as Parquet: no
checks, no people, no keys, no books.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
FLOOR = """
import duckdb, sys
duckdb.connect(config={"threads": 2}).execute(
    f"COPY (SELECT * FROM read_csv('{sys.argv[1]}')) TO '{sys.argv[2]}' (FORMAT parquet)")
"""


def write_csv(path: Path, rows: int) -> None:
    """Purchases of rows / 10 people over two years."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as csv

    rng = np.random.default_rng(5)
    day = np.datetime64("2024-01-01T08:00:00") + rng.integers(0, 730 * 86_400, rows).astype("timedelta64[s]")
    table = pa.table(
        {
            "customer": pa.array(rng.integers(1, rows // 10 + 1, rows)),
            "date": pa.array(day),
            "amount": pa.array(np.round(rng.gamma(2.0, 15.0, rows), 2)),
            "currency": pa.repeat("EUR", rows),
        }
    )
    csv.write_csv(table, path)


def seconds(*command: str, home: Path) -> float:
    begun = time.monotonic()
    subprocess.run(command, env={**os.environ, "REKINDLE_HOME": str(home)}, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as name:
        file = Path(name) / "sales.csv"
        write_csv(file, rows)
        ours, floor = [], []
        for run in range(RUNS):
            home = Path(name) / f"home{run}"
            ours.append(
                seconds(sys.executable, "-m", "rekindle", "take-in", str(file), "--as", "events", "--json", home=home)
            )
            floor.append(seconds(sys.executable, "-c", FLOOR, str(file), f"{name}/floor{run}.parquet", home=home))
        taken, bare = statistics.median(ours), statistics.median(floor)
        print(f"{rows:,} rows, medians of {RUNS} runs")
        print(f"take-in      {taken:>7.1f} s  {rows / taken:>12,.0f} rows/s")
        print(f"bare DuckDB  {bare:>7.1f} s  {rows / bare:>12,.0f} rows/s")


if __name__ == "__main__":
    main()
