"""Playbooks as their pages show them: the list, one as a flow, the people in it, one person's plans. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rekindle.act.letters import letters
from rekindle.act.playbooks import Do, Enter, Exit, OnlyIf, Plan, Step, Where
from rekindle.errors import BadInput
from rekindle.journal import playbook_queries
from rekindle.journal.models import (
    Enrolment,
    EnrolmentState,
    EnrolmentStep,
    OwnLetter,
    Playbook,
    PlaybookState,
    PlaybookVersion,
)
from rekindle.journal.playbook_queries import UnderWay
from rekindle.relationships import reasons
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import (
    BreakupKind,
    MilestoneKind,
    Stage,
    StakeholderKind,
    Terms,
    TouchClass,
    WantBack,
)
from rekindle.words import Word
from rekindle.workflows.playbooks import books, holdout

WASH_OF_STATE: Final = {PlaybookState.OFF: "", PlaybookState.ON: "ok", PlaybookState.PAUSED: "quiet"}
WASH_OF_CLASS: Final = {
    TouchClass.TRANSACTIONAL: "",
    TouchClass.LEGAL: "",
    TouchClass.SERVICE: "ok",
    TouchClass.CONTENT: "ok",
    TouchClass.RESEARCH: "quiet",
    TouchClass.RELATIONSHIP: "note",
    TouchClass.REFERRAL_ASK: "note",
    TouchClass.PROMOTIONAL: "risk",
}
"""The wash of a touch by what it is for: help is sage, questions dusk, remembering honey, selling ember."""
PLANS_SHOWN: Final = 12
_DONE: Final = {
    "mail": "e-mail written",
    "text": "text message written",
    "card": "card written",
    "task": "task put on a desk",
    "silence": "nothing, as planned",
    "refused": "a rule said no",
    "lacking": "something was missing",
}


@dataclass(frozen=True)
class Row:
    """One playbook in the list."""

    playbook: Playbook
    state: PlaybookState
    title: str
    about: str
    under_way: UnderWay

    @property
    def wash(self) -> str:
        return WASH_OF_STATE[self.state]


@dataclass(frozen=True)
class FlowStep:
    """One step as it is drawn. day: days from entering to this step; title: the letter's, or what is asked for;
    x: where its mark stands on the line of days, in percent."""

    step: Step
    number: int
    day: int
    title: str
    line: str
    touch_class: TouchClass | None
    wash: str
    x: float

    @property
    def is_silence(self) -> bool:
        return self.step.do is Do.SILENCE

    @property
    def is_conditional(self) -> bool:
        return self.step.only_if is not OnlyIf.ALWAYS


@dataclass(frozen=True)
class Flow:
    """A plan as it is drawn: how it begins, for whom it is, its steps, and what makes somebody leave it."""

    enter: Enter
    conditions: tuple[tuple[str, str], ...]
    steps: tuple[FlowStep, ...]
    exits: tuple[Exit, ...]
    days: int


@dataclass(frozen=True)
class OnTheWay:
    """One person in a plan: what is done, and what is next (None: nothing more)."""

    enrolment: Enrolment
    title: str
    done: tuple[tuple[EnrolmentStep, str], ...]
    next: FlowStep | None
    of: int

    @property
    def party(self) -> Party:
        return self.enrolment.relationship.party

    @property
    def state(self) -> EnrolmentState:
        return EnrolmentState(self.enrolment.state)

    @property
    def is_paused(self) -> bool:
        return bool(self.enrolment.playbook.state == PlaybookState.PAUSED.value)

    @property
    def last(self) -> tuple[EnrolmentStep, str] | None:
        return self.done[-1] if self.done else None


def rows(*, language: str) -> list[Row]:
    """Every playbook: those that work first, then by title."""
    found = books.listed()
    told = playbook_queries.under_way(found)
    made = []
    for one in found:
        plan = _plan_of(one.current)
        made.append(
            Row(one, PlaybookState(one.state), plan.said("title", language), plan.said("about", language), told[one.pk])
        )
    order = [PlaybookState.ON, PlaybookState.PAUSED, PlaybookState.OFF]
    return sorted(made, key=lambda row: (order.index(row.state), row.title.casefold()))


def flow(plan: Plan, *, language: str) -> Flow:
    """A plan as its page draws it."""
    classes = books.letter_classes()
    titles = letter_titles(plan.letters, language=language)
    days, found = 0, []
    length = sum(step.wait_days for step in plan.steps)
    for step in plan.steps:
        days += step.wait_days
        touch_class = step.touch_class if step.do is Do.TASK else classes.get(step.letter)
        title = titles.get(step.letter, step.letter) or (step.task.label if step.task else "")
        wash = WASH_OF_CLASS[touch_class] if touch_class else "quiet" if step.do is Do.SILENCE else ""
        found.append(
            FlowStep(
                step,
                step.number + 1,
                days,
                title,
                step.line.get(language) or step.line.get("en", ""),
                touch_class,
                wash,
                round(3 + 94 * (days / length if length else 0), 2),
            )
        )
    return Flow(plan.enter, tuple(_conditions(plan.enter.where)), tuple(found), plan.leave, length)


def letter_titles(codes: Iterable[str], *, language: str) -> dict[str, str]:
    """What the letters of those codes are called: the business's own before those that came with the product."""
    wanted = set(codes)
    named = {one.code: one.said("title", language) for one in letters() if one.code in wanted}
    own = OwnLetter.objects.filter(code__in=wanted, withdrawn_at=None).order_by("number").values_list("code", "body")
    for code, body in own:
        title = body.get("title", {})
        named[code] = title.get(language) or title.get("en") or code
    return named


