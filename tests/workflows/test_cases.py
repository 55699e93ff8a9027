"""Cases are open until solved; goals are reached or given up, not both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Case, Goal
from rekindle.workflows import cases
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana() -> User:
    return staff()


def test_a_case_is_open_until_it_says_what_was_done(dana: User) -> None:
    case = cases.open_case(person().party, title="charged twice", words="again!", by=dana)
    assert case.solved_at is None
    with pytest.raises(BadInput, match="what was done"):
        cases.solve(case.pk, outcome=" ", by=dana)
    solved = cases.solve(case.pk, outcome="paid back", by=dana)
    assert solved.solved_at is not None
    assert cases.solve(case.pk, outcome="something else", by=dana).outcome == "paid back"


def test_a_case_may_turn_out_not_to_be_solved(dana: User) -> None:
    case = cases.open_case(person().party, title="charged twice", by=dana)
    cases.solve(case.pk, outcome="paid back", by=dana)
    again = cases.reopen(case.pk, by=dana)
    assert (again.solved_at, again.outcome) == (None, "")
    cases.reopen(case.pk, by=dana)
    verbs = list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["case.opened", "case.solved", "case.reopened"]


def test_a_double_click_opens_one_case(dana: User) -> None:
    party = person().party
    assert cases.open_case(party, title="lost key", by=dana) == cases.open_case(party, title="lost key", by=dana)


def test_a_goal_is_kept_once_with_or_without_a_day(dana: User) -> None:
    party = person().party
    goal = cases.set_goal(party, text="run ten kilometres", by=dana)
    assert goal.by_day is None
    assert cases.set_goal(party, text="run ten kilometres", by=dana, by_day=business_day()) == goal
    with pytest.raises(BadInput):
        cases.set_goal(party, text="swim", by=dana, by_day=business_day() - timedelta(days=1))


def test_a_goal_reached_is_not_given_up_and_the_other_way_round(dana: User) -> None:
    party = person().party
    reached = cases.reach(cases.set_goal(party, text="run", by=dana).pk, by=dana)
    assert reached.reached_on == business_day()
    assert cases.reach(reached.pk, by=dana, on=business_day() - timedelta(days=3)).reached_on == business_day()
    with pytest.raises(Conflict, match="reached"):
        cases.give_up(reached.pk, by=dana)
    gone = cases.give_up(cases.set_goal(party, text="swim", by=dana).pk, by=dana)
    with pytest.raises(Conflict, match="given up"):
        cases.reach(gone.pk, by=dana)


def test_nothing_is_reached_tomorrow(dana: User) -> None:
    goal = cases.set_goal(person().party, text="run", by=dana)
    with pytest.raises(BadInput, match="not come yet"):
        cases.reach(goal.pk, by=dana, on=business_day() + timedelta(days=1))


def test_who_reads_only_and_numbers_of_nothing_change_nothing(dana: User) -> None:
    reader, party = staff(Role.ANALYST), person().party
    for act in (
        lambda: cases.open_case(party, title="x", by=reader),
        lambda: cases.solve(1, outcome="x", by=reader),
        lambda: cases.reopen(1, by=reader),
        lambda: cases.set_goal(party, text="x", by=reader),
        lambda: cases.reach(1, by=reader),
    ):
        with pytest.raises(Refused):
            act()
    for act in (lambda: cases.solve(99, outcome="x", by=dana), lambda: cases.give_up(99, by=dana)):
        with pytest.raises(NotFound):
            act()
    assert not Case.objects.exists()
    assert not Goal.objects.exists()
