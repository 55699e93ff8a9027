"""Letters and cards as PDF, by typst alone: no program of the system, no font but those it carries, no network.

Words are handed over as data and never read as markup. A letter that the fonts cannot draw is named before it is
printed: a box on a card is worse than no card.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from rekindle.errors import BadInput
from rekindle.words import Word

FOOT: Final = "\n\n-- \n"
"""Parts the words of a message from what stands below every letter."""
MOST_PIECES: Final = 500  # in one document; our choice: a pile that one person folds in an afternoon
_TOFU: Final = "\U0010fffd"  # a private place of Unicode that no font fills
_MARK: Final = "a"
_USES: Final = re.compile(r'href="#([^"]+)"')


class Form(Word):
    """What a piece of paper is."""

    LETTER = "letter", "letter"
    CARD = "card", "card"


class Sheet(Word):
    """How paper is measured where it goes."""

    A4 = "a4", "A4 and A6"
    US = "us", "letter and 5 x 7 inches"


@dataclass(frozen=True)
class Piece:
    """One letter or card. `address` line by line; `text` with its foot behind FOOT; `on` the day as they write it."""

    form: Form
    sheet: Sheet
    address: str
    front: str
    text: str
    on: str = ""
    house: str = ""
    language: str = "en"


def pile(pieces: Sequence[Piece], *, title: str, at: datetime) -> bytes:
    """One PDF of all pieces in their order; the same pieces at the same instant give the same bytes.

    Raises BadInput for no pieces, too many, or words that the fonts cannot draw.
    """
    if not 0 < len(pieces) <= MOST_PIECES:
        raise BadInput(f"{len(pieces)} letters in one document", remedy=f"Print 1 to {MOST_PIECES} at once.")
    said = [_Drawn(piece).as_data() for piece in pieces]
    return _pdf("pile.typ", {"title": _plain(title), "pieces": said}, at=at)


def addresses(
    rows: Sequence[tuple[str, str]], *, sheet: Sheet, title: str, names: str, about: str, at: datetime
) -> bytes:
    """Labels and a list to tick off, as one PDF; rows are (address line by line, what it is about)."""
    if not 0 < len(rows) <= MOST_PIECES:
        raise BadInput(f"{len(rows)} addresses in one document", remedy=f"Print 1 to {MOST_PIECES} at once.")
    given = {
        "title": _plain(title), "sheet": sheet.value, "names": names, "about": about,
        "rows": [{"address": _lines(address), "about": _plain(what)} for address, what in rows],
    }  # fmt: skip
    _refuse_undrawable("\n".join(address + what for address, what in rows))
    return _pdf("addresses.typ", given, at=at)


def undrawable(text: str) -> tuple[str, ...]:
    """The letters of a text that no font here can draw, each once, in their order."""
    asked = dict.fromkeys(one for one in _plain(text) if ord(one) > 0x17F and not one.isspace())
    return tuple(one for one in asked if not _is_drawn(one))


def form_of(text: str) -> Form:
    """A card where the words fit its inside, else a letter."""
    words = text.partition(FOOT)[0]
    return Form.CARD if len(words) <= _CARD_LETTERS and words.count("\n") <= _CARD_LINES else Form.LETTER


_CARD_LETTERS: Final = 420  # what stays legible at 11 pt inside A6 with room for a hand
_CARD_LINES: Final = 12


class _Drawn:
    """A piece as the template takes it."""

    def __init__(self, piece: Piece) -> None:
        _refuse_undrawable("\n".join((piece.address, piece.front, piece.text, piece.house, piece.on)))
        self._piece = piece
        words, _, foot = piece.text.replace("\r\n", "\n").partition(FOOT)
        parts = [_lines(part) for part in re.split(r"\n\s*\n", words)]
        self._parts = [part for part in parts if part]
        self._foot = _lines(foot)

    def as_data(self) -> dict[str, Any]:
        piece, parts = self._piece, self._parts
        # The last short lines are the name of who writes; a hand signs above them.
        closing = parts[-1] if len(parts) > 1 and len(parts[-1]) <= 3 and len("".join(parts[-1])) <= 90 else []
        return {
            "form": piece.form.value, "sheet": piece.sheet.value, "language": _language(piece.language),
            "address": _lines(piece.address), "front": _plain(piece.front), "on": piece.on,
            "house_line": " · ".join(_lines(piece.house)), "foot": [_breakable(line) for line in self._foot],
            "parts": parts[:-1] if closing else parts, "closing": closing,
        }  # fmt: skip


def _refuse_undrawable(text: str) -> None:
    lacking = undrawable(text)
    if lacking:
        raise BadInput(
            f"the fonts cannot draw {' '.join(lacking[:8])}", remedy="Write it by hand, or in letters they can draw."
        )


def _pdf(template: str, given: dict[str, Any], *, at: datetime) -> bytes:
    import typst

    source = resources.files("rekindle.packs").joinpath("paper", template).read_bytes()
    inputs, when = {"data": json.dumps(given)}, int(at.timestamp())
    found = typst.compile(source, format="pdf", ignore_system_fonts=True, sys_inputs=inputs, timestamp=when)
    return bytes(found) if isinstance(found, bytes | bytearray) else b"".join(found)


@lru_cache(maxsize=8192)
def _is_drawn(letter: str) -> bool:
    """Whether the fonts hold it: drawn next to a letter that no font holds, it must not look the same."""
    import typst

    source = (
        '#set text(font: ("Libertinus Serif", "New Computer Modern"), fallback: false)\n'
        "#for one in json(bytes(sys.inputs.data)) { block(text(one)) }"
    )
    asked = json.dumps([_TOFU, _MARK, letter])
    drawn = typst.compile(source.encode(), format="svg", ignore_system_fonts=True, sys_inputs={"data": asked})
    shapes = _USES.findall(bytes(drawn).decode())
    return shapes[0] not in shapes[1:]


def _lines(text: str) -> list[str]:
    return [line for line in (_plain(one).strip() for one in text.splitlines()) if line]


def _plain(text: str) -> str:
    """Composed, and without what is no letter: controls, marks of direction, variation selectors."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(one for one in composed if one == "\n" or unicodedata.category(one) not in _NO_LETTERS)


_NO_LETTERS: Final = frozenset({"Cc", "Cf", "Cs"})


def _breakable(line: str) -> str:
    """A long word, as the address of a page, may be cut anywhere on paper."""
    return " ".join("\u200b".join(word) if len(word) > 40 else word for word in line.split())


def _language(code: str) -> str:
    short = code[:2].lower()
    return short if short.isascii() and short.isalpha() and len(short) == 2 else "en"
