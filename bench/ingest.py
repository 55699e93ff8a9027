"""Events told over HTTP: events a second and how long an answer takes, with the real server, worker and clients.

    python bench/ingest.py --seconds 8

Everything runs on this machine: `rekindle serve`, `rekindle worker` (which gathers what is told into the history
meanwhile) and clients that are processes of their own, each with one connection. A sender gets its 202 after the
commit that holds its events is on the disk. Two floors in the same run: the same server refusing an authenticated POST
that tells nothing, and SQLite alone writing 100 rows a commit with the same keys. At the end everything that was
answered with 202 is counted in the history. Three runs each, medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

RUNS = 3
BATCH = 100
PREPARE = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rekindle.settings")
import django; django.setup()
from rekindle.workflows import api_tokens, start
from rekindle.workflows.brand import the_brand
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
start.prepare(); the_brand()
owner = User.objects.create_user("bench@example.org", role=Role.OWNER.value)
for number in range(8):
    print(api_tokens.make(name=f"till {number}", reads_only=False, lasts_days=1, by=owner)[0])
"""
COUNT = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rekindle.settings")
import django; django.setup()
from rekindle import home
from rekindle.observe.history import History, connect
from rekindle.workflows import events_gather, events_waiting
while events_waiting.how_many()[0]:
    events_gather.gather()
with connect() as db:
    print(db.execute("SELECT count(*) FROM " + History(home.history_folder()).relation(db)).fetchone()[0])
"""


def tell(port: int, key: str, client: str, size: int, seconds: float, answers: Any) -> None:
    """One client: POSTs of `size` events (0: a request that is refused) until the time is over."""
    line = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Prefer": "respond-async"}
    took, sent, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        events = [
            {
                "who": f"{(sent + at) % 20_000:06}", "email": f"p{(sent + at) % 20_000}@example.org",
                "kind": "purchase",
                "occurred_at": "2026-03-02T10:00:00Z", "amount": "19.90", "currency": "EUR", "channel": "till",
                "ref": f"R-{sent + at}", "event_id": f"{client}-{sent + at}",
            }
            for at in range(size)
        ]  # fmt: skip
        body = json.dumps({"events": events, "source": "till"})
        begun = time.perf_counter()
        line.request("POST", "/api/v1/events", body, headers)
        answer = line.getresponse()
        said = answer.read()
        if answer.status == 429:
            time.sleep(float(answer.headers["Retry-After"]))
            continue
        if answer.status != (202 if size else 400):
            raise SystemExit(f"{answer.status}: {said[:400]!r}")
        took.append(time.perf_counter() - begun)
        sent += size
    answers.put((sent, took))


def load(
    port: int, keys: list[str], size: int, clients: int, seconds: float, name: str
) -> tuple[float, float, float, int]:
    """(requests a second, median ms, p99 ms, events answered for) of one run."""
    answers: Any = multiprocessing.Queue()
    people = [
        multiprocessing.Process(target=tell, args=(port, keys[at], f"{name}-{at}", size, seconds, answers))
        for at in range(clients)
    ]
    begun = time.monotonic()
    for one in people:
        one.start()
    told = [answers.get(timeout=seconds + 90) for _ in people]
    lasted = time.monotonic() - begun
    for one in people:
        one.join()
    took = sorted(second for _, some in told for second in some)
    at = statistics.median(took) * 1000, took[int(len(took) * 0.99)] * 1000
    return len(took) / lasted, *at, sum(sent for sent, _ in told)


def bare(folder: Path, seconds: float) -> float:
    """Rows a second of SQLite alone: 100 rows and their keys a commit, every commit on the disk."""
    with sqlite3.connect(folder / "bare.sqlite3", isolation_level=None) as db:
        db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row (key BLOB PRIMARY KEY, said TEXT)"
        )
        rows, begun = 0, time.monotonic()
        while time.monotonic() - begun < seconds:
            db.execute("BEGIN IMMEDIATE")
            some = [((rows + at).to_bytes(16), "x" * 180) for at in range(BATCH)]
            db.executemany("INSERT INTO row VALUES (?, ?) ON CONFLICT DO NOTHING", some)
            db.execute("COMMIT")
            rows += BATCH
        lasted = time.monotonic() - begun
    return rows / lasted


def served(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the server did not come up")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 4, 8])
    given = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="rekindle-bench-") as name:
        env = {**os.environ, "REKINDLE_HOME": str(Path(name) / "home")}
        made = subprocess.run([sys.executable, "-c", PREPARE], env=env, check=True, capture_output=True, text=True)
        keys = made.stdout.split()
        quiet: dict[str, Any] = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running = [
            subprocess.Popen([sys.executable, "-m", "rekindle", "serve", "--port", str(port)], **quiet),
            subprocess.Popen([sys.executable, "-m", "rekindle", "worker"], **quiet),
        ]
        try:
            served(port)
            told = 0
            told += load(port, keys, 1, 1, 1.0, "warm")[3]
            for size in (0, 1, BATCH):
                for clients in given.clients:
                    runs = [
                        load(port, keys, size, clients, given.seconds, f"{size}-{clients}-{run}")
                        for run in range(given.runs)
                    ]
                    told += sum(run[3] for run in runs)
                    rate, middle, late = (statistics.median(run[at] for run in runs) for at in range(3))
                    what = f"{rate * size:>9,.0f} events/s" if size else "   the floor     "
                    print(
                        f"{size:>4} a request, {clients} clients {rate:>7,.0f} requests/s {what}  "
                        f"median {middle:>6.1f} ms  p99 {late:>6.1f} ms",
                        flush=True,
                    )
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait(60)
        floor = statistics.median(bare(Path(tempfile.mkdtemp(dir=name)), 2.0) for _ in range(RUNS))
        print(f"SQLite alone, {BATCH} rows a commit {floor:,.0f} rows/s")
        counted = subprocess.run([sys.executable, "-c", COUNT], env=env, check=True, capture_output=True, text=True)
        print(f"answered for {told:,} events, in the history {int(counted.stdout):,}")


if __name__ == "__main__":
    main()
