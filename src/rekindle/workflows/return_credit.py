"""Whose doing a return is. Somebody whom nobody had touched came by themselves, and no programme may claim it.

For many returns at once, from what is on record of the 30 days before, the day of the return included:

1. touches that staff did and wrote down: those make it `touched`; bills, notices and reminders to ourselves do not;
2. messages of other systems that were opened, clicked or answered: what they were is not on record, so whose doing
   the return is stays `not_known`, with that reason;
3. days of which we have no record, because the first night reads from later on: `not_known`, with that reason;
4. else `self`. The answer is stored with its evidence, once; nothing that is done later changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from rekindle import home
from rekindle.journal.models import Night
from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.policy import day_begins
from rekindle.relationships.safe_return import CREDIT_DAYS
from rekindle.relationships.vocabulary import EventKind, ReturnCredit, Suggestion, TaskState, TouchClass
from rekindle.workflows import endings, staging, take_in

TOLD_AT_MOST: Final = 5
_NO_TOUCH: Final = (TouchClass.TRANSACTIONAL.value, TouchClass.LEGAL.value)
_NOT_TO_THEM: Final = (Suggestion.NOTHING.value, Suggestion.GREET_RETURN.value, Suggestion.FIRST_DAYS.value)
"""Reminders to ourselves, and what greets a return that has happened."""
_ANSWERS: Final = (EventKind.OPEN.value, EventKind.CLICK.value, EventKind.REPLY.value)


@dataclass(frozen=True)
class Credit:
    """Whose doing it is, and what that rests on: plain JSON without anybody's words."""

    credit: ReturnCredit
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Came:
    """One return to be judged: who, and the day in their own time zone."""

    relationship: Relationship
    on: date

    @property
    def since(self) -> datetime:
        return day_begins(self.on - timedelta(days=CREDIT_DAYS), endings.zone_of(self.relationship))

    @property
    def until(self) -> datetime:
        return day_begins(self.on + timedelta(days=1), endings.zone_of(self.relationship))


def credits_of(returns: Iterable[Came]) -> dict[int, Credit]:
    """The credit of each return, by the number of its relationship. Reads only; a fixed number of queries."""
    asked = {came.relationship.pk: came for came in returns}
    if not asked:
        return {}
    touches = _touches(asked)
    messages = _messages(asked)
    first = Night.objects.order_by("as_of").values_list("as_of", flat=True).first()
    return {
        number: _credit(came, touches.get(number, []), messages.get(came.relationship.party_id), recorded_from=first)
        for number, came in asked.items()
    }


def _credit(
    came: Came, touches: list[dict[str, str]], message: dict[str, str] | None, *, recorded_from: date | None
) -> Credit:
    evidence: dict[str, Any] = {"days": CREDIT_DAYS}
    if touches:
        return Credit(ReturnCredit.TOUCHED, {**evidence, "touches": touches[:TOLD_AT_MOST]})
    if message is not None:
        return Credit(ReturnCredit.NOT_KNOWN, {**evidence, "why": "message_of_another_system", **message})
    if recorded_from is None or recorded_from > came.on - timedelta(days=CREDIT_DAYS):
        since = recorded_from.isoformat() if recorded_from else None
        return Credit(ReturnCredit.NOT_KNOWN, {**evidence, "why": "no_record", "recorded_from": since})
    return Credit(ReturnCredit.SELF, evidence)


def _touches(asked: Mapping[int, Came]) -> dict[int, list[dict[str, str]]]:
    """What staff did for each in its 30 days, newest first."""
    rows = (
        Task.objects.filter(
            relationship_id__in=list(asked),
            state=TaskState.DONE.value,
            answered_at__gte=min(came.since for came in asked.values()),
            answered_at__lt=max(came.until for came in asked.values()),
        )
        .exclude(touch_class__in=_NO_TOUCH)
        .exclude(suggestion__in=_NOT_TO_THEM)
    )
    found: dict[int, list[dict[str, str]]] = {}
    for number, at, touch_class, channel in rows.order_by("-answered_at").values_list(
        "relationship_id", "answered_at", "touch_class", "channel"
    ):
        came = asked[number]
        if at is not None and came.since <= at < came.until:
            day = endings.local_day(came.relationship, at)
            found.setdefault(number, []).append({"on": day.isoformat(), "class": touch_class, "channel": channel})
    return found


def _messages(asked: Mapping[int, Came]) -> dict[int, dict[str, str]]:
    """The newest opening, click or reply of each in its 30 days, by party: one walk over those days of the history."""
    import pyarrow as pa

    from rekindle.observe.history import History

    history = History(home.history_folder())
    if history.version() is None:
        return {}
    window = pa.table(
        {
            "party_id": pa.array([came.relationship.party_id for came in asked.values()], pa.int64()),
            "since": pa.array([came.since.astimezone(UTC) for came in asked.values()], pa.timestamp("us", "UTC")),
            "until": pa.array([came.until.astimezone(UTC) for came in asked.values()], pa.timestamp("us", "UTC")),
        }
    )
    with staging.columns() as db:
        view = history.relation(
            db,
            before=max(came.until for came in asked.values()),
            since=min(came.since for came in asked.values()),
            without=take_in.hidden_loads(),
        )
        db.register("asked_of", window)
        rows = db.execute(
            f"SELECT e.party_id, arg_max(e.kind, e.occurred_at), epoch_us(max(e.occurred_at)) FROM {view} e "  # noqa: S608  # own names
            "JOIN asked_of a ON a.party_id = e.party_id AND e.occurred_at >= a.since AND e.occurred_at < a.until "
            "WHERE e.kind IN (SELECT unnest($1)) GROUP BY e.party_id",
            [list(_ANSWERS)],
        ).fetchall()
    zones = {came.relationship.party_id: endings.zone_of(came.relationship) for came in asked.values()}
    return {
        party: {"kind": kind, "on": datetime.fromtimestamp(at / 1e6, zones[party]).date().isoformat()}
        for party, kind, at in rows
    }
