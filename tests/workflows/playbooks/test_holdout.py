"""A part of those who would enter is left alone: drawn once, kept for good, and nobody reaches them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from chaos.letters import write
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import NOW, consents, staff
from playbook_cast import OTHER_WOO, left, woo

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.decide.eligibility import Rule
from rekindle.decide.gate_rules import OF_OUR_OWN
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import Arm, Assignment, AuditEntry, Enrolment, Holdout, Message, MessageState
from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import forget, merge
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.outbox import worker
from rekindle.workflows.playbooks import dry_run, enter, holdout
from rekindle.workflows.playbooks.enter import Entry
from rekindle.workflows.why_not import ask, business_zone

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[int, Arm]:
    """Chance, as a test wants it: the arm of each party by its number; nobody named is treated."""
    found: dict[int, Arm] = {}
    monkeypatch.setattr(holdout, "arm_of", lambda _salt, party, _share: found.get(party, Arm.TREATED))
    return found


def begun(by: User, code: str = "woo", *, days: int = 180) -> Holdout:
    return holdout.begin(code, share=0.2, days=days, by=by)


def left_alone(manager: User, drawn: dict[int, Arm], *, days: int = 180) -> Relationship:
    """Somebody who would have entered and was drawn to be left alone."""
    one, row = left("Ben Okafor", manager), woo(manager)
    drawn[one.party_id] = Arm.HELD_OUT
    begun(manager, days=days)
    enter.enter(row, at=NOW)
    return one


def test_everybody_is_drawn_as_they_enter_and_only_the_others_go_on(
    manager: User, plain: object, drawn: dict[int, Arm]
) -> None:
    ben, cleo = left("Ben Okafor", manager), left("Cleo Marchetti", manager)
    row = woo(manager)
    begun(manager)
    drawn[ben.party_id] = Arm.HELD_OUT

    assert enter.enter(row, at=NOW) == {Entry.ENTERS: 1, Entry.HOLDOUT: 1}

    assert list(Enrolment.objects.values_list("relationship", flat=True)) == [cleo.pk]
    arms = dict(Assignment.objects.values_list("party", "arm"))
    assert arms == {ben.party_id: Arm.HELD_OUT.value, cleo.party_id: Arm.TREATED.value}
    assert enter.enter(row, at=NOW + DAY) == {Entry.ALREADY: 1, Entry.HOLDOUT: 1}
    assert Assignment.objects.count() == 2


def test_without_a_question_nobody_is_drawn(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    assert enter.enter(woo(manager), at=NOW) == {Entry.ENTERS: 1}
    assert not Assignment.objects.exists()


def test_the_dry_run_tells_who_is_left_alone(manager: User, plain: object, drawn: dict[int, Arm]) -> None:
    left_alone(manager, drawn)
    row = Holdout.objects.get().playbook
    assert dry_run.dry_run(enter.books.plan(row.current), at=NOW, playbook=row).counts == {Entry.HOLDOUT: 1}


def test_chance_alone_decides_and_always_the_same() -> None:
    arms = [holdout.arm_of("salt", party, 0.2) for party in range(20_000)]
    assert arms == [holdout.arm_of("salt", party, 0.2) for party in range(20_000)]
    assert arms.count(Arm.HELD_OUT) == pytest.approx(4_000, abs=200)
    other = [holdout.arm_of("another", party, 0.2) for party in range(20_000)]
    both = sum(one is two is Arm.HELD_OUT for one, two in zip(arms, other, strict=True))
    assert both == pytest.approx(800, abs=120)  # another salt draws other people


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.floats(0.01, 0.5), st.integers(1, 10**9))
def test_a_larger_share_leaves_the_same_people_alone_and_more(share: float, party: int) -> None:
    if holdout.arm_of("salt", party, share) is Arm.HELD_OUT:
        assert holdout.arm_of("salt", party, 0.5) is Arm.HELD_OUT


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("touch_class", sorted(OF_OUR_OWN))
def test_nothing_of_our_own_accord_reaches_them_by_any_road(
    manager: User, plain: object, drawn: dict[int, Arm], touch_class: TouchClass, channel: Channel
) -> None:
    one = left_alone(manager, drawn)
    consents(one, channel=channel, purpose=touch_class) if (channel, touch_class) != (
        Channel.EMAIL, TouchClass.RELATIONSHIP,
    ) else None  # fmt: skip
    known = facts([one.party_id], at=NOW + DAY)
    assert known.people["holdout"].to_pylist() == [True]
    answer = ask(known, touch_class=touch_class, channel=channel, at=NOW + DAY, zone=business_zone())
    assert not answer.allowed
    lifted = facts([one.party_id], at=NOW + 181 * DAY)
    assert lifted.people["holdout"].to_pylist() == [False]


def test_the_last_metre_asks_too_and_what_is_owed_goes(manager: User, plain: object, drawn: dict[int, Arm]) -> None:
    one = left_alone(manager, drawn)
    now = timezone.now()
    Assignment.objects.update(assigned_at=now, until=now + 180 * DAY)
    ours = write(one)
    owed = write(one, "letter:owed", touch_class=TouchClass.LEGAL)
    worker.run_once()
    states = dict(Message.objects.values_list("pk", "state"))
    assert states[ours.pk] == MessageState.CANCELLED
    assert Message.objects.get(pk=ours.pk).gate["rule"] == Rule.HOLDOUT.value
    assert states[owed.pk] == MessageState.KEPT


def test_no_other_plan_takes_them_in_nor_does_a_colleague(manager: User, plain: object, drawn: dict[int, Arm]) -> None:
    one = left_alone(manager, drawn)
    other = woo(manager, OTHER_WOO.replace("family: woo\n", ""))
    assert enter.enter(other, at=NOW) == {Entry.HOLDOUT: 1}
    with pytest.raises(Conflict, match="left alone"):
        enter.by_hand(one, "woo", by=manager, at=NOW)


def test_a_human_may_let_somebody_go_with_a_reason(manager: User, plain: object, drawn: dict[int, Arm]) -> None:
    left_alone(manager, drawn)
    now = timezone.now()
    Assignment.objects.update(assigned_at=now, until=now + 180 * DAY)
    number = Assignment.objects.get().pk
    with pytest.raises(BadInput, match="no reason"):
        holdout.lift(number, why="  ", by=manager)
    with pytest.raises(Refused):
        holdout.lift(number, why="a funeral", by=staff(Role.ANALYST))
    row = holdout.lift(number, why="a funeral in the family", by=manager)
    assert row.arm == Arm.HELD_OUT.value  # they still count as they were drawn
    assert facts([row.party_id], at=now).people["holdout"].to_pylist() == [False]
    assert AuditEntry.objects.filter(verb="holdout.lifted").exists()
    with pytest.raises(Conflict):
        holdout.lift(number, why="again", by=manager)
    with pytest.raises(NotFound):
        holdout.lift(number + 1, why="nobody", by=manager)


def test_ended_nobody_is_drawn_and_who_is_left_alone_stays_so(
    manager: User, plain: object, drawn: dict[int, Arm]
) -> None:
    one = left_alone(manager, drawn)
    holdout.finish("woo", by=manager)
    left("Dora Vogel", manager)
    assert enter.enter(Holdout.objects.get().playbook, at=NOW + DAY) == {Entry.ENTERS: 1, Entry.HOLDOUT: 1}
    assert Assignment.objects.count() == 1
    assert facts([one.party_id], at=NOW + DAY).people["holdout"].to_pylist() == [True]
    with pytest.raises(Conflict):
        holdout.finish("woo", by=manager)


def test_a_second_question_waits_for_the_first(manager: User, plain: object) -> None:
    woo(manager)
    begun(manager)
    with pytest.raises(Conflict, match="already"):
        begun(manager)
    holdout.finish("woo", by=manager)
    begun(manager)
    assert Holdout.objects.count() == 2


@pytest.mark.parametrize(("share", "days"), [(0.0, 90), (0.51, 90), (-1.0, 90), (0.1, 0), (0.1, 731)])
def test_what_cannot_be_asked_is_refused(manager: User, plain: object, share: float, days: int) -> None:
    woo(manager)
    with pytest.raises(BadInput):
        holdout.begin("woo", share=share, days=days, by=manager)
    with pytest.raises(Refused):
        holdout.begin("woo", share=0.1, days=90, by=staff(Role.AGENT))


@pytest.mark.parametrize("which", ["keep", "gone", "both"])
def test_two_records_of_one_person_left_alone_in_either_are_left_alone(
    manager: User, plain: object, drawn: dict[int, Arm], which: str
) -> None:
    keep, gone, row = left("Ben Okafor", manager), left("Ben Okafer", manager), woo(manager)
    for one, name in ((keep, "keep"), (gone, "gone")):
        drawn[one.party_id] = Arm.HELD_OUT if which in (name, "both") else Arm.TREATED
    begun(manager)
    enter.enter(row, at=NOW)
    before = sorted(Assignment.objects.values_list("pk", "party", "arm", "until"))

    joined = merge.merge(keep.party, gone.party, by=manager)
    row_left = Assignment.objects.get()
    assert (row_left.party_id, row_left.arm) == (keep.party_id, Arm.HELD_OUT.value)
    assert facts([keep.party_id], at=NOW + DAY).people["holdout"].to_pylist() == [True]

    merge.undo(joined, by=manager)
    assert sorted(Assignment.objects.values_list("pk", "party", "arm", "until")) == before


def test_a_record_that_was_never_drawn_becomes_one_with_one_that_was(
    manager: User, plain: object, drawn: dict[int, Arm]
) -> None:
    gone = left_alone(manager, drawn)
    keep = left("Ben Okafer", manager)
    merge.merge(keep.party, gone.party, by=manager)
    assert facts([keep.party_id], at=NOW + DAY).people["holdout"].to_pylist() == [True]


@pytest.mark.django_db(transaction=True)
def test_forgotten_they_are_not_in_the_question_any_more(manager: User, plain: object, drawn: dict[int, Arm]) -> None:
    one = left_alone(manager, drawn)
    forget.forget(one.party, by=manager)
    assert not Assignment.objects.exists()
