"""The event history: whole loads or nothing, each load and each event once, and one person's life at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput, Conflict
from rekindle.observe.history import EVENTS, History, connect

START = datetime(2024, 1, 1, tzinfo=UTC)


def events(
    keys: Sequence[int],
    *,
    intake: int = 1,
    ids: Sequence[str | None] | None = None,
    parties: Sequence[int] | None = None,
    days: Sequence[float] | None = None,
    source: str = "till",
) -> pa.Table:
    rows = [
        {
            "event_key": key,
            "event_id": ids[n] if ids else None,
            "party_id": parties[n] if parties else 1,
            "occurred_at": START + timedelta(days=days[n] if days else n),
            "kind": "purchase",
            "amount_minor": 100 * n,
            "currency": "EUR",
            "source": source,
            "intake": intake,
        }
        for n, key in enumerate(keys)
    ]
    return pa.Table.from_pylist(rows, EVENTS)


def keys_in(history: History, **choice: object) -> list[int]:
    with connect(threads=1) as con:
        assert history.relation(con, **choice) == "events"  # type: ignore[arg-type]
        return [row[0] for row in con.execute("SELECT event_key FROM events ORDER BY event_key").fetchall()]


def new_in(history: History, batch: pa.Table | Path, *, without: Sequence[int] = ()) -> list[int]:
    with connect(threads=1) as con:
        found: list[int] = history.new_rows(con, batch=batch, without=without).read_all()["event_key"].to_pylist()
    return found


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "a folder, it's 100% new", threads=1)


def test_a_history_that_was_never_written_is_empty(history: History) -> None:
    assert (history.version(), history.has(1), history.of(1).num_rows, history.remove_party(1)) == (None, False, 0, 0)
    assert keys_in(history) == []
    history.compact()
    assert not history.folder.exists()


def test_a_load_is_kept_once_however_often_it_is_appended(history: History) -> None:
    assert history.append(events([1, 2, 3]), intake=1) == 3
    version = history.version()
    assert history.append(events([1, 2, 3]), intake=1) == 0
    assert (history.version(), keys_in(history)) == (version, [1, 2, 3])


def test_an_empty_load_is_remembered(history: History) -> None:
    assert history.append(events([]), intake=4) == 0
    assert history.has(4)


def test_a_reader_is_appended_as_one_commit(history: History) -> None:
    history.append(events([1]), intake=1)
    before = history.version()
    assert before is not None
    batches = events(range(10), intake=2).to_reader(max_chunksize=3)
    assert history.append(batches, intake=2) == 10
    assert history.version() == before + 1


def test_rows_lie_in_the_order_of_party_and_time(history: History) -> None:
    history.append(events([1, 2, 3, 4], parties=[9, 2, 9, 2], days=[5, 4, 1, 0]), intake=1)
    (file,) = history.folder.glob("*.parquet")
    assert pq.read_table(file)["event_key"].to_pylist() == [4, 2, 3, 1]


def test_a_row_of_another_load_stops_the_append_and_leaves_nothing(history: History) -> None:
    with pytest.raises(BadInput, match="another load"):
        history.append(events([1, 2], intake=2), intake=1)
    assert (history.has(1), keys_in(history)) == (False, [])


def test_other_columns_are_refused_by_name(history: History) -> None:
    with pytest.raises(BadInput, match="ref"):
        history.append(events([1]).drop_columns(["ref"]), intake=1)


def test_a_load_taken_back_is_gone_and_does_not_come_again(history: History) -> None:
    history.append(events([1, 2]), intake=1)
    history.append(events([3], intake=2), intake=2)
    assert history.remove_intake(1) == 2
    assert (keys_in(history), history.has(1)) == ([3], True)
    with pytest.raises(Conflict, match="taken back"):
        history.append(events([1, 2]), intake=1)
    assert history.remove_intake(1) == 0


def test_a_forgotten_party_is_in_no_file_after_the_clean_up(history: History) -> None:
    history.append(events([1, 2], parties=[7, 8]), intake=1)
    assert history.remove_party(7) == 1
    history.compact(retention_hours=0)
    parties = [p for file in history.folder.glob("*.parquet") for p in pq.read_table(file)["party_id"].to_pylist()]
    assert parties == [8]


def test_compacting_makes_one_file_of_many_and_keeps_every_row(history: History) -> None:
    for intake in range(1, 6):
        history.append(events([intake], intake=intake, parties=[10 - intake]), intake=intake)
    history.compact(retention_hours=0)
    assert len(list(history.folder.glob("*.parquet"))) == 1
    assert (keys_in(history), history.has(3), history.of(7)["event_key"].to_pylist()) == ([1, 2, 3, 4, 5], True, [3])


def in_the_middle_of_compacting(
    history: History, monkeypatch: pytest.MonkeyPatch, *, act: Callable[[], object]
) -> None:
    """Do something between the look at the table and the commit of the compacted files."""
    write = History._write

    def slowly(self: History, *arguments: object, **named: object) -> None:
        monkeypatch.setattr(History, "_write", write)
        act()
        write(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(History, "_write", slowly)
    history.compact(retention_hours=0)


def test_a_load_that_comes_in_during_compacting_is_not_lost(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for intake in (1, 2, 3):
        history.append(events([intake], intake=intake), intake=intake)
    in_the_middle_of_compacting(
        history, monkeypatch, act=lambda: History(history.folder).append(events([4], intake=4), intake=4)
    )
    assert keys_in(history) == [1, 2, 3, 4]


def test_a_party_erased_during_compacting_does_not_come_back(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for intake in (1, 2, 3):
        history.append(events([intake], intake=intake, parties=[intake]), intake=intake)
    with pytest.raises(Conflict, match="Try again"):
        in_the_middle_of_compacting(history, monkeypatch, act=lambda: History(history.folder).remove_party(2))
    assert keys_in(history) == [1, 3]
    history.compact(retention_hours=0)
    assert keys_in(history) == [1, 3]


def test_nothing_at_or_after_the_instant_is_shown(history: History) -> None:
    history.append(events([1, 2, 3], days=[0, 1, 2]), intake=1)
    assert keys_in(history, before=START + timedelta(days=1)) == [1]
    assert keys_in(history, before=START + timedelta(days=1, microseconds=1)) == [1, 2]
    assert keys_in(history, before=START) == []


def test_loads_can_be_left_out(history: History) -> None:
    history.append(events([1]), intake=1)
    history.append(events([2], intake=2), intake=2)
    assert keys_in(history, without=[1]) == [2]
    history.compact(retention_hours=0)
    assert keys_in(history, without=[1]) == [2]


def test_what_a_kept_summary_has_not_seen_is_new_loads_and_what_had_not_happened(history: History) -> None:
    history.append(events([1, 2], days=[0, 9]), intake=1)
    history.append(events([3, 4], intake=2, days=[1, 8]), intake=2)
    assert keys_in(history, intakes=[2], since=START + timedelta(days=5)) == [2, 3, 4]
    assert keys_in(history, intakes=[2]) == [3, 4]
    assert keys_in(history, intakes=[]) == []
    assert keys_in(history, since=START + timedelta(days=9)) == [2]


def test_the_statistics_cut_to_milliseconds_hide_no_row(history: History) -> None:
    instant = START + timedelta(microseconds=900)
    history.append(events([1], days=[900 / 86_400_000_000]), intake=1)
    assert keys_in(history, since=instant) == [1]
    assert new_in(history, events([1], days=[900 / 86_400_000_000])) == []


def test_one_life_is_read_newest_first(history: History) -> None:
    history.append(events([1, 2, 3, 4], parties=[1, 2, 1, 1], days=[3, 0, 1, 2]), intake=1)
    assert history.of(1)["event_key"].to_pylist() == [1, 4, 3]
    assert history.of(1, limit=1)["event_key"].to_pylist() == [1]
    assert history.of(1, before=START + timedelta(days=3))["event_key"].to_pylist() == [4, 3]
    assert history.of(1, without=[1]).num_rows == 0
    assert history.of(1).schema == EVENTS


def test_an_open_history_sees_what_another_process_appended(history: History) -> None:
    history.append(events([1]), intake=1)
    assert history.of(1).num_rows == 1
    History(history.folder).append(events([2], intake=2), intake=2)
    assert history.of(1).num_rows == 2


# --- which rows are new -------------------------------------------------------------------------------------------


def test_an_event_with_an_id_is_known_by_source_and_id_whenever_it_says_it_happened(history: History) -> None:
    history.append(events([1], ids=["a"]), intake=1)
    assert new_in(history, events([1], ids=["a"], days=[300])) == []
    assert new_in(history, events([1], ids=["a"], source="web shop")) == [1]


def test_the_same_key_with_another_id_is_another_event(history: History) -> None:
    history.append(events([1, 2], ids=["a", None]), intake=1)
    assert new_in(history, events([1, 2], ids=["b", "c"], days=[0, 1])) == [1, 2]


def test_an_event_without_an_id_is_known_by_party_time_and_key(history: History) -> None:
    history.append(events([1, 2, 3]), intake=1)
    again = events([1, 2, 3, 4, 1], parties=[1, 2, 1, 1, 1], days=[0, 1, 2, 2, 7])
    assert new_in(history, again) == [2, 4, 1]


def test_of_an_id_given_twice_the_first_row_counts(history: History) -> None:
    batch = events([5, 6, 5, 5], ids=["a", "b", "a", "a"])
    with connect(threads=1) as con:
        rows = history.new_rows(con, batch=batch).read_all()
    assert rows["amount_minor"].to_pylist() == [0, 100]


def test_a_load_left_out_counts_as_not_there(history: History) -> None:
    history.append(events([1, 2], ids=["a", None]), intake=1)
    assert new_in(history, events([1, 2], ids=["a", None]), without=[1]) == [1, 2]


def test_a_batch_may_be_a_parquet_file(history: History, tmp_path: Path) -> None:
    history.append(events([1, 2]), intake=1)
    path = tmp_path / "it's a batch.parquet"
    pq.write_table(events([1, 2, 3]), path)
    assert new_in(history, path) == [3]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    loads=st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(1, 2), st.integers(0, 2)), max_size=8),
        min_size=1, max_size=3,
    )
)  # fmt: skip
def test_new_rows_equal_a_plain_count(
    loads: list[list[tuple[int, bool, int, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    history = History(tmp_path_factory.mktemp("history") / "h", threads=1)
    known: set[tuple[object, ...]] = set()
    for intake, load in enumerate(loads, start=1):
        distinct = list(dict.fromkeys(load))  # without an id no two rows of one batch are equal: the key tells them
        rows = distinct + [row for row in load if row[1]]
        batch = events(
            [key for key, _, _, _ in rows],
            ids=[f"id {key}" if named else None for key, named, _, _ in rows],
            parties=[party for _, _, party, _ in rows],
            days=[day for _, _, _, day in rows],
            intake=intake,
        )
        expected = []
        for key, named, party, day in rows:
            identity = ("id", key) if named else (party, day, key)
            if identity not in known:
                known.add(identity)
                expected.append(key)
        with connect(threads=1) as con:
            fresh = history.new_rows(con, batch=batch).read_all()
        assert fresh["event_key"].to_pylist() == expected
        assert history.append(fresh, intake=intake) == len(expected)


def test_two_writers_of_one_load_leave_it_once(history: History) -> None:
    history.append(events([0]), intake=1)
    written: list[int] = []

    def write() -> None:
        written.append(History(history.folder, threads=1).append(events(range(1, 200), intake=2), intake=2))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(written) == [0, 0, 199]
    assert len(keys_in(history)) == 200


WRITER = """
import sys
from pathlib import Path
import numpy as np, pyarrow as pa
from rekindle.observe.history import EVENTS, History
history, first = History(Path(sys.argv[1]), threads=1), int(sys.argv[2])
for intake in range(first, first + 1000):
    rows = 2000
    data = {field.name: pa.nulls(rows, field.type) for field in EVENTS}
    data["event_key"] = pa.array(np.arange(rows) + rows * intake)
    data["party_id"] = pa.array(np.arange(rows) % 7)
    data["occurred_at"] = pa.array(np.full(rows, np.datetime64("2024-01-01", "us")), pa.timestamp("us", "UTC"))
    data["intake"] = pa.array(np.full(rows, intake))
    history.append(pa.table(data, schema=EVENTS), intake=intake)
    print(intake, flush=True)
