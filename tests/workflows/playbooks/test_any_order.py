"""Whatever is done in whatever order, cut off wherever: nobody hears the same twice, nor two plans at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from unittest import mock

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import NOW
from playbook_cast import OTHER_WOO, WOO, left, woo

from rekindle.accounts.models import User
from rekindle.errors import Conflict
from rekindle.journal.models import Enrolment, EnrolmentStep, Message, Playbook
from rekindle.relationships.models import Relationship
from rekindle.workflows.playbooks import advance, books, enter, rows, taking
from rekindle.workflows.playbooks.leave import leave

pytestmark = pytest.mark.django_db
PEOPLE = 3

ops = st.one_of(
    st.tuples(st.just("enter"), st.integers(0, 0)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("due"), st.integers(0, 1)),
    st.tuples(st.just("cut"), st.integers(1, 4)),
    st.tuples(st.just("torn"), st.integers(1, 4)),
    st.tuples(st.just("pause"), st.integers(0, 1)),
    st.tuples(st.just("resume"), st.integers(0, 1)),
    st.tuples(st.just("leave"), st.integers(0, PEOPLE - 1)),
    st.tuples(st.just("newer"), st.integers(31, 60)),
)


@contextmanager
def cut_off(module: object, name: str, *, at: int) -> Iterator[None]:
    """The machine stops in the middle of the n-th call: what it did and had not committed is gone."""
    real, calls = getattr(module, name), []

    def stops(*args: object, **words: object) -> object:
        calls.append(1)
        given_back = real(*args, **words)
        if len(calls) == at:
            raise KeyboardInterrupt
        return given_back

    with mock.patch.object(module, name, stops):
        yield


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=st.lists(ops, min_size=3, max_size=25))
def test_nothing_is_said_twice(todo: list[tuple[str, int]], manager: User, plain: object) -> None:
    with transaction.atomic():
        _lived(todo, manager)
        transaction.set_rollback(True)


def _lived(todo: list[tuple[str, int]], manager: User) -> None:
    people = [left(name, manager) for name in ("Ben Okafor", "Cleo Marchetti", "Eve Stone")]
    woo(manager)
    woo(manager, OTHER_WOO)
    at, gone = NOW, dict[int, int]()
    for verb, n in todo:
        before = Message.objects.count()
        paused = not Playbook.objects.filter(state="on").exists()
        at = _done(verb, n, at=at, people=people, manager=manager)
        if paused:
            assert Message.objects.count() == before
        if verb == "leave" and Enrolment.objects.filter(relationship=people[n], state="left").exists():
            gone[people[n].party_id] = Message.objects.filter(party=people[n].party_id).count()
        _holds(gone)


def _done(verb: str, n: int, *, at: datetime, people: list[Relationship], manager: User) -> datetime:
    codes = ("woo", "other_woo")
    if verb == "enter":
        enter.everybody(at)
    elif verb == "wait":
        return at + timedelta(days=n)
    elif verb == "due":
        advance.run_due(at, everybody=bool(n))
    elif verb in ("cut", "torn"):
        with cut_off(*((taking, "put") if verb == "cut" else (rows, "onward")), at=n):  # type: ignore[arg-type]
            try:
                advance.run_due(at)
            except KeyboardInterrupt:
                return at
    elif verb == "leave":
        leave(people[n], why="they replied")
    elif verb == "newer":
        with_another_wait = WOO.replace("wait_days: 30", f"wait_days: {n}")
        try:
            books.new_version(with_another_wait, by=manager)
        except Conflict:
            return at
    else:
        try:
            (books.pause if verb == "pause" else books.resume)(codes[n], by=manager)
            Playbook.objects.filter(code=codes[n]).update(changed_at=at)
        except Conflict:
            return at
    return at


def _holds(gone: dict[int, int]) -> None:
    said = list(Message.objects.values_list("party", "content"))
    assert len(said) == len(set(said))
    active = list(Enrolment.objects.filter(state="active").values_list("relationship", flat=True))
    assert len(active) == len(set(active))
    for party, messages in gone.items():
        assert Message.objects.filter(party=party).count() == messages
    for one in Enrolment.objects.all():
        steps = EnrolmentStep.objects.filter(enrolment=one)
        assert sorted(steps.values_list("step", flat=True)) == list(range(one.step))
        touches = sorted(steps.filter(outcome__in=["mail", "card", "task"]).values_list("at", flat=True))
        # A step taken up to a day late still counts as taken on its day.
        assert all(later - earlier >= timedelta(days=20) for earlier, later in pairwise(touches))
    assert Message.objects.count() == EnrolmentStep.objects.filter(outcome="mail", message__isnull=False).count()
