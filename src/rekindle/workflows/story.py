"""One person's story, newest first: what they did, what we did, money, stages, notes, merged into one line of time.

1. read a stretch of the history and of each book, all before the same instant;
2. merge by instant; cut where the stretch that is longest ago began, so that nothing is skipped between two pages;
3. draw runs of the same small event together ("came 9 times"), so that a year of visits is not a year of lines;
4. name each line's day in the business's own time zone, where the stages and the lives count their days too.

The instant of the last line is the key of the next page. Lines of one instant always stay on one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle import home
from rekindle.relationships.models import Breakup, Note, Relationship, StageChange, Task
from rekindle.relationships.vocabulary import Channel, EventKind, Initiator, Stage, Suggestion, TaskState
from rekindle.words import Word


class Voice(Word):
    """Whose line it is."""

    THEIRS = "theirs", "what they did"
    MONEY = "money", "money"
    OURS = "ours", "what we did"
    STAGE = "stages", "where we stood"
    NOTE = "notes", "notes"


class EventReader(Protocol):
    """What the story needs of the history: one party's events, newest first, as an Arrow table."""

    def of(self, party_id: int, *, before: datetime | None = None, limit: int = 200) -> Any: ...


@dataclass(frozen=True)
class Line:
    """One line of the story. `count` > 1 draws a run together, which began at `began`; money in minor units.

    on, began_on   the days of `at` and `began` in the business's time zone; set when the page is whole
    """

    at: datetime
    voice: Voice
    title: str
    text: str = ""
    by: str = ""
    kind: str = ""
    channel: str = ""
    amount_minor: int | None = None
    currency: str = ""
    count: int = 1
    began: datetime | None = None
    on: date | None = None
    began_on: date | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoryPage:
    """Lines newest first, and the instant before which the next page begins (None: this is the beginning)."""

    lines: tuple[Line, ...]
    older: datetime | None


_MONEY: Final = frozenset(
    {EventKind.PURCHASE.value, EventKind.REFUND.value, EventKind.PAYMENT.value, EventKind.PAYMENT_FAILED.value}
)
_RUNS: Final = frozenset(
    {EventKind.VISIT.value, EventKind.USAGE.value, EventKind.LOGIN.value, EventKind.OPEN.value, EventKind.CLICK.value,
     EventKind.PAYMENT.value}
)  # fmt: skip
"""Small things that happen again and again; several in a row become one line. Purchases never do: each is a choice."""

_KINDS: Final = {word.value: word.label for word in EventKind}
_ROADS: Final = {word.value: word.label for word in Channel}

_READS_AT_MOST: Final = 5
"""So many stretches of history one page may read to fill a filter; then it ends early and offers to go on."""


def story(
    relationship: Relationship,
    *,
    history: EventReader,
    before: datetime | None = None,
    limit: int = 40,
    voice: Voice | None = None,
    at: datetime | None = None,
) -> StoryPage:
    """One page of the story: about `limit` lines before runs are drawn together.

    before  only what happened before this instant; None begins at the newest
    voice   only these lines; None is all
    at      the instant of telling (None: now): an end after its day is still to come
    """
    zone = ZoneInfo(relationship.brand.time_zone)
    today = (at or timezone.now()).astimezone(zone).date()
    lines: list[Line] = []
    older: datetime | None = before
    for _ in range(_READS_AT_MOST):
        stretch, older = _stretch(relationship, history=history, before=older, limit=limit, zone=zone, today=today)
        lines += [line for line in stretch if voice is None or line.voice is voice]
        if older is None or len(lines) >= limit or voice is None:
            break
    return StoryPage(tuple(_dated(line, zone) for line in draw_together(lines)), older)


def _dated(line: Line, zone: ZoneInfo) -> Line:
    return replace(
        line,
        on=line.at.astimezone(zone).date(),
        began_on=line.began.astimezone(zone).date() if line.began else None,
    )


def _stretch(
    relationship: Relationship,
    *,
    history: EventReader,
    before: datetime | None,
    limit: int,
    zone: ZoneInfo,
    today: date,
) -> tuple[list[Line], datetime | None]:
    """The newest `limit` lines before an instant, and the instant before which the rest lies (None: no rest)."""
    sources = [read(relationship, before=before, limit=limit + 1, zone=zone) for read in (_stages, _tasks, _notes)]
    sources.append(_ends(relationship, before=before, limit=limit + 1, zone=zone, today=today))
    sources.append(_events(relationship, history=history, before=before, limit=limit + 1))
    lines = sorted((line for source in sources for line in source), key=lambda line: line.at, reverse=True)
    if len(lines) <= limit:
        return lines, None
    edge = lines[limit].at
    newer = [line for line in lines[:limit] if line.at > edge]
    if newer:
        return newer, newer[-1].at
    # More than a page in one instant (a file with days only, no hours): they stay together on a longer page.
    return _stretch(relationship, history=history, before=before, limit=4 * limit, zone=zone, today=today)


def _events(relationship: Relationship, *, history: EventReader, before: datetime | None, limit: int) -> Iterator[Line]:
    for event in history.of(relationship.party_id, before=before, limit=limit).to_pylist():
        yield event_line(event)


