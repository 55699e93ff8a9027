"""Who may leave, when and why: told ends are learned from, everybody who is here is asked, reasons add up."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import logit

from rekindle import home as home_folder
from rekindle.errors import RekindleError
from rekindle.journal.models import Fit, LifeOutlook, Night
from rekindle.relationships.models import Brand, Breakup, Relationship
from rekindle.understand import hazard
from rekindle.understand.person_periods import Lives, today
from rekindle.workflows import nightly, why_they_leave
from rekindle.workflows.night import fit, leaving, leaving_rows
from rekindle.workflows.night.reading import Reading

from . import leaving_club
from .conftest import purchases
from .leaving_club import DAY, Club, club

pytestmark = pytest.mark.django_db
STEPS = ("gather", "summarise", "fit", "outlook", "leaving")


@pytest.fixture(autouse=True)
def only_these_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The night up to the step that is tested here; all of it is run by test_nightly."""
    monkeypatch.setattr(nightly, "STEPS", STEPS)
    no_fit = {"why_none": "not asked here", "chosen": None, "value": None, "held_back_days": None, "why_no_value": ""}
    monkeypatch.setattr(fit, "run", lambda reading: reading.note("fits", no_fit) or 0)


def take_in_club(load: Any, write: Any, **words: Any) -> Club:
    made = club(**words)
    load(write("events.csv", made.events))
    load(write("ends.csv", made.ends), kind="cancellations")
    numbers = set(made.bank)
    for end in Breakup.objects.select_related("relationship__party").prefetch_related(
        "relationship__party__identities"
    ):
        kind = "i4_technical" if number_of(end.relationship) in numbers else "v1_dissatisfied"
        Breakup.objects.filter(pk=end.pk).update(kind=kind)
    return made


def number_of(relationship: Relationship) -> str:
    return str(relationship.party.identities.get(kind="external").value)


def written() -> list[tuple[Any, ...]]:
    fields = [field.attname for field in LifeOutlook._meta.concrete_fields]
    return sorted(LifeOutlook.objects.values_list(*fields), key=str)


def test_everybody_who_is_here_has_a_chance_a_curve_and_a_value(load, write) -> None:
    made = take_in_club(load, write)
    nightly.run(as_of=DAY)
    told = {number_of(one.relationship): one for one in LifeOutlook.objects.select_related("relationship__party")}
    # Who was silent for so long that they are presumed gone is not asked about; nobody else is left out.
    assert set(told) <= made.members
    assert len(told) > 0.95 * len(made.members)
    for one in told.values():
        assert 0 < one.p_end <= one.p_end_horizon < 1
        assert sum(one.by_cause.values()) == pytest.approx(one.p_end, abs=0.002)
        assert len(one.curve) == 12
        assert one.curve == sorted(one.curve, reverse=True)
        assert 0 < one.residual_days <= 360
        assert (one.renewal_value_minor is None) == bool(one.unknown)
    cross = np.mean([one.p_end for who, one in told.items() if who in made.cross])
    calm = np.mean([one.p_end for who, one in told.items() if who not in made.cross])
    assert cross > 2 * calm  # in truth about four times
    paying = [one.renewal_value_minor for one in told.values() if one.renewal_value_minor is not None]
    # 40 a month, twelve of them at most, no margin set
    assert 0.4 * 48_000 < np.median(paying) < 48_000 * 1.05


