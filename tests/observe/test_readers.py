"""Any table of text, in any dialect and encoding, comes back the same."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.observe.readers import delimited
from rekindle.observe.readers.encoding import Utf8Stream, decode_western, sniff_encoding
from rekindle.observe.readers.layout import Layout, text_column, unique_names

# Carriage returns alone are line breaks to any parser, so a table cannot hold them bare; surrogates are no text.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)


def table_of(path: Path, layout: Layout) -> list[list[str]]:
    found: list[list[str]] = []
    for rows in delimited.rows(path, layout):
        assert rows.torn == ()
        columns = [rows.table[text_column(at)].to_pylist() for at in range(len(layout.names))]
        found.extend(list(row) for row in zip(*columns, strict=True))
    return found


@settings(max_examples=60, deadline=None)
@given(
    table=TABLES,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_table_comes_back_the_same(
    table: list[list[str]], delimiter: str, encoding: str, ending: str, quoting: int
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(table)  # type: ignore[arg-type]
    text = written.getvalue()
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes((mark + text).encode(encoding))
        names = unique_names([""] * len(table[0]))
        layout = Layout("csv", names, encoding, delimiter=delimiter, quote='"', header_row=None)
        assert table_of(path, layout) == [row for row in table if any(row)]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_windows_1252_has_a_letter_for_every_byte(raw: bytes) -> None:
    assert len(decode_western(raw)) == len(raw)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-32"])
def test_dialect_and_encoding_are_found(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [
        ["Kunde", "Stadt, Land", "Wert"],
        ["Zoë", "Köln; NRW", "1|2"],
        ["José", "São\nPaulo", "3"],
        ["Ann", "x", "4"],
    ]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    path = tmp_path / "a.csv"
    path.write_bytes(written.getvalue().encode(encoding))
    layout = delimited.detect(path)
    assert (layout.delimiter, layout.names, layout.header_row) == (delimiter, tuple(rows[0]), 0)
    assert table_of(path, layout) == rows[1:]


def test_old_mac_line_ends_are_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"customer,date\r1,2024-01-02\r2,2024-01-03")
    assert table_of(path, delimited.detect(path)) == [["1", "2024-01-02"], ["2", "2024-01-03"]]


def test_a_stream_gives_the_same_bytes_in_pieces_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"  a   b\r\n\r\n c\td  \n" * 1000)
    whole = Utf8Stream(path, encoding="utf-8", squeeze=True).read()
    stream = Utf8Stream(path, encoding="utf-8", squeeze=True)
    assert b"".join(iter(lambda: stream.read(7), b"")) == whole == b"a\tb\n\nc\td\n" * 1000


def test_utf_16_without_a_mark_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("customer,date\n1,2024-01-02\n".encode("utf-16-be"))
    assert sniff_encoding(path) == "utf-16-be"


def test_a_record_too_long_for_a_small_block_neither_repeats_nor_loses_others(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    before = "".join(f"{number},x\n" for number in range(400_000))
    path.write_text(f"customer,note\n{before}torn\nlong,{'y' * 3_000_000}\nlast,z\n")
    parts = list(delimited.rows(path, delimited.detect(path)))
    numbers = [number for part in parts for number in part.table["row"].to_pylist()]
    assert numbers == [*range(2, 400_002), 400_003, 400_004]
    assert [torn.row for part in parts for torn in part.torn] == [400_002]
