"""What the night's page shows of a night: steps, stages that add up, choices, fits beside their baselines, signs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from rekindle.journal.models import Fit, Night, NightState, NightStep, SignRecord, StepState
from rekindle.journal.nights import NightBook
from rekindle.relationships.vocabulary import EventKind, Stage, Suggestion
from rekindle.web.fit_words import Why, why_in_words
from rekindle.web.night_words import METRICS, MODELS, PARAMETERS, REASONS, SIGNS, STEPS, Metric, Text, in_words
from rekindle.web.survival_chart import Chart, survival_chart

BASELINES = ("rate", "recency")
WASHES: Mapping[str, str] = {
    Stage.ONGOING: "ok",
    Stage.PHOENIX: "ok",
    Stage.EARLY: "ok",
    Stage.DATING: "ok",
    Stage.AT_RISK: "risk",
    Stage.NOTICE: "risk",
    Stage.WOOING: "note",
    Stage.OLD_FRIENDS: "note",
}


@dataclass(frozen=True)
class StepLine:
    """One step: its words, and how long, how much and how large it was; None where it has not come to that."""

    title: Text
    meaning: Text
    state: str
    state_text: str
    wash: str
    rows: int | None
    seconds: float | None
    peak_mb: int | None


@dataclass(frozen=True)
class Share:
    """A count with its part of the whole, in [0, 1]."""

    code: str
    label: Text
    n: int
    share: float | None
    wash: str = ""
    meaning: Text = ""

    @property
    def width(self) -> str:
        """Length of the bar out of 100 as SVG wants it; what is not nothing stays visible."""
        return f"{max(1.2, 100 * (self.share or 0)):.1f}"


@dataclass(frozen=True)
class Tally:
    """Counts that should add up to `people`. `agrees` is None when the number of people is not known."""

    shares: Sequence[Share]
    total: int
    people: int | None

    @property
    def agrees(self) -> bool | None:
        return None if self.people is None else self.total == self.people


@dataclass(frozen=True)
class Choices:
    """What was chosen for everyone: suggestions, with those left in peace and why."""

    all: Tally
    left_alone: Tally


@dataclass(frozen=True)
class Parameter:
    name: str
    meaning: Text
    value: str
    unit: Text
    error: str


@dataclass(frozen=True)
class Cell:
    head: Text
    text: str
    is_best: bool


@dataclass(frozen=True)
class Score:
    """One held-out figure of a model beside the same figure of the plain guesses."""

    title: Text
    meaning: Text
    cells: Sequence[Cell]


@dataclass(frozen=True)
class FitCard:
    fit: Fit
    title: Text
    meaning: Text
    why: Why
    parameters: Sequence[Parameter]
    heads: Sequence[Text]
    scores: Sequence[Score]
    held_out_n: int | None


@dataclass(frozen=True)
class SignLine:
    record: SignRecord
    title: Text
    beats_chance: bool | None
    why: str


@dataclass(frozen=True)
class NightPage:
    night: Night
    is_running: bool
    has_failed: bool
    lasted: timedelta | None
    steps: Sequence[StepLine]
    stages: Tally
    choices: Choices
    fits: Sequence[FitCard]
    trust: str
    remarks: Sequence[str]
    held_back_days: int | None
    pulse: Sequence[Text]
    signs: Sequence[SignLine]
    survival: Chart | None


def night_page(book: NightBook) -> NightPage:
    """Everything one page of one night shows."""
    night = book.night
    shown = [fit for fit in book.fits if fit.model not in BASELINES or fit.is_chosen]
    # First what is used, and of that first what can be judged by held-out time.
    fits = [_fit_card(fit) for fit in sorted(shown, key=lambda fit: (not fit.is_chosen, not fit.held_out, fit.model))]
    return NightPage(
        night=night,
        is_running=night.state == NightState.RUNNING,
        has_failed=night.state == NightState.FAILED,
        lasted=night.ended_at - night.begun_at if night.ended_at else None,
        steps=[step_line(step) for step in book.steps],
        stages=_stages(night),
        choices=_choices(night),
        fits=fits,
        trust=_trust(book.fits),
        remarks=[night.facts[name] for name in ("why_no_model", "why_no_value") if night.facts.get(name)],
        held_back_days=night.facts.get("held_back_days"),
        pulse=[in_words(kind, known=dict(EventKind.choices())) for kind in night.facts.get("pulse") or []],
        signs=_signs(book.signs, trust=night.facts.get("trust") or {}),
        survival=survival_chart(night.facts.get("survival")),
    )


def step_line(step: NightStep) -> StepLine:
    words = STEPS.get(step.name)
    wash = {StepState.DONE.value: "ok", StepState.RUNNING.value: "note", StepState.FAILED.value: "risk"}
    return StepLine(
        title=words.title if words else step.name.replace("_", " "),
        meaning=words.meaning if words else "",
        state=step.state,
        state_text=step.get_state_display(),
        wash=wash.get(step.state, "quiet"),
        rows=step.rows,
        seconds=step.seconds,
        peak_mb=step.peak_mb,
    )


# Counts that add up


def _tally(
    counts: Mapping[str, int],
    *,
    labels: Mapping[str, Text],
    people: int | None,
    meanings: Mapping[str, Text] | None = None,
) -> Tally:
    total = sum(counts.values())
    shares = [
        Share(
            code=code,
            label=in_words(code, known=labels),
            n=n,
            share=n / total if total else None,
            wash=WASHES.get(code, "quiet"),
            meaning=(meanings or {}).get(code, ""),
        )
        for code, n in counts.items()
        if n
    ]
    return Tally(shares=shares, total=total, people=people)


def _stages(night: Night) -> Tally:
    """Stages in the order of a relationship, unknown codes last."""
    order = {stage.value: place for place, stage in enumerate(Stage)}
    counts = dict(sorted(night.stages.items(), key=lambda pair: order.get(pair[0], len(order))))
    return _tally(counts, labels=dict(Stage.choices()), people=night.people)


def _choices(night: Night) -> Choices:
    """The choices, and of the many left in peace why."""
    suggestions: Mapping[str, int] = night.decisions
    reasons: Mapping[str, int] = night.facts.get("nothing_because") or {}
    by_size = sorted(suggestions.items(), key=lambda pair: (pair[0] == Suggestion.NOTHING, -pair[1]))
    why = sorted(reasons.items(), key=lambda pair: -pair[1])
    return Choices(
        all=_tally(dict(by_size), labels=dict(Suggestion.choices()), people=night.people),
        left_alone=_tally(
            dict(why),
            labels={code: words.title for code, words in REASONS.items()},
            meanings={code: words.meaning for code, words in REASONS.items()},
            people=suggestions.get(Suggestion.NOTHING.value),
        ),
    )


# Fits


def _fit_card(fit: Fit) -> FitCard:
    words = MODELS.get(fit.model)
    baselines = {name: fit.baselines[name] for name in sorted(fit.baselines) if name != fit.model}
    columns = [fit.held_out, *baselines.values()]
    heads = [MODELS[name].title if name in MODELS else name for name in (fit.model, *baselines)]
    scores = [
        _score(metric, heads=heads, values=[column.get(name) for column in columns])
        for name, metric in METRICS.items()
        if fit.held_out.get(name) is not None
    ]
    return FitCard(
        fit=fit,
        title=words.title if words else fit.model,
        meaning=words.meaning if words else "",
        why=why_in_words(fit.why),
        parameters=_parameters(fit),
        heads=heads,
        scores=scores,
        held_out_n=fit.held_out.get("n"),
    )


def _parameters(fit: Fit) -> list[Parameter]:
    """In the papers' order, which the database does not keep; letters without words follow by name."""
    order = {name: place for place, name in enumerate(PARAMETERS.get(fit.model, PARAMETERS[""]))}
    named = sorted(fit.parameters.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0]))
    return [_parameter(fit, name, value) for name, value in named]


