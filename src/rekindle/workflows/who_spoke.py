"""Who spoke last: our last human word to each, their last word to us, who owes whom an answer, and for how long.

A word of ours is one that a human gave: a task done, a note written after a talk, a message with a human behind it, a
case solved, a mark answered. What a machine sent on its own is nobody's word. A word of theirs is an answer, a case,
a mark, an interview of their own, something left at the door. Automatic answers and bounces are no conversation
(RFC 3834).

1. choose who is looked at by an index, never by reading everybody: the most at stake (`Outlook`), one owner's
   people, or those whose words came in lately;
2. for these few at once, one question a source, the newest word of each;
3. who has nothing on record is "not known", never zero days.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Max, Min, Q, QuerySet

from rekindle.accounts.models import User
from rekindle.journal.models import Inbound, InboundKind, Outlook
from rekindle.relationships.models import Case, Episode, ExitInterview, Feedback, Note, Relationship, Resurfacing, Task
from rekindle.relationships.owed_queries import BAD_UP_TO
from rekindle.relationships.vocabulary import InterviewMode, Stage, TaskState
from rekindle.workflows.touches_seen import messages_to

COMPARED: Final = 500
"""So many people are compared where the order needs each one's words; the most at stake first. Our choice."""
WAITING_DAYS: Final = 180
"""Who has waited longer than half a year no longer waits for an answer; the story on their page has it. Our choice."""
TAKEN_STAGES: Final = (Stage.ONGOING.value, Stage.AT_RISK.value, Stage.PHOENIX.value, Stage.EARLY.value)
"""Only who stays can be taken for granted."""

Words = dict[int, tuple[datetime, int | None, str]]
"""Relationship -> the newest word: its instant, the member of staff (None: theirs, or not known), and what it was."""
Place = tuple[int, int]
"""Where a page by value ended: the value at stake in minor units, and the relationship."""


@dataclass(frozen=True)
class Taken:
    """Whether somebody may feel taken for granted, with its parts: places in [0, 1] among the people compared.

    tenure, silence  share of the others with a shorter time with us, and with a later personal word from us
    index            their product. Price rises would raise it; they are not on record here, so none is assumed
    """

    tenure_days: int
    tenure: float
    silent_days: int
    silence: float
    is_never: bool

    @property
    def index(self) -> float:
        return self.tenure * self.silence


@dataclass(frozen=True)
class Spoken:
    """One relationship on the board. Days are whole; None is not known.

    owed_days    for how many days they have waited for our word; None where they do not
    of_their_gap days since either side spoke, in their own usual gaps between visits
    """

    relationship: Relationship
    value_minor: int | None
    currency: str
    ours_at: datetime | None
    ours_by: str
    ours_what: str
    ours_days: int | None
    theirs_at: datetime | None
    theirs_what: str
    theirs_days: int | None
    owed_days: int | None
    of_their_gap: float | None
    taken: Taken | None = None


def by_value(*, owner: User | None, after: Place | None, limit: int, at: datetime) -> list[Spoken]:
    """The most at stake first, along the index of values; at most `limit`, from behind a place on."""
    rows = Outlook.objects.filter(value_at_stake_minor__isnull=False)
    if owner is not None:
        rows = rows.filter(relationship__owner=owner)
    if after is not None:
        value, number = after
        rows = rows.filter(Q(value_at_stake_minor__lt=value) | Q(value_at_stake_minor=value, pk__gt=number))
    found = rows.order_by("-value_at_stake_minor", "relationship").values_list("pk", flat=True)[:limit]
    return board(list(found), at=at)