def test_it_ranks_and_calibrates_better_than_the_plain_guess(load, write) -> None:
    take_in_club(load, write)
    night = nightly.run(as_of=DAY)
    found = why_they_leave.document()
    assert found["model"] == "hazard"
    trust = found["trust"]
    # The best possible ranking of this club, by its own chances, is .72; stated tolerance .06.
    assert trust["auc"] > trust["plain"]["auc"] + 0.05
    assert trust["auc"] > 0.66
    assert trust["log_loss"] < trust["plain"]["log_loss"]
    assert trust["ece"] < 0.02
    assert trust["gain"] > 2 * trust["gain_error"] > 0
    assert sum(group["n"] for group in found["calibration"]) == trust["n"]
    assert all(group["low"] <= group["seen"] <= group["high"] for group in found["calibration"])
    assert {one["column"] for one in found["weighty"][:4]} & {"complaint_30", "complaint_days_since"}
    assert all(one["label"] and one["sentence"] for one in found["weighty"])
    kept = Fit.objects.get(night=night, model="hazard")
    assert kept.is_chosen
    assert kept.boundary is None
    assert kept.held_out["auc"] == pytest.approx(trust["auc"])
    assert set(kept.baselines) == {"constant", "plain"}
    assert all(cause["trees"] == [] for cause in kept.state["fit"]["causes"])  # megabytes stay out of the books


def test_causes_compete_and_their_shares_and_survival_add_up(load, write) -> None:
    made = take_in_club(load, write)
    nightly.run(as_of=DAY)
    found = why_they_leave.document()
    causes = {one["cause"]: one for one in found["causes"]}
    assert {"voluntary", "payment"} <= set(causes)
    assert sum(one["share"] for one in causes.values()) == pytest.approx(1, abs=0.001)
    assert sum(one["endings"] for one in causes.values()) == found["endings"]
    for one in causes.values():
        assert one["low"] <= one["within_year"] <= one["high"]
        assert one["label"]
    survival = found["survival"]
    for place, here in enumerate(survival["still_here"]):
        gone = sum(values[place] for values in survival["by_cause"].values())
        assert here + gone == pytest.approx(1, abs=0.001)
    assert {one["kind"]: one["n"] for one in found["kinds"]} == {
        kind: Breakup.objects.filter(kind=kind, ended_on__gt=DAY - timedelta(days=365)).count()
        for kind in ("v1_dissatisfied", "i4_technical")
    }
    assert causes["payment"]["endings"] == pytest.approx(len(made.bank), abs=3)


def test_the_reasons_of_one_person_add_up_to_their_chance(load, write) -> None:
    take_in_club(load, write)
    nightly.run(as_of=DAY)
    for outlook in LifeOutlook.objects.order_by("-p_end")[:3]:
        told = why_they_leave.reasons_of(outlook.relationship)
        assert told is not None
        assert sum(reason["log_odds"] for reason in told["reasons"]) == pytest.approx(logit(told["p_cause"]), abs=1e-6)
        assert told["p_cause"] == pytest.approx(outlook.by_cause[told["cause"]], abs=0.001)
        assert "complaint" in " ".join(reason["text"] for reason in told["reasons"])
        assert told["cause_label"]


def test_tonight_sees_what_the_past_was_made_of(load, write) -> None:
    """The set-based columns of everybody against the engine's own, life by life."""
    take_in_club(load, write, people=120)
    night = nightly.run(as_of=DAY)
    reading = Reading(night, Brand.objects.get(), lambda text: None)
    lives = reading.read("lives").to_pylist()
    running = [one for one in lives if one["ended_on"] is None]
    party = np.array([one["party_id"] for one in running])
    began = np.array([one["began"] for one in running], dtype="datetime64[D]").astype(np.int64)
    number = np.array([one["number"] for one in running])
    with reading.events() as (db, view):
        sample = leaving_rows.sampled_days(
            db, view, parties=party, brand=reading.brand, as_of=DAY, money=["payment", "refund"], one_in=1
        )
    columns = leaving_rows.columns_of(sample, money=["payment", "refund"])
    assert set(columns.kinds) >= {"visit", "payment"}
    assert columns.paid == ["payment"]
    past = leaving_rows.past_of(sample, columns, party=party, began=began, number=number)
    day = int(np.datetime64(DAY, "D").astype(np.int64))
    wanted = today(Lives(began, np.full(len(party), np.nan), np.full(len(party), "")), past, as_of=day).columns
    asked = pa.table({"party_id": party, "number": number, "began": [one["began"] for one in running]})
    with reading.events() as (db, view):
        found = leaving_rows.tonight(db, view, columns, running=asked, brand=reading.brand, as_of=DAY)
    assert columns.names == list(wanted)
    assert found["party_id"].to_pylist() == party.tolist()
    for name, values in wanted.items():
        seen = found[name].to_pylist()
        if name == "first_channel":
            assert seen == values.tolist()
            continue
        assert [np.nan if one is None else float(one) for one in seen] == pytest.approx(values.tolist(), nan_ok=True)


