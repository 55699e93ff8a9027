"""Step 7. How long each running life may last, and why it may end.

1. say of each life how it ended, by which cause, and when that was told (`leaving_ends`);
2. cut a steady sample of lives into periods of 30 days and learn from them who tells us goodbye (`leaving_rows`);
3. ask the hazard, or the plain guess where the trees are no better, about everybody whose life goes on: chance to end
   by cause, curve, days to expect, value of the renewals;
4. write a life outlook where it changed to the eye, take away those of lives that are over;
5. keep the fit, its score on people it had not seen, and what weighs most, for the pages.

Only ends that somebody told us are learned from (why: `leaving_ends`). Where there are too few, nothing is claimed: no
outlook is kept, and the reason is.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.errors import NotEnoughData, RekindleError
from rekindle.journal.models import Fit, LifeOutlook, Night, NightState
from rekindle.understand import hazard
from rekindle.understand.hazard import FEWEST_ENDINGS, Hazard
from rekindle.understand.hazard_curve import Settling, settling
from rekindle.understand.person_periods import CAUSES, Lives, PersonPeriods, person_periods
from rekindle.workflows import bulk
from rekindle.workflows.night import leaving_rows, leaving_scores
from rekindle.workflows.night.leaving_ends import LifeEnds, described, life_ends
from rekindle.workflows.night.leaving_rows import Columns
from rekindle.workflows.night.leaving_scores import PERIOD_DAYS
from rekindle.workflows.night.reading import Reading, changed_rows

LOOK_BACK_DAYS: Final = 730  # two years: long enough for a yearly contract, short enough to speak of today
MOST_ROWS: Final = 150_000  # person-periods: more change the ranking in the third digit, and cost seconds
RARE_ENDINGS: Final = 300  # where the sample would hold fewer, up to four times as many rows are read
SEED: Final = 20
_UNTRUSTED: Final[dict[str, Any]] = {"trust": None, "calibration": [], "weighty": [], "usual": None}
MODEL: Final = "hazard"
SETTLING_ROWS: Final = 20_000  # enough for a slope to two digits
UNIT: Final = f"{PERIOD_DAYS}-day periods"


def run(reading: Reading) -> int:
    """Gives the number of life outlooks written."""
    lives, summary = reading.read("lives"), reading.read("summary")
    as_of = int(np.datetime64(reading.as_of, "D").astype(np.int64))
    ends = life_ends(reading, lives, summary, as_of=as_of)
    facts = {"as_of": reading.as_of.isoformat(), "period_days": PERIOD_DAYS, "model": None, "why_none": ""}
    facts |= described(reading, lives, ends, as_of=as_of)
    learned, why = None, ""
    try:
        learned = _learn(reading, ends, as_of=as_of)
    except RekindleError as error:  # a model that cannot be had is no reason for a night to end
        why = str(error)
    _write_fit(reading, learned)
    if learned is None:
        reading.note("leaving", {**facts, "why_none": why, **_UNTRUSTED})
        reading.note("leaving_fit", None)
        reading.write("leaving", leaving_scores.BELIEVED.empty_table())
        LifeOutlook.objects.all().delete()
        return 0
    reading.tell("asking about everybody")
    believed, rows = leaving_scores.believed(
        reading, learned.fit, learned.columns, ends, summary, settles=learned.settles
    )
    reading.write("leaving", believed)
    reading.note("leaving_fit", {"fit": learned.fit.to_json(), "columns": learned.columns.to_json()})
    facts["model"] = "hazard" if learned.fit.boundary is None else "plain"
    facts["weighty"] = leaving_scores.weighty(learned.fit, rows) if learned.fit.boundary is None else []
    usual = pc.mean(believed["p_end_horizon"]).as_py()
    facts["usual"] = None if usual is None else round(usual, 3)
    reading.note("leaving", {**facts, **_trust(learned.fit)})
    reading.tell("writing life outlooks")
    return _store(reading, believed, model=str(facts["model"]))


@dataclass(frozen=True)
class Learned:
    """The fit, how hazards settle, the columns it looks at, and SHA-256 of the rows it learned from."""

    fit: Hazard
    settles: Settling
    columns: Columns
    fingerprint: str


def _learn(reading: Reading, ends: LifeEnds, *, as_of: int) -> Learned:
    """Raises NotEnoughData in words for people, and whatever else keeps a hazard from being learned."""
    plan = reading.noted("plan")
    since = as_of - LOOK_BACK_DAYS
    told = int((np.isfinite(ends.told) & (ends.told > since) & (ends.cause != "")).sum())
    if told < FEWEST_ENDINGS:
        raise NotEnoughData(
            f"{told} {'end was' if told == 1 else 'ends were'} told to us in the last two years, "
            f"and {FEWEST_ENDINGS} are needed to learn who may leave",
            remedy="Take recorded cancellations in, or wait; who goes without a word shows in the chance of no sign "
            "of life.",
        )
    reading.tell("learning from told ends")
    one_in = _one_in(ends, since=since, as_of=as_of, told=told)
    with reading.events() as (db, view):
        sample = leaving_rows.sampled_days(
            db, view, parties=ends.party, brand=reading.brand, as_of=reading.as_of, money=plan["money"], one_in=one_in
        )
    columns = leaving_rows.columns_of(sample, money=plan["money"])
    periods, recency = _periods(ends, sample, columns, pulse=plan["pulse"], since=since, as_of=as_of)
    present = [place for place in range(len(CAUSES)) if (periods.outcome == place + 1).any()]
    outcome = np.zeros_like(periods.outcome)
    for code, place in enumerate(present, start=1):
        outcome[periods.outcome == place + 1] = code
    if int((outcome > 0).sum()) < FEWEST_ENDINGS:
        raise NotEnoughData(
            f"of {told} told ends only {int((outcome > 0).sum())} lie in a whole month of a life we saw, and "
            f"{FEWEST_ENDINGS} are needed",
            remedy="Take older history in, or wait.",
        )
    fit = hazard.fit(
        periods.columns,
        outcome,
        life=periods.life,
        period_days=PERIOD_DAYS,
        seed=SEED,
        causes=[CAUSES[place] for place in present],
        recency=recency,
    )
    some = periods.life <= periods.life[min(SETTLING_ROWS, periods.life.size) - 1]  # whole lives
    settles = settling(
        fit,
        {name: values[some] for name, values in periods.columns.items()},
        life=periods.life[some],
        first_day=periods.first_day[some],
        periods=leaving_scores.PERIODS,
    )
    return Learned(fit, settles, columns, _fingerprint(periods))


def _one_in(ends: LifeEnds, *, since: int, as_of: int, told: int) -> int:
    """One person in how many is learned from, so that rows stay few and ends enough."""
    last = np.where(np.isfinite(ends.told), ends.told, np.where(np.isfinite(ends.closed), ends.closed, as_of))
    rows = float((np.maximum(last - np.maximum(ends.began, since), 0) // PERIOD_DAYS + 1).sum())
    one_in = max(1, math.ceil(rows / MOST_ROWS))
    while one_in > 1 and told / one_in < RARE_ENDINGS and rows / one_in < 2 * MOST_ROWS:
        one_in = max(1, one_in // 2)
    return one_in


def _periods(
    ends: LifeEnds,
    sample: leaving_rows.Sampled,
    columns: Columns,
    *,
    pulse: list[str],
    since: int,
    as_of: int,
) -> tuple[PersonPeriods, str]:
    """The rows to learn from, and the column of the plain guess.

    Nothing is read from the presumption of an end. But rows of people silent for longer than nearly everybody who is
    asked about tonight teach nothing about those, so they are left out: by their own past, never by what came of them.
    """
    here = np.isin(ends.party, sample.parties)
    party, began = ends.party[here], ends.began[here]
    lives = Lives(
        began=began,
        ended=np.where(np.isfinite(ends.told[here]), ends.told[here], ends.closed[here]),
        cause=ends.cause[here],
    )
    past = leaving_rows.past_of(sample, columns, party=party, began=began, number=ends.number[here])
    rows = person_periods(lives, past, as_of=as_of, period_days=PERIOD_DAYS, since=since)
    recency = next((f"{kind}_days_since" for kind in pulse if kind in columns.kinds), "age_days")
    if recency == "age_days":
        return rows, recency
    silent = as_of + 1 - ends.last_seen[ends.runs]
    reach = max(float(np.quantile(silent, 0.995)), PERIOD_DAYS) if len(silent) else np.inf
    kept = ~(rows.columns[recency] > reach)
    return (
        PersonPeriods(
            rows.life[kept],
            rows.first_day[kept],
            {name: values[kept] for name, values in rows.columns.items()},
            rows.outcome[kept],
            rows.causes,
            rows.period_days,
        ),
        recency,
    )


def _fingerprint(rows: PersonPeriods) -> str:
    digest = hashlib.sha256()
    for column in (rows.life, rows.first_day, rows.outcome):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _trust(fit: Hazard) -> dict[str, Any]:
    """How far the model can be trusted, on people it had not seen; and its calibration curve."""
    names = ("auc", "brier", "log_loss", "ece", "n")

    def told(who: str) -> dict[str, Any]:
        return {name: getattr(fit.held_out[who], name) for name in names}

    curve = fit.reliability
    points = zip(*(curve[name] for name in ("told", "seen", "low", "high", "n")), strict=True)
    return {
        "trust": {
            **told("trees"),
            "plain": told("plain"),
            "constant": told("constant"),
            "plain_column": fit.plain.column,
            "lives": int(fit.n),
            "endings": sum(cause.endings for cause in fit.causes),
            "gain": fit.gain,
            "gain_error": fit.gain_error,
            "boundary": fit.boundary,
        },
        "calibration": [
            {"told": told_, "seen": seen, "low": low, "high": high, "n": int(n)} for told_, seen, low, high, n in points
        ],
    }


def _write_fit(reading: Reading, learned: Learned | None) -> None:
    Fit.objects.filter(night=reading.night, model=MODEL).delete()  # a night that goes on after a kill writes it anew
    if learned is None:
        return
    fit = learned.fit
    kept = fit.to_json()
    kept["causes"] = [{**cause, "trees": []} for cause in kept["causes"]]  # text of megabytes: in the night's folder
    Fit.objects.create(
        night=reading.night,
        model=MODEL,
        unit=UNIT,
        parameters=fit.parameters,
        standard_errors=None,
        log_likelihood=fit.log_likelihood,
        n=int(fit.n),
        converged=fit.converged,
        boundary=fit.boundary,
        held_out=asdict(fit.held_out["trees"]),
        baselines={name: asdict(fit.held_out[name]) for name in ("constant", "plain")},
        is_chosen=fit.boundary is None,
        why=f"Not used: {fit.boundary}."
        if fit.boundary
        else f"Used: ahead of the plain guesses by {fit.gain:.4f} nats a life, standard error {fit.gain_error:.4f}.",
        state={"fit": kept, "columns": learned.columns.to_json(), "settling": asdict(learned.settles)},
        fingerprint=learned.fingerprint,
    )


def _store(reading: Reading, believed: pa.Table, *, model: str) -> int:
    """Into the books: what changed to the eye; what speaks of nobody's life any more goes."""
    changed = changed_rows(believed, _before(reading), key=["party_id"])
    table = reading.with_relationship(changed)
    n = table.num_rows
    for name, value in {
        "as_of": pa.scalar(reading.as_of),
        "model": pa.scalar(model),
        "period_days": pa.scalar(PERIOD_DAYS),
        "horizon_days": pa.scalar(reading.brand.horizon_days),
    }.items():
        table = table.append_column(name, pa.repeat(value, n))
    bulk.insert(
        LifeOutlook,
        table,
        conflict=["relationship_id"],
        update=[name for name in table.column_names if name != "relationship_id"],
    )
    (kept,) = bulk.read(LifeOutlook.objects.all(), "relationship_id")
    spoken_of = reading.with_relationship(believed.select(["party_id"]))["relationship_id"].to_numpy()
    gone = np.setdiff1d(np.array(kept, dtype=np.int64), spoken_of).tolist()
    for start in range(0, len(gone), bulk.BATCH_ROWS):
        LifeOutlook.objects.filter(pk__in=gone[start : start + bulk.BATCH_ROWS]).delete()
    return int(n)


def _before(reading: Reading) -> pa.Table | None:
    """What the books hold, as the last finished night left it; None where an unfinished one may have changed them."""
    last = Night.objects.filter(state=NightState.DONE.value).order_by("-ended_at", "-id").first()
    if last is None or Night.objects.filter(pk__gt=last.pk).exclude(pk=reading.night.pk).exists():
        return None
    model, horizon = LifeOutlook.objects.values_list("model", "horizon_days").first() or (None, None)
    now = reading.noted("leaving")["model"]
    return reading.previous("leaving") if (model, horizon) == (now, reading.brand.horizon_days) else None
