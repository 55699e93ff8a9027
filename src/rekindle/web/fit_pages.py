"""What the night's page shows of what was learned: a table of the models of coming, then a card for each fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from rekindle.journal.models import Fit
from rekindle.web.fit_words import Why, why_in_words
from rekindle.web.leaving_words import LIFE_METRICS, LIFE_MODELS, PLAIN_GUESSES
from rekindle.web.model_table import GUESSES, Contender, ModelTable, Score, cells, model_table
from rekindle.web.night_words import METRICS, MODELS, PARAMETERS, Text
from rekindle.web.share_charts import Dots, dots


@dataclass(frozen=True)
class Parameter:
    name: str
    meaning: Text
    value: str
    unit: Text
    error: str


@dataclass(frozen=True)
class FitCard:
    """One fit. `is_compared` says that the table of models holds its figures already."""

    fit: Fit
    title: Text
    meaning: Text
    why: Why
    parameters: Sequence[Parameter]
    heads: Sequence[Text]
    scores: Sequence[Score]
    held_out_n: int | None
    is_compared: bool
    calibration: Dots | None

    @property
    def is_used(self) -> bool:
        """Chosen, or without a rival to be chosen over: second lives are compared, not foretold."""
        return self.fit.is_chosen or self.fit.model == "second_lives"

    @property
    def is_of_lives(self) -> bool:
        return self.fit.model in LIFE_MODELS


@dataclass(frozen=True)
class Learned:
    """Everything a night learned: the models of coming side by side, then each fit by itself, what is used first."""

    table: ModelTable | None
    cards: Sequence[FitCard]
    trust: str

    @property
    def used(self) -> list[FitCard]:
        return [card for card in self.cards if card.is_used]

    @property
    def unused(self) -> list[FitCard]:
        return [card for card in self.cards if not card.is_used]


def learned(fits: Sequence[Fit]) -> Learned:
    """The part of the page about `fits`, of which only what was asked about held-out time can be compared."""
    table = model_table(_contenders(fits), metrics=METRICS)
    compared = {line.code for line in table.lines} if table else set()
    shown = [fit for fit in fits if fit.model not in GUESSES or fit.is_chosen]
    # First what is used, and of that first what can be judged by held-out time.
    shown.sort(key=lambda fit: (not fit.is_chosen, not fit.held_out, fit.model in LIFE_MODELS, fit.model))
    return Learned(
        table=table, cards=[_card(fit, is_compared=fit.model in compared) for fit in shown], trust=_trust(fits)
    )


def _contenders(fits: Sequence[Fit]) -> list[Contender]:
    """The models of coming and the plain guesses, also where a night wrote those beside a model only."""
    found = {
        fit.model: Contender(fit.model, is_chosen=fit.is_chosen, figures=fit.held_out, spreads={}, why=fit.why)
        for fit in fits
        if fit.model not in LIFE_MODELS
    }
    for fit in fits:
        if fit.model in LIFE_MODELS:
            continue
        for name, figures in fit.baselines.items():
            found.setdefault(name, Contender(name, is_chosen=False, figures=figures, spreads={}))
    return list(found.values())


def title_of(model: str) -> Text:
    """The name of a model, a guess or a plain figure; a code without a name as it is."""
    named = MODELS.get(model) or LIFE_MODELS.get(model)
    return named.title if named else PLAIN_GUESSES.get(model, model.replace("_", " "))


def _card(fit: Fit, *, is_compared: bool) -> FitCard:
    words = MODELS.get(fit.model) or LIFE_MODELS.get(fit.model)
    baselines = {name: fit.baselines[name] for name in sorted(fit.baselines) if name != fit.model}
    columns = [fit.held_out, *baselines.values()]
    heads = [title_of(name) for name in (fit.model, *baselines)]
    scores = [
        Score(metric.title, metric.meaning, cells(metric, heads=heads, values=[c.get(name) for c in columns]))
        for name, metric in (LIFE_METRICS if fit.model in LIFE_MODELS else METRICS).items()
        if fit.held_out.get(name) is not None
    ]
    groups = fit.held_out.get("calibration")
    return FitCard(
        fit=fit,
        title=words.title if words else title_of(fit.model),
        meaning=words.meaning if words else "",
        why=_why(fit),
        parameters=_parameters(fit),
        heads=heads,
        scores=scores,
        held_out_n=fit.held_out.get("n"),
        is_compared=is_compared,
        calibration=dots(groups) if isinstance(groups, list) else None,
    )


def _why(fit: Fit) -> Why:
    """The engine's note in plain words; of the models of leaving only "ahead" has words of its own."""
    if fit.model not in LIFE_MODELS:
        return why_in_words(fit.why)
    if fit.why.startswith("Used: ahead of"):
        return Why(_("Used, because on people it had not seen it told better than every plain guess."), fit.why)
    return Why(fit.why[:1].upper() + fit.why[1:], "")


def _parameters(fit: Fit) -> list[Parameter]:
    """In the papers' order, which the database does not keep; letters without words follow by name."""
    order = {name: place for place, name in enumerate(_letters(fit))}
    named = sorted(fit.parameters.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0]))
    return [_parameter(fit, name, value) for name, value in named if not isinstance(value, dict | list)]


def _letters(fit: Fit) -> Any:
    """Words of the letters; those of the models of coming mean something else elsewhere."""
    return PARAMETERS.get(fit.model, {} if fit.model in LIFE_MODELS else PARAMETERS[""])


def _parameter(fit: Fit, name: str, value: Any) -> Parameter:
    words = _letters(fit).get(name)
    error = (fit.standard_errors or {}).get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Parameter(
        name=name.replace("_", " "),
        meaning=words[0] if words else "",
        value=_figures(value) if is_number else _("without bound") if value is None else str(value),
        unit=words[1] if words else "",
        error=_figures(error) if isinstance(error, int | float) else "",
    )


def _figures(value: float) -> str:
    """Four significant figures, in the reader's way of writing numbers; a whole number as it is."""
    if value == int(value) and abs(value) < 1e9:
        return formats.number_format(int(value), use_l10n=True, force_grouping=True)
    if 1e-4 <= abs(value) < 1e9:
        decimals = max(0, 4 - len(str(int(abs(value)))) if abs(value) >= 1 else 4)
        return formats.number_format(value, decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return f"{value:.3g}"


def _trust(fits: Sequence[Fit]) -> str:
    """One sentence on how far the chosen model may be believed; empty when there is no chosen model to speak of."""
    chosen = next((fit for fit in fits if fit.is_chosen and fit.held_out.get("mae") is not None), None)
    if chosen is None:
        return ""
    title = title_of(chosen.model)
    mae = formats.number_format(chosen.held_out["mae"], decimal_pos=2)
    plain = (chosen.baselines.get("rate") or {}).get("mae")
    if chosen.model in GUESSES or plain is None:
        return _("No model was better here than the plain guess “%(guess)s”; it errs by %(mae)s days a person.") % {
            "guess": title,
            "mae": mae,
        }
    return _(
        "On time it had not seen, %(model)s was off by %(mae)s days a person on average; "
        "repeating everyone's own past rate was off by %(plain)s."
    ) % {"model": title, "mae": mae, "plain": formats.number_format(plain, decimal_pos=2)}
