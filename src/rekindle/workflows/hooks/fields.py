"""Tolerant reading of JSON that strangers wrote: a value is of the wanted kind, or it is not there."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

LONGEST_NUMBER: Final = 160
"""A number of another system's; ours for customers and deliveries hold 200 and more, prefixes included."""
LONGEST_VERBATIM: Final = 10_000

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What a database refuses or a page cannot show: control characters and halves of surrogate pairs."""
_YEARS: Final = range(1970, 2201)
_WORD: Final = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


def document(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a body; None where it is none. NaN and infinity are not JSON."""
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):  # nested deeper than anybody means it
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def part(of: Any, *path: str | int) -> Any:
    """The value at a path of keys and places; None where any of it is missing."""
    for step in path:
        if isinstance(of, dict) and isinstance(step, str):
            of = of.get(step)
        elif isinstance(of, list) and isinstance(step, int) and step < len(of):
            of = of[step]
        else:
            return None
    return of


def text(value: Any, *, longest: int = 200) -> str:
    """A text without what a database refuses, cut to a length; empty for anything else."""
    return _CONTROL.sub("", value).strip()[:longest] if isinstance(value, str) else ""


def address(value: Any, *, longest: int = 320) -> str:
    """A text that says who somebody is: whole and clean, or empty. Half of one may be somebody else's."""
    whole = isinstance(value, str) and len(value) <= longest and not _CONTROL.search(value)
    return value.strip() if whole else ""


def number(value: Any) -> str:
    """A number of another system as text; empty where it is none, or too long to be one."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""
    return address(value, longest=LONGEST_NUMBER)


def word(value: Any) -> str:
    """A word in the form all words have here: lower case, underscores; empty where it is none."""
    said = text(value).lower().replace(" ", "_").replace("-", "_")
    return said if _WORD.match(said) else ""


def seconds(value: Any) -> datetime | None:
    """An instant given as seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _believed(datetime.fromtimestamp(value, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def instant(value: Any) -> datetime | None:
    """An instant in ISO 8601 with its zone, as UTC; one without a zone is not known to be any instant."""
    try:
        found = datetime.fromisoformat(text(value))
        return _believed(found.astimezone(UTC)) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _believed(at: datetime) -> datetime | None:
    """An instant that somebody can mean; at the ends of the calendar no other zone has its day."""
    return at if at.year in _YEARS else None


def day(value: Any) -> date | None:
    """A day written as 2026-03-31."""
    said = text(value)
    try:
        found = date.fromisoformat(said) if len(said) == 10 else None
    except ValueError:
        return None
    return found if found is not None and found.year in _YEARS else None


def amount(value: Any) -> str:
    """An amount in main units as plain decimal text; empty where it is none or beyond belief."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    try:
        found = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return ""
    return (
        format(found, "f") if found.is_finite() and abs(found) < 10**12 and found.as_tuple().exponent in _PLACES else ""
    )


_PLACES: Final = range(-6, 13)


def from_minor(value: Any, *, digits: int) -> str:
    """An amount in minor units as decimal text in main units; empty where it is no whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**14:
        return ""
    return format(Decimal(value).scaleb(-digits), "f")


def currency(value: Any) -> str:
    """Three letters in capitals; empty for anything else."""
    said = text(value).upper()
    return said if len(said) == 3 and said.isascii() and said.isalpha() else ""


def by_content(body: bytes) -> str:
    """A number for what has none: the same bytes have the same one."""
    return f"body:{hashlib.sha256(body).hexdigest()}"
