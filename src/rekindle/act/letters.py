"""Letters as data: what may be said, to whom, and for what. `packs/letters/*.yaml`, one a file, checked by a schema.

A letter is a proposal: a human reads it, changes it and sends it, or a playbook does with the rules asked again.
Its places are filled strictly: where one fact is missing there is no letter, and the fact is named. The words are the
operator's and never run: what may stand in braces is in `act.templates`.

One letter has one wording by language, and may have variants for some readers: by what they are to us, where they
stand and on which terms. The first variant that fits a reader and speaks their language is theirs, otherwise the
letter's own words in their language, otherwise the same in English.

A letter may have words for a text message besides: far fewer, one wording by language, no subject and no variants.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import jsonschema
import yaml

from rekindle.act import templates
from rekindle.act.templates import FUEL, LONGEST, filled
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import TouchClass
from rekindle.words import Word

__all__ = [
    "FUEL", "LONGEST", "Again", "Intent", "Letter", "Reader", "Said", "Variant", "When", "filled", "letter", "letters",
    "missing", "of_body", "read",
]  # fmt: skip
ENGLISH: Final = "en"


class When(Word):
    """Whom a letter is for."""

    LIVE = "live", "customers"
    ENDED = "ended", "those who left"
    RETURNED = "returned", "those who came back"
    ANY = "any", "everybody"


class Intent(Word):
    """What a letter is meant to do."""

    INFORM = "inform", "inform"
    ASK = "ask", "ask"
    THANK = "thank", "thank"
    APOLOGISE = "apologise", "apologise"
    CONGRATULATE = "congratulate", "congratulate"
    ENCOURAGE = "encourage", "encourage"
    CONSOLE = "console", "console"
    REMEMBER = "remember", "remember"
    INVITE = "invite", "invite"
    OFFER = "offer", "offer"


class Again(Word):
    """When the same letter may be said to the same person again."""

    NEVER = "never", "never"
    LIFE = "life", "once in each life with us"
    YEAR = "year", "once a year"
    WORDS = "words", "when it says something else"


@dataclass(frozen=True)
class Reader:
    """Who reads it, as far as it matters to the words. language: two letters; kinds: what they are to us."""

    language: str = ENGLISH
    kinds: frozenset[str] = frozenset()
    stage: str = ""
    terms: str = ""


@dataclass(frozen=True)
class Said:
    """One wording. variant: the place of the variant it comes from; None: the letter's own words."""

    subject: str
    text: str
    language: str
    variant: int | None = None

    @property
    def places(self) -> frozenset[str]:
        """The facts it names."""
        return templates.places(self.subject) | templates.places(self.text)


@dataclass(frozen=True)
class Variant:
    """Words for some readers. An empty list of kinds, stages or terms asks for nothing; every list given must fit."""

    kinds: frozenset[str]
    stages: frozenset[str]
    terms: frozenset[str]
    subject: Mapping[str, str]
    text: Mapping[str, str]

    def fits(self, reader: Reader) -> bool:
        """Whether it is for this reader, whatever the language."""
        return (
            (not self.kinds or bool(self.kinds & reader.kinds))
            and (not self.stages or reader.stage in self.stages)
            and (not self.terms or reader.terms in self.terms)
        )


@dataclass(frozen=True)
class Letter:
    """One letter; title, subject and text by language, two letters each, English always among them.

    text_message  its words as a text message, by language; empty: it cannot go as one
    needs     facts it rests on besides those it names: without them there is no letter
    optional  facts it names and can do without, inside `{% if ... %}`
    """

    code: str
    version: str
    touch_class: TouchClass
    when: When
    title: Mapping[str, str]
    subject: Mapping[str, str]
    text: Mapping[str, str]
    intent: Intent = Intent.INFORM
    again: Again = Again.NEVER
    needs: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    variants: tuple[Variant, ...] = field(default_factory=tuple)
    text_message: Mapping[str, str] = field(default_factory=dict)

    def said(self, what: str, language: str) -> str:
        """The title, subject or text in a language, in English where there is none."""
        words: Mapping[str, str] = getattr(self, what)
        return words.get(language, words[ENGLISH])

    def for_reader(self, reader: Reader) -> Said:
        """The wording that this reader gets."""
        for language in dict.fromkeys((reader.language, ENGLISH)):
            for place, variant in enumerate(self.variants):
                if variant.fits(reader) and language in variant.text:
                    subject = variant.subject.get(language) or self.said("subject", language)
                    return Said(subject, variant.text[language], language, place)
            if language in self.text:
                return Said(self.said("subject", language), self.text[language], language)
        return Said(self.subject[ENGLISH], self.text[ENGLISH], ENGLISH)

    def for_text_message(self, reader: Reader) -> Said:
        """The words a reader gets as a text message.

        Raises BadInput where it has none, or where a variant is for this reader: whoever needs words of their own is
        not sent those of everybody.
        """
        if not self.text_message:
            raise BadInput(
                f"“{self.said('title', ENGLISH)}” has no words for a text message",
                remedy="Write them into the letter, or send it by another road.",
            )
        if any(variant.fits(reader) for variant in self.variants):
            raise BadInput(
                f"“{self.said('title', ENGLISH)}” has other words for somebody like them, not meant for a text message",
                remedy="Send it by another road.",
            )
        language = reader.language if reader.language in self.text_message else ENGLISH
        return Said("", self.text_message[language], language)

    def places(self, language: str) -> frozenset[str]:
        """The facts its own words name."""
        return self.for_reader(Reader(language)).places

    def languages(self) -> frozenset[str]:
        """The languages it is written in."""
        return frozenset(self.text)


