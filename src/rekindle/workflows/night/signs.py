"""Step 5. Caution signs on everybody, and what each sign was worth here in the past.

1. at several earlier days, raise the signs with only what was known then, on a steady sample of people;
2. see who left within the horizon after each: told ends, and the first night on which somebody was presumed gone;
3. so each sign has a precision, a base rate beside it and a lead time; a sign that does not beat the base rate is
   shown but puts nobody at risk;
4. raise tonight's signs, close those that are gone, add the new ones.
"""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.journal.models import CautionSign, SignRecord
from rekindle.understand import caution_signs, features, sign_record, summaries
from rekindle.workflows import bulk
from rekindle.workflows.night.reading import Ints, Reading, ordinal

SAMPLE_PEOPLE = 20_000  # enough for a precision within two points; our choice
CUTOFFS = 6
BETWEEN = timedelta(days=30)
SETTLED_DAYS = 90  # a history must have run this long before a cut-off means anything


def run(reading: Reading) -> int:
    """Gives the number of signs raised tonight."""
    summary, lives = reading.read("summary"), reading.read("lives")
    measured = _measured(reading, summary, lives)
    _write_records(reading, measured)
    trust = sign_record.trusted(measured)
    parties = summary["party_id"].to_numpy()
    raised = caution_signs.raise_signs(summary, as_of=reading.as_of, among=_still_here(parties, lives))
    reading.write("signs", raised)
    counting = sign_record.at_risk(parties, raised=raised, trust=trust)
    reading.write("at_risk", pa.table({"party_id": parties, "at_risk": counting}))
    reading.note("trust", trust.why)
    reading.tell("writing signs")
    return _store(reading, raised)


def _still_here(parties: Ints, lives: pa.Table) -> Any:
    """Who is in a life that neither a word nor a silence has ended."""
    of = lives["party_id"].to_numpy()
    last = np.append(of[1:] != of[:-1], True) if len(of) else np.zeros(0, bool)
    open_life = last & ~lives["ended_on"].is_valid().to_numpy(zero_copy_only=False)
    return np.isin(parties, of[open_life])


def _measured(reading: Reading, summary: pa.Table, lives: pa.Table) -> pa.Table | None:
    """MEASURED over the past cut-offs, None where the history is too short for one."""
    horizon = reading.brand.horizon_days
    firsts = summary["first_day"].drop_null()
    if len(firsts) == 0:
        return None
    settled = pc.min(firsts).as_py() + timedelta(days=SETTLED_DAYS)
    cutoffs = [reading.as_of - timedelta(days=horizon) - BETWEEN * number for number in range(CUTOFFS)]
    cutoffs = [cutoff for cutoff in cutoffs if cutoff >= settled]
    if not cutoffs:
        return None
    plan = reading.noted("plan")
    pulse = summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"]))
    of = math.ceil(summary.num_rows / SAMPLE_PEOPLE)
    raised, live = [], []
    with reading.events() as (db, view):
        events = features.seen(view, as_of=reading.as_of, time_zone=reading.brand.time_zone)
        some = events.filter(features.in_sample(events.party_id, keep=1, of=of))
        db.execute(f"CREATE TEMP TABLE sampled AS {ibis.to_sql(some, dialect='duckdb')}")
        for cutoff in cutoffs:
            reading.tell(f"looking back to {cutoff}")
            then = summaries.rebuild(db, "sampled", as_of=cutoff, pulse=pulse, time_zone=reading.brand.time_zone)
            here = _here_at(then["party_id"].to_numpy(), lives, cutoff)
            raised.append(_at(caution_signs.raise_signs(then, as_of=cutoff, among=here), cutoff))
            live.append(_at(then.filter(pa.array(here)).select(["party_id"]), cutoff))
    codes = [word.value for word in caution_signs.Sign]
    return sign_record.measure(
        pa.concat_tables(raised).select(["party_id", "code", "cutoff"]),
        live=pa.concat_tables(live).select(["party_id", "cutoff"]),
        endings=_endings(lives),
        horizon_days=horizon,
        codes=codes,
        known_until=reading.as_of,
    )


