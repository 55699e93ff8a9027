"""What was told in passing comes into the history: once, soon, and without losing a word on the way."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from people_cast import brand, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import Intake, IntakeState
from rekindle.observe.history import History
from rekindle.relationships.models import Party
from rekindle.workflows import events_gather, events_waiting, forget, rounds, take_in
from rekindle.workflows.alone import alone
from rekindle.workflows.deeds import batch
from rekindle.workflows.deeds import given as reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def till() -> User:
    brand()
    return staff(Role.MARKETER)


def bought(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"who": "17", "occurred_at": f"2026-03-{number:02}T10:00:00Z", "kind": "purchase", "amount": "19.90",
            "currency": "EUR", **more}  # fmt: skip


def tell(by: User, *events: dict[str, Any], source: str = "main") -> dict[str, Any]:
    return batch.wait(reading.read(batch.Batch, {"events": list(events), "source": source}), by=by)


def history(home: Path) -> list[tuple[Any, ...]]:
    """(day, minor units, number) of every event, oldest first."""
    kept = History(home / "history" / "events")
    rows = [row for party in Party.objects.all() for row in kept.of(party.pk).to_pylist()]
    return sorted((row["occurred_at"].day, row["amount_minor"], row["event_id"]) for row in rows)


def test_many_requests_become_one_load_in_the_name_of_who_told_them(till: User, home: Path) -> None:
    for number in range(1, 4):
        tell(till, bought(number, event_id=f"e{number}", quantity=2, channel="shop"))
    (load,) = events_gather.gather()
    intake = Intake.objects.get()
    assert (intake.pk, intake.state, intake.by, intake.source) == (load, IntakeState.TAKEN.value, till, "main")
    assert (intake.counts["kept"], intake.counts["refused"]) == (3, 0)
    assert history(home) == [(1, 1990, "e1"), (2, 1990, "e2"), (3, 1990, "e3")]
    assert events_waiting.how_many() == (0, None)
    assert not list((home / "uploads").iterdir())
    assert events_gather.gather() == ()


def test_told_again_after_it_arrived_changes_nothing(till: User, home: Path) -> None:
    for _ in range(2):
        tell(till, bought(1, event_id="e1"), bought(2), bought(2))
        events_gather.gather()
    assert [row[0] for row in history(home)] == [1, 2, 2]
    assert Intake.objects.order_by("pk").last() is not None


def test_killed_after_the_load_and_before_it_stopped_waiting_it_counts_once(
    till: User, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(till, bought(1, event_id="e1"), bought(2))

    def die(_numbers: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(events_waiting, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            events_gather.gather()
    assert events_waiting.how_many()[0] == 2
    tell(till, bought(3))
    events_gather.gather()
    assert [row[0] for row in history(home)] == [1, 2, 3]
    assert events_waiting.how_many()[0] == 0


def test_killed_before_the_load_was_taken_in_nothing_is_left_of_it(
    till: User, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(till, bought(1))

    def die(_intake: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(take_in, "commit", die)
        with pytest.raises(KeyboardInterrupt):
            events_gather.gather()
    left = Intake.objects.get()
    assert left.state == IntakeState.STAGED.value
    (load,) = events_gather.gather()
    assert Intake.objects.get().pk == load
    assert len(history(home)) == 1


def test_while_another_load_goes_on_everything_waits(till: User, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(till, bought(1))

    def busy(_intake: Any) -> None:
        raise Conflict("Another load is going on in another process.")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(take_in, "commit", busy)
        assert events_gather.gather() == ()
    assert not Intake.objects.exists()
    assert events_waiting.how_many()[0] == 1
    assert len(events_gather.gather()) == 1


def test_only_one_process_gathers(till: User) -> None:
    tell(till, bought(1))
    held, over = threading.Event(), threading.Event()

    def other() -> None:
        with alone("told-events", doing="A test"):
            held.set()
            over.wait(60)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(60)
    try:
        with pytest.raises(Conflict):
            events_gather.gather()
    finally:
        over.set()
        thread.join()
    assert events_waiting.how_many()[0] == 1


def test_sources_and_tellers_have_loads_of_their_own(till: User) -> None:
    tell(till, bought(1))
    tell(till, bought(1), source="shop")
    tell(staff(Role.OWNER), bought(2))
    assert len(events_gather.gather()) == 3
    assert set(Intake.objects.values_list("source", "by__role")) == {
        ("main", "marketer"), ("shop", "marketer"), ("main", "owner"),
    }  # fmt: skip
    assert Party.objects.count() == 2


def test_what_no_load_keeps_is_counted_there_with_its_reason(till: User, home: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    assert tell(till, bought(1), bought(2, occurred_at=ahead), bought(3, currency="XQX"))["kept"] == 3
    events_gather.gather()
    counts = Intake.objects.get().counts
    assert (counts["kept"], counts["refused"]) == (1, 2)
    assert counts["reasons"] == {"date in the future": 1, "currency not known": 1}


def test_a_request_that_no_load_can_take_keeps_no_other_waiting(
    till: User, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = batch.begun

    def choosy(rows: Any, folder: Path, **named: Any) -> Intake:
        if any(row.get("ref") == "bad" for row in rows):
            raise BadInput("it cannot be read")
        return begun(rows, folder, **named)

    tell(till, bought(1))
    tell(till, bought(2, ref="bad"))
    tell(till, bought(3))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(batch, "begun", choosy)
        assert len(events_gather.gather()) == 2
    assert [row[0] for row in history(home)] == [1, 3]
    assert events_waiting.how_many()[0] == 1
    events_gather.gather()
    assert [row[0] for row in history(home)] == [1, 2, 3]


def test_nothing_is_gathered_before_it_waited_for_others(till: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert events_gather.gather_due() == ()
    tell(till, bought(1))
    assert events_gather.gather_due() == ()
    monkeypatch.setattr(events_gather, "WAITS", timedelta(0))
    assert len(events_gather.gather_due()) == 1


def test_many_wait_no_longer(till: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_gather, "MANY", 3)
    tell(till, bought(1), bought(2))
    assert events_gather.gather_due() == ()
    tell(till, bought(3))
    assert len(events_gather.gather_due()) == 1


def test_the_worker_gathers_by_itself(till: User, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(events_gather, "WAITS", timedelta(0))
    tell(till, bought(1))
    (one,) = (one for one in rounds.ROUNDS if one.name == "events")
    one.deed()
    assert len(history(home)) == 1


@pytest.mark.django_db(transaction=True)  # forgetting empties free pages, which no transaction may do
def test_who_was_forgotten_meanwhile_does_not_come_back(till: User, home: Path) -> None:
    tell(till, bought(1, email="ana@example.org"))
    events_gather.gather()
    tell(till, bought(2, email="ana@example.org"), bought(2, who="18"))
    done = forget.forget(Party.objects.get(), by=None)
    assert not [line for line in done.remains if "told" in line]
    assert events_waiting.how_many()[0] == 1
    events_gather.gather()
    assert Party.objects.count() == 1
    assert history(home) == [(2, 1990, None)]
