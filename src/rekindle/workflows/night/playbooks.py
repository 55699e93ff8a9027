"""Step 12. Playbooks: take up newer ones, let in whoever enters today, and take every step that came due.

Set-based, and nothing in it twice: an occasion enters once, a step is taken once, a message has one key.
"""

from __future__ import annotations

from rekindle.workflows.brand import end_of
from rekindle.workflows.night.reading import Reading
from rekindle.workflows.playbooks import advance, books, enter


def run(reading: Reading) -> int:
    """Gives how many entered, left, or took a step."""
    at = end_of(reading.as_of, reading.brand)
    books.install()
    entered = enter.everybody(at)
    taken = advance.run_due(at)
    return sum(of.get(enter.Entry.ENTERS.value, 0) for of in entered.values()) + sum(taken.values())
