"""A playbook to work with: woo, written short, and words that need nothing but a name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.compose import Written
from rekindle.workflows.outbox.put import Words
from rekindle.workflows.playbooks import books, dry_run, taking


@pytest.fixture
def manager(home: Path, db: None) -> User:
    from people_cast import staff

    return staff(Role.MANAGER, name="Mira Holt")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> dict[str, TouchClass]:
    """Letters that say one line each; the dictionary is the list of letters there are."""
    classes = {
        "after_quiet": TouchClass.RELATIONSHIP, "useful_reading": TouchClass.RELATIONSHIP,
        "open_door": TouchClass.RELATIONSHIP, "offer_after_long": TouchClass.PROMOTIONAL,
    }  # fmt: skip

    def compose(
        relationship: Relationship, letter: str, *, at: datetime, pace: Any = None, channel: Any = None
    ) -> Written:
        words = Words("A word", f"{relationship.party.name}, {letter}", content=letter)
        return Written(words, classes[letter], letter)

    monkeypatch.setattr(taking, "compose", compose)
    monkeypatch.setattr(dry_run, "compose", compose)
    monkeypatch.setattr(books, "letter_classes", lambda: classes)
    return classes
