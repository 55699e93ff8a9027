"""Words of cards as data: for the days to remember and for the turn of the season (`packs/paper/cards.yaml`).

No card is religious by guess: a festival goes to who told us that they keep it. To everybody else goes the turn of the
year, on the day it falls where they live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import yaml

from rekindle.act.templates import filled
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import MilestoneKind

DEFAULT: Final = "turn_of_year"
NONE: Final = frozenset({"none", "no", "nothing", "keine", "nein", "no cards"})
"""What somebody told us who wants no card of the season."""

Words = Mapping[str, str]


@dataclass(frozen=True)
class Festival:
    """One festival: when it falls, who told us that they keep it, where it is the turn of the year for everybody."""

    code: str
    title: Words
    front: Words
    wish: Words
    told: frozenset[str]
    customary: frozenset[str]
    rule: Mapping[str, Any] = field(repr=False)

    def falls(self, year: int) -> date:
        """Its day in a year. Raises BadInput where no calendar here has it."""
        fixed = self.rule.get("on")
        if fixed:
            return date(year, fixed["month"], fixed["day"])
        found = _calendar_days(self.rule["calendar"]["country"], self.rule["calendar"]["name"], year)
        if not found:
            raise BadInput(f"no calendar here has {self.title['en']} of {year}", remedy="Prepare another season.")
        return found[0]

    def next(self, *, on: date) -> date:
        """The first day it falls, from that day on."""
        return min(day for year in (on.year, on.year + 1) if (day := self.falls(year)) >= on)

    def called(self, language: str) -> str:
        return said(self.title, language)


@dataclass(frozen=True)
class Card:
    """A card as proposed: what stands on its front, and inside."""

    front: str
    text: str


def festivals() -> tuple[Festival, ...]:
    """All festivals, the turn of the year first."""
    return _pack()[1]


def festival(code: str) -> Festival:
    """The festival of that code. Raises BadInput."""
    found = next((one for one in festivals() if one.code == code), None)
    if found is None:
        raise BadInput(f"there is no festival {code!r}", remedy="Choose one of the list.")
    return found


def kept_by(*, told: str, country: str) -> tuple[str | None, str]:
    """(the festival whose card somebody gets, None for no card; why: "told", "country", "default").

    told     what they told us, in their words; empty where they did not
    country  two letters; empty where it is not known
    """
    word = " ".join(told.split()).casefold()
    if word in NONE:
        return None, "told"
    for one in festivals():
        if word and word in one.told | {one.code, one.title["en"].casefold()}:
            return one.code, "told"
    for one in festivals():
        if country.strip().upper() in one.customary:
            return one.code, "country"
    return DEFAULT, "default"


def season_card(one: Festival, facts: Mapping[str, str], *, language: str) -> Card:
    """The card of a festival; facts: name, signer, house, left. Raises BadInput."""
    known = {"left": "", **facts, "wish": said(one.wish, language)}
    return Card(said(one.front, language), _tidy(filled(said(_pack()[2], language), known)))


def day_card(kind: MilestoneKind, facts: Mapping[str, str], *, years: int | None, language: str) -> Card:
    """The card of a day to remember; facts: name, signer, house, left, what. Raises BadInput.

    years  whole years since; None or 0 where there is nothing to count
    """
    days = _pack()[0]
    words = days.get(kind.value, days["any"])
    known = {"left": "", "what": "", **span(years, language=language), **facts}
    front, text = (_tidy(filled(said(words[part], language), known)) for part in ("front", "text"))
    return Card(front, text)


def span(years: int | None, *, language: str) -> dict[str, str]:
    """Whole years as they are said: `span` ("1 year", "2 Jahre") and `span_ago`, as "ago" and "vor" ask for them."""
    if not years:
        return {"span": "", "span_ago": ""}
    one, many, ago = ("Jahr", "Jahre", "Jahren") if language[:2].lower() == "de" else ("year", "years", "years")
    return {
        "span": f"{years} {one if years == 1 else many}",
        "span_ago": f"{years} {one if years == 1 else ago}",
    }


def stop_words() -> Words:
    """What stands before the address by which they hear nothing more."""
    return _pack()[3]


def said(words: Words, language: str) -> str:
    """In that language, in English where there is none."""
    return words.get(language[:2].lower(), words["en"])


def _tidy(text: str) -> str:
    """Without the blanks that an empty place leaves at the end of a line."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@lru_cache(maxsize=1)
def _pack() -> tuple[Mapping[str, Mapping[str, Words]], tuple[Festival, ...], Words, Words]:
    raw = yaml.safe_load(resources.files("rekindle.packs").joinpath("paper", "cards.yaml").read_text(encoding="utf-8"))
    found = tuple(
        Festival(
            one["code"], one["title"], one["front"], one["wish"],
            frozenset(word.casefold() for word in one["told"]), frozenset(one.get("customary", ())),
            {name: one[name] for name in ("on", "calendar") if name in one},
        )
        for one in raw["festivals"]
    )  # fmt: skip
    return raw["days"], found, raw["season"]["text"], raw["stop"]


@lru_cache(maxsize=64)
def _calendar_days(country: str, name: str, year: int) -> tuple[date, ...]:
    """Its days in a year, the first days of its runs only: a festival of eight days begins once."""
    import holidays

    calendar = holidays.country_holidays(country)
    every = calendar.__class__(years=year, language="en_US", categories=calendar.supported_categories)
    days = sorted(day for day, label in every.items() if _is_named(label, name))
    return tuple(day for day in days if day - timedelta(days=1) not in days)


def _is_named(label: str, name: str) -> bool:
    """A day may bear several names, and stand for another that fell on a Sunday."""
    return "observed" not in label and any(part.strip().startswith(name) for part in label.split(";"))
