"""Parquet files, their typed columns turned to the same text rows the other readers give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rekindle.errors import BadInput
from rekindle.observe.readers.layout import Layout, Rows, text_column, unique_names

# Rows decoded at once: with a hundred text columns still well under 100 MB.
DECODE_ROWS = 50_000


def detect(path: Path) -> Layout:
    """Layout of a Parquet file from its footer. Raises BadInput where the footer cannot be read."""
    with _opened(path) as file:
        return Layout("parquet", unique_names(list(file.schema_arrow.names)), header_row=None)


def rows(path: Path, layout: Layout, *, only: Sequence[int] | None = None) -> Iterator[Rows]:
    """The file as runs of text rows, numbered from 1; numbers and times are written out in full."""
    wanted = list(range(len(layout.names))) if only is None else sorted(set(only))
    upcoming = 1
    with _opened(path) as file:
        names = file.schema_arrow.names
        asked = [names[position] for position in wanted]
        if len(set(names)) < len(names):
            raise BadInput("two columns share a name.", where=path.name, remedy="Rename one and export it again.")
        try:
            for batch in file.iter_batches(batch_size=DECODE_ROWS, columns=asked):
                numbers = pa.array(np.arange(upcoming, upcoming + batch.num_rows, dtype=np.int64))
                upcoming += batch.num_rows
                by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
                texts = [_as_text(by_name[name], name=name, path=path) for name in asked]
                yield Rows(pa.table([numbers, *texts], names=["row", *map(text_column, wanted)]))
        except (pa.ArrowException, OSError) as error:
            raise BadInput("the Parquet file is damaged.", where=path.name, remedy="Export it again.") from error


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput("the Parquet file is damaged.", where=path.name, remedy="Export it again.") from error


def _as_text(values: pa.Array, *, name: str, path: Path) -> pa.Array:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise BadInput(
            f"column {name!r} holds {kind}, not plain values.",
            where=path.name,
            remedy="Export it as text or leave it out.",
        )
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # Text with "Z" carries the instant whatever the zone was.
        values = pc.strftime(pc.cast(values, pa.timestamp("us", tz="UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
    return pc.fill_null(pc.cast(values, pa.string()), "")