def test_a_second_run_changes_nothing_and_who_left_is_spoken_of_no_more(load, write) -> None:
    take_in_club(load, write, people=250)
    first = leaving_of(nightly.run(as_of=DAY))
    before = written()
    again = leaving_of(nightly.run(as_of=DAY))
    assert first == len(before) > 0
    assert again == 0
    assert written() == before
    gone = LifeOutlook.objects.select_related("relationship").order_by("pk")[0].relationship
    load(write("gone.csv", f"customer,ended_on\n{number_of(gone)},{DAY}\n"), kind="cancellations")
    nightly.run(as_of=DAY)
    assert not LifeOutlook.objects.filter(relationship=gone).exists()
    assert why_they_leave.reasons_of(gone) is None


def leaving_of(night: Night) -> int:
    return int(night.steps.get(name="leaving").rows)


def test_notice_ends_the_forecast_and_its_withdrawal_brings_it_back(load, write) -> None:
    take_in_club(load, write, people=200)
    nightly.run(as_of=DAY)
    one = LifeOutlook.objects.exclude(p_end=None).order_by("pk")[0].relationship
    later = DAY + timedelta(days=20)
    load(write("notice.csv", f"customer,noticed_on,ended_on\n{number_of(one)},{DAY},{later}\n"), kind="cancellations")
    nightly.run(as_of=DAY)
    told = LifeOutlook.objects.get(relationship=one)
    assert told.p_end is None
    assert "notice is given" in told.unknown
    Breakup.objects.filter(relationship=one).update(withdrawn_at="2025-06-30T12:00:00Z")
    nightly.run(as_of=DAY)
    assert LifeOutlook.objects.get(relationship=one).p_end is not None


def test_nothing_after_the_day_is_read(load, write) -> None:
    until = DAY - timedelta(days=60)
    made = club(people=350)
    head, *rows = made.events.splitlines()
    _, *ends = made.ends.splitlines()
    known, later = parted(rows, until)
    ended, coming = parted(ends, until)
    load(write("known.csv", "\n".join([head, *known]) + "\n"))
    load(write("ended.csv", "\n".join(["customer,ended_on,reason", *ended]) + "\n"), kind="cancellations")
    nightly.run(as_of=until)
    expected = chances()
    assert expected
    load(write("later.csv", "\n".join([head, *later]) + "\n"))
    noticed = [_noticed(row) for row in coming]
    load(write("coming.csv", "\n".join(["customer,noticed_on,ended_on", *noticed]) + "\n"), kind="cancellations")
    nightly.run(as_of=until)
    assert chances() == expected


def parted(rows: list[str], until: date) -> tuple[list[str], list[str]]:
    """Rows dated up to a day, and the others."""
    return (
        [row for row in rows if row.split(",")[1] <= until.isoformat()],
        [row for row in rows if row.split(",")[1] > until.isoformat()],
    )


def chances() -> dict[int, tuple[Any, ...]]:
    return {one.relationship_id: (one.p_end, one.curve, one.by_cause) for one in LifeOutlook.objects.all()}


def _noticed(row: str) -> str:
    who, ended, _ = row.split(",")
    return f"{who},{ended},{ended}"


