"""What stands below every text message: who writes, how to hear nothing more, where we are if a law asks for it."""

from __future__ import annotations

from typing import Final

from rekindle.act import text_message
from rekindle.relationships import queries
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import text_links
from rekindle.workflows.outbox.put import sending
from rekindle.workflows.outbox.unfit import asked_by_law, says

_STOP: Final = {"en": "Stop", "de": "Stopp"}


def with_text_foot(party: Party, text: str, *, touch_class: TouchClass, language: str = "en") -> str:
    """The words with what belongs below a text message, in as few letters as it can be said.

    Names are written as they are; only where a letter outside the alphabet of text messages makes it too long, all of
    it is written in that alphabet: whoever is called Seán is not left out for the accent.
    """
    below = ["\n".join(line.rstrip() for line in text.strip().splitlines())]
    relationship = queries.relationship_of(party)
    house = relationship.brand.name if relationship is not None else sending().from_name
    if house and not says(text, house):
        below.append(house)
    postal = sending().postal_address
    if postal and "postal_address" in asked_by_law(party, touch_class=touch_class, channel=Channel.SMS):
        below.append(", ".join(line.strip() for line in postal.splitlines() if line.strip()))
    below.append(f"{_STOP.get(language[:2], _STOP['en'])}: {text_links.address(party)}")
    whole = "\n".join(below)
    return whole if text_message.parts(whole) <= text_message.MOST_PARTS else text_message.plain(whole)
