"""What stood against a customer's own act, in their language. Used by the pages that are reached by a signed link.

The engine says what is wrong in English and knows no language. Its sentences that a customer may cause are listed
here once, with their places, so that they can be translated; a place is filled with what the engine wrote there. In
the catalogue they carry the context "to a customer", since the desk says some of them too.
A sentence that is not listed is not shown in another language than the page: then one says that it did not work.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from django.utils.translation import get_language, gettext_noop, pgettext

from rekindle.errors import RekindleError

SENTENCES: Final = (
    # the door, the preferences, hearing nothing more
    gettext_noop("there are no words yet"),
    gettext_noop("Write what you would like us to know."),
    gettext_noop("the words have %(n)s characters"),
    gettext_noop("Keep them within %(most)s."),
    gettext_noop("that month is not one of the next twelve"),
    gettext_noop("what is to be put right is missing"),
    gettext_noop("Say what is wrong and what is right."),
    gettext_noop("there is no language %(code)s here"),
    gettext_noop("they asked never to be contacted again"),
    gettext_noop("Nobody on the never-again list is asked; only they themselves can come back to us."),
    gettext_noop("this relationship is closed for good"),
    gettext_noop("Leave it in peace."),
    gettext_noop("no month is chosen"),
    gettext_noop("Choose one of the list."),
    gettext_noop("what you ask is missing"),
    gettext_noop("nothing was chosen"),
    gettext_noop("Press one of the buttons."),
    gettext_noop("%(text)s is no day"),
    gettext_noop("Write it as 2026-03-31."),
    gettext_noop("%(day)s cannot be the day to wait for"),
    gettext_noop("Choose a day within the next three years; for longer, say no to all of it."),
    # a friend who was recommended
    gettext_noop("your name is missing"),
    gettext_noop("your name has %(n)s characters"),
    gettext_noop("how to reach you is missing"),
    gettext_noop("how to reach you has %(n)s characters"),
    gettext_noop("what you wrote has %(n)s characters"),
    gettext_noop("Write a few words."),
    gettext_noop("Keep it within %(most)s."),
    # the interview
    gettext_noop("this is no answer to that question"),
    gettext_noop("Choose from the lines shown."),
    gettext_noop("Write a few, or leave the question out."),
    gettext_noop("that is %(n)s characters"),
    gettext_noop("Please keep it within %(most)s."),
    gettext_noop("some of that cannot be kept as text"),
    gettext_noop("Please write it anew."),
    gettext_noop("nothing is chosen"),
    gettext_noop("Choose one of the answers, or leave the question out."),
    gettext_noop("Choose from the answers, or leave the question out."),
    gettext_noop("%(n)s are chosen"),
    gettext_noop("Please keep the %(most)s that weighed most."),
    gettext_noop("that day has not come yet"),
    gettext_noop("Give a time that has been, or leave it out."),
    gettext_noop("that is past, or very far away"),
    gettext_noop("Give a time within the next five years."),
    gettext_noop("no calendar has that day"),
    gettext_noop("A year is enough, or a month and a year."),
    gettext_noop("it is not said about what we may write"),
    gettext_noop("Choose at least one subject."),
    gettext_noop("it is not said how we may reach you"),
    gettext_noop("Say yes to one of the ways, or choose no subject."),
    gettext_noop("nobody of that name is with us"),
    gettext_noop("Choose one of the names shown."),
    gettext_noop("Say yes or no to one of the ways, or leave the question out."),
    gettext_noop("that is no day"),
    gettext_noop("that day is past, or very far away"),
    gettext_noop("Choose a day within the next three years."),
    gettext_noop("%(code)s is not asked here"),
    gettext_noop("Go on with the question shown."),
    gettext_noop("that question is not asked here"),
    gettext_noop("Go on with the one shown."),
)
WORDS: Final = (gettext_noop("once a month at most"), gettext_noop("a few times a year"))
"""Labels that a customer reads, of words that are fixed in a table and carry their English label with them."""
_PLACE: Final = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")


def said_to_them(error: RekindleError) -> str:
    """What went wrong and what to do, as the customer reads it, in the language of the page."""
    if (get_language() or "en").startswith("en"):
        what, remedy = error.what, error.remedy
    else:
        what, remedy = (
            _translated(error.what) or pgettext("to a customer", "That did not work"),
            _translated(error.remedy),
        )
    return f"{what[:1].upper()}{what[1:]}. {remedy}".strip()


def _translated(sentence: str) -> str:
    """The sentence in the language of the page; empty where nobody has translated it."""
    for msgid, pattern in _patterns():
        found = pattern.fullmatch(sentence)
        if found:
            said, places = pgettext("to a customer", msgid), found.groupdict()
            return said % places if places else said
    return ""


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((msgid, re.compile(_PLACE.sub(r"(?P<\1\2>.{1,80}?)", re.escape(msgid)))) for msgid in SENTENCES)
