"""The days to remember that come, what is planned for each, and what a human decides for one of them.

1. `coming`      what falls in a stretch of days, with what is planned for it already
2. `proposed`    one of them: the words of a card, where it goes, and what the rules say of its print day
3. `on_paper`    into the print queue; one card a day to remember and person, whoever asks again
4. `by_hand`     a task for whoever looks after them, with the words and the address
5. `nothing`     a decision too: nobody suggests this day again this year
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, TypeVar

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.act import cards, tone
from rekindle.act.channels.paper import undrawable
from rekindle.act.tone import Finding
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Message, MessageState
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Brand, Milestone, Party, Relationship, Task
from rekindle.relationships.vocabulary import (
    Channel,
    MilestoneKind,
    Suggestion,
    TaskSource,
    TaskState,
    TouchClass,
)
from rekindle.workflows import audit
from rekindle.workflows.cards import facts_of, has_left, with_paper_foot
from rekindle.workflows.occurrences import Occurrence, occurrences, occurrences_of
from rekindle.workflows.outbox import clock
from rekindle.workflows.outbox.put import Words, put
from rekindle.workflows.outbox.unfit import is_first_after_end
from rekindle.workflows.paper import queue
from rekindle.workflows.paper.addresses import address_or_why
from rekindle.workflows.today import business_day
from rekindle.workflows.why_not import Answer, business_zone, why_not
from rekindle.workflows.words import own_letters
from rekindle.workflows.writing import LONGEST, must_write, relationship_with, words

DAYS: Final = 60
SHORTER: Final = (14, 3, 1)
"""Where more days fall in a stretch than one list holds, so many days are asked for instead."""
FRONT: Final = 120
T = TypeVar("T")
_NEAR: Final = timedelta(days=20)
"""What a playbook has queued so near a day may well be for it: a print day is ten days before. Our choice."""
_WAITS: Final = (TaskState.OPEN.value, TaskState.LATER.value)


@dataclass(frozen=True)
class Coming:
    """One day to remember of one person. `planned`: what is, "" for nothing; `has_left`: no customer any more."""

    day: Occurrence
    has_left: bool
    planned: str
    message: int | None
    task: int | None


@dataclass(frozen=True)
class Proposed:
    """A card for one day: its words, its address ("" and why it lacks), the print day and what the rules say of it."""

    party: Party
    relationship: Relationship
    day: Occurrence
    front: str
    text: str
    address: str
    lacks: str
    print_on: datetime
    late_on: datetime
    answer: Answer
    findings: tuple[Finding, ...]

    @property
    def may_be_printed(self) -> bool:
        return bool(self.address) and self.may_be_written and clock.now() < self.late_on

    @property
    def may_be_written(self) -> bool:
        return self.answer.allowed and not any(one.stops for one in self.findings)


def coming(*, from_day: date, days: int = DAYS, every_year: bool = False) -> tuple[list[Coming], int]:
    """(what falls from that day on, soonest first; in how many days, fewer than asked where they are too many).

    every_year  also anniversaries of the first day that are not 1, 5, 10, 25 or 50 years
    Raises BadInput where even one day holds too many.
    """
    at = datetime.combine(from_day, time(12), tzinfo=business_zone())
    found, stretch = _falling(at, days=days)
    shown = [one for one in found if every_year or one.kind is not MilestoneKind.FIRST_DAY or one.is_round]
    return _with_plans(shown), stretch


def proposed(
    party: Party, *, kind: MilestoneKind, milestone: int | None, on: date, by: User, front: str = "", text: str = ""
) -> Proposed:
    """A card for one day of one person: as proposed, or with the words given. Asks only.

    Raises NotFound where that day does not fall then, or may not be remembered.
    """
    day = _the_day(party, kind=kind, milestone=milestone, on=on)
    relationship = relationship_with(party)
    signer = relationship.owner or by
    card = cards.day_card(
        kind, {**facts_of(relationship, signer=signer, house=Brand.objects.order_by("pk").first()), "what": day.title},
        years=day.years, language=party.language or "en",
    )  # fmt: skip
    front, text = front or card.front, text or card.text
    address, lacks = address_or_why(party)
    cannot = undrawable(f"{address}\n{front}\n{text}")
    if cannot:
        address, lacks = "", f"the fonts here cannot draw {' '.join(cannot[:8])}"
    print_on = max(day.begins_at - queue.LEAD, clock.now())
    found = tone.findings(
        text, subject=front, touch_class=TouchClass.RELATIONSHIP, first_after_end=is_first_after_end(party),
        houses=own_letters.houses(),
    )  # fmt: skip
    answer = why_not(party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.LETTER, at=print_on)
    return Proposed(
        party, relationship, day, front, text, address, lacks, print_on, day.begins_at - queue.POST, answer,
        tuple(found),
    )  # fmt: skip


def on_paper(one: Proposed, *, by: User) -> Message:
    """Into the print queue. Raises Refused for who reads only, BadInput for words or a day that do not allow it."""
    _check(one, by=by)
    if not one.address:
        raise BadInput(one.lacks, remedy="Write it by hand, or by mail.")
    if clock.now() >= one.late_on:
        raise BadInput("it is too late for the post", remedy="Write by mail, or give them a call.")
    return put(
        one.party, Words(one.front, with_paper_foot(one.party, one.text, channel=Channel.LETTER)), key=key_of(one.day),
        touch_class=TouchClass.RELATIONSHIP, made_by="milestone", channel=Channel.LETTER, not_before=one.print_on,
        expires_at=one.late_on, by=by, recipient=one.address,
        chosen={"paper": "card", "day": {"is": one.day.kind.value, "because": one.day.on.isoformat()}},
    )  # fmt: skip


def by_hand(one: Proposed, *, by: User) -> Task:
    """A task to write the card by hand, for whoever looks after them. Raises Refused, BadInput, Conflict."""
    _check(one, by=by)
    due = max(one.day.on - queue.LEAD, business_day())
    return _task(one, by=by, due_on=due, state=TaskState.OPEN)


def nothing(one: Proposed, *, by: User) -> Task:
    """Nothing this year: the day is kept as decided. Raises Refused, Conflict where something is planned."""
    must_write(by)
    if Message.objects.filter(key=key_of(one.day), state=MessageState.QUEUED.value).exists():
        raise Conflict("a card is in the print queue", remedy="Hold it back there first.")
    return _task(one, by=by, due_on=one.day.on, state=TaskState.NOT_APPROPRIATE)


def key_of(day: Occurrence) -> str:
    """What makes the card of one day one message."""
    return f"day:{day.party_id}:{day.kind.value}:{day.milestone or 0}:{day.on.isoformat()}"


def _falling(at: datetime, *, days: int) -> tuple[list[Occurrence], int]:
    for stretch in (days, *(fewer for fewer in SHORTER if fewer < days)):
        try:
            return occurrences(at=at, days=stretch), stretch
        except BadInput:
            if stretch == SHORTER[-1]:
                raise
    return occurrences(at=at, days=days), days


def _with_plans(found: Sequence[Occurrence]) -> list[Coming]:
    relationships = owed_queries.relationships_of({one.party_id for one in found})
    messages, by_plans = _messages(found), _of_playbooks({one.party_id for one in found})
    tasks: dict[tuple[int, str], Task] = {}
    for some in _pieces([row.pk for row in relationships.values()]):
        for row_of in Task.objects.filter(relationship_id__in=some, suggestion=Suggestion.CARD.value).order_by("pk"):
            for mark in row_of.why_now[1:2]:
                tasks[(row_of.relationship_id, str(mark))] = row_of
    given = []
    for one in found:
        row, message = relationships.get(one.party_id), messages.get(key_of(one))
        near = (plan for plan in by_plans.get(one.party_id, ()) if abs(plan.not_before - one.begins_at) <= _NEAR)
        shown = message or next(near, None)
        task = tasks.get((row.pk, _mark(one))) if row else None
        given.append(
            Coming(
                one, has_left(row) if row else False, "playbook" if shown and not message else _planned(message, task),
                shown.pk if shown else None, task.pk if task else None,
            )
        )  # fmt: skip
    return given


def _planned(message: Message | None, task: Task | None) -> str:
    """A word for the page: "playbook", "queued", "printed", "held", "hand", "written", "nothing" or ""."""
    if message is not None:
        if message.state == MessageState.QUEUED.value:
            return "queued"
        over = (MessageState.CANCELLED.value, MessageState.EXPIRED.value, MessageState.FAILED.value)
        return "held" if message.state in over else "printed"
    if task is None:
        return ""
    return {TaskState.DONE.value: "written", TaskState.NOT_APPROPRIATE.value: "nothing"}.get(
        task.state, "hand" if task.state in _WAITS else ""
    )


def _messages(found: Sequence[Occurrence]) -> dict[str, Message]:
    rows: dict[str, Message] = {}
    for some in _pieces([key_of(one) for one in found]):
        rows |= {row.key: row for row in Message.objects.filter(key__in=some).defer("text", "html")}
    return rows


def _of_playbooks(party_ids: Iterable[int]) -> dict[int, list[Message]]:
    """What playbooks have queued for these people."""
    found: dict[int, list[Message]] = {}
    for some in _pieces(sorted(party_ids)):
        waiting = Message.objects.filter(
            party_id__in=some, state=MessageState.QUEUED.value, made_by__startswith="playbook:"
        )
        for row in waiting.defer("text", "html"):
            found.setdefault(row.party_id or 0, []).append(row)
    return found


def _pieces(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Few enough at once for any database."""
    return (values[start : start + 500] for start in range(0, len(values), 500))


