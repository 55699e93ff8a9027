"""What a single text value looks like: a number, a date, an address."""

from __future__ import annotations

import re

# What is trimmed from both ends of every value: spreadsheets and web pages leave no-break spaces behind.
BLANKS = " \t\r\n\x0b\x0c\xa0\u202f\ufeff"
NUMBER = re.compile(r"^[-+(]?\s*[^\w\s.,()-]{0,3}\s*\d[\d\s.,']*(?:[eE][-+]?\d+)?\s*[^\w\s]{0,3}\)?%?$")
DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?$")
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")


def looks_typed(cell: str) -> bool:
    """Whether a cell can hardly be a column name, because it is a number, a date or an e-mail address."""
    text = cell.strip()
    return bool(text) and any(shape.match(text) for shape in (NUMBER, DATE, EMAIL))
