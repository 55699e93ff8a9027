"""Files of every kind go in; what is kept and what is refused comes out, and nothing is lost between."""

from __future__ import annotations

import io
import os
import random
import zipfile
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from rekindle.errors import BadInput, UnknownColumn
from rekindle.observe.kept import KEPT, REJECTS
from rekindle.observe.reading import Survey, gather_lines, read, survey
from rekindle.relationships.vocabulary import IntakeKind

LATEST = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = IntakeKind.EVENTS


def look(*paths: Path, kind: IntakeKind = EVENTS, **told: object) -> Survey:
    return survey(paths, kind=kind, latest=LATEST, **{"currency": "EUR", **told})  # type: ignore[arg-type]


def take(*paths: Path, kind: IntakeKind = EVENTS, **told: object) -> tuple[pa.Table, pa.Table, int]:
    """(kept, rejects, rows seen) of some files."""
    parts = list(read(look(*paths, kind=kind, **told), latest=LATEST))
    kept = pa.concat_tables([KEPT[kind].empty_table(), *(part.kept for part in parts)])
    rejects = pa.concat_tables([REJECTS.empty_table(), *(part.rejects for part in parts)])
    return kept, rejects, sum(part.rows_seen for part in parts)


def write(path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def reasons(rejects: pa.Table) -> dict[str, int]:
    return dict(Counter(rejects["reason"].to_pylist()))


# Real files


def test_cdnow_is_read_to_the_last_cent(shared_data: Path) -> None:
    kept, rejects, seen = take(shared_data / "cdnow" / "CDNOW_master.txt", currency="USD")
    assert (seen, kept.num_rows, rejects.num_rows) == (69_659, 69_659, 0)
    assert pc.count_distinct(kept["who"]).as_py() == 23_570
    assert pc.sum(kept["amount_minor"]).as_py() == 250_031_563
    assert set(kept["kind"].to_pylist()) == {"purchase"}
    span = pc.min_max(kept["occurred_at"]).as_py()
    assert (span["min"].date(), span["max"].date()) == (date(1997, 1, 1), date(1998, 6, 30))
    assert kept["who"][0].as_py() == "00001"
    assert kept["row"].to_pylist() == list(range(2, 69_661))


def test_cdnow_sample_has_no_header_and_two_numbers_for_each_customer(shared_data: Path) -> None:
    sample = shared_data / "cdnow" / "CDNOW_sample.txt"
    found = look(sample, currency="USD")
    assert not found.has_header
    assert found.mapping == {"who": "column 1", "occurred_at": "column 3", "amount": "column 5"}
    kept, _, _ = take(sample, currency="USD", mapping={"who": "column 2", "quantity": "column 4"})
    assert kept.num_rows == 6_919
    assert pc.count_distinct(kept["who"]).as_py() == 2_357


def test_online_retail_lines_become_invoices(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "online_retail" / "online_retail.parquet"
    assert look(path, currency="GBP").lines
    kept, rejects, seen = take(path, currency="GBP")
    assert (seen, kept.num_rows) == (541_909, 406_829)
    assert reasons(rejects) == {"no customer": 135_080}
    assert pc.count_distinct(kept["who"]).as_py() == 4_372
    pq.write_table(kept, tmp_path / "part.parquet")
    assert gather_lines([tmp_path / "part.parquet"], out=tmp_path / "events.parquet") == 22_190
    events = pq.read_table(tmp_path / "events.parquet")
    assert events.schema.equals(KEPT[EVENTS])
    assert Counter(events["kind"].to_pylist()) == {"purchase": 18_536, "refund": 3_654}
    assert pc.count_distinct(events["event_id"]).as_py() == 22_190
    assert pc.sum(events["amount"]).as_py() == pc.sum(kept["amount"]).as_py()


def test_telco_and_gym_files_are_surveyed_sensibly(shared_data: Path) -> None:
    telco = look(shared_data / "telco_churn" / "Telco-Customer-Churn.csv", kind=IntakeKind.PEOPLE)
    assert telco.mapping == {"who": "customerID"}
    assert not telco.problems
    gym = look(shared_data / "gym_churn" / "gym_churn_us.csv", kind=IntakeKind.PEOPLE)
    assert gym.mapping == {}
    assert "no column tells who the customer is" in gym.problems[0]
    phone = next(column for column in gym.columns if column.name == "Phone")
    assert phone.field is None
    assert "is no phone number" in phone.why


# Money, dates, kinds


def test_a_european_export_reads_as_meant(tmp_path: Path) -> None:
    path = write(tmp_path / "umsatz.csv", "Kundennr;Datum;Betrag\n007;13.02.2024;1.234,50 €\n008;01.03.2024;-9,99\n",
                 encoding="cp1252")  # fmt: skip
    kept, rejects, _ = take(path, currency=None, time_zone="Europe/Berlin")
    assert rejects.num_rows == 0
    assert kept["who"].to_pylist() == ["007", "008"]
    assert kept["amount_minor"].to_pylist() == [123_450, -999]
    assert kept["kind"].to_pylist() == ["purchase", "refund"]
    assert kept["currency"].to_pylist() == ["EUR", "EUR"]
    assert kept["occurred_at"][0].as_py() == datetime(2024, 2, 12, 23, tzinfo=UTC)


def test_day_and_month_are_asked_for_where_no_value_settles_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer,date,amount\n1,01/02/2024,5.00\n2,03/04/2024,6.00\n")
    found = look(path)
    assert "say date_order=dmy or date_order=mdy" in found.problems[0]
    with pytest.raises(BadInput, match="day and month cannot be told apart"):
        next(read(found, latest=LATEST))
    kept, _, _ = take(path, mapping={"date_order": "mdy"})
    assert kept["occurred_at"][1].as_py() == datetime(2024, 3, 4, tzinfo=UTC)


def test_the_value_that_settles_day_and_month_may_stand_in_the_last_row(tmp_path: Path) -> None:
    rows = "".join(f"{number},01/02/2024,5.00\n" for number in range(5_000))
    found = look(write(tmp_path / "a.csv", f"customer,date,amount\n{rows}9,12/31/2024,5.00\n"))
    assert found.problems == ()
    assert found.date_format == "%m/%d/%Y"


def test_dates_written_both_ways_are_refused(tmp_path: Path) -> None:
    found = look(write(tmp_path / "a.csv", "customer,date\n1,13/02/2024\n2,02/13/2024\n"))
    assert "both ways" in found.problems[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-02-03T04:05:06Z", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2024-02-03 04:05+02:00", datetime(2024, 2, 3, 2, 5, tzinfo=UTC)),
        ("20240203", datetime(2024, 2, 3, tzinfo=UTC)),
        ("12/13/2010 8:26", datetime(2010, 12, 13, 8, 26, tzinfo=UTC)),
        ("13.02.2024", datetime(2024, 2, 13, tzinfo=UTC)),
        ("1706933106", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("1706933106123", datetime(2024, 2, 3, 4, 5, 6, 123_000, tzinfo=UTC)),
        ("3 Feb 2024", datetime(2024, 2, 3, tzinfo=UTC)),
        ("1/13/24 3:05 PM", datetime(2024, 1, 13, 15, 5, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_any_common_form(tmp_path: Path, written: str, meant: datetime) -> None:
    kept, rejects, _ = take(write(tmp_path / "a.csv", f"customer,date\nk1,{written}\nk2,{written}\n"))
    assert rejects.num_rows == 0
    assert kept["occurred_at"].to_pylist() == [meant, meant]


def test_rows_at_fault_are_refused_each_with_its_reason_and_the_rest_is_kept(tmp_path: Path) -> None:
    text = """customer,date,amount,currency
00123,2024-01-02,12.50,EUR
,2024-01-02,12.50,EUR
1.23E+05,2024-01-02,12.50,EUR
A1,1900-01-01,12.50,EUR
A2,2099-01-01,12.50,EUR
A3,yesterday,12.50,EUR
A4,2024-01-02,a lot,EUR
A5,2024-01-02,99999999999999,EUR
A6,2024-01-02,$5,EUR
A7,2024-01-02,5,ZZZ
A8,2024-01-02,5,JPY
A9,2024-01-02,0.125,KWD
B1,2024-01-02
B2,2024-01-02,5,EUR,more
B3,2024-01-02,1.005,USD
"""
    kept, rejects, seen = take(write(tmp_path / "a.csv", text))
    assert kept["who"].to_pylist() == ["00123", "A8", "A9", "B3"]
    assert kept["amount_minor"].to_pylist() == [1250, 5, 125, 101]
    assert kept["currency"].to_pylist() == ["EUR", "JPY", "KWD", "USD"]
    assert seen == kept.num_rows + rejects.num_rows == 15
    told = {row["row"]: (row["column"], row["value"], row["reason"]) for row in rejects.to_pylist()}
    assert told == {
        3: ("customer", "", "no customer"),
        4: ("customer", "1.23E+05", "customer number damaged by a spreadsheet (scientific notation)"),
        5: ("date", "1900-01-01", "date before 1970-01-01"),
        6: ("date", "2099-01-01", "date in the future"),
        7: ("date", "yesterday", "date cannot be read"),
        8: ("amount", "a lot", "amount cannot be read as a number"),
        9: ("amount", "99999999999999", "amount beyond belief"),
        10: ("amount", "$5", "currency sign contradicts the currency"),
        11: ("currency", "ZZZ", "currency not known"),
        14: ("", "B1,2024-01-02", "other number of columns than the header"),
        15: ("", "B2,2024-01-02,5,EUR,more", "other number of columns than the header"),
    }


def test_the_currency_must_be_told_where_nothing_tells_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer,date,amount\n1,2024-01-02,5.00\n")
    assert "currency=EUR" in look(path, currency=None).problems[0]
    assert look(path, currency=None, mapping={"currency": "CHF"}).currency == "CHF"


def test_kinds_come_from_the_column_then_from_what_was_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "member,date,type\n1,2024-01-02,Check In\n2,2024-01-02,\n")
    kept, _, _ = take(path, event_kind="visit")
    assert kept["kind"].to_pylist() == ["check_in", "visit"]


def test_unmapped_columns_are_kept_as_json_where_they_hold_something(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'member,date,"say ""hi""",shop\n1,2024-01-02,"a ""b""\nc",\n2,2024-01-03,,\n')
    kept, _, _ = take(path)
    assert kept["properties"].to_pylist() == ['{"say \\"hi\\"": "a \\"b\\"\\nc"}', None]


# Columns as told


def test_a_mapping_wins_and_a_dash_takes_a_column_away(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer,old number,date,amount\n1,x,2024-01-02,5\n2,y,2024-01-02,5\n")
    found = look(path, mapping={"who": "Old Number", "amount": "-"})
    assert found.mapping == {"who": "old number", "occurred_at": "date"}


def test_unknown_columns_and_fields_are_named_with_what_there_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer,date\n1,2024-01-02\n")
    with pytest.raises(UnknownColumn, match=r"no column 'client'\. There are: customer, date"):
        look(path, mapping={"who": "client"})
    with pytest.raises(BadInput, match="events have no field 'colour'"):
        look(path, mapping={"colour": "date"})


def test_a_survey_survives_json(tmp_path: Path) -> None:
    found = look(write(tmp_path / "a.csv", "customer,date,amount\n1,2024-01-02,5\n"))
    assert Survey.from_json(found.to_json()) == found


def test_the_fingerprint_knows_the_bytes_and_what_was_told(tmp_path: Path) -> None:
    text = "customer,date,amount\n1,2024-01-02,5\n"
    one, two = write(tmp_path / "a.csv", text), write(tmp_path / "b.csv", text)
    assert look(one).fingerprint == look(two).fingerprint
    assert look(one).fingerprint != look(one, mapping={"amount": "-"}).fingerprint
    assert look(one).fingerprint != look(write(two, text + "\n")).fingerprint


# Several files


def test_files_with_the_same_columns_are_read_together_in_any_order_of_columns(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "customer,date\n1,2024-01-02\n")
    two = write(tmp_path / "b.csv", "date;customer\n2024-01-03;2\n")
    kept, _, _ = take(one, two)
    assert kept["who"].to_pylist() == ["1", "2"]
    assert kept["file"].to_pylist() == [0, 1]


def test_a_file_with_other_columns_is_refused_by_their_names(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "customer,date\n1,2024-01-02\n")
    two = write(tmp_path / "b.csv", "customer,day\n2,2024-01-03\n")
    with pytest.raises(BadInput, match=r"b.csv: other columns than a.csv: it lacks 'date' and has 'day' besides"):
        look(one, two)


# Odd files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"  \n\n", "the file is empty"),
        (b"customer,date\n", "a header but no rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        (b"%PDF-1.7", "a PDF document"),
        (bytes(range(256)) * 50, "full of control characters"),
        (b'customer,date\n1,2024-01-02\n2,"2024-01-03\n3,2024-01-04\n', "never closed"),
        (b"PAR1 and then nothing", "Parquet file is damaged"),
        (b"PK\x03\x04 and then nothing", "archive is damaged"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        take(path)
    assert "\n" not in str(caught.value)
    assert "odd.csv" in str(caught.value)


def test_a_row_with_a_nul_byte_is_refused_and_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer,date\n1,2024-01-02\n2\0,2024-01-02\n3,2024-01-02\n")
    kept, rejects, _ = take(path)
    assert kept["who"].to_pylist() == ["1", "3"]
    assert rejects.select(["row", "reason"]).to_pylist() == [{"row": 3, "reason": "holds a NUL byte"}]


def test_lines_in_two_encodings_are_both_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("customer,date,name\n1,2024-01-02,Zoë Müller\n".encode() + "2,2024-01-02,José\n".encode("cp1252"))
    kept, _, _ = take(path)
    assert kept["name"].to_pylist() == ["Zoë Müller", "José"]
    assert "1 lines are in another encoding" in look(path).notes[0]


def test_a_cell_of_a_million_characters_harms_no_one_else(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"customer,date,note\n1,2024-01-02,{'x' * 10**6}\n2,2024-01-02,y\n")
    kept, rejects, _ = take(path)
    assert (kept.num_rows, rejects.num_rows) == (2, 0)
    assert len(kept["properties"][0].as_py()) <= 2_000
    kept, rejects, _ = take(write(path, f"customer,date\n{'x' * 10**6},2024-01-02\n2,2024-01-02\n"))
    assert kept["who"].to_pylist() == ["2"]
    assert len(rejects["value"][0].as_py()) == 200


def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    names = ",".join(f"f{number}" for number in range(10_000))
    path = write(tmp_path / "a.csv", f"customer,date,{names}\n1,2024-01-02,{'7,' * 9_999}7\n")
    kept, rejects, _ = take(path)
    assert (kept.num_rows, rejects.num_rows) == (1, 0)


def test_repeated_column_names_are_told_apart(tmp_path: Path) -> None:
    found = look(write(tmp_path / "a.csv", "customer,date,note,note,\n1,2024-01-02,a,b,c\n"))
    assert [column.name for column in found.columns] == ["customer", "date", "note", "note (2)", "column 5"]


def test_what_stands_above_the_header_is_left_out_and_said(tmp_path: Path) -> None:
    found = look(write(tmp_path / "a.csv", "Sales report\n\ncustomer,date,shop\n1,2024-01-02,x\n2,2024-01-02,y\n"))
    assert found.mapping == {"who": "customer", "occurred_at": "date"}
    assert "2 rows above the header" in found.notes[0]


def test_blank_rows_are_passed_over_without_losing_count(tmp_path: Path) -> None:
    kept, rejects, seen = take(write(tmp_path / "a.csv", "customer,date\n\n1,2024-01-02\n,\n2,bad\n"))
    assert kept["row"].to_pylist() == [3]
    assert rejects["row"].to_pylist() == [5]
    assert seen == 2


def test_a_file_that_grows_is_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "customer,date\n1,2024-01-02\n")
    found = look(path)
    parts = read(found, latest=LATEST)
    next(parts)
    with path.open("a") as file:
        file.write("2,2024-01-02\n")
    with pytest.raises(BadInput, match="changed while it was read"):
        list(parts)
    with pytest.raises(BadInput, match="changed since it was looked at"):
        list(read(found, latest=LATEST))


# Workbooks


def test_a_workbook_is_read_with_its_types_and_its_own_row_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["customer", "date", "amount"])
    sheet.append(["00123", datetime(2024, 1, 2, 3, 4), 12.5])
    sheet.append([])
    sheet.append([17850, date(2024, 1, 3), 3])
    sheet.append([1234567890123456789, date(2024, 1, 3), 3])
    book.create_sheet("more").append(["x"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    kept, rejects, _ = take(path)
    assert kept["who"].to_pylist() == ["00123", "17850"]
    assert kept["row"].to_pylist() == [2, 4]
    assert kept["amount_minor"].to_pylist() == [1250, 300]
    assert "scientific notation" in rejects["reason"][0].as_py()
    assert "not 'more'" in look(path).notes[0]


def bomb(path: Path, *, sheet: bytes, members: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        for number in range(members):
            archive.writestr(f"xl/{number}", b"")
    return path


@pytest.mark.parametrize(
    ("sheet", "members", "message"),
    [
        (bytes(40 << 20), 0, "-fold when unpacked"),
        (bytes(300 << 20), 0, "MB unpacked"),
        (b'<c r="A1"/><c r="XFD1048576"/>', 0, "1,048,576 x 16,384 cells"),
        (b"", 3_000, "members"),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, sheet: bytes, members: int, message: str) -> None:
    with pytest.raises(BadInput, match=f"too large: .*{message}"):
        look(bomb(tmp_path / "a.xlsx", sheet=sheet, members=members))


def test_an_archive_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "x")
    (tmp_path / "a.xlsx").write_bytes(buffer.getvalue())
    with pytest.raises(BadInput, match="a ZIP archive, not a workbook"):
        look(tmp_path / "a.xlsx")


# Many batches


def test_small_batches_give_what_one_large_batch_gives(tmp_path: Path) -> None:
    rng = random.Random(7)
    odd = ["torn", "", ",2024-01-02,5", "c1,never,5"]
    lines = [
        f"c{rng.randrange(50)},2024-01-{rng.randrange(1, 29):02d},{rng.random():.2f}"
        if rng.random() > 0.1
        else rng.choice(odd)
        for _ in range(2_000)
    ]
    found = look(write(tmp_path / "a.csv", "customer,date,amount\n" + os.linesep.join(lines) + "\n"))
    whole = list(read(found, latest=LATEST))
    cut = list(read(found, latest=LATEST, batch_rows=37))
    assert len(whole) == 1
    assert pa.concat_tables([part.kept for part in cut]).equals(pa.concat_tables([part.kept for part in whole]))
    assert sum(part.rows_seen for part in cut) == whole[0].rows_seen
    key = [("row", "ascending")]
    assert pa.concat_tables([part.rejects for part in cut]).sort_by(key).equals(whole[0].rejects.sort_by(key))
