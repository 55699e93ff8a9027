"""Deeds about what we owe somebody: promises, days to remember, goals, cases, feedback."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.relationships.models import Case, Goal, Promise
from rekindle.relationships.vocabulary import FeedbackKind, MilestoneKind, PromiseState
from rekindle.workflows import cases, feedback, milestones, promises
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Person, Text, Title
from rekindle.workflows.deeds.lookup import party, written
from rekindle.workflows.deeds.table import Result, Verb


class MakePromise(Given):
    person: Person
    text: Line
    due_on: Day


class OnePromise(Given):
    promise: Number = Field(description="Number of the promise.")


class KeepPromise(OnePromise):
    outcome: Line = Field(default="", description="What was done.")
    told: bool = Field(default=False, description="Whether they have heard of it from us.")


class BreakPromise(KeepPromise):
    outcome: Line = Field(description="Why it was not kept.")


class AddMilestone(Given):
    person: Person
    kind: Annotated[MilestoneKind, Field(strict=False)]
    day: Annotated[int, Field(ge=1, le=31)] | None = None
    month: Annotated[int, Field(ge=1, le=12)] | None = None
    year: Annotated[int, Field(ge=1, le=9999)] | None = Field(
        default=None, description="Give as much of the date as is known."
    )
    title: Title = ""
    is_sensitive: bool = False
    may_remember: bool = Field(default=False, description="Whether they agreed to be reminded of it by us.")


class OneMilestone(Given):
    milestone: Number = Field(description="Number of the milestone.")


class AllowMilestone(OneMilestone):
    may_remember: bool


class SetGoal(Given):
    person: Person
    text: Line
    by_day: Day | None = None


class EndGoal(Given):
    goal: Number = Field(description="Number of the goal.")
    on: Day | None = Field(default=None, description="Today where left out.")


class OpenCase(Given):
    person: Person
    title: Title
    words: Text = Field(default="", description="What happened.")


class OneCase(Given):
    case: Number = Field(description="Number of the case.")


class SolveCase(OneCase):
    outcome: Line = Field(description="What was done.")


class GiveFeedback(Given):
    person: Person
    kind: Annotated[FeedbackKind, Field(strict=False)]
    score: Annotated[int, Field(ge=0, le=10)] | None = Field(
        default=None, description="CSAT 1 to 5, NPS 0 to 10, CES 1 to 7; none with words alone."
    )
    words: Text = ""


class CloseFeedback(Given):
    feedback: Number = Field(description="Number of the answer they gave.")
    answer: Line = Field(description="What we answered.")


def _make(given: MakePromise, by: User) -> Result:
    return _promise(promises.make(party(given.person), text=given.text, due_on=given.due_on, by=by))


def _promise(promise: Promise) -> Result:
    return {
        "promise": promise.pk,
        "state": promise.state,
        "due_on": promise.due_on.isoformat(),
        "answered_at": written(promise.answered_at),
        "told": promise.told_customer,
    }


def _answered(given: KeepPromise, by: User, *, state: PromiseState) -> Result:
    return _promise(promises.answer(given.promise, state=state, by=by, outcome=given.outcome, told=given.told))


def _keep(given: KeepPromise, by: User) -> Result:
    return _answered(given, by, state=PromiseState.KEPT)


def _break(given: BreakPromise, by: User) -> Result:
    return _answered(given, by, state=PromiseState.BROKEN)


def _release(given: KeepPromise, by: User) -> Result:
    return _answered(given, by, state=PromiseState.RELEASED)


def _tell(given: OnePromise, by: User) -> Result:
    return _promise(promises.tell(given.promise, by=by))


def _reopen_promise(given: OnePromise, by: User) -> Result:
    return _promise(promises.undo(given.promise, by=by))


def _add_milestone(given: AddMilestone, by: User) -> Result:
    on, precision = milestones.known_parts(day=given.day, month=given.month, year=given.year)
    kept = milestones.add(
        party(given.person),
        kind=given.kind,
        on=on,
        precision=precision,
        title=given.title,
        is_sensitive=given.is_sensitive,
        may_remember=given.may_remember,
        by=by,
    )
    return {"milestone": kept.pk, "precision": kept.precision, "may_remember": kept.may_remember}


def _allow_milestone(given: AllowMilestone, by: User) -> Result:
    kept = milestones.allow(given.milestone, may_remember=given.may_remember, by=by)
    return {"milestone": kept.pk, "may_remember": kept.may_remember}


def _remove_milestone(given: OneMilestone, by: User) -> Result:
    return {"person": milestones.remove(given.milestone, by=by)}


def _set_goal(given: SetGoal, by: User) -> Result:
    return _goal(cases.set_goal(party(given.person), text=given.text, by_day=given.by_day, by=by))


def _goal(goal: Goal) -> Result:
    return {
        "goal": goal.pk,
        "reached_on": goal.reached_on.isoformat() if goal.reached_on else None,
        "given_up_on": goal.given_up_on.isoformat() if goal.given_up_on else None,
    }


def _reach(given: EndGoal, by: User) -> Result:
    return _goal(cases.reach(given.goal, by=by, on=given.on))


def _give_up(given: EndGoal, by: User) -> Result:
    return _goal(cases.give_up(given.goal, by=by, on=given.on))


def _open_case(given: OpenCase, by: User) -> Result:
    return _case(cases.open_case(party(given.person), title=given.title, words=given.words, by=by))


def _case(case: Case) -> Result:
    return {"case": case.pk, "solved_at": written(case.solved_at)}


def _solve(given: SolveCase, by: User) -> Result:
    return _case(cases.solve(given.case, outcome=given.outcome, by=by))


def _reopen_case(given: OneCase, by: User) -> Result:
    return _case(cases.reopen(given.case, by=by))


def _give_feedback(given: GiveFeedback, by: User) -> Result:
    kept = feedback.give(party(given.person), kind=given.kind, score=given.score, words=given.words, by=by)
    return {"feedback": kept.pk, "is_bad": feedback.is_bad(kept)}


def _close_feedback(given: CloseFeedback, by: User) -> Result:
    kept = feedback.close(given.feedback, answer=given.answer, by=by)
    return {"feedback": kept.pk, "closed_at": written(kept.closed_at)}


VERBS: Final = (
    Verb("promise.make", "Promise somebody something by a day.", MakePromise, _make),
    Verb("promise.keep", "A promise was kept.", KeepPromise, _keep),
    Verb("promise.break", "A promise was not kept; it stays on their page.", BreakPromise, _break),
    Verb("promise.release", "They let us off a promise.", KeepPromise, _release),
    Verb("promise.tell", "They have heard from us what became of a promise.", OnePromise, _tell),
    Verb("promise.undo", "Take back today's answer to a promise; it is open again.", OnePromise, _reopen_promise),
    Verb("milestone.add", "Keep a day to remember, with as much of its date as is known.", AddMilestone,
         _add_milestone),
    Verb("milestone.allow", "Keep whether they want us to remember the day.", AllowMilestone, _allow_milestone),
    Verb("milestone.remove", "Forget a day, for good.", OneMilestone, _remove_milestone),
    Verb("goal.set", "Keep what somebody wants to reach, in their words.", SetGoal, _set_goal),
    Verb("goal.reach", "They got there.", EndGoal, _reach),
    Verb("goal.give_up", "They let a goal go.", EndGoal, _give_up),
    Verb("case.open", "Something went wrong or was asked for: open a case.", OpenCase, _open_case),
    Verb("case.solve", "Close a case with what was done.", SolveCase, _solve),
    Verb("case.reopen", "It was not solved after all: open a case again.", OneCase, _reopen_case),
    Verb("feedback.give", "Keep an answer about us, a figure on its scale or words.", GiveFeedback, _give_feedback),
    Verb("feedback.close", "Keep what we answered to feedback.", CloseFeedback, _close_feedback),
)  # fmt: skip
