"""A full disk, an older copy of the books, a clock that jumps, a database that falls over: nobody hears twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from postgres import Postgres, binaries

HERE = Path(__file__).parent


def day(home: Path, name: str, *, messages: int) -> dict[str, Any]:
    environment = {**os.environ, "REKINDLE_HOME": str(home)}
    environment.pop("REKINDLE_DATABASE_URL", None)
    command = [sys.executable, str(HERE / "bad_days.py"), name, "--messages", str(messages)]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_full_disk_sends_nothing_twice_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    found = day(tmp_path / "home", "full_disk", messages=150)

    assert 0 < found["taken_in_little_room"] < 150
    assert found["duplicates"] == found["lost"] == 0
    assert set(found["states"]) <= {"accepted", "unknown"}
    assert found["states"]["accepted"] >= 148  # what was on the wire when the disk was full is not known


def test_a_backup_restored_after_500_messages_sends_none_of_them_again(tmp_path: Path) -> None:
    found = day(tmp_path / "home", "restored", messages=500)

    assert found["sent"] == 500
    assert found["after_restore"] == 0
    assert "older copy" in found["noticed"]
    assert found["settled_by_log"] == 500
    assert found["duplicates"] == found["lost"] == 0
    assert found["states"] == {"accepted": 500}


def test_a_clock_that_jumps_400_days_sends_nothing_twice(tmp_path: Path) -> None:
    found = day(tmp_path / "home", "clock", messages=60)

    assert found["duplicates"] == found["lost"] == 0
    assert sum(found["states"].values()) == 60
    assert set(found["states"]) <= {"accepted", "expired", "cancelled", "unknown", "closed_unknown"}
    assert found["taken"] >= found["states"]["accepted"] > 0


@pytest.mark.skipif(binaries() is None, reason="the binaries of PostgreSQL are not installed")
def test_a_database_that_falls_over_under_load_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    server = Postgres.start()
    try:
        environment = {**os.environ, "REKINDLE_HOME": str(tmp_path / "home"), "REKINDLE_DATABASE_URL": server.url}
        command = [sys.executable, str(HERE / "drill.py"), "--messages", "240", "--kills", "2", "--seed", "13"]
        drill = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        restarts = 0
        try:
            while drill.poll() is None and restarts < 4:
                time.sleep(3)
                if (tmp_path / "home" / "ledger").exists():
                    server.restart()
                    restarts += 1
            told, errors = drill.communicate(timeout=500)
        finally:
            drill.kill()
        assert drill.returncode == 0, errors[-3000:]
    finally:
        server.stop()
    found = json.loads(told.splitlines()[-1])
    assert restarts >= 1
    assert found["duplicates"] == found["to_never_again"] == found["after_they_said_no"] == found["lost"] == 0
    assert found["taken_but_failed"] == found["unsettled"] == 0
