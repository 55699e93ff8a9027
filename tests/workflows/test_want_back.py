"""Would we like them back: said with a reason, braked while it hurts, asked for when nobody says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from people_cast import ended, person, staff, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Breakup, Relationship, Task, WantBackDecision
from rekindle.relationships.vocabulary import Initiator, Stage, TaskState, WantBack
from rekindle.workflows import part, want_back
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def day(n: int) -> date:
    return business_day() + timedelta(days=n)


def left(by: User, *, ago: int, noticed: int | None = None, initiator: Initiator = Initiator.CUSTOMER) -> Relationship:
    relationship = person("Ben Okafor")
    told = Told(ended_on=day(-ago), noticed_on=day(-(ago if noticed is None else noticed)), initiator=initiator)
    part.record_end(relationship, by=by, told=told)
    return relationship


def test_nobody_has_said_is_undecided(dana: User) -> None:
    assert want_back.standing(left(dana, ago=3)).answer is WantBack.UNDECIDED
    assert want_back.standing(person()).answer is WantBack.UNDECIDED


def test_an_answer_keeps_who_why_and_when_to_look_again(dana: User) -> None:
    relationship = left(dana, ago=20)
    for _ in range(2):
        want_back.decide(
            relationship, answer=WantBack.MAYBE, reason="if the studio reopens", by=dana, review_on=day(60)
        )
    said = WantBackDecision.objects.get()
    assert (said.answer, said.decided_by, said.review_on) == ("maybe", dana, day(60))
    assert AuditEntry.objects.filter(verb="want_back.decided").count() == 1
    assert want_back.answers([relationship.pk, 999]) == {relationship.pk: WantBack.MAYBE}


@pytest.mark.parametrize(("ago", "is_braked"), [(0, True), (7, True), (8, False)])
def test_a_no_in_the_first_week_is_looked_at_again(dana: User, ago: int, is_braked: bool) -> None:
    said = want_back.decide(left(dana, ago=ago), answer=WantBack.NO, reason="good riddance", by=dana)
    assert said.review_on == (day(30) if is_braked else None)


def test_a_no_beside_a_second_person_stands(dana: User) -> None:
    relationship = left(dana, ago=1)
    with pytest.raises(Refused, match="two different people"):
        want_back.decide(relationship, answer=WantBack.NO, reason="rude to the team", by=dana, seconded_by=dana)
    said = want_back.decide(relationship, answer=WantBack.NO, reason="rude to the team", by=dana, seconded_by=staff())
    assert said.review_on is None


def test_the_brake_is_for_being_left_not_for_leaving(dana: User) -> None:
    relationship = left(dana, ago=1, initiator=Initiator.CIRCUMSTANCE)
    assert want_back.decide(relationship, answer=WantBack.NO, reason="moved", by=dana).review_on is None


def test_the_brake_holds_in_the_week_after_the_word_and_after_the_day(dana: User) -> None:
    end = Breakup(initiator="customer", noticed_on=day(-40), ended_on=day(-3))
    assert want_back.is_fresh(end, today=day(0))
    assert not want_back.is_fresh(end, today=day(-10))
    assert want_back.is_fresh(end, today=day(-35))


@pytest.mark.parametrize(
    ("answer", "reason", "review", "complaint"),
    [
        (WantBack.UNDECIDED, "because", None, "no answer"),
        (WantBack.YES, " ", None, "reason is missing"),
        (WantBack.MAYBE, "perhaps", None, "needs a day"),
        (WantBack.MAYBE, "perhaps", 0, "within the next year"),
        (WantBack.MAYBE, "perhaps", 400, "within the next year"),
    ],
)
def test_half_an_answer_is_refused(
    dana: User, answer: WantBack, reason: str, review: int | None, complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        want_back.decide(
            left(dana, ago=20), answer=answer, reason=reason, by=dana,
            review_on=None if review is None else day(review),
        )  # fmt: skip
    assert not WantBackDecision.objects.exists()


def test_without_an_end_there_is_nothing_to_decide(dana: User) -> None:
    with pytest.raises(Conflict, match="no end"):
        want_back.decide(person(), answer=WantBack.YES, reason="lovely", by=dana)
    with pytest.raises(Refused):
        want_back.decide(left(dana, ago=20), answer=WantBack.YES, reason="lovely", by=staff(Role.ANALYST))


def test_an_answer_about_an_earlier_end_does_not_count(dana: User) -> None:
    relationship = left(dana, ago=20)
    want_back.decide(relationship, answer=WantBack.YES, reason="lovely", by=dana)
    Relationship.objects.update(stage=Stage.PHOENIX.value)
    part.record_end(relationship, by=dana, told=Told(ended_on=day(0)))
    assert want_back.standing(relationship).answer is WantBack.UNDECIDED
    assert want_back.answers([relationship.pk]) == {}


@pytest.mark.parametrize(("ago", "reminds"), [(29, 0), (30, 1), (179, 1), (180, 0)])
def test_thirty_days_without_an_answer_ask_the_manager(dana: User, ago: int, reminds: int) -> None:
    manager = staff(Role.MANAGER)
    staff(Role.OWNER)
    left(dana, ago=ago)
    assert want_back.remind(business_day()) == reminds
    assert [one.owner for one in Task.objects.all()] == [manager] * reminds


def test_a_reminder_is_one_and_comes_back_only_until_it_is_answered(dana: User) -> None:
    relationship = left(dana, ago=40)
    assert [want_back.remind(business_day()) for _ in range(2)] == [1, 0]
    Task.objects.update(state=TaskState.WITHDRAWN.value, answer="the night found nothing to do any more")
    assert want_back.remind(business_day()) == 1
    assert Task.objects.count() == 1
    want_back.decide(relationship, answer=WantBack.YES, reason="lovely", by=dana)
    assert Task.objects.get().state == TaskState.DONE.value
    assert want_back.remind(business_day()) == 0


def test_another_waiting_suggestion_is_left_alone(dana: User) -> None:
    relationship = left(dana, ago=40)
    task(relationship)
    assert want_back.remind(business_day()) == 0


def test_a_maybe_is_brought_up_on_its_day(dana: User) -> None:
    relationship = left(dana, ago=20)
    want_back.decide(relationship, answer=WantBack.MAYBE, reason="after summer", by=dana, review_on=day(5))
    assert want_back.remind(day(4)) == 0
    assert want_back.remind(day(5)) == 1
    assert want_back.standing(relationship, today=day(5)).is_due


def test_an_answer_about_an_earlier_end_is_not_brought_up(dana: User) -> None:
    relationship = left(dana, ago=20)
    want_back.decide(relationship, answer=WantBack.MAYBE, reason="after summer", by=dana, review_on=day(5))
    Relationship.objects.update(stage=Stage.PHOENIX.value)
    part.record_end(relationship, by=dana, told=Told(ended_on=day(0)))
    assert want_back.remind(day(6)) == 0


def test_one_night_asks_about_a_few_newest_ends_only() -> None:
    for n in range(want_back.REMIND_AT_MOST + 3):
        ended(person(stage=Stage.BREAKUP), on=day(-31 - n))
    assert want_back.remind(business_day()) == want_back.REMIND_AT_MOST
