"""Deeds of talking and looking back: the exit interview, the yearly review."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.interview_queries import interview_of
from rekindle.relationships.models import ExitInterview, Review
from rekindle.relationships.vocabulary import ExitGround, InterviewMode, ReviewAnswer
from rekindle.workflows import interviews, reviews
from rekindle.workflows.deeds.given import Day, Given, Line, Number, Text, Title
from rekindle.workflows.deeds.lookup import end as end_of
from rekindle.workflows.deeds.lookup import written
from rekindle.workflows.deeds.table import Result, Verb


class BeginInterview(Given):
    end: Number = Field(description="Number of the end.")
    mode: Annotated[InterviewMode, Field(strict=False)] = InterviewMode.STAFF
    script: Title = Field(default="", description="Code of the questions; the usual ones where left out.")


class OneInterview(Given):
    interview: Number = Field(description="Number of the interview.")


class OneQuestion(OneInterview):
    code: Title = Field(description="Code of the question.")


class KeepInTouch(Given):
    """The answer to how they would like to hear from us, as far as they said."""

    not_at_all: bool = False
    channels: dict[Title, Literal["yes", "no"]] = {}
    topics: list[Title] = []
    often: Title = ""
    through: Number | None = None
    not_before: Day | None = None


class AnswerQuestion(OneQuestion):
    text: Text = Field(default="", description="Words, a day or a month, or the code of the one answer chosen.")
    several: list[Title] = Field(default=[], max_length=40, description="Codes, where several may be chosen.")
    touch: KeepInTouch | None = Field(default=None, description="The keep-in-touch answer.")


class AnswerReview(Given):
    review: Number = Field(description="Number of the review.")
    answer: Annotated[ReviewAnswer, Field(strict=False)]
    minutes: Text = Field(default="", description="Why, as it may be read years later; only keep goes without.")
    next_on: Day | None = Field(default=None, description="When it is looked at again; the usual day where left out.")
    promise: Line = Field(default="", description="For mend: what we promise them.")
    promise_on: Day | None = None
    ground: Annotated[ExitGround | None, Field(strict=False)] = Field(
        default=None, description="For let_go and close: why we think of ending it."
    )


class OneReview(Given):
    review: Number = Field(description="Number of the review.")


class PutOff(OneReview):
    until: Day


def _interview(number: int) -> ExitInterview:
    found = interview_of(number)
    if found is None:
        raise NotFound(f"there is no interview {number}", remedy="Look at the person again.")
    return found


def _told(interview: ExitInterview, by: User) -> Result:
    is_over = interview.completed_at is not None or interview.declined_at is not None
    following = None if is_over else interviews.next_question(interview, by=by)
    return {
        "interview": interview.pk,
        "script": interview.script,
        "next": following.code if following else None,
        "completed_at": written(interview.completed_at),
        "declined_at": written(interview.declined_at),
    }


def _begin(given: BeginInterview, by: User) -> Result:
    return _told(interviews.begin(end_of(given.end), mode=given.mode, by=by, script=given.script), by)


def _answer(given: AnswerQuestion, by: User) -> Result:
    said: list[Any] = [one for one in (given.text, given.several) if one]
    if given.touch is not None:
        touch = given.touch.model_dump(exclude_defaults=True)
        if given.touch.not_before is not None:
            touch["not_before"] = given.touch.not_before.isoformat()
        said.append(touch)
    if len(said) != 1:
        raise BadInput("an answer is one of text, several and touch", where="text", remedy="Give exactly one.")
    return _told(interviews.answer(_interview(given.interview), code=given.code, value=said[0], by=by), by)


def _skip(given: OneQuestion, by: User) -> Result:
    return _told(interviews.skip(_interview(given.interview), code=given.code, by=by), by)


def _complete(given: OneInterview, by: User) -> Result:
    return _told(interviews.complete(_interview(given.interview), by=by), by)


def _decline(given: OneInterview, by: User) -> Result:
    return _told(interviews.decline(_interview(given.interview), by=by), by)


def _answer_review(given: AnswerReview, by: User) -> Result:
    decided = reviews.Decided(
        answer=given.answer,
        minutes=given.minutes,
        next_on=given.next_on,
        promise=given.promise,
        promise_on=given.promise_on,
        ground=given.ground,
    )
    return _review(reviews.answer(given.review, decided=decided, by=by))


def _review(review: Review) -> Result:
    return {
        "review": review.pk,
        "answer": review.answer or None,
        "due_on": review.due_on.isoformat(),
        "next_on": review.next_on.isoformat() if review.next_on else None,
    }


def _put_off(given: PutOff, by: User) -> Result:
    return _review(reviews.put_off(given.review, until=given.until, by=by))


def _undo_review(given: OneReview, by: User) -> Result:
    return _review(reviews.undo(given.review, by=by))


VERBS: Final = (
    Verb("interview.begin", "Begin the interview about an end, or hand the pen to the other side.", BeginInterview,
         _begin),
    Verb("interview.answer", "Keep one answer; the result names the next question.", AnswerQuestion, _answer),
    Verb("interview.skip", "Leave one question out.", OneQuestion, _skip),
    Verb("interview.complete", "Finish with what there is: the answers become what they say.", OneInterview,
         _complete),
    Verb("interview.decline", "They would rather not; nobody asks again.", OneInterview, _decline),
    Verb("review.answer", "Answer the yearly look at a relationship.", AnswerReview, _answer_review),
    Verb("review.put_off", "Look at a relationship on a later day.", PutOff, _put_off),
    Verb("review.undo", "Take back today's answer to a review.", OneReview, _undo_review),
)  # fmt: skip
