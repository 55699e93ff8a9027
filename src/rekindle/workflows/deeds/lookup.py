"""What a deed is done to: a number that is nobody's is NotFound, the same for a stranger's as for none at all."""

from __future__ import annotations

from datetime import datetime

from rekindle.accounts.models import User
from rekindle.errors import NotFound
from rekindle.relationships import endings_queries, queries
from rekindle.relationships.models import Breakup, Party, Relationship


def party(number: int) -> Party:
    found = Party.objects.filter(pk=number).first()
    if found is None:
        raise NotFound(f"there is no person {number}", remedy="Look them up again; records may have been made one.")
    return found


def relationship(number: int) -> Relationship:
    """The relationship with our (first) brand of the party with that number."""
    found = queries.relationship_of(party(number))
    if found is None:
        raise NotFound(
            f"person {number} has no relationship with us yet", remedy="Take in a first event or a list of people."
        )
    return found


def end(number: int) -> Breakup:
    found = endings_queries.end_of(number)
    if found is None:
        raise NotFound(f"there is no end {number} on record", remedy="Look at the endings desk again.")
    return found


def written(instant: datetime | None) -> str | None:
    """An instant as results tell it."""
    return instant.isoformat() if instant is not None else None


def member(email: str) -> User:
    """The member of staff who signs in with that address."""
    found = User.objects.filter(email__iexact=email).first()
    if found is None:
        raise NotFound(f"nobody here has the address {email}", remedy="Give the address they sign in with.")
    return found
