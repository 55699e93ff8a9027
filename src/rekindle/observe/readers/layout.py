"""How a file is laid out, and the text rows every reader gives whatever the format."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Layout:
    """What must be known to tell the rows and columns of one file apart.

    format       "csv", "blanks" (columns set apart by blanks), "xlsx" or "parquet"
    encoding     codec of a text file, None for the others
    delimiter    one character, None where the format needs none
    quote        quote character, None where quotes mean nothing
    header_row   0-based record of the header, None where the file has no header
    names        (m,) column names as shown to people: unique, never empty
    sheet        worksheet of an xlsx file
    """

    format: str
    names: tuple[str, ...]
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_row: int | None = 0
    sheet: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Layout:
        return cls(**{**raw, "names": tuple(raw["names"])})


@dataclass(frozen=True)
class Torn:
    """A record that is no row of the table; kept word for word so that nothing is lost.

    row     1-based, as a person counts records in the file, header included
    text    the record as it stands in the file
    reason  short stable sentence
    """

    row: int
    text: str
    reason: str


@dataclass(frozen=True)
class Rows:
    """A run of rows as text.

    table   row int64 (1-based, header included), then c0..c{m-1} string; an absent value is ""
    torn    records between them that are no rows
    """

    table: pa.Table
    torn: tuple[Torn, ...] = ()


def text_column(position: int) -> str:
    """Name of the column at a 0-based position in `Rows.table`."""
    return f"c{position}"


def unique_names(raw: list[str]) -> tuple[str, ...]:
    """Column names as people will see them: trimmed, unnamed ones numbered, repeated ones told apart."""
    taken: set[str] = set()
    names: list[str] = []
    for position, cell in enumerate(raw, start=1):
        wanted = " ".join(cell.split()) or f"column {position}"
        name, again = wanted, 2
        while name in taken:
            name, again = f"{wanted} ({again})", again + 1
        taken.add(name)
        names.append(name)
    return tuple(names)
