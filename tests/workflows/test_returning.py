"""Who comes back: learned from told ends and from silences apart, told of everybody who is gone, with its doubt."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from rekindle import home
from rekindle.journal.models import Fit, Night, NightStep, Outlook, ReturnOutlook
from rekindle.relationships.models import Breakup, Party, Relationship, SafeReturn
from rekindle.workflows import coming_back, nightly
from rekindle.workflows.brand import the_brand
from rekindle.workflows.night import gather, life_money, outlook, returning, summarise
from rekindle.workflows.night.reading import Reading

from .conftest import purchases

pytestmark = pytest.mark.django_db

DAY = date(2025, 6, 30)


def gym(people: int = 240, *, seed: int = 5, pushed_back: float = 0.05) -> tuple[list[tuple[str, str, str]], str]:
    """Weekly buyers of 10; half of them say goodbye, and some of these come back and then buy for 20.

    Who was pushed away comes back far more rarely than who moved. Gives purchases, and ends as a file of cancellations.
    """
    rng = np.random.default_rng(seed)
    rows, ends = [], ["customer,ended_on,reason"]
    for number in range(people):
        who, day = f"c{number:03d}", DAY - timedelta(days=int(rng.integers(800, 1000)))
        leaves = number % 2 == 0
        last = day + timedelta(days=int(rng.integers(120, 500))) if leaves else DAY
        while day <= last:
            rows.append((who, day.isoformat(), "10.00"))
            day += timedelta(days=int(rng.integers(5, 10)))
        if not leaves:
            continue
        told = last + timedelta(days=3)
        pushed = number % 4 == 0
        ends.append(f"{who},{told.isoformat()},{'quality_fell' if pushed else 'relocation'}")
        if rng.random() < (pushed_back if pushed else 0.7):
            day = told + timedelta(days=1 + int(rng.exponential(90)))
            last = day + timedelta(days=int(rng.integers(60, 400)))
            while day <= min(last, DAY):
                rows.append((who, day.isoformat(), "20.00"))
                day += timedelta(days=int(rng.integers(5, 10)))
    return rows, "\n".join(ends) + "\n"


def told(who: str) -> ReturnOutlook | None:
    return ReturnOutlook.objects.filter(relationship__party__identities__value=who).first()


def rows() -> list[tuple[Any, ...]]:
    """Every row as written, by customer."""
    fields = [field.attname for field in ReturnOutlook._meta.concrete_fields if field.attname != "relationship_id"]
    return sorted(ReturnOutlook.objects.values_list("relationship__party__identities__value", *fields))


@pytest.fixture
def business(load: Any, write: Any) -> None:
    sales, ends = gym()
    load(write("sales.csv", purchases(sales)))
    load(write("gone.csv", ends), kind="cancellations")


def read_up_to(day: date) -> Night:
    """A night up to this step, without the purchase models, which returns do not ask."""
    night = Night.objects.create(as_of=day, inputs="x")
    reading = Reading(night, the_brand(), lambda text: None)
    gather.run(reading)
    summarise.run(reading)
    reading.note("fits", {"why_none": "not asked", "chosen": None, "value": None, "why_no_value": "not asked"})
    outlook.run(reading)
    written = returning.run(reading)
    night.state, night.ended_at = "done", timezone.now()
    night.save()
    NightStep.objects.create(night=night, position=8, name="returning", rows=written, state="done")
    return night


def gone_now() -> set[str]:
    """Customers whose last life is over."""
    table = pq.read_table(home.night_folder(Night.objects.latest("id").pk) / "lives.parquet").to_pylist()
    ended = {row["party_id"]: row["ended_on"] for row in table}
    over = [party for party, day in ended.items() if day is not None]
    return {one.identities.get(kind="external").value for one in Party.objects.filter(pk__in=over)}


def test_a_whole_night_looks_at_returns_and_shows_it(business: None) -> None:
    night = nightly.run(as_of=DAY)
    assert night.steps.get(name="returning").rows == ReturnOutlook.objects.count() > 50
    assert coming_back.document()["returns"] == night.facts["returning"]["kinds"]["told"]["returns"] > 30


def test_everybody_who_is_gone_has_a_row_and_nobody_else(business: None) -> None:
    read_up_to(DAY)
    assert {row[0] for row in rows()} == gone_now()
    for one in ReturnOutlook.objects.all():
        known = [one.p_return_3, one.p_return_6, one.p_return_12]
        assert all(value is None or 0 < value < 1 for value in known)
        if one.p_return_12 is None:
            assert "a year from now is past that" in one.unknown
        else:
            assert one.p_return_12_low <= one.p_return_12 <= one.p_return_12_high
            assert one.p_return_3 <= one.p_return_6 <= one.p_return_12
            assert one.unknown == ""


def test_who_was_pushed_away_comes_back_more_rarely_than_who_moved(business: None) -> None:
    read_up_to(DAY)
    document = coming_back.document()
    groups = {group["group"]: group for group in document["groups"]}
    assert (document["of"], document["ends"]) == ("told", 120)
    assert [group["n"] for group in document["groups"]] == sorted((g["n"] for g in groups.values()), reverse=True)
    assert groups["pushed"]["high"] < groups["moved"]["low"]
    assert groups["moved"]["by_12"] == pytest.approx(0.7, abs=0.12)
    assert (groups["pushed"]["n"], groups["pushed"]["label"]) == (60, "something we did or left undone")
    by = [month["by"] for month in document["curve"]]
    assert by == sorted(by)
    assert [month["month"] for month in document["curve"]] == list(range(1, len(by) + 1))
    fit = Fit.objects.get(night=Night.objects.latest("id"), model="return_hazard")
    assert (fit.n, fit.unit, fit.is_chosen) == (120, "months", True)


def test_told_ends_and_silences_are_not_learned_from_together(business: None) -> None:
    read_up_to(DAY)
    kinds = {kind["kind"]: kind for kind in coming_back.document()["kinds"]}
    assert kinds["told"]["returns"] > 30
    # Those who came back and then fell silent: nobody of them is back yet, and no goodbye speaks for them.
    assert kinds["presumed"]["ends"] > 30
    assert kinds["presumed"]["returns"] == 0
    assert "only an upper limit" in kinds["presumed"]["boundary"]
    assert {one.group.split(" / ")[0] for one in ReturnOutlook.objects.all()} == {"told", "presumed"}


def test_a_second_life_is_told_in_days_and_money_from_its_restart(business: None) -> None:
    read_up_to(DAY)
    second = coming_back.document()["second"]
    assert (second["of"], second["currency"], second["why_none"]) == ("told", "EUR", "")
    assert second["n"] >= 30
    # 10 a week the first time, 20 a week the second.
    assert second["value_per_day"]["second"]["value"] == pytest.approx(
        2 * second["value_per_day"]["first"]["value"], rel=0.1
    )
    assert second["ratio"]["high"] < 1
    assert second["value"]["low"] < second["value"]["value"] < second["value"]["high"]
    assert second["value"]["value"] == pytest.approx(
        second["second_days"]["value"] * second["value_per_day"]["second"]["value"], rel=1e-3
    )
    told_ends = ReturnOutlook.objects.filter(group__startswith="told")
    assert not told_ends.filter(second_value_minor=None).exists()
    assert {one.second_days for one in told_ends} == {second["horizon_days"]}
    for one in told_ends:
        assert one.second_value_low_minor <= one.second_value_minor <= one.second_value_high_minor
        assert one.second_value_minor == pytest.approx(second["value"]["value"], rel=0.25)
    assert not ReturnOutlook.objects.filter(group__startswith="presumed").exclude(second_value_minor=None).exists()


def test_margin_is_taken_from_what_a_second_life_brings(business: None) -> None:
    read_up_to(DAY)
    whole = coming_back.document()["second"]["value"]["value"]
    brand = Relationship.objects.all()[0].brand
    brand.margin = "0.2500"
    brand.save()
    read_up_to(DAY)
    assert coming_back.document()["second"]["value"]["value"] == pytest.approx(whole / 4, rel=1e-3)


def test_a_second_run_changes_nothing_and_writes_nothing(business: None) -> None:
    first = read_up_to(DAY)
    before, document = rows(), coming_back.document()
    again = read_up_to(DAY)
    assert rows() == before
    assert coming_back.document() == document
    assert first.steps.get(name="returning").rows == len(before)
    assert again.steps.get(name="returning").rows == 0


def test_a_missing_row_is_written_again(business: None) -> None:
    read_up_to(DAY)
    before = rows()
    ReturnOutlook.objects.filter(relationship__party__identities__value=before[0][0]).delete()
    read_up_to(DAY)
    assert rows() == before


def test_nothing_after_the_day_is_read(business: None, load: Any, write: Any) -> None:
    early = DAY - timedelta(days=200)
    read_up_to(early)
    before, document = rows(), coming_back.document()
    sales, _ = gym()
    back = [(who, (DAY - timedelta(days=5)).isoformat(), "999.00") for who in sorted({row[0] for row in sales})]
    load(write("later.csv", purchases(back)))
    Breakup.objects.filter(ended_on__gt=early).update(wound="betrayed")
    read_up_to(early)
    assert rows() == before
    assert coming_back.document() == document


def test_who_is_back_loses_the_row(business: None, load: Any, write: Any) -> None:
    read_up_to(DAY - timedelta(days=1))
    who = next(row[0] for row in rows() if row[2].startswith("told"))
    load(write("back.csv", purchases([(who, DAY.isoformat(), "20.00")])))
    read_up_to(DAY)
    assert told(who) is None


def test_the_word_of_staff_that_somebody_is_back_counts(business: None) -> None:
    read_up_to(DAY)
    one = ReturnOutlook.objects.filter(group__startswith="told").first()
    returns = coming_back.document()["returns"]
    SafeReturn.objects.create(
        relationship=one.relationship, life=2, returned_on=DAY - timedelta(days=3), evidence={"told": True}
    )
    read_up_to(DAY)
    assert not ReturnOutlook.objects.filter(pk=one.pk).exists()
    assert coming_back.document()["returns"] == returns + 1


def test_nobody_waits_for_the_dead(business: None) -> None:
    read_up_to(DAY)
    one, other = ReturnOutlook.objects.filter(group__startswith="told")[:2]
    ends = coming_back.document()["ends"]
    Party.objects.filter(pk=one.relationship.party_id).update(deceased_on=DAY - timedelta(days=9))
    Breakup.objects.filter(relationship=other.relationship).update(kind="i5_deceased")
    read_up_to(DAY)
    assert not ReturnOutlook.objects.filter(pk__in=[one.pk, other.pk]).exists()
    assert coming_back.document()["ends"] == ends - 2


def test_an_end_of_somebody_never_seen_has_a_row_but_teaches_nothing(business: None, load: Any, write: Any) -> None:
    load(write("more.csv", "customer,ended_on,reason\nnobody,2025-06-01,relocation\n"), kind="cancellations")
    read_up_to(DAY)
    assert coming_back.document()["ends"] == 120
    one = told("nobody")
    assert one.group == "told / moved / none"  # nobody of an unknown first life ever left: the wider group
    assert one.months_away == 0
    assert one.p_return_12 is not None
    assert one.second_value_minor == pytest.approx(coming_back.document()["second"]["value"]["value"], rel=0.25)


def test_words_that_many_ends_share_are_a_group_and_words_of_few_are_not(load: Any, write: Any) -> None:
    sales, ends = gym()
    lines = ends.splitlines()
    said = [line.replace("relocation", "New job / too far") for line in lines]
    said[1] = said[1].replace("quality_fell", "quarrel with Ben Okafor")
    load(write("sales.csv", purchases(sales)))
    load(write("gone.csv", "\n".join(said) + "\n"), kind="cancellations")
    read_up_to(DAY)
    groups = {group["group"]: group["n"] for group in coming_back.document()["groups"]}
    assert groups["“new job , too far”"] == 60
    assert groups["pushed"] == 59
    assert groups["unknown"] == 1
    assert not ReturnOutlook.objects.filter(group__icontains="okafor").exists()


def test_too_few_ends_say_so_and_claim_nothing(load: Any, write: Any) -> None:
    sales, ends = gym(people=40)
    load(write("sales.csv", purchases(sales)))
    load(write("gone.csv", ends), kind="cancellations")
    night = read_up_to(DAY)
    document = coming_back.document()
    assert "20 ends are too few" in document["why_none"]
    assert (document["curve"], document["groups"], document["as_of"]) == ([], [], DAY.isoformat())
    assert "too few" in document["second"]["why_none"]
    assert not Fit.objects.filter(night=night, model__in=["return_hazard", "second_lives"]).exists()
    for one in ReturnOutlook.objects.all():
        assert one.p_return_12 is None
        assert one.second_value_minor is None
        assert "too few" in one.unknown
    assert ReturnOutlook.objects.exists()


@pytest.mark.usefixtures("home")
def test_a_business_without_events_or_without_a_night_is_said_to_know_nothing() -> None:
    assert coming_back.document()["why_none"] == "No night has looked at returns yet."
    read_up_to(DAY)
    document = coming_back.document()
    assert "0 ends are too few" in document["why_none"]
    assert document["second"]["n"] == 0


def test_amounts_of_two_currencies_leave_the_days_and_say_why_there_is_no_money(load: Any, write: Any) -> None:
    sales, ends = gym()
    load(write("sales.csv", purchases(sales)))
    load(write("usd.csv", "customer,date,amount,currency\nusa,2025-06-01,5.00,USD\n"))
    load(write("gone.csv", ends), kind="cancellations")
    read_up_to(DAY)
    second = coming_back.document()["second"]
    assert second["second_days"]["value"] < second["first_days"]["value"]
    assert second["value"] is None
    assert "EUR, USD" in second["why_no_money"]
    assert not ReturnOutlook.objects.exclude(second_value_minor=None).exists()


def test_a_year_ago_the_same_figures_would_have_held(load: Any, write: Any) -> None:
    """Ends and returns at a steady pace over four years: what was foretold a year ago is what came."""
    rng = np.random.default_rng(8)
    sales, ends = [], ["customer,ended_on,reason"]
    for number in range(600):
        who, end = f"c{number:03d}", DAY - timedelta(days=int(rng.integers(5, 1400)))
        sales += [(who, (end - timedelta(days=back)).isoformat(), "10.00") for back in (40, 30, 20, 10, 3)]
        ends.append(f"{who},{end.isoformat()},relocation")
        came = end + timedelta(days=1 + int(rng.exponential(600)))
        if came <= DAY:
            sales.append((who, came.isoformat(), "10.00"))
    load(write("sales.csv", purchases(sales)))
    load(write("gone.csv", "\n".join(ends) + "\n"), kind="cancellations")
    read_up_to(DAY)
    trust = coming_back.document()["trust"]
    assert trust["n"] > 100
    assert trust["low"] <= trust["seen"] <= trust["high"]
    assert trust["foretold"] == pytest.approx(trust["n"] * (1 - np.exp(-365 / 600)), rel=0.25)


def test_a_second_life_is_asked_about_by_its_own_days_alone(load: Any, write: Any) -> None:
    """Zoe came weekly, left, and is back every three weeks: what is due and what she is worth restarts."""
    sales, _ = gym()
    first = [("zoe", (date(2023, 1, 2) + timedelta(days=7 * week)).isoformat(), "50.00") for week in range(40)]
    again = [("zoe", (date(2024, 9, 2) + timedelta(days=21 * turn)).isoformat(), "5.00") for turn in range(14)]
    load(write("sales.csv", purchases([*sales, *first, *again])))
    load(write("gone.csv", "customer,ended_on\nzoe,2023-11-01\n"), kind="cancellations")
    nightly.run(as_of=DAY)
    zoe = Relationship.objects.get(party__identities__value="zoe")
    lives = {life.number: life for life in zoe.episodes.all()}
    assert (lives[1].pulses, lives[2].pulses, lives[2].began_on) == (40, 14, date(2024, 9, 2))
    assert lives[1].ended_on == date(2023, 11, 1)
    believed = Outlook.objects.get(relationship=zoe)
    # The pause is counted from her last visit in this life.
    assert believed.last_on == date(2025, 6, 2)
    assert believed.silent_days == (DAY - date(2025, 6, 2)).days
    assert believed.usual_gap == pytest.approx(21, abs=0.5)
    assert believed.overdue_days == pytest.approx(believed.silent_days - believed.usual_gap)
    facts = {row["number"]: row for row in _by_life(zoe.party_id)}
    assert (facts[1]["money_minor"], facts[2]["money_minor"]) == (200_000, 7_000)
    assert (facts[1]["money_mean_minor"], facts[2]["money_mean_minor"]) == (5_000, 500)
    current = _current_life(zoe.party_id)
    assert current == (500.0, facts[2]["usual_gap"])
    assert (facts[1]["usual_gap"], facts[2]["usual_gap"]) == (pytest.approx(7, abs=0.1), pytest.approx(21, abs=0.3))


def _by_life(party: int) -> list[dict[str, Any]]:
    table = pq.read_table(home.night_folder(Night.objects.latest("id").pk) / "life_money.parquet")
    return [row for row in table.to_pylist() if row["party_id"] == party]


def _current_life(party: int) -> tuple[float, float]:
    reading = Reading(Night.objects.latest("id"), the_brand(), lambda text: None)
    summary = reading.read("summary")
    found = life_money.of_current_life(reading, reading.read("lives"), summary)
    at = summary["party_id"].to_pylist().index(party)
    one_life = np.ones(summary.num_rows, dtype=bool)
    one_life[np.isin(summary["party_id"].to_numpy(), reading.read("life_money")["party_id"].to_numpy())] = False
    assert one_life.sum() > 100
    np.testing.assert_array_equal(found.usual_gap[one_life], summary["usual_gap"].to_numpy()[one_life])
    return float(found.money_mean_minor[at]), float(found.usual_gap[at])
