"""What stands below every letter: how to hear nothing more, and where we are."""

from __future__ import annotations

from typing import Final

from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import TouchClass
from rekindle.workflows.outbox.headers import stop_link
from rekindle.workflows.outbox.put import sending

_STOP: Final = {"en": "Hear nothing more like this", "de": "Nichts dergleichen mehr erhalten"}


def with_foot(party: Party, text: str, *, touch_class: TouchClass, language: str = "en") -> str:
    """The words with what belongs below every letter: how to hear nothing more, and where we are."""
    said = _STOP.get(language[:2], _STOP["en"])
    below = [f"{said}: {stop_link(party, touch_class)}"]
    postal = sending().postal_address
    if postal:
        below.append(postal)
    return f"{text.rstrip()}\n\n-- \n" + "\n".join(below) + "\n"
