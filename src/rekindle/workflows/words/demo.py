"""Things worth reading for the demo gym: what a trainer would pass on, with and without an interest to match."""

from __future__ import annotations

from typing import Final

from rekindle.accounts.models import User
from rekindle.journal.models import ContentItem
from rekindle.workflows import content
from rekindle.workflows.content import Wanted

_ITEMS: Final = (
    ("Ten minutes that undo a day of sitting", "Six stretches, no equipment, written down with a physiotherapist.",
     "back pain, mobility"),
    ("Walking more in winter", "Light, layers, and a route that ends where you live.", ""),
    ("Starting to run again after a break", "Why the first three weeks should feel too easy.", "running"),
    ("What to eat before an early session", "Little, and an hour before; three breakfasts that work.", "nutrition"),
    ("Sleeping well, in plain words", "What helps, what does not, and what nobody knows yet.", ""),
    ("Strength after fifty", "Two short sessions a week change more than people expect.", "strength"),
    ("Keeping a habit when life is full", "Make it smaller before you make it rarer.", ""),
    ("Swimming without swallowing the pool", "Breathing first; the rest follows.", "swimming"),
)  # fmt: skip


def stock_the_library(*, by: User) -> int:
    """Put the demo's items into an empty library; gives how many. Nothing where something is in it."""
    if ContentItem.objects.exists():
        return 0
    for title, words, interests in _ITEMS:
        content.keep(Wanted(title=title, words=words, interests=interests), by=by)
    return len(_ITEMS)
