"""One card of the yearly review: what is known about a relationship, what is not, and a suggested answer with reasons.

1. gather the facts: their time with us, value both ways, promises, complaints, marks, burdens, the last word each way,
   open cases, how much their owner carries;
2. say each in one sentence, and say of what is not known why;
3. suggest: our own side first (what we owe is mended before anything is asked of them), then theirs, else keep.

Closing for good is never suggested, and one burden alone suggests no ending: people decide that. Reading only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.decide.explain import chance_text
from rekindle.journal import queries as journal
from rekindle.journal.models import Outlook
from rekindle.relationships import owed_queries, queries, review_queries
from rekindle.relationships.models import BurdenFact, Case, Episode, Feedback, Goal, Promise, Review, Task
from rekindle.relationships.vocabulary import (
    Burden,
    EventKind,
    FeedbackKind,
    PromiseState,
    ReviewAnswer,
    Stage,
    TaskState,
)
from rekindle.workflows import endings
from rekindle.workflows.feedback import is_bad
from rekindle.workflows.in_words import money_in_words
from rekindle.workflows.story import EventReader

A_YEAR: Final = 365
OWNER_LOAD: Final = 150
"""So many living relationships one person can know: the house default of the domain's policies."""
SILENCE: Final = 0.5
"""From an even chance of not seeing them again, somebody speaks with them first. Our choice, a coin's toss."""
CASE_OPEN_DAYS: Final = 14
"""A case open longer than a fortnight is a thing we owe. Our choice."""
TOGETHER_TOO_MUCH: Final = 3
"""So many burdens on different days, while we owe nothing, suggest letting go. Our choice: two may be one bad month."""

_SHOWN: Final = 50
_EVENTS: Final = 300
"""The latest events of one person: enough for a year of weekly visits and every word between."""
_SPOKE: Final = frozenset(
    kind.value for kind in (
        EventKind.REPLY, EventKind.TICKET_OPENED, EventKind.COMPLAINT, EventKind.REVIEW, EventKind.SURVEY,
    )
)  # fmt: skip
_GRAVE: Final = frozenset({Burden.ABUSE.value, Burden.THREAT.value})


@dataclass(frozen=True)
class Fact:
    """One line of a card. `text` is a sentence; where it is not known the sentence says why."""

    title: str
    text: str
    is_known: bool = True
    wash: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"title": self.title, "text": self.text, "is_known": self.is_known}


@dataclass(frozen=True)
class Advice:
    """A suggested answer and the sentences it rests on; `answer` is None where too little is known to suggest one."""

    answer: ReviewAnswer | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """What one card shows."""

    review: Review
    name: str
    stage: Stage
    facts: tuple[Fact, ...]
    burdens: tuple[BurdenFact, ...]
    promises: tuple[Promise, ...]
    advice: Advice
    last: Review | None

    def as_json(self) -> dict[str, Any]:
        """What is kept beside the answer: the sentences as they stood, and what was suggested."""
        answer = self.advice.answer.value if self.advice.answer else None
        return {
            "facts": [fact.as_json() for fact in self.facts],
            "suggested": answer,
            "reasons": list(self.advice.reasons),
        }


@dataclass(frozen=True)
class _Known:
    """The rows a card is made of. Days are those of the person's own zone; events are (day, kind), newest first."""

    today: date
    outlook: Outlook | None
    lives: list[Episode]
    promises: list[Promise]
    cases: list[Case]
    marks: list[Feedback]
    goals: list[Goal]
    burdens: list[BurdenFact]
    events: list[tuple[date, str]]
    touched_on: date | None
    zone: ZoneInfo

    @property
    def year_ago(self) -> date:
        return self.today - timedelta(days=A_YEAR)

    @property
    def broken(self) -> list[Promise]:
        late = (PromiseState.BROKEN.value,)
        return [one for one in self.promises if one.state in late and one.due_on > self.year_ago]

    @property
    def overdue(self) -> list[Promise]:
        return [one for one in self.promises if one.state == PromiseState.OPEN.value and one.due_on < self.today]

    @property
    def kept(self) -> list[Promise]:
        return [one for one in self.promises if one.state == PromiseState.KEPT.value and one.due_on > self.year_ago]

    @property
    def open_cases(self) -> list[Case]:
        return [case for case in self.cases if case.solved_at is None]

    @property
    def old_cases(self) -> list[tuple[Case, int]]:
        """Cases open for too long, each with its days."""
        aged = [(case, (self.today - self.day_of(case.opened_at)).days) for case in self.open_cases]
        return [(case, days) for case, days in aged if days > CASE_OPEN_DAYS]

    @property
    def unanswered(self) -> list[Feedback]:
        return [mark for mark in self.marks if is_bad(mark) and mark.closed_at is None]

    @property
    def complaints(self) -> list[date]:
        """Days of complaints in the last year, newest first."""
        return [day for day, kind in self.events if kind == EventKind.COMPLAINT.value and day > self.year_ago]

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    @property
    def spoke_on(self) -> date | None:
        """The last day on which they said something to us: a message, a case, an answer about us."""
        said = [day for day, kind in self.events if kind in _SPOKE]
        said += [self.day_of(case.opened_at) for case in self.cases]
        said += [self.day_of(mark.given_at) for mark in self.marks]
        return max(said, default=None)


