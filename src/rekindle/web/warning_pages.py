"""What the page "Why they leave" shows of early warning: all signs together against silence alone, as many warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from rekindle.web.night_words import SIGNS, Text
from rekindle.web.templatetags.rekindle import days, percent


@dataclass(frozen=True)
class WarningRow:
    """One figure of both ways to warn of as many people."""

    title: Text
    meaning: Text
    combined: str
    silence: str


@dataclass(frozen=True)
class WeightRow:
    """A sign and how many fold it makes the odds of leaving."""

    label: Text
    odds: str


@dataclass(frozen=True)
class WarningPage:
    """The comparison. `note` is the engine's own sentence; without rows it says why nothing could be measured."""

    sentence: str
    note: str
    is_used: bool
    is_measured: bool
    alarm_rate: float | None
    rows: Sequence[WarningRow]
    weights: Sequence[WeightRow]
    people: int | None
    cutoffs: int


def warning_page(facts: Mapping[str, Any] | None) -> WarningPage | None:
    """The page of `Night.facts["early_warning"]`; None where no night has looked."""
    if not facts:
        return None
    combined, silence = facts.get("combined"), facts.get("silence")
    is_measured = bool(combined and silence)
    return WarningPage(
        sentence=_sentence(facts) if is_measured else "",
        note=facts.get("sentence") or facts.get("why_none") or "",
        is_used=bool(facts.get("used")),
        is_measured=is_measured,
        alarm_rate=facts.get("alarm_rate"),
        rows=_rows(combined, silence) if combined and silence else [],
        weights=[
            WeightRow(SIGNS.get(one.get("code", ""), one["label"]), formats.number_format(one["odds"], decimal_pos=2))
            for one in facts.get("weights") or []
        ],
        people=facts.get("people"),
        cutoffs=len(facts.get("cutoffs") or []),
    )


def _sentence(facts: Mapping[str, Any]) -> str:
    """What both ways were worth of a hundred warnings, and whether the difference is more than chance."""
    words = {
        "combined": _of_100(facts["combined"]["precision"]),
        "silence": _of_100(facts["silence"]["precision"]),
        "low": formats.number_format(100 * facts["low"], decimal_pos=1).replace("-", "−"),
        "high": formats.number_format(100 * facts["high"], decimal_pos=1).replace("-", "−"),
    }
    told = _(
        "Of 100 people warned of, %(combined)s left with all signs together and %(silence)s with silence alone; "
        "the difference lies between %(low)s and %(high)s (95 %% interval)."
    )
    if facts.get("used"):
        return _("All signs together see more than silence alone.") + " " + told % words
    if facts.get("measured_on") not in (None, "told"):
        why = _(
            "Too few people told us that they leave; an end presumed from silence is foreseen by silence, so this "
            "comparison does not count."
        )
        return why + " " + told % words
    return _("All signs together see no more than silence alone, so they do not count.") + " " + told % words


def _of_100(share: float) -> str:
    return _("under 1") if 0 < share < 0.005 else formats.number_format(round(100 * share))


def _rows(combined: Mapping[str, Any], silence: Mapping[str, Any]) -> list[WarningRow]:
    told: Sequence[tuple[str, Text, Text, Callable[[float | None], str]]] = (
        ("precision", _("Left after it"), _("of the warnings, how many were followed by an ending"), percent),
        ("caught_share", _("Endings it preceded"), _("of all endings, how many were warned of"), percent),
        ("lead_days", _("Seen ahead"), _("median time from the first warning to the ending"), days),
        ("false_alarm_rate", _("False alarms"), _("of the people who stayed, how many were warned of"), percent),
    )
    return [
        WarningRow(title, meaning, form(combined.get(name)), form(silence.get(name)))
        for name, title, meaning, form in told
    ]
