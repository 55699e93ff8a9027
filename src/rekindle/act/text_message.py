"""What fits into a text message, and which number can be given one.

A text message of up to 160 letters is one part; a longer one goes in parts of 153, as each then holds a header. That
counts letters of the alphabet every phone has; ten of them take two places, and do not part from their escape. One
letter outside that alphabet, and the whole message goes in UCS-2: 70 letters, or parts of 67, where a letter beyond the
basic plane takes two places. Source: 3GPP TS 23.038, 6.2.1 (the alphabet), and TS 23.040, 9.2.3.24.1 (the parts).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from rekindle.errors import BadInput

MOST_PARTS: Final = 3  # our choice: who has more to say to somebody writes a letter
LONGEST_OPENING: Final = 60
_ALPHABET: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_PLACES: Final = frozenset("\f^{}\\[~]|€")
_KNOWN: Final = _ALPHABET | _TWO_PLACES
_WRITTEN_AS: Final = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "—": "-", "…": "...",
    "\u00a0": " ", "\u202f": " ", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE",
}  # fmt: skip
"""Letters that are none with a mark above or below, and signs of the typesetter."""
_WHOLE, _PART = 160, 153
_WHOLE_WIDE, _PART_WIDE = 70, 67
_STRANGE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Controls but for the end of a line, and halves of letters."""
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def outside(text: str) -> str:
    """The letters that are not in the alphabet of text messages, each once, in their order; empty: it is short."""
    return "".join(dict.fromkeys(letter for letter in text if letter not in _KNOWN))


def plain(text: str) -> str:
    """The same with each letter outside the alphabet as its nearest one, Sean for Seán; what has none stays."""
    if not outside(text):
        return text
    return "".join(letter if letter in _KNOWN else _nearest(letter) for letter in text)


def parts(text: str) -> int:
    """In how many parts it goes; 0 for no words at all."""
    wide = not _KNOWN.issuperset(text)
    size = places(text)
    room = _PART_WIDE if wide else _PART
    if size <= (_WHOLE_WIDE if wide else _WHOLE):
        return min(1, size)
    if size == len(text):
        return -(-size // room)
    n, left = 1, room
    for letter in text:
        wants = 2 if (letter > "\uffff" if wide else letter in _TWO_PLACES) else 1
        if wants > left:  # a letter of two places goes into the next part as a whole
            n, left = n + 1, room
        left -= wants
    return n


def places(text: str) -> int:
    """How many places its letters take."""
    if _KNOWN.issuperset(text):
        return len(text) + sum(map(text.count, _TWO_PLACES))
    return len(text) + sum(letter > "\uffff" for letter in text)


def longest(text: str) -> int:
    """How many places a message with these letters may have: 459, or 201 where one is outside the alphabet."""
    return MOST_PARTS * (_PART_WIDE if outside(text) else _PART)


def check(text: str) -> int:
    """In how many parts it goes. Raises BadInput for no words, controls, or more parts than we send."""
    if not text.strip():
        raise BadInput("a text message says nothing", remedy="Write a few words.")
    strange = _STRANGE.search(text)
    if strange is not None:
        raise BadInput(f"a text message holds {strange[0]!r}, which is no letter", remedy="Take it out.")
    n = parts(text)
    if n > MOST_PARTS:
        letters = outside(text)
        more = f", or take out {' '.join(letters[:5])}, which makes every part shorter" if letters else ""
        raise BadInput(
            f"a text message of {places(text):,} letters would go in {n} parts",
            remedy=f"Write up to {longest(text)} letters, {MOST_PARTS} parts{more}.",
        )
    return n


def opening(text: str) -> str:
    """Its first words, up to 60 letters, by which a list names it."""
    words = " ".join(text.split())
    if len(words) <= LONGEST_OPENING:
        return words
    cut = words[: LONGEST_OPENING - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


def takes_texts(number: str) -> bool:
    """Whether a text message may be sent to it: written with its + and country, and not known as a fixed line or a
    number of services. What nobody can tell is tried."""
    import phonenumbers

    if not _NUMBER.fullmatch(number):
        return False
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False
    of = phonenumbers.PhoneNumberType
    return kind not in {of.FIXED_LINE, of.TOLL_FREE, of.PREMIUM_RATE, of.SHARED_COST, of.UAN, of.VOICEMAIL, of.PAGER}


def _nearest(letter: str) -> str:
    base = _WRITTEN_AS.get(letter) or unicodedata.normalize("NFD", letter)[0]
    return base if set(base) <= _ALPHABET else letter
