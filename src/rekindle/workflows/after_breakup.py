"""After somebody left, four answers, as far as they are known.

    where do we stand?   the stage, and until when it is quiet
    in contact?          who wrote or spoke to whom since the end
    top of mind?         whether they looked our way since: a click, a visit, a word about us; opens never count
    on good terms?       what staff recorded

An answer that rests on nothing is "not known" with the reason; silence is never read as a yes or a no.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from rekindle.relationships.models import Breakup, Episode, Relationship, Task
from rekindle.relationships.vocabulary import EventKind, Stage, TaskState, Terms

# Two-way contact: they said something to us. Opening a mail says nothing (mail programs open by themselves).
_SPOKE: Final = (
    EventKind.REPLY, EventKind.COMPLAINT, EventKind.TICKET_OPENED, EventKind.SURVEY, EventKind.UNSUBSCRIBE,
)  # fmt: skip
_LOOKED: Final = (
    EventKind.CLICK, EventKind.LOGIN, EventKind.VISIT, EventKind.REVIEW, EventKind.SOCIAL_POST, EventKind.REFERRAL,
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """One answer as far as it is known; `why` says on what it rests, or why it is not known."""

    text: str
    is_known: bool
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text if self.is_known else None, "is_known": self.is_known, "why": self.why or None}


def _unknown(why: str) -> Known:
    return Known("not known", is_known=False, why=why)


@dataclass(frozen=True)
class AfterBreakup:
    """The four answers about the latest end. `is_presumed`: nobody said so, the silence did."""

    ended_on: date
    is_presumed: bool
    where_do_we_stand: Known
    in_contact: Known
    top_of_mind: Known
    good_terms: Known

    def as_json(self) -> dict[str, Any]:
        return {
            "ended_on": self.ended_on.isoformat(),
            "is_presumed": self.is_presumed,
            "where_do_we_stand": self.where_do_we_stand.as_json(),
            "in_contact": self.in_contact.as_json(),
            "top_of_mind": self.top_of_mind.as_json(),
            "good_terms": self.good_terms.as_json(),
        }


def after_breakup(
    relationship: Relationship,
    *,
    episodes: Sequence[Episode],
    breakups: Sequence[Breakup],
    events: Callable[[], Any],
    at: datetime,
) -> AfterBreakup | None:
    """The four answers, or None where nothing has ended.

    events  gives the newest events as an Arrow table, newest first; asked only where something has ended
    at      the instant of the question
    """
    zone = ZoneInfo(relationship.brand.time_zone)
    today = at.astimezone(zone).date()
    recorded = [end.ended_on for end in breakups if end.ended_on <= today and not end.withdrawn_at]
    presumed = [life.ended_on for life in episodes if life.ended_on and life.ended_on <= today]
    if not recorded and not presumed:
        return None
    ended_on = max([*recorded, *presumed])
    after = datetime.combine(ended_on + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
    since = Counter(event["kind"] for event in events().to_pylist() if after <= event["occurred_at"] <= at)
    return AfterBreakup(
        ended_on=ended_on,
        is_presumed=ended_on not in recorded,
        where_do_we_stand=_standing(relationship, episodes=episodes, breakups=breakups, ended_on=ended_on, at=at),
        in_contact=_contact(relationship, since=since, after=after),
        top_of_mind=_counted(
            since,
            kinds=_LOOKED,
            nothing="no click, visit, review or word about us is on record since; who only looks on leaves no trace",
        ),
        good_terms=_terms(relationship, breakups=breakups),
    )


def _standing(
    relationship: Relationship,
    *,
    episodes: Sequence[Episode],
    breakups: Sequence[Breakup],
    ended_on: date,
    at: datetime,
) -> Known:
    stage = next(word for word in Stage if word.value == relationship.stage)
    back = max((life.began_on for life in episodes if life.began_on > ended_on), default=None)
    if back is not None:
        return Known(f"back since {_day(back)}, {stage.label}", is_known=True)
    quiet = [end.quiet_until for end in breakups if end.ended_on == ended_on and end.quiet_until > at]
    if quiet:
        until = max(quiet).astimezone(ZoneInfo(relationship.brand.time_zone)).date()
        return Known(f"{stage.label}, quiet until {_day(until)}", is_known=True)
    return Known(stage.label, is_known=True)


def _contact(relationship: Relationship, *, since: Counter[str], after: datetime) -> Known:
    theirs = sum(since[kind.value] for kind in _SPOKE)
    ours = Task.objects.filter(relationship=relationship, state=TaskState.DONE.value, answered_at__gte=after).count()
    if not theirs and not ours:
        return _unknown("no word from them and none of ours is on record since the end")
    return Known(
        f"{_times(theirs, 'word')} from them, {_times(ours, 'touch', 'touches')} of ours",
        is_known=True,
        why="on record since the end",
    )


def _counted(since: Counter[str], *, kinds: Sequence[EventKind], nothing: str) -> Known:
    seen = [(since[kind.value], kind.label) for kind in kinds if since[kind.value]]
    if not seen:
        return _unknown(nothing)
    return Known(", ".join(f"{label} {n} times" if n > 1 else f"{label} once" for n, label in seen), is_known=True)


def _terms(relationship: Relationship, *, breakups: Sequence[Breakup]) -> Known:
    terms = next(word for word in Terms if word.value == relationship.terms)
    if terms is not Terms.NEUTRAL:
        return Known(terms.label, is_known=True, why="as recorded by staff")
    reason = next((end.stated_reason for end in breakups if end.stated_reason), "")
    return _unknown(
        f"the reason given was “{reason}”; nobody has recorded how they feel"
        if reason
        else "nobody has asked or recorded it"
    )


def _times(n: int, one: str, many: str = "") -> str:
    return f"{n or 'no'} {one if n == 1 else many or one + 's'}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
