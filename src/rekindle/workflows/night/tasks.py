"""Step 11. Suggestions become tasks for humans; nothing is sent.

1. for each suggestion of tonight: the two or three facts that speak for it now, and one sentence to begin with;
2. an open task for the same suggestion is brought up to date, another one is withdrawn and replaced;
3. open tasks for people best left in peace tonight are withdrawn, unless only the day was too short for them;
4. ends of thirty days without a want-back decision become a reminder for whoever manages;
5. relationships that fall due for their yearly look get their card.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Q

from rekindle.decide.explain import Reason, chance_text, why_now
from rekindle.decide.options import OPTIONS, opening_line
from rekindle.journal.models import Decision, SignRecord
from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.stages import STAGES
from rekindle.relationships.vocabulary import Stage, Suggestion, TaskSource, TaskState
from rekindle.understand import reasons
from rekindle.workflows import reviews, want_back
from rekindle.workflows.intake_books import IN_LIST
from rekindle.workflows.night.reading import Reading, place_of

OPTION = {option.suggestion.value: option for option in OPTIONS}
OPEN = [TaskState.OPEN.value, TaskState.LATER.value]
OURS = Q(source=TaskSource.NIGHT.value)
RETURN_WEIGHT = 0.9  # coming back is the first thing to know about somebody who did
SILENT = frozenset({Stage.AT_RISK, Stage.PRESUMED_BREAKUP})


def run(reading: Reading) -> int:
    """Gives the number of open tasks made or brought up to date."""
    decisions = reading.read("decisions")
    wanted = decisions.filter(pc.not_equal(decisions["suggestion"], Suggestion.NOTHING.value))
    relations = _relationships(reading, wanted["party_id"].to_pylist())
    numbers = {relation.pk: relation.party_id for relation in relations.values()}
    open_tasks = {
        task.relationship_id: task
        for some in _slices(sorted(numbers))
        for task in Task.objects.filter(OURS, relationship__in=some, state__in=OPEN)
    }
    texts = _why(reading, wanted)
    decided = dict(
        Decision.objects.filter(night=reading.night.pk, relationship__in=list(numbers)[:IN_LIST]).values_list(
            "relationship_id", "id"
        )
    )
    fresh: list[Task] = []
    kept: list[Task] = []
    for row in wanted.to_pylist():
        relation = relations.get(row["party_id"])
        if relation is None:
            continue
        task = open_tasks.get(relation.pk)
        if task is not None and task.suggestion != row["suggestion"]:
            Task.objects.filter(pk=task.pk).update(
                state=TaskState.WITHDRAWN.value, answer="another suggestion took its place"
            )
            task = None
        one = task or Task(relationship=relation, made_on=reading.as_of, due_on=reading.as_of)
        _fill(one, row, relation, texts[row["party_id"]], decided.get(relation.pk))
        (kept if task else fresh).append(one)
    Task.objects.bulk_create(fresh, batch_size=IN_LIST)
    Task.objects.bulk_update(
        kept,
        [
            "owner",
            "channel",
            "why_now",
            "opening_line",
            "value_at_stake_minor",
            "currency",
            "rank",
            "minutes",
            "decision",
        ],
        batch_size=IN_LIST,
    )
    _withdraw(reading, decisions)
    want_back.remind(reading.as_of)
    reviews.open_due(reading.as_of)
    return len(fresh) + len(kept)


def _fill(task: Task, row: dict[str, Any], relation: Relationship, texts: list[str], decision: int | None) -> None:
    option = OPTION[row["suggestion"]]
    name = relation.party.given_name or relation.party.name
    task.owner = relation.owner
    task.suggestion = row["suggestion"]
    task.touch_class = option.touch_class.value if option.touch_class else ""
    task.channel = row["channel"]
    task.why_now = texts
    task.opening_line = opening_line(option, name=name, turn=relation.pk) or ""
    task.value_at_stake_minor = None if row["at_stake"] is None else round(row["at_stake"])
    task.currency = relation.brand.currency or _currency(relation)
    task.rank, task.minutes, task.decision = row["rank"], round(row["minutes"]), decision


def _currency(relation: Relationship) -> str:
    outlook = getattr(relation, "outlook", None)
    return outlook.currency if outlook is not None else ""


def _relationships(reading: Reading, parties: list[int]) -> dict[int, Relationship]:
    found: dict[int, Relationship] = {}
    for some in _slices(parties):
        rows = Relationship.objects.filter(brand=reading.brand, party_id__in=some)
        for relation in rows.select_related("party", "owner", "brand", "outlook"):
            found[relation.party_id] = relation
    return found


def _why(reading: Reading, wanted: pa.Table) -> dict[int, list[str]]:
    """Two or three facts for each person, strongest first: signs in their own numbers, then the chance of silence."""
    parties = wanted["party_id"]
    raised, believed, stages = (reading.read(name) for name in ("signs", "outlook", "stages"))
    records = {record.code: record for record in SignRecord.objects.filter(night=reading.night)}
    facts: dict[int, list[tuple[float, str]]] = defaultdict(list)
    shown = raised.filter(pc.is_in(raised["party_id"], value_set=parties.combine_chunks()))
    for row in reasons.sentences(shown).to_pylist():
        record = records.get(row["code"])
        seen = ""
        if record is not None and record.precision is not None:
            seen = f"; of 100 who showed this, {100 * record.precision:.0f} left within {record.horizon_days} days"
        facts[row["party_id"]].append((row["strength"], _sentence(row["text"] + seen)))
    for party, text in _stage_facts(parties.to_pylist(), stages):
        facts[party].append((RETURN_WEIGHT, text))
    at = place_of(parties.to_numpy(), believed["party_id"].to_numpy())
    for party, row in zip(parties.to_pylist(), believed.take(pa.array(at[at >= 0])).to_pylist(), strict=False):
        if row["p_none"] is not None:
            text = chance_text(
                row["p_none"], low=row["p_none_low"], high=row["p_none_high"], horizon_days=reading.brand.horizon_days
            )
            facts[party].append((min(row["p_none"], RETURN_WEIGHT), _sentence(text)))
    return {party: why_now(facts[party]) for party in parties.to_pylist()}


def _stage_facts(parties: list[int], stages: pa.Table) -> list[tuple[int, str]]:
    """What the stage itself says: back since, new since, or probably gone since."""
    at = place_of(pa.array(parties, pa.int64()).to_numpy(), stages["party_id"].to_numpy())
    told = []
    for party, row in zip(parties, stages.take(pa.array(at)).to_pylist(), strict=True):
        stage = STAGES[row["stage"]]
        began, ended = (date.fromordinal(EPOCH + row[name]) for name in ("life_began", "ended_on"))
        if stage is Stage.PHOENIX:
            told.append((party, f"Came back on {reasons.day_text(began)}, in life {row['life']}."))
        elif stage is Stage.EARLY:
            told.append((party, f"New since {reasons.day_text(began)}."))
        elif stage is Stage.PRESUMED_BREAKUP:
            told.append((party, f"Probably gone since {reasons.day_text(ended)}; nobody has said so."))
    return told


EPOCH = date(1970, 1, 1).toordinal()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _withdraw(reading: Reading, decisions: pa.Table) -> None:
    """Open tasks of people who are best left in peace tonight, and put-off ones long past."""
    resting = decisions.filter(
        pc.and_(
            pc.equal(decisions["suggestion"], Suggestion.NOTHING.value),
            pc.not_equal(decisions["reason"], Reason.CAPACITY.value),
        )
    )
    open_parties = dict(
        # A reminder to decide suggests nothing to the person, and stays until somebody decides.
        Task.objects.filter(OURS, state=TaskState.OPEN.value, relationship__brand=reading.brand)
        .exclude(suggestion=Suggestion.NOTHING.value)
        .values_list("id", "relationship__party_id")
    )
    at_rest = set(pc.unique(resting["party_id"]).to_pylist()) & set(open_parties.values())
    gone = [number for number, party in open_parties.items() if party in at_rest]
    for some in _slices(gone):
        Task.objects.filter(pk__in=some).update(
            state=TaskState.WITHDRAWN.value, answer="the night found nothing to do any more"
        )
    Task.objects.filter(OURS, state=TaskState.OPEN.value, made_on__gt=reading.as_of).update(
        state=TaskState.WITHDRAWN.value, answer="made by a night of a later day"
    )


def _slices(items: list[int]) -> list[list[int]]:
    return [items[start : start + IN_LIST] for start in range(0, len(items), IN_LIST)]