def event_line(event: dict[str, Any]) -> Line:
    """One event of the history as a line."""
    kind = event["kind"]
    return Line(
        at=event["occurred_at"].astimezone(UTC),
        voice=Voice.MONEY if kind in _MONEY else Voice.THEIRS,
        title=_KINDS.get(kind, kind.replace("_", " ")),
        kind=kind,
        channel=_road(event.get("channel") or ""),
        amount_minor=event.get("amount_minor"),
        currency=event.get("currency") or "",
        facts={"ref": event.get("ref"), "quantity": event.get("quantity"), "properties": event.get("properties")},
    )


def _road(channel: str) -> str:
    """A channel of our own by its name, another one as the source wrote it, without underscores."""
    return _ROADS.get(channel) or channel.replace("_", " ")


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of a day: what is known by the day only stands after what is known by the minute."""
    return (datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)).astimezone(UTC)


def _day_before(before: datetime | None, zone: ZoneInfo) -> date:
    """The last day whose end lies before the instant."""
    if before is None:
        return date.max
    day = before.astimezone(zone).date()
    return day if _end_of(day, zone) < before else day - timedelta(days=1)


def _stages(relationship: Relationship, *, before: datetime | None, limit: int, zone: ZoneInfo) -> Iterator[Line]:
    steps = StageChange.objects.filter(
        relationship=relationship, undone_at__isnull=True, on__lte=_day_before(before, zone)
    )
    for step in steps.select_related("by").order_by("-on", "-id")[:limit]:
        yield Line(
            at=_end_of(step.on, zone),
            voice=Voice.STAGE,
            title=Stage(step.to_stage).label,
            text=Stage(step.from_stage).label if step.from_stage else "",
            by=str(step.by) if step.by else "",
            kind="stage",
            facts={"rule": step.rule, "evidence": step.evidence, "stage": step.to_stage},
        )


def _ends(
    relationship: Relationship, *, before: datetime | None, limit: int, zone: ZoneInfo, today: date
) -> Iterator[Line]:
    ends = Breakup.objects.filter(relationship=relationship, ended_on__lte=_day_before(before, zone))
    for end in ends.order_by("-ended_on", "-id")[:limit]:
        yield Line(
            at=_end_of(end.ended_on, zone),
            voice=Voice.STAGE,
            title=_end_title(end, today=today),
            text=end.stated_reason,
            kind="breakup",
            facts={
                "verbatim": end.verbatim,
                "initiator": Initiator(end.initiator).label,
                "is_ahead": end.ended_on > today,
                "withdrawn_on": end.withdrawn_at.astimezone(zone).date() if end.withdrawn_at else None,
                "quiet_until": end.quiet_until.astimezone(zone).date(),
            },
        )


def _end_title(end: Breakup, *, today: date) -> str:
    if end.withdrawn_at:
        return "it was to end"
    return "it will end" if end.ended_on > today else "it ended"


def _tasks(relationship: Relationship, *, before: datetime | None, limit: int, zone: ZoneInfo) -> Iterator[Line]:
    answered = Task.objects.filter(
        relationship=relationship, state__in=[TaskState.DONE.value, TaskState.NOT_APPROPRIATE.value]
    ).exclude(answered_at=None)
    if before is not None:
        answered = answered.filter(answered_at__lt=before)
    for task in answered.select_related("answered_by").order_by("-answered_at", "-id")[:limit]:
        yield Line(
            at=task.answered_at or _end_of(task.due_on, zone),
            voice=Voice.OURS,
            title=Suggestion(task.suggestion).label,
            text=task.answer,
            by=str(task.answered_by) if task.answered_by else "",
            kind=TaskState(task.state).value,
            channel=Channel(task.channel).label,
        )


def _notes(relationship: Relationship, *, before: datetime | None, limit: int, zone: ZoneInfo) -> Iterator[Line]:
    del zone  # a note knows its instant
    notes = Note.objects.filter(relationship=relationship)
    if before is not None:
        notes = notes.filter(at__lt=before)
    for note in notes.select_related("by").order_by("-at", "-id")[:limit]:
        yield Line(at=note.at, voice=Voice.NOTE, title="note", text=note.text, by=str(note.by or ""), kind="note")


def draw_together(lines: Iterable[Line]) -> Iterator[Line]:
    """Runs of the same small kind as one line each, how many, since when, and their money in its currency."""

    def run(line: Line) -> tuple[Any, ...]:
        return (line.kind, line.currency) if line.kind in _RUNS else (id(line),)

    for _, group in groupby(lines, key=run):
        members = list(group)
        first = members[0]
        if len(members) == 1:
            yield first
            continue
        amounts = [line.amount_minor for line in members if line.amount_minor is not None]
        yield replace(
            first,
            count=len(members),
            began=members[-1].at,
            channel=first.channel if len({line.channel for line in members}) == 1 else "",
            amount_minor=sum(amounts) if amounts and first.currency else None,
            facts={},
        )


def the_history() -> EventReader:
    """The business's own history."""
    # Only the pages that tell a story pay for loading the columnar engine.
    from rekindle.observe.history import History

    return History(home.history_folder())
