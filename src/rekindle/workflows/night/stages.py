"""Step 9. The stage of every relationship, its lives, and each step from stage to stage.

1. recorded ends whose day has come take effect, quiet begins and quiet that is over is lifted (workflows.cooling_off);
2. read everyone's stage from lives, outlooks, signs and recorded ends (relationships.stages), and from the word of
   staff that somebody is back; a return that somebody has begun to see to stays one until all of it is seen to;
3. write the lives that changed, the steps taken with rule and evidence, and the relationships that moved;
4. open the lists of what to see to for those who came back (workflows.return_opening);
5. count: the stages add up to the number of people, or the night stops here.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from rekindle.errors import Conflict
from rekindle.journal.models import Decision
from rekindle.relationships.endings_queries import still_with_us
from rekindle.relationships.models import Breakup, Episode, Relationship, StageChange
from rekindle.relationships.return_queries import returned_by_word, still_returning
from rekindle.relationships.stages import (
    CODE,
    NO_STAGE,
    RULE_CODE,
    RULES,
    STAGES,
    StageFacts,
    StageReading,
    read_stages,
)
from rekindle.relationships.vocabulary import Commercial, Stage
from rekindle.understand import caution_signs, rhythm
from rekindle.workflows import bulk, company_exits, cooling_off, interview_reminders, return_opening, standing
from rekindle.workflows.brand import end_of
from rekindle.workflows.night.reading import Ints, Reading, changed_rows, days, floats, ordinal, place_of

COMMERCIAL = {
    Stage.COURTSHIP: Commercial.COURTING,
    Stage.DATING: Commercial.TRIALING,
    Stage.EARLY: Commercial.LIVE,
    Stage.ONGOING: Commercial.LIVE,
    Stage.AT_RISK: Commercial.LIVE,
    Stage.PHOENIX: Commercial.LIVE,
    Stage.PAUSED: Commercial.PAUSED,
    Stage.NOTICE: Commercial.NOTICE,
    Stage.PRESUMED_BREAKUP: Commercial.LIVE,  # until its owner confirms the end or thirty days pass
    Stage.BREAKUP: Commercial.ENDED,
    Stage.COOLING_OFF: Commercial.ENDED,
    Stage.WOOING: Commercial.ENDED,
    Stage.OLD_FRIENDS: Commercial.ENDED,
    Stage.CLOSED: Commercial.ENDED,
}


def run(reading: Reading) -> int:
    """Gives the number of relationships whose stage changed."""
    if not (reading.folder / "stages.parquet").exists():
        end_of_day = end_of(reading.as_of, reading.brand)
        cooling_off.begin(end_of_day)
        cooling_off.lift(end_of_day)
        company_exits.settle(end_of_day)
        standing.settle(end_of_day)
        interview_reminders.settle_left(end_of_day)
        reading.write("stages", _read(reading))
    stages = reading.read("stages")
    reading.tell("writing lives")
    _store_lives(reading)
    moved = stages.filter(pc.or_(stages["changed"], stages["life_changed"]))
    reading.tell("writing stages")
    _store_changes(reading, moved.filter(moved["changed"]))
    _store_relationships(reading, moved)
    return_opening.open_new(reading.as_of, brand=reading.brand)
    _reconcile(reading, stages)
    return int(pc.sum(stages["changed"]).as_py() or 0)


def _read(reading: Reading) -> pa.Table:
    """One row a relationship, by party: stage before and now, rule, and the evidence the sentence needs."""
    summary, lives, believed = (reading.read(name) for name in ("summary", "lives", "outlook"))
    ids, parties, stages, since, life, owners = bulk.read(
        Relationship.objects.filter(brand=reading.brand), "id", "party_id", "stage", "stage_since", "life", "owner_id"
    )
    party = np.array(parties, dtype=np.int64)
    order = np.argsort(party, kind="stable")
    party = party[order]
    facts, current_life = _facts(reading, party, summary, lives, believed)
    code_of = {stage.value: code for stage, code in CODE.items()}
    on_record = np.array([code_of[stage] for stage in stages], dtype=np.int8)[order] if stages else np.zeros(0, np.int8)
    never_read = np.array([day is None for day in since], dtype=bool)[order] if since else np.zeros(0, bool)
    now = read_stages(StageFacts(**facts, current=np.where(never_read, NO_STAGE, on_record).astype(np.int8)))
    now = _kept_returning(reading, party, on_record, now)
    numbers = (
        np.array([life_number or 0 for life_number in life], dtype=np.int64)[order] if life else np.zeros(0, np.int64)
    )
    return pa.table(
        {
            "relationship_id": np.array(ids, dtype=np.int64)[order],
            "party_id": party,
            "owner": np.array([owner if owner is not None else -1 for owner in owners], dtype=np.int64)[order],
            "before": np.where(never_read, NO_STAGE, on_record).astype(np.int8),
            "stage": now.stage,
            "rule": now.rule,
            "changed": now.changed,
            "revised": now.revised,
            "life": facts["life_number"],
            "life_changed": facts["life_number"] != numbers,
            "sign": facts["sign"],
            **current_life,
        }
    )


def _facts(
    reading: Reading, party: Ints, summary: pa.Table, lives: pa.Table, believed: pa.Table
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of StageFacts for these parties, and what the sentences of the rules quote."""
    as_of = int(np.datetime64(reading.as_of, "D").astype(np.int64))
    of = lives["party_id"].to_numpy()
    current = lives.filter(pa.array(np.append(of[1:] != of[:-1], True) if len(of) else np.zeros(0, bool)))
    at_life = place_of(party, current["party_id"].to_numpy())
    at = place_of(party, summary["party_id"].to_numpy())
    has_life = at_life >= 0

    def of_life(values: Any, missing: Any) -> Any:
        return np.where(has_life, values[at_life], missing) if len(values) else np.full(len(party), missing)

    def of_summary(values: Any, missing: Any) -> Any:
        return np.where(at >= 0, values[at], missing) if len(values) else np.full(len(party), missing)

    presumed = current["is_presumed"].to_numpy(zero_copy_only=False)
    ended = current["ended_on"].is_valid().to_numpy(zero_copy_only=False)
    usual = floats(rhythm.with_population(summary)["usual_gap_filled"]) if summary.num_rows else np.zeros(0)
    risk = reading.read("at_risk")["at_risk"].to_numpy(zero_copy_only=False)
    told_without_life, notice, ends_on = _told(reading, party, as_of)
    began = of_life(ordinal(current["began"]), as_of)
    facts = {
        "as_of": as_of,
        "pulse_days": of_summary(np.nan_to_num(floats(summary["pulse_days"])), 0).astype(np.int64),
        "life_number": of_life(current["number"].to_numpy(), 0).astype(np.int64),
        "life_began": began.astype(np.int64),
        "life_pulses": of_life(current["pulses"].to_numpy(), 0).astype(np.int64),
        "silent_days": of_life((as_of - ordinal(current["last_seen"])).astype(np.float64), np.nan),
        "usual_gap": of_summary(usual, np.nan).astype(np.float64),
        "p_alive": of_summary(floats(believed["p_alive"]), np.nan).astype(np.float64),
        "sign": of_summary(risk, False).astype(bool),
        # Somebody who knows them said that the silence is no end: that holds against what the rhythm presumes.
        "presumed": of_life(presumed & ended, False).astype(bool)
        & ~np.isin(party, np.array(sorted(still_with_us(reading.as_of)), dtype=np.int64)),
        "explicit_end": of_life(ended & ~presumed, False).astype(bool) | (told_without_life & ~has_life),
        "explicit_notice": notice,
        "closed": np.zeros(len(party), dtype=bool),
    }
    over = facts["presumed"] | facts["explicit_end"]
    ended_on = np.where(over & has_life, of_life(ordinal(current["ended_on"]), as_of), ends_on).astype(np.int64)
    back = _take_their_word(reading, party, facts, after=np.where(over, ended_on, as_of))
    quoted = {
        "life_began": np.where(has_life | back, facts["life_began"], as_of).astype(np.int64),
        "silent_days": facts["silent_days"],
        "usual_gap": facts["usual_gap"],
        # A coming end outranks a presumed one: where it is quoted, its own day is.
        "ended_on": np.where(notice & ~facts["explicit_end"], ends_on, ended_on).astype(np.int64),
        "p_ended": of_life(floats(current["ended_chance"]), np.nan).astype(np.float64),
    }
    return facts, quoted


