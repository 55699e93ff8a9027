"""What one person got from us lately, beside whatever is being written to them. Reading only."""

from __future__ import annotations

from typing import Any

from django import template

from rekindle.relationships.models import Party
from rekindle.workflows import mirror

register = template.Library()


@register.inclusion_tag("web/_mirror_beside.html")
def mirror_beside(party: Party) -> dict[str, Any]:
    """The newest five things that reached them, on their side of the glass."""
    return {"party": party, "rows": mirror.latest(party)}
