"""Somebody spoke to us themselves: one task for whoever looks after them, due today.

1. what waits because they spoke before is the same task: the new reason joins the ones it has, and it is open again;
2. whoever says that they would like to come back is greeted: that goes before a plain answer, and is not undone by one;
3. otherwise the task takes the place of what the night suggested: what they say themselves goes before what a machine
   thinks. A word of somebody else, such as a friend of theirs, takes nobody's place.

A task to cheer for something they published is no answer to them, so what they say takes its place.
"""

from __future__ import annotations

from typing import Final

from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.vocabulary import Channel, Suggestion, TaskSource, TaskState, TouchClass
from rekindle.workflows import endings
from rekindle.workflows.today import business_day

REASONS: Final = 4
"""As many as a card can say; the newest stay."""
MINUTES: Final = 10
_ANSWERS: Final = (Suggestion.ANSWER.value, Suggestion.GREET_RETURN.value)
_WAITING: Final = (TaskState.OPEN.value, TaskState.LATER.value)


def ask_to_answer(
    relationship: Relationship,
    *,
    why: str,
    line: str = "Thank you for writing to us.",
    channel: Channel = Channel.EMAIL,
    suggestion: Suggestion = Suggestion.ANSWER,
    is_theirs: bool = True,
) -> Task:
    """The one task that waits now, with the reason on it. Call it inside a transaction.

    suggestion  ANSWER, or GREET_RETURN for who would like to come back
    is_theirs   False where somebody else spoke: what waits besides stays
    """
    today = business_day()
    waiting = Task.objects.filter(relationship=relationship, source=TaskSource.PERSON.value, state__in=_WAITING)
    # One of this kind waits at most: what somebody else says joins it, whatever it asks for.
    joined = waiting.filter(suggestion__in=_ANSWERS) if is_theirs else waiting
    own = joined.order_by("-pk").first()
    if own is not None:
        own.why_now = [*dict.fromkeys([*own.why_now, why])][-REASONS:]
        own.state, own.due_on = TaskState.OPEN.value, min(own.due_on, today)
        if suggestion is Suggestion.GREET_RETURN:
            own.suggestion, own.opening_line, own.channel = suggestion.value, line, channel.value
        own.save(update_fields=["why_now", "state", "due_on", "suggestion", "opening_line", "channel"])
        return own
    if is_theirs:
        endings.withdraw_tasks(relationship, why="they wrote to us themselves")
    return Task.objects.create(
        relationship=relationship, owner=relationship.owner, source=TaskSource.PERSON.value,
        suggestion=suggestion.value, touch_class=TouchClass.SERVICE.value, channel=channel.value, why_now=[why],
        opening_line=line, minutes=MINUTES, made_on=today, due_on=today,
    )  # fmt: skip