def on_the_way(enrolments: Sequence[Enrolment], *, language: str) -> list[OnTheWay]:
    """Each of them with what is done and what is next; their versions and playbooks are best loaded with them."""
    done = playbook_queries.steps_of(enrolments)
    flows: dict[int, tuple[str, Flow]] = {}
    found = []
    for one in enrolments:
        if one.version_id not in flows:
            plan = _plan_of(one.version)
            flows[one.version_id] = (plan.said("title", language), flow(plan, language=language))
        title, drawn = flows[one.version_id]
        is_active = one.state == EnrolmentState.ACTIVE.value
        upcoming = drawn.steps[one.step] if is_active and one.step < len(drawn.steps) else None
        said = tuple((step, _DONE.get(step.outcome, step.outcome)) for step in done.get(one.pk, ()))
        found.append(OnTheWay(one, title, said, upcoming, len(drawn.steps)))
    return found


def people(
    playbook: Playbook, state: EnrolmentState, *, before: int | None, limit: int, language: str
) -> tuple[list[OnTheWay], int | None]:
    """A page of those who stand so in a playbook, and the number below which the next page begins."""
    found = playbook_queries.people_in(playbook, state, before=before, limit=limit + 1)
    shown = found[:limit]
    return on_the_way(shown, language=language), shown[-1].pk if len(found) > limit else None


def plans_of(party: Party, *, language: str) -> list[OnTheWay]:
    """The plans one person is or was in: under way first, then the newest."""
    numbers = list(Relationship.objects.filter(party=party).values_list("pk", flat=True))
    found = playbook_queries.plans_of(numbers, limit=PLANS_SHOWN)
    return on_the_way(found, language=language)


def _plan_of(version: PlaybookVersion | None) -> Plan:
    if version is None:
        raise BadInput("the playbook says nothing yet", remedy="Write its first version.")
    return books.plan(version)


_CONDITIONS: Final[tuple[tuple[str, str, type[Word]], ...]] = (
    ("stage", "where they stand", Stage),
    ("terms", "on which terms", Terms),
    ("not_terms", "not for those on", Terms),
    ("want_back", "would we like them back", WantBack),
    ("breakup_kinds", "how it ended", BreakupKind),
    ("roles", "what they are to us", StakeholderKind),
    ("milestones", "which days", MilestoneKind),
)


def _conditions(where: Where) -> Iterator[tuple[str, str]]:
    """Each condition as (what is looked at, which answers), in words."""
    for name, label, words in _CONDITIONS:
        asked = getattr(where, name)
        if asked:
            yield label, ", ".join(words(value).label for value in asked)
    if where.reasons:
        yield "why they left", ", ".join(reasons.label_of(code) for code in where.reasons)
    if where.lives_at_least is not None:
        yield "how often they have been with us", f"at least {where.lives_at_least} times"


@dataclass(frozen=True)
class LeftAlone:
    """Somebody who is left alone so that we learn what a plan does."""

    pk: int
    title: str
    until: datetime


def left_alone(party: Party, *, language: str) -> list[LeftAlone]:
    """Why somebody hears nothing of our own accord just now; usually nothing."""
    return [
        LeftAlone(row.pk, books.plan(row.holdout.playbook.current).said("title", language), row.until)
        for row in holdout.of_party(party)
        if row.holdout.playbook.current is not None
    ]
