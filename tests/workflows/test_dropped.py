"""Past clients dropped in silence: whoever has a word, a plan, a decision or a wish against it is none of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import consents, ended, person, staff, suppressed, task

from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Refused
from rekindle.journal.models import Enrolment, Message, Playbook, PlaybookVersion
from rekindle.relationships.models import Note, Relationship, Task, WantBackDecision
from rekindle.relationships.vocabulary import Commercial, Contact, Stage, Suggestion, TaskState, Terms, WantBack
from rekindle.workflows import dropped, want_back
from rekindle.workflows.dropped import Missing
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db


def past(name: str = "Cleo Marsh", *, days: int = 500, terms: Terms = Terms.GOOD, **fields: Any) -> Relationship:
    """Somebody who left that long ago and lets us write by mail."""
    since = business_day() - timedelta(days=days)
    one = person(
        name, **{"stage": Stage.BREAKUP, "commercial": Commercial.ENDED, "since": since,
                 "email": f"{name.split()[0].lower()}@example.org", **fields}
    )  # fmt: skip
    Relationship.objects.filter(pk=one.pk).update(terms=terms.value)
    ended(one, on=since)
    consents(one, obtained=timezone.now() - timedelta(days=200))
    return one


def said(one: Relationship, answer: WantBack, *, review_in: int | None = None) -> None:
    review = business_day() + timedelta(days=review_in) if review_in is not None else None
    WantBackDecision.objects.create(
        relationship=one, answer=answer.value, reason="x", decided_by=staff(), review_on=review
    )


def found() -> dict[str, Missing]:
    rows, _next = dropped.page(limit=50)
    return {row.relationship.party.name: row.missing for row in rows}


def test_each_is_told_with_what_is_missing() -> None:
    past("Ada Never")
    said(past("Bea Wanted"), WantBack.YES)
    said(past("Cem Maybe"), WantBack.MAYBE, review_in=-1)

    assert found() == {"Ada Never": Missing.NEVER_ASKED, "Bea Wanted": Missing.WANTED, "Cem Maybe": Missing.MAYBE}
    counted, is_whole = dropped.counts()
    assert (counted, is_whole) == (dict.fromkeys(Missing, 1), True)


def test_a_year_is_the_border() -> None:
    past("Ada Border", days=365)
    past("Bea Fresh", days=364)

    assert list(found()) == ["Ada Border"]


def mailed(one: Relationship, *, days: int, state: str = "accepted") -> None:
    at = timezone.now() - timedelta(days=days)
    Message.objects.create(
        key=f"x{one.pk}", party=one.party, channel="email", touch_class="relationship", message_id=f"<x{one.pk}@x>",
        made_by="x", state=state, handed_at=at, final_at=at, expires_at=at + timedelta(days=1),
    )  # fmt: skip


def enrolled(one: Relationship) -> None:
    book = Playbook.objects.create(code="woo", family="woo")
    version = PlaybookVersion.objects.create(playbook=book, number=1, body={})
    Enrolment.objects.create(
        playbook=book, version=version, relationship=one, occurrence="x", state="active",
        due_at=timezone.now(), entered_at=timezone.now(),
    )  # fmt: skip


def done(one: Relationship) -> None:
    task(one, state=TaskState.DONE.value, answered_at=timezone.now() - timedelta(days=30))


NOT_DROPPED: dict[str, Callable[[Relationship], object]] = {
    "a mail this year": lambda one: mailed(one, days=364),
    "a task done this year": done,
    "a task is open": task,
    "a note of a talk": lambda one: Note.objects.create(relationship=one, text="x", by=staff()),
    "a plan": enrolled,
    "not wanted": lambda one: said(one, WantBack.NO),
    "maybe, later": lambda one: said(one, WantBack.MAYBE, review_in=0),
    "on the list of never again": lambda one: suppressed("cleo@example.org"),
    "no ground to write": lambda one: one.party.consents.all().delete(),
    "silence asked for": lambda one: Relationship.objects.filter(pk=one.pk).update(contact=Contact.SILENT.value),
    "sore": lambda one: Relationship.objects.filter(pk=one.pk).update(terms=Terms.SORE.value),
    "only presumed to have left": lambda one: Relationship.objects.filter(pk=one.pk).update(
        stage=Stage.PRESUMED_BREAKUP.value
    ),
    "an end that was taken back": lambda one: one.breakups.update(withdrawn_at=timezone.now()),
    "still with us": lambda one: Relationship.objects.filter(pk=one.pk).update(stage=Stage.ONGOING.value),
}


@pytest.mark.parametrize("why", list(NOT_DROPPED))
def test_who_is_not_dropped(why: str) -> None:
    one = past()
    assert found()

    NOT_DROPPED[why](one)

    assert found() == {}


def test_a_mail_longer_ago_or_one_that_never_left_is_no_word_of_ours() -> None:
    mailed(past("Ada Long"), days=366)
    mailed(past("Bea Held"), days=3, state="cancelled")

    assert set(found()) == {"Ada Long", "Bea Held"}


def test_pages_follow_each_other_without_a_gap() -> None:
    wanted = [past(f"P{n} Q").pk for n in range(5)]
    seen, after = [], 0
    for _turn in range(6):
        rows, following = dropped.page(after=after, limit=2)
        seen += [row.relationship.pk for row in rows]
        if following is None:
            break
        after = following

    assert seen == wanted


def test_asking_again_makes_one_question_each_for_who_looks_after_them() -> None:
    dana, gone = staff(name="Dana"), staff(name="Gone", is_active=False)
    ana, ben, busy = past("Ana A", owner=dana), past("Ben B", owner=gone), past("Cleo C")
    task(busy)
    numbers = [ana.pk, ben.pk, busy.pk, 0]

    assert dropped.ask_again(numbers, by=dana) == 2
    assert dropped.ask_again(numbers, by=dana) == 0

    made = Task.objects.filter(suggestion=Suggestion.NOTHING.value).order_by("relationship")
    assert [(one.relationship, one.owner) for one in made] == [(ana, dana), (ben, None)]
    assert found() == {}


def test_the_question_can_be_answered_where_ends_are_decided_and_then_it_is_done() -> None:
    dana = staff(Role.MANAGER)
    one = past(owner=dana)
    dropped.ask_again([one.pk], by=dana)

    want_back.decide(one, answer=WantBack.YES, reason="A good guest", by=dana)

    assert Task.objects.get().state == TaskState.DONE.value


def test_nobody_too_many_and_readers_are_refused() -> None:
    with pytest.raises(BadInput, match="0 people"):
        dropped.ask_again([], by=staff())
    with pytest.raises(BadInput, match="201 people"):
        dropped.ask_again(range(201), by=staff())
    with pytest.raises(Refused):
        dropped.ask_again([1], by=staff(Role.ANALYST))


def test_a_page_asks_equally_often_whatever_the_number(django_assert_max_num_queries: Any) -> None:
    for n in range(12):
        past(f"P{n} Q")

    with django_assert_max_num_queries(30):
        assert len(dropped.page(limit=50)[0]) == 12
