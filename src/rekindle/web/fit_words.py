"""Why a model is or is not used: the engine's note as a plain sentence, with models by their names.

The note itself stays to be read beside it: it holds the figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rekindle.web.night_words import MODELS, Text

# The beginnings of the notes that understand.choice and the night's step of learning write; `other` is a model's code.
_SENTENCES: Sequence[tuple[str, Text]] = (
    (
        r"Used: the only model that beat",
        gettext_lazy("Used, because no other model did better than repeating everyone's own past rate."),
    ),
    (
        r"Used: the only model in which people leave",
        gettext_lazy(
            "Used, because no other model in which people can leave did better than repeating everyone's own past."
        ),
    ),
    (
        r"Used: (?P<other>\w+) is not ahead",
        gettext_lazy("Used, because it did better than the plain guesses and %(other)s was not clearly ahead of it."),
    ),
    (
        r"Used: ahead of (?P<other>\w+)",
        gettext_lazy("Used, because it was clearly ahead of %(other)s on time it had not seen."),
    ),
    (
        r"Used: no model beat the rate baseline, and",
        gettext_lazy("Used, because it did better than every model and than repeating everyone's own past rate."),
    ),
    (r"Used: no model beat it", gettext_lazy("Used, because no model did better than this plain guess.")),
    (
        r"Used because (?P<other>\w+) ran to a boundary",
        gettext_lazy("Used instead of %(other)s, which found no settled answer in the whole history."),
    ),
    (r"Not used: (?P<other>\w+) is kept", gettext_lazy("Not used: it was not clearly ahead of %(other)s.")),
    (r"Not used: (?P<other>\w+) did better", gettext_lazy("Not used: %(other)s did better.")),
    (
        r"Not used: it did not beat the rate baseline",
        gettext_lazy("Not used: it did no better than repeating everyone's own past rate."),
    ),
    (
        r"Not used: in it nobody ever leaves",
        gettext_lazy("Not used: in it nobody ever leaves, and a model in which people can leave did well here too."),
    ),
    (
        r"Not used: it could not be fitted",
        gettext_lazy("Not used: there is not enough here to learn it from."),
    ),
    (r"Not used: on all the data", gettext_lazy("Not used: it found no settled answer in the whole history.")),
    (r"Not used: some of its answers", gettext_lazy("Not used: some of its answers were no numbers.")),
    (r"Shown for comparison", gettext_lazy("A plain guess, shown for comparison.")),
    (r"values of purchases", gettext_lazy("Used to say what a purchase is worth.")),
)
_PLAIN = [(re.compile(start), sentence) for start, sentence in _SENTENCES]
_CODES = re.compile(rf"\b({'|'.join(MODELS)})\b")


@dataclass(frozen=True)
class Why:
    """One plain sentence, and the engine's note where it says more; a note without plain words is the sentence."""

    text: str
    note: str


def model_title(code: str) -> str:
    """The name of a model as papers write it; a code without a name as it is."""
    return str(MODELS[code].title) if code in MODELS else code


def with_model_titles(note: str) -> str:
    """The note with the codes of models as names; the plain word "rate" of an engine's sentence is left alone."""
    return _CODES.sub(lambda found: found[0] if found[0] in {"rate", "recency"} else model_title(found[0]), note)


def why_in_words(note: str) -> Why:
    """The note of one fit; empty where there is none."""
    named = with_model_titles(note)
    for start, sentence in _PLAIN:
        if found := start.match(note):
            plain = str(sentence) % {name: model_title(code) for name, code in found.groupdict().items()}
            return Why(plain, named)
    return Why(named[:1].upper() + named[1:], "")


def outlook_source(model: str) -> str:
    """What told an outlook, in words; a sentence of its own where nothing could be told."""
    return _("the model %(model)s") % {"model": model_title(model)} if model else _("no model")
