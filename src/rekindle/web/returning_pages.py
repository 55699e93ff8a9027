"""What the page "Why they leave" shows of the time after: who comes back by month, and what a second life is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from rekindle.web.night_words import Text
from rekindle.web.share_charts import Bar, Rise, bars, rise
from rekindle.web.templatetags.rekindle import about, money, percent, span

YEAR = 12  # months


@dataclass(frozen=True)
class MonthRow:
    """One month since leaving: the chance to come back in it and by its end, with intervals; None beyond reach."""

    month: int
    chance: float | None
    low: float | None
    high: float | None
    by: float | None
    by_low: float | None
    by_high: float | None


@dataclass(frozen=True)
class Compared:
    """One figure of first and of second lives, as words."""

    title: Text
    first: str
    second: str


@dataclass(frozen=True)
class SecondLives:
    """Second lives against first ones; `why_none` where they are too few to compare."""

    why_none: str
    n: int | None
    sentence: str
    rows: Sequence[Compared]
    horizon_days: int | None
    why_no_money: str


@dataclass(frozen=True)
class OtherKind:
    """The kind of end that is kept apart from the one the figures are of: who, and how many come back."""

    label: str
    told: str


@dataclass(frozen=True)
class ReturningPage:
    """Everything the page says of coming back. `kind` says of whose ends, `trust` how the same did on the last year."""

    why_none: str
    opening: str
    ends: int | None
    returns: int | None
    rise: Rise | None
    months: Sequence[MonthRow]
    groups: Sequence[Bar]
    boundary: str
    kind: str
    trust: str
    others: Sequence[OtherKind]
    second: SecondLives | None


def returning_page(document: Mapping[str, Any]) -> ReturningPage:
    """The page of what workflows.coming_back tells."""
    curve, kinds = document.get("curve") or [], document.get("kinds") or []
    groups = [
        {
            "label": one["label"],
            "share": one.get("by_12"),
            "low": one.get("low"),
            "high": one.get("high"),
            "n": one["n"],
        }
        for one in document.get("groups") or []
    ]
    return ReturningPage(
        why_none=document.get("why_none") or "",
        opening=_opening(curve),
        ends=document.get("ends"),
        returns=document.get("returns"),
        rise=rise(curve),
        months=[MonthRow(**{name: row.get(name) for name in MonthRow.__dataclass_fields__}) for row in curve],
        groups=bars(groups, share="share"),
        boundary=document.get("boundary") or "",
        kind=next((str(one["label"]) for one in kinds if one["kind"] == document.get("of")), ""),
        trust=_trust(document.get("trust")),
        others=[
            OtherKind(str(one["label"]), _opening(one.get("curve") or []) or one.get("why_none") or _("Not known."))
            for one in kinds
            if one["kind"] != document.get("of")
        ],
        second=_second(document.get("second")),
    )  # fmt: skip


def _opening(curve: Sequence[Mapping[str, Any]]) -> str:
    """How many of a hundred who left come back within a year, or within the months that could be watched."""
    known = [row for row in curve if row.get("by") is not None and row["month"] <= YEAR]
    if not known:
        return ""
    last = known[-1]
    facts = {
        "n": formats.number_format(100 * last["by"], decimal_pos=0 if last["by"] >= 0.1 else 1),
        "low": percent(last["by_low"]),
        "high": percent(last["by_high"]),
        "months": last["month"],
    }
    if last["month"] == YEAR:
        return _("Of 100 who left, %(n)s come back within a year (%(low)s–%(high)s).") % facts
    return (
        _("Of 100 who left, %(n)s come back within %(months)s months (%(low)s–%(high)s); nobody was away longer yet.")
        % facts
    )


def _trust(check: Mapping[str, Any] | None) -> str:
    """What would have been foretold a year ago of those who were away then, and how many of them are back."""
    if not check:
        return ""
    facts = {
        "n": formats.number_format(check["n"], force_grouping=True),
        "seen": formats.number_format(check["seen"], force_grouping=True),
        "foretold": formats.number_format(round(check["foretold"]), force_grouping=True),
        "low": formats.number_format(math.floor(check["low"]), force_grouping=True),
        "high": formats.number_format(math.ceil(check["high"]), force_grouping=True),
    }
    if check["low"] <= check["seen"] <= check["high"]:
        return (
            _(
                "Asked a year ago about the %(n)s people who were away then, the same reckoning would have told "
                "%(foretold)s returns by now (%(low)s–%(high)s); %(seen)s came back. So it can be relied on."
            )
            % facts
        )
    return (
        _(
            "Asked a year ago about the %(n)s people who were away then, the same reckoning would have told "
            "%(foretold)s returns by now (%(low)s–%(high)s); %(seen)s came back. Take these chances with care."
        )
        % facts
    )


def _second(second: Mapping[str, Any] | None) -> SecondLives | None:
    if not second:
        return None
    if second.get("why_none") or not second.get("second_days"):
        return SecondLives(second.get("why_none") or "", second.get("n"), "", [], None, "")
    currency = second.get("currency") or ""
    rows = [Compared(_("Days with us"), _days(second["first_days"]), _days(second["second_days"]))]
    per_day = second.get("value_per_day") or {}
    if per_day.get("second"):
        rows.append(Compared(_("Money a day"), _a_day(per_day["first"], currency), _a_day(per_day["second"], currency)))
    if second.get("value"):
        rows.append(
            Compared(_("Money in all"), _worth(second.get("first_value"), currency), _worth(second["value"], currency))
        )
    return SecondLives(
        why_none="",
        n=second.get("n"),
        sentence=_ratio(second.get("ratio")),
        rows=rows,
        horizon_days=second.get("horizon_days"),
        why_no_money=second.get("why_no_money") or "",
    )


def _ratio(ratio: Mapping[str, float] | None) -> str:
    if not ratio or ratio.get("value") is None:
        return ""
    facts = {name: formats.number_format(ratio[name], decimal_pos=2) for name in ("value", "low", "high")}
    if ratio["low"] > 1:
        return _("Who came back stays longer than the first time: %(value)s times as long (%(low)s–%(high)s).") % facts
    if ratio["high"] < 1:
        return _("Who came back stays less long than the first time: %(value)s times (%(low)s–%(high)s).") % facts
    return _("Who came back stays about as long as the first time: %(value)s times (%(low)s–%(high)s).") % facts


def _days(figure: Mapping[str, float] | None) -> str:
    if not figure or figure.get("value") is None:
        return _("not known")
    low, high = (formats.number_format(round(figure[name])) for name in ("low", "high"))
    return _("%(span)s (%(low)s–%(high)s days)") % {"span": span(figure["value"]), "low": low, "high": high}


def _a_day(figure: Mapping[str, float] | None, currency: str) -> str:
    """Money a day, from minor units: a day brings little, so it is shown to the last digit."""
    return _amount(figure, lambda minor: money(round(minor), currency))


def _worth(figure: Mapping[str, float] | None, currency: str) -> str:
    return _amount(figure, lambda minor: about(round(minor), currency))


def _amount(figure: Mapping[str, float] | None, written: Callable[[float], str]) -> str:
    if not figure or figure.get("value") is None:
        return _("not known")
    return f"{written(figure['value'])} ({written(figure['low'])}–{written(figure['high'])})"
