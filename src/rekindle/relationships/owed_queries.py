"""Questions to book one about what we owe: promises by the day they are due, what is said of one person, days near.

Lists go by key (the day and the number of the last row shown) along an index; nothing here counts a whole table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet

from rekindle.accounts.models import User
from rekindle.relationships.models import (
    Case,
    Episode,
    Feedback,
    Goal,
    Milestone,
    Party,
    Promise,
    Relationship,
    StakeholderRole,
    Tie,
)
from rekindle.relationships.vocabulary import FeedbackKind, MilestoneKind, PartyKind, PromiseState, Stage

BAD_UP_TO: Final = {FeedbackKind.CSAT: 2, FeedbackKind.NPS: 6, FeedbackKind.CES: 3}
"""The highest figure of each scale that says something went wrong; why is said in `workflows.feedback`."""

ANSWERED: Final = (PromiseState.KEPT.value, PromiseState.BROKEN.value, PromiseState.RELEASED.value)

Place = tuple[date, int]
"""Where a page of promises ended: the day its last one was due, and its number."""


@dataclass(frozen=True)
class Record:
    """What became of the promises due in a stretch of days. `rate` is None while none was kept or broken."""

    kept: int
    broken: int
    released: int

    @property
    def rate(self) -> float | None:
        """Share kept of those kept or broken; those we were let off say nothing about us."""
        answered = self.kept + self.broken
        return self.kept / answered if answered else None


def promises_waiting(*, whose: User | None, after: Place | None, limit: int) -> list[Promise]:
    """Open promises, the longest overdue first; at most `limit`, from behind a place on."""
    open_ones = _whose(_shown(Promise.objects.filter(state=PromiseState.OPEN.value)), whose)
    if after is not None:
        open_ones = open_ones.filter(Q(due_on__gt=after[0]) | Q(due_on=after[0], pk__gt=after[1]))
    return list(open_ones.order_by("due_on", "pk")[:limit])


def promises_answered(*, whose: User | None, after: Place | None, limit: int) -> list[Promise]:
    """Promises kept, broken or released, the latest due first; at most `limit`, from behind a place on."""
    found: list[Promise] = []
    for (
        state
    ) in ANSWERED:  # one stretch of the index a state; asked together, the database sorts every promise ever made
        answered = _whose(_shown(Promise.objects.filter(state=state)), whose)
        if after is not None:
            answered = answered.filter(Q(due_on__lt=after[0]) | Q(due_on=after[0], pk__lt=after[1]))
        found += answered.order_by("-due_on", "-pk")[:limit]
    return sorted(found, key=lambda promise: (promise.due_on, promise.pk), reverse=True)[:limit]


def promise_record(*, whose: User | None, until: date, days: int) -> Record:
    """What became of the promises due in the `days` days up to a day, that day included."""
    due = Promise.objects.filter(state__in=ANSWERED, due_on__gt=until - timedelta(days=days), due_on__lte=until)
    answered = _whose(due, whose)
    counts = dict(answered.order_by().values_list("state").annotate(n=Count("pk")))
    return Record(
        kept=counts.get(PromiseState.KEPT.value, 0),
        broken=counts.get(PromiseState.BROKEN.value, 0),
        released=counts.get(PromiseState.RELEASED.value, 0),
    )


def unanswered_feedback(*, whose: User | None, limit: int) -> list[Feedback]:
    """Bad figures nobody has answered yet, the oldest first: each is a thing to do."""
    bad = Q()
    for kind, highest in BAD_UP_TO.items():
        bad |= Q(kind=kind.value, score__lte=highest)
    waiting = Feedback.objects.filter(bad, closed_at=None).select_related("relationship__party")
    if whose is not None:
        waiting = waiting.filter(Q(relationship__owner=whose) | Q(relationship__owner=None))
    return list(waiting.order_by("given_at", "pk")[:limit])


def promises_of(relationship: Relationship, *, limit: int) -> list[Promise]:
    """One person's promises: those open by their day, then the others, the latest due first."""
    found = _shown(Promise.objects.filter(relationship=relationship))
    newest = list(found.order_by("-due_on", "-pk")[:limit])
    is_open = [promise for promise in newest if promise.state == PromiseState.OPEN.value]
    return is_open[::-1] + [promise for promise in newest if promise.state != PromiseState.OPEN.value]


def cases_of(relationship: Relationship, *, limit: int) -> list[Case]:
    """Open cases first, then the latest solved."""
    found = Case.objects.filter(relationship=relationship).select_related("by").order_by("-opened_at", "-pk")[:limit]
    return sorted(found, key=lambda case: case.solved_at is not None)


def feedback_of(relationship: Relationship, *, limit: int) -> list[Feedback]:
    """Answers about us, the newest first."""
    found = Feedback.objects.filter(relationship=relationship).select_related("closed_by")
    return list(found.order_by("-given_at", "-pk")[:limit])


