"""Step 4. Whether people are still those the models learned from.

1. the model this night believes, as it is learned from what was known before the stretch held back to judge it by;
2. what people do now against then, what they are told now against then, and what was expected of the stretch against
   what came (understand.drift), on a steady sample;
3. noted for the page: the figures, or why they cannot be told.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa

from rekindle.errors import Degenerate, NotEnoughData
from rekindle.understand import drift, features, summaries
from rekindle.understand.origins import PurchaseDays
from rekindle.workflows import staging
from rekindle.workflows.night.fit import MOST_TO_JUDGE
from rekindle.workflows.night.reading import Reading, ordinal


def run(reading: Reading) -> int:
    """Gives the number of people compared."""
    fits = reading.noted("fits")
    people, told = 0, {"why_none": fits["why_none"]}
    if fits["chosen"] is not None:
        try:
            people, told = _compared(reading, str(fits["chosen"]["model"]), int(fits["held_back_days"]))
        except (NotEnoughData, Degenerate) as error:
            told = {"why_none": str(error)}
    reading.note("drift", told)
    return people


def _compared(reading: Reading, model: str, held_back_days: int) -> tuple[int, dict[str, Any]]:
    plan = reading.noted("plan")
    with reading.events() as (db, view):
        found = summaries.pulse_days(
            db,
            view,
            as_of=reading.as_of,
            pulse=summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"])),
            time_zone=reading.brand.time_zone,
            parties=_some(reading),
        )
    days = PurchaseDays(found["party_id"].to_numpy(), ordinal(found["day"]))
    cutoff = reading.as_of - timedelta(days=held_back_days)
    newest = days.origin(cutoff, horizon_days=held_back_days)
    now = days.window(reading.as_of, horizon_days=held_back_days)
    moved = drift.since(model, newest, now, horizon_days=held_back_days)
    return int(now.x.size), {**moved.to_json(), "model": model, "since": cutoff.isoformat()}


def _some(reading: Reading) -> pa.Array | None:
    """The same steady sample of everybody as the models are judged on; None for all."""
    people = reading.read("summary").select(["party_id"])
    of = math.ceil(people.num_rows / MOST_TO_JUDGE)
    if of <= 1:
        return None
    known = ibis.table({"party_id": "int64"}, name="everybody")
    some = known.filter(features.in_sample(known.party_id, keep=1, of=of))
    with staging.columns() as db:
        db.register("everybody", people)
        return db.sql(str(ibis.to_sql(some, dialect="duckdb"))).to_arrow_table()["party_id"].combine_chunks()
