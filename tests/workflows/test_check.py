"""Whether an installation is sound, asked of the real thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from people_cast import person

from rekindle import home as places
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import PartyKind
from rekindle.workflows import check, events_waiting
from rekindle.workflows.findings import Finding

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """A home of its own, as the first start leaves it."""
    places.prepare()


def finding(name: str) -> Finding:
    return next(one for one in check.everything() if one.name == name)


def test_a_household_is_no_person_without_a_relationship() -> None:
    person("Ana Weber")
    Party.objects.create(name="The Webers", kind=PartyKind.HOUSEHOLD.value)
    assert finding("people") == Finding("people", True, "1 people and organisations, 0 of them without a relationship")
    Party.objects.create(name="Nobody's")
    assert not finding("people").ok


def test_events_that_wait_for_long_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding("told").ok
    event = {"who": "17", "occurred_at": "2026-03-01T10:00:00+00:00", "kind": "visit"}
    events_waiting.keep([event], source="till", teller=1)
    assert finding("told").ok
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    monkeypatch.setattr(events_waiting, "how_many", lambda: (1, long_ago))
    late = finding("told")
    assert not late.ok
    assert "is a worker running?" in late.text
