"""People to write to, and a post office of this machine to write through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from chaos.letters import NOON, use
from chaos.post_office import PostOffice, open_post_office
from people_cast import consents, person

from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass


@pytest.fixture(autouse=True)
def _home(home: Path, db: None) -> None:
    """A home and books of its own."""


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock of the outbox; it stands at noon, when nobody is asleep."""
    at = [NOON]
    monkeypatch.setattr("rekindle.workflows.outbox.clock.now", lambda: at[0])
    monkeypatch.setattr("django.utils.timezone.now", lambda: at[0])

    def moved(to: datetime) -> None:
        at[0] = to

    return moved


@pytest.fixture
def cleo() -> Relationship:
    """A customer in London who said yes to letters and news by mail."""
    one = person("Cleo Marchetti", email="cleo@example.org", country="GB", time_zone="Europe/London")
    for purpose in (TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.RESEARCH):
        consents(one, channel=Channel.EMAIL, purpose=purpose)
    return one


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    """A mail server that takes everything, and the books told to use it."""
    with open_post_office(tmp_path / "ledger") as opened:
        use(opened)
        yield opened
