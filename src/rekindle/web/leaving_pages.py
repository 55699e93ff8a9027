"""What the page "Why they leave" shows of ends: how many, through what, what weighs most, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from rekindle.web.leaving_words import CAUSES, LIFE_METRICS, PLAIN_GUESSES
from rekindle.web.model_table import Score, cells
from rekindle.web.night_words import Text
from rekindle.web.share_charts import Bar, Dots, bars, dots
from rekindle.web.survival_chart import Chart, survival_chart

SMALL_TOTAL = 0.05  # our choice: under five in a hundred people are counted of a thousand
WEIGHTY_SHOWN = 8
LEAST_WEIGHT = 0.05  # our choice: odds that move by less than a twentieth are read as "not at all"


@dataclass(frozen=True)
class CauseLine:
    """One cause: the bar of its share within a year, what counts under it, and how many endings it was seen in."""

    bar: Bar
    meaning: Text
    endings: int
    share: float | None


@dataclass(frozen=True)
class WeightLine:
    """One thing that weighs on whether people leave; `width` of its bar in per cent of the heaviest."""

    label: str
    sentence: str
    width: str


@dataclass(frozen=True)
class Trust:
    """How the chances of leaving did on people they had not learned from, beside the plain guesses."""

    sentence: str
    heads: Sequence[Text]
    scores: Sequence[Score]
    n: int | None
    calibration: Dots | None


@dataclass(frozen=True)
class LeavingPage:
    """Everything the page says of ends. `opening` is empty when no share within a year is known; `why_none` why."""

    as_of: date | None
    opening: str
    why_none: str
    is_plain: bool
    lives: int | None
    endings: int | None
    period_days: int | None
    causes: Sequence[CauseLine]
    kinds: Sequence[Bar]
    kinds_total: int
    has_reasons: bool
    weighty: Sequence[WeightLine]
    trust: Trust | None
    survival: Chart | None


def leaving_page(document: Mapping[str, Any], *, survival: Mapping[str, Any] | None) -> LeavingPage:
    """The page of what workflows.why_they_leave tells, with the survival of lives the night kept."""
    causes = document.get("causes") or []
    kinds = document.get("kinds") or []
    total = sum(one["n"] for one in kinds)
    day = document.get("as_of")
    return LeavingPage(
        as_of=date.fromisoformat(day) if day else None,
        opening=opening(causes),
        why_none=document.get("why_none") or "",
        is_plain=document.get("model") == "plain",
        lives=document.get("lives"),
        endings=document.get("endings"),
        period_days=document.get("period_days"),
        causes=_causes(causes),
        kinds=bars([{**one, "share": one["n"] / total} for one in kinds if total], share="share"),
        kinds_total=total,
        has_reasons=any(one["kind"] for one in kinds),
        weighty=_weighty(document.get("weighty") or []),
        trust=_trust(document),
        survival=survival_chart(survival),
    )


def opening(causes: Sequence[Mapping[str, Any]]) -> str:
    """ "Of 100 who join, 14 leave within a year: 8 say so, 4 through payment, 2 fall silent."; the parts add up.

    Empty when for some cause it is not known how many leave within a year.
    """
    shares = {one["cause"]: one["within_year"] for one in causes if one.get("within_year") is not None}
    if not causes or len(shares) < len(causes):
        return ""
    whole = sum(shares.values())
    of = 100 if whole >= SMALL_TOTAL else 1000
    counts = _rounded_together([share * of for share in shares.values()])
    parts = [
        str(CAUSES[code].of_a_hundred if code in CAUSES else _("%(n)s otherwise")) % {"n": n}
        for n, code in sorted(zip(counts, shares, strict=True), key=lambda pair: -pair[0])
        if n
    ]
    facts = {"of": of, "n": sum(counts), "parts": ", ".join(parts)}
    if len(parts) < 2:
        return _("Of %(of)s who join, %(n)s leave within a year.") % facts
    return _("Of %(of)s who join, %(n)s leave within a year: %(parts)s.") % facts


def _rounded_together(values: Sequence[float]) -> list[int]:
    """Whole numbers that add up to the rounded sum, each next to its value: the largest remainders are rounded up."""
    floors = [math.floor(value) for value in values]
    left = math.floor(sum(values) + 0.5) - sum(floors)
    by_rest = sorted(range(len(values)), key=lambda i: floors[i] - values[i])
    for i in by_rest[:left]:
        floors[i] += 1
    return floors


def _causes(causes: Sequence[Mapping[str, Any]]) -> list[CauseLine]:
    drawn = bars(causes, share="within_year")
    return [
        CauseLine(
            bar=bar,
            meaning=CAUSES[one["cause"]].meaning if one["cause"] in CAUSES else "",
            endings=one["endings"],
            share=one.get("share"),
        )
        for one, bar in zip(causes, drawn, strict=True)
    ]


def _weighty(weights: Sequence[Mapping[str, Any]]) -> list[WeightLine]:
    shown = [one for one in weights if abs(one["log_odds"]) >= LEAST_WEIGHT][:WEIGHTY_SHOWN]
    heaviest = max((abs(one["log_odds"]) for one in shown), default=0.0) or 1.0
    return [
        WeightLine(one["label"], one["sentence"], f"{max(1.0, 100 * abs(one['log_odds']) / heaviest):.1f}%")
        for one in shown
    ]


def _trust(document: Mapping[str, Any]) -> Trust | None:
    told = document.get("trust")
    if not told:
        return None
    guesses = [name for name in PLAIN_GUESSES if told.get(name)]
    heads = [_("Learned from your people"), *(PLAIN_GUESSES[name] for name in guesses)]
    return Trust(
        sentence=told.get("sentence") or "",
        heads=heads,
        scores=[
            Score(
                metric.title,
                metric.meaning,
                cells(metric, heads=heads, values=[told.get(name), *(told[guess].get(name) for guess in guesses)]),
            )
            for name, metric in LIFE_METRICS.items()
            if told.get(name) is not None
        ],
        n=told.get("n"),
        calibration=dots(document.get("calibration") or []),
    )
