"""The days that come, what is planned, and a card for one of them: on paper, by hand, or nothing this year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from chaos.letters import NOON
from people_cast import ended, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import Message, MessageState
from rekindle.relationships.models import Episode, Milestone, Party, Relationship, Task
from rekindle.relationships.vocabulary import (
    Channel,
    Commercial,
    MilestoneKind,
    Stage,
    Suggestion,
    TaskState,
    TouchClass,
)
from rekindle.workflows import milestone_cards
from rekindle.workflows.milestone_cards import Proposed, coming, proposed
from rekindle.workflows.outbox.put import Words, put
from rekindle.workflows.paper import print_run, queue
from rekindle.workflows.today import today

Someone = Callable[..., Relationship]
TODAY = NOON.date()


def came(one: Relationship, *, on: date) -> None:
    Episode.objects.create(relationship=one, number=1, began_on=on, last_seen_on=TODAY, pulses=9)


def birthday(one: Relationship, *, on: date, **fields: Any) -> Milestone:
    given = {"kind": MilestoneKind.BIRTHDAY.value, "precision": "month_day", "may_remember": True, **fields}
    return Milestone.objects.create(party=one.party, on=on, **given)


def card(one: Relationship, milestone: Milestone, on: date, by: User, **words: str) -> Proposed:
    return proposed(one.party, kind=MilestoneKind(milestone.kind), milestone=milestone.pk, on=on, by=by, **words)


@pytest.fixture
def cleo(someone: Someone) -> Relationship:
    return someone()


def test_round_years_and_told_days_come_of_those_who_left_too(someone: Someone) -> None:
    stays, left, odd = someone("Ana Weber"), someone("Cleo Marchetti", commercial=Commercial.ENDED), someone("Odd")
    ended(left, on=TODAY - timedelta(days=400))
    came(stays, on=date(2016, 3, 20))
    came(left, on=date(2001, 3, 21))
    came(odd, on=date(2023, 3, 20))
    birthday(odd, on=date(1904, 4, 1))
    rows, days = coming(from_day=TODAY)
    assert days == 60
    assert [(row.day.name, row.day.years, row.has_left) for row in rows] == [
        ("Ana Weber", 10, False), ("Cleo Marchetti", 25, True), ("Odd", None, False),
    ]  # fmt: skip
    assert {row.day.name for row in coming(from_day=TODAY, every_year=True)[0]} == {
        "Ana Weber",
        "Cleo Marchetti",
        "Odd",
    }
    assert len(coming(from_day=TODAY, every_year=True)[0]) == 4


def test_who_died_or_did_not_agree_is_not_in_the_list(someone: Someone) -> None:
    died, silent = someone("Dov"), someone("Eve")
    birthday(died, on=date(1904, 3, 20))
    Party.objects.filter(pk=died.party_id).update(deceased_on=TODAY)
    birthday(silent, on=date(1904, 3, 20), may_remember=False)
    assert coming(from_day=TODAY)[0] == []


def test_a_card_is_queued_for_its_print_day_once_and_the_list_says_so(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    told = birthday(cleo, on=on.replace(year=1904))
    one = card(cleo, told, on, dana)
    assert one.answer.allowed
    assert one.address.startswith("Cleo Marchetti\n12 Elm Road")
    assert "Dana Frey" in one.text
    first, second = milestone_cards.on_paper(one, by=dana), milestone_cards.on_paper(one, by=dana)
    assert first.pk == second.pk
    london = ZoneInfo("Europe/London")
    assert first.not_before.astimezone(london) == datetime(2026, 4, 1, tzinfo=london)
    assert first.expires_at.astimezone(london) == datetime(2026, 4, 8, tzinfo=london)
    [row] = coming(from_day=TODAY)[0]
    assert (row.planned, row.message) == ("queued", first.pk)


def test_a_card_queued_here_goes_through_the_gate_and_is_printed(
    cleo: Relationship, dana: User, noon: Callable[[datetime], None]
) -> None:
    on = TODAY + timedelta(days=30)
    message = milestone_cards.on_paper(card(cleo, birthday(cleo, on=on.replace(year=1904)), on, dana), by=dana)
    noon(NOON + timedelta(days=21))
    run = print_run.print_these([message.pk], by=dana)
    assert run.letters == 1, Message.objects.get(pk=message.pk).last_error
    assert coming(from_day=TODAY + timedelta(days=21))[0][0].planned == "printed"


def test_somebody_who_left_is_told_that_it_is_no_mistake_and_the_card_is_printed(someone: Someone, dana: User) -> None:
    left = someone(commercial=Commercial.ENDED, stage=Stage.OLD_FRIENDS)
    ended(left, on=TODAY - timedelta(days=400))
    on = TODAY + timedelta(days=9)
    came(left, on=on.replace(year=2001))
    one = proposed(left.party, kind=MilestoneKind.FIRST_DAY, milestone=None, on=on, by=dana)
    assert one.front == "25 years"
    assert "no longer a customer" in one.text
    assert one.findings == ()


@pytest.mark.parametrize(("days", "planned"), [(20, "playbook"), (21, "")])
def test_what_a_playbook_writes_near_the_day_is_shown(cleo: Relationship, days: int, planned: str) -> None:
    on = TODAY + timedelta(days=40)
    birthday(cleo, on=on.replace(year=1904))
    begins = datetime.combine(on, datetime.min.time(), tzinfo=ZoneInfo("Europe/London"))
    put(
        cleo.party, Words("x", "x"), key="x", touch_class=TouchClass.RELATIONSHIP, made_by="playbook:milestones:1",
        channel=Channel.LETTER, recipient="x", not_before=begins - timedelta(days=days), expires_at=begins,
    )  # fmt: skip
    assert coming(from_day=TODAY)[0][0].planned == planned


def test_words_that_sell_are_not_printed(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    told = birthday(cleo, on=on.replace(year=1904))
    one = card(cleo, told, on, dana, text="Happy day! Today 20 % off, only € 9.\n\nDana Frey")
    assert not one.may_be_written
    for act in (milestone_cards.on_paper, milestone_cards.by_hand):
        with pytest.raises(BadInput, match="It sells"):
            act(one, by=dana)


@pytest.mark.parametrize(("days", "may"), [(2, False), (3, False), (4, True)])
def test_it_is_too_late_for_the_post_three_days_before(cleo: Relationship, dana: User, days: int, may: bool) -> None:
    on = TODAY + timedelta(days=days)
    one = card(cleo, birthday(cleo, on=on.replace(year=1904)), on, dana)
    assert one.may_be_printed is may
    if not may:
        with pytest.raises(BadInput, match="too late for the post"):
            milestone_cards.on_paper(one, by=dana)
    milestone_cards.by_hand(one, by=dana)


def test_without_an_address_it_is_not_printed_and_by_hand_it_is_a_task_with_the_words(
    someone: Someone, dana: User
) -> None:
    one = someone("王小明")
    on = TODAY + timedelta(days=30)
    found = card(one, birthday(one, on=on.replace(year=1904)), on, dana)
    assert "cannot draw" in found.lacks
    with pytest.raises(BadInput, match="cannot draw"):
        milestone_cards.on_paper(found, by=dana)
    task = milestone_cards.by_hand(found, by=dana)
    assert (task.suggestion, task.opening_line) == (Suggestion.CARD.value, found.text)
    assert task.due_on == on - queue.LEAD
    assert [shown.task for shown in today(as_of=on)] == [task.pk]
    assert coming(from_day=TODAY)[0][0].planned == "hand"
    with pytest.raises(Conflict, match="something to do"):
        milestone_cards.by_hand(found, by=dana)


def test_nothing_this_year_is_kept_and_nothing_is_suggested(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    one = card(cleo, birthday(cleo, on=on.replace(year=1904)), on, dana)
    milestone_cards.nothing(one, by=dana)
    assert coming(from_day=TODAY)[0][0].planned == "nothing"
    assert Task.objects.get().state == TaskState.NOT_APPROPRIATE
    assert today(as_of=on) == []


def test_nothing_this_year_does_not_hide_a_card_in_the_queue(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    one = card(cleo, birthday(cleo, on=on.replace(year=1904)), on, dana)
    milestone_cards.on_paper(one, by=dana)
    with pytest.raises(Conflict, match="in the print queue"):
        milestone_cards.nothing(one, by=dana)


def test_a_day_that_does_not_fall_or_may_not_be_remembered_has_no_card(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    told = birthday(cleo, on=on.replace(year=1904))
    with pytest.raises(NotFound):
        card(cleo, told, on + timedelta(days=1), dana)
    Milestone.objects.update(may_remember=False)
    with pytest.raises(NotFound):
        card(cleo, told, on, dana)


def test_within_the_quiet_nothing_is_planned(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    told = birthday(cleo, on=on.replace(year=1904))
    Relationship.objects.update(commercial=Commercial.ENDED.value, stage=Stage.COOLING_OFF.value)
    ended(cleo, on=TODAY - timedelta(days=41))
    one = card(cleo, told, on, dana)
    assert not one.answer.allowed
    with pytest.raises(BadInput):
        milestone_cards.on_paper(one, by=dana)
    assert not Message.objects.exists()


def test_who_reads_only_decides_nothing(cleo: Relationship, dana: User) -> None:
    on = TODAY + timedelta(days=30)
    one = card(cleo, birthday(cleo, on=on.replace(year=1904)), on, dana)
    for act in (milestone_cards.on_paper, milestone_cards.by_hand, milestone_cards.nothing):
        with pytest.raises(Refused):
            act(one, by=staff(Role.ANALYST))
    assert not Message.objects.filter(state=MessageState.QUEUED.value).exists()


def test_the_list_asks_as_often_for_many_as_for_one(someone: Someone, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        birthday(someone(f"Person {number}"), on=date(1904, 3, 20))
    with django_assert_max_num_queries(12):
        assert len(coming(from_day=TODAY)[0]) == 30
