"""Whether people have changed since the figures were learned: one calm sentence, and the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rekindle.web.leaving_words import FEATURES, QUANTITIES
from rekindle.web.model_table import between
from rekindle.web.night_words import Text
from rekindle.web.templatetags.rekindle import days, percent

LARGE = 0.25  # the customary mark from which a shift is called large; docs/backtest.md
RARE = 0.01  # as there: what chance alone does less often than once in a hundred is more than chance


@dataclass(frozen=True)
class ShiftLine:
    """One thing a model reads or says: its median then and now, and by how much its spread moved (PSI)."""

    title: Text
    measure: Text
    then: str
    now: str
    people_then: int
    people_now: int
    psi: float
    psi_by_chance: float
    verdict: str
    wash: str


@dataclass(frozen=True)
class MissLine:
    """What was expected of the last stretch, what came, and where it would lie by chance (95 %)."""

    title: Text
    expected: str
    seen: str
    by_chance: str
    verdict: str
    wash: str


@dataclass(frozen=True)
class DriftView:
    """`has_drifted` is None when it cannot be told; then `sentence` says why."""

    has_drifted: bool | None
    sentence: str
    shifts: Sequence[ShiftLine]
    misses: Sequence[MissLine]
    unknown: Sequence[str]


def drift_view(facts: Mapping[str, Any] | None) -> DriftView | None:
    """What a night or a backtest found out about change; None where nobody looked."""
    if not facts:
        return None
    if facts.get("why_none"):
        return DriftView(
            None,
            _("Whether people have changed cannot be told: %(why)s") % {"why": facts["why_none"]},
            shifts=[],
            misses=[],
            unknown=[],
        )
    shifts, misses = facts.get("shifts") or [], facts.get("misses") or []
    return DriftView(
        has_drifted=bool(facts.get("has_drifted")),
        sentence=_sentence(shifts, misses),
        shifts=[_shift(one) for one in shifts],
        misses=[_miss(one) for one in misses],
        unknown=list(dict.fromkeys((facts.get("unknown") or {}).values())),
    )


def _sentence(shifts: Sequence[Mapping[str, Any]], misses: Sequence[Mapping[str, Any]]) -> str:
    moved = [_title(one["feature"]) for one in shifts if one["has_drifted"]]
    missed = [one for one in misses if one["has_drifted"]]
    told = []
    if moved:
        told.append(
            _("People have changed since the figures were learned: %(what)s.") % {"what": ", ".join(map(str, moved))}
        )
    for one in missed:
        told.append(
            _("Expected were %(expected)s %(what)s; it came to %(seen)s.")
            % {
                "expected": _count(one["expected"], of=one["quantity"]),
                "what": QUANTITIES.get(one["quantity"], one["quantity"]),
                "seen": _count(one["seen"], of=one["quantity"]),
            }
        )
    if told:
        return " ".join([*told, _("Take the figures with care until they have learned from the new time.")])
    if not shifts:
        return _("What came is what was expected, as far as chance allows; whether people changed cannot be told yet.")
    return _("People have not changed in a way that so many of them could show.")


def _shift(one: Mapping[str, Any]) -> ShiftLine:
    words = FEATURES.get(one["feature"])
    is_large = one["has_drifted"] and one["psi"] >= LARGE
    is_little = one["psi"] > one["psi_by_chance"] and one["ks_p"] < RARE
    still = _("changed, but little") if is_little else _("as before")
    return ShiftLine(
        title=_title(one["feature"]),
        measure=words[1] if words else "",
        then=_median(one["median_then"], of=one["feature"]),
        now=_median(one["median_now"], of=one["feature"]),
        people_then=one["then"],
        people_now=one["now"],
        psi=one["psi"],
        psi_by_chance=one["psi_by_chance"],
        verdict=_("changed a lot") if is_large else _("changed") if one["has_drifted"] else still,
        wash="note" if one["has_drifted"] else "quiet",
    )


def _miss(one: Mapping[str, Any]) -> MissLine:
    quantity = one["quantity"]
    by_chance = (
        between(one["low"], one["high"])
        if quantity == "none"
        else f"{_count(one['low'], of=quantity)}–{_count(one['high'], of=quantity)}"
    )
    is_inside = one["low"] <= one["expected"] <= one["high"]
    return MissLine(
        title=QUANTITIES.get(quantity, quantity),
        expected=_count(one["expected"], of=quantity),
        seen=_count(one["seen"], of=quantity),
        by_chance=by_chance,
        verdict=_("as expected") if is_inside else _("off") if one["has_drifted"] else _("off, but little"),
        wash="note" if one["has_drifted"] else "quiet",
    )


def _title(feature: str) -> Text:
    return FEATURES[feature][0] if feature in FEATURES else feature.replace("_", " ")


def _median(value: float, *, of: str) -> str:
    form = FEATURES[of][2] if of in FEATURES else ""
    if form == "days":
        return days(value)
    if form == "percent":
        return percent(value)
    if form == "times":
        return ngettext("%(n)s time", "%(n)s times", round(value)) % {"n": formats.number_format(round(value))}
    return formats.number_format(value, decimal_pos=2)


def _count(value: float, *, of: str) -> str:
    return percent(value) if of == "none" else formats.number_format(round(value), force_grouping=True)