def card(review: Review, *, history: EventReader, at: datetime | None = None) -> Card:
    """The card of one review as it stands at an instant (None: now), in a fixed number of queries."""
    relationship, at = review.relationship, at or timezone.now()
    known = _gather(review, history=history, at=at)
    number = "" if relationship.party.name else queries.numbers_of([relationship.party_id]).get(relationship.party_id)
    return Card(
        review=review,
        name=relationship.party.name or (f"customer {number}" if number else str(relationship.party)),
        stage=Stage(relationship.stage),
        facts=tuple(_facts(review, known)),
        burdens=tuple(known.burdens),
        promises=tuple(known.overdue + known.broken),
        advice=advise(known),
        last=review_queries.last_answer(relationship),
    )


def _gather(review: Review, *, history: EventReader, at: datetime) -> _Known:
    relationship, zone = review.relationship, endings.zone_of(review.relationship)
    today = at.astimezone(zone).date()
    burdens = BurdenFact.objects.filter(relationship=relationship, withdrawn_at=None, expires_on__gt=today)
    touched = Task.objects.filter(relationship=relationship, state=TaskState.DONE.value, answered_at__isnull=False)
    events = history.of(relationship.party_id, limit=_EVENTS).select(["occurred_at", "kind"]).to_pylist()
    touched_at = touched.order_by("-answered_at").values_list("answered_at", flat=True).first()
    return _Known(
        today=today,
        outlook=journal.outlook_of(relationship.pk),
        lives=queries.episodes_of(relationship),
        promises=owed_queries.promises_of(relationship, limit=_SHOWN),
        cases=owed_queries.cases_of(relationship, limit=_SHOWN),
        marks=owed_queries.feedback_of(relationship, limit=_SHOWN),
        goals=owed_queries.goals_of(relationship, limit=_SHOWN),
        burdens=list(burdens.order_by("-on", "-pk")[:_SHOWN]),
        events=[(event["occurred_at"].astimezone(zone).date(), event["kind"]) for event in events],
        touched_on=touched_at.astimezone(zone).date() if touched_at else None,
        zone=zone,
    )


def advise(known: _Known) -> Advice:
    """The suggested answer. The first that holds, in this order, and every reason for it:

    mend         we owe: a promise broken this year or overdue, an old case, a bad mark nobody answered, a complaint
                 of the last quarter; or they are silent and it is even odds that they stay away
    let go       three burdens or more on different days, none disputed, at least while we owe nothing
    renegotiate  any undisputed burden
    keep         nothing stands against it, and something is known
    """
    ours, theirs = list(_we_owe(known)), [burden for burden in known.burdens if not burden.disputed]
    days = {burden.on for burden in theirs}
    if theirs and not ours and len(days) >= TOGETHER_TOO_MUCH:
        told = f"{len(theirs)} burdens on {len(days)} different days stand, none disputed, and we owe nothing."
        return Advice(ReviewAnswer.LET_GO, (told, *_burdens_told(theirs)))
    if ours:
        after = ("What lies with us comes first; then the burdens can be spoken of.",) if theirs else ()
        return Advice(ReviewAnswer.MEND, (*ours, *after))
    if theirs:
        return Advice(ReviewAnswer.RENEGOTIATE, tuple(_burdens_told(theirs)))
    outlook = known.outlook
    if outlook is not None and outlook.p_none is not None and outlook.p_none >= SILENCE:
        text = chance_text(
            outlook.p_none, low=outlook.p_none_low, high=outlook.p_none_high, horizon_days=outlook.horizon_days
        )
        return Advice(ReviewAnswer.MEND, (f"{text[:1].upper()}{text[1:]}: somebody asks how they are.",))
    if outlook is None and not (known.promises or known.cases or known.marks or known.events):
        return Advice(None, ("Too little is known to suggest anything: no night has read them, nobody has written.",))
    return Advice(ReviewAnswer.KEEP, tuple(_for_keeping(known)))


