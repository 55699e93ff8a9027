"""How people say that they would like to come back, and what gives a former customer away: lists anybody may read.

A phrase only raises a hand; it never acts by itself. A sentence that denies it ("I do not want to come back") is
passed over, and so is a question about us ("did Ben come back?"), as far as a list of words can tell. Free of Django.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PHRASES: Final = {
    "en": (
        "i'd like to come back",
        "i want to come back",
        "i'd love to come back",
        "would love to come back",
        "can i come back",
        "could i come back",
        "may i come back",
        "we'd like to come back",
        "we want to come back",
        "would like to come back",
        "wants to come back",
        "asked to come back",
        "asks to come back",
        "i'd like to return",
        "i would like to return to you",
        "i'd like to rejoin",
        "i want to rejoin",
        "can i rejoin",
        "rejoin the",
        "sign up again",
        "join again",
        "start again with you",
        "reactivate my",
        "reopen my account",
        "renew my membership",
        "i miss you",
        "i miss the",
        "have me back",
        "take me back",
    ),
    "de": (
        "möchte zurückkommen",
        "möchte wieder zurück",
        "möchte gerne zurück",
        "möchte gern zurück",
        "würde gerne zurückkommen",
        "würde gern zurückkommen",
        "will zurückkommen",
        "wollen zurückkommen",
        "kann ich zurückkommen",
        "darf ich zurückkommen",
        "möchte wiederkommen",
        "würde gerne wiederkommen",
        "würde gern wiederkommen",
        "kann ich wiederkommen",
        "wieder mitglied werden",
        "wieder kunde werden",
        "wieder kundin werden",
        "wieder bei ihnen anfangen",
        "wieder bei euch anfangen",
        "wieder anmelden",
        "vertrag wieder aufnehmen",
        "konto wieder aktivieren",
        "ich vermisse euch",
        "ich vermisse sie",
    ),
}
"""By language, lower case, with the plain apostrophe."""

DENIALS: Final = (
    "not", "never", "n't", "no longer", "nobody", "nicht", "nie", "niemals", "kein", "keine", "keinen", "niemand",
)  # fmt: skip
"""Words that turn a sentence round, wherever they stand in it."""

_SENTENCE: Final = re.compile(r"[.!?\n;]+")
_WORD: Final = re.compile(r"[\w']+")


@dataclass(frozen=True)
class Phrase:
    """What was recognised: the phrase of the list, its language, and the sentence it stood in."""

    text: str
    language: str
    sentence: str


def wish_to_return(words: str) -> Phrase | None:
    """The first sentence that asks to come back; None where none does. Never reads a wish into a denial."""
    for sentence in _SENTENCE.split(words.replace("\u2019", "'")):
        plain = " ".join(sentence.lower().split())
        if _denies(plain):
            continue
        for language, phrases in PHRASES.items():
            found = next((phrase for phrase in phrases if _holds(plain, phrase)), None)
            if found is not None:
                return Phrase(found, language, " ".join(sentence.split()))
    return None


def _holds(plain: str, phrase: str) -> bool:
    """Whether whole words of the sentence are the phrase: "rejoin the" is not in "rejoin then"."""
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", plain) is not None


def _denies(plain: str) -> bool:
    spoken = _WORD.findall(plain)
    return any(word in DENIALS or word.endswith("n't") for word in spoken) or "no longer" in plain


@dataclass(frozen=True)
class Match:
    """How a former customer was recognised. A weak match waits for a human, and nothing is joined by itself."""

    label: str
    is_strong: bool


MATCHES: Final = {
    "same_record": Match("the same customer record", is_strong=True),
    "link": Match("their own signed link", is_strong=True),
    "address": Match("an address or number they had before", is_strong=True),
    "words": Match("their own words", is_strong=True),
    "name_and_country": Match("the same name and country", is_strong=False),
    "phone_in_another_form": Match("the same phone number, written differently", is_strong=False),
}
"""By the code kept in `Resurfacing.matched_by`."""

WAYS: Final = {
    "load": "in a load",
    "api": "through the API",
    "case": "in a case",
    "note": "in a note",
    "door": "on the door page",
    "desk": "at the desk",
    "letter": "in a message",
    "questions": "in an answer to our questions",
}
"""By the code kept in `Resurfacing.via`: where they appeared."""

SPOKEN: Final = frozenset({"case", "note", "door", "desk", "letter", "questions"})
"""Ways in which they spoke to us and may be answered; a purchase in a load is no letter."""
