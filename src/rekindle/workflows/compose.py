"""A letter written out for one person: the words in their language, the places filled, what was chosen and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rekindle.accounts.models import User
from rekindle.errors import BadInput
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows import write_to
from rekindle.workflows.outbox.put import Words


@dataclass(frozen=True)
class Written:
    """What would be said. `chosen`: what was chosen for this one person, and the facts by which."""

    words: Words
    touch_class: TouchClass
    letter: str
    chosen: dict[str, Any] = field(default_factory=dict)


def compose(relationship: Relationship, letter: str, *, at: datetime, signer: User | None = None) -> Written:
    """The letter of that code for one person, as it would go at that instant.

    signer  who signs; None: whoever looks after them
    Raises BadInput naming the facts that are missing: then there is no letter.
    """
    by = signer or relationship.owner
    if by is None:
        raise BadInput("nobody looks after them who could sign", remedy="Give them an owner.")
    one, subject, text = write_to.draft(
        relationship.party, letter, by=by, at=at, language=relationship.party.language or "en"
    )
    whole = write_to.with_foot(relationship.party, text, touch_class=one.touch_class)
    words = Words(subject, whole, content=write_to.content_of(letter, text))
    return Written(words, one.touch_class, letter)
