"""What a page shows of a card to be written by hand."""

from __future__ import annotations

from typing import Any

from django import template

from rekindle.relationships.models import Party
from rekindle.workflows.paper.addresses import address_or_why

register = template.Library()


@register.inclusion_tag("web/task_card_words.html")
def card_address(party_id: int) -> dict[str, Any]:
    """Where a card to that party goes, or what lacks of the address; nothing for somebody who is not there."""
    party = Party.objects.filter(pk=party_id).first()
    address, lacks = address_or_why(party) if party is not None else ("", "")
    return {"address": address, "lacks": lacks}