def _we_owe(known: _Known) -> Iterable[str]:
    for promise in known.broken:
        yield f"We broke a promise due on {_day(promise.due_on)}: “{promise.text}”."
    for promise in known.overdue:
        yield f"A promise is overdue since {_day(promise.due_on)}: “{promise.text}”."
    for case, days in known.old_cases:
        yield f"A case is open for {days} days: “{case.title}”."
    if known.unanswered:
        n = len(known.unanswered)
        yield "A bad mark of theirs was never answered." if n == 1 else f"{n} bad marks of theirs were never answered."
    lately = [day for day in known.complaints if day > known.today - timedelta(days=91)]
    if lately:
        yield f"They complained on {_day(lately[0])}."


def _burdens_told(burdens: list[BurdenFact]) -> Iterable[str]:
    for burden in burdens:
        yield f"{_day(burden.on)}, {Burden(burden.kind).label}: “{burden.what[:200]}”."
    if any(burden.kind in _GRAVE for burden in burdens):
        yield "Say where the line is before anything else; who was hurt is not the one to say it."


def _for_keeping(known: _Known) -> Iterable[str]:
    yield "Nothing we owe stands open, and nothing weighs on it."
    if known.kept:
        n = len(known.kept)
        yield "We kept the promise that was due this year." if n == 1 else f"We kept {n} promises this year."
    outlook = known.outlook
    if outlook is None or outlook.p_none is None:
        yield "Whether they stay is not known" + (f": {outlook.unknown}." if outlook and outlook.unknown else ".")
    else:
        text = chance_text(
            outlook.p_none, low=outlook.p_none_low, high=outlook.p_none_high, horizon_days=outlook.horizon_days
        )
        yield f"{text[:1].upper()}{text[1:]}."


def _facts(review: Review, known: _Known) -> Iterable[Fact]:
    relationship = review.relationship
    yield _tenure(known, since=relationship.stage_since)
    yield _to_come(known.outlook)
    yield _to_us(known.outlook)
    yield _to_them(known)
    yield _promises(known)
    yield _complaints(known)
    yield _marks(known)
    yield _burdens(known)
    yield _contact(known)
    yield _load(review)


def _tenure(known: _Known, *, since: date | None) -> Fact:
    title = "With us"
    if not known.lives:
        first = f"in this stage since {_day(since)}; " if since else ""
        return Fact(title, f"{first}no life is on record yet", is_known=bool(since))
    first_day, n = known.lives[0].began_on, len(known.lives)
    years = (known.today - first_day).days / 365.25
    length = f"{years:.1f} years" if years >= 1 else f"{(known.today - first_day).days} days"
    again = f"; this is life {n}, begun {_day(known.lives[-1].began_on)}" if n > 1 else ""
    return Fact(title, f"since {_day(first_day)}, {length}{again}")


def _to_come(outlook: Outlook | None) -> Fact:
    title = "Likely to bring"
    if outlook is None or outlook.value_minor is None:
        why = (outlook.unknown if outlook else "") or "no night has valued them yet"
        return Fact(title, f"not known: {why}", is_known=False)
    n, rest = divmod(outlook.value_horizon_days, A_YEAR)
    years = f"in the next {outlook.value_horizon_days} days" if rest or n < 1 else f"in the next {_n(n, 'year')}"
    amount = money_in_words(outlook.value_minor, currency=outlook.currency)
    if outlook.value_low_minor is None or outlook.value_high_minor is None:
        return Fact(title, f"{amount} {years}; how sure that is, is not known")
    low, high = (
        money_in_words(minor, currency=outlook.currency)
        for minor in (outlook.value_low_minor, outlook.value_high_minor)
    )
    return Fact(title, f"{amount} {years}; 8 times of 10 between {low} and {high}")


