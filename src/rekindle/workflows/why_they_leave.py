"""Why people leave: what the last finished night learned about ends, as plain values with their words.

`document` is about everybody: causes, recorded kinds, how far the hazard can be trusted, what weighs most.
`reasons_of` is about one person: chances, curve, and the reasons that add up to them, worked out when it is asked
from that person's row alone.

Reading only. Chances speak of ends somebody tells us; who goes without a word shows in the chance of no sign of life.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rekindle import home
from rekindle.errors import BadInput
from rekindle.journal.models import LifeOutlook, Night, NightState
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import BreakupKind
from rekindle.understand.reasons import money_text
from rekindle.workflows.leaving_words import cause_label, column_label, nothing_yet, trust_sentence, weighty_sentence

__all__ = ["cause_label", "column_label", "document", "kind_label", "outlook_of", "reasons_of"]

MOST_REASONS: Final = 6
"""The weightiest columns told one by one; all others are one sentence. Our choice: what a reader still takes in."""


def document() -> dict[str, Any]:
    """What docs/leaving.md describes, from the last finished night. Plain JSON values."""
    night = _last_night()
    if night is None:
        return _nothing(None, _("No night has been read yet."))
    facts = _noted(night, "leaving")
    if facts is None:
        return _nothing(night.as_of.isoformat(), _("The last night was read by an earlier version. Run a night."))
    trust = facts["trust"]
    return {
        "as_of": facts["as_of"],
        "period_days": facts["period_days"],
        "model": facts["model"],
        "why_none": facts["why_none"],
        "lives": facts["lives"],
        "endings": facts["endings"],
        "presumed": facts["presumed"],
        "causes": [{**one, "label": cause_label(one["cause"])} for one in facts["causes"]],
        "kinds": [{**one, "label": kind_label(one["kind"])} for one in facts["kinds"]],
        "trust": None if trust is None else {**trust, "sentence": trust_sentence(trust)},
        "calibration": facts["calibration"],
        "weighty": [
            {
                "column": one["column"],
                "label": column_label(one["column"]),
                "log_odds": one["log_odds"],
                "sentence": weighty_sentence(one),
            }
            for one in facts["weighty"]
        ],
        "survival": facts["survival"],
        "usual": facts["usual"],
    }


def outlook_of(relationship: Relationship | None) -> dict[str, Any] | None:
    """What is believed about the end of one life that goes on; None where nothing is. One query.

    Keys: as_of, model, life, p_end, p_end_horizon, horizon_days, period_days, by_cause, curve, residual_days,
    renewal_value (minor units of `currency`), unknown.
    """
    outlook = LifeOutlook.objects.filter(relationship=relationship).first() if relationship else None
    if outlook is None:
        return None
    return {
        "as_of": outlook.as_of.isoformat(),
        "model": outlook.model,
        "life": outlook.life,
        "p_end": outlook.p_end,
        "p_end_horizon": outlook.p_end_horizon,
        "horizon_days": outlook.horizon_days,
        "period_days": outlook.period_days,
        "by_cause": outlook.by_cause,
        "curve": outlook.curve,
        "residual_days": outlook.residual_days,
        "renewal_value": outlook.renewal_value_minor,
        "currency": outlook.currency,
        "unknown": outlook.unknown,
    }


def reasons_of(relationship: Relationship | None) -> dict[str, Any] | None:
    """`outlook_of`, and why it is so; None where nothing is believed.

    Beside its keys: cause and cause_label (the likeliest way to end, of which the reasons speak), p_cause (its chance
    in the next period; by the plain guess of any end), reasons: [{"text", "log_odds"}], which add up to the log-odds
    of p_cause; empty where the night's files are gone.
    """
    found = outlook_of(relationship)
    if found is None or relationship is None:
        return None
    nothing: dict[str, Any] = {"cause": None, "cause_label": "", "p_cause": None, "reasons": []}
    if found["p_end"] is None:
        return found | nothing
    return found | nothing | _explained(relationship.party_id, currency=found["currency"])


def kind_label(kind: str) -> str:
    """A recorded kind of end in words."""
    known = next((word for word in BreakupKind if word.value == kind), None)
    return str(known.label) if known else _("no reason recorded")


def _nothing(as_of: str | None, why: str) -> dict[str, Any]:
    return {
        "as_of": as_of,
        "period_days": 30,
        "model": None,
        "why_none": why,
        "lives": 0,
        "endings": 0,
        "presumed": 0,
        "causes": [],
        "kinds": [],
        "trust": None,
        "calibration": [],
        "weighty": [],
        "survival": None,
        "usual": None,
    }


def _last_night() -> Night | None:
    return Night.objects.filter(state=NightState.DONE.value).order_by("-id").first()


def _noted(night: Night, name: str) -> Any:
    place = home.night_folder(night.pk) / f"{name}.json"
    return json.loads(place.read_text(encoding="utf-8")) if place.exists() else None


def _explained(party_id: int, *, currency: str) -> dict[str, Any]:
    """The likeliest cause of this person's end and what speaks for and against it."""
    night = _last_night()
    kept = _noted(night, "leaving_fit") if night else None
    rows = home.night_folder(night.pk) / "leaving_rows.parquet" if night else Path()
    if not kept or not rows.is_file():
        return {}
    import pyarrow.parquet as pq

    from rekindle.understand.hazard import Hazard, hazards
    from rekindle.workflows.night.leaving_scores import known_of

    fit = Hazard.from_json(kept["fit"])
    row = pq.read_table(rows, filters=[("party_id", "=", party_id)])  # opens the one group that may hold it
    if row.num_rows != 1:
        return {}
    known = known_of(fit, row)
    if fit.boundary is not None:
        return _plain_reason(fit, known)
    chances = hazards(fit, known)[0]
    place = int(chances.argmax())
    cause = fit.cause_names[place]
    return {
        "cause": cause,
        "cause_label": cause_label(cause),
        "p_cause": float(chances[place]),
        "reasons": _reasons(fit, known, cause=cause, currency=currency),
    }


