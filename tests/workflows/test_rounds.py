"""What the worker does again and again: a fault in one ends neither it nor the others."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from rekindle.workflows import rounds
from rekindle.workflows.alone import alone
from rekindle.workflows.rounds import ROUNDS, Round

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _home(home) -> None:
    """A home of its own, for locks."""


@pytest.mark.parametrize("one", ROUNDS, ids=lambda one: one.name)
def test_every_round_of_an_empty_house_ends_and_says_nothing(one: Round, caplog: pytest.LogCaptureFixture) -> None:
    rounds.once(one)
    assert not caplog.records


def test_a_fault_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    stop, came = threading.Event(), threading.Event()
    tries: list[int] = []

    def breaks() -> None:
        tries.append(1)
        raise RuntimeError("away")

    def works() -> None:
        if len(tries) >= 2:
            came.set()

    threads = rounds.begin(stop, rounds=(Round("breaks", 0.01, breaks), Round("works", 0.01, works)))
    assert came.wait(20)
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert "comes again" in caplog.text


def test_two_processes_do_not_do_the_same_round() -> None:
    done: list[int] = []
    held, over = threading.Event(), threading.Event()

    def other() -> None:
        with alone("round-mine", doing="x"):
            held.set()
            over.wait(20)
        connection.close()

    elsewhere = threading.Thread(target=other)  # a line of its own to the books, as another process has
    elsewhere.start()
    assert held.wait(20)
    rounds.once(Round("mine", 1.0, lambda: done.append(1)))
    over.set()
    elsewhere.join(20)
    assert not done
    rounds.once(Round("mine", 1.0, lambda: done.append(1)))
    assert done == [1]
