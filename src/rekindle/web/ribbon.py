"""The life ribbon: every life of a relationship and every break between, on one line of time, to scale.

Places are per cent of the whole width, so that the drawing needs no script and no inline style at any size. Each
piece is also a sentence, for those who do not see the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rekindle.relationships.models import Breakup, Episode
from rekindle.web.templatetags.rekindle import day, span

_LEAST: Final = 1.2
"""Per cent: a life of a day is still to be seen."""

_YEARS_AT_MOST: Final = 6
"""Labels of years that fit a phone's width beside one another."""


@dataclass(frozen=True)
class Piece:
    """A life or a break: where it begins and how wide it is, in per cent; `wash` is its colour's meaning."""

    x: str
    width: str
    wash: str
    is_life: bool
    text: str


@dataclass(frozen=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True)
class Ribbon:
    pieces: tuple[Piece, ...]
    ticks: tuple[Tick, ...]
    begins: date
    ends: date

    @property
    def summary(self) -> str:
        return " ".join(piece.text for piece in self.pieces)


def ribbon(episodes: Sequence[Episode], *, breakups: Sequence[Breakup], today: date, zone: ZoneInfo) -> Ribbon | None:
    """The drawing of all lives up to today; None before the first. Days are those of the business's `zone`."""
    if not episodes:
        return None
    lives = sorted(episodes, key=lambda life: life.number)
    begins = lives[0].began_on
    whole = max((today - begins).days, 1)

    def place(on: date) -> float:
        return min(max(100 * (on - begins).days / whole, 0.0), 100.0)

    quiet = {end.ended_on: end.quiet_until.astimezone(zone).date() for end in breakups}
    pieces: list[Piece] = []
    for life, following in zip(lives, [*lives[1:], None], strict=True):
        over = life.ended_on or (following.began_on if following else today)
        pieces.append(
            _piece(place(life.began_on), place(over), "ok" if life.ended_on is None else "was", True, _life(life, over))
        )
        if life.ended_on is None:
            continue
        back = following.began_on if following else today
        hush = min(max(quiet.get(life.ended_on, life.ended_on), life.ended_on), back)
        if hush > life.ended_on:
            pieces.append(
                _piece(
                    place(life.ended_on), place(hush), "quiet", False,
                    _("Quiet until %(day)s.") % {"day": day(quiet[life.ended_on])},
                )
            )  # fmt: skip
        if back > hush:
            pieces.append(
                _piece(place(hush), place(back), "line", False, _pause(life, back, is_back=following is not None))
            )
    return Ribbon(tuple(pieces), tuple(_years(begins, today, whole)), begins, today)


def _piece(x: float, end: float, wash: str, is_life: bool, text: str) -> Piece:
    width = max(end - x, _LEAST if is_life else 0.3)
    return Piece(f"{min(x, 100 - width):.2f}%", f"{width:.2f}%", wash, is_life, text)


def _life(life: Episode, over: date) -> str:
    facts = {
        "number": life.number,
        "from": day(life.began_on),
        "to": day(over),
        "length": span((over - life.began_on).days),
        "pulses": ngettext("%(n)s active day", "%(n)s active days", life.pulses) % {"n": life.pulses},
    }
    if life.ended_on is None:
        return _("Life %(number)s: since %(from)s, %(length)s, %(pulses)s.") % facts
    if life.is_presumed:
        return _("Life %(number)s: %(from)s to about %(to)s, %(length)s, %(pulses)s; nobody said it is over.") % facts
    return _("Life %(number)s: %(from)s to %(to)s, %(length)s, %(pulses)s.") % facts


def _pause(life: Episode, back: date, *, is_back: bool) -> str:
    facts = {"length": span((back - (life.ended_on or back)).days)}
    return _("Away for %(length)s, then back.") % facts if is_back else _("Away for %(length)s so far.") % facts


def _years(begins: date, today: date, whole: int) -> list[Tick]:
    years = list(range(begins.year + 1, today.year + 1))
    step = -(-len(years) // _YEARS_AT_MOST) or 1
    ticks = [(100 * (date(year, 1, 1) - begins).days / whole, str(year)) for year in years[::step]]
    # A label that would leave the drawing at its right edge is left out.
    return [Tick(f"{x:.2f}%", label) for x, label in ticks if x < 94]
