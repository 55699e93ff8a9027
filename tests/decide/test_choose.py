"""One choice a person, and what a day has room for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.decide.budget import NO_OWNER, within_capacity
from rekindle.decide.choose import DECISIONS, People, choose
from rekindle.decide.eligibility import CONSENTS, PEOPLE, TOUCHES, gather
from rekindle.decide.options import OPTIONS, Option
from rekindle.decide.worth import stakes
from rekindle.errors import BadInput
from rekindle.relationships.stages import CODE
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion

NOW = datetime(2024, 6, 30, 12, 0, tzinfo=UTC)
ALL_ROADS = frozenset(Channel)
CHECK_IN = next(option for option in OPTIONS if option.suggestion is Suggestion.CHECK_IN)
OPEN: dict[str, Any] = {
    "has_email": True, "has_phone": True, "has_address": True, "has_handle": False, "suppressed": False,
    "closed": False, "deceased": False, "live": True, "cooling_off": False, "cooling_until": None, "open_case": False,
    "reply_only": False, "over": False, "mend_open": False, "holdout": False, "do_not_wake": False,
}  # fmt: skip
ANA: dict[str, Any] = {
    "stage": Stage.AT_RISK, "sign": True, "life_days": 400.0, "last_touch": None, "value": 60_000.0, "p": 0.4,
    "spend": 3_000.0,
}  # fmt: skip


def crowd(*people: dict[str, Any]) -> People:
    rows = [ANA | OPEN | one for one in people]
    ids = [row.get("party_id", number + 1) for number, row in enumerate(rows)]
    gate = [{name: row.get(name) for name in PEOPLE.names} | {"party_id": i} for row, i in zip(rows, ids, strict=True)]
    return People(
        party_id=np.array(ids, dtype=np.int64),
        stage=np.array([CODE[row["stage"]] for row in rows], dtype=np.int8),
        sign=np.array([row["sign"] for row in rows], dtype=np.bool_),
        life_days=np.array([row["life_days"] for row in rows], dtype=np.float64),
        last_touch=np.array([row["last_touch"] for row in rows], dtype="datetime64[D]"),
        stakes=stakes(
            value_to_come=np.array([row["value"] for row in rows], dtype=np.float64),
            p_lose=np.array([row["p"] for row in rows], dtype=np.float64),
            usual_spend=np.array([row["spend"] for row in rows], dtype=np.float64),
        ),
        facts=gather(
            people=pa.Table.from_pylist(gate, schema=PEOPLE),
            consents=CONSENTS.empty_table(),
            touches=TOUCHES.empty_table(),
        ),
    )


def decide(
    *people: dict[str, Any], roads: frozenset[Channel] = ALL_ROADS, minute: float = 50.0
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = choose(crowd(*people), roads=roads, minor_per_minute=minute, at=NOW).to_pylist()
    return rows


def one(*, roads: frozenset[Channel] = ALL_ROADS, minute: float = 50.0, **person: Any) -> dict[str, Any]:
    (row,) = decide(person, roads=roads, minute=minute)
    return row


def test_somebody_valuable_at_risk_is_worth_a_personal_word() -> None:
    row = one()
    assert (row["suggestion"], row["channel"], row["reason"]) == ("check_in", "in_person", "worth_doing")
    assert row["at_stake"] == pytest.approx(24_000)
    assert row["worth"] == pytest.approx(0.06 * 24_000 - 6 * 50 - 0.003 * 60_000)
    assert (row["minutes"], row["ground"], row["stake_basis"]) == (6.0, "prior, untested", "value")
    assert (row["wished"], row["refusal"], row["until"]) == ("check_in", None, None)


def test_doing_nothing_wins_when_a_touch_costs_more_than_it_keeps() -> None:
    row = one(value=1_000.0)
    assert (row["suggestion"], row["reason"], row["channel"], row["minutes"]) == (
        "nothing", "too_little_at_stake", None, 0.0,
    )  # fmt: skip
    assert row["wished"] is None


def test_a_touch_that_is_worth_exactly_nothing_is_not_made() -> None:
    at_stake_cost = 0.06 * 24_000 - 0.003 * 60_000  # of the six minutes
    assert one(minute=at_stake_cost / 6 + 1e-9)["suggestion"] == "nothing"
    assert one(minute=at_stake_cost / 6 - 1e-9)["suggestion"] == "check_in"
    assert one(value=0.0, minute=0.0)["suggestion"] == "nothing"


def test_somebody_who_comes_as_usual_sleeps_well() -> None:
    row = one(stage=Stage.ONGOING, sign=False, p=0.05)
    assert (row["suggestion"], row["reason"]) == ("nothing", "sleeping_well")


@pytest.mark.parametrize(
    "stage", [Stage.COURTSHIP, Stage.DATING, Stage.PAUSED, Stage.NOTICE, Stage.BREAKUP, Stage.COOLING_OFF,
              Stage.WOOING, Stage.OLD_FRIENDS, Stage.CLOSED]
)  # fmt: skip
def test_stages_in_which_we_suggest_nothing(stage: Stage) -> None:
    assert one(stage=stage)["reason"] == "stage_at_rest"


@pytest.mark.parametrize(
    ("stage", "life_days", "suggestion"),
    [
        (Stage.PHOENIX, 0.0, "greet_return"),
        (Stage.PHOENIX, 30.0, "greet_return"),
        (Stage.PHOENIX, 31.0, "nothing"),
        (Stage.EARLY, 13.0, "nothing"),
        (Stage.EARLY, 14.0, "first_days"),
        (Stage.EARLY, 60.0, "first_days"),
        (Stage.EARLY, 61.0, "nothing"),
    ],
)
def test_each_option_has_its_days(stage: Stage, life_days: float, suggestion: str) -> None:
    assert one(stage=stage, sign=False, life_days=life_days)["suggestion"] == suggestion


def test_too_early_says_when_the_right_time_begins() -> None:
    row = one(stage=Stage.EARLY, sign=False, life_days=4.5)
    assert row["reason"] == "too_early"
    assert row["until"] == datetime(2024, 7, 10, tzinfo=UTC), "9.5 days on, as a whole day"
    assert one(stage=Stage.EARLY, sign=False, life_days=61.0)["reason"] == "sleeping_well"


def test_a_sign_opens_a_check_in_in_the_early_days() -> None:
    assert one(stage=Stage.EARLY, sign=True, life_days=5.0)["suggestion"] == "check_in"
    assert one(stage=Stage.EARLY, sign=False, life_days=5.0)["suggestion"] == "nothing"


def test_a_touch_not_long_ago_means_rest() -> None:
    last = date(2024, 6, 30) - timedelta(29)
    row = one(last_touch=last)
    assert (row["reason"], row["until"]) == ("touched_lately", datetime(2024, 7, 1, tzinfo=UTC))
    assert one(last_touch=last - timedelta(1))["suggestion"] == "check_in"


def test_the_road_is_the_most_preferred_one_that_is_open() -> None:
    assert one(roads=frozenset({Channel.EMAIL, Channel.CALL}))["channel"] == "call"
    assert one(roads=frozenset({Channel.EMAIL, Channel.CALL}), has_phone=False)["channel"] == "email"
    assert one(roads=frozenset({Channel.SMS}))["reason"] == "no_road"


def test_a_refused_wish_keeps_its_rule_and_the_date_it_changes() -> None:
    until = NOW + timedelta(20)
    row = one(cooling_off=True, cooling_until=until)
    assert (row["suggestion"], row["reason"], row["wished"]) == ("nothing", "refused_everywhere", "check_in")
    assert (row["refusal"], row["refusal_until"]) == ("cooling_off", until)
    assert one(suppressed=True)["refusal"] == "suppressed"


def test_the_refusal_that_came_closest_to_allowing_is_kept() -> None:
    row = one(roads=frozenset({Channel.CALL, Channel.EMAIL}), has_phone=False, live=False)
    assert row["refusal"] == "no_basis", "the call fails for want of a number, the e-mail got further"
    until = NOW + timedelta(20)
    row = one(roads=frozenset({Channel.LETTER, Channel.EMAIL}), has_email=False, cooling_off=True, cooling_until=until)
    assert (row["refusal"], row["refusal_until"]) == ("cooling_off", until), "the letter came closer than the e-mail"


def among(*options: Option, **person: Any) -> dict[str, Any]:
    """The decision about one person when only these options are in the table."""
    table = choose(crowd(person), roads=ALL_ROADS, minor_per_minute=50.0, at=NOW, options=(OPTIONS[0], *options))
    (row,) = table.to_pylist()
    return dict(row)


def test_equal_options_go_to_the_one_earlier_in_the_table() -> None:
    first, second = CHECK_IN, replace(CHECK_IN, suggestion=Suggestion.THANK_YOU)
    assert among(first, second)["suggestion"] == "check_in"
    assert among(second, first)["suggestion"] == "thank_you"


def test_of_two_dates_the_nearer_one_is_told() -> None:
    later = replace(CHECK_IN, suggestion=Suggestion.THANK_YOU, rest_days=60)
    touched = {"last_touch": date(2024, 6, 20)}
    for table in ((CHECK_IN, later), (later, CHECK_IN)):
        assert among(*table, **touched)["until"] == datetime(2024, 7, 20, tzinfo=UTC)
    soon, late = replace(CHECK_IN, from_day=10), replace(CHECK_IN, suggestion=Suggestion.THANK_YOU, from_day=20)
    young = {"life_days": 5.0, "sign": False, "stage": Stage.AT_RISK}
    for table in ((soon, late), (late, soon)):
        assert among(*table, **young)["reason"] == "too_little_at_stake", "at risk is never merely too early"
    soon, late = (replace(one, stages=frozenset({Stage.EARLY})) for one in (soon, late))
    for table in ((soon, late), (late, soon)):
        row = among(*table, **young | {"stage": Stage.EARLY})
        assert (row["reason"], row["until"]) == ("too_early", datetime(2024, 7, 5, tzinfo=UTC))


def test_a_lesser_option_is_chosen_when_the_best_is_refused_and_the_refusal_is_kept() -> None:
    lesser = replace(CHECK_IN, suggestion=Suggestion.THANK_YOU, effect=0.03, channels=(Channel.IN_PERSON,))
    best = replace(CHECK_IN, channels=(Channel.EMAIL,))
    rows = choose(
        crowd({"has_email": False}), roads=ALL_ROADS, minor_per_minute=50.0, at=NOW, options=(OPTIONS[0], lesser, best)
    ).to_pylist()
    assert (rows[0]["suggestion"], rows[0]["channel"]) == ("thank_you", "in_person")
    assert (rows[0]["wished"], rows[0]["refusal"]) == ("check_in", "identity_missing")


def test_care_needs_no_figure_but_claims_none() -> None:
    for unknown in ({"value": np.nan, "spend": np.nan}, {"p": np.nan}):
        row = one(**unknown)
        assert (row["suggestion"], row["reason"], row["worth"], row["at_stake"]) == ("check_in", "care", None, None)
    assert one(value=np.nan, spend=np.nan, stage=Stage.ONGOING, sign=False)["suggestion"] == "nothing"


def test_one_usual_purchase_stands_in_for_a_value_not_known() -> None:
    row = one(value=np.nan, spend=60_000.0)
    assert (row["stake_basis"], row["suggestion"]) == ("usual_spend", "check_in")


def test_everybody_has_a_rank_whatever_was_chosen() -> None:
    rows = decide({"value": 1_000.0, "p": 0.95}, {"value": 50_000.0, "p": 0.4}, {"stage": Stage.CLOSED, "p": np.nan})
    assert [row["rank"] for row in rows] == [2, 1, 3]


def test_people_and_rules_must_be_about_the_same_people() -> None:
    people = crowd({}, {})
    with pytest.raises(BadInput, match="other people"):
        replace(people, party_id=people.party_id[::-1].copy())
    with pytest.raises(BadInput, match="sign has 1 rows, party_id has 2"):
        replace(people, sign=people.sign[:1])
    with pytest.raises(BadInput, match="twice"):
        crowd({"party_id": 4}, {"party_id": 4})


def test_a_negative_minute_and_a_naive_instant_are_refused() -> None:
    with pytest.raises(BadInput, match="cannot cost"):
        one(minute=-1.0)
    with pytest.raises(BadInput, match="time zone"):
        choose(crowd({}), roads=ALL_ROADS, minor_per_minute=1.0, at=NOW.replace(tzinfo=None))


def test_nobody_at_all_gets_no_decision() -> None:
    assert choose(crowd(), roads=ALL_ROADS, minor_per_minute=1.0, at=NOW).num_rows == 0


def test_everybody_alone_is_decided_as_in_the_crowd() -> None:
    everybody = [
        {"stage": stage, "p": p, "value": value, "last_touch": touch, "life_days": 20.0, "sign": sign, "live": live}
        for stage in Stage
        for p in (0.1, np.nan)
        for value in (40_000.0, np.nan)
        for touch in (None, date(2024, 6, 20))
        for sign in (True, False)
        for live in (True, None)
    ]
    roads = frozenset({Channel.EMAIL, Channel.LETTER})
    together = decide(*everybody, roads=roads)
    for place in range(0, len(everybody), 7):
        alone = one(roads=roads, **everybody[place])
        skip = {"party_id", "rank"}
        assert {k: v for k, v in alone.items() if k not in skip} == {
            k: v for k, v in together[place].items() if k not in skip
        }


# Capacity -------------------------------------------------------------------------------------------------------


def planned(*rows: dict[str, Any]) -> pa.Table:
    """Decisions to touch, ranked as given."""
    base = {"suggestion": "check_in", "channel": "call", "reason": "worth_doing", "wished": "check_in",
            "stake_basis": "value", "minutes": 6.0, "worth": 100.0, "at_stake": 500.0}  # fmt: skip
    return pa.Table.from_pylist(
        [dict.fromkeys(DECISIONS.names) | base | {"party_id": n, "rank": n} | row for n, row in enumerate(rows, 1)],
        schema=DECISIONS,
    )


def kept(
    decisions: pa.Table, *, owner: list[int] | None = None, minutes: dict[int, float] | None = None, day: float = 12.0
) -> list[int]:
    owners = np.array(owner or [NO_OWNER] * len(decisions), dtype=np.int64)
    settled = within_capacity(decisions, owner=owners, minutes=minutes or {}, otherwise=day)
    return [row["party_id"] for row in settled.to_pylist() if row["suggestion"] != "nothing"]


def test_a_day_goes_to_the_most_worth_a_minute() -> None:
    rows = planned({"worth": 100.0}, {"worth": 300.0}, {"worth": 90.0, "minutes": 2.0}, {"worth": 200.0})
    assert kept(rows, day=12.0) == [2, 3], "33 a minute, 50 a minute twice over, then 4 minutes are too few"
    assert kept(rows, day=14.0) == [2, 3, 4]


def test_a_touch_too_long_for_the_rest_of_the_day_lets_a_shorter_one_pass() -> None:
    rows = planned({"worth": 600.0}, {"worth": 500.0}, {"worth": 10.0, "minutes": 4.0}, {"worth": 5.0, "minutes": 4.0})
    assert kept(rows, day=10.0) == [1, 3]


def test_the_day_is_used_to_its_last_minute() -> None:
    assert kept(planned({}, {}, {}), day=12.0) == [1, 2]
    assert kept(planned({}, {}, {}), day=11.9) == [1]
    assert kept(planned({}), day=0.0) == []


def test_who_does_not_fit_is_left_in_peace_and_keeps_rank_and_wish() -> None:
    settled = within_capacity(
        planned({}, {}, {}), owner=np.array([7, 7, 7]), minutes={7: 12.0}, otherwise=0.0
    ).to_pylist()
    last = settled[2]
    assert (last["suggestion"], last["channel"], last["reason"], last["minutes"]) == ("nothing", None, "capacity", 0.0)
    assert (last["rank"], last["wished"], last["worth"]) == (3, "check_in", 100.0)
    assert settled[0] == planned({}, {}, {}).to_pylist()[0]


def test_each_owner_has_a_day_of_their_own() -> None:
    assert kept(planned({}, {}, {}, {}), owner=[7, 7, 8, NO_OWNER], minutes={7: 6.0, 8: 0.0}, day=6.0) == [1, 4]


def test_touches_whose_worth_is_not_known_come_after_money_by_rank() -> None:
    rows = planned({"worth": None}, {"worth": None, "minutes": 2.0}, {"worth": 1.0})
    assert kept(rows, day=6.0) == [3]
    assert kept(rows, day=12.0) == [1, 3]


def test_nothing_needs_no_room() -> None:
    rest = {"suggestion": "nothing", "channel": None, "minutes": 0.0, "worth": None, "reason": "sleeping_well"}
    settled = within_capacity(planned(rest), owner=np.array([1]), minutes={}, otherwise=0.0).to_pylist()
    assert settled[0]["reason"] == "sleeping_well"


def test_an_impossible_day_or_owners_of_other_people_are_refused() -> None:
    with pytest.raises(BadInput, match="owner 7"):
        within_capacity(planned({}), owner=np.array([7]), minutes={7: -1.0}, otherwise=1.0)
    with pytest.raises(BadInput, match="2 owners for 1 people"):
        within_capacity(planned({}), owner=np.array([7, 8]), minutes={}, otherwise=1.0)


@given(
    st.lists(
        st.tuples(st.sampled_from([2.0, 4.0, 5.0, 6.0]), st.sampled_from([None, 10.0, 50.0, 70.0]), st.integers(-1, 2)),
        max_size=25,
    ),
    st.integers(0, 40),
)
def test_filling_a_day_agrees_with_doing_it_one_by_one(
    touches: list[tuple[float, float | None, int]], day: int
) -> None:
    rows = planned(*({"minutes": minutes, "worth": worth} for minutes, worth, _ in touches))
    left = dict.fromkeys(range(-1, 3), float(day))
    expected = []
    order = sorted(enumerate(touches, 1), key=lambda t: (t[1][1] is None, -(t[1][1] or 0.0) / t[1][0], t[0]))
    for party, (minutes, _, owner) in order:
        if minutes <= left[owner]:
            left[owner] -= minutes
            expected.append(party)
    assert kept(rows, owner=[owner for *_, owner in touches], day=float(day)) == sorted(expected)