"""


def test_a_writer_killed_at_any_moment_loses_no_acknowledged_load_and_tears_none(tmp_path: Path) -> None:
    luck = random.Random(11)
    folder, acknowledged = tmp_path / "history", set()
    for life in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(1000 * life)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged.add(int(writer.stdout.readline()))  # it is at work now
            time.sleep(luck.uniform(0.05, 0.4))  # the moment of the kill, not a wait for something
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged |= {int(line) for line in writer.stdout if line.endswith("\n")}
    history = History(folder)
    with connect(threads=1) as con:
        history.relation(con)
        found = dict(con.execute("SELECT intake, count(DISTINCT event_key) FROM events GROUP BY intake").fetchall())
    assert acknowledged <= set(found)
    assert set(found.values()) == {2000}
    assert all(history.has(intake) for intake in found)


def test_what_does_not_fit_in_memory_spills_and_leaves_nothing(tmp_path: Path) -> None:
    with connect(threads=1, memory_limit="40MB", spill=tmp_path) as con:
        con.execute("CREATE TEMP TABLE much AS SELECT range, md5(CAST(range AS VARCHAR)) AS c FROM range(1500000)")
        assert [path.name.startswith("rekindle-spill-") for path in tmp_path.iterdir()] == [True]
    assert list(tmp_path.iterdir()) == []


def test_time_zones_need_no_download() -> None:
    with connect(threads=1) as con:
        (hour,) = con.execute(
            "SELECT hour(TIMESTAMPTZ '2024-07-01 00:00:00+00' AT TIME ZONE 'Europe/Berlin')"
        ).fetchone() or (None,)
    assert hour == 2
