"""What the page about trust shows of a backtest: who is trusted and by how much, the calibration, what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rekindle.relationships.vocabulary import EventKind
from rekindle.web.drift_pages import DriftView, drift_view
from rekindle.web.fit_pages import title_of
from rekindle.web.leaving_words import TRIAL_METRICS
from rekindle.web.model_table import GUESSES, Contender, ModelTable, model_table, written
from rekindle.web.night_words import Text, in_words
from rekindle.web.share_charts import Dots, dots


@dataclass(frozen=True)
class CutoffLine:
    """One earlier day: who was known then, what the trusted model expected of the time after, and what came."""

    cutoff: date
    people: int
    expected: float | None
    seen: float
    error: str
    refused: str


@dataclass(frozen=True)
class BacktestPage:
    """Everything the page shows. `spoken` are the sentences on top, `calibration` is of the newest day."""

    as_of: date
    horizon_days: int
    pulse: Sequence[Text]
    winner: Text
    winner_is_guess: bool
    spoken: Sequence[str]
    table: ModelTable | None
    cutoffs: Sequence[CutoffLine]
    skipped: Sequence[tuple[date, str]]
    calibration: Dots | None
    calibration_of: date
    drift: DriftView | None
    notes: Sequence[str]


def backtest_page(document: Mapping[str, Any]) -> BacktestPage:
    """The page of the document of docs/backtest.md. Raises LookupError, TypeError or ValueError when it is another."""
    winner, cutoffs = document["winner"], document["cutoffs"]
    newest = cutoffs[-1]
    of_winner = [_trial(cutoff, winner["model"]) for cutoff in cutoffs]
    table = model_table(
        [
            Contender(
                code=model["model"],
                is_chosen=model["chosen"],
                figures=model["mean"],
                spreads=model["spread"],
                why=model["why"],
                cutoffs=model["cutoffs"],
            )
            for model in document["models"]
        ],
        metrics=TRIAL_METRICS,
    )
    return BacktestPage(
        as_of=date.fromisoformat(document["as_of"]),
        horizon_days=document["horizon_days"],
        pulse=[in_words(kind, known=dict(EventKind.choices())) for kind in document["pulse"]],
        winner=title_of(winner["model"]),
        winner_is_guess=winner["model"] in GUESSES,
        spoken=_spoken(document),
        table=table,
        cutoffs=[_cutoff(cutoff, trial) for cutoff, trial in zip(cutoffs, of_winner, strict=True)],
        skipped=[(date.fromisoformat(day), why) for day, why in sorted(document["skipped"].items())],
        calibration=dots(of_winner[-1]["calibration"]) if of_winner[-1] else None,
        calibration_of=date.fromisoformat(newest["cutoff"]),
        drift=drift_view(document["drift"]),
        notes=document["notes"],
    )


def _trial(cutoff: Mapping[str, Any], model: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = next((one for one in cutoff["trials"] if one["model"] == model), None)
    return found


def _cutoff(cutoff: Mapping[str, Any], trial: Mapping[str, Any] | None) -> CutoffLine:
    expected = trial["expected"] if trial else None
    seen = cutoff["seen"]
    return CutoffLine(
        cutoff=date.fromisoformat(cutoff["cutoff"]),
        people=cutoff["people"],
        expected=expected,
        seen=seen,
        error=written(expected / seen - 1 if expected is not None and seen else None, form="signed_percent"),
        refused=(trial["refused"] or "") if trial else _("it gave no answer on that day"),
    )


def _spoken(document: Mapping[str, Any]) -> list[str]:
    """How wrong the trusted one was, against the plain guesses, in sentences."""
    winner = document["winner"]
    figures: Mapping[str, Any] = winner["mean"]
    told = [
        ngettext(
            "Asked on %(n)s earlier day what the %(horizon)s days after it would bring, %(model)s did best.",
            "Asked on %(n)s earlier days what the %(horizon)s days after each would bring, %(model)s did best.",
            winner["cutoffs"],
        )
        % {"n": winner["cutoffs"], "horizon": document["horizon_days"], "model": title_of(winner["model"])}
    ]
    if winner["model"] in GUESSES:
        told[0] = _("No model did better here than the plain guess “%(model)s”, and so the guess is used.") % {
            "model": title_of(winner["model"])
        }
    if figures.get("total_error") is not None:
        spread = winner["spread"].get("total_error")
        told.append(_total(figures["total_error"], spread))
    if figures.get("mae") is not None:
        told.append(_per_person(figures["mae"], document["models"], winner["model"]))
    surer = [
        one["model"]
        for one in document["models"]
        if one["model"] in GUESSES and _is_less(one["mean"].get("log_loss"), figures.get("log_loss"))
    ]
    if surer and winner["model"] not in GUESSES:
        told.append(
            _("At the chance that somebody comes at all, the plain guess “%(guess)s” was better.")
            % {"guess": title_of(surer[0])}
        )
    return told


def _is_less(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def _total(error: float, spread: float | None) -> str:
    way = _("too many") if error > 0 else _("too few")
    shown = written(abs(error), form="percent")
    if spread is None:
        return _("All people together, it told %(error)s %(way)s.") % {"error": shown, "way": way}
    return _("All people together, it told %(error)s %(way)s on average, give or take %(spread)s from day to day.") % {
        "error": shown,
        "way": way,
        "spread": written(spread, form="percent"),
    }


def _per_person(mae: float, models: Sequence[Mapping[str, Any]], winner: str) -> str:
    own = formats.number_format(mae, decimal_pos=2)
    rate = next((one["mean"].get("mae") for one in models if one["model"] == "rate"), None)
    if rate is None or winner == "rate":
        return _("For one person it was off by %(own)s days on average.") % {"own": own}
    return _(
        "For one person it was off by %(own)s days on average; repeating everyone's own past rate by %(rate)s."
    ) % {"own": own, "rate": formats.number_format(rate, decimal_pos=2)}