def _take_their_word(reading: Reading, party: Ints, facts: dict[str, Any], *, after: Ints) -> npt.NDArray[np.bool_]:
    """Who is back by the word of staff, since a day later than `after`; their facts become those of the new life."""
    told = returned_by_word(reading.as_of)
    came = np.full(len(party), np.iinfo(np.int64).min, dtype=np.int64)
    if told:
        at = place_of(np.array(list(told), dtype=np.int64), party)
        day = np.array(list(told.values()), dtype="datetime64[D]").astype(np.int64)
        came[at[at >= 0]] = day[at >= 0]
    back = (facts["presumed"] | facts["explicit_end"]) & (came > after)
    facts["pulse_days"] = np.where(back, np.maximum(facts["pulse_days"], 1), facts["pulse_days"])
    facts["life_number"] = np.where(back, np.maximum(facts["life_number"], 1) + 1, facts["life_number"])
    facts["life_began"] = np.where(back, came, facts["life_began"])
    facts["presumed"] = facts["presumed"] & ~back
    facts["explicit_end"] = facts["explicit_end"] & ~back
    return np.asarray(back, dtype=np.bool_)


def _kept_returning(reading: Reading, party: Ints, on_record: npt.NDArray[np.int8], now: StageReading) -> StageReading:
    """After 90 days a return becomes ordinary, unless somebody has begun to see to it and is not done (C3)."""
    begun = np.array(sorted(still_returning(reading.as_of)), dtype=np.int64)
    kept = (now.rule == RULE_CODE["steady"]) & (on_record == CODE[Stage.PHOENIX]) & np.isin(party, begun)
    return StageReading(
        np.where(kept, on_record, now.stage).astype(np.int8),
        np.where(kept, RULE_CODE["returned"], now.rule).astype(np.int8),
        now.changed & ~kept,
        now.revised & ~kept,
    )


