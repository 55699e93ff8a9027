"""The bad day in short: real workers, real SIGKILL, a mail server that fails, on both kinds of books.

`make chaos` runs the long day.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chaos.long_day import day, wrong
from postgres import Postgres, binaries


def nothing_went_wrong(found: dict[str, Any]) -> None:
    assert found["kills"] >= 8
    assert wrong(found) == []
    assert found["states"]["accepted"] > 0.6 * found["messages"]


def test_a_bad_day_on_sqlite_reaches_nobody_twice_and_nobody_who_said_no(tmp_path: Path) -> None:
    nothing_went_wrong(day(tmp_path / "home", messages=240, kills=8, workers=3, seed=11))


@pytest.mark.skipif(binaries() is None, reason="the binaries of PostgreSQL are not installed")
def test_a_bad_day_on_postgresql_reaches_nobody_twice_and_nobody_who_said_no(tmp_path: Path) -> None:
    server = Postgres.start()
    try:
        nothing_went_wrong(day(tmp_path / "home", messages=240, kills=8, workers=3, seed=12, url=server.url))
    finally:
        server.stop()