def _the_day(party: Party, *, kind: MilestoneKind, milestone: int | None, on: date) -> Occurrence:
    mine = list(Milestone.objects.filter(party=party, may_remember=True).select_related("party"))
    relationship = owed_queries.relationships_of([party.pk]).get(party.pk)
    life = owed_queries.first_life_of(relationship) if relationship else None
    at = datetime.combine(on, time(12), tzinfo=business_zone()) - timedelta(days=1)
    for one in occurrences_of(mine, life=life, at=at, days=3):
        if (one.kind, one.milestone, one.on) == (kind, milestone, on):
            return one
    raise NotFound("that day does not fall then, or they do not want to be reminded of it", remedy="Look again.")


def _check(one: Proposed, *, by: User) -> None:
    must_write(by)
    words(one.front, what="the front of the card", at_most=FRONT)
    words(one.text, what="the words of the card", at_most=LONGEST)
    if not one.answer.allowed:
        raise BadInput(one.answer.text.rstrip("."), remedy="Leave this day in peace.")
    stopping = next((found for found in one.findings if found.stops), None)
    if stopping is not None:
        raise BadInput(str(stopping.tone.label).rstrip("."))


def _task(one: Proposed, *, by: User, due_on: date, state: TaskState) -> Task:
    at, is_over = clock.now(), state is TaskState.NOT_APPROPRIATE
    with transaction.atomic():
        waiting = Task.objects.filter(
            relationship=one.relationship, source=TaskSource.PERSON.value, state__in=_WAITS
        ).exists()
        if waiting and not is_over:
            raise Conflict("there is something to do for them already", remedy="Do that first, or answer it on Today.")
        task = Task.objects.create(
            relationship=one.relationship, owner=one.relationship.owner or by, source=TaskSource.PERSON.value,
            suggestion=Suggestion.CARD.value, touch_class=TouchClass.RELATIONSHIP.value, channel=Channel.LETTER.value,
            why_now=[f"{one.day.title or one.day.kind.label}, {one.day.on.day} {one.day.on:%B}", _mark(one.day)],
            opening_line="" if is_over else one.text, minutes=15, made_on=business_day(), due_on=due_on,
            state=state.value, answered_at=at if is_over else None, answered_by=by if is_over else None,
        )  # fmt: skip
        audit.record("card.left" if is_over else "card.by_hand", actor=by, subject=f"task:{task.pk}",
                     details={"party": one.party.pk, "on": one.day.on.isoformat()})  # fmt: skip
    return task


def _mark(day: Occurrence) -> str:
    """Which day a task is for, as the last of its reasons: "10 years on 12 March 2026"."""
    count = f"{day.years} years on " if day.years else "on "
    return f"{count}{day.on.day} {day.on:%B %Y}"
