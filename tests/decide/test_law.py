"""Law as data: the files hold what docs/law.md says, the clocks end where the calendar says, the unknown is strict."""

from __future__ import annotations

import calendar
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.decide.law import BASES, FREE, NO_RULE, UNKNOWN, Life, holds, law, months_after, read
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Channel, TouchClass

DOC = (Path(__file__).parents[2] / "docs" / "law.md").read_text(encoding="utf-8")
PLAIN = """
jurisdiction: unknown
name: Nowhere
countries: []
rules:
  - id: unknown.email
    where: unknown
    channels: [email]
    purposes: [service]
    basis: consent
    clock: {from: obtained, months: 6, resets_on: [], mark: P}
    requires: []
    optout_sla: P10BD
    on_expiry: null
    source: "A book of rules that nobody wrote."
    mark: P
"""


def instant(text: str) -> np.ndarray:
    return np.array([text], dtype="datetime64[us]")


NEVER = instant("NaT")


def until(country: str, *, basis: str, channel: Channel = Channel.EMAIL, obtained: str = "NaT", live: bool = False,
          touch: TouchClass = TouchClass.PROMOTIONAL, **life: str) -> str | None:  # fmt: skip
    """When a ground runs out, "never", or None where it does not count."""
    held = Life(*(instant(life.get(n, "NaT")) for n in ("last_purchase", "last_contact", "ended_at")), np.array([live]))
    counts, ends = holds(
        law(),
        where=law().places(pa.chunked_array([pa.array([country], pa.string())])),
        basis=np.array([BASES.index(basis) if basis in BASES else FREE], dtype=np.int8),
        channel=channel,
        touch_class=touch,
        obtained=instant(obtained),
        life=held,
    )
    if not counts[0]:
        return None
    return "never" if np.isnat(ends[0]) else str(ends[0])[:16]


@pytest.mark.parametrize("rule", law().rules, ids=lambda rule: rule.id)
def test_every_rule_is_documented_with_its_source(rule: object) -> None:
    assert f"`{rule.id}`" in DOC  # type: ignore[attr-defined]
    assert rule.source in DOC  # type: ignore[attr-defined]
    assert f"| {rule.mark} |" in DOC  # type: ignore[attr-defined]


def test_the_page_says_that_it_is_no_advice() -> None:
    assert "Nothing here is legal advice" in DOC


@pytest.mark.parametrize(
    ("country", "code"),
    [("DE", "de"), ("FR", "fr"), ("GB", "uk"), ("US", "us"), ("CA", "ca"), ("AU", "au"), ("IT", "eu"), ("NO", "eu"),
     ("BR", UNKNOWN), ("Germany", UNKNOWN), ("", UNKNOWN), (None, UNKNOWN)],
)  # fmt: skip
def test_a_country_has_its_law_and_others_the_strictest(country: str | None, code: str) -> None:
    place = law().places(pa.chunked_array([pa.array([country], pa.string())]))[0]
    assert law().jurisdictions[place].code == code


def test_the_unknown_country_allows_nothing_that_any_other_forbids() -> None:
    cells, strictest = law().cells, law().place(UNKNOWN)
    for place, one in enumerate(law().jurisdictions):
        free = cells[place, :, :, FREE] != NO_RULE
        there = (cells[place] != NO_RULE) | free[:, :, None]
        assert not np.argwhere((cells[strictest] != NO_RULE) & ~there).tolist(), one.code


def test_no_clock_runs_longer_where_the_country_is_unknown() -> None:
    cells, strictest = law().cells, law().place(UNKNOWN)
    longest = 10_000
    for place, one in enumerate(law().jurisdictions):
        for cell in np.argwhere((cells[strictest] != NO_RULE) & (cells[place] != NO_RULE)):
            ours, theirs = (law().rules[cells[where][tuple(cell)]].clock for where in (strictest, place))
            assert (ours.months if ours else longest) <= (theirs.months if theirs else longest), (one.code, cell)


def test_what_is_never_a_ground_for_offers() -> None:
    offer = TouchClass.PROMOTIONAL
    for country in ("DE", "FR", "GB", "CA", "AU", "IT", None):
        for basis in ("legit_interest", "contract", "none"):
            assert law().rule(country=country, channel=Channel.EMAIL, touch_class=offer, basis=basis) is None
    for country in ("DE", None):
        research = law().rule(
            country=country, channel=Channel.EMAIL, touch_class=TouchClass.RESEARCH, basis="legit_interest"
        )
        assert research is None, "without consent no question by e-mail in Germany, so nor where nobody knows"


