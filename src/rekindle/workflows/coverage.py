"""Is anybody forgotten? Every relationship stands in exactly one place, and the last of them is the alarm.

The places, first match wins:
1. closed for good, or no longer living: nothing is owed but peace;
2. a plan is under way; 3. a human has a task; 4. quiet by rule, until a day or because they asked for it;
5. a human decided (paused, old friends, not wanted back), or a decision is due by a day still to come;
6. left in peace by the night, with its reason;
7. nobody: no plan, no task, no explained silence. An end that was told to us is never explained by the night alone:
   after the quiet somebody says whether we would like them back, or the person has fallen out of our hands.

One pass over the relationships along indexes, for the night (`counts`); pages read what it kept, and the list of
nobody by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.journal.models import Decision, Enrolment, EnrolmentState, Outlook
from rekindle.relationships.models import Breakup, CoolingOff, Relationship, Task, WantBackDecision
from rekindle.relationships.policy import DECIDE_WITHIN_DAYS
from rekindle.relationships.vocabulary import Contact, Stage, Suggestion, TaskState, WantBack
from rekindle.words import Word
from rekindle.workflows.today import business_day

LIVE_AT_MOST: Final = 20_000
"""Up to so many relationships a page counts for itself; above, the night has counted. Our choice: about a second."""
NAMED: Final = 500
"""So many of those nobody looks after are kept by number; more than that is no longer a list but a cause."""

_TOLD_ENDS: Final = (Stage.BREAKUP.value, Stage.COOLING_OFF.value, Stage.WOOING.value)
_ANSWERED: Final = "answered"
_NEVER_CALLED: Final = "sleeping_well"
"""Somebody whom the night read and for whom nothing was ever worthwhile has no decision of their own."""


class Covered(Word):
    """Where a relationship stands in our care; each in exactly one place."""

    CLOSED = "closed", "closed for good"
    PLAN = "plan", "a plan is under way"
    TASK = "task", "somebody has a task"
    QUIET = "quiet", "quiet by rule"
    DECIDED = "decided", "decided by somebody, or due to be"
    PEACE = "peace", "left in peace, with a reason"
    NOBODY = "nobody", "nobody looks after them"


@dataclass(frozen=True)
class Forgotten:
    """One relationship in nobody's hands, and what is missing: a code of WHY."""

    relationship: Relationship
    why: str


WHY: Final = {
    "undecided": "It is over and the quiet has run out; nobody has said whether we would like them back.",
    "review_due": "The day to look at them again has passed.",
    "wanted": "We would like them back, and nothing is under way.",
    "unread": "No night has read them yet.",
}
"""What is missing for somebody whom nobody looks after."""


def placed(*, at: datetime) -> QuerySet[Any]:
    """Every relationship with its `place`, as of an instant."""
    today = business_day()
    mine = OuterRef("pk")
    newest = WantBackDecision.objects.filter(relationship=mine).order_by("-id")
    quiet = CoolingOff.objects.filter(relationship=mine, superseded_at=None, ends_at__gt=at)
    loaded = Breakup.objects.filter(relationship=mine, withdrawn_at=None, quiet_until__gt=at)
    held = Decision.objects.filter(relationship=mine).order_by("-as_of")
    is_told = Q(stage__in=_TOLD_ENDS)
    fresh = Q(stage_since__gt=today - timedelta(days=DECIDE_WITHIN_DAYS))
    standing_no = Q(want_back__in=[WantBack.NO.value, WantBack.MAYBE.value]) & (
        Q(review_on=None) | Q(review_on__gte=today)
    )
    rows = Relationship.objects.annotate(
        want_back=Subquery(newest.values("answer")[:1]),
        review_on=Subquery(newest.values("review_on")[:1]),
        refused_until=Subquery(held.values("refused_until")[:1]),
    )
    place = Case(
        When(Q(stage=Stage.CLOSED.value) | Q(party__deceased_on__isnull=False), then=Value(Covered.CLOSED.value)),
        When(
            Exists(Enrolment.objects.filter(relationship=mine, state=EnrolmentState.ACTIVE.value)),
            then=Value(Covered.PLAN.value),
        ),
        When(
            Exists(Task.objects.filter(relationship=mine, state__in=[TaskState.OPEN.value, TaskState.LATER.value])),
            then=Value(Covered.TASK.value),
        ),
        When(Q(contact=Contact.SILENT.value), then=Value(Covered.QUIET.value)),
        When(is_told & (Exists(quiet) | Exists(loaded)), then=Value(Covered.QUIET.value)),
        When(Q(stage__in=[Stage.PAUSED.value, Stage.OLD_FRIENDS.value]), then=Value(Covered.DECIDED.value)),
        When(is_told & (standing_no | (fresh & Q(want_back=None))), then=Value(Covered.DECIDED.value)),
        When(is_told & Q(refused_until__gt=at), then=Value(Covered.PEACE.value)),
        When(~is_told & Exists(Outlook.objects.filter(pk=mine)), then=Value(Covered.PEACE.value)),
        default=Value(Covered.NOBODY.value),
        output_field=CharField(),
    )
    return rows.annotate(place=place)


