"""What a person asked of us beyond yes and no: not before a day, and how often. Kept with the party, read by the gate.

Three keys of `Party.extra`, plain text each, so that one query finds them without reading anything else:

    rekindle_not_before   an instant in UTC, ISO 8601: until then nothing that starts with us
    rekindle_how_often    a word of HowOften: at most so often, of what is marketing
    rekindle_wished_at    the instant they said so

A load keeps its own columns under the names of its file, so it does not touch these. Free of Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rekindle.words import Word

NOT_BEFORE: Final = "rekindle_not_before"
HOW_OFTEN: Final = "rekindle_how_often"
WISHED_AT: Final = "rekindle_wished_at"


class HowOften(Word):
    """How often a person would like to hear from us at most. Without a word our own limits hold, which are low."""

    MONTH = "month", "once a month at most"
    YEAR = "year", "a few times a year"


_STRICTEST: Final = (HowOften.YEAR.value, HowOften.MONTH.value)


def not_before(extra: Mapping[str, Any]) -> datetime | None:
    """The instant before which nothing is to start with us; None where none was named.

    Raises ValueError for a text that is no instant: who reads it for the gate then refuses.
    """
    text = extra.get(NOT_BEFORE)
    if text in (None, ""):
        return None
    found = datetime.fromisoformat(str(text))
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def how_often(extra: Mapping[str, Any]) -> HowOften | None:
    """The limit they named; None without one, or for a word nobody knows."""
    return next((word for word in HowOften if word.value == extra.get(HOW_OFTEN)), None)


def strictest(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What holds where two records become one: the later day, the lower limit, the later word."""
    joined: dict[str, Any] = {}
    for name in (NOT_BEFORE, WISHED_AT):
        said = [str(each[name]) for each in (one, other) if each.get(name)]
        if said:
            joined[name] = max(said)
    said = [str(each[HOW_OFTEN]) for each in (one, other) if each.get(HOW_OFTEN)]
    if said:
        joined[HOW_OFTEN] = min(said, key=lambda word: _STRICTEST.index(word) if word in _STRICTEST else -1)
    return joined
