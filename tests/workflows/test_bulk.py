"""Columns go into the books and come out the same, on both databases."""

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from django.db import connection

from rekindle.relationships.models import Party
from rekindle.workflows import bulk

pytestmark = pytest.mark.django_db


def parties(first: int, names: list[str]) -> pa.Table:
    now = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    n = len(names)
    return pa.table(
        {
            "id": pa.array(range(first, first + n), pa.int64()),
            "kind": ["person"] * n,
            "name": names,
            "given_name": [""] * n,
            "language": [""] * n,
            "time_zone": [""] * n,
            "country": [""] * n,
            "extra": [json.dumps({"town": 'Köln, "am Rhein"\n'})] * n,
            "deceased_on": pa.array([date(2025, 2, 28)] + [None] * (n - 1), pa.date32()),
            "created_at": pa.array([now] * n, pa.timestamp("us", "UTC")),
            "load": pa.array([None] * n, pa.int64()),
        }
    )


def test_rows_come_out_as_they_went_in() -> None:
    names = ["Ana", 'Ben, "the" 2nd', "Cleo\nnewline", "", "Dov \\N"]
    bulk.insert(Party, parties(10, names))
    rows = list(Party.objects.order_by("id"))
    assert [row.name for row in rows] == names
    assert rows[0].deceased_on == date(2025, 2, 28)
    assert rows[1].deceased_on is None
    assert rows[0].created_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert rows[0].extra == {"town": 'Köln, "am Rhein"\n'}


def test_a_conflict_updates_only_what_it_is_told() -> None:
    bulk.insert(Party, parties(1, ["Ana", "Ben"]))
    again = parties(1, ["Anna", "Benno"]).set_column(6, "country", pa.array(["DE", "DE"]))
    bulk.insert(Party, again, conflict=["id"], update=["name"])
    assert list(Party.objects.order_by("id").values_list("name", "country")) == [("Anna", ""), ("Benno", "")]
    bulk.insert(Party, parties(2, ["nobody"]), conflict=["id"])
    assert Party.objects.get(pk=2).name == "Benno"


def test_an_update_sets_the_other_columns_by_key() -> None:
    bulk.insert(Party, parties(1, ["Ana", "Ben", "Cleo"]))
    bulk.update(Party, pa.table({"id": [3, 1], "country": ["FR", "PT"]}))
    assert dict(Party.objects.values_list("id", "country")) == {1: "PT", 2: "", 3: "FR"}


def test_reserved_ids_are_never_given_twice() -> None:
    first = bulk.reserve(Party, 5)
    assert bulk.reserve(Party, 3) == first + 5
    bulk.insert(Party, parties(first, ["Ana"]))
    assert Party.objects.create(name="Ben").pk == first + 8


def test_a_column_the_table_does_not_have_is_named() -> None:
    with pytest.raises(ValueError, match="no column shoe_size"):
        bulk.insert(Party, pa.table({"id": [1], "shoe_size": [44]}))


def test_columns_come_back_without_objects() -> None:
    bulk.insert(Party, parties(1, ["Ana", "Ben"]))
    ids, names = bulk.read(Party.objects.all(), "id", "name")
    assert dict(zip(ids, names, strict=True)) == {1: "Ana", 2: "Ben"}
    assert bulk.read(Party.objects.filter(pk=99), "id", "name") == [[], []]


@pytest.mark.django_db(transaction=True)
def test_batches_outside_a_transaction_all_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 2)
    bulk.insert(Party, parties(1, [f"p{i}" for i in range(7)]))
    assert Party.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_work_in_earnest_leaves_the_books_as_careful_as_before() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite is told to hurry")

    def careful() -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous")
            return int(cursor.fetchone()[0])

    def cut_off() -> None:
        with bulk.in_earnest():
            assert careful() == 1
            raise RuntimeError

    assert careful() == 2
    with pytest.raises(RuntimeError):
        cut_off()
    assert careful() == 2
