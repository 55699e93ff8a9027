"""Text tables: CSV in any dialect, and tables whose columns are set apart by blanks.

Records are counted as a spreadsheet counts rows: a quoted line break does not start a new one, a blank line does.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from rekindle.errors import BadInput
from rekindle.observe.readers.encoding import SNIFF_BYTES, Utf8Stream, sniff_encoding
from rekindle.observe.readers.layout import Layout, Rows, Torn, text_column, unique_names
from rekindle.observe.readers.values import looks_typed

DELIMITERS = (",", ";", "\t", "|")
# A record must fit one block, and the parser holds several blocks at once: small ones first, for little memory; where
# a record turns out longer, the file is parsed once more in large ones.
BLOCK_BYTES, LARGE_BLOCK_BYTES = 1 << 20, 8 << 20
SAMPLE_LINES = 500
RAGGED = "other number of columns than the header"
NUL = "holds a NUL byte"


def detect(
    path: Path, *, encoding: str | None = None, delimiter: str | None = None, header: bool | None = None
) -> Layout:
    """Layout of a text table from its first block; what is given is believed.

    Raises BadInput for an empty or binary file and where rows cannot be told apart.
    """
    encoding = encoding or sniff_encoding(path)
    lines = _first_lines(path, encoding)
    delimiter = delimiter or _best_delimiter(lines)
    if delimiter == " ":
        width = _usual([len(line.split()) for line in lines])
        bare = Layout("blanks", unique_names([""] * width), encoding, delimiter="\t", quote=None, header_row=None)
    else:
        width = _usual(_widths(lines, delimiter))
        bare = Layout("csv", unique_names([""] * width), encoding, delimiter=delimiter, quote='"', header_row=None)
    head = next((part.table for part in rows(path, bare) if part.table.num_rows), None)
    if head is None:
        raise BadInput("the file is empty.", where=path.name, remedy="Export it again.")
    first = [head.column(text_column(position))[0].as_py() for position in range(width)]
    if header is None:
        header = not any(looks_typed(cell) for cell in first)
    # Without a header, whatever stands above the first row is left out just as well: header_row then ends it.
    return replace(bare, names=unique_names(first), header_row=head["row"][0].as_py() - 1) if header else bare


def rows(path: Path, layout: Layout, *, only: Sequence[int] | None = None) -> Iterator[Rows]:
    """The file as runs of text rows; the header and what stands above it are left out, blank rows too.

    only    positions of the columns wanted, all where None
    Raises BadInput where records cannot be told apart: an open quote, a record over 8 MB, a wrong encoding.
    """
    done = 0
    for block in (BLOCK_BYTES, LARGE_BLOCK_BYTES):
        try:
            for part, upcoming in _parsed(path, layout, only=only, block=block):
                yield _after(part, done) if done else part
                done = max(done, upcoming - 1)
            return
        except pa.ArrowInvalid as error:
            if block == LARGE_BLOCK_BYTES:
                raise BadInput(
                    "rows cannot be told apart: a record is longer than 8 MB.",
                    where=path.name,
                    remedy="Look for a quotation mark that is opened and never closed.",
                ) from error


def _parsed(path: Path, layout: Layout, *, only: Sequence[int] | None, block: int) -> Iterator[tuple[Rows, int]]:
    """Runs of rows, each with the number of the record after it. Raises ArrowInvalid where one outgrows a block."""
    width, proof = len(layout.names), uuid.uuid4().hex
    delimiter = layout.delimiter or ","
    stream = Utf8Stream(
        path,
        encoding=layout.encoding or "utf-8",
        squeeze=layout.format == "blanks",
        tail=(proof + delimiter * (width - 1) + "\n").encode(),
    )
    skip = 0 if layout.header_row is None else layout.header_row + 1
    torn: list[Torn] = []
    wanted = list(range(width)) if only is None else sorted({0, *only})
    last_seen, upcoming = "", skip + 1
    try:
        for batch in _open(stream, layout, skip=skip, torn=torn, wanted=wanted, block=block):
            last_seen = batch.column(0)[-1].as_py() if batch.num_rows else last_seen
            kept = batch.slice(0, batch.num_rows - 1) if last_seen == proof else batch
            numbers, upcoming = _numbered(kept.num_rows, upcoming, [record.row for record in torn])
            table = pa.Table.from_batches([kept]).add_column(0, "row", pa.array(numbers))
            # The parser is a block ahead of us: what it has set aside beyond this run waits for its turn.
            ragged = tuple(record for record in torn if record.row < upcoming)
            torn[:] = [record for record in torn if record.row >= upcoming]
            table, nuls = _without_nul(table) if stream.has_nul else (table, ())
            yield Rows(_without_blank(table), ragged + nuls), upcoming
    finally:
        stream.close()
    if last_seen != proof:
        raise BadInput(
            "a quotation mark is opened and never closed, so rows cannot be told apart.",
            where=path.name,
            remedy=f"It opens at or before row {upcoming - 1}.",
        )


def _after(rows: Rows, done: int) -> Rows:
    """What lies behind record `done`, which a first parse has given already."""
    return Rows(rows.table.filter(pc.greater(rows.table["row"], done)), tuple(t for t in rows.torn if t.row > done))


def mended_lines(path: Path, layout: Layout) -> int:
    """How many lines of a UTF-8 file are in fact Windows-1252 and were read as that."""
    stream = Utf8Stream(path, encoding=layout.encoding or "utf-8")
    while stream.read(BLOCK_BYTES):
        pass
    return stream.mended_lines


def _open(
    stream: Utf8Stream, layout: Layout, *, skip: int, torn: list[Torn], wanted: list[int], block: int
) -> Iterator[pa.RecordBatch]:
    names = [text_column(position) for position in range(len(layout.names))]

    def set_aside(record: Any) -> str:
        torn.append(Torn(record.number, record.text, RAGGED))
        return "skip"

    return iter(
        pa_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            # One thread: only then does the parser count records, and one thread already reads 10 M rows/s.
            read_options=pa_csv.ReadOptions(
                use_threads=False, column_names=names, skip_rows_after_names=skip, block_size=block
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=layout.delimiter or ",",
                quote_char=layout.quote or False,
                double_quote=True,
                newlines_in_values=layout.quote is not None,
                invalid_row_handler=set_aside,
                ignore_empty_lines=False,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
                include_columns=[text_column(position) for position in wanted],
            ),
        )
    )


def _numbered(count: int, upcoming: int, torn: list[int]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
    """Record numbers of `count` kept rows from `upcoming` on, leaving out the torn ones; and the next number."""
    numbers = np.arange(upcoming, upcoming + count + len(torn), dtype=np.int64)
    if torn:
        numbers = numbers[~np.isin(numbers, torn)]
    numbers = numbers[:count]
    upcoming, behind = int(numbers[-1]) + 1 if count else upcoming, set(torn)
    while upcoming in behind:  # torn records right after the last kept one; later ones belong to the next run
        upcoming += 1
    return numbers, upcoming


def _without_blank(table: pa.Table) -> pa.Table:
    """Rows with something in them: a spreadsheet's empty row is no customer with nothing known."""
    blank = None
    for name in table.column_names[1:]:
        empty = pc.equal(table[name], "")
        blank = empty if blank is None else pc.and_(blank, empty)
        if not pc.any(blank).as_py():
            return table
    return table.filter(pc.invert(blank))


