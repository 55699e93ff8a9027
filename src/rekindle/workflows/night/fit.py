"""Step 3. Which model to believe here, and what it learned.

1. hold the last stretch of time back: fit every model and baseline on what came before, ask each about the stretch;
   a blend of the models is asked too, with the weights that told the stretch before that one best;
2. the one that answered best, and better than the rate baseline, is used (understand.choice);
3. fit that one again on everything up to the day, and the values of purchases beside; the others too, up to 50,000
   people: beyond, they keep what they had learned when they were judged;
4. write each with its parameters, its boundary in words and its error on held-out time.

Where there is too little to learn from, nothing is claimed: the reason is kept and the pages say it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.errors import Degenerate, NotEnoughData
from rekindle.journal.models import Fit
from rekindle.understand import choice, gammagamma, summaries
from rekindle.understand.baselines import Baseline
from rekindle.understand.blend import Blend
from rekindle.understand.candidates import fit_or_why
from rekindle.understand.compression import Floats
from rekindle.understand.fitted import in_longer_unit
from rekindle.understand.origins import Window
from rekindle.workflows.night.reading import Reading, floats

MOST_TO_JUDGE = 50_000  # people: a held-out comparison is settled long before; our choice
SHORTEST_WINDOW = 7  # days: a shorter held-out stretch says nothing about people
WEEK = 7.0


@dataclass(frozen=True)
class _Window:
    """The stretch of time held back: (cutoff, as_of]."""

    days: int

    @classmethod
    def of(cls, *, span_days: int, horizon_days: int) -> _Window:
        """The horizon, or a third of the history where that is shorter."""
        return cls(min(horizon_days, span_days // 3))


def run(reading: Reading) -> int:
    """Gives the number of people the models learned from."""
    summary = reading.read("summary")
    alive = summary.filter(pc.greater(summary["pulse_days"], 0))
    x, t_x, T = (floats(alive[name]) for name in ("x", "t_x", "T"))
    documents: list[dict[str, Any]] = []
    facts: dict[str, Any] = {"why_none": "", "chosen": None, "value": None, "held_back_days": None}
    try:
        if alive.num_rows == 0:
            raise NotEnoughData("nobody has shown a sign of life yet.", remedy="Take events in.")
        window = _Window.of(span_days=int(T.max()), horizon_days=reading.brand.horizon_days)
        if window.days < SHORTEST_WINDOW:
            raise NotEnoughData(
                f"the history spans {int(T.max())} days; at least {3 * SHORTEST_WINDOW} are needed to judge a model."
            )
        logs = floats(alive["gap_log_micro"]) / 1e6
        judged, repeats = _choose(reading, window, people=alive.num_rows)
        picked = choice.refit(judged, x, t_x, T, sum_log_gaps=logs)
        if alive.num_rows <= MOST_TO_JUDGE:
            picked, repeats = _all_again(picked, x, t_x, T, logs), float(x.sum())
        documents = _documents(picked, repeats_then=repeats, repeats_now=float(x.sum()))
        facts |= {"held_back_days": window.days, "chosen": picked.chosen.fit.to_json()}
    except NotEnoughData as error:
        facts["why_none"] = str(error)
    value = _values(alive)
    documents += value["documents"]
    reading.note("fits", {**facts, "value": value["fit"], "why_no_value": value["why"]})
    _write(reading, documents, fingerprint=_fingerprint(x, t_x, T))
    return int(alive.num_rows)


def _choose(reading: Reading, window: _Window, *, people: int) -> tuple[choice.Choice, float]:
    """(the judgement, the repeat purchases it learned from)."""
    cutoff = reading.as_of - timedelta(days=window.days)
    held = _histories(reading, cutoff=cutoff, until=reading.as_of, people=people)
    if held.x.size == 0:
        raise NotEnoughData(f"nobody was here before the last {window.days} days, which are held back to judge by.")
    before = _histories(reading, cutoff=cutoff - timedelta(days=window.days), until=cutoff, people=people)
    judged = choice.choose(
        *held.columns(), held.seen, horizon_days=float(window.days), sum_log_gaps=held.sum_log_gaps, before=before
    )
    return judged, float(held.x.sum())


def _histories(reading: Reading, *, cutoff: date, until: date, people: int) -> Window:
    """What was known at the cutoff of everybody, or of a steady sample, and what they did until the later day."""
    plan = reading.noted("plan")
    with reading.events() as (db, view):
        held = summaries.calibration(
            db,
            view,
            cutoff=cutoff,
            until=until,
            pulse=summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"])),
            time_zone=reading.brand.time_zone,
            sample=(1, math.ceil(people / MOST_TO_JUDGE)) if people > MOST_TO_JUDGE else None,
        )
    return Window(
        x=floats(held["x"]),
        t_x=floats(held["t_x"]),
        T=floats(held["T"]),
        seen=floats(held["held_out_days"]),
        sum_log_gaps=floats(held["gap_log_micro"]) / 1e6,
    )


def _all_again(picked: choice.Choice, x: Floats, t_x: Floats, T: Floats, sum_log_gaps: Floats) -> choice.Choice:
    """The same judgement, the models that are not used learned from everything as well."""
    found = []
    for candidate in picked.candidates:
        fit = candidate.fit
        if isinstance(fit, Baseline | Blend) or candidate.chosen:
            found.append(candidate)
            continue
        again = fit_or_why(choice.MODELS[fit.model], x, t_x, T, sum_log_gaps)
        told = replace(fit, boundary=again) if isinstance(again, str) else replace(again, held_out=fit.held_out)
        found.append(replace(candidate, fit=told))
    return replace(picked, candidates=tuple(found))


def _documents(picked: choice.Choice, *, repeats_then: float, repeats_now: float) -> list[dict[str, Any]]:
    """Every candidate as a row of the journal, with its errors from the stretch held back.

    repeats_then, repeats_now   repeat purchases that the judged and the used ones learned from
    """
    rows = []
    for candidate, document in zip(picked.candidates, picked.to_json(), strict=True):
        fit = candidate.fit
        if isinstance(fit, Baseline | Blend):  # a blend's letters are its weights; its models stand beside it
            rows.append(document)
            continue
        rows.append(
            document
            | {
                "parameters": fit.parameters,
                "standard_errors": fit.standard_errors,
                "log_likelihood": fit.log_likelihood,
                "n": fit.n,
                "converged": fit.converged,
                "boundary": fit.boundary,
                "per_week": in_longer_unit(fit, of=WEEK, repeats=repeats_now if candidate.chosen else repeats_then),
                "fit": fit.to_json(),
            }
        )
    return rows + [_not_fitted(model, why) for model, why in picked.skipped.items()]


def _not_fitted(model: str, why: str) -> dict[str, Any]:
    return {
        "model": model,
        "parameters": {},
        "log_likelihood": None,
        "n": 0,
        "converged": False,
        "boundary": None,
        "held_out": {},
        "baselines": {},
        "chosen": False,
        "why": f"Not used: it could not be fitted: {why}",
        "fit": None,
    }


def _values(alive: pa.Table) -> dict[str, Any]:
    """Gamma-Gamma over everyone whose repeat days have a positive mean, where all money is in one currency."""
    paid = alive.filter(pc.and_(pc.greater(alive["x"], 0), pc.is_valid(alive["money_mean_minor"])))
    currencies = pc.unique(paid["currency"].drop_null()).to_pylist()
    try:
        if len(currencies) > 1:
            raise NotEnoughData(
                f"amounts are in {', '.join(sorted(currencies))}.", remedy="Load one currency to have values told."
            )
        fit = gammagamma.fit(floats(paid["x"]), floats(paid["money_mean_minor"]))
    except (NotEnoughData, Degenerate) as error:
        return {"fit": None, "why": str(error), "documents": []}
    document = {
        "model": "gammagamma",
        "parameters": fit.parameters,
        "standard_errors": fit.standard_errors,
        "log_likelihood": fit.log_likelihood,
        "n": fit.n,
        "converged": fit.converged,
        "boundary": fit.boundary,
        "held_out": {},
        "baselines": {},
        "chosen": fit.boundary is None,
        "why": fit.boundary or "values of purchases; amounts in minor units",
        "unit": "minor units",
        "fit": fit.to_json(),
    }
    return {"fit": fit.to_json(), "why": "", "documents": [document]}


def _write(reading: Reading, documents: list[dict[str, Any]], *, fingerprint: str) -> None:
    Fit.objects.filter(night=reading.night).delete()  # a night that goes on after a kill writes them anew
    Fit.objects.bulk_create(
        Fit(
            night=reading.night,
            model=document["model"],
            unit=document.get("unit", "days"),
            parameters=_finite(document["parameters"]),
            standard_errors=_finite(document.get("standard_errors")),
            log_likelihood=document["log_likelihood"],
            n=document["n"],
            converged=document.get("converged", True),
            boundary=document["boundary"],
            held_out=_finite(document["held_out"]),
            baselines=document["baselines"],
            is_chosen=document["chosen"],
            why=document["why"],
            state={"fit": document["fit"], "per_week": document.get("per_week")},
            fingerprint=fingerprint,
        )
        for document in documents
    )


def _finite(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """JSON knows no infinity: a figure without bound is null, and `boundary` says why."""
    if values is None:
        return None
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }


def _fingerprint(x: Any, t_x: Any, T: Any) -> str:
    """SHA-256 of the histories learned from, so that a fit can be traced to its data."""
    digest = hashlib.sha256()
    for column in (x, t_x, T):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