def waiting(*, owner: User | None, limit: int, at: datetime) -> list[Spoken]:
    """Who spoke last and has no word from us since: the longest first, among the newest words of half a year."""
    since = at - timedelta(days=WAITING_DAYS)
    replies = Inbound.objects.filter(kind=InboundKind.REPLY.value, occurred_at__gte=since, party__isnull=False)
    words = (
        replies.order_by("-id").values_list("party__relationships", flat=True),
        Case.objects.filter(opened_at__gte=since, solved_at=None)
        .order_by("-id")
        .values_list("relationship", flat=True),
        spoken_marks()
        .filter(given_at__gte=since, closed_at=None)
        .order_by("-id")
        .values_list("relationship", flat=True),
        Resurfacing.objects.filter(at__gte=since).order_by("-at").values_list("party__relationships", flat=True),
    )
    numbers = {number for found in words for number in found[:COMPARED] if number is not None}
    if owner is not None:
        numbers = set(_in_parts(numbers, owner=owner))
    rows = [row for row in board(sorted(numbers), at=at) if row.owed_days is not None]
    return sorted(rows, key=lambda row: (-(row.owed_days or 0), row.relationship.pk))[:limit]


def taken_for_granted(*, owner: User | None, limit: int, at: datetime) -> list[Spoken]:
    """Who stays with us the longest and hears from us the least, among the COMPARED with the most at stake."""
    rows = by_value(owner=owner, after=None, limit=COMPARED, at=at)
    staying = [row for row in rows if row.relationship.stage in TAKEN_STAGES]
    began = _began([row.relationship.pk for row in staying])
    known = [row for row in staying if row.relationship.pk in began]
    today = at.date()
    tenures = [max(0, (today - began[row.relationship.pk]).days) for row in known]
    silences = [tenure if row.ours_days is None else row.ours_days for row, tenure in zip(known, tenures, strict=True)]
    found = [
        _with(row, Taken(tenure, of_tenure, silent, of_silence, is_never=row.ours_at is None))
        for row, tenure, of_tenure, silent, of_silence in zip(
            known, tenures, below(tenures), silences, below(silences), strict=True
        )
    ]
    found.sort(key=lambda row: (-row.taken.index if row.taken else 0, row.relationship.pk))
    return found[:limit]


def below(values: Sequence[int]) -> list[float]:
    """For each value the share of the others that are smaller, ties counted half; 0.5 where there are no others."""
    if len(values) < 2:
        return [0.5] * len(values)

    ordered, others = sorted(values), len(values) - 1
    return [
        (bisect_left(ordered, value) + (bisect_right(ordered, value) - bisect_left(ordered, value) - 1) / 2) / others
        for value in values
    ]


def board(numbers: Sequence[int], *, at: datetime) -> list[Spoken]:
    """The words of these relationships, in the order given; a fixed number of questions, whatever their history."""
    rows = Relationship.objects.filter(pk__in=numbers).select_related("party", "owner", "outlook")
    known = {row.pk: row for row in rows}
    parties = {row.party_id: row.pk for row in known.values()}
    ours, theirs = _ours(known, parties), _theirs(known, parties)
    who = dict(User.objects.filter(pk__in={word[1] for word in ours.values() if word[1]}).values_list("pk", "name"))
    return [
        _spoken(known[number], ours.get(number), theirs.get(number), who=who, at=at)
        for number in numbers
        if number in known
    ]


def _spoken(
    row: Relationship,
    ours: tuple[datetime, int | None, str] | None,
    theirs: tuple[datetime, int | None, str] | None,
    *,
    who: Mapping[int, str],
    at: datetime,
) -> Spoken:
    outlook = getattr(row, "outlook", None)
    ours_days = (at - ours[0]).days if ours else None
    theirs_days = (at - theirs[0]).days if theirs else None
    is_owed = theirs is not None and (ours is None or ours[0] < theirs[0])
    said = [days for days in (ours_days, theirs_days) if days is not None]
    # Two-way contact: the day by which both had spoken. With one side only there was none yet.
    gap = outlook.usual_gap if outlook else None
    return Spoken(
        relationship=row,
        value_minor=outlook.value_at_stake_minor if outlook else None,
        currency=outlook.currency if outlook else "",
        ours_at=ours[0] if ours else None,
        ours_by=who.get(ours[1], "") if ours and ours[1] else "",
        ours_what=ours[2] if ours else "",
        ours_days=ours_days,
        theirs_at=theirs[0] if theirs else None,
        theirs_what=theirs[2] if theirs else "",
        theirs_days=theirs_days,
        owed_days=theirs_days if is_owed else None,
        of_their_gap=max(said) / gap if len(said) == 2 and gap else None,
    )