def test_canada_counts_two_years_from_a_purchase_and_half_a_year_from_an_inquiry() -> None:
    bought = {"basis": "implied_purchase", "obtained": "2020-01-01"}
    assert until("CA", **bought, last_purchase="2024-03-14T08:30") == "2026-03-14T08:30"
    assert until("CA", **bought, last_purchase="2024-03-14", ended_at="2024-06-01") == "2026-06-01T00:00"
    assert until("CA", **bought, last_contact="2024-03-14") == "2022-01-01T00:00"
    assert until("CA", basis="implied_inquiry", obtained="2024-08-31") == "2025-02-28T00:00"
    assert until("CA", basis="consent", obtained="2001-01-01") == "never"


def test_the_united_states_let_mail_pass_and_calls_expire() -> None:
    assert until("US", basis="none") == "never"
    called = {"channel": Channel.CALL, "basis": "implied_purchase"}
    assert until("US", **called, obtained="2024-01-31") == "2025-07-31T00:00"
    assert until("US", channel=Channel.SMS, basis="implied_purchase", obtained="2024-01-31") is None


def test_france_counts_from_the_end_and_not_while_it_lasts() -> None:
    card = {"channel": Channel.LETTER, "basis": "none", "touch": TouchClass.RELATIONSHIP}
    assert until("FR", **card, live=True, last_contact="2010-01-01") == "never"
    assert until("FR", **card, ended_at="2024-02-29") == "2027-02-28T00:00"
    assert until("FR", **card, ended_at="2024-02-29", last_contact="2024-05-01") == "2027-05-01T00:00"
    assert until("FR", **card) is None, "nothing to count from: it has run out"


def test_a_clock_never_counts_from_before_the_ground_was_given() -> None:
    assert until("IT", basis="consent", obtained="2024-01-01", last_contact="2019-01-01") == "2027-01-01T00:00"
    assert until("DE", basis="consent", obtained="2024-01-01") == "2026-01-01T00:00"


@given(start=st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)), months=st.integers(1, 120))
def test_months_are_calendar_months(start: datetime, months: int) -> None:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    found = months_after(np.array([start], dtype="datetime64[us]"), months=months)[0]
    assert found == np.datetime64(start.replace(year=year, month=month + 1, day=day), "us")


def test_no_start_gives_no_end() -> None:
    assert np.isnat(months_after(NEVER, months=3)).all()


@pytest.mark.parametrize(
    ("changed", "to", "message"),
    [
        ("months: 6", "months: six", "law/x.yaml: rules.0.clock"),
        ("channels: [email]", "channels: [pigeon]", "law/x.yaml: rules.0.channels.0"),
        ("name: Nowhere", "nickname: Nowhere", "law/x.yaml: the whole file"),
        ("name: Nowhere", "name: [", "not YAML"),
        ("where: unknown", "where: eu", "is about eu"),
        ("jurisdiction: unknown", "jurisdiction: eu", "about unknown, the file about eu"),
        ("countries: []", "countries: []\nbase: moon", "base 'moon'"),
        ("basis: consent", "basis: charm", "rules.0.basis"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(changed: str, to: str, message: str) -> None:
    with pytest.raises(BadInput, match=message.replace(".", r"\.")):
        read({"x.yaml": PLAIN.replace(changed, to)})


def test_files_may_not_contradict_each_other() -> None:
    assert [rule.id for rule in read({"x.yaml": PLAIN}).rules] == ["unknown.email"]
    with pytest.raises(BadInput, match="described twice"):
        read({"x.yaml": PLAIN, "y.yaml": PLAIN})
    other = PLAIN.replace("unknown", "eu")
    with pytest.raises(BadInput, match="no law for an unknown country"):
        read({"x.yaml": other})
    with pytest.raises(BadInput, match=r"rule eu\.email is also in a\.yaml"):
        read({"a.yaml": other, "x.yaml": PLAIN.replace("unknown.email", "eu.email")})
    fr = "countries: [FR]"
    with pytest.raises(BadInput, match=r"country FR is also in a\.yaml"):
        read({"a.yaml": other.replace("countries: []", fr), "x.yaml": PLAIN.replace("countries: []", fr)})
    twice = PLAIN + PLAIN[PLAIN.index("  - id") :].replace("unknown.email", "unknown.again")
    with pytest.raises(BadInput, match="both speak of consent"):
        read({"x.yaml": twice})


def test_a_jurisdiction_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInput, match="moon"):
        law().place("moon")