@lru_cache(maxsize=1)
def letters() -> tuple[Letter, ...]:
    """All letters of the packs, by their code. Raises BadInput naming the file and the place in it."""
    folder = resources.files("rekindle.packs").joinpath("letters")
    found = []
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".yaml"):
            found.append(read(file.name, file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda one: one.code))


@lru_cache(maxsize=1)
def _checker() -> jsonschema.Draft202012Validator:
    schema = resources.files("rekindle.packs").joinpath("letters", "schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(schema))


def read(name: str, text: str) -> Letter:
    """One letter from YAML. Raises BadInput naming the file and the place."""
    try:
        raw: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput("it is not YAML", where=name, remedy="Check its indents and quotes.") from error
    return of_body(raw, where=name)


def of_body(raw: Any, *, where: str) -> Letter:
    """One letter from plain data that follows packs/letters/schema.json. Raises BadInput naming the place.

    All words are read here, so that what cannot be filled is told when it is written and not when it is sent.
    """
    fault = next(iter(sorted(_checker().iter_errors(raw), key=lambda one: list(map(str, one.path)))), None)
    if fault is not None:
        place = ".".join(map(str, fault.path)) or "the whole"
        raise BadInput(fault.message, where=f"{where}: {place}", remedy="Write it as packs/letters/schema.json says.")
    variants = tuple(_variant(one) for one in raw.get("variants", []))
    texts = raw.get("text_message", {})
    for words in (raw["subject"], raw["text"], texts, *(part for one in variants for part in (one.subject, one.text))):
        for language, template in words.items():
            _must_be_readable(template, where=f"{where}: {language}")
    return Letter(
        raw["letter"],
        raw["version"],
        TouchClass(raw["class"]),
        When(raw["when"]),
        raw["title"],
        raw["subject"],
        raw["text"],
        intent=Intent(raw["intent"]),
        again=Again(raw.get("again", Again.NEVER.value)),
        needs=frozenset(raw.get("needs", ())),
        optional=frozenset(raw.get("optional", ())),
        variants=variants,
        text_message=texts,
    )


def _variant(raw: Mapping[str, Any]) -> Variant:
    asked = {name: frozenset(raw["for"].get(name, ())) for name in ("kinds", "stages", "terms")}
    return Variant(**asked, subject=raw.get("subject", {}), text=raw["text"])


def _must_be_readable(template: str, *, where: str) -> None:
    try:
        templates.places(template)
    except BadInput as error:
        raise BadInput(error.what, where=where, remedy=error.remedy) from error


def letter(code: str, among: Iterable[Letter] | None = None) -> Letter:
    """The letter of that code, of the packs or of those given. Raises BadInput."""
    known = tuple(letters() if among is None else among)
    for one in known:
        if one.code == code:
            return one
    raise BadInput(f"there is no letter {code!r}", remedy=f"Choose one of {', '.join(one.code for one in known)}.")


def missing(
    one: Letter, facts: Mapping[str, str], *, language: str = ENGLISH, said: Said | None = None
) -> tuple[str, ...]:
    """The facts it needs and that are not known, by name; `said`: the wording meant, where it is known."""
    words = said or one.for_reader(Reader(language))
    return tuple(sorted(name for name in (words.places | one.needs) - one.optional if not facts.get(name)))