def _without_nul(table: pa.Table) -> tuple[pa.Table, tuple[Torn, ...]]:
    bad = None
    for name in table.column_names[1:]:
        found = pc.match_substring(table[name], "\0")
        bad = found if bad is None else pc.or_(bad, found)
    spoiled = table.filter(bad).to_pylist()
    torn = tuple(Torn(row.pop("row"), " | ".join(row.values()).replace("\0", "\u2400"), NUL) for row in spoiled)
    return table.filter(pc.invert(bad)), torn


def _first_lines(path: Path, encoding: str) -> list[str]:
    """The first lines as text, quoted line breaks not yet understood; the last, perhaps cut, is left out."""
    stream = Utf8Stream(path, encoding=encoding)
    head = stream.read(SNIFF_BYTES)
    if head.count(b"\n") + head.count(b"\r") < 3:
        head += stream.read(LARGE_BLOCK_BYTES)
    complete = not stream.read(1)
    stream.close()
    text = head.decode("utf-8", errors="ignore")
    return text.splitlines() if complete else text.splitlines()[:-1] or [text]


def _widths(lines: list[str], delimiter: str) -> list[int]:
    """Columns of each record, quoted values counted as one."""
    mark = re.escape(delimiter)
    bare = re.sub(rf'(^|{mark})"(?:[^"]|"")*"', r"\1", "\n".join(lines), flags=re.MULTILINE)
    return [line.count(delimiter) + 1 for line in bare.split("\n") if line.strip(" ")][:SAMPLE_LINES]


def _usual(widths: list[int]) -> int:
    """The commonest width; of equally common ones the widest."""
    if not widths:
        return 1
    counts = Counter(widths)
    return max(counts, key=lambda width: (counts[width], width))


def _best_delimiter(lines: list[str]) -> str:
    """The character that cuts most records into the same number of columns; "," where nothing cuts."""
    best, best_score = ",", (0.5, 1)
    for delimiter in DELIMITERS:
        widths = _widths(lines, delimiter)
        usual = _usual(widths)
        score = (round(widths.count(usual) / max(len(widths), 1), 1), usual)
        if usual > 1 and score > best_score:
            best, best_score = delimiter, score
    if best_score[1] == 1 and _set_in_columns(lines):
        return " "
    return best


def _set_in_columns(lines: list[str]) -> bool:
    """Whether blanks set the columns apart: lines begin with one or hold runs, and are equally wide."""
    filled = [line for line in lines[:SAMPLE_LINES] if line.strip()]
    widths = [len(line.split()) for line in filled]
    usual = _usual(widths)
    spaced = sum(1 for line in filled if line[:1] == " " or "  " in line.strip() or "\t" in line.strip())
    return usual > 1 and widths.count(usual) >= 0.9 * len(filled) and spaced >= 0.5 * len(filled)
