"""Writes the simulated gym as the CSV files a gym would export: UTF-8, commas, a header, ISO dates, decimal points."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from rekindle.relationships.vocabulary import IntakeKind
from rekindle.simulate.world import World


def write(world: World, folder: Path, *, truth: Path | None = None) -> dict[str, list[Path]]:
    """Writes every list into `folder` (made if missing) and the events one file a calendar month.

    Gives the files by what `rekindle take-in --as` calls them: people, events, cancellations, consents, suppressions,
    organisations. The hidden truth is written only where `truth` names a file, and is not among them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lists: Mapping[IntakeKind, tuple[str, pa.Table]] = {
        IntakeKind.PEOPLE: ("people.csv", world.people),
        IntakeKind.ORGANISATIONS: ("vendors.csv", world.organisations),
        IntakeKind.CANCELLATIONS: ("cancellations.csv", world.cancellations),
        IntakeKind.CONSENTS: ("consents.csv", world.consents),
        IntakeKind.SUPPRESSIONS: ("never-again.csv", world.suppressions),
    }
    written = {kind.value: [_write(table, folder / name)] for kind, (name, table) in lists.items()}
    written[IntakeKind.EVENTS.value] = [
        _write(part, folder / f"events-{month}.csv") for month, part in _by_month(world)
    ]
    if truth is not None:
        truth.parent.mkdir(parents=True, exist_ok=True)
        _write(world.truth, truth)
    return written


def _by_month(world: World) -> list[tuple[str, pa.Table]]:
    """The events of each calendar month the window touches, with amounts as people write them."""
    seconds = world.events["at"].cast(pa.int64()).to_numpy()
    text = world.events.set_column(
        world.events.schema.get_field_index("amount_minor"), "amount", decimal_text(world.events["amount_minor"])
    )
    months = world.first.year * 12 + world.first.month - 1, world.last.year * 12 + world.last.month - 1
    parts = []
    for index in range(months[0], months[1] + 1):
        begin, end = (np.searchsorted(seconds, _midnight(index + step)) for step in (0, 1))
        parts.append((f"{index // 12:04d}-{index % 12 + 1:02d}", text.slice(begin, end - begin)))
    return parts


def _midnight(month: int) -> int:
    """Seconds since 1970 at the start of a month counted from year 0, on the wall clock."""
    start = datetime.combine(date(month // 12, month % 12 + 1, 1), time())
    return int((start - datetime(1970, 1, 1)).total_seconds())


def decimal_text(minor: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cents as decimal text, exactly: -1995 is "-19.95"; null stays null."""
    coded = minor.combine_chunks().dictionary_encode()
    words = [
        f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02d}"
        for value in coded.dictionary.to_pylist()
    ]
    return pa.chunked_array([pa.array(words, pa.string()).take(coded.indices)])


def _write(table: pa.Table, path: Path) -> Path:
    """One CSV file; times as ISO wall time without a zone."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, pc.strftime(table[field.name], format="%Y-%m-%dT%H:%M:%S"))
    options = csv.WriteOptions(quoting_style="needed", quoting_header="none", batch_size=65_536)
    csv.write_csv(table, path, write_options=options)
    return path
