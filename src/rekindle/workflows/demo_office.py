"""What the people of the demo gym did at their desks: every deed by the same workflow a page calls.

Whom they did it with is found in the books as the nights left them, by stage and number, so that the same seed tells
the same stories. A demo too small to hold a story leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Breakup, Party, Relationship, Review, Task
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Burden,
    Channel,
    ExitGround,
    FeedbackKind,
    InterviewMode,
    LinkKind,
    MilestoneKind,
    Precision,
    PromiseState,
    RequestKind,
    ReviewAnswer,
    Rung,
    Stage,
    StakeholderKind,
    Stance,
    TaskState,
    TouchClass,
    WantBack,
)
from rekindle.workflows import (
    burdens,
    cases,
    company_exits,
    data_requests,
    demo_decisions,
    demo_touches,
    door,
    feedback,
    interviews,
    milestones,
    promises,
    reviews,
    tasks,
    together,
    unsubscribe,
    want_back,
    write_to,
)
from rekindle.workflows.company_exit_notice import Proposal
from rekindle.workflows.reviews import Decided
from rekindle.workflows.together import StanceTold

MANAGERS: Final = (("nora.quinn@gym.example", "Nora Quinn"), ("tomas.reilly@gym.example", "Tomas Reilly"))
"""Two who may approve an ending by us; like the trainers they have no password and cannot sign in."""


@dataclass(frozen=True)
class Desk:
    """Who acts, and on which day."""

    nora: User
    tomas: User
    trainers: Sequence[User]
    today: date

    def trainer(self, number: int) -> User:
        return self.trainers[number % len(self.trainers)] if self.trainers else self.nora


def work(today: date, *, time_zone: str) -> None:
    """One busy day at every desk, after the last night: all of it or nothing, and once."""
    if User.objects.filter(email=MANAGERS[0][0]).exists():
        return
    with transaction.atomic():
        _work(today, time_zone=time_zone)


def _work(today: date, *, time_zone: str) -> None:
    nora, tomas = (_manager(email, name, time_zone) for email, name in MANAGERS)
    trainers = list(User.objects.filter(role=Role.AGENT.value, is_active=True).order_by("pk"))
    desk = Desk(nora, tomas, trainers, today)
    _answer_suggestions(desk)
    _ask_those_who_left(desk)
    _decide_whom_we_want_back(desk)
    _owe_and_remember(desk)
    _let_go(desk)
    _look_once_a_year(desk)
    _belong_together(desk)
    _write(desk)
    _hear_from_them()
    demo_touches.work(nora=nora, trainers=trainers)
    demo_decisions.work(nora=nora, today=today)


def _write(desk: Desk) -> None:
    """A few letters by hand; the outbox asks the rules about each in the moment it would go."""
    for code, stage, n in (
        ("check_in", Stage.AT_RISK, 4),
        ("thanks", Stage.ONGOING, 3),
        ("after_quiet", Stage.OLD_FRIENDS, 1),
        ("after_quiet", Stage.WOOING, 1),
    ):
        for place, relationship in enumerate(_at(stage, n, but=2)):
            writer = desk.trainer(place)
            try:
                one, subject, text = write_to.draft(relationship.party, code, by=writer)
                write_to.send(
                    relationship.party, subject=subject, text=text, touch_class=one.touch_class, letter=code,
                    form=code, by=writer,
                )  # fmt: skip
            except (BadInput, NotFound):
                continue  # nobody wrote what is not known, nor to whom no address is known


def _manager(email: str, name: str, time_zone: str) -> User:
    return User.objects.create_user(email, name=name, role=Role.MANAGER.value, time_zone=time_zone)


def _at(stage: Stage, n: int, *, but: int = 0) -> Iterator[Relationship]:
    """The first n people at a stage, after leaving out so many."""
    rows = Relationship.objects.filter(stage=stage.value, party__name__gt="").select_related("party", "brand")
    yield from rows.order_by("pk")[but : but + n]


def _recent_ends(desk: Desk, n: int) -> list[Breakup]:
    """Ends of the last weeks that were told by the customer, newest first."""
    ends = Breakup.objects.filter(ended_on__gt=desk.today - timedelta(days=60), withdrawn_at=None)
    ends = ends.exclude(kind=BreakupKind.DECEASED.value).filter(relationship__stage=Stage.COOLING_OFF.value)
    return list(ends.select_related("relationship__party", "relationship__brand").order_by("-ended_on", "pk")[:n])


def _answer_suggestions(desk: Desk) -> None:
    said = (
        (TaskState.DONE, "She laughed and said she would be in on Thursday."),
        (TaskState.DONE, "Left a word with his training partner."),
        (TaskState.NOT_APPROPRIATE, "Just had a baby; not now."),
        (TaskState.LATER, ""),
    )
    waiting = Task.objects.filter(state=TaskState.OPEN.value).select_related("owner").order_by("rank", "pk")
    for task, (state, note) in zip(waiting[6:10], said, strict=False):
        tasks.answer(task.pk, state=state, by=task.owner or desk.nora, note=note,
                     later_days=7 if state is TaskState.LATER else None)  # fmt: skip


_TOLD: Final[tuple[dict[str, Any], ...]] = (
    {"may_we": "yes", "main": "I go before work, and at six there was never a rack free.", "reason": "full",
     "feeling": "sad", "hurt": "a_little", "back_if": "An hour in the morning that is really quiet.",
     "keep": {"channels": {"email": "yes", "call": "no"}, "topics": ["days"], "often": "few_a_year"}},
    {"may_we": "yes", "main": "My daughter was born and the evenings are gone.", "reason": "routine",
     "pause": "off_peak", "feeling": "neutral", "well": "Nobody ever made me feel slow."},
    {"may_we": "yes", "main": "Closer to the new flat, and my brother trains there.", "reason": "nearer",
     "feeling": "relieved", "owed": "The towel deposit is still with you."},
    {"may_we": "yes", "main": "I ran my first half marathon. That was all I wanted."},
)  # fmt: skip
"""What four people said on leaving; the last one stopped half way, by the own link."""


def _ask_those_who_left(desk: Desk) -> None:
    for number, (end, told) in enumerate(zip(_recent_ends(desk, 8)[::2], _TOLD, strict=False)):
        is_whole = number < len(_TOLD) - 1
        by = desk.trainer(number)
        interview = interviews.begin(
            end, mode=InterviewMode.STAFF if is_whole else InterviewMode.PUBLIC, by=by, script="gym"
        )
        asked = interviews.next_question(interview, by=by)
        while asked is not None:
            if asked.code in told:
                interview = interviews.answer(interview, code=asked.code, value=told[asked.code], by=by)
            elif is_whole:
                interview = interviews.skip(interview, code=asked.code, by=by)
            else:
                break
            asked = interviews.next_question(interview, by=by)
        if is_whole:
            interviews.complete(interview, by=by)


def _decide_whom_we_want_back(desk: Desk) -> None:
    answers = (
        (WantBack.YES, "Trained with us for years and left for reasons we can mend."),
        (WantBack.YES, "Her whole running group is here."),
        (WantBack.MAYBE, "Let us see whether the quiet mornings work out."),
    )
    for end, (answer, reason) in zip(_recent_ends(desk, 8)[1::2], answers, strict=False):
        review = desk.today + timedelta(days=60) if answer is WantBack.MAYBE else None
        want_back.decide(end.relationship, answer=answer, reason=reason, by=desk.nora, review_on=review)


def _owe_and_remember(desk: Desk) -> None:
    live = [row.party for row in _at(Stage.ONGOING, 6, but=3)]
    if len(live) < 6:
        return
    day = timedelta(days=1)
    by = desk.trainer(0)
    promises.make(live[0], text="Move her spin class to the early hall", due_on=desk.today, by=by)
    promises.make(live[1], text="Look into the loose cable on rack 3", due_on=desk.today + 5 * day, by=by)
    kept = promises.make(live[2], text="Find out who took his lock", due_on=desk.today + day, by=by)
    promises.answer(kept.pk, state=PromiseState.KEPT, by=by, outcome="It was in lost property.", told=True)
    on, precision = milestones.known_parts(day=desk.today.day, month=desk.today.month, year=None)
    milestones.add(live[3], kind=MilestoneKind.BIRTHDAY, on=on, precision=precision, by=by, may_remember=True)
    milestones.add(live[4], kind=MilestoneKind.GOAL_REACHED, title="First pull-up", on=desk.today - 2 * day,
                   precision=Precision.DAY, by=by, may_remember=True)  # fmt: skip
    cases.open_case(live[5], title="Charged twice in one month", words="Both payments are on her statement.", by=by)
    cases.set_goal(live[0], text="A half marathon in spring", by_day=desk.today + 150 * day, by=by)
    feedback.give(live[1], kind=FeedbackKind.CSAT, score=2, words="The showers were cold again.", by=by)
    feedback.give(live[2], kind=FeedbackKind.NPS, score=9, words="I tell everybody about Dana.", by=by)


def _let_go(desk: Desk) -> None:
    """One is thought about, one is proposed and waits for a second person, one was told decently."""
    found = list(_at(Stage.ONGOING, 3, but=20))
    if len(found) < 3:
        return
    today, day = desk.today, timedelta(days=1)
    for relationship in found:
        burdens.record(relationship, kind=Burden.OVERUSE, on=today - 40 * day, by=desk.trainer(1),
                       what="Six trainer hours in one week, where the membership holds one a month.")  # fmt: skip
    thought, proposed, told = (
        company_exits.open(one, ground=ground, by=desk.nora)
        for one, ground in zip(found, (ExitGround.UNPROFITABLE, ExitGround.FIT, ExitGround.UNPROFITABLE), strict=True)
    )
    rungs = (
        (Rung.REASSESS, "Went through the last year of hours together.", "Part of it was our booking page."),
        (Rung.EDUCATE, "Showed how the plan works without a trainer.", "Thanked us and went on as before."),
        (Rung.RENEGOTIATE, "Offered a membership that holds four hours.", "Too dear, they said."),
        (Rung.MIGRATE, "Offered the small-group class instead.", "Came once."),
    )
    for step, (rung, what, outcome) in enumerate(rungs):
        on = today - (30 - 7 * step) * day
        for one in (thought, proposed, told) if step < 2 else (proposed, told):
            company_exits.step(one, rung=rung, on=on, what=what, outcome=outcome, by=desk.nora)
    proposal = Proposal(
        ends_on=today + 120 * day,
        reason_told="Your training needs more of a coach's time than a membership here can hold.",
        keeps="Your training log, and the guest passes you have left.",
        could_go_to="The personal studio on Harbour Street has coaches by the hour.",
        helper=desk.trainer(2),
    )
    company_exits.propose(proposed, proposal=proposal, by=desk.nora)
    company_exits.propose(told, proposal=proposal, by=desk.nora)
    company_exits.approve(told, by=desk.tomas)
    company_exits.announce(told, how="In person, with Nora, and the letter handed over.", by=desk.nora)


def _look_once_a_year(desk: Desk) -> None:
    reviews.open_due(desk.today)
    waiting = Review.objects.filter(answered_at=None).select_related("relationship__owner").order_by("due_on", "pk")
    decided = (
        Decided(ReviewAnswer.KEEP),
        Decided(
            ReviewAnswer.MEND,
            minutes="Was promised a locker in March and never got one.",
            promise="A locker near the pool",
            promise_on=desk.today + timedelta(days=14),
        ),
    )
    for review, one in zip(waiting[:2], decided, strict=False):
        reviews.answer(review.pk, decided=one, by=review.relationship.owner or desk.nora)


def _belong_together(desk: Desk) -> None:
    found = [row.party for row in _at(Stage.ONGOING, 4, but=40)]
    if len(found) < 4:
        return
    one, two, three, four = found
    together.make_household(f"The {one.name.split()[-1]}s", members=[one, two], by=desk.nora)
    together.link(three, one, kind=LinkKind.INTRODUCED_BY, by=desk.nora)
    together.record_decision(
        four, on=desk.today - timedelta(days=200), what="Keep the company membership for the team", by=desk.nora,
        outcome="Kept for a year, against the finance desk",
        stances=[StanceTold(four, Stance.FOR, StakeholderKind.CHAMPION), StanceTold(three, Stance.AGAINST)],
    )  # fmt: skip


def _hear_from_them() -> None:
    """By their own links: one stops a road, one asks for the data, one who left long ago would like to come back."""
    friends = [row.party for row in _at(Stage.OLD_FRIENDS, 2)] or [end.relationship.party for end in _old_ends(2)]
    live = [row.party for row in _at(Stage.ONGOING, 2, but=60)]
    if len(live) == 2:
        about = f"{Channel.EMAIL.value}.{TouchClass.PROMOTIONAL.value}"
        unsubscribe.stop(live[0], what=unsubscribe.scope(about), said="Stop offers by e-mail")
        data_requests.open_request(live[1], kind=RequestKind.ACCESS, via="door", words="What do you hold about me?")
    for party in friends[:1]:
        door.come_back(_fresh(party), words="I miss the Tuesday group. Is there still a place?")


def _old_ends(n: int) -> list[Breakup]:
    ends = Breakup.objects.filter(withdrawn_at=None).exclude(kind=BreakupKind.DECEASED.value)
    ends = ends.exclude(relationship__stage=Stage.CLOSED.value).select_related("relationship__party")
    return list(ends.order_by("ended_on", "pk")[:n])


def _fresh(party: Party) -> Party:
    return Party.objects.get(pk=party.pk)
