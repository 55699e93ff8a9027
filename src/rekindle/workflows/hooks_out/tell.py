"""Write down what other systems asked to be told of. Call it inside the transaction of the fact.

1. who is on and asked for it: usually nobody, and that costs one look-up;
2. one row each. A fact with a key has one number for ever: told of twice, it is one telling.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from rekindle.journal.models import Hook, Message, MessageState, Telling
from rekindle.relationships.models import Party, Relationship
from rekindle.workflows.hooks_out import events

_OF_A_STATE: Final = {
    MessageState.ACCEPTED.value: events.MESSAGE_HANDED_OVER,
    MessageState.FAILED.value: events.MESSAGE_FAILED,
    MessageState.UNKNOWN.value: events.MESSAGE_UNKNOWN,
}
_AT_ONCE: Final = 1_000


def tell(event: str, data: Mapping[str, Any], *, key: str = "", at: datetime | None = None) -> int:
    """One fact, to every hook that asked for it; gives how many are told.

    event  one of `events`
    data   numbers and words of ours as plain JSON; no name, no address, nobody's own words
    key    what makes the fact one, where it may be told of twice; empty: each call is a fact of its own
    """
    return tell_all(event, [(key, data)], at=at)


def tell_all(event: str, facts: Iterable[tuple[str, Mapping[str, Any]]], *, at: datetime | None = None) -> int:
    """Many facts of one kind, as (key, data) each; gives how many tellings that makes. For passes over everybody."""
    if event not in events.EVENTS or event == events.MESSAGE_TEXT:
        raise ValueError(f"{event!r} is no event that can be told; see workflows.hooks_out.events")
    hooks = [hook.pk for hook in Hook.objects.filter(is_on=True).only("id", "events") if event in hook.events]
    if not hooks:
        return 0
    moment, made = at or timezone.now(), 0
    batch: list[Telling] = []
    with transaction.atomic():
        for key, data in facts:
            number = _number(event, key)
            batch.extend(_row(hook, event, number, data, at=moment) for hook in hooks)
            if len(batch) >= _AT_ONCE:
                made += _kept(batch)
                batch = []
        return made + _kept(batch)


def messages(rows: Iterable[Message]) -> int:
    """That messages came to one of their ends, where that is told: handed over, refused, or nobody knows."""
    facts: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for row in rows:
        if (event := _OF_A_STATE.get(row.state)) is not None:
            data = {
                "message": row.pk, "party": row.party_id, "class": row.touch_class, "channel": row.channel,
                "made_by": row.made_by, "attempts": row.attempts,
            }  # fmt: skip
            facts[event].append((f"{row.message_id}:{row.epoch}", data))
    return sum(tell_all(event, some) for event, some in facts.items())


def person(event: str, who: Relationship | Party, *, key: str = "", **more: Any) -> int:
    """That something happened with a person. more: further numbers and words of ours."""
    if isinstance(who, Relationship):
        return tell(event, {"party": who.party_id, "relationship": who.pk, **more}, key=key)
    return tell(event, {"party": who.pk, **more}, key=key)


def row_of_test(hook: Hook) -> Telling:
    """A telling that says nothing but that it is one."""
    return _row(hook.pk, events.TEST, _number(events.TEST, ""), {}, at=timezone.now())


def _row(hook: int, event: str, number: str, data: Mapping[str, Any], *, at: datetime) -> Telling:
    body = {"id": number, "event": event, "occurred_at": at.isoformat(), "data": dict(data)}
    return Telling(hook_id=hook, number=number, event=event, body=body, not_before=at, made_at=at)


def _number(event: str, key: str) -> str:
    """32 hex digits: of the fact, where it has a key, so that it is the same however often it is told of."""
    return hashlib.sha256(f"{event}\n{key}".encode()).hexdigest()[:32] if key else uuid.uuid4().hex


def _kept(batch: list[Telling]) -> int:
    """Kept, but for facts that were told of before."""
    Telling.objects.bulk_create(batch, ignore_conflicts=True)
    return len(batch)
