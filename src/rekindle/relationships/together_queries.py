"""Questions about who belongs together, who left together, and who decided what. Each bounded, along an index.

A household is found through its members, so that no list of households ever reads everybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from rekindle.relationships.models import (
    Breakup,
    DecisionRecord,
    DecisionStance,
    Episode,
    Party,
    PartyLink,
    Relationship,
    StakeholderRole,
)
from rekindle.relationships.vocabulary import LinkKind, Stance

CIRCLE: Final = 200
"""People close to one person that a page looks at; a firm with more is no circle. Our choice."""

STEPS: Final = 100
"""So far back introductions are followed; nobody's chain is longer."""

FOR_US: Final = (Stance.FOR.value, Stance.OVERRULED.value)


def links_of(party: Party, *, limit: int) -> list[PartyLink]:
    """Links of a party in both directions, those that stand first, then the latest ended."""
    found = PartyLink.objects.filter(Q(party=party) | Q(other=party)).select_related("party", "other")
    return sorted(found.order_by("-pk")[:limit], key=_standing_first)


def members_of(households: Iterable[int], *, limit: int) -> list[PartyLink]:
    """Who belongs or belonged to these households, those who still do first."""
    found = PartyLink.objects.filter(other__in=list(households), kind=LinkKind.MEMBER_OF.value)
    return sorted(found.select_related("party").order_by("party__name", "pk")[:limit], key=_standing_first)


def households(*, after: int, limit: int) -> list[Party]:
    """Households that have or had a member, the newest first, from before a number on (0: from the beginning)."""
    used = PartyLink.objects.filter(kind=LinkKind.MEMBER_OF.value)
    used = used.filter(other__lt=after) if after else used
    numbers = used.order_by("-other").values_list("other", flat=True).distinct()[:limit]
    return list(Party.objects.filter(pk__in=list(numbers)).order_by("-pk"))


def introduced_before(party_id: int) -> set[int]:
    """Everybody who stands before a party in a chain of introductions, itself included; one query a step."""
    seen, edge = {party_id}, {party_id}
    for _ in range(STEPS):
        links = PartyLink.objects.filter(party__in=edge, kind=LinkKind.INTRODUCED_BY.value)
        edge = set(links.values_list("other", flat=True)) - seen
        if not edge:
            break
        seen |= edge
    return seen


def circle_of(party: Party) -> dict[int, set[str]]:
    """Who shares a household, an organisation or a link with somebody: {number: by what}, at most CIRCLE of each."""
    found: dict[int, set[str]] = defaultdict(set)
    for link in PartyLink.objects.filter(Q(party=party) | Q(other=party)).order_by("-pk")[:CIRCLE]:
        if link.kind != LinkKind.MEMBER_OF.value:
            found[link.other_id if link.party_id == party.pk else link.party_id].add("link")
    homes = PartyLink.objects.filter(party=party, kind=LinkKind.MEMBER_OF.value).values("other")
    shared = PartyLink.objects.filter(other__in=homes, kind=LinkKind.MEMBER_OF.value)
    for number in shared.order_by("-pk").values_list("party", flat=True)[:CIRCLE]:
        found[number].add("household")
    firms = StakeholderRole.objects.filter(party=party, organisation__isnull=False).values("organisation")
    colleagues = StakeholderRole.objects.filter(organisation__in=firms).order_by("-pk")
    for number in colleagues.values_list("party", flat=True)[:CIRCLE]:
        found[number].add("organisation")
    found.pop(party.pk, None)
    return dict(found)


def left_on(party_ids: Iterable[int]) -> dict[int, date]:
    """The day of the last end of each of these parties, told or presumed; those who never left are not in it."""
    ids = list(party_ids)
    told = Breakup.objects.filter(relationship__party__in=ids, withdrawn_at=None).values("relationship__party")
    days: dict[int, date] = {row["relationship__party"]: row["day"] for row in told.annotate(day=Max("ended_on"))}
    silent = Episode.objects.filter(relationship__party__in=ids, is_presumed=True, healed_on=None)
    for row in silent.exclude(ended_on=None).values("relationship__party").annotate(day=Max("ended_on")):
        number = row["relationship__party"]
        days[number] = max(row["day"], days.get(number, row["day"]))
    return days


def began_again(party_ids: Iterable[int]) -> dict[int, date]:
    """The first day of the latest life of each of these parties."""
    lives = Episode.objects.filter(relationship__party__in=list(party_ids)).values("relationship__party")
    return {row["relationship__party"]: row["day"] for row in lives.annotate(day=Max("began_on"))}


def parties(numbers: Iterable[int]) -> dict[int, Party]:
    return Party.objects.in_bulk(list(numbers))


def decisions_of(relationship: Relationship, *, limit: int) -> list[DecisionRecord]:
    """Decisions on their side, the latest first, each with its stances and who took them."""
    found = DecisionRecord.objects.filter(relationship=relationship).select_related("by")
    return list(found.prefetch_related("stances__party").order_by("-on", "-pk")[:limit])


def stances_of(party: Party, *, limit: int) -> list[DecisionStance]:
    """Where somebody stood in decisions, the latest first, with whose decision it was."""
    found = DecisionStance.objects.filter(party=party).select_related("record__relationship__party")
    return list(found.order_by("-record__on", "-pk")[:limit])


def roles_held(party_ids: Iterable[int]) -> dict[int, list[StakeholderRole]]:
    """Roles at organisations that these people hold now, the newest first."""
    held = StakeholderRole.objects.filter(party__in=list(party_ids), organisation__isnull=False, to_day=None)
    found: dict[int, list[StakeholderRole]] = defaultdict(list)
    for role in held.select_related("organisation").order_by("-from_day", "-pk"):
        found[role.party_id].append(role)
    return dict(found)


def for_us_elsewhere(*, after: int, limit: int) -> list[DecisionStance]:
    """Who stood for us in a decision and works elsewhere by now, newest first, from before a number on."""
    found = _elsewhere(DecisionStance.objects.filter(stance__in=FOR_US))
    if after:
        found = found.filter(pk__lt=after)
    return list(found.select_related("party", "record__relationship__party").order_by("-pk")[:limit])


def _elsewhere(stances: QuerySet[DecisionStance]) -> QuerySet[DecisionStance]:
    held = StakeholderRole.objects.filter(party=OuterRef("party"), to_day=None, organisation__isnull=False)
    there = held.filter(organisation=OuterRef("record__relationship__party"))
    other = held.exclude(organisation=OuterRef("record__relationship__party"))
    return stances.exclude(party=F("record__relationship__party")).filter(Exists(other)).exclude(Exists(there))


def _standing_first(link: PartyLink) -> tuple[bool, int]:
    return link.to_day is not None, -(link.to_day or date.min).toordinal()