def counts(*, at: datetime | None = None) -> dict[str, Any]:
    """How many stand in each place; the places add up to everybody. For the night, which keeps it.

    Gives {"at", "people", "places": {place: n}, "peace_because": {reason: n}, "without_owner", "nobody": [numbers]}.
    """
    at = at or timezone.now()
    held = Decision.objects.filter(relationship=OuterRef("pk")).order_by("-as_of")
    reason = Case(
        When(place=Covered.PEACE.value, then=Coalesce(Subquery(_reason(held)), Value(_NEVER_CALLED))),
        default=Value(""),
        output_field=CharField(),
    )
    rows = placed(at=at).annotate(because=reason).order_by().values_list("place", "because").annotate(n=Count("pk"))
    places = dict.fromkeys((place.value for place in Covered), 0)
    because: dict[str, int] = {}
    for place, why, n in rows:
        places[place] += n
        if why:
            because[why] = because.get(why, 0) + n
    nobody = placed(at=at).filter(place=Covered.NOBODY.value).order_by("pk") if places["nobody"] else None
    return {
        "at": at.isoformat(),
        "people": sum(places.values()),
        "places": places,
        "peace_because": because,
        "without_owner": _without_owner().count(),
        "nobody": list(nobody.values_list("pk", flat=True)[:NAMED]) if nobody is not None else [],
    }


def is_small() -> bool:
    """Whether there are so few relationships that a page may count them itself."""
    return not Relationship.objects.values("pk")[LIVE_AT_MOST : LIVE_AT_MOST + 1].exists()


def forgotten(*, after: int = 0, limit: int = 50, among: list[int] | None = None) -> list[Forgotten]:
    """Whom nobody looks after now, by number, from behind one on; at most `limit`.

    among  only these numbers, as a night kept them; who is in good hands by now is left out
    """
    rows = placed(at=timezone.now()).filter(pk__gt=after)
    if among is not None:
        rows = rows.filter(pk__in=[number for number in among if number > after][: limit * 4])
    found = rows.filter(place=Covered.NOBODY.value).select_related("party", "owner").order_by("pk")[:limit]
    return [Forgotten(relationship, _why(relationship)) for relationship in found]


def _without_owner() -> QuerySet[Relationship]:
    """Nobody by name, or somebody whose account is closed: who has gone looks after nobody."""
    gone = Q(owner__in=User.objects.filter(is_active=False))
    return Relationship.objects.filter(Q(owner=None) | gone).exclude(stage=Stage.CLOSED.value)


def _reason(held: QuerySet[Decision]) -> QuerySet[Any]:
    """Why the last choice was nothing; one that asked for a touch has been answered since."""
    said = Case(
        When(suggestion=Suggestion.NOTHING.value, then="reason"), default=Value(_ANSWERED), output_field=CharField()
    )
    return held.annotate(said=said).values("said")[:1]


def _why(relationship: Any) -> str:
    if relationship.stage not in _TOLD_ENDS:
        return "unread"
    if relationship.want_back == WantBack.YES.value:
        return "wanted"
    return "review_due" if relationship.want_back and relationship.review_on else "undecided"