def _told(reading: Reading, party: Ints, as_of: int) -> tuple[Any, Any, Any]:
    """(an end on record up to the day, one after it, the day of the last of them) for each party."""
    parties, ended, noticed = bulk.read(
        Breakup.objects.filter(relationship__brand=reading.brand, withdrawn_at=None),
        "relationship__party_id",
        "ended_on",
        "noticed_on",
    )
    past, coming = np.zeros(len(party), dtype=bool), np.zeros(len(party), dtype=bool)
    day = np.full(len(party), as_of, dtype=np.int64)
    if parties:
        end = np.array(ended, dtype="datetime64[D]").astype(np.int64)
        # A notice counts from the day it was given; without such a day, from when it was loaded.
        known = np.array([value or reading.as_of for value in noticed], dtype="datetime64[D]").astype(np.int64) <= as_of
        at = place_of(np.array(parties, dtype=np.int64), party)
        here = (at >= 0) & known
        past[at[here & (end <= as_of)]] = True
        coming[at[here & (end > as_of)]] = True
        day[at[here]] = end[here]
    return past, coming, day


def _store_lives(reading: Reading) -> None:
    """Lives that changed since the last night. Lives after the day, left by a later night, are taken away."""
    lives = reading.read("lives")
    Episode.objects.filter(relationship__brand=reading.brand, began_on__gt=reading.as_of).delete()
    changed = changed_rows(lives, reading.previous("lives"), key=["party_id", "number"])
    rows = reading.with_relationship(changed)
    table = pa.table(
        {
            "relationship_id": rows["relationship_id"],
            "number": rows["number"],
            "began_on": rows["began"],
            "last_seen_on": rows["last_seen"],
            "pulses": rows["pulses"],
            "ended_on": rows["ended_on"],
            "is_presumed": rows["is_presumed"],
            "ended_chance": rows["ended_chance"],
            "band_from": rows["band_from"],
            "band_to": rows["band_to"],
            "healed_on": rows["healed_on"],
        }
    )
    update = [name for name in table.column_names if name not in {"relationship_id", "number"}]
    bulk.insert(Episode, table, conflict=["relationship_id", "number"], update=update)


