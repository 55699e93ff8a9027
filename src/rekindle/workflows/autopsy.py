"""What we learn from an end: the facts as they stood, found by the machine, and what people conclude from them.

1. `draft` gathers, from what was frozen on the day and from the books before it, the facts that bear on the end, as
   sentences; it concludes nothing;
2. `keep` writes down what people conclude: a finding, whether it could have been avoided, one action and who owns it.

An autopsy is whole when a reason is known, their own words are there and the action has an owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships.models import Breakup, Case, Feedback, Promise, Task
from rekindle.relationships.policy import day_begins
from rekindle.relationships.reasons import label_of
from rekindle.relationships.vocabulary import PromiseState, TaskState
from rekindle.words import Word
from rekindle.workflows import audit, endings
from rekindle.workflows.feedback import is_bad
from rekindle.workflows.writing import words

LOOK_BACK: Final = timedelta(days=180)
"""What happened longer before the end is hardly its cause. Our choice."""
LONGEST: Final = 1_000


class Avoidable(Word):
    """Whether the end could have been avoided, as people judge it afterwards."""

    YES = "yes", "yes, by us"
    NO = "no", "no"
    UNKNOWN = "unknown", "nobody can say"


@dataclass(frozen=True)
class Autopsy:
    """facts     sentences about what came before, oldest kind first
    kept      what people concluded: finding, avoidable, action, owner (number), by (number), on; empty before
    missing   what it still lacks to be whole, in words
    """

    facts: tuple[str, ...]
    kept: dict[str, Any]
    missing: tuple[str, ...]


def draft(end: Breakup) -> Autopsy:
    """The facts that bear on one end, with what was concluded so far. A handful of queries; reads only."""
    until = day_begins(end.ended_on, endings.zone_of(end.relationship))
    since, told_on = until - LOOK_BACK, end.noticed_on or end.ended_on
    facts = (
        _reason(end), *_doubt(end), *_signs(end, told_on), *_chance(end), *_promises(end, since, until),
        *_cases(end, since, until), *_feedback(end, since, until), _touch(end, until),
    )  # fmt: skip
    lacks = (
        ("a reason", not (end.reasons or end.stated_reason)),
        ("their own words", not end.verbatim),
        ("an action with an owner", not (end.autopsy.get("action") and end.autopsy.get("owner"))),
    )
    return Autopsy(facts, end.autopsy, tuple(name for name, is_missing in lacks if is_missing))


def keep(
    end: Breakup, *, finding: str, avoidable: Avoidable, by: User, action: str = "", owner: User | None = None
) -> Breakup:
    """Keep what people conclude; a later word takes the place of an earlier one, and the trail tells of both.

    action  what will be done so that it does not happen again; with it an owner
    Raises Refused, BadInput without a finding or an owner for the action, Conflict for an end that was taken back.
    """
    endings.may(by)
    finding = words(finding, what="what was found", at_most=LONGEST)
    action = words(action, what="what will be done", at_most=LONGEST, are_needed=False)
    if bool(action) != (owner is not None):
        raise BadInput("an action and its owner belong together", remedy="Give both, or leave both out.")
    if owner is not None and not owner.is_active:
        raise BadInput(f"{owner} is not here any more", where="owner", remedy="Choose somebody who is.")
    with transaction.atomic():
        endings.locked(end.relationship_id)
        found = Breakup.objects.filter(pk=end.pk).first()
        if found is None:
            raise NotFound(f"no end {end.pk}", remedy="Look at the person again.")
        if found.withdrawn_at is not None:
            raise Conflict("this end was taken back", where=f"breakup {end.pk}", remedy="There is nothing to learn.")
        kept = {
            "finding": finding, "avoidable": avoidable.value, "action": action,
            "owner": owner.pk if owner else None, "by": by.pk, "on": timezone.now().date().isoformat(),
        }  # fmt: skip
        if all(found.autopsy.get(name) == value for name, value in kept.items()):
            return found
        found.autopsy = {**found.autopsy, **kept}  # the interview keeps the first doubt there
        found.save(update_fields=["autopsy"])
        audit.record("end.autopsy_kept", actor=by, subject=f"breakup:{found.pk}",
                     details={"avoidable": avoidable.value, "owner": kept["owner"]})  # fmt: skip
    return found


def _reason(end: Breakup) -> str:
    said = [label_of(code) for code in end.reasons]
    if said:
        return f"They gave as reason: {', '.join(said)}."
    return f"They said: “{end.stated_reason}”." if end.stated_reason else "No reason is on record."


def _doubt(end: Breakup) -> list[str]:
    """When they first thought of leaving, where the interview says so."""
    day = end.autopsy.get("first_doubt")
    return [f"They first thought of leaving about {day}."] if day else []


def _signs(end: Breakup, told_on: date) -> list[str]:
    signs = end.frozen.get("signs")
    if signs is None:
        return ["Whether a caution sign was raised before is not known."]
    if not signs:
        return ["No caution sign was raised before."]
    return [
        f"The sign {sign['code'].replace('_', ' ')} was raised "
        f"{(told_on - date.fromisoformat(sign['raised_on'])).days} days before we were told."
        for sign in signs
    ]


def _chance(end: Breakup) -> list[str]:
    outlook = end.frozen.get("outlook") or {}
    here = outlook.get("p_alive")
    if here is None:
        return []
    return [f"On {outlook['as_of']} we gave {here:.0%} that they were still with us."]


def _promises(end: Breakup, since: datetime, until: datetime) -> list[str]:
    made = Promise.objects.filter(relationship=end.relationship_id, made_at__lt=until, due_on__gte=since.date())
    broken = made.filter(state=PromiseState.BROKEN.value).count()
    owed = made.filter(state=PromiseState.OPEN.value, due_on__lt=end.ended_on).count()
    return [
        *([f"{broken} of our promises to them had been broken."] if broken else []),
        *([f"{owed} of our promises to them were overdue."] if owed else []),
    ]


def _cases(end: Breakup, since: datetime, until: datetime) -> list[str]:
    opened = Case.objects.filter(relationship=end.relationship_id, opened_at__gte=since, opened_at__lt=until)
    return [
        f"A case, “{case.title}”, "
        + ("was still open." if case.solved_at is None or case.solved_at >= until else "had been solved.")
        for case in opened.order_by("opened_at")[:3]
    ]


def _feedback(end: Breakup, since: datetime, until: datetime) -> list[str]:
    given = Feedback.objects.filter(relationship=end.relationship_id, given_at__gte=since, given_at__lt=until)
    bad = [row for row in given.order_by("given_at")[:50] if is_bad(row)]
    unheard = sum(row.closed_at is None or row.closed_at >= until for row in bad)
    return [f"They had told us {len(bad)} times that something was bad; {unheard} went unanswered."] if bad else []


def _touch(end: Breakup, until: datetime) -> str:
    done = Task.objects.filter(
        relationship=end.relationship_id, state=TaskState.DONE.value, answered_at__lt=until
    ).order_by("-answered_at")
    last = done.values_list("answered_at", flat=True).first()
    return (
        f"Our last word to them had been {(until - last).days} days before." if last
        else "No word of ours before it is on record."
    )  # fmt: skip
