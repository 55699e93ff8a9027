"""Models side by side: one line a model, one column a figure, the best of each column marked, plain guesses below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _

from rekindle.web.fit_words import Why, why_in_words
from rekindle.web.night_words import MODELS, Metric, Text
from rekindle.web.templatetags.rekindle import percent

GUESSES: Final = ("rate", "recency")
_AWAY: Final[Mapping[str, Callable[[float], float]]] = {
    "low": lambda value: value,
    "high": lambda value: -value,
    "zero": abs,
}


@dataclass(frozen=True)
class Cell:
    """One figure; `spread` is how much it differs between cutoffs, where there were several."""

    head: Text
    text: str
    is_best: bool
    spread: str = ""


@dataclass(frozen=True)
class Score:
    """One held-out figure of a model beside the same figure of the plain guesses."""

    title: Text
    meaning: Text
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Contender:
    """What one model or guess brings: its figures by name and how much they differ between cutoffs."""

    code: str
    is_chosen: bool
    figures: Mapping[str, Any]
    spreads: Mapping[str, Any]
    why: str = ""
    cutoffs: int | None = None


@dataclass(frozen=True)
class Line:
    """One model of the table. `verdicts` hold it against each plain guess: the guess's name, and the outcome."""

    code: str
    title: Text
    meaning: Text
    is_chosen: bool
    is_guess: bool
    cutoffs: int | None
    cells: Sequence[Cell]
    verdicts: Sequence[tuple[Text, str]]
    why: Why


@dataclass(frozen=True)
class ModelTable:
    """The chosen one first, models before guesses; `heads` are the figures that anybody brings."""

    heads: Sequence[Metric]
    lines: Sequence[Line]


def model_table(contenders: Sequence[Contender], *, metrics: Mapping[str, Metric]) -> ModelTable | None:
    """Models that were asked about time they had not seen, side by side; None under two of them."""
    asked = [one for one in contenders if any(one.figures.get(name) is not None for name in metrics)]
    if len(asked) < 2:
        return None
    shown = {name: m for name, m in metrics.items() if any(one.figures.get(name) is not None for one in asked)}
    order = sorted(asked, key=lambda one: (not one.is_chosen, one.code in GUESSES))
    columns = [
        cells(
            metric,
            heads=[metric.title] * len(order),
            values=[one.figures.get(name) for one in order],
            spreads=[one.spreads.get(name) for one in order],
        )
        for name, metric in shown.items()
    ]
    guesses = [one for one in asked if one.code in GUESSES]
    return ModelTable(
        heads=list(shown.values()),
        lines=[
            Line(
                code=one.code,
                title=MODELS[one.code].title if one.code in MODELS else one.code,
                meaning=MODELS[one.code].meaning if one.code in MODELS else "",
                is_chosen=one.is_chosen,
                is_guess=one.code in GUESSES,
                cutoffs=one.cutoffs,
                cells=[column[place] for column in columns],
                verdicts=[] if one.code in GUESSES else [_verdict(one, guess) for guess in guesses],
                why=why_in_words(one.why),
            )
            for place, one in enumerate(order)
        ],
    )


def _verdict(model: Contender, guess: Contender) -> tuple[Text, str]:
    """A guess, and whether the model did better than it at the count (mean error) and at the chances (log loss)."""
    better = {}
    for name in ("mae", "log_loss"):
        ours, theirs = model.figures.get(name), guess.figures.get(name)
        better[name] = None if ours is None or theirs is None else ours < theirs
    words = {
        (True, True): _("better"),
        (True, False): _("better at counts, not at chances"),
        (False, True): _("better at chances, not at counts"),
        (False, False): _("no better"),
    }
    title = MODELS[guess.code].title if guess.code in MODELS else guess.code
    count, chance = better["mae"], better["log_loss"]
    return title, _("not known") if count is None or chance is None else words[count, chance]


def cells(
    metric: Metric,
    *,
    heads: Sequence[Text],
    values: Sequence[float | None],
    spreads: Sequence[float | None] | None = None,
) -> list[Cell]:
    """The same figure of several models, written, the best one marked where two or more bring it.

    What reads the same is equally good, and where all read the same none is best.
    """
    distance = _AWAY[metric.better]
    known = [distance(value) for value in values if value is not None]
    texts = [written(value, form=metric.form) for value in values]
    read = {text for text, value in zip(texts, values, strict=True) if value is not None}
    best = {
        text
        for text, value in zip(texts, values, strict=True)
        if len(read) > 1 and value is not None and distance(value) == min(known)
    }
    return [
        Cell(
            head=head,
            text=text,
            is_best=value is not None and text in best,
            spread="" if spread is None else written(abs(spread), form=metric.form.removeprefix("signed_")),
        )
        for head, text, value, spread in zip(heads, texts, values, spreads or [None] * len(values), strict=True)
    ]


def written(value: float | None, *, form: str) -> str:
    """A figure as its form says: number, small_number, percent (one decimal) or signed_percent; a dash for None."""
    if value is None:
        return "–"
    if form.endswith("percent"):
        rounded = round(100 * value, 1)
        is_signed = form == "signed_percent"
        sign = "+" if is_signed and rounded > 0 else "−" if rounded < 0 else ""
        return f"{sign}{formats.number_format(abs(rounded), decimal_pos=1)} %"
    # Chances of an end within a month are small: three decimals would make a Brier score of .0042 a .004.
    places = 4 if form == "small_number" else 3
    return formats.number_format(value, decimal_pos=places).replace("-", "−")


def between(low: float | None, high: float | None) -> str:
    """An interval of shares as everywhere on the pages; empty where it is not known."""
    return "" if low is None or high is None else f"{percent(low)}–{percent(high)}"
