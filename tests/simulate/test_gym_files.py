"""The files of the simulated gym, read back with the plain csv module."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from rekindle.relationships.vocabulary import IntakeKind
from rekindle.simulate.files import decimal_text
from rekindle.simulate.gym import Gym, World, live, write

HEADERS = {
    "people": "member,name,given_name,email,phone,language,country,town,joined_on,plan,trainer",
    "organisations": "id,name,role,email,phone,town,since",
    "cancellations": "member,noticed_on,ended_on,reason,comment",
    "consents": "member,channel,purpose,basis,given,at,proof",
    "suppressions": "member,email,phone,date,reason",
    "events": "event_id,member,at,kind,amount,currency,channel,note",
}


@pytest.fixture(scope="module")
def small() -> World:
    return live(Gym(people=400, months=14, seed=5, until=date(2026, 3, 15)))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_gym_writes_the_same_bytes(small: World, tmp_path: Path) -> None:
    again = live(Gym(people=400, months=14, seed=5, until=date(2026, 3, 15)))
    one, two = write(small, tmp_path / "one"), write(again, tmp_path / "two")
    for kind, paths in one.items():
        assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in two[kind]]


def test_every_kind_of_intake_has_its_files_with_a_readable_header(small: World, tmp_path: Path) -> None:
    written = write(small, tmp_path)
    assert set(written) == {kind.value for kind in IntakeKind}
    for kind, paths in written.items():
        for path in paths:
            assert path.read_text(encoding="utf-8").splitlines()[0] == HEADERS[kind]


def test_events_come_one_file_a_month_and_nothing_is_lost(small: World, tmp_path: Path) -> None:
    paths = write(small, tmp_path)["events"]
    assert [path.name for path in paths][:2] == ["events-2025-01.csv", "events-2025-02.csv"]
    assert len(paths) == 15
    rows = []
    for path in paths:
        month = rows_of(path)
        assert all(row["at"].startswith(path.stem.removeprefix("events-")) for row in month)
        rows += month
    events = small.events
    assert [row["event_id"] for row in rows] == events["event_id"].to_pylist()
    assert [row["member"] for row in rows] == events["member"].to_pylist()
    assert [datetime.fromisoformat(row["at"]) for row in rows] == events["at"].to_pylist()
    assert [row["note"] or None for row in rows] == events["note"].to_pylist()
    minor = [int(Decimal(row["amount"]) * 100) if row["amount"] else None for row in rows]
    assert minor == events["amount_minor"].to_pylist()
    assert sum(x for x in minor if x) == pc.sum(events["amount_minor"]).as_py()


def test_names_of_all_origins_survive_as_utf8(small: World, tmp_path: Path) -> None:
    rows = rows_of(write(small, tmp_path)["people"][0])
    assert [row["name"] for row in rows] == small.people["name"].to_pylist()
    assert any(not row["name"].isascii() for row in rows)
    assert [row["email"] or None for row in rows] == small.people["email"].to_pylist()


def test_the_truth_is_written_only_when_asked(small: World, tmp_path: Path) -> None:
    written = write(small, tmp_path / "files")
    listed = [path for paths in written.values() for path in paths]
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "files", *listed])
    write(small, tmp_path / "files", truth=tmp_path / "hidden" / "truth.csv")
    truth = rows_of(tmp_path / "hidden" / "truth.csv")
    assert len(truth) == small.truth.num_rows
    assert {"party", "member", "true_left_on", "quiet", "reason", "returned_on"} <= set(truth[0])


def test_no_list_betrays_the_truth(small: World) -> None:
    hidden = set(small.truth.column_names) - {"member", "plan", "noticed_on", "ended_on", "reason"}
    for table in (small.events, small.people, small.cancellations, small.consents, small.suppressions):
        assert not hidden & set(table.column_names)


@pytest.mark.parametrize(
    ("minor", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (1995, "19.95"), (-1995, "-19.95"), (None, None)]
)
def test_cents_become_decimal_text_exactly(minor: int | None, text: str | None) -> None:
    assert decimal_text(pa.chunked_array([pa.array([minor], pa.int64())])).to_pylist() == [text]