def _to_us(outlook: Outlook | None) -> Fact:
    if outlook is None or outlook.spent_minor is None:
        return Fact("Brought so far", "not known: no amount is on record", is_known=False)
    return Fact("Brought so far", money_in_words(outlook.spent_minor, currency=outlook.currency))


def _to_them(known: _Known) -> Fact:
    """What they had of us, as far as anybody wrote it down; what they paid for is not what it was worth to them."""
    reached = [goal for goal in known.goals if goal.reached_on]
    wanted = [goal for goal in known.goals if not goal.reached_on and not goal.given_up_on]
    if not known.goals:
        return Fact("What they had of it", "not known: nobody has written down what they want to reach", is_known=False)
    told = [f"{_n(len(reached), 'goal')} reached"] if reached else []
    told += [f"still wanted: “{wanted[0].text}”"] if wanted else []
    return Fact("What they had of it", "; ".join(told) or "every goal they had was given up")


def _promises(known: _Known) -> Fact:
    if not known.promises:
        return Fact("Promises", "none was ever written down", is_known=False)
    year = [(len(known.kept), "kept"), (len(known.broken), "broken")]
    told = [", ".join(f"{n} {word}" for n, word in year if n) + " in the last year"] if any(n for n, _ in year) else []
    told += [f"{len(known.overdue)} overdue"] if known.overdue else []
    wash = "risk" if known.broken or known.overdue else ""
    return Fact("Promises", "; ".join(told) or "none fell due in the last year", wash=wash)


def _complaints(known: _Known) -> Fact:
    told = []
    if known.complaints:
        told.append(
            f"{_n(len(known.complaints), 'complaint')} in the last year, the last on {_day(known.complaints[0])}"
        )
    if known.open_cases:
        told.append(f"{_n(len(known.open_cases), 'case')} open: “{known.open_cases[0].title}”")
    is_late = known.complaints or known.old_cases
    return Fact("Complaints and cases", "; ".join(told) or "none on record", wash="risk" if is_late else "")


def _marks(known: _Known) -> Fact:
    if not known.marks:
        return Fact("What they say of us", "not known: nobody has asked, or they have not said", is_known=False)
    mark = known.marks[0]
    said = f"{FeedbackKind(mark.kind).label}: {mark.score}" if mark.score is not None else f"“{mark.words[:200]}”"
    return Fact(
        "What they say of us", f"{said}, on {_day(known.day_of(mark.given_at))}", wash="risk" if is_bad(mark) else ""
    )


def _burdens(known: _Known) -> Fact:
    if not known.burdens:
        return Fact("Burdens", "none stands")
    disputed = sum(bool(burden.disputed) for burden in known.burdens)
    told = f"{_n(len(known.burdens), 'dated fact')}, the last on {_day(known.burdens[0].on)}"
    return Fact("Burdens", told + (f"; {disputed} disputed by them" if disputed else ""), wash="risk")


def _contact(known: _Known) -> Fact:
    theirs = f"they spoke on {_day(known.spoke_on)}" if known.spoke_on else "no word of theirs is on record"
    ours = f"we on {_day(known.touched_on)}" if known.touched_on else "no touch of ours is on record"
    return Fact("Last word each way", f"{theirs}; {ours}", is_known=bool(known.spoke_on or known.touched_on))


def _load(review: Review) -> Fact:
    owner = review.relationship.owner
    if owner is None:
        return Fact("Looked after by", "nobody", is_known=False, wash="note")
    n = review_queries.live_of(owner)
    many = f"{review_queries.MANY:,} or more" if n >= review_queries.MANY else f"{n:,}"
    over = f"; more than the {OWNER_LOAD} one person can know" if n > OWNER_LOAD else ""
    told = f"{owner}, with {many} living {'relationship' if n == 1 else 'relationships'}{over}"
    return Fact("Looked after by", told, wash="note" if over else "")


def _n(n: int, one: str) -> str:
    return f"{n} {one}" if n == 1 else f"{n} {one}s"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
