"""Step 10. One choice a person, for everyone; usually to leave them in peace.

1. what is at stake with each, from the outlook; who may be reached how, from the books, by the one gate;
2. choose, then fit the choices into each owner's day;
3. write a decision where it differs from the last one; the whole night's choices stay in its folder.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.accounts.models import User
from rekindle.decide import worth
from rekindle.decide.budget import within_capacity
from rekindle.decide.choose import People, choose
from rekindle.journal.models import Decision
from rekindle.relationships.models import Task
from rekindle.relationships.stages import STAGES
from rekindle.relationships.vocabulary import Channel, Stage, TaskState
from rekindle.workflows import bulk
from rekindle.workflows.brand import end_of
from rekindle.workflows.last_choice import evidence
from rekindle.workflows.night.reading import Ints, Reading, changed_rows, floats, place_of
from rekindle.workflows.why_not import facts

UNOWNED_MINUTES = 120.0  # a day for everybody who has no owner: our choice, some twenty short talks
LIVE = (Stage.EARLY, Stage.ONGOING, Stage.AT_RISK, Stage.PHOENIX, Stage.NOTICE, Stage.PAUSED, Stage.DATING)
SAME = ["party_id", "suggestion", "channel", "reason", "wished", "refusal", "refusal_until"]


def run(reading: Reading) -> int:
    """Gives the number of people who get a suggestion tonight."""
    if not (reading.folder / "decisions.parquet").exists():
        reading.write("decisions", _decide(reading))
    decisions, stages = reading.read("decisions"), reading.read("stages")
    reading.tell("writing decisions")
    _store(reading, decisions, stages)
    counted = decisions.group_by(["suggestion"]).aggregate([("party_id", "count")]).to_pylist()
    reasons = decisions.group_by(["suggestion", "reason"]).aggregate([("party_id", "count")]).to_pylist()
    reading.note(
        "decision_counts",
        {
            "by_suggestion": {row["suggestion"]: row["party_id_count"] for row in counted},
            "nothing_because": {
                row["reason"]: row["party_id_count"] for row in reasons if row["suggestion"] == "nothing"
            },
        },
    )
    return int(pc.sum(pc.not_equal(decisions["suggestion"], "nothing")).as_py() or 0)


def _decide(reading: Reading) -> pa.Table:
    stages, believed = reading.read("stages"), reading.read("outlook")
    party = stages["party_id"].to_numpy()
    at = place_of(party, believed["party_id"].to_numpy())
    value, stake, p_none, spent, pulses = (
        _of(floats(believed[name]), at)
        for name in ("value_minor", "value_at_stake_minor", "p_none", "spent_minor", "pulses")
    )
    stakes = worth.stakes(
        value_to_come=value,
        p_lose=p_none,
        usual_spend=np.divide(spent, pulses, out=np.full(len(party), np.nan), where=pulses > 0),
    )
    codes = stages["stage"].to_numpy()
    live = np.isin(codes, [STAGES.index(stage) for stage in LIVE])
    instant = end_of(reading.as_of, reading.brand)
    as_of = int(np.datetime64(reading.as_of, "D").astype(np.int64))
    life = stages["life"].to_numpy()
    people = People(
        party_id=party,
        stage=codes.astype(np.int8),
        sign=stages["sign"].to_numpy(zero_copy_only=False),
        life_days=np.where(life > 0, as_of - stages["life_began"].to_numpy(), np.nan).astype(np.float64),
        last_touch=_last_touch(party, reading),
        # One figure of what is at stake, wherever it is shown: the one the outlook stores.
        stakes=replace(stakes, amount=stake),
        facts=facts(party, at=instant, live=live),
    )
    chosen = choose(
        people,
        roads=frozenset(Channel),
        minor_per_minute=float(reading.brand.minute_cost_minor),
        at=instant,
    )
    minutes = dict(User.objects.filter(is_active=True).values_list("id", "minutes_per_day"))
    return within_capacity(
        chosen,
        owner=stages["owner"].to_numpy(),
        minutes={owner: float(day) for owner, day in minutes.items()},
        otherwise=UNOWNED_MINUTES,
    )


def _of(values: Any, at: Ints) -> Any:
    return np.where(at >= 0, values[at], np.nan) if len(values) else np.full(len(at), np.nan)


def _last_touch(party: Ints, reading: Reading) -> Any:
    """The last touch each had, as far as answered tasks tell: the day it was done."""
    last = np.full(len(party), np.datetime64("NaT", "D"))
    parties, answered = bulk.read(
        Task.objects.filter(state=TaskState.DONE.value, answered_at__lt=end_of(reading.as_of, reading.brand)).exclude(
            answered_at=None
        ),
        "relationship__party_id",
        "answered_at",
    )
    for one, at in zip(parties, answered, strict=True):
        place = int(place_of(np.array([one]), party)[0])
        day = np.datetime64(str(at)[:10], "D")
        if place >= 0 and (np.isnat(last[place]) or last[place] < day):
            last[place] = day
    return last


def _store(reading: Reading, decisions: pa.Table, stages: pa.Table) -> None:
    """The decisions that differ from the night before; none for people for whom nothing was ever wished."""
    before = reading.previous("decisions")
    changed = changed_rows(
        decisions.select(SAME), before.select(SAME) if before is not None else None, key=["party_id"]
    )
    speaking = pc.is_valid(changed["wished"])
    if before is not None:
        wished_before = before.filter(pc.is_valid(before["wished"]))["party_id"].combine_chunks()
        speaking = pc.or_(speaking, pc.is_in(changed["party_id"], value_set=wished_before))
    changed = changed.filter(speaking)
    at = place_of(changed["party_id"].to_numpy(), decisions["party_id"].to_numpy())
    rows = decisions.take(pa.array(at))
    relationship = stages["relationship_id"].to_numpy()[
        place_of(rows["party_id"].to_numpy(), stages["party_id"].to_numpy())
    ]
    currency = _currencies(reading, rows["party_id"].to_numpy())
    n = rows.num_rows
    stake = floats(rows["at_stake"])
    table = pa.table(
        {
            "relationship_id": relationship,
            "as_of": pa.repeat(pa.scalar(reading.as_of), n),
            "night": pa.repeat(pa.scalar(reading.night.pk, pa.int64()), n),
            "suggestion": rows["suggestion"],
            "channel": pc.fill_null(rows["channel"], ""),
            "reason": rows["reason"],
            "evidence": pa.array(evidence(rows), pa.string()),
            "value_at_stake_minor": pa.array(np.nan_to_num(np.round(stake)).astype(np.int64), mask=np.isnan(stake)),
            "currency": currency,
            "rank": rows["rank"],
            "wanted": pc.fill_null(rows["wished"], ""),
            "refusal": pc.fill_null(rows["refusal"], ""),
            "refused_until": rows["refusal_until"],
        }
    )
    update = [name for name in table.column_names if name not in {"relationship_id", "as_of"}]
    bulk.insert(Decision, table, conflict=["relationship_id", "as_of"], update=update)


def _currencies(reading: Reading, party: Ints) -> pa.Array:
    believed = reading.read("outlook").select(["party_id", "currency"])
    at = place_of(party, believed["party_id"].to_numpy())
    found = (
        believed["currency"].combine_chunks().take(pa.array(np.where(at >= 0, at, 0), mask=at < 0))
        if len(believed)
        else pa.nulls(len(party), pa.string())
    )
    return pc.fill_null(found, "")
