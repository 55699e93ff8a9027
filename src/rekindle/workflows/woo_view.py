"""Woo studio: those whose quiet is over or soon is, by what may happen next; and one of them opened. Reads only.

decide    nobody has said whether we would like them back
may       somebody said yes or maybe, and no plan of the family was begun since they left
heard     they told us something since they left
in_plan   under way: which touch, when, and whether they answered
stopped   their plan ended, and why
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from rekindle.act import tone
from rekindle.act.playbooks import WOO, Where
from rekindle.act.tone import Finding
from rekindle.journal import playbook_queries
from rekindle.journal.models import Enrolment, EnrolmentState, Playbook
from rekindle.relationships import reasons
from rekindle.relationships.models import Breakup, Episode, Feedback, Goal, Milestone, Party, Relationship
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import Terms, WantBack
from rekindle.words import Word
from rekindle.workflows import content, endings, playbook_view, preferences, want_back, woo
from rekindle.workflows.outbox.unfit import is_first_after_end
from rekindle.workflows.playbook_view import OnTheWay
from rekindle.workflows.playbooks import books, dry_run, exits, occasions
from rekindle.workflows.playbooks.dry_run import StepAhead
from rekindle.workflows.playbooks.enter import first_due
from rekindle.workflows.today import business_day
from rekindle.workflows.words import own_letters

SOON: Final = timedelta(days=14)
SINCE: Final = timedelta(days=180)
"""Quiets that were over longer ago are not brought up one by one: nobody waits for them. Our choice."""
SHOWN: Final = 10
AT_ONCE: Final = 500
LOOKED_AT: Final = 2_000
"""Ends looked at for one page of a group: where few of them belong to it, the page is shorter and the next goes on."""
_AWAY: Final = frozenset(stage.value for stage in AFTER_END)
_MAY: Final = Where(
    not_terms=(Terms.BAD.value, Terms.TOXIC.value), want_back=(WantBack.YES.value, WantBack.MAYBE.value)
)
_UNDECIDED: Final = Where(want_back=(WantBack.UNDECIDED.value,))

Place = tuple[datetime, int]
"""Where a page ends: the end of the quiet and the number of the end."""


class Group(Word):
    """What may happen next with somebody whose quiet is over, or soon will be."""

    MAY = "may", "may be asked back"
    DECIDE = "decide", "waits for a decision"
    HEARD = "heard", "told us something"
    IN_PLAN = "in_plan", "on the way back"
    STOPPED = "stopped", "stopped"


ENDS: Final = (Group.MAY, Group.DECIDE, Group.HEARD)
"""Groups that are read from ends; the others are read from the plans."""


@dataclass(frozen=True)
class Quiet:
    """Somebody who left, as a row: when their quiet is over, and what is known in one line."""

    end: Breakup
    is_over: bool
    reason: str
    heard: Feedback | None

    @property
    def relationship(self) -> Relationship:
        return self.end.relationship

    @property
    def party(self) -> Party:
        return self.end.relationship.party


@dataclass(frozen=True)
class UnderWay:
    """Somebody in a plan of the family, or whose plan ended."""

    way: OnTheWay
    has_answered: bool


@dataclass(frozen=True)
class NextTouch:
    """The next step as it would go, and what is wrong with its words."""

    ahead: StepAhead
    title: str
    wash: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Opened:
    """One person: what they said and what we know that a touch could honour, and what would come next."""

    party: Party
    relationship: Relationship
    end: Breakup
    is_over: bool
    reasons: tuple[str, ...]
    words: tuple[tuple[str, date], ...]
    milestones: tuple[Milestone, ...]
    interests: tuple[str, ...]
    goals: tuple[Goal, ...]
    standing: want_back.Standing
    waits_until: date | None
    way: OnTheWay | None
    has_answered: bool
    next: NextTouch | None
    plans: tuple[tuple[str, str], ...]


def ends(
    group: Group, *, after: Place | None, limit: int, at: datetime | None = None
) -> tuple[list[Quiet], Place | None]:
    """A page of one group of ENDS, the latest end of a quiet first; and where the next page begins, None at the end.

    A page may be short, or empty, and have a next one: LOOKED_AT.
    """
    at = at or timezone.now()
    found: list[Breakup] = []
    looked = 0
    while len(found) <= limit and looked < LOOKED_AT:
        some = _window(at, after=after)[:AT_ONCE]
        places = list(some.values_list("quiet_until", "pk"))
        found += _passing([number for _until, number in places], group)
        looked += len(places)
        if len(places) < AT_ONCE:
            after = None
            break
        after = places[-1]
    shown = found[:limit]
    if len(found) > limit:
        after = (shown[-1].quiet_until, shown[-1].pk)
    heard = _latest_words([one.relationship_id for one in shown])
    made = [
        Quiet(one, one.quiet_until <= at, _reason(one), _since(heard.get(one.relationship_id), one)) for one in shown
    ]
    return made, after


def in_plans(group: Group, *, before: int | None, limit: int, language: str) -> tuple[list[UnderWay], int | None]:
    """A page of those under way in a plan of the family, or of those whose plan ended, the newest first."""
    states = [EnrolmentState.ACTIVE] if group is Group.IN_PLAN else [EnrolmentState.LEFT, EnrolmentState.FINISHED]
    found = playbook_queries.people_of_family(WOO, states, before=before, limit=limit + 1)
    shown = found[:limit]
    answered = exits.engaged(Enrolment.objects.filter(pk__in=[one.pk for one in shown])) if shown else set[int]()
    ways = playbook_view.on_the_way(shown, language=language)
    made = [UnderWay(way, way.enrolment.pk in answered) for way in ways]
    return made, shown[-1].pk if len(found) > limit else None


def open_one(party: Party, *, language: str, at: datetime | None = None) -> Opened | None:
    """One person; None where no relationship of theirs has ended."""
    at = at or timezone.now()
    rows = Relationship.objects.filter(party=party).select_related("party", "owner", "brand").order_by("pk")
    relationship = rows.first()
    end = endings.standing_end(relationship) if relationship is not None else None
    if relationship is None or end is None:
        return None
    active = Enrolment.objects.filter(relationship=relationship, family=WOO, state=EnrolmentState.ACTIVE.value)
    enrolment = active.select_related(
        "version", "playbook", "relationship__party", "relationship__owner", "relationship__brand"
    ).first()
    way = playbook_view.on_the_way([enrolment], language=language)[0] if enrolment else None
    plans = woo.plans()
    return Opened(
        party=party,
        relationship=relationship,
        end=end,
        is_over=end.quiet_until <= at,
        reasons=tuple(reasons.label_of(code) for code in end.reasons)
        or ((end.stated_reason,) if end.stated_reason else ()),
        words=_words(relationship, end),
        milestones=tuple(Milestone.objects.filter(party=party, may_remember=True).order_by("on")[:SHOWN]),
        interests=tuple(sorted(content.interests_of(party))[:SHOWN]),
        goals=tuple(Goal.objects.filter(relationship=relationship, given_up_on=None).order_by("-pk")[:SHOWN]),
        standing=want_back.standing(relationship),
        waits_until=preferences.waiting(party, at=at),
        way=way,
        has_answered=bool(enrolment and exits.engaged(active.filter(pk=enrolment.pk))),
        next=_next(relationship, enrolment, plans, language=language, at=at),
        plans=tuple((one.code, books.plan(one.current).said("title", language)) for one in plans if one.current),
    )


def _next(
    relationship: Relationship, enrolment: Enrolment | None, plans: list[Playbook], *, language: str, at: datetime
) -> NextTouch | None:
    """The next touch of the plan they are in, else the first of the plan they could begin."""
    if enrolment is not None:
        ahead = dry_run.ahead_of(enrolment)
    elif plans and plans[0].current:
        plan = books.plan(plans[0].current)
        ahead = dry_run.steps_of(relationship, plan, first=max(first_due(plan, at), at))
    else:
        return None
    one = next((step for step in ahead if step.step.is_touch), None)
    if one is None:
        return None
    found: list[Finding] = []
    if one.text and one.touch_class is not None:
        found = tone.findings(
            one.text, subject=one.subject, touch_class=one.touch_class,
            first_after_end=is_first_after_end(relationship.party), houses=own_letters.houses(),
        )  # fmt: skip
    titles: Mapping[str, str] = playbook_view.letter_titles([one.step.letter], language=language)
    wash = playbook_view.WASH_OF_CLASS[one.touch_class] if one.touch_class else ""
    title = titles.get(one.step.letter) or (one.step.task.label if one.step.task else one.step.letter)
    return NextTouch(one, title, wash, tuple(found))


def _window(at: datetime, *, after: Place | None) -> QuerySet[Breakup]:
    """Ends whose quiet is over or soon will be, the latest first, from a place on; nothing else is asked of them."""
    rows = Breakup.objects.filter(withdrawn_at=None, quiet_until__gte=at - SINCE, quiet_until__lte=at + SOON)
    if after is not None:
        rows = rows.filter(quiet_until__lte=after[0]).filter(Q(quiet_until__lt=after[0]) | Q(pk__lt=after[1]))
    return rows.order_by("-quiet_until", "-pk")


def _passing(numbers: list[int], group: Group) -> list[Breakup]:
    """Those of them who belong to a group, in the same order: everything is asked by number, one query a question."""
    rows = Breakup.objects.filter(pk__in=numbers).select_related("relationship__party", "relationship__owner")
    away = [
        one
        for one in rows.order_by("-quiet_until", "-pk")
        if one.relationship.stage in _AWAY and one.relationship.party.deceased_on is None
    ]
    people = [one.relationship_id for one in away]
    latest: dict[int, date] = {}
    for number, day in Breakup.objects.filter(relationship__in=people, withdrawn_at=None).values_list(
        "relationship", "ended_on"
    ):
        latest[number] = max(day, latest.get(number, day))
    for number, day in Episode.objects.filter(relationship__in=people).values_list("relationship", "began_on"):
        latest[number] = max(day, latest.get(number, day))  # who lived on after an end has none that holds
    standing = [one for one in away if latest[one.relationship_id] <= one.ended_on]
    belong = _told_us(standing) if group is Group.HEARD else _decided(standing, group)
    return [one for one in standing if one.pk in belong]


def _told_us(ends: list[Breakup]) -> set[int]:
    heard = _latest_words([one.relationship_id for one in ends])
    return {one.pk for one in ends if _since(heard.get(one.relationship_id), one) is not None}


def _decided(ends: list[Breakup], group: Group) -> set[int]:
    people = Relationship.objects.filter(pk__in=[one.relationship_id for one in ends])
    for _name, condition in occasions.conditions(_MAY if group is Group.MAY else _UNDECIDED, on=business_day()):
        people = people.filter(condition)
    fit = set(people.values_list("pk", flat=True))
    begun = Enrolment.objects.filter(relationship__in=fit, family=WOO).values_list("relationship", "entered_at")
    last: dict[int, datetime] = {}
    for number, at in begun:
        last[number] = max(at, last.get(number, at))
    return {
        one.pk
        for one in ends
        if one.relationship_id in fit
        and (one.relationship_id not in last or last[one.relationship_id] < one.recorded_at)
    }


def _latest_words(relationship_ids: list[int]) -> dict[int, Feedback]:
    found: dict[int, Feedback] = {}
    for one in Feedback.objects.filter(relationship__in=relationship_ids).order_by("pk"):
        found[one.relationship_id] = one
    return found


def _since(heard: Feedback | None, end: Breakup) -> Feedback | None:
    return heard if heard is not None and heard.given_at.date() >= end.ended_on else None


def _reason(end: Breakup) -> str:
    return reasons.label_of(end.reasons[0]) if end.reasons else end.stated_reason


def _words(relationship: Relationship, end: Breakup) -> tuple[tuple[str, date], ...]:
    """Their own words, the newest first: what they said when they left, and answers about us."""
    told = Feedback.objects.filter(relationship=relationship).exclude(words="").order_by("-pk")[:SHOWN]
    said = [(one.words, one.given_at.date()) for one in told]
    if end.verbatim:
        said.append((end.verbatim, end.noticed_on or end.ended_on))
    return tuple(sorted(said, key=lambda one: one[1], reverse=True))
