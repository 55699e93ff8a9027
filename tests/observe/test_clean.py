"""People, cancellations, consents and suppressions: what is kept, what is left out, what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import phonenumbers
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.observe import amounts, identities
from rekindle.observe.kept import KEPT
from rekindle.observe.lines import gather_lines
from rekindle.observe.reading import read, survey
from rekindle.relationships.vocabulary import IntakeKind

LATEST = datetime(2026, 1, 1, tzinfo=UTC)


def take(
    folder: Path, text: str, *, kind: IntakeKind, **told: Any
) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """(kept rows, (row, reason) of the rejects) of a CSV text."""
    path = folder / "a.csv"
    path.write_text(text, encoding="utf-8")
    parts = list(read(survey([path], kind=kind, latest=LATEST, **told), latest=LATEST))
    kept = [row for part in parts for row in part.kept.to_pylist()]
    return kept, [(row["row"], row["reason"]) for part in parts for row in part.rejects.to_pylist()]


def test_people_are_kept_without_what_cannot_be_read(tmp_path: Path) -> None:
    text = """id,first name,last name,email,phone,country,language,joined,owner,city
1,Ana,Lima,Ana.Lima@Example.COM,030 901820,Germany,de-DE,2024-02-03,boss@example.org,Berlin
2,Ben,,not an address,12,Atlantis,klingon please,1066-10-14,nobody,
,Cleo,,cleo@example.org,+33 1 42 68 53 00,FR,FR,,,
,Dov,,nonsense,,,,,,
"""
    kept, rejects = take(tmp_path, text, kind=IntakeKind.PEOPLE, region="GB")
    ana, ben, cleo = kept
    assert (ana["who"], ana["email"], ana["phone"]) == ("1", "Ana.Lima@example.com", "+4930901820")
    assert (ana["name"], ana["given_name"], ana["country"], ana["language"]) == ("Ana Lima", "Ana", "DE", "de")
    assert (ana["joined_on"], ana["owner"], ana["extra"]) == (
        date(2024, 2, 3),
        "boss@example.org",
        '{"city": "Berlin"}',
    )
    assert (ben["email"], ben["phone"], ben["country"], ben["joined_on"]) == (None, None, None, None)
    assert ben["owner"] == "nobody"
    assert ben["extra"] == '{"country": "Atlantis"}'
    assert (cleo["who"], cleo["phone"]) == (None, "+33142685300")
    assert sorted(rejects) == [
        (3, "kept without the e-mail address: not one"),
        (3, "kept without the joined_on: date before 1970-01-01"),
        (3, "kept without the language: not one"),
        (3, "kept without the phone number: not one"),
        (5, "no customer"),
    ]


def test_cancellations_may_lie_ahead_but_not_in_another_age(tmp_path: Path) -> None:
    text = """member,end date,notice date,reason,comment,initiated by
1,2026-03-31,2025-12-30,price,Too dear for me.,Customer
2,2099-01-01,2025-12-30,moved,,
3,2025-06-30,2099-01-01,moved,,the dog
"""
    kept, rejects = take(tmp_path, text, kind=IntakeKind.CANCELLATIONS)
    assert [(row["who"], row["ended_on"], row["noticed_on"], row["initiator"]) for row in kept] == [
        ("1", date(2026, 3, 31), date(2025, 12, 30), "customer"),
        ("3", date(2025, 6, 30), None, None),
    ]
    assert kept[0]["verbatim"] == "Too dear for me."
    assert rejects == [
        (3, "date in the future"),
        (4, "kept without the noticed_on: date in the future"),
        (4, "kept without the initiator: not known"),
    ]


def test_consents_say_yes_or_no_in_many_ways_and_nothing_else(tmp_path: Path) -> None:
    said = ["yes", "No", "1", "0", "opt-in", "Opt-Out", "subscribed", "unsubscribed", "maybe", ""]
    lines = "".join(f"c{n},{word},2024-01-02,E-Mail,double opt-in\n" for n, word in enumerate(said))
    kept, rejects = take(tmp_path, f"customer,consent,date,channel,basis\n{lines}", kind=IntakeKind.CONSENTS)
    assert [row["given"] for row in kept] == [True, False] * 4
    assert {(row["channel"], row["basis"]) for row in kept} == {("email", "consent")}
    assert rejects == [(10, "neither yes nor no"), (11, "neither yes nor no")]


def test_a_suppression_is_never_lost_however_odd(tmp_path: Path) -> None:
    text = """email,phone,reason,date
