"""What a form holds, read with a sentence for what cannot be: a word of the list, a whole number, a day, a party."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Party
from rekindle.words import Word

W = TypeVar("W", bound=Word)
P = TypeVar("P")


def word(words: type[W], value: str | None, *, what: str) -> W:
    """The word of that value. Raises BadInput naming what is missing."""
    found = next((word for word in words if word.value == value), None)
    if found is None:
        raise BadInput(_("%(what)s is missing") % {"what": what}, remedy=_("Choose one of the list."))
    return found


def number(given: QueryDict, name: str) -> int | None:
    """A whole number of a form; None where it is left out. Raises BadInput for anything else."""
    text = given.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(_("%(text)s is no number") % {"text": text[:40]}, remedy=_("Give a whole number."))
    return int(text)


def place(text: str) -> int | None:
    """Where the page before ended, by its key; None for the first page. Raises Http404 for what is no key."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404("no such place in the list")
    return int(text)


def place_of(text: str, first: Callable[[str], P], *, mark: str = ".") -> tuple[P, int] | None:
    """Where the page before ended, by a key of two parts: what the list goes by, the mark, and the number of a row.
    None for the first page. Raises Http404 for what is no such key.

    first  reads the first part; raises ValueError where it cannot be one
    """
    if not text:
        return None
    before, _mark, number = text.rpartition(mark)
    key = place(number)
    try:
        said = first(before)
    except ValueError as error:
        raise Http404("no such place in the list") from error
    if key is None:
        raise Http404("no such place in the list")
    return said, key


def whole(text: str) -> int:
    """A whole number, also below zero. Raises ValueError for anything else, however Python would read it."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise ValueError(text)
    return int(text)


def day(given: QueryDict, name: str) -> date | None:
    """A day of a form; None where it is left out. Raises BadInput for anything else."""
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise BadInput(_("%(text)s is no day") % {"text": text[:40]}, remedy=_("Write it as 2026-03-31.")) from error


def party(party_id: int) -> Party:
    """The party of that number. Raises NotFound."""
    found = Party.objects.filter(pk=party_id).first()
    if found is None:
        raise NotFound(f"no party {party_id}")
    return found
