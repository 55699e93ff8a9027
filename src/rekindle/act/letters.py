"""Letters as data: what may be said, to whom, and for what. `packs/letters/*.yaml`, one a file, checked by a schema.

A letter is a proposal: a human reads it, changes it and sends it, or a playbook does with the rules asked again.
Its places are filled strictly: where one fact is missing there is no letter, and the fact is named. The words are the
operator's and never run: no access to objects, no loops without end, no more than is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import jsonschema
import yaml
from minijinja import Environment, TemplateError

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import TouchClass
from rekindle.words import Word

FUEL: Final = 20_000  # steps of the template engine: a letter needs some hundreds
LONGEST: Final = 20_000  # letters of one letter
_TAGS: Final = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
_UNSAFE_FILTERS: Final = ("format", "debug", "pprint", "tojson", "attr")


class When(Word):
    """Whom a letter is for."""

    LIVE = "live", "customers"
    ENDED = "ended", "those who left"
    RETURNED = "returned", "those who came back"
    ANY = "any", "everybody"


@dataclass(frozen=True)
class Letter:
    """One letter; title, subject and text by language, two letters each, English always among them."""

    code: str
    version: str
    touch_class: TouchClass
    when: When
    title: Mapping[str, str]
    subject: Mapping[str, str]
    text: Mapping[str, str]

    def said(self, what: str, language: str) -> str:
        """The title, subject or text in a language, in English where there is none."""
        words: Mapping[str, str] = getattr(self, what)
        return words.get(language, words["en"])

    def places(self, language: str) -> frozenset[str]:
        """The facts it needs."""
        return _places(self.said("subject", language)) | _places(self.said("text", language))


@lru_cache(maxsize=1)
def letters() -> tuple[Letter, ...]:
    """All letters, by their code. Raises BadInput naming the file and the place in it."""
    folder = resources.files("rekindle.packs").joinpath("letters")
    schema = json.loads(folder.joinpath("schema.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(schema)
    found = []
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".yaml"):
            found.append(read(file.name, file.read_text(encoding="utf-8"), checker=checker))
    return tuple(sorted(found, key=lambda one: one.code))


def read(name: str, text: str, *, checker: jsonschema.Draft202012Validator) -> Letter:
    """One letter. Raises BadInput naming the file and the place."""
    try:
        raw: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput("it is not YAML", where=name, remedy="Check its indents and quotes.") from error
    fault = next(iter(sorted(checker.iter_errors(raw), key=lambda one: list(map(str, one.path)))), None)
    if fault is not None:
        place = ".".join(map(str, fault.path)) or "the whole"
        raise BadInput(fault.message, where=f"{name}: {place}", remedy="Write it as packs/letters/schema.json says.")
    return Letter(
        raw["letter"],
        raw["version"],
        TouchClass(raw["class"]),
        When(raw["when"]),
        raw["title"],
        raw["subject"],
        raw["text"],
    )


def letter(code: str) -> Letter:
    """The letter of that code. Raises BadInput."""
    for one in letters():
        if one.code == code:
            return one
    raise BadInput(f"there is no letter {code!r}", remedy=f"Choose one of {', '.join(one.code for one in letters())}.")


def missing(one: Letter, facts: Mapping[str, str], *, language: str) -> tuple[str, ...]:
    """The facts it needs and that are not known, by name."""
    return tuple(sorted(name for name in one.places(language) if not facts.get(name)))


def filled(template: str, facts: Mapping[str, str]) -> str:
    """The words with their places filled. Raises BadInput for a fact that is missing, or words that cannot be read."""
    if any("*" in tag for tag in _TAGS.findall(template)):
        raise BadInput("words are not multiplied", remedy="Take the * out of the braces.")  # memory has no fuel
    try:
        said = _engine().render_str(template, **facts)
    except TemplateError as error:
        raise BadInput(
            f"the words cannot be filled in: {error.message}", remedy="Fill in what is missing, or write without it."
        ) from error
    if len(said) > LONGEST:
        raise BadInput(f"a letter of {len(said):,} letters", remedy=f"Keep it under {LONGEST:,}.")
    return str(said)


def _engine() -> Environment:
    engine = Environment(undefined_behavior="strict", keep_trailing_newline=True, fuel=FUEL)
    for name in _UNSAFE_FILTERS:
        engine.remove_filter(name)
    engine.auto_escape_callback = lambda _name: None
    return engine


@lru_cache(maxsize=256)
def _places(template: str) -> frozenset[str]:
    try:
        return frozenset(_engine().undeclared_variables_in_str(template))
    except TemplateError as error:
        raise BadInput(f"the words cannot be read: {error.message}", remedy="Check the braces.") from error
