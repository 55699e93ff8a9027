"""People with an address, and letters to them; it is noon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from chaos.letters import NOON
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import Relationship

ADDRESS = {"street": "12 Elm Road", "city": "London", "postcode": "N1 7GU"}


@pytest.fixture(autouse=True)
def _home(home: Path, db: None) -> None:
    """A home and books of its own."""


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock."""
    at = [NOON]
    monkeypatch.setattr("rekindle.workflows.outbox.clock.now", lambda: at[0])
    monkeypatch.setattr("django.utils.timezone.now", lambda: at[0])

    def moved(to: datetime) -> None:
        at[0] = to

    return moved


@pytest.fixture
def dana() -> User:
    return staff(Role.MARKETER)


@pytest.fixture
def someone(dana: User) -> Callable[..., Relationship]:
    """A customer in London with a postal address."""

    def made(name: str = "Cleo Marchetti", **fields: Any) -> Relationship:
        given = {"country": "GB", "time_zone": "Europe/London", "extra": ADDRESS, "owner": dana, **fields}
        return person(name, **given)

    return made
