"""What may be written about a person, by whom, and on which days: asked by every verb that keeps what we owe."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Refused
from rekindle.relationships import queries
from rekindle.relationships.models import Party, Relationship

LINE: Final = 400
"""Characters of one remark: a promise, an outcome, an answer. As wide as their columns."""

LONGEST: Final = 5_000
"""Characters of somebody's own words, as in a note."""

DOUBLE_CLICK: Final = timedelta(minutes=1)
"""The same words again within it are a double click or a repeated request, not a second fact. Our choice."""


def must_write(by: User) -> None:
    """Raises Refused for a role that reads only."""
    if not by.may(Deed.ANSWER_TASKS):
        raise Refused("your role reads only", rule="role", remedy="Ask an owner for a role that writes.")


def words(text: str, *, what: str, at_most: int = LINE, are_needed: bool = True) -> str:
    """The text without what no database keeps. Raises BadInput where it is missing or too long."""
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if are_needed and not text:
        raise BadInput(f"{what} is missing", remedy="Write a few words.")
    if len(text) > at_most:
        raise BadInput(f"{what} has {len(text):,} characters", remedy=f"Keep it within {at_most:,}.")
    return text


def relationship_with(party: Party) -> Relationship:
    """The relationship with our (first) brand. Raises BadInput where a party is known by name only."""
    relationship = queries.relationship_of(party)
    if relationship is None:
        raise BadInput(
            "there is no relationship yet to write about", remedy="Take in a first event or a list of people."
        )
    return relationship


def day_within(day: date, *, what: str, earliest: date, latest: date) -> date:
    """The day. Raises BadInput where it lies outside the two, both included."""
    if not earliest <= day <= latest:
        raise BadInput(
            f"{what} is {day.isoformat()}", remedy=f"Give a day from {earliest.isoformat()} to {latest.isoformat()}."
        )
    return day


def is_today(instant: datetime | None, *, zone: str) -> bool:
    """Whether an instant lies on the day it is now in that time zone."""
    if instant is None:
        return False
    there = ZoneInfo(zone)
    return instant.astimezone(there).date() == timezone.now().astimezone(there).date()
