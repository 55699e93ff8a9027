"""A small business to work on: files written for a test, and the verbs to take them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rekindle.journal.models import Intake
from rekindle.workflows import take_in

Load = Callable[..., Intake]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a text file into the test's folder."""

    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def load(home: Path, db: None) -> Load:
    """Take files in, from first look to last row."""

    def taken(*files: Path, kind: str = "events", commit: bool = True, **words: Any) -> Intake:
        intake = take_in.begin(list(files), kind=kind, **words)
        take_in.stage(intake)
        return take_in.commit(intake) if commit else intake

    return taken


def purchases(rows: Sequence[tuple[str, str, str]]) -> str:
    """A CSV of purchases: who, when, how much."""
    return "customer,date,amount,currency\n" + "".join(f"{who},{when},{much},EUR\n" for who, when, much in rows)
