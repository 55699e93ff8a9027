"""Events that wait for the history: each once, on the disk before anybody is told so, gone when they arrived."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.errors import RekindleError
from rekindle.workflows import events_waiting

pytestmark = pytest.mark.usefixtures("home")


def bought(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"who": "17", "occurred_at": f"2026-03-{number:02}T10:00:00Z", "kind": "purchase", "amount": "19.90",
            "currency": "EUR", **more}  # fmt: skip


def tell(*events: dict[str, Any], source: str = "main", teller: int = 1) -> int:
    return events_waiting.keep(events, source=source, teller=teller)


def all_waiting() -> list[dict[str, Any]]:
    return [event for one in events_waiting.waiting(at_most=10_000) for event in one.events]


def test_what_is_told_waits_as_it_was_told() -> None:
    assert tell(bought(1, event_id="a"), bought(2, event_id="b"), source="till", teller=7) == 2
    (one,) = events_waiting.waiting(at_most=100)
    assert (one.source, one.teller) == ("till", 7)
    assert one.events == (bought(1, event_id="a"), bought(2, event_id="b"))
    count, since = events_waiting.how_many()
    assert count == 2
    assert since is not None
    assert abs((datetime.now(UTC) - since).total_seconds()) < 60


def test_nothing_waits_where_nothing_was_told(home: Path) -> None:
    assert events_waiting.waiting(at_most=5) == []
    assert events_waiting.how_many() == (0, None)
    assert events_waiting.forget_waiting([("who", "17", "main")]) == 0
    assert not (home / "told").exists()


def test_an_event_with_a_number_waits_once_whatever_else_is_said() -> None:
    assert tell(bought(event_id="a"), bought(event_id="a", amount="5.00")) == 1
    assert tell(bought(2, event_id="a", email="ana@example.org")) == 0
    assert tell(bought(event_id="a"), source="shop") == 1


def test_without_a_number_the_same_twice_in_one_request_is_meant_and_told_again_is_not() -> None:
    assert tell(bought(), bought()) == 2
    assert tell(bought(), bought()) == 0
    assert tell(bought(), bought(), bought()) == 1
    assert len(all_waiting()) == 3


@pytest.mark.parametrize(
    "same",
    [
        {"amount": "19.9"}, {"occurred_at": "2026-03-01T11:00:00+01:00"}, {"who": " 17 "}, {"name": "Ana Weber"},
        {"email": "ana@example.org"}, {"channel": ""}, {"event_id": " "},
    ],
)  # fmt: skip
def test_what_the_history_takes_for_the_same_is_the_same_here(same: dict[str, Any]) -> None:
    tell(bought())
    assert tell({**bought(), **same}) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "19.91"}, {"occurred_at": "2026-03-01T10:00:01Z"}, {"who": "18"}, {"kind": "visit"},
        {"currency": "USD"}, {"channel": "shop"}, {"ref": "R-7"}, {"quantity": 2}, {"quantity": 0},
        {"amount": None}, {"who": "", "email": "17"},
    ],
)  # fmt: skip
def test_what_says_something_else_is_another_event(other: dict[str, Any]) -> None:
    tell(bought())
    assert tell({**bought(), **other}) == 1


def test_an_address_is_known_in_any_case_of_letters() -> None:
    tell(bought(who="", email="Ana@Example.org"))
    assert tell(bought(who="", email="ana@example.org")) == 0


def test_what_settled_is_gone_to_the_last_byte_and_may_be_told_again(home: Path) -> None:
    tell(bought(1, email="ana@example.org"))
    tell(bought(2, email="ben@example.org"))
    first, _second = events_waiting.waiting(at_most=100)
    events_waiting.settle([first.number])
    assert [event["email"] for event in all_waiting()] == ["ben@example.org"]
    on_disk = b"".join(path.read_bytes() for path in (home / "told").iterdir())
    assert b"ana@example.org" not in on_disk
    assert b"ben@example.org" in on_disk
    assert tell(bought(1, email="ana@example.org")) == 1


def test_the_oldest_come_first_and_whole(home: Path) -> None:
    for number in range(1, 5):
        tell(bought(number), bought(number + 10), bought(number + 20))
    assert [len(one.events) for one in events_waiting.waiting(at_most=7)] == [3, 3]
    (one,) = events_waiting.waiting(at_most=1)
    assert one.events[0] == bought(1)


def test_nobody_else_may_read_it(home: Path) -> None:
    tell(bought())
    for path in (home / "told").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "told").stat().st_mode) == 0o700


def test_forgetting_somebody_takes_theirs_and_leaves_the_others(home: Path) -> None:
    tell(bought(1), bought(2, who="18"), bought(3, who="", email="Ana@example.org"), bought(4, who="", phone="+4411"))
    tell(bought(5), source="shop")
    tell(bought(6, who="19", email="ana@example.org"))
    gone = events_waiting.forget_waiting(
        [("who", "17", "main"), ("email", "ana@example.org", ""), ("phone", "+4411", "")]
    )
    assert gone == 4
    assert [(event["who"], event["occurred_at"][8:10]) for event in all_waiting()] == [("18", "02"), ("17", "05")]
    assert events_waiting.how_many()[0] == 2
    on_disk = b"".join(path.read_bytes() for path in (home / "told").iterdir())
    assert b"na@example.org" not in on_disk


def test_nothing_at_all_is_left_of_a_request_about_one_who_is_forgotten(home: Path) -> None:
    tell(bought(1), bought(2))
    assert events_waiting.forget_waiting([("who", "17", "main")]) == 2
    assert events_waiting.how_many() == (0, None)
    with sqlite3.connect(home / "told" / "events.sqlite3") as db:
        assert db.execute("SELECT count(*) FROM known").fetchone() == (0,)
    db.close()


def test_requests_that_come_together_are_each_told_their_own_count() -> None:
    together = threading.Barrier(8)
    told: dict[int, int] = {}

    def one(number: int) -> None:
        together.wait()
        # Every request tells one event of its own and one that all tell.
        told[number] = tell(bought(event_id=f"own {number}"), bought(event_id="all"))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told.values()) == [1] * 7 + [2]
    assert len(all_waiting()) == 9


def test_what_cannot_be_written_is_an_error_to_everybody_and_the_next_is_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(bought(1))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(events_waiting, "_written", _full)
        with pytest.raises(RekindleError, match="Send them again"):
            tell(bought(2))
    assert [event["occurred_at"][8:10] for event in all_waiting()] == ["01"]
    assert tell(bought(2)) == 1


def _full(*_given: Any) -> int:
    raise sqlite3.OperationalError("database or disk is full")


TELL_AND_DIE = """
import os, signal
from rekindle.workflows import events_waiting
event = {"who": "17", "occurred_at": "2026-03-01T10:00:00Z", "kind": "visit", "event_id": "e1"}
events_waiting.keep([event], source="main", teller=1)
os.kill(os.getpid(), signal.SIGKILL)  # the commit is done, its sender was never told
"""


def test_killed_between_the_commit_and_the_answer_it_waits_once_however_often_it_is_sent_again(home: Path) -> None:
    for _ in range(2):
        died = subprocess.run([sys.executable, "-c", TELL_AND_DIE], env={**os.environ, "REKINDLE_HOME": str(home)})
        assert died.returncode == -signal.SIGKILL
    assert [event["event_id"] for event in all_waiting()] == ["e1"]
    assert tell({"who": "17", "occurred_at": "2026-03-01T10:00:00Z", "kind": "visit", "event_id": "e1"}) == 0


EVENT = st.builds(
    lambda day, who, number: bought(day, who=who, event_id=number),
    st.integers(1, 3), st.sampled_from("ab"), st.sampled_from(["", "x", "y"]),
)  # fmt: skip


@given(requests=st.lists(st.lists(EVENT, min_size=1, max_size=5), min_size=1, max_size=6))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_is_told_waits_and_none_twice(requests: list[list[dict[str, Any]]]) -> None:
    events_waiting.settle([one.number for one in events_waiting.waiting(at_most=10_000)])
    kept = [tell(*events) for events in requests]
    again = [tell(*events) for events in requests]

    def plain(event: dict[str, Any]) -> tuple[Any, ...]:
        return (event["event_id"],) if event["event_id"] else (event["who"], event["occurred_at"])

    # The slow plain way: a number once; without one as often as the request that says it most often.
    wanted: dict[tuple[Any, ...], int] = {}
    for events in requests:
        for event in events:
            same = sum(plain(one) == plain(event) for one in events)
            wanted[plain(event)] = max(wanted.get(plain(event), 0), 1 if event["event_id"] else same)
    found: dict[tuple[Any, ...], int] = {}
    for event in all_waiting():
        found[plain(event)] = found.get(plain(event), 0) + 1
    assert found == wanted
    assert sum(kept) == sum(wanted.values())
    assert sum(again) == 0
