"""The bad day in short: real workers, real SIGKILL, a mail server that fails, on both kinds of books.

`make chaos` runs the long day.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from postgres import Postgres, binaries

DRILL = Path(__file__).with_name("drill.py")


def drilled(home: Path, *, url: str = "", seed: int) -> dict[str, Any]:
    environment = {**os.environ, "REKINDLE_HOME": str(home)}
    environment.pop("REKINDLE_DATABASE_URL", None)
    if url:
        environment["REKINDLE_DATABASE_URL"] = url
    command = [sys.executable, str(DRILL), "--messages", "240", "--kills", "8", "--workers", "3", "--seed", str(seed)]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def nothing_went_wrong(day: dict[str, Any]) -> None:
    assert day["kills"] >= 8
    assert day["duplicates"] == 0
    assert day["to_never_again"] == 0
    assert day["after_they_said_no"] == 0
    assert day["lost"] == 0
    assert day["taken_but_failed"] == 0
    assert day["unsettled"] == 0
    assert day["paused"] == ""
    assert day["states"]["accepted"] > 0.7 * day["messages"]


def test_a_bad_day_on_sqlite_reaches_nobody_twice_and_nobody_who_said_no(tmp_path: Path) -> None:
    nothing_went_wrong(drilled(tmp_path / "home", seed=11))


@pytest.mark.skipif(binaries() is None, reason="the binaries of PostgreSQL are not installed")
def test_a_bad_day_on_postgresql_reaches_nobody_twice_and_nobody_who_said_no(tmp_path: Path) -> None:
    server = Postgres.start()
    try:
        nothing_went_wrong(drilled(tmp_path / "home", url=server.url, seed=12))
    finally:
        server.stop()