Dov@Example.org,,asked,2024-01-02
Dov At Nowhere,,asked,2099-01-01
,call 12,asked,
,,asked,2024-01-02
"""
    kept, rejects = take(tmp_path, text, kind=IntakeKind.SUPPRESSIONS, mapping={"email": "email", "phone": "phone"})
    assert [(row["email"], row["phone"]) for row in kept] == [
        ("Dov@example.org", None),
        ("dov at nowhere", None),
        (None, "call 12"),
    ]
    assert rejects == [(3, "kept without the at: date in the future"), (5, "no customer")]


LOCAL = st.from_regex(r"[A-Za-z0-9._+-]{1,12}", fullmatch=True)
DOMAIN = st.from_regex(r"[A-Za-z0-9-]{1,8}(\.[A-Za-z]{2,5}){1,2}", fullmatch=True)


@settings(max_examples=200, deadline=None)
@given(st.builds("{}@{}".format, LOCAL, DOMAIN))
def test_the_quick_look_at_an_address_agrees_with_the_full_one(address: str) -> None:
    try:
        full = validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError:
        full = None
    assert identities.emails(pa.array([address])).to_pylist() == [full]


def test_phones_need_a_region_only_without_a_country_code() -> None:
    raw = pa.array(["020 7946 0958", "+44 20 7946 0958", "0044 20 7946 0958", "12", None])
    assert identities.phones(raw, region=None).to_pylist()[1:] == ["+442079460958", "+442079460958", None, None]
    assert identities.phones(raw, region="GB")[0].as_py() == "+442079460958"
    assert phonenumbers.is_valid_number(phonenumbers.parse("+442079460958"))


@pytest.mark.parametrize(
    ("written", "decimal", "meant", "sign"),
    [
        ("1,234.50", ".", "1234.500000", None),
        ("1.234,50", ",", "1234.500000", None),
        ("12", ",", "12.000000", None),
        ("€12.50", ".", "12.500000", "EUR"),
        ("12,50 €", ",", "12.500000", "EUR"),
        ("CHF 1'234.50", ".", "1234.500000", "CHF"),
        ("Fr. 12.50", ".", "12.500000", "CHF"),
        ("(12.50)", ".", "-12.500000", None),
        ("12.50-", ".", "-12.500000", None),
        ("-$5", ".", "-5.000000", "USD"),
        ("\u22125", ".", "-5.000000", None),
        ("12.5.3", ".", None, None),
        ("12,5", ".", None, None),
        ("12.50", ",", None, None),
        ("five", ".", None, "?"),
    ],
)
def test_amounts_are_read_as_written(written: str, decimal: str, meant: str | None, sign: str | None) -> None:
    con = duckdb.connect()
    con.register("t", pa.table({"v": [written]}))
    number, currency = f"({amounts.sql_decimal('v', decimal=decimal)})::varchar", amounts.sql_sign("v")
    assert con.execute(f"select {number}, {currency} from t").fetchall() == [(meant, sign)]
    con.close()


@pytest.mark.parametrize(
    ("values", "delimiter", "answer"),
    [
        (["1,234.50", "12"], ",", (".", True)),
        (["1.234,50"], ";", (",", True)),
        (["12,5"], ";", (",", True)),
        (["1,234"], ",", (",", False)),
        (["1.234"], ";", (",", False)),
        (["1.234"], ",", (".", True)),
        (["1,234,567"], ",", (".", True)),
        (["12"], ",", (".", True)),
    ],
)
def test_the_decimal_mark_is_settled_by_the_values(values: list[str], delimiter: str, answer: tuple[str, bool]) -> None:
    assert amounts.decimal_mark(values, delimiter=delimiter) == answer


def test_lines_are_summed_exactly_and_rounded_once(tmp_path: Path) -> None:
    text = """customer,invoice,date,qty,unit price
1,A,2024-01-02 10:00,3,0.335
1,A,2024-01-02 09:00,1,0.335
1,B,2024-01-03,1,10.00
1,B,2024-01-03,-1,2.50
1,C7,2024-01-04,-1,10.00
2,A,2024-01-05,1,1.00
2,,2024-01-05,1,1.00
"""
    (tmp_path / "a.csv").write_text(text)
    found = survey([tmp_path / "a.csv"], kind=IntakeKind.EVENTS, currency="EUR", latest=LATEST)
    assert found.lines
    parts = [tmp_path / f"{number}.parquet" for number, _ in enumerate(read(found, latest=LATEST, batch_rows=3))]
    for path, part in zip(parts, read(found, latest=LATEST, batch_rows=3), strict=True):
        pq.write_table(part.kept, path)
    assert gather_lines(parts, out=tmp_path / "out.parquet") == 5
    events = pq.read_table(tmp_path / "out.parquet")
    assert events.schema.equals(KEPT[IntakeKind.EVENTS])
    told = {(r["who"], r["event_id"]): (r["kind"], r["amount_minor"], r["quantity"]) for r in events.to_pylist()}
    assert told == {
        ("1", "A/1/EUR/purchase"): ("purchase", 134, 4.0),
        ("1", "B"): ("purchase", 750, 0.0),
        ("1", "C7"): ("refund", -1000, -1.0),
        ("2", "A/2/EUR/purchase"): ("purchase", 100, 1.0),
        ("2", None): ("purchase", 100, 1.0),
    }
    first = next(row for row in events.to_pylist() if row["event_id"] == "A/1/EUR/purchase")
    assert first["occurred_at"] == datetime(2024, 1, 2, 9, tzinfo=UTC)
