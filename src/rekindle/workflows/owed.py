"""What we owe one person and what matters to them, for one section of their page. Reading only.

1. promises, cases, answers about us and goals of the relationship, where there is one;
2. days to remember and what falls of them soon; roles, the people of an organisation, and ties;
3. a fixed number of queries, whatever the length of the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.relationships import owed_queries, queries
from rekindle.relationships.models import (
    Case,
    Feedback,
    Goal,
    Milestone,
    Party,
    Promise,
    Relationship,
    StakeholderRole,
    Tie,
)
from rekindle.relationships.vocabulary import (
    FeedbackKind,
    MilestoneKind,
    PartyKind,
    PromiseState,
    StakeholderKind,
)
from rekindle.workflows.feedback import is_bad
from rekindle.workflows.occurrences import Occurrence, occurrences_of
from rekindle.workflows.promises import may_undo
from rekindle.workflows.today import business_day

SHOWN: Final = 50
"""Of each kind on one page; who has more has a history, which the story tells. Our choice."""

COMING_DAYS: Final = 60
"""Far enough ahead for a card by post. Our choice."""


@dataclass(frozen=True)
class PromiseView:
    """One promise as a page says it. `days` is how long ago it was due, negative while its day is to come."""

    of: Promise
    days: int
    may_undo: bool

    @property
    def is_open(self) -> bool:
        return bool(self.of.state == PromiseState.OPEN.value)

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.days > 0

    @property
    def is_due_today(self) -> bool:
        return self.is_open and self.days == 0

    @property
    def is_broken(self) -> bool:
        return bool(self.of.state == PromiseState.BROKEN.value)

    @property
    def late_days(self) -> int:
        """How many days after its day it was kept; 0 for in time and for every other state."""
        if self.of.state != PromiseState.KEPT.value or self.of.answered_at is None:
            return 0
        return max(0, (timezone.localdate(self.of.answered_at, timezone=self._zone) - self.of.due_on).days)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.of.relationship.brand.time_zone)


@dataclass(frozen=True)
class FeedbackView:
    """One answer about us; a bad one that nobody has answered waits for a human."""

    of: Feedback
    is_bad: bool

    @property
    def waits(self) -> bool:
        return self.is_bad and self.of.closed_at is None


@dataclass(frozen=True)
class OwedView:
    """What we owe one person and what matters to them; empty where nothing is known.

    coming   days to remember in the next 60 days, agreed to or not: a human sees what a machine may not send
    people   roles held at this party, where it is an organisation
    staff    members of staff a tie may be written for
    """

    milestone_kinds: ClassVar = MilestoneKind.choices()
    role_kinds: ClassVar = StakeholderKind.choices()
    feedback_kinds: ClassVar = FeedbackKind.choices()

    party: Party
    relationship: Relationship | None
    today: date
    promises: tuple[PromiseView, ...]
    milestones: tuple[Milestone, ...]
    coming: tuple[Occurrence, ...]
    cases: tuple[Case, ...]
    feedback: tuple[FeedbackView, ...]
    goals: tuple[Goal, ...]
    roles: tuple[StakeholderRole, ...]
    people: tuple[StakeholderRole, ...]
    ties: tuple[Tie, ...]
    staff: tuple[tuple[int, str], ...]

    @property
    def is_organisation(self) -> bool:
        return bool(self.party.kind == PartyKind.ORGANISATION.value)

    @property
    def is_known(self) -> bool:
        """Whether anything at all is written down or comes up."""
        written = (self.promises, self.milestones, self.coming, self.cases, self.feedback, self.goals)
        return any((*written, self.roles, self.people, self.ties))

    @property
    def standing(self) -> tuple[PromiseView, ...]:
        """Promises that are open, were broken, or were answered today: what the next talk is about."""
        return tuple(row for row in self.promises if row.is_open or row.is_broken or row.may_undo)

    @property
    def settled(self) -> tuple[PromiseView, ...]:
        """The other promises, the latest due first."""
        return tuple(row for row in self.promises if row not in self.standing)

    @property
    def open_cases(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.solved_at is None)

    @property
    def solved_cases(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.solved_at is not None)

    @property
    def broken(self) -> tuple[PromiseView, ...]:
        return tuple(promise for promise in self.promises if promise.is_broken)

    @property
    def overdue(self) -> tuple[PromiseView, ...]:
        return tuple(promise for promise in self.promises if promise.is_overdue)

    @property
    def employers(self) -> tuple[Party, ...]:
        """Organisations where a role is held now, each once."""
        at = {role.organisation_id: role.organisation for role in self.roles if role.organisation and not role.to_day}
        return tuple(organisation for organisation in at.values() if organisation)


def owed_view(party: Party) -> OwedView:
    """Everything the section shows, in at most fifteen queries."""
    relationship, today = queries.relationship_of(party), business_day()
    milestones = owed_queries.milestones_of(party, limit=SHOWN)
    for milestone in milestones:
        milestone.party = party  # known already; asked for again it would be a query a row
    life = owed_queries.first_life_of(relationship) if relationship else None
    if life is not None and relationship is not None:
        life.relationship = relationship
        relationship.party = party
    return OwedView(
        party=party,
        relationship=relationship,
        today=today,
        promises=_promises(relationship, today=today),
        milestones=tuple(milestones),
        coming=tuple(occurrences_of(milestones, life=life, at=timezone.now(), days=COMING_DAYS)),
        cases=tuple(owed_queries.cases_of(relationship, limit=SHOWN)) if relationship else (),
        feedback=tuple(feedback_views(owed_queries.feedback_of(relationship, limit=SHOWN))) if relationship else (),
        goals=tuple(owed_queries.goals_of(relationship, limit=SHOWN)) if relationship else (),
        roles=tuple(owed_queries.roles_of(party, limit=SHOWN)),
        people=tuple(owed_queries.people_at(party, limit=SHOWN)) if party.kind == PartyKind.ORGANISATION.value else (),
        ties=tuple(owed_queries.ties_of(party)),
        staff=tuple(queries.owners()),
    )


def promise_views(promises: list[Promise], *, today: date) -> list[PromiseView]:
    """Promises as pages say them; each with its relationship and brand at hand."""
    return [
        PromiseView(of=promise, days=(today - promise.due_on).days, may_undo=may_undo(promise)) for promise in promises
    ]


def feedback_views(feedback: list[Feedback]) -> list[FeedbackView]:
    return [FeedbackView(of=one, is_bad=is_bad(one)) for one in feedback]


def _promises(relationship: Relationship | None, *, today: date) -> tuple[PromiseView, ...]:
    if relationship is None:
        return ()
    return tuple(promise_views(owed_queries.promises_of(relationship, limit=SHOWN), today=today))
