"""How an end is told on a page: its kind in words, and how far its quiet has come."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from rekindle.relationships.models import Breakup, Relationship
from rekindle.relationships.vocabulary import BreakupKind
from rekindle.workflows import endings


def kind_of(end: Breakup) -> str:
    """The kind as people read it; where none is known, the reason as it was first told."""
    return BreakupKind(end.kind).label if end.kind else end.stated_reason


def quiet_of(relationship: Relationship, end: Breakup) -> dict[str, Any]:
    """Day n of m, both in the person's own days, and the day from which it is over."""
    zone = endings.zone_of(relationship)
    over_on = end.quiet_until.astimezone(zone).date()
    length = max((over_on - end.ended_on).days, 0)
    day = min(max((endings.local_day(relationship) - end.ended_on).days, 0), length)
    return {"day": day, "length": length, "over_on": over_on, "is_over": end.quiet_until <= timezone.now()}
