"""Excel workbooks (.xlsx), checked before they are expanded.

An xlsx file is a ZIP archive of XML: a small one can unpack to gigabytes, or name one cell in the last column of the
last row so that the rectangle between is enormous. Both are refused from a streamed look that keeps nothing.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from rekindle.errors import BadInput, UnknownColumn
from rekindle.observe.readers.layout import Layout, Rows, text_column, unique_names
from rekindle.observe.readers.values import looks_typed

# Our choice, from what honest workbooks need: Excel's largest sheet with a dozen columns unpacks to about 500 MB, but
# such a table is better sent as CSV, and these bounds keep memory under that of a small machine.
MOST_MEMBERS = 2_000
MOST_UNPACKED_BYTES = 256 << 20
MOST_RATIO = 200
MOST_CELLS = 6_000_000
BATCH_ROWS = 20_000
# A double holds fifteen digits; a longer number in a cell has lost its end and must not pass for an id.
EXACT_BELOW = 1e15
_CELL = re.compile(rb'\sr="([A-Z]{1,3})([0-9]{1,7})"')


def is_workbook(path: Path) -> bool:
    """Whether the file is an xlsx archive, whatever its name says. Raises BadInput for any other ZIP archive."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput("the archive is damaged.", where=path.name, remedy="Save the workbook again.") from error
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise BadInput("this is a ZIP archive, not a workbook.", where=path.name, remedy="Unpack it first.")
    return True


def detect(path: Path, *, sheet: str | None = None, header: bool | None = None) -> Layout:
    """Layout of a workbook: the sheet asked for, else the first with anything in it.

    Raises BadInput for a bomb, a damaged file or an empty one; UnknownColumn for a sheet that is not there.
    """
    check_size(path)
    book = _opened(path)
    if sheet is not None and sheet not in book.sheet_names:
        raise UnknownColumn(
            f"there is no sheet {sheet!r}.", where=path.name, remedy=f"There are: {', '.join(book.sheet_names)}."
        )
    for name in [sheet] if sheet else book.sheet_names:
        for position, cells in enumerate(_records(book, name)):
            if any(cells):
                header = not any(looks_typed(cell) for cell in cells) if header is None else header
                names = unique_names(cells if header else [""] * len(cells))
                return Layout("xlsx", names, header_row=position if header else None, sheet=name)
    raise BadInput("the workbook is empty.", where=path.name, remedy="Export it again.")


def sheets_with_data(path: Path) -> list[str]:
    """Names of the sheets that hold anything; the workbook must have passed `check_size`."""
    book = _opened(path)
    return [name for name in book.sheet_names if any(any(cells) for cells in _records(book, name))]


def rows(path: Path, layout: Layout, *, only: Sequence[int] | None = None) -> Iterator[Rows]:
    """The sheet as runs of text rows, numbered as the spreadsheet numbers them; blank rows are left out."""
    check_size(path)
    wanted = list(range(len(layout.names))) if only is None else sorted(set(only))
    skip = 0 if layout.header_row is None else layout.header_row + 1
    numbers: list[int] = []
    columns: list[list[str]] = [[] for _ in wanted]
    for position, cells in enumerate(_records(_opened(path), layout.sheet or "")):
        if position < skip or not any(cells):
            continue
        numbers.append(position + 1)
        for column, where in zip(columns, wanted, strict=True):
            column.append(cells[where] if where < len(cells) else "")
        if len(numbers) == BATCH_ROWS:
            yield _rows(numbers, columns, wanted)
            numbers, columns = [], [[] for _ in wanted]
    if numbers:
        yield _rows(numbers, columns, wanted)


def check_size(path: Path) -> None:
    """Refuse an archive that would unpack to more than a workbook needs, before anything is unpacked for keeps."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
            if len(members) > MOST_MEMBERS:
                raise _bomb(path, f"{len(members):,} members; at most {MOST_MEMBERS:,} are opened")
            if unpacked > MOST_UNPACKED_BYTES:
                raise _bomb(
                    path, f"{unpacked >> 20:,} MB unpacked; at most {MOST_UNPACKED_BYTES >> 20:,} MB are opened"
                )
            if unpacked > 32 << 20 and unpacked > MOST_RATIO * max(packed, 1):
                raise _bomb(
                    path, f"it grows {unpacked // max(packed, 1):,}-fold when unpacked; at most {MOST_RATIO}-fold"
                )
            for member in members:
                _check_member(path, archive, member)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInput("the workbook is damaged or locked.", where=path.name, remedy="Save it again.") from error


def _check_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Unpack one member into nothing: a lie about its size ends in a checksum error; count the cells of a sheet."""
    last_row = last_column = 0
    sheet = member.filename.startswith("xl/worksheets/")
    tail = b""
    with archive.open(member) as stream:
        while chunk := stream.read(1 << 20):
            if not sheet:
                continue
            for letters, digits in set(_CELL.findall(tail + chunk)):
                last_row = max(last_row, int(digits))
                last_column = max(last_column, _column_number(letters))
            tail = chunk[-64:]
    if last_row * last_column > MOST_CELLS:
        raise _bomb(path, f"a sheet of {last_row:,} x {last_column:,} cells; at most {MOST_CELLS:,} cells are opened")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _bomb(path: Path, what: str) -> BadInput:
    return BadInput(f"the workbook is too large: {what}.", where=path.name, remedy="Save the sheet as CSV.")


def _opened(path: Path) -> Any:
    try:
        return CalamineWorkbook.from_path(path)
    except (CalamineError, OSError) as error:
        raise BadInput("the workbook is damaged or locked.", where=path.name, remedy="Save it again.") from error


def _records(book: Any, sheet: str) -> Iterator[list[str]]:
    """Each row of a sheet from its very first, as text."""
    try:
        for cells in book.get_sheet_by_name(sheet).to_python(skip_empty_area=False):
            yield [_as_text(cell) for cell in cells]
    except CalamineError as error:
        raise BadInput(f"sheet {sheet!r} cannot be read.", remedy="Save the workbook again.") from error


def _rows(numbers: list[int], columns: list[list[str]], wanted: list[int]) -> Rows:
    arrays = [pa.array(numbers, pa.int64()), *(pa.array(column, pa.string()) for column in columns)]
    return Rows(pa.table(arrays, names=["row", *map(text_column, wanted)]))


def _as_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        if abs(cell) >= EXACT_BELOW:
            return f"{cell:.5E}"
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, int):
        return f"{cell:.5E}" if abs(cell) >= EXACT_BELOW else str(cell)
    return str(cell) if isinstance(cell, timedelta) else ""
