"""The long bad day of the outbox on both kinds of books, one after the other: `make chaos`.

    python tests/chaos/long_day.py --messages 20000 --kills 300 --workers 3 [--books sqlite] [--books postgresql]

Prints one line of JSON a day; ends with 1 where anything happened that must never happen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from postgres import Postgres  # noqa: E402

NEVER = ("duplicates", "to_never_again", "to_quiet_or_held_out", "after_they_said_no", "lost", "taken_but_failed",
         "unsettled", "paused")  # fmt: skip


def day(home: Path, *, messages: int, kills: int, workers: int, seed: int, url: str = "") -> dict[str, Any]:
    """What one day came to; see the end of `drill.py`. Raises RuntimeError where it could not be lived to its end."""
    environment = {**os.environ, "REKINDLE_HOME": str(home)}
    environment.pop("REKINDLE_DATABASE_URL", None)
    if url:
        environment["REKINDLE_DATABASE_URL"] = url
    command = [sys.executable, str(HERE / "drill.py")]
    for name, value in (("messages", messages), ("kills", kills), ("workers", workers), ("seed", seed)):
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def wrong(found: dict[str, Any]) -> list[str]:
    """What happened that must never happen."""
    return [f"{name}: {found[name]}" for name in NEVER if found[name]]


def main() -> int:
    options = argparse.ArgumentParser()
    for name, usual in (("messages", 20_000), ("kills", 300), ("workers", 3), ("seed", 1)):
        options.add_argument(f"--{name}", type=int, default=usual)
    options.add_argument("--books", action="append", choices=["sqlite", "postgresql"])
    asked = options.parse_args()
    bad = 0
    for books in asked.books or ["sqlite", "postgresql"]:
        server = Postgres.start() if books == "postgresql" else None
        try:
            with tempfile.TemporaryDirectory() as home:
                found = day(
                    Path(home), messages=asked.messages, kills=asked.kills, workers=asked.workers, seed=asked.seed,
                    url=server.url if server is not None else "",
                )  # fmt: skip
        finally:
            if server is not None:
                server.stop()
        bad += len(wrong(found))
        print(json.dumps({"books": books, **found, "wrong": wrong(found)}), flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
