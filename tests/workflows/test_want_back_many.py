"""One answer about many old ends: only where nobody has spoken yet, and never while it hurts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from people_cast import person, staff, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Refused
from rekindle.journal.models import AuditEntry, Outlook
from rekindle.relationships.models import Episode, Relationship, Task, WantBackDecision
from rekindle.relationships.vocabulary import Initiator, Stage, Suggestion, TaskState, WantBack
from rekindle.workflows import coverage, demo_decisions, part, want_back, want_back_many
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def nora() -> User:
    return staff(Role.MANAGER)


def day(n: int) -> date:
    return business_day() + timedelta(days=n)


def left(by: User, *, ago: int, name: str = "Ben Okafor") -> Relationship:
    relationship = person(name)
    part.record_end(
        relationship, by=by, told=Told(ended_on=day(-ago), noticed_on=day(-ago), initiator=Initiator.CUSTOMER)
    )
    return relationship


def test_each_gets_the_answer_and_one_entry_names_them_all(nora: User) -> None:
    some = [left(nora, ago=400).pk for _ in range(3)]
    kept = want_back_many.decide_many(
        some, answer=WantBack.MAYBE, reason="ask the trainers", by=nora, review_on=day(60)
    )
    assert kept == sorted(some)
    said = WantBackDecision.objects.order_by("relationship")
    assert {(one.answer, one.reason, one.decided_by, one.review_on) for one in said} == {
        ("maybe", "ask the trainers", nora, day(60))
    }
    entry = AuditEntry.objects.get(verb="want_back.decided_many")
    assert entry.details == {"answer": "maybe", "review_on": day(60).isoformat(), "relationships": sorted(some)}
    assert want_back.answers(some) == dict.fromkeys(some, WantBack.MAYBE)


def test_a_word_about_one_stays_and_again_changes_nothing(nora: User) -> None:
    one, other = left(nora, ago=400), left(nora, ago=300)
    want_back.decide(one, answer=WantBack.YES, reason="a friend of the house", by=nora)
    both = [one.pk, other.pk]
    assert want_back_many.decide_many(both, answer=WantBack.NO, reason="long ago", by=nora) == [other.pk]
    assert want_back_many.decide_many(both, answer=WantBack.NO, reason="long ago", by=nora) == []
    assert want_back.answers(both) == {one.pk: WantBack.YES, other.pk: WantBack.NO}
    assert AuditEntry.objects.filter(verb="want_back.decided_many").count() == 1


@pytest.mark.parametrize(("ago", "is_left_out"), [(0, True), (7, True), (8, False)])
def test_a_no_leaves_out_whoever_left_within_the_week(nora: User, ago: int, is_left_out: bool) -> None:
    end = left(nora, ago=ago)
    kept = want_back_many.decide_many([end.pk], answer=WantBack.NO, reason="rude", by=nora)
    assert kept == ([] if is_left_out else [end.pk])


def test_a_yes_needs_no_brake(nora: User) -> None:
    end = left(nora, ago=1)
    assert want_back_many.decide_many([end.pk], answer=WantBack.YES, reason="dear to us", by=nora) == [end.pk]


def test_who_lives_on_came_back_or_is_closed_is_left_out(nora: User) -> None:
    here, closed, back = person("Ana Weber"), left(nora, ago=300), left(nora, ago=200)
    Relationship.objects.filter(pk=closed.pk).update(stage=Stage.CLOSED.value)
    Episode.objects.create(relationship=back, number=9, began_on=day(-20), last_seen_on=day(-1), pulses=3)
    found = want_back_many.decide_many(
        [here.pk, closed.pk, back.pk, 999_999], answer=WantBack.NO, reason="long ago", by=nora
    )
    assert found == []
    assert not WantBackDecision.objects.exists()
    assert not AuditEntry.objects.filter(verb="want_back.decided_many").exists()


def test_the_reminder_is_answered_and_another_task_is_not(nora: User) -> None:
    reminded, called = left(nora, ago=100), left(nora, ago=100)
    task(reminded, suggestion=Suggestion.NOTHING.value)
    task(called, suggestion=Suggestion.CALL.value)
    want_back_many.decide_many([reminded.pk, called.pk], answer=WantBack.NO, reason="long ago", by=nora)
    states = dict(Task.objects.values_list("relationship_id", "state"))
    assert states == {reminded.pk: TaskState.DONE.value, called.pk: TaskState.OPEN.value}


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"reason": "  "}, BadInput, "reason"), ({"answer": WantBack.UNDECIDED}, BadInput, "yes, maybe or no"),
        ({"answer": WantBack.MAYBE}, BadInput, "needs a day"),
        ({"answer": WantBack.MAYBE, "review_on": date(2020, 1, 1)}, BadInput, "day to look again"),
    ],
)  # fmt: skip
def test_what_will_not_do_is_refused_and_nothing_is_kept(
    said: dict[str, Any], error: type[Exception], words: str, nora: User
) -> None:
    some = [left(nora, ago=400).pk]
    with pytest.raises(error, match=words):
        want_back_many.decide_many(some, **{"answer": WantBack.NO, "reason": "long ago", "by": nora, **said})
    assert not WantBackDecision.objects.exists()


def test_an_analyst_decides_nothing_and_nobody_decides_about_too_many(nora: User) -> None:
    with pytest.raises(Refused):
        want_back_many.decide_many([1], answer=WantBack.NO, reason="x", by=staff(Role.ANALYST))
    with pytest.raises(BadInput, match="up to 1,000"):
        want_back_many.decide_many(range(1001), answer=WantBack.NO, reason="x", by=nora)


def test_a_hundred_cost_as_many_questions_as_ten(nora: User, django_assert_max_num_queries: Any) -> None:
    some = [left(nora, ago=400).pk for _ in range(40)]
    for part_of in (some[:4], some[4:]):
        with django_assert_max_num_queries(14):
            want_back_many.decide_many(part_of, answer=WantBack.NO, reason="long ago", by=nora)


def test_the_demo_leaves_a_handful_in_nobodys_hands(nora: User) -> None:
    ends = [left(nora, ago=400, name=f"Person {number}") for number in range(20)]
    Relationship.objects.update(stage=Stage.BREAKUP.value, stage_since=day(-300))
    for place, end in enumerate(ends):
        Outlook.objects.create(
            relationship=end,
            as_of=day(-1),
            horizon_days=180,
            value_horizon_days=730,
            spent_minor=10_000 * place,
            currency="EUR",
        )
    assert coverage.counts()["places"]["nobody"] == 20
    demo_decisions.work(nora=nora, today=business_day())
    assert coverage.counts()["places"]["nobody"] == demo_decisions.FOR_A_TALK
    said = want_back.answers([end.pk for end in ends])
    # The worthiest are left for a talk; of the others, who spent much is looked at again.
    assert [said.get(end.pk) for end in ends] == [WantBack.NO] * 6 + [WantBack.MAYBE] * 8 + [None] * 6
