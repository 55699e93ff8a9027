"""The simulated gym: what must hold for every world, and whether its numbers look like a real gym."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Basis, Channel, EventKind, TouchClass
from rekindle.simulate.gym import Gym, World, live
from rekindle.simulate.names import ORIGINS
from rekindle.simulate.people import PLANS


def lives_of(world: World) -> list[dict[str, Any]]:
    return world.truth.to_pylist()


def visits_of(world: World) -> pa.Table:
    return world.events.filter(pc.equal(world.events["kind"], "visit"))


def by_member(world: World) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for life in lives_of(world):
        found.setdefault(life["member"], []).append(life)
    return found


def test_the_same_gym_is_the_same_world() -> None:
    gym = Gym(people=300, months=7, seed=11, until=date(2025, 5, 17))
    one, two = live(gym), live(gym)
    for field in fields(World):
        first, second = getattr(one, field.name), getattr(two, field.name)
        assert first.equals(second) if isinstance(first, pa.Table) else first == second, field.name


def test_another_seed_is_another_world() -> None:
    one = live(Gym(people=200, months=6, seed=1, until=date(2025, 5, 31)))
    two = live(Gym(people=200, months=6, seed=2, until=date(2025, 5, 31)))
    assert not one.people["name"].equals(two.people["name"])
    assert one.events.num_rows != two.events.num_rows


@settings(max_examples=12, deadline=None)
@given(
    people=st.integers(1, 90),
    months=st.integers(1, 30),
    seed=st.integers(0, 10_000),
    until=st.dates(date(1990, 1, 1), date(2040, 12, 31)),
)
def test_every_gym_keeps_its_promises(people: int, months: int, seed: int, until: date) -> None:
    world = live(Gym(people=people, months=months, seed=seed, until=until))
    assert world.last == until
    assert len(set(world.events["event_id"].to_pylist())) == world.events.num_rows
    assert set(world.events["member"].to_pylist()) <= set(world.people["member"].to_pylist())
    assert len({life["party"] for life in lives_of(world)}) == people
    lives = by_member(world)
    for member, at, kind in zip(*(world.events[name].to_pylist() for name in ("member", "at", "kind")), strict=True):
        assert world.first <= at.date() <= until
        assert at.date() >= min(life["began_on"] for life in lives[member])
        if kind == "visit":
            assert any(life["began_on"] <= at.date() <= (life["true_left_on"] or until) for life in lives[member]), (
                member,
                at,
            )


def test_nobody_visits_outside_a_life_or_twice_a_day(gym_world: World) -> None:
    lives = by_member(gym_world)
    visits = visits_of(gym_world)
    days = [at.date() for at in visits["at"].to_pylist()]
    members = visits["member"].to_pylist()
    assert len(set(zip(members, days, strict=True))) == visits.num_rows
    spans = {
        member: [(life["began_on"], life["true_left_on"] or gym_world.last) for life in own]
        for member, own in lives.items()
    }
    astray = [
        (member, day)
        for member, day in zip(members, days, strict=True)
        if not any(began <= day <= left for began, left in spans[member])
    ]
    assert astray == []


def test_the_end_of_a_quiet_life_is_its_last_visit(gym_world: World) -> None:
    seen = {
        (member, at.date())
        for member, at in zip(*(visits_of(gym_world)[name].to_pylist() for name in ("member", "at")), strict=True)
    }
    quiet = [life for life in lives_of(gym_world) if life["quiet"] and life["true_left_on"]]
    without = [life for life in quiet if (life["member"], life["true_left_on"]) not in seen]
    assert len(quiet) > 500
    # Some of those who never got into the habit paid without ever coming inside the window.
    assert len(without) < 0.03 * len(quiet)


def test_lives_follow_one_another(gym_world: World) -> None:
    own: dict[int, list[dict[str, Any]]] = {}
    for life in lives_of(gym_world):
        own.setdefault(life["party"], []).append(life)
    for party in own.values():
        assert [life["life"] for life in party] == list(range(1, len(party) + 1))
        for earlier, later in pairwise(party):
            assert earlier["returned_on"] == later["began_on"]
            assert later["began_on"] >= earlier["true_left_on"] + timedelta(days=42)
        assert not (len(party) > 1 and party[-2]["never_again"] and not party[-1]["never_again"])


def test_some_come_back_under_their_old_number_and_some_under_a_new_one(gym_world: World) -> None:
    first = {life["party"]: life["member"] for life in lives_of(gym_world) if life["life"] == 1}
    second = [life for life in lives_of(gym_world) if life["life"] == 2]
    renewed = [life for life in second if life["member"] != first[life["party"]]]
    assert 0.2 < len(renewed) / len(second) < 0.45
    people = {row["member"]: row for row in gym_world.people.to_pylist()}
    for life in renewed:
        old, new = people[first[life["party"]]], people[life["member"]]
        assert old["name"] == new["name"]
        assert new["joined_on"] == life["began_on"]


def test_money_is_exact(gym_world: World) -> None:
    prices = {plan.price_minor + rise - off for plan in PLANS for rise in (0, plan.rise_minor) for off in (0, 500)}
    for kind, amount, currency, note in zip(
        *(gym_world.events[name].to_pylist() for name in ("kind", "amount_minor", "currency", "note")), strict=True
    ):
        assert (amount is None) == (currency is None) == (kind in ("visit", "complaint"))
        if kind == "refund":
            assert amount < 0
        elif amount is not None:
            assert amount > 0
        if kind == "payment" and note != "joining fee":
            assert amount in prices


def test_monthly_members_pay_once_a_month(gym_world: World) -> None:
    fees = gym_world.events.filter(pc.equal(gym_world.events["note"], "membership fee"))
    months = fees["at"].cast(pa.timestamp("s")).to_numpy().astype("datetime64[M]")
    pairs: dict[tuple[str, Any], int] = {}
    for pair in zip(fees["member"].to_pylist(), months, strict=True):
        pairs[pair] = pairs.get(pair, 0) + 1
    assert sum(count > 1 for count in pairs.values()) < 0.004 * len(pairs)  # collected late, then paid in time


def test_ten_visit_cards_are_bought_every_ten_visits(gym_world: World) -> None:
    card = {row["member"] for row in gym_world.people.to_pylist() if row["plan"] == "ten-visit card"}
    sold = pc.sum(pc.equal(gym_world.events["note"], "ten-visit card")).as_py()
    came = sum(member in card for member in visits_of(gym_world)["member"].to_pylist())
    assert 0.95 < came / sold / 10 < 1.05


def test_failed_payments_hint_at_some_quiet_ends(gym_world: World) -> None:
    notes = gym_world.events.filter(pc.equal(gym_world.events["kind"], "payment_failed"))["note"]
    assert set(notes.to_pylist()) == {"account not covered", "card expired"}


def test_visits_fall_into_opening_hours(gym_world: World) -> None:
    hours = pc.hour(visits_of(gym_world)["at"])
    assert pc.min(hours).as_py() >= 6
    assert pc.max(hours).as_py() <= 21
    closed = {(at.month, at.day) for at in visits_of(gym_world)["at"].to_pylist()} & {(12, 25), (12, 26), (1, 1)}
    assert closed == set()


def test_words_are_those_of_the_vocabulary(gym_world: World) -> None:
    assert set(gym_world.events["kind"].to_pylist()) <= {kind.value for kind in EventKind}
    assert set(gym_world.consents["channel"].to_pylist()) <= {channel.value for channel in Channel}
    assert set(gym_world.consents["purpose"].to_pylist()) <= {purpose.value for purpose in TouchClass}
    assert set(gym_world.consents["basis"].to_pylist()) == {Basis.CONSENT.value}
    assert set(gym_world.consents["given"].to_pylist()) == {"yes", "no"}


def test_cancellations_are_those_who_told_us(gym_world: World) -> None:
    told = {
        (life["member"], life["noticed_on"], life["ended_on"]) for life in lives_of(gym_world) if life["noticed_on"]
    }
    rows = gym_world.cancellations.to_pylist()
    assert {(row["member"], row["noticed_on"], row["ended_on"]) for row in rows} == told
    assert all(row["ended_on"] >= row["noticed_on"] + timedelta(days=14) for row in rows)
    assert all(row["noticed_on"] <= gym_world.last for row in rows)
    assert any(row["ended_on"] > gym_world.last for row in rows), "somebody's notice must still be running"


def test_who_said_never_again_stays_away(gym_world: World) -> None:
    listed = set(gym_world.suppressions["member"].to_pylist())
    said = [life for life in lives_of(gym_world) if life["never_again"]]
    assert listed == {life["member"] for life in said}
    assert 10 < len(listed) < 100
    final = {life["party"]: life for life in said}  # lives come in order: the last one stays
    assert all(life["true_left_on"] and life["returned_on"] is None for life in final.values())


def test_addresses_and_numbers_are_valid_unique_and_reach_nobody(gym_world: World) -> None:
    rows = gym_world.people.to_pylist()
    firms = gym_world.organisations.to_pylist()
    by_email = {row["email"]: row["name"] for row in rows if row["email"]}
    for email in by_email:
        validate_email(email, check_deliverability=False)
        assert email.endswith(("@example.org", "@example.net", "@example.com"))
    holders: dict[str, set[str]] = {}
    for row in [*rows, *firms]:
        if row["phone"]:
            number = phonenumbers.parse(row["phone"], None)
            assert phonenumbers.is_valid_number(number), row["phone"]
            holders.setdefault(phonenumbers.format_number(number, 0), set()).add(row["name"])
    assert all(len(names) == 1 for names in holders.values())
    assert 0.03 < sum(row["email"] is None for row in rows) / len(rows) < 0.10
    assert 0.07 < sum(row["phone"] is None for row in rows) / len(rows) < 0.15


def test_names_come_from_many_origins() -> None:
    assert len({name for origin in ORIGINS for name in origin.given}) >= 150
    assert len({name for origin in ORIGINS for name in origin.family}) >= 150


def _churn_by_month(world: World) -> list[float]:
    truth = world.truth
    began = truth["began_on"].to_numpy(zero_copy_only=False)
    left = truth["true_left_on"].to_numpy(zero_copy_only=False)
    rates = []
    for month in np.arange(np.datetime64(world.first, "M"), np.datetime64(world.last, "M") + 1):
        start, end = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
        here = (began < start) & ~(left < start)
        rates.append(float((here & (left < end)).sum() / here.sum()))
    return rates


def test_three_to_five_members_in_a_hundred_leave_each_month(gym_world: World) -> None:
    rates = _churn_by_month(gym_world)
    assert 0.03 <= float(np.mean(rates)) <= 0.05
    assert max(rates) < 0.07


def test_about_four_joiners_in_ten_are_gone_within_a_year(gym_world: World) -> None:
    joiners = [
        life
        for life in lives_of(gym_world)
        if life["life"] == 1 and gym_world.first <= life["began_on"] <= gym_world.last - timedelta(days=365)
    ]
    gone = [x for x in joiners if x["true_left_on"] and (x["true_left_on"] - x["began_on"]).days < 365]
    assert 0.35 <= len(gone) / len(joiners) <= 0.45


def test_about_half_of_the_leavers_are_quiet(gym_world: World) -> None:
    left = [life["quiet"] for life in lives_of(gym_world) if life["true_left_on"]]
    assert 0.44 <= float(np.mean(left)) <= 0.56


def test_about_one_leaver_in_ten_returns_within_a_year(gym_world: World) -> None:
    left = [
        life
        for life in lives_of(gym_world)
        if life["true_left_on"] and life["true_left_on"] <= gym_world.last - timedelta(days=365)
    ]
    back = [x for x in left if x["returned_on"] and (x["returned_on"] - x["true_left_on"]).days <= 365]
    assert 0.08 <= len(back) / len(left) <= 0.12


def test_the_active_come_about_twice_a_week(gym_world: World) -> None:
    visits = visits_of(gym_world)
    days = visits["at"].to_numpy().astype("datetime64[D]")
    members = np.asarray(visits["member"].to_pylist())
    for end in (np.datetime64("2025-03-01"), np.datetime64("2025-10-15"), np.datetime64("2026-09-30")):
        recent = members[(days >= end - 28) & (days < end)]
        assert 1.5 <= len(recent) / len(set(recent)) / 4 <= 2.5


def test_quiet_leavers_thin_out_before_they_go(gym_world: World) -> None:
    visits: dict[str, list[date]] = {}
    for member, at in zip(*(visits_of(gym_world)[name].to_pylist() for name in ("member", "at")), strict=True):
        visits.setdefault(member, []).append(at.date())
    before = during = 0
    for life in lives_of(gym_world):
        since = life["fading_from"]
        if life["quiet"] and life["true_left_on"] and since and since - timedelta(days=28) >= gym_world.first:
            own = visits.get(life["member"], [])
            before += sum(since - timedelta(days=28) <= day < since for day in own)
            during += sum(since <= day < since + timedelta(days=28) for day in own)
    assert 0.2 < during / before < 0.75


def test_some_joiners_never_really_start(gym_world: World) -> None:
    joiners = [x for x in lives_of(gym_world) if x["life"] == 1 and x["began_on"] >= gym_world.first]
    assert 0.06 < float(np.mean([x["never_started"] for x in joiners])) < 0.12


def test_a_mishandled_complaint_makes_leaving_likelier(gym_world: World) -> None:
    lives = lives_of(gym_world)
    hurt = [x["true_left_on"] is not None for x in lives if x["reason"] == "complaint mishandled"]
    assert len(hurt) > 40
    assert all(x["wound"] != "none" for x in lives if x["reason"] == "complaint mishandled")


def test_every_true_reason_occurs(gym_world: World) -> None:
    counts = pc.value_counts(gym_world.truth["reason"].drop_null()).to_pylist()
    assert {row["values"] for row in counts} == {
        "money", "moved", "injury", "bored", "trainer left", "complaint mishandled", "season", "never started",
    }  # fmt: skip


def test_january_brings_the_most_joiners(gym_world: World) -> None:
    joined = [row["joined_on"].month for row in gym_world.people.to_pylist() if row["joined_on"] >= gym_world.first]
    counts = np.bincount(joined, minlength=13)
    assert counts.argmax() == 1


def test_there_are_tuesday_people(gym_world: World) -> None:
    visits = visits_of(gym_world)
    tuesday = pc.equal(pc.day_of_week(visits["at"]), 1).to_numpy(zero_copy_only=False)
    members = np.unique(np.asarray(visits["member"].to_pylist()), return_inverse=True)[1]
    total, on_tuesday = np.bincount(members), np.bincount(members, weights=tuesday)
    assert ((on_tuesday / total > 0.8) & (total >= 30)).sum() >= 10


def test_events_number_some_hundred_thousand(gym_world: World) -> None:
    assert 400_000 <= gym_world.events.num_rows <= 700_000


@pytest.mark.parametrize(
    ("change", "where"),
    [({"people": 0}, "people"), ({"months": 0}, "months"), ({"months": 500}, "months"), ({"seed": -1}, "seed")],
)
def test_a_gym_that_cannot_be_is_refused(change: dict[str, int], where: str) -> None:
    with pytest.raises(BadInput, match=where):
        live(Gym(until=date(2026, 1, 31), **change))
