"""One gym of the demo's size for all tests that only look at it."""

from __future__ import annotations

from datetime import date

import pytest

from rekindle.simulate.gym import Gym, World, live


@pytest.fixture(scope="session")
def gym_world() -> World:
    return live(Gym(until=date(2026, 10, 31)))
