"""A home and books of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _home(home: Path, db: None) -> None:
    """A home and books of its own."""
