"""Step 6. Caution signs on everybody, and what each sign was worth here in the past.

1. at several earlier days, raise the signs with only what was known then, on a steady sample of people;
2. see who left within the horizon after each: told ends, and the first night on which somebody was presumed gone;
3. so each sign has a precision, a base rate beside it and a lead time; a sign that does not beat the base rate is
   shown but puts nobody at risk;
4. all signs and the silence together: learned on the earlier days, judged on the later ones against silence alone at
   the same number of warnings (understand.early_warning_record); where it is better it warns tonight as well, and
   counts;
5. raise tonight's signs, close those that are gone, add the new ones.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rekindle.journal.models import CautionSign, SignRecord
from rekindle.understand import (
    caution_signs,
    early_warning,
    early_warning_record,
    features,
    sign_record,
    summaries,
)
from rekindle.workflows import bulk
from rekindle.workflows.night.reading import Ints, Reading, ordinal

SAMPLE_PEOPLE = 20_000  # enough for a precision within two points; our choice
CUTOFFS = 6
TAUGHT = 3  # more of them, a horizon behind the newest, so that what is judged was learned before
BETWEEN_DAYS = 30
SETTLED_DAYS = 90  # a history must have run this long before a cut-off means anything
TOGETHER = caution_signs.Sign.EARLY_WARNING.value


@dataclass(frozen=True)
class _Then:
    """Earlier days, newest first: who was here (party_id, cutoff), the signs they showed, and what the combined sign
    reads of them, row by row of `live`."""

    raised: pa.Table
    live: pa.Table
    columns: NDArray[np.float64]


def run(reading: Reading) -> int:
    """Gives the number of signs raised tonight."""
    summary, lives = reading.read("summary"), reading.read("lives")
    then = _then(reading, summary, lives)
    measured = _measured(reading, then, lives)
    judgement = _judgement(reading, then, lives)
    trust = early_warning_record.counting(sign_record.trusted(measured), judgement)
    _write_records(reading, _with_together(reading, measured, then, judgement, lives))
    parties = summary["party_id"].to_numpy()
    here = _still_here(parties, lives)
    raised = caution_signs.raise_signs(summary, as_of=reading.as_of, among=here)
    if judgement.is_used and judgement.together is not None:
        more = early_warning.warnings(judgement.together, summary, raised, among=here, as_of=reading.as_of)
        raised = caution_signs.in_order(pa.concat_tables([raised, more]))
    reading.write("signs", raised)
    counting = sign_record.at_risk(parties, raised=raised, trust=trust)
    reading.write("at_risk", pa.table({"party_id": parties, "at_risk": counting}))
    reading.note("trust", trust.why)
    reading.note("early_warning", judgement.to_json())
    reading.tell("writing signs")
    return _store(reading, raised)


def _still_here(parties: Ints, lives: pa.Table) -> Any:
    """Who is in a life that neither a word nor a silence has ended."""
    of = lives["party_id"].to_numpy()
    last = np.append(of[1:] != of[:-1], True) if len(of) else np.zeros(0, bool)
    open_life = last & ~lives["ended_on"].is_valid().to_numpy(zero_copy_only=False)
    return np.isin(parties, of[open_life])


def _then(reading: Reading, summary: pa.Table, lives: pa.Table) -> _Then | None:
    """What was known at the past cut-offs, None where the history is too short for one."""
    firsts = summary["first_day"].drop_null()
    if len(firsts) == 0:
        return None
    settled = pc.min(firsts).as_py() + timedelta(days=SETTLED_DAYS)
    cutoffs = early_warning_record.cutoffs_for(
        reading.as_of,
        horizon_days=reading.brand.horizon_days,
        between_days=BETWEEN_DAYS,
        newest=CUTOFFS,
        taught=TAUGHT,
    )
    cutoffs = [cutoff for cutoff in cutoffs if cutoff >= settled]
    if not cutoffs:
        return None
    plan = reading.noted("plan")
    pulse = summaries.Pulse(kinds=tuple(plan["pulse"]), money_kinds=tuple(plan["money"]))
    of = math.ceil(summary.num_rows / SAMPLE_PEOPLE)
    raised, live, columns = [], [], []
    with reading.events() as (db, view):
        events = features.seen(view, as_of=reading.as_of, time_zone=reading.brand.time_zone)
        some = events.filter(features.in_sample(events.party_id, keep=1, of=of))
        db.execute(f"CREATE TEMP TABLE sampled AS {ibis.to_sql(some, dialect='duckdb')}")
        for cutoff in cutoffs:
            reading.tell(f"looking back to {cutoff}")
            known = summaries.rebuild(db, "sampled", as_of=cutoff, pulse=pulse, time_zone=reading.brand.time_zone)
            here = _here_at(known["party_id"].to_numpy(), lives, cutoff)
            shown = caution_signs.raise_signs(known, as_of=cutoff, among=here)
            raised.append(_at(shown, cutoff))
            live.append(_at(known.filter(pa.array(here)).select(["party_id"]), cutoff))
            columns.append(early_warning.columns(known, shown)[here])
    return _Then(pa.concat_tables(raised), pa.concat_tables(live), np.concatenate(columns))


def _measured(reading: Reading, then: _Then | None, lives: pa.Table) -> pa.Table | None:
    """MEASURED over the newest cut-offs, None where there are none."""
    if then is None:
        return None
    oldest = reading.as_of - timedelta(days=reading.brand.horizon_days + BETWEEN_DAYS * (CUTOFFS - 1))
    lately = pc.field("cutoff") >= pa.scalar(oldest, pa.date32())
    codes = [word.value for word in early_warning.SIGNS]
    return _record(reading, then.raised.filter(lately), live=then.live.filter(lately), lives=lives, codes=codes)


def _record(reading: Reading, raised: pa.Table, *, live: pa.Table, lives: pa.Table, codes: list[str]) -> pa.Table:
    return sign_record.measure(
        raised.select(["party_id", "code", "cutoff"]),
        live=live.select(["party_id", "cutoff"]),
        endings=_endings(lives),
        horizon_days=reading.brand.horizon_days,
        codes=codes,
        known_until=reading.as_of,
    )


def _judgement(reading: Reading, then: _Then | None, lives: pa.Table) -> early_warning_record.Judgement:
    """All signs together against silence alone, on what came after those days."""
    if then is None:
        return early_warning_record.unknown(
            f"the history must have run {SETTLED_DAYS} days before a day whose next {reading.brand.horizon_days} days "
            "are over."
        )
    ends, presumed = _endings(lives), lives.filter(pc.is_valid(lives["ended_on"]))["is_presumed"]
    past = early_warning_record.Past(
        party=then.live["party_id"].to_numpy(),
        cutoff=ordinal(then.live["cutoff"]),
        columns=then.columns,
        silence=then.columns[:, early_warning.COLUMNS.index(caution_signs.Sign.SILENCE.value)] > 0,
        told=sign_record.days_to_ending(then.live, ends.filter(pc.invert(presumed))),
        presumed=sign_record.days_to_ending(then.live, ends.filter(presumed)),
    )
    return early_warning_record.judge(past, horizon_days=reading.brand.horizon_days, as_of=reading.as_of)


def _with_together(
    reading: Reading,
    measured: pa.Table | None,
    then: _Then | None,
    judgement: early_warning_record.Judgement,
    lives: pa.Table,
) -> pa.Table | None:
    """The measured signs, and beside them all signs together on the days on which they were judged."""
    if measured is None or then is None or judgement.combined is None:
        return measured
    warned = then.live.filter(pa.array(judgement.warned)).append_column(
        "code", pa.repeat(TOGETHER, int(judgement.warned.sum()))
    )
    judged = then.live.filter(pa.array(judgement.judged))
    return pa.concat_tables([measured, _record(reading, warned, live=judged, lives=lives, codes=[TOGETHER])])


def _at(table: pa.Table, cutoff: date) -> pa.Table:
    return table.append_column("cutoff", pa.repeat(pa.scalar(cutoff, pa.date32()), table.num_rows))


def _endings(lives: pa.Table) -> pa.Table:
    """(party_id, end_day): the told day, or the first night on which the end was presumed."""
    ended = lives.filter(pc.is_valid(lives["ended_on"]))
    return pa.table({"party_id": ended["party_id"], "end_day": ended["ended_on"]})


def _here_at(parties: Ints, lives: pa.Table, cutoff: date) -> Any:
    """Who was in a life at the end of that day, as far as was known on it.

    Who had been silent so long as to be presumed gone was gone for that night, though they said goodbye later: left
    in, nobody but those who were going to would be among the very silent.
    """
    day = int(np.datetime64(cutoff, "D").astype(np.int64))
    began, ended = ordinal(lives["began"]), ordinal(lives["ended_on"])
    over = lives["ended_on"].is_valid().to_numpy(zero_copy_only=False) & (ended <= day)
    healed = lives["healed_on"].is_valid().to_numpy(zero_copy_only=False) & (ordinal(lives["healed_on"]) <= day)
    quiet = lives["presumed_from"].is_valid().to_numpy(zero_copy_only=False) & (ordinal(lives["presumed_from"]) <= day)
    running = (began <= day) & ~over & ~quiet & ~healed
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
