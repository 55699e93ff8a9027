"""The events of one party: counted, given to another and back, erased from every file and from the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rekindle.observe.history import EVENTS, History

AT = datetime(2025, 1, 1, tzinfo=UTC)


def rows(party: int, *, intake: int, ref: str = "plain", n: int = 3) -> pa.Table:
    said = [
        {
            "event_key": 100 * party + k,
            "event_id": f"{ref}-{k}",
            "party_id": party,
            "occurred_at": AT + timedelta(days=k),
            "kind": "purchase",
            "ref": ref,
            "properties": f'{{"note": "{ref}"}}',
            "source": "till",
            "intake": intake,
        }
        for k in range(n)
    ]
    return pa.Table.from_pylist(said, schema=EVENTS)


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "events")
    made.append(rows(1, intake=1, ref="secret"), intake=1)
    made.append(rows(2, intake=2), intake=2)
    made.append(rows(3, intake=3), intake=3)
    return made


def test_events_move_to_another_party_and_back_again(history: History) -> None:
    keys = history.keys_of(1)

    assert history.move_party(1, to=2, keys=keys) == 3
    assert history.move_party(1, to=2, keys=keys) == 0
    assert (history.of(1).num_rows, history.of(2).num_rows) == (0, 6)

    assert history.move_party(2, to=1, keys=keys) == 3
    assert history.keys_of(1) == keys
    assert history.keys_of(2) == [200, 201, 202]


def test_no_keys_move_nothing_and_none_moves_all(history: History) -> None:
    assert history.move_party(1, to=2, keys=[]) == 0
    assert history.move_party(1, to=2) == 3


def test_a_history_that_is_not_there_has_nobody_to_move(tmp_path: Path) -> None:
    empty = History(tmp_path / "none")
    assert (empty.keys_of(1), empty.move_party(1, to=2), empty.erase_party(1)) == ([], 0, 0)


def test_erased_events_are_in_no_file_and_not_in_the_log(history: History) -> None:
    assert history.erase_party(1) == 3

    for path in history.folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                text += str(pq.read_table(path).to_pydict())
            assert "secret" not in text, path.name
    assert [history.of(party).num_rows for party in (1, 2, 3)] == [0, 3, 3]


def test_after_an_erasure_the_history_goes_on_and_knows_its_loads(history: History) -> None:
    reader = History(history.folder)
    assert reader.of(1).num_rows == 3

    history.erase_party(1)

    assert reader.of(1).num_rows == 0
    assert history.append(rows(1, intake=1), intake=1) == 0
    assert history.append(rows(5, intake=5), intake=5) == 3
    assert reader.of(5).num_rows == 3
    assert History(history.folder).remove_intake(3) == 3
    assert history.erase_party(2) == 3
    assert reader.of(5).num_rows == 3