def _store_changes(reading: Reading, moved: pa.Table) -> None:
    """The steps, each from the day it counts from; steps dated later, by a night of a later day, are undone."""
    StageChange.objects.filter(on__gt=reading.as_of, undone_at=None).exclude(night=None).update(
        undone_at=timezone.now()
    )
    ids = [rule.id for rule in RULES]
    rules = [ids[code] for code in moved["rule"].to_pylist()]
    names = ["", *[stage.value for stage in STAGES]]
    table = pa.table(
        {
            "relationship_id": moved["relationship_id"],
            "from_stage": [names[code + 1] for code in moved["before"].to_pylist()],
            "to_stage": [names[code + 1] for code in moved["stage"].to_pylist()],
            "on": _counts_from(reading, moved),
            "rule": pa.array(rules, pa.string()),
            "evidence": _evidence(reading, moved, rules),
            "night": pa.repeat(pa.scalar(reading.night.pk, pa.int64()), moved.num_rows),
            "recorded_at": pa.repeat(pa.scalar(timezone.now(), pa.timestamp("us", "UTC")), moved.num_rows),
        }
    )
    bulk.insert(StageChange, table, conflict=["relationship_id", "on", "night", "to_stage"])


def _evidence(reading: Reading, moved: pa.Table, rules: list[str]) -> pa.Array:
    """What the sentence of each rule quotes, as JSON text, written for whole columns at a time."""
    rule = np.array(rules, dtype=object)
    texts = np.full(len(rules), "{}", dtype=object)
    dates = {name: days(moved[name].to_numpy()).cast(pa.string()) for name in ("life_began", "ended_on")}
    columns = {
        "life_number": moved["life"].combine_chunks(),
        "silent_days": _whole(moved["silent_days"]),
        "usual_gap": _rounded(moved["usual_gap"], digits=1),
        "p_ended": _rounded(moved["p_ended"], digits=3),
        **{name: _quoted(column) for name, column in dates.items()},
    }
    parties = moved["party_id"].to_numpy()
    for name, fields in EVIDENCE.items():
        rows = np.flatnonzero(rule == name)
        if len(rows):
            texts[rows] = _objects({field: columns[of].take(pa.array(rows)) for field, of in fields.items()})
    rows = np.flatnonzero(rule == "caution_sign")
    signs = _strongest_signs(reading, parties[rows].tolist())
    texts[rows] = [json.dumps({"sign": signs.get(party, "")}) for party in parties[rows].tolist()]
    return pa.array(texts, pa.string())


def _counts_from(reading: Reading, moved: pa.Table) -> pa.Array:
    """The day each step counts from: a life's beginning, an end, else the night itself; never after the night."""
    as_of = int(np.datetime64(reading.as_of, "D").astype(np.int64))
    rule = moved["rule"].to_numpy()
    from_life = np.isin(rule, [RULE_CODE["first_days"], RULE_CODE["returned"]])
    from_end = np.isin(rule, [RULE_CODE["end_on_record"], RULE_CODE["presumed_gone"]])
    began, ended = moved["life_began"].to_numpy(), moved["ended_on"].to_numpy()
    return days(np.minimum(np.where(from_life, began, np.where(from_end, ended, as_of)), as_of))