def _at(table: pa.Table, cutoff: date) -> pa.Table:
    return table.append_column("cutoff", pa.repeat(pa.scalar(cutoff, pa.date32()), table.num_rows))


def _endings(lives: pa.Table) -> pa.Table:
    """(party_id, end_day): the told day, or the first night on which the end was presumed."""
    ended = lives.filter(pc.is_valid(lives["ended_on"]))
    return pa.table({"party_id": ended["party_id"], "end_day": ended["ended_on"]})


def _here_at(parties: Ints, lives: pa.Table, cutoff: date) -> Any:
    """Who was in a life at the end of that day, as far as was known on it."""
    day = int(np.datetime64(cutoff, "D").astype(np.int64))
    began, ended = ordinal(lives["began"]), ordinal(lives["ended_on"])
    over = lives["ended_on"].is_valid().to_numpy(zero_copy_only=False) & (ended <= day)
    healed = lives["healed_on"].is_valid().to_numpy(zero_copy_only=False) & (ordinal(lives["healed_on"]) <= day)
    running = (began <= day) & ~over & ~healed
    return np.isin(parties, lives["party_id"].to_numpy()[running])


def _write_records(reading: Reading, measured: pa.Table | None) -> None:
    SignRecord.objects.filter(night=reading.night).delete()  # a night that goes on after a kill writes them anew
    rows = [] if measured is None else measured.to_pylist()
    SignRecord.objects.bulk_create(
        SignRecord(
            night=reading.night,
            code=row["code"],
            horizon_days=row["horizon_days"],
            raised=row["raised"],
            ended=row["ended"],
            precision=row["precision"],
            precision_low=row["precision_low"],
            precision_high=row["precision_high"],
            base_rate=row["base_rate"],
            false_alarm_rate=row["false_alarm_rate"],
            lead_days=row["lead_days"],
            lead_low=row["lead_low"],
            lead_high=row["lead_high"],
            seen_before=row["caught"] / row["endings"] if row["endings"] else None,
            why_unknown=row["reason"] or "",
        )
        for row in rows
    )


def _store(reading: Reading, raised: pa.Table) -> int:
    """Close the open signs that are no longer raised, add those that are new; a sign that stays keeps its day."""
    CautionSign.objects.filter(raised_on__gt=reading.as_of).delete()  # a later night's, read again up to an earlier day
    rows = reading.with_relationship(raised)
    relationship = rows["relationship_id"].to_numpy()
    now = set(zip(relationship.tolist(), rows["code"].to_pylist(), strict=True))
    open_ids, open_relationships, open_codes = bulk.read(
        CautionSign.objects.filter(cleared_on=None), "id", "relationship_id", "code"
    )
    gone = [
        number for number, *sign in zip(open_ids, open_relationships, open_codes, strict=True) if tuple(sign) not in now
    ]
    bulk.update(
        CautionSign,
        pa.table({"id": pa.array(gone, pa.int64()), "cleared_on": pa.repeat(pa.scalar(reading.as_of), len(gone))}),
    )
    evidence = [
        json.dumps({**row, "since": row["since"].isoformat() if row["since"] else None})
        for row in rows.select(["usual", "now", "unit", "since", "currency"]).to_pylist()
    ]
    n = rows.num_rows
    table = pa.table(
        {
            "relationship_id": relationship,
            "code": rows["code"],
            "raised_on": pa.repeat(pa.scalar(reading.as_of), n),
            "strength": rows["strength"],
            "evidence": pa.array(evidence, pa.string()),
        }
    )
    return bulk.insert(
        CautionSign,
        table,
        conflict=["relationship_id", "code"],
        update=["strength", "evidence"],
        where="cleared_on IS NULL",
    )
