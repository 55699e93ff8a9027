"""What one page shows of who belongs together and who decided what. Reading only, a fixed number of queries.

A companion is somebody of the circle (a household, an organisation or a link shared) whose last day lies within 30
days of this person's own; for somebody who is still with us, within the last 30 days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final

from rekindle.relationships import queries, together_queries
from rekindle.relationships.models import (
    DecisionRecord,
    DecisionStance,
    Party,
    PartyLink,
    Relationship,
    StakeholderRole,
)
from rekindle.relationships.vocabulary import LinkKind, PartyKind, StakeholderKind, Stance
from rekindle.workflows.today import business_day

SHOWN: Final = 50
TOGETHER_DAYS: Final = 30
"""Who leaves within a month of one another may have left together; it is shown, never claimed. Our choice."""


@dataclass(frozen=True)
class LinkView:
    """One link as this party's page says it: a few words, and who is on the other side."""

    of: PartyLink
    says: str
    whom: Party

    @property
    def is_standing(self) -> bool:
        return self.of.to_day is None


@dataclass(frozen=True)
class HouseholdView:
    """One household of a person, and who else belongs or belonged to it."""

    link: PartyLink
    others: tuple[PartyLink, ...]


@dataclass(frozen=True)
class Companion:
    """Somebody close who left about the same time. `back_on` is the day they came back, None while they have not."""

    party: Party
    left_on: date
    by: tuple[str, ...]
    back_on: date | None


@dataclass(frozen=True)
class Decided:
    """Where this person stood in a decision that was not theirs alone, and where they are now.

    now  roles they hold at other organisations; empty where they are still there, or nobody knows where they went
    """

    stance: DecisionStance
    now: tuple[StakeholderRole, ...]

    @property
    def where(self) -> Party:
        return self.stance.record.relationship.party

    @property
    def is_for_us(self) -> bool:
        return self.stance.stance in together_queries.FOR_US


@dataclass(frozen=True)
class TogetherView:
    """Everything the section shows; empty where nothing is known."""

    link_kinds: ClassVar = [(kind.value, kind.label) for kind in LinkKind if kind is not LinkKind.MEMBER_OF]
    stance_kinds: ClassVar = Stance.choices()
    role_kinds: ClassVar = StakeholderKind.choices()

    party: Party
    relationship: Relationship | None
    today: date
    members: tuple[PartyLink, ...]
    households: tuple[HouseholdView, ...]
    links: tuple[LinkView, ...]
    companions: tuple[Companion, ...]
    left_on: date | None
    decisions: tuple[DecisionRecord, ...]
    decided: tuple[Decided, ...]

    @property
    def is_household(self) -> bool:
        return bool(self.party.kind == PartyKind.HOUSEHOLD.value)

    @property
    def dissolved_on(self) -> date | None:
        day = self.party.extra.get("dissolved_on") if self.is_household else None
        return date.fromisoformat(day) if day else None

    @property
    def is_known(self) -> bool:
        """Whether anything at all is written down."""
        return any((self.members, self.households, self.links, self.companions, self.decisions, self.decided))


def of_person(party: Party) -> TogetherView:
    """The section of one party, in at most sixteen queries."""
    relationship, today = queries.relationship_of(party), business_day()
    is_household = party.kind == PartyKind.HOUSEHOLD.value
    links = together_queries.links_of(party, limit=SHOWN)
    left, companions = (None, ()) if is_household else _companions(party, today=today)
    decisions = together_queries.decisions_of(relationship, limit=SHOWN) if relationship else []
    return TogetherView(
        party=party,
        relationship=relationship,
        today=today,
        members=tuple(together_queries.members_of([party.pk], limit=SHOWN)) if is_household else (),
        households=() if is_household else _households(party, links),
        links=tuple(_told_once(_said(party, link) for link in links if link.kind != LinkKind.MEMBER_OF.value)),
        companions=companions,
        left_on=left,
        decisions=tuple(decisions),
        decided=() if is_household else _decided(party),
    )


def elsewhere(*, after: int, limit: int) -> list[Decided]:
    """Who stood for us in a decision and works elsewhere by now, newest first: three queries."""
    stances = together_queries.for_us_elsewhere(after=after, limit=limit)
    held = together_queries.roles_held({stance.party_id for stance in stances})
    return [_of(stance, held) for stance in stances]


def _households(party: Party, links: list[PartyLink]) -> tuple[HouseholdView, ...]:
    mine = [link for link in links if link.kind == LinkKind.MEMBER_OF.value and link.party_id == party.pk]
    if not mine:
        return ()
    rows = together_queries.members_of({link.other_id for link in mine}, limit=SHOWN)
    return tuple(
        HouseholdView(
            link, tuple(row for row in rows if row.other_id == link.other_id and row.party_id != party.pk)
        )
        for link in mine
    )  # fmt: skip


def _told_once(links: Iterable[LinkView]) -> Iterator[LinkView]:
    """A link that stands from either side is one line: a merge may have brought the second."""
    seen = set()
    for link in links:
        told = (link.whom.pk, link.says)
        if link.is_standing and told in seen:
            continue
        seen.add(told)
        yield link


def _said(party: Party, link: PartyLink) -> LinkView:
    """A link in words from this side; only an introduction reads differently from the other."""
    if link.party_id == party.pk:
        return LinkView(link, LinkKind(link.kind).label, link.other)
    says = "introduced" if link.kind == LinkKind.INTRODUCED_BY.value else LinkKind(link.kind).label
    return LinkView(link, says, link.party)


def _companions(party: Party, *, today: date) -> tuple[date | None, tuple[Companion, ...]]:
    circle = together_queries.circle_of(party)
    days = together_queries.left_on([party.pk, *circle])
    lives = together_queries.began_again([party.pk, *circle]) if days else {}
    own = days.get(party.pk)
    if own is not None and (own > today or lives.get(party.pk, own) > own):
        own = None  # a notice that has not run out, or they are back
    first = own - timedelta(days=TOGETHER_DAYS) if own else today - timedelta(days=TOGETHER_DAYS)
    last = own + timedelta(days=TOGETHER_DAYS) if own else today
    near = {number: day for number, day in days.items() if number in circle and first <= day <= min(last, today)}
    people = together_queries.parties(near)
    found = (
        Companion(
            people[number], day, tuple(sorted(circle[number])),
            lives[number] if lives.get(number, day) > day else None,
        )
        for number, day in near.items()
        if number in people
    )  # fmt: skip
    return own, tuple(sorted(found, key=lambda one: (one.left_on, one.party.pk)))


def _decided(party: Party) -> tuple[Decided, ...]:
    stances = together_queries.stances_of(party, limit=SHOWN)
    others = [stance for stance in stances if stance.record.relationship.party_id != party.pk]
    held = together_queries.roles_held([party.pk]) if others else {}
    return tuple(_of(stance, held) for stance in others)


def _of(stance: DecisionStance, held: dict[int, list[StakeholderRole]]) -> Decided:
    """The stance with the roles held elsewhere now; none while one is held where the decision was."""
    there = stance.record.relationship.party_id
    roles = held.get(stance.party_id, [])
    is_still_there = any(role.organisation_id == there for role in roles)
    return Decided(stance, () if is_still_there else tuple(roles))