def _plain_reason(fit: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The one sentence of the plain guess: how often people alike in one thing ended."""
    from scipy.special import logit

    from rekindle.understand.plain_hazard import p_plain

    name, value = fit.plain.column, float(known[fit.plain.column][0])
    chance = float(p_plain(fit.plain, [value])[0])
    said = _said(fit, name, value, currency="")
    places = {
        "what": column_label(name),
        "value": said,
        "share": f"{100 * chance:.2g}",
        "days": int(fit.period_days),
    }
    text = (
        _("of 100 people alike in one thing (%(what)s: %(value)s), %(share)s tell us of an end within %(days)d days")
        if said
        else _("of 100 people (%(what)s: not known), %(share)s tell us of an end within %(days)d days")
    ) % places
    return {"p_cause": chance, "reasons": [{"text": text, "log_odds": float(logit(chance))}]}


def _reasons(fit: Any, known: Mapping[str, Any], *, cause: str, currency: str) -> list[dict[str, Any]]:
    """Where everybody starts, the weightiest columns, and all else together; they add up to the log-odds."""
    import numpy as np
    from scipy.special import expit

    from rekindle.understand import tree_columns
    from rekindle.understand.hazard_reasons import contributions

    parts = contributions(fit, known, cause=cause)
    values = tree_columns.matrix(fit.design, known)[0]
    weight, start = parts.by_column[0], float(parts.start[0])
    order = [int(k) for k in np.argsort(-np.abs(weight), kind="stable")[:MOST_REASONS] if weight[k] != 0]
    share = f"{100 * float(expit(start)):.2g}"
    reasons = [
        {
            "text": _("anybody here: %(share)s in 100 end this way within %(days)d days")
            % {"share": share, "days": int(fit.period_days)},
            "log_odds": start,
        }
    ]
    for k in order:
        name = fit.design.names[k]
        said = _said(fit, name, float(values[k]), currency=currency, place=k)
        what = f"{column_label(name)}: {said}" if said else nothing_yet(name)
        reasons.append({"text": f"{what}; {_odds(float(weight[k]))}", "log_odds": float(weight[k])})
    rest = float(weight.sum() - weight[order].sum() + parts.calibration[0])
    reasons.append({"text": _("all else together; %(odds)s") % {"odds": _odds(rest)}, "log_odds": rest})
    return reasons


def _odds(log_odds: float) -> str:
    """What a contribution does, as people compare: 1.4 times as likely, or 1.4 times less."""
    import math

    times = math.exp(abs(log_odds))
    shown = f"{times:.2g}" if times < 10 else f"{times:,.0f}"
    if shown == "1":
        return _("it hardly matters")
    return (
        _("the odds are %(times)s times as high") % {"times": shown}
        if log_odds > 0
        else _("the odds are divided by %(times)s") % {"times": shown}
    )


def _said(fit: Any, name: str, value: float, *, currency: str, place: int | None = None) -> str:
    """A value as text; empty where it is not known."""
    if place is not None and name in fit.design.levels:
        return str(fit.design.said(place, value) or "")
    if value != value:
        return ""
    if name.endswith("_amount"):
        try:
            return money_text(value, currency=currency)
        except BadInput:  # no currency known: a bare number says nothing
            return f"{value:,.0f}"
    if name.endswith("_days_since") or name == "age_days":
        return ngettext("%(n)s day", "%(n)s days", int(value)) % {"n": f"{value:,.0f}"}
    return f"{value:,.4g}"
