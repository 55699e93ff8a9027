"""Any file of a known format: its layout, and its rows as text."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rekindle.errors import BadInput
from rekindle.observe.readers import columnar, delimited, workbook
from rekindle.observe.readers.layout import Layout, Rows

# Enough to decide what a column holds; more would only be slower.
SAMPLE_ROWS = 1_000


def detect(path: Path, *, settings: Mapping[str, str]) -> Layout:
    """Layout of a file from its first bytes, not its name; settings (encoding, delimiter, header, sheet) are believed.

    Raises BadInput where there is no file, it is empty, or it is no table.
    """
    if not path.is_file():
        raise BadInput("there is no such file.", where=str(path), remedy="Check the path.")
    header = {"yes": True, "no": False}.get(settings.get("header", ""))
    with path.open("rb") as file:
        magic = file.read(4)
    if not magic:
        raise BadInput("the file is empty.", where=path.name, remedy="Export it again.")
    if magic == b"PAR1":
        return columnar.detect(path)
    if workbook.is_workbook(path):
        return workbook.detect(path, sheet=settings.get("sheet"), header=header)
    encoding = settings.get("encoding")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise BadInput(f"encoding {encoding!r} is not known.", remedy="Say for example encoding=utf-8.") from error
    return delimited.detect(path, encoding=encoding, delimiter=settings.get("delimiter"), header=header)


def rows(path: Path, layout: Layout, *, only: Sequence[int] | None = None) -> Iterator[Rows]:
    """The file as runs of text rows; `only` names the column positions wanted."""
    reader = {"parquet": columnar.rows, "xlsx": workbook.rows}.get(layout.format, delimited.rows)
    return reader(path, layout, only=only)


def notes(path: Path, layout: Layout) -> list[str]:
    """What people should know about how the file is read."""
    said = []
    if layout.header_row and layout.format != "parquet":
        said.append(f"{path.name}: {layout.header_row} rows above the header are left out")
    if layout.format == "xlsx":
        others = [sheet for sheet in workbook.sheets_with_data(path) if sheet != layout.sheet]
        if others:
            said.append(
                f"{path.name}: sheet {layout.sheet!r} is read; not {', '.join(repr(sheet) for sheet in others)}"
            )
    elif layout.encoding in ("utf-8", "utf-8-sig"):
        mended = delimited.mended_lines(path, layout)
        if mended:
            said.append(f"{path.name}: {mended} lines are in another encoding and are read as Windows-1252")
    return said
