"""What a plan would do, without doing it: who would enter, who would not and why, and each step of one person.

It asks the very functions that let people in and that ask the rules, so it cannot say anything else. Reading only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from rekindle.act.playbooks import Do, Plan, Step
from rekindle.errors import RekindleError
from rekindle.journal.models import Enrolment, Playbook
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows.compose import compose
from rekindle.workflows.outbox.put import phone_of
from rekindle.workflows.playbooks import books, taking
from rekindle.workflows.playbooks.enter import Candidates, Entry, candidates, first_due
from rekindle.workflows.why_not import Answer, ask, business_zone, facts

PAGE = 50


@dataclass(frozen=True)
class Name:
    """One person in a dry run. place: where the next page begins behind them."""

    relationship: Relationship
    occurrence: str
    entry: Entry
    first_step_at: datetime
    place: int


@dataclass(frozen=True)
class DryRun:
    """What would happen at an instant, counts first."""

    plan: Plan
    at: datetime
    who: Candidates

    @property
    def counts(self) -> dict[Entry, int]:
        """How many enter, how many do not for each reason."""
        return self.who.counts

    def names(self, entry: Entry, *, after: int = -1, limit: int = PAGE) -> tuple[list[Name], int | None]:
        """A page of those with that verdict; and where the next page begins, None at the end.

        after  `place` of the last one shown; -1 begins
        """
        places = [place for place, said in enumerate(self.who.entries) if said is entry and place > after]
        shown = places[:limit]
        people = _people([self.who.found[place].relationship for place in shown])
        names = [
            Name(people[one.relationship], one.occurrence, entry, first_due(self.plan, one.at), place)
            for place in shown
            if (one := self.who.found[place]).relationship in people
        ]
        return names, shown[-1] if len(places) > limit else None


@dataclass(frozen=True)
class StepAhead:
    """One step of one person as it would go.

    answer  what the rules say about that day as things stand now; None for silence
    lacks   what is missing for it to be written, empty where nothing is; subject and text: as it would be said
    """

    step: Step
    at: datetime
    channel: Channel | None
    touch_class: TouchClass | None
    answer: Answer | None
    lacks: str = ""
    subject: str = ""
    text: str = ""


def dry_run(plan: Plan, *, at: datetime | None = None, playbook: Playbook | None = None) -> DryRun:
    """Who would enter a plan at an instant (None: now), of everybody with an occasion for it.

    playbook  whose plan it is, so that who entered before is told; None: the one of its code, where there is one
    """
    at = at or timezone.now()
    known = playbook or Playbook.objects.filter(code=plan.code).first()
    return DryRun(plan, at, candidates(plan, at=at, playbook=known))


def steps_of(relationship: Relationship, plan: Plan, *, first: datetime, number: int = 0) -> list[StepAhead]:
    """Each step of one person from a step on, with its day, its words, and what the rules say about that day.

    first   when the step `number` is due, an instant; number: the step to begin with
    What they will do meanwhile nobody knows: a step only for those who answered is shown with its condition.
    """
    classes, zone = books.letter_classes(), business_zone()
    found: list[StepAhead] = []
    pace = _pace(relationship, at=first) if any(step.letter for step in plan.steps[number:]) else None
    day = first
    for step in plan.steps[number:]:
        day = day + timedelta(days=step.wait_days) if step.number > number else first
        touch_class = step.touch_class if step.do is Do.TASK else classes.get(step.letter)
        answer = None
        if touch_class is not None and step.channel is not None and step.do is not Do.SILENCE:
            gathered = facts([relationship.party_id], at=day)
            answer = ask(gathered, touch_class=touch_class, channel=step.channel, at=day, zone=zone)
        found.append(
            StepAhead(
                step, day, step.channel, touch_class, answer, **_words(relationship, step, classes, pace=pace, at=day)
            )
        )
    return found


def ahead_of(enrolment: Enrolment) -> list[StepAhead]:
    """What is to come for one person under way in a plan."""
    plan = books.plan(enrolment.version)
    return steps_of(enrolment.relationship, plan, first=enrolment.due_at, number=enrolment.step)


def _pace(relationship: Relationship, *, at: datetime) -> Mapping[str, Any]:
    """Read once for all the letters of one person."""
    from rekindle.workflows.words.pacing_books import pacing_of

    row: Mapping[str, Any] = pacing_of([relationship.party_id], at=at).to_pylist()[0]
    return row


def _words(
    relationship: Relationship,
    step: Step,
    classes: Mapping[str, TouchClass],
    *,
    pace: Mapping[str, Any] | None,
    at: datetime,
) -> dict[str, str]:
    try:
        if step.do is Do.TASK:
            return {"text": taking.opening(relationship, step)}
        if step.do is Do.SILENCE:
            return {}
        if step.letter not in classes:
            return {"lacks": f"there is no letter {step.letter!r}"}
        written = compose(relationship, step.letter, at=at, pace=pace, channel=step.channel or Channel.EMAIL)
        if step.do is Do.TEXT:
            phone_of(relationship.party, at=at)
    except RekindleError as error:
        return {"lacks": error.what}
    return {"subject": written.words.subject, "text": written.words.text}


def _people(numbers: list[int]) -> dict[int, Any]:
    return Relationship.objects.select_related("party", "owner", "brand").in_bulk(numbers)
