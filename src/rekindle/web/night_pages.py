"""What the night's page shows of a night: steps, stages that add up, choices, fits beside their baselines, signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rekindle.journal.models import Night, NightState, NightStep, SignRecord, StepState
from rekindle.journal.nights import NightBook
from rekindle.relationships.vocabulary import EventKind, Stage, Suggestion
from rekindle.web.drift_pages import DriftView, drift_view
from rekindle.web.fit_pages import FitCard, learned
from rekindle.web.model_table import ModelTable
from rekindle.web.night_words import REASONS, SIGNS, STEPS, Text, in_words
from rekindle.web.survival_chart import Chart, survival_chart

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
    used: Sequence[FitCard]
    unused: Sequence[FitCard]
    models: ModelTable | None
    trust: str
    drift: DriftView | None
    remarks: Sequence[str]
    held_back_days: int | None
    pulse: Sequence[Text]
    signs: Sequence[SignLine]
    survival: Chart | None


def night_page(book: NightBook) -> NightPage:
    """Everything one page of one night shows."""
    night = book.night
    found = learned(book.fits)
    return NightPage(
        night=night,
        is_running=night.state == NightState.RUNNING,
        has_failed=night.state == NightState.FAILED,
        lasted=night.ended_at - night.begun_at if night.ended_at else None,
        steps=[step_line(step) for step in book.steps],
        stages=_stages(night),
        choices=_choices(night),
        fits=found.cards,
        used=found.used,
        unused=found.unused,
        models=found.table,
        trust=found.trust,
        drift=drift_view(night.facts.get("drift")),
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
