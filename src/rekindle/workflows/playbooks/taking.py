"""One step for one person: a letter queued as mail or text message, a card laid in the print queue, a task on a desk.

1. hold the enrolment's row: who has left, or whose step was taken meanwhile, is left alone;
2. write it out for this one person; a fact that is missing means no letter, and the step is passed over with its name;
3. queue it under a key that is the same whoever asks again, note the step, go past it: one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from rekindle.act import letters
from rekindle.act.playbooks import Do, Plan, Step
from rekindle.errors import BadInput, NotFound
from rekindle.journal.models import Enrolment, EnrolmentState, EnrolmentStep, Message, PlaybookState
from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.vocabulary import Channel, TaskSource, TaskState, TouchClass
from rekindle.workflows.compose import compose
from rekindle.workflows.outbox.put import put
from rekindle.workflows.playbooks import rows
from rekindle.workflows.why_not import business_zone

LACKING = "lacking"
BUSY = "busy"
"""Another task of a playbook is open for them: the step waits a day."""


@dataclass(frozen=True)
class Taken:
    """What became of it: what the step does, "lacking", "busy", or nothing where somebody else was first."""

    outcome: str
    why: str = ""


def take(
    number: int, plan: Plan, step: Step, *, since: datetime, at: datetime, pace: Mapping[str, Any] | None = None
) -> Taken:
    """Take one touch of one enrolment that the rules allow now.

    since  when the step was due first
    pace   what is known of their hours and days, as `compose` takes it; None: it is read for this person
    """
    try:
        with transaction.atomic():
            row = _held(number, step, at=at)
            if row is None:
                return Taken("")
            expires_at = max(since + timedelta(days=step.expires_days), at + timedelta(days=1))
            if step.do is Do.TASK:
                task = _task(row.relationship, plan, step, at=at)
                if task is None:
                    return Taken(BUSY, "another task of a playbook is open for them")
                EnrolmentStep.objects.create(enrolment=row, step=step.number, at=at, outcome="task", task=task.pk)
            else:
                message = _message(row, plan, step, pace=pace, at=at, expires_at=expires_at)
                EnrolmentStep.objects.create(
                    enrolment=row, step=step.number, at=at, outcome=step.do.value, message=message
                )
            rows.onward([number], plan, step.number, at=at)
    except (BadInput, NotFound) as error:  # what is missing is named; the person is not
        rows.past([number], plan, step.number, outcome=LACKING, why=error.what, at=at)
        return Taken(LACKING, error.what)
    return Taken(step.do.value)


def opening(relationship: Relationship, step: Step) -> str:
    """The opening line of a task in their language, with their name where it has a place for it. Raises BadInput."""
    party = relationship.party
    line = step.line.get(party.language[:2].lower()) or step.line.get("en", "")
    name = party.given_name or party.name
    return letters.filled(line, {"name": name} if name else {}) if line else ""


def _held(number: int, step: Step, *, at: datetime) -> Enrolment | None:
    standing = Enrolment.objects.filter(
        pk=number, state=EnrolmentState.ACTIVE.value, step=step.number, due_at__lte=at,
        playbook__state=PlaybookState.ON.value,
    )  # fmt: skip
    of = standing.select_related(
        "relationship__party", "relationship__owner", "relationship__brand", "playbook"
    ).select_for_update(of=("self",))
    return of.first()


def _message(
    row: Enrolment, plan: Plan, step: Step, *, pace: Mapping[str, Any] | None, at: datetime, expires_at: datetime
) -> Message:
    """A mail or text goes at the next hour that suits them, while the step lives; a card is read on its day."""
    relationship = row.relationship
    occasion = datetime.fromisoformat(row.facts.get("occasion_at", at.isoformat()))
    channel = step.channel or Channel.EMAIL
    day = max(at, occasion) if step.do is Do.CARD else at
    written = compose(relationship, step.letter, at=day, pace=pace, channel=channel)
    recipient, first, words = "", written.not_before or at, written.words
    if step.do is Do.CARD:
        from rekindle.workflows.cards import with_paper_foot
        from rekindle.workflows.paper.addresses import postal_of

        recipient, first = postal_of(relationship.party), at
        said = words.text.partition("\n\n-- \n")[0]  # the foot of a mail ends mail; paper has its own
        words = replace(words, text=with_paper_foot(relationship.party, said, channel=channel), html="")
    return put(
        relationship.party,
        words,
        key=f"playbook:{row.pk}:{step.number}",
        touch_class=written.touch_class,
        made_by=f"playbook:{plan.code}:{step.number}",
        channel=channel,
        recipient=recipient,
        not_before=first if at <= first < expires_at else at,
        expires_at=expires_at,
        chosen=written.chosen,
    )


def _task(relationship: Relationship, plan: Plan, step: Step, *, at: datetime) -> Task | None:
    """At most one open task of playbooks a person. The row of the relationship is held: two at once are told apart."""
    Relationship.objects.select_for_update().get(pk=relationship.pk)
    waiting = [TaskState.OPEN.value, TaskState.LATER.value]
    source = TaskSource.PLAYBOOK.value
    if Task.objects.filter(relationship=relationship, source=source, state__in=waiting).exists():
        return None
    day = at.astimezone(business_zone()).date()
    language = relationship.party.language[:2].lower() or "en"
    return Task.objects.create(
        relationship=relationship,
        owner=relationship.owner,
        source=source,
        suggestion=step.task.value if step.task else "",
        touch_class=(step.touch_class or TouchClass.RELATIONSHIP).value,
        channel=(step.channel or Channel.IN_PERSON).value,
        why_now=[plan.said("title", language)],
        opening_line=opening(relationship, step),
        currency=relationship.brand.currency,
        made_on=day,
        due_on=day,
    )