EVIDENCE = {
    "end_on_record": {"ended_day": "ended_on"},
    "notice_on_record": {"ends_on": "ended_on"},
    "presumed_gone": {"silent_days": "silent_days", "presumed_from": "ended_on", "p_ended": "p_ended"},
    "returned": {"life_began": "life_began", "life_number": "life_number"},
    "first_days": {"life_began": "life_began"},
    "doubtful": {"silent_days": "silent_days", "usual_gap": "usual_gap"},
}
"""Rule -> what its sentence quotes -> the column that holds it."""


def _objects(fields: dict[str, pa.Array]) -> npt.NDArray[Any]:
    """One JSON object a row from columns of JSON values."""
    parts: list[Any] = []
    for number, (name, values) in enumerate(fields.items()):
        parts += [f'{", " if number else "{"}"{name}": ', pc.fill_null(values.cast(pa.string()), "null")]
    return np.asarray(pc.binary_join_element_wise(*parts, "}", "").to_numpy(zero_copy_only=False))


def _quoted(dates: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', dates, '"', "")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Numbers without decimals; null where not known."""
    values = floats(column)
    return pa.array(np.nan_to_num(values).astype(np.int64), mask=np.isnan(values))


def _rounded(column: pa.ChunkedArray, *, digits: int) -> pa.Array:
    values = floats(column)
    return pa.array(np.round(values, digits), mask=np.isnan(values))


def _strongest_signs(reading: Reading, parties: list[int]) -> dict[int, str]:
    """The title of the strongest sign each of these people shows tonight."""
    raised = reading.read("signs")  # by party, strongest first
    some = raised.filter(pc.is_in(raised["party_id"], value_set=pa.array(parties, pa.int64())))
    first: dict[int, str] = {}
    for party, code in zip(some["party_id"].to_pylist(), some["code"].to_pylist(), strict=True):
        first.setdefault(party, caution_signs.Sign(code).label.lower())
    return first


def _store_relationships(reading: Reading, moved: pa.Table) -> None:
    code = pa.array(moved["stage"].to_numpy().astype(np.int64))
    changed = moved["changed"].to_numpy(zero_copy_only=False)
    both = pa.table(
        {
            "id": moved["relationship_id"],
            "stage": pa.array([stage.value for stage in STAGES], pa.string()).take(code),
            "commercial": pa.array([COMMERCIAL[stage].value for stage in STAGES], pa.string()).take(code),
            "stage_since": _counts_from(reading, moved),
            "life": moved["life"].cast(pa.int32()),
        }
    )
    bulk.update(Relationship, both.filter(pa.array(changed)))
    bulk.update(Relationship, both.filter(pa.array(~changed)).select(["id", "life"]))
    Decision.objects.filter(as_of__gt=reading.as_of, relationship__brand=reading.brand).delete()


def _reconcile(reading: Reading, stages: pa.Table) -> None:
    """Everyone is in exactly one stage, in the books as in the columns."""
    from django.db.models import Count

    counted = dict(
        Relationship.objects.filter(brand=reading.brand).values_list("stage").annotate(n=Count("id")).order_by()
    )
    names, numbers = np.unique(stages["stage"].to_numpy(), return_counts=True)
    read = {STAGES[code].value: int(number) for code, number in zip(names, numbers, strict=True)}
    if sum(counted.values()) != stages.num_rows or counted != read:
        raise Conflict(
            f"the books hold {sum(counted.values()):,} relationships in other stages than the {stages.num_rows:,} "
            "that were read.",
            remedy="Somebody changed stages while the night ran; run `rekindle nightly` again.",
        )
    reading.note("stage_counts", {stage.value: read[stage.value] for stage in Stage if stage.value in read})