def _parameter(fit: Fit, name: str, value: Any) -> Parameter:
    words = PARAMETERS.get(fit.model, PARAMETERS[""]).get(name)
    error = (fit.standard_errors or {}).get(name)
    is_number = isinstance(value, int | float)
    return Parameter(
        name=name,
        meaning=words[0] if words else "",
        value=_figures(value) if is_number else _("without bound"),
        unit=words[1] if words else "",
        error=_figures(error) if isinstance(error, int | float) else "",
    )


def _figures(value: float) -> str:
    """Four significant figures, in the reader's way of writing numbers."""
    if value == 0 or 1e-4 <= abs(value) < 1e9:
        decimals = max(0, 4 - len(str(int(abs(value)))) if abs(value) >= 1 else 4)
        return formats.number_format(value, decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return f"{value:.3g}"


def _score(metric: Metric, *, heads: Sequence[Text], values: Sequence[float | None]) -> Score:
    away: Mapping[str, Callable[[float], float]] = {
        "low": lambda value: value,
        "high": lambda value: -value,
        "zero": abs,
    }
    distance = away[metric.better]
    known = [distance(value) for value in values if value is not None]
    best = min(known) if len(known) > 1 else None
    return Score(
        title=metric.title,
        meaning=metric.meaning,
        cells=[
            Cell(
                head=head,
                text=_written(value, form=metric.form),
                is_best=best is not None and value is not None and distance(value) == best,
            )
            for head, value in zip(heads, values, strict=True)
        ],
    )


def _written(value: float | None, *, form: str) -> str:
    if value is None:
        return "–"
    if form == "signed_percent":
        rounded = round(100 * value, 1)
        sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
        return f"{sign}{formats.number_format(abs(rounded), decimal_pos=1)} %"
    return formats.number_format(value, decimal_pos=3).replace("-", "−")


def _trust(fits: Sequence[Fit]) -> str:
    """One sentence on how far the chosen model may be believed; empty when there is no chosen model to speak of."""
    chosen = next((fit for fit in fits if fit.is_chosen and fit.held_out.get("mae") is not None), None)
    if chosen is None:
        return ""
    words = MODELS.get(chosen.model)
    title = words.title if words else chosen.model
    mae = formats.number_format(chosen.held_out["mae"], decimal_pos=2)
    plain = (chosen.baselines.get("rate") or {}).get("mae")
    if chosen.model in BASELINES or plain is None:
        return _("No model was better here than the plain guess “%(guess)s”; it errs by %(mae)s days a person.") % {
            "guess": title,
            "mae": mae,
        }
    return _(
        "On time it had not seen, %(model)s was off by %(mae)s days a person on average; "
        "repeating everyone's own past rate was off by %(plain)s."
    ) % {"model": title, "mae": mae, "plain": formats.number_format(plain, decimal_pos=2)}


# Signs


def _signs(records: Sequence[SignRecord], *, trust: Mapping[str, str]) -> list[SignLine]:
    """What is measured first, the most telling on top; what is not known last."""
    ordered = sorted(records, key=lambda record: (record.precision is None, -(record.precision or 0), record.code))
    return [_sign_line(record, why=trust.get(record.code, "")) for record in ordered]


def _sign_line(record: SignRecord, *, why: str) -> SignLine:
    beats = None
    if record.precision_low is not None and record.base_rate is not None:
        beats = record.precision_low > record.base_rate
    return SignLine(record=record, title=in_words(record.code, known=SIGNS), beats_chance=beats, why=why)
