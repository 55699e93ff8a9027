"""Words with places, filled by MiniJinja from plain texts: the one engine that fills what operators wrote.

What may stand in braces is a place (`{{ name }}`, with `upper`, `lower`, `title`, `capitalize` or `trim` behind it), a
condition on places (`{% if promise %}`, `not`, `and`, `or`, `elif`, `else`, `endif`) and a comment. Everything else is
refused when the words are read: no attribute is walked, nothing is called, repeated, joined, set or taken from another
file. Under that lies the engine's own limit of steps, and a limit of what may come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from minijinja import Environment, TemplateError

from rekindle.errors import BadInput

FUEL: Final = 20_000  # steps of the template engine: a letter needs some hundreds
LONGEST: Final = 20_000  # letters of what comes out
_UNSAFE_FILTERS: Final = ("format", "debug", "pprint", "tojson", "attr")
_PLACE: Final = r"[a-z][a-z0-9_]{0,39}"
_ONE: Final = rf"(?:not\s+)?{_PLACE}"
_MAY_STAND: Final = re.compile(
    rf"(?<!\{{)\{{\{{-?\s*{_PLACE}(?:\s*\|\s*(?:upper|lower|title|capitalize|trim))*\s*-?\}}\}}"
    rf"|\{{%-?\s*(?:el)?if\s+{_ONE}(?:\s+(?:and|or)\s+{_ONE})*\s*-?%\}}"
    r"|\{%-?\s*(?:else|endif)\s*-?%\}"
    r"|\{#(?:(?!#\})[^{}])*#\}"
)
_BEGINS: Final = re.compile(r"\{[{%#][^\n]{0,60}")
_WORDS_OF_CONDITIONS: Final = frozenset({"if", "elif", "else", "endif", "not", "and", "or"})
_NAME: Final = re.compile(_PLACE)
_ITS_NAME: Final = "words"


def filled(template: str, facts: Mapping[str, str]) -> str:
    """The words with their places filled. Raises BadInput for a fact that is missing, or words that cannot be read."""
    engine = _read(template)
    try:
        said = str(engine.render_template(_ITS_NAME, **facts))
    except TemplateError as error:
        raise BadInput(
            f"the words cannot be filled in: {error.message}", remedy="Fill in what is missing, or write without it."
        ) from error
    if len(said) > LONGEST:
        raise BadInput(f"a letter of {len(said):,} letters", remedy=f"Keep it under {LONGEST:,}.")
    return said


@lru_cache(maxsize=1024)
def places(template: str) -> frozenset[str]:
    """The names of the places in the words. Raises BadInput for words that cannot be read."""
    _read(template)
    found: set[str] = set()
    for tag in _MAY_STAND.findall(template):
        if not tag.startswith("{#"):
            found |= set(_NAME.findall(tag.partition("|")[0])) - _WORDS_OF_CONDITIONS
    return frozenset(found)


@lru_cache(maxsize=1024)
def _read(template: str) -> Environment:
    """An engine of its own that has read the words once. Raises BadInput naming what may not stand in them."""
    strange = _BEGINS.search(_MAY_STAND.sub("", template))
    if strange is not None:
        raise BadInput(
            f"the words hold {strange[0]!r}, which is no place to be filled",
            remedy="Write {{ name }} for a place, or {% if name %} … {% endif %} around words that need it.",
        )
    engine = Environment(undefined_behavior="strict", keep_trailing_newline=True, fuel=FUEL)
    for name in _UNSAFE_FILTERS:
        engine.remove_filter(name)
    engine.auto_escape_callback = lambda _name: None
    try:
        engine.add_template(_ITS_NAME, template)
    except TemplateError as error:
        raise BadInput(f"the words cannot be read: {error.message}", remedy="Check the braces.") from error
    return engine