def _ours(known: Mapping[int, Relationship], parties: Mapping[int, int]) -> Words:
    """The newest word of a human of ours to each."""
    numbers = list(known)
    done = Task.objects.filter(relationship__in=numbers, state=TaskState.DONE.value, answered_at__isnull=False)
    notes = Note.objects.filter(relationship__in=numbers, by__isnull=False)
    solved = Case.objects.filter(relationship__in=numbers, solved_at__isnull=False)
    answered = Feedback.objects.filter(relationship__in=numbers, closed_at__isnull=False)
    sent = messages_to(parties).filter(actor__isnull=False)
    words: Words = {}
    told: tuple[tuple[str, Iterable[Any]], ...] = (
        ("task", done.values_list("relationship", "answered_at", "answered_by")),
        ("note", notes.values_list("relationship", "at", "by")),
        ("case", solved.values_list("relationship", "solved_at", "by")),
        ("mark", answered.values_list("relationship", "closed_at", "closed_by")),
        ("message", ((parties[party], when, by) for party, when, by in sent.values_list("party", "went", "actor"))),
    )
    for what, found in told:
        _keep(words, found, what=what)
    return words


def _theirs(known: Mapping[int, Relationship], parties: Mapping[int, int]) -> Words:
    """The newest word of each to us."""
    numbers = list(known)
    words: Words = {}
    interviews = ExitInterview.objects.filter(
        breakup__relationship__in=numbers, mode=InterviewMode.PUBLIC.value, last_answer_at__isnull=False
    )
    own = Note.objects.filter(relationship__in=numbers, by=None)
    by_relationship: tuple[tuple[str, QuerySet[Any], str, str], ...] = (
        ("case", Case.objects.filter(relationship__in=numbers), "relationship", "opened_at"),
        ("mark", spoken_marks().filter(relationship__in=numbers), "relationship", "given_at"),
        ("note", own, "relationship", "at"),
        ("interview", interviews, "breakup__relationship", "last_answer_at"),
    )
    for what, rows, key, when in by_relationship:
        newest = rows.order_by().values_list(key).annotate(newest=Max(when))
        _keep(words, ((number, said, None) for number, said in newest), what=what)
    replies = Inbound.objects.filter(party__in=list(parties), kind=InboundKind.REPLY.value)
    doors = Resurfacing.objects.filter(party__in=list(parties))
    by_party: tuple[tuple[str, QuerySet[Any], str], ...] = (("reply", replies, "occurred_at"), ("door", doors, "at"))
    for what, rows, when in by_party:
        newest = rows.order_by().values_list("party").annotate(newest=Max(when))
        _keep(words, ((parties[party], said, None) for party, said in newest), what=what)
    return words


def spoken_marks() -> QuerySet[Feedback]:
    """Marks that ask for an answer: with words, or so bad that something went wrong. A plain good one asks nothing."""
    asks = ~Q(words="")
    for kind, highest in BAD_UP_TO.items():
        asks |= Q(kind=kind.value, score__lte=highest)
    return Feedback.objects.filter(asks)


def _keep(words: Words, found: Iterable[Any], *, what: str) -> None:
    for number, when, by in found:
        if number not in words or words[number][0] < when:
            words[number] = (when, by, what)


def _began(numbers: Sequence[int]) -> dict[int, date]:
    """The first day of each: of the first life, or of the record the outlook read."""
    first = Episode.objects.filter(relationship__in=list(numbers)).order_by().values_list("relationship")
    found: dict[int, date] = dict(first.annotate(began=Min("began_on")))
    seen = Outlook.objects.filter(pk__in=list(numbers), first_on__isnull=False).values_list("pk", "first_on")
    return {**{number: on for number, on in seen if on is not None}, **found}


def _in_parts(numbers: Iterable[int], *, owner: User) -> Iterable[int]:
    return Relationship.objects.filter(pk__in=list(numbers), owner=owner).values_list("pk", flat=True)


def _with(row: Spoken, taken: Taken) -> Spoken:
    return replace(row, taken=taken)