def goals_of(relationship: Relationship, *, limit: int) -> list[Goal]:
    """What they want to reach: what is still open first, then the newest."""
    found = Goal.objects.filter(relationship=relationship).order_by("-recorded_at", "-pk")[:limit]
    return sorted(found, key=lambda goal: bool(goal.reached_on or goal.given_up_on))


def milestones_of(party: Party, *, limit: int) -> list[Milestone]:
    """Days to remember, by month and day as a calendar has them."""
    found = Milestone.objects.filter(party=party).order_by("-pk")[:limit]
    return sorted(found, key=lambda milestone: (milestone.on.month, milestone.on.day, milestone.pk))


def roles_of(party: Party, *, limit: int) -> list[StakeholderRole]:
    """Roles a party holds or held, those held now first, then the latest ended."""
    found = StakeholderRole.objects.filter(party=party).select_related("organisation").order_by("-pk")[:limit]
    return _now_first(found)


def people_at(organisation: Party, *, limit: int) -> list[StakeholderRole]:
    """Who holds or held a role at an organisation, those there now first."""
    found = StakeholderRole.objects.filter(organisation=organisation).select_related("party").order_by("-pk")[:limit]
    return _now_first(found)


def ties_of(party: Party) -> list[Tie]:
    """Members of staff who know the person, living ties first; there is at most one a member of staff."""
    found = Tie.objects.filter(party=party).select_related("staff").order_by("-strength", "pk")
    return sorted(found, key=lambda tie: tie.ended_on is not None)


def owns_more_than(owner: User, *, limit: int) -> bool:
    """Whether a member of staff looks after more than `limit` people; looks at no more of them than that."""
    return Relationship.objects.filter(owner=owner).values("pk")[limit : limit + 1].exists()


def milestones_near(days: Sequence[date], *, limit: int, owner: User | None = None) -> list[Milestone]:
    """Days to remember that the person agreed to and whose month and day are among `days`, of people still with us.

    owner  only of the people this member of staff looks after
    """
    found = Milestone.objects.filter(_month_and_day("on", days), may_remember=True, party__deceased_on=None)
    if owner is not None:
        found = found.filter(party__in=Relationship.objects.filter(owner=owner).values("party"))
    return list(found.select_related("party").order_by("pk")[:limit])


def first_lives_begun(days: Sequence[date], *, limit: int, owner: User | None = None) -> list[Episode]:
    """First lives that began on the month and day of one of `days`, of people still with us and not closed.

    owner  only of the people this member of staff looks after
    """
    found = Episode.objects.filter(
        _month_and_day("began_on", days), number=1, relationship__party__deceased_on=None
    ).exclude(relationship__stage=Stage.CLOSED.value)
    if owner is not None:
        found = found.filter(relationship__owner=owner)
    return list(found.select_related("relationship__party", "relationship__brand").order_by("pk")[:limit])


def first_life_of(relationship: Relationship) -> Episode | None:
    return Episode.objects.filter(relationship=relationship, number=1).first()


def losses_and_first_days(party_ids: Iterable[int]) -> list[Milestone]:
    """What these people have lost, and their first days where somebody told us."""
    kinds = [MilestoneKind.BEREAVEMENT.value, MilestoneKind.FIRST_DAY.value]
    return list(Milestone.objects.filter(party_id__in=list(party_ids), kind__in=kinds))


def relationships_of(party_ids: Iterable[int]) -> dict[int, Relationship]:
    """The relationship with our (first) brand, for each of these parties that has one."""
    found = Relationship.objects.filter(party_id__in=list(party_ids)).select_related("brand")
    return {relationship.party_id: relationship for relationship in found.order_by("-brand_id", "-pk")}


def organisations_named(spellings: Sequence[str], *, limit: int) -> list[Party]:
    """Organisations with exactly one of these names."""
    found = Party.objects.filter(name__in=list(spellings), kind=PartyKind.ORGANISATION.value)
    return list(found.order_by("pk")[:limit])


def _shown(promises: QuerySet[Promise]) -> QuerySet[Promise]:
    return promises.select_related("relationship__party", "relationship__brand", "made_by")


def _whose(promises: QuerySet[Promise], whose: User | None) -> QuerySet[Promise]:
    """Promises a member of staff made or answers for; all of them for None."""
    if whose is None:
        return promises
    return promises.filter(Q(made_by=whose) | Q(relationship__owner=whose))


def _now_first(roles: Iterable[StakeholderRole]) -> list[StakeholderRole]:
    return sorted(roles, key=lambda role: (role.to_day is not None, -(role.to_day or date.min).toordinal()))


def _month_and_day(column: str, days: Sequence[date]) -> Q:
    """Rows whose month and day are among `days`, whatever the year; one condition a month."""
    by_month: dict[int, set[int]] = {}
    for day in days:
        by_month.setdefault(day.month, set()).add(day.day)
    near = Q(pk__in=[])
    for month, numbers in sorted(by_month.items()):
        near |= Q(**{f"{column}__month": month, f"{column}__day__in": sorted(numbers)})
    return near
