"""The desk of letters: which there are and which wordings they lack, one being written, and how a person would read it.

covered   every letter by language, with its variants; what is missing is a cell that is empty
changed   a letter with one wording changed, as data to be looked at or kept
look      what is wrong with the words, and the letter as one real person would get it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rekindle.accounts.models import User
from rekindle.act import html, letters, tone
from rekindle.act.letters import Letter, Said, When
from rekindle.act.tone import Finding
from rekindle.errors import BadInput
from rekindle.journal.models import OwnLetter
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Commercial
from rekindle.workflows.words import facts as fact_book
from rekindle.workflows.words import own_letters
from rekindle.workflows.words.foot import with_foot

SHOWN_PEOPLE: Final = 12
_COMMERCIAL: Final = {
    When.LIVE: (Commercial.LIVE.value, Commercial.NOTICE.value),
    When.ENDED: (Commercial.ENDED.value,),
    When.RETURNED: (Commercial.LIVE.value,),
}


_PARTS: Final = {"title": "title is", "subject": "subject is", "text": "words are"}


@dataclass(frozen=True)
class Row:
    """One letter of the list. cells: (language, whether it is written in it, its variants in it) in the same order.

    unsigned  languages in which no human signs it, so that it would be held back
    """

    letter: Letter
    title: str
    is_own: bool
    cells: tuple[tuple[str, bool, int], ...]
    unsigned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Which wording is meant: a variant by its number, None the letter's own words, -1 a new variant."""

    language: str
    variant: int | None = None


@dataclass(frozen=True)
class Looked:
    """Findings in the words, and the letter for one person; `lacks` where it cannot be filled for them."""

    findings: tuple[Finding, ...]
    person: Party | None
    subject: str
    fragment: str
    lacks: str

    @property
    def stops(self) -> bool:
        return any(one.stops for one in self.findings)


def covered(*, language: str) -> tuple[tuple[str, ...], list[Row]]:
    """(the languages that are used, English first; every letter by its title)."""
    now = own_letters.letters_now()
    own = set(OwnLetter.objects.filter(withdrawn_at=None).values_list("code", flat=True))
    spoken = {code for one in now for code in (*one.text, *(c for v in one.variants for c in v.text))}
    spoken |= {code[:2] for code in _languages_of_people() if code[:2].isalpha()}
    used = ("en", *sorted(spoken - {"en"}))
    rows = [
        Row(
            one, one.said("title", language), one.code in own,
            tuple((code, code in one.text, sum(code in v.text for v in one.variants)) for code in used),
            tuple(own_letters.unsigned(one)) if one.code in own else (),
        )
        for one in now
    ]  # fmt: skip
    return used, sorted(rows, key=lambda row: row.title.casefold())


def changed(one: Letter | None, code: str, given: dict[str, Any], place: Place) -> dict[str, Any]:
    """A letter as data with one wording changed; one that is not there yet begins empty.

    given  title, subject, text; class, intent, when, again; kinds, stages, terms (lists, of a variant)
    Raises BadInput for a wording that cannot be: a variant for nobody in particular, a first wording not in English.
    """
    needed = ("title", "subject", "text") if place.variant is None else ("text",)
    missing = next((name for name in needed if not given[name].strip()), None)
    if missing is not None:
        raise BadInput(f"the {_PARTS[missing]} missing", remedy="Write it.")
    body: dict[str, Any] = (
        own_letters.body_of(one) if one else {"letter": code, "version": "1", "title": {}, "subject": {}, "text": {}}
    )
    if place.variant is None:
        body |= {name: given[name] for name in ("class", "intent", "when", "again")}
        for name in ("title", "subject", "text"):
            body[name] = {**body[name], place.language: given[name]}
        if "en" not in body["text"]:
            raise BadInput("a letter begins in English", remedy="Write the English words first; others follow.")
        return body
    asked = {name: sorted(given[name]) for name in ("kinds", "stages", "terms") if given[name]}
    if not asked:
        raise BadInput("this variant is for nobody in particular", remedy="Choose whom, which stage or which terms.")
    variants = list(body.get("variants", []))
    if place.variant == -1:
        variants.append({"for": asked, **_subject({}, given, place), "text": {place.language: given["text"]}})
    elif place.variant < len(variants):
        old = variants[place.variant]
        variants[place.variant] = {
            "for": asked,
            **_subject(old.get("subject", {}), given, place),
            "text": {**old["text"], place.language: given["text"]},
        }
    else:
        raise BadInput("there is no such variant", remedy="Look at the letter again.")
    return body | {"variants": variants}


def _subject(old: dict[str, str], given: dict[str, Any], place: Place) -> dict[str, dict[str, str]]:
    """The subjects of a variant; left empty, the letter's own subject stands."""
    kept = {code: words for code, words in old.items() if code != place.language}
    kept |= {place.language: given["subject"]} if given["subject"].strip() else {}
    return {"subject": kept} if kept else {}


def wording(one: Letter, place: Place) -> Said:
    """The words at a place; empty where nothing is written there yet."""
    if place.variant is None or place.variant == -1 or place.variant >= len(one.variants):
        own = place.variant is None
        return Said(
            one.subject.get(place.language, "") if own else "", one.text.get(place.language, "") if own else "",
            place.language,
        )  # fmt: skip
    variant = one.variants[place.variant]
    return Said(
        variant.subject.get(place.language, ""), variant.text.get(place.language, ""), place.language, place.variant
    )


def look(one: Letter, said: Said, *, person: Party | None, by: User, at: datetime) -> Looked:
    """What is wrong with a wording, and how it reads to a person; without one, what the places alone tell.

    The words themselves are looked at with every place filled by its own name, so that a finding is about the words.
    """
    places = said.places | one.optional
    plain = {name: name.replace("_", " ").title() for name in places}
    text, subject = letters.filled(said.text, plain), letters.filled(said.subject, plain)
    found = tone.findings(
        text, subject=subject, touch_class=one.touch_class, first_after_end=one.when is When.ENDED,
        signer=plain.get("signer", ""), houses=own_letters.houses(),
    )  # fmt: skip
    if person is None:
        return Looked(tuple(found), None, subject, html.fragment(text), "")
    known = fact_book.facts_of(person, at=at, by=by, language=said.language, wanted=places | one.needs)
    lacks = letters.missing(one, known.facts, said=said)
    if lacks:
        return Looked(tuple(found), person, "", "", fact_book.called(lacks))
    values = {name: known.facts.get(name, "") for name in places}
    whole = with_foot(person, letters.filled(said.text, values), touch_class=one.touch_class, language=said.language)
    return Looked(tuple(found), person, letters.filled(said.subject, values), html.fragment(whole), "")


def people_for(one: Letter) -> Sequence[Party]:
    """Some people a letter is for, the newest first, to see it as they would."""
    rows = Relationship.objects.select_related("party").exclude(party__name="").order_by("-pk")
    commercial = _COMMERCIAL.get(one.when)
    if commercial is not None:
        rows = rows.filter(commercial__in=commercial)
    if one.when is When.RETURNED:
        rows = rows.filter(life__gt=1)
    return [row.party for row in rows[:SHOWN_PEOPLE]]


def _languages_of_people() -> list[str]:
    """Languages of the newest people: enough to show what a letter lacks, and never a walk over everybody."""
    newest = Party.objects.exclude(language="").order_by("-pk").values_list("language", flat=True)[:500]
    return sorted({code.casefold() for code in newest})