def test_a_shop_where_nobody_says_goodbye_claims_nothing_and_says_why(load, write) -> None:
    rows = [
        (f"c{number:03d}", (date(2024, 6, 1) + timedelta(days=step * (5 + number % 20))).isoformat(), "10.00")
        for number in range(80)
        for step in range(10)
    ]
    load(write("sales.csv", purchases(rows)))
    nightly.run(as_of=DAY)
    found = why_they_leave.document()
    assert found["model"] is None
    assert "0 ends were told" in found["why_none"]
    assert found["presumed"] > 0
    assert [one["cause"] for one in found["causes"]] == ["quiet"]
    assert not LifeOutlook.objects.exists()
    assert not Fit.objects.filter(model="hazard").exists()


def test_the_thirtieth_told_end_is_the_first_that_is_learned_from(load, write) -> None:
    take_in_club(load, write, people=150)
    keep = Breakup.objects.order_by("pk").values_list("pk", flat=True)[:29]
    Breakup.objects.exclude(pk__in=list(keep)).delete()
    nightly.run(as_of=DAY)
    assert "29 ends were told" in why_they_leave.document()["why_none"]


def test_trees_without_an_edge_give_way_to_the_plain_guess(load, write, monkeypatch) -> None:
    monkeypatch.setattr(leaving_club, "CROSS", leaving_club.CALM)
    monkeypatch.setattr(leaving_club, "BOUNCES", leaving_club.PAYS)
    take_in_club(load, write, people=400)
    night = nightly.run(as_of=DAY)
    kept = Fit.objects.get(night=night, model="hazard")
    assert not kept.is_chosen
    assert "do not beat" in kept.boundary
    found = why_they_leave.document()
    assert found["model"] == "plain"
    assert found["weighty"] == []
    outlook = LifeOutlook.objects.exclude(p_end=None).order_by("pk")[0]
    assert outlook.model == "plain"
    told = why_they_leave.reasons_of(outlook.relationship)
    assert told is not None
    assert len(told["reasons"]) == 1
    assert told["p_cause"] == pytest.approx(outlook.p_end, abs=0.001)


def test_a_night_goes_on_where_the_trees_cannot_be_had(load, write, monkeypatch) -> None:
    take_in_club(load, write, people=200)

    def missing(*columns: Any, **words: Any) -> Any:
        raise RekindleError("LightGBM cannot be loaded", remedy="Install libgomp1.")

    monkeypatch.setattr(hazard, "fit", missing)
    night = nightly.run(as_of=DAY)
    assert night.state == "done"
    assert "LightGBM cannot be loaded" in why_they_leave.document()["why_none"]
    assert not LifeOutlook.objects.exists()


def test_before_any_night_there_is_a_sentence(home) -> None:
    assert "No night" in why_they_leave.document()["why_none"]


def test_a_night_of_an_earlier_version_is_named_and_its_reasons_are_not_invented(load, write) -> None:
    take_in_club(load, write, people=200)
    night = nightly.run(as_of=DAY)
    outlook = LifeOutlook.objects.exclude(p_end=None).order_by("pk")[0]
    for name in ("leaving.json", "leaving_fit.json"):
        (home_folder.night_folder(night.pk) / name).unlink()
    assert "earlier version" in why_they_leave.document()["why_none"]
    told = why_they_leave.reasons_of(outlook.relationship)
    assert told is not None
    assert told["p_end"] == outlook.p_end
    assert told["reasons"] == []


@pytest.mark.parametrize(
    ("told", "rows", "one_in"), [(10_000, 100_000, 1), (10_000, 1_500_000, 10), (60, 1_500_000, 5)]
)
def test_the_sample_is_small_unless_ends_are_rare(told: int, rows: int, one_in: int) -> None:
    n = rows // 10
    began = np.zeros(n, dtype=np.int64)
    nothing = np.full(n, np.nan)
    ends = leaving.LifeEnds(
        party=np.arange(n), number=np.ones(n, np.int64), began=began, last_seen=began, told=nothing,
        cause=np.full(n, ""), closed=nothing, runs=np.ones(n, bool), notice=np.zeros(n, bool),
    )  # fmt: skip
    assert leaving._one_in(ends, since=-100, as_of=299, told=told) == one_in
