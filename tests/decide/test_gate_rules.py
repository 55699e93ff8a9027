"""Each rule matters: take it away and somebody is reached who must not be. And the borders of pressure and studies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from rekindle.decide import gate_rules
from rekindle.decide.eligibility import ALWAYS, CONSENTS, PEOPLE, RULES, TOUCHES, Rule, check, gather
from rekindle.decide.gate_rules import STEPS
from rekindle.relationships.vocabulary import Channel, TouchClass

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ANA: dict[str, Any] = {
    "party_id": 1, "has_email": True, "has_phone": True, "has_address": True, "has_handle": True, "suppressed": False,
    "closed": False, "deceased": False, "live": True, "country": "GB", "time_zone": None, "last_purchase": NOW,
    "last_contact": NOW, "ended_at": None, "cooling_off": False, "cooling_until": None, "reply_only": False,
    "own_thread": None, "over": False, "old_friend": False, "want_back": None, "open_case": False, "mend_open": False,
    "holdout": False, "do_not_wake": False, "do_not_wake_until": None,
}  # fmt: skip
LEFT = {"live": False, "over": True}
CARD = {"at": NOW - timedelta(20), "touch_class": "relationship", "channel": "letter"}
MAIL = {"at": NOW - timedelta(5), "touch_class": "promotional", "channel": "email"}
YES = {"party_id": 1, "channel": None, "purpose": None, "basis": "consent", "given": True, "at": NOW - timedelta(30)}
NO = YES | {"given": False, "at": NOW - timedelta(1)}


def answer(
    *touched: dict[str, Any],
    said: tuple[dict[str, Any], ...] | None = (YES,),
    touch: TouchClass = TouchClass.PROMOTIONAL,
    channel: Channel = Channel.EMAIL,
    at: datetime = NOW,
    were_read: bool = True,
    home: tuple[str, ...] = (),
    **person: Any,
) -> tuple[Rule, datetime | None]:
    facts = gather(
        people=pa.Table.from_pylist([ANA | person], schema=PEOPLE),
        consents=None if said is None else pa.Table.from_pylist([*said], schema=CONSENTS),
        touches=pa.Table.from_pylist([{"party_id": 1} | one for one in touched], schema=TOUCHES) if were_read else None,
        home_zones=home,
    )
    verdict = check(facts, touch_class=touch, channel=channel, at=at)
    until = verdict.until[0].item()
    return RULES[verdict.rule[0]], until.replace(tzinfo=UTC) if until else None


# What each rule alone refuses: everything else about the person is in order.
CASES: dict[Rule, dict[str, Any]] = {
    Rule.IDENTITY_MISSING: {"has_email": False},
    Rule.SUPPRESSED: {"suppressed": True},
    Rule.SUPPRESSION_UNKNOWN: {"suppressed": None},
    Rule.CLOSED_OR_DECEASED: {"deceased": True},
    Rule.STANDING_UNKNOWN: {"closed": None},
    Rule.OBJECTED: {"said": (YES, NO), "touch": TouchClass.SERVICE},
    Rule.OBJECTION_UNKNOWN: {"said": None, "touch": TouchClass.SERVICE},
    Rule.ASKED_LATER: {"asked_later": True, "asked_until": NOW + timedelta(9)},
    Rule.NO_BASIS: {"said": ()},
    Rule.COOLING_OFF: {"cooling_off": True, "cooling_until": NOW + timedelta(9)},
    Rule.COOLING_OFF_UNKNOWN: {"cooling_off": None},
    Rule.REPLY_ONLY: {"reply_only": True},
    Rule.WANT_BACK: LEFT,
    Rule.WANT_BACK_UNKNOWN: {"over": None},
    Rule.OPEN_CASE: {"open_case": True},
    Rule.MEND_OPEN: {"mend_open": True},
    Rule.CASE_UNKNOWN: {"mend_open": None},
    Rule.HOLDOUT: {"holdout": True},
    Rule.DO_NOT_WAKE: {"do_not_wake": True},
    Rule.TOUCH_CAP: {"touched": (MAIL, MAIL)},
    Rule.TOUCH_GAP: {"touched": (CARD | {"at": NOW - timedelta(hours=71)},)},
    Rule.TOUCHES_UNKNOWN: {"were_read": False},
    Rule.QUIET_HOURS: {"at": NOW.replace(hour=22)},
    Rule.HOUR_UNKNOWN: {"country": None},
    Rule.UNFIT: {"unfit": "a name is missing"},
    Rule.SAID_BEFORE: {"said_before": True},
    Rule.WRITTEN_TODAY: {"written_today": True, "next_day": NOW + timedelta(hours=12)},
}


def asked(case: dict[str, Any]) -> Rule:
    return answer(*case.get("touched", ()), **{name: value for name, value in case.items() if name != "touched"})[0]


def test_every_rule_stands_in_the_table_once_and_in_its_order() -> None:
    assert (Rule.ALLOWED, *(step.rule for step in STEPS)) == RULES
    assert set(CASES) == set(RULES) - {Rule.ALLOWED}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.rule))
def test_without_a_rule_somebody_is_reached_who_must_not_be(
    step: gate_rules.Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[step.rule]
    assert asked({}) is Rule.ALLOWED
    assert asked(case) is step.rule
    monkeypatch.setattr(gate_rules, "STEPS", tuple(one for one in STEPS if one is not step))
    assert asked(case) is Rule.ALLOWED


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.rule))
@pytest.mark.parametrize("touch", sorted(ALWAYS))
def test_what_is_owed_passes_all_but_the_first_rules(step: gate_rules.Step, touch: TouchClass) -> None:
    found = asked(CASES[step.rule] | {"touch": touch})
    assert found is (step.rule if step.binds_owed else Rule.ALLOWED)


OURS = {
    TouchClass.RESEARCH,
    TouchClass.RELATIONSHIP,
    TouchClass.CONTENT,
    TouchClass.REFERRAL_ASK,
    TouchClass.PROMOTIONAL,
}


@pytest.mark.parametrize("touch", list(TouchClass))
def test_who_left_is_approached_only_where_somebody_decided_to_want_them(touch: TouchClass) -> None:
    for word in (None, "undecided", "no", "yes", "maybe"):
        found = answer(touch=touch, **LEFT, want_back=word)[0]
        assert found is (Rule.WANT_BACK if touch in OURS and word not in ("yes", "maybe") else Rule.ALLOWED)
    friend = answer(touch=touch, **LEFT, old_friend=True, want_back="no")[0]
    kindly = touch in (TouchClass.RELATIONSHIP, TouchClass.CONTENT)
    assert friend is (Rule.ALLOWED if kindly or touch not in OURS else Rule.WANT_BACK)


@pytest.mark.parametrize("touch", list(TouchClass))
def test_what_is_owed_to_them_comes_before_offers_and_not_before_service(touch: TouchClass) -> None:
    waits = touch in OURS - {TouchClass.RESEARCH}
    assert answer(touch=touch, open_case=True)[0] is (Rule.OPEN_CASE if waits else Rule.ALLOWED)
    assert answer(touch=touch, mend_open=True)[0] is (Rule.MEND_OPEN if waits else Rule.ALLOWED)


def test_only_service_answers_who_wrote_to_us() -> None:
    assert answer(touch=TouchClass.SERVICE, reply_only=True)[0] is Rule.REPLY_ONLY
    assert answer(touch=TouchClass.SERVICE, reply_only=True, own_thread=True)[0] is Rule.ALLOWED
    assert answer(touch=TouchClass.PROMOTIONAL, reply_only=True, own_thread=True)[0] is Rule.REPLY_ONLY
    assert answer(reply_only=None)[0] is Rule.REPLY_ONLY


def test_a_study_that_does_not_exist_holds_nobody_back_and_one_that_is_not_known_does() -> None:
    facts = gather(
        people=pa.Table.from_pylist([ANA], schema=PEOPLE).drop_columns(["holdout", "do_not_wake", "do_not_wake_until"]),
        consents=pa.Table.from_pylist([YES], schema=CONSENTS),
        touches=TOUCHES.empty_table(),
    )
    assert check(facts, touch_class=TouchClass.PROMOTIONAL, channel=Channel.EMAIL, at=NOW).allowed.all()
    assert answer(holdout=None)[0] is Rule.HOLDOUT
    assert answer(do_not_wake=None)[0] is Rule.DO_NOT_WAKE
    assert answer(holdout=True, touch=TouchClass.SERVICE)[0] is Rule.ALLOWED


def test_who_sleeps_is_let_sleep_until_the_list_expires_and_may_be_greeted_in_person() -> None:
    later = NOW + TICK
    assert answer(do_not_wake=True, do_not_wake_until=later) == (Rule.DO_NOT_WAKE, later)
    assert answer(do_not_wake=True, do_not_wake_until=NOW)[0] is Rule.ALLOWED
    assert answer(do_not_wake=True, channel=Channel.IN_PERSON)[0] is Rule.ALLOWED


def test_a_third_offer_in_a_week_waits_until_the_first_is_a_week_old() -> None:
    first, second = MAIL | {"at": NOW - timedelta(7) + TICK}, MAIL | {"at": NOW - timedelta(4)}
    assert answer(first, second) == (Rule.TOUCH_CAP, NOW + TICK)
    assert answer(first | {"at": NOW - timedelta(7)}, second)[0] is Rule.ALLOWED
    assert answer(first, second, touch=TouchClass.SERVICE)[0] is Rule.ALLOWED, "service is not marketing"
    assert answer(first, second, touch=TouchClass.RELATIONSHIP, channel=Channel.LETTER)[0] is Rule.ALLOWED, "nor a card"
    assert answer(first | {"touch_class": "legal"}, second)[0] is Rule.ALLOWED, "what is owed is not counted"


def test_who_left_hears_of_us_once_in_thirty_days_and_eight_times_a_year_with_cards() -> None:
    wanted = LEFT | {"want_back": "yes"}
    month = MAIL | {"at": NOW - timedelta(30)}
    assert answer(month, **wanted)[0] is Rule.ALLOWED
    assert answer(month | {"at": NOW - timedelta(30) + TICK}, **wanted) == (Rule.TOUCH_CAP, NOW + TICK)
    cards = [CARD | {"at": NOW - timedelta(40 * n)} for n in range(1, 9)]
    assert answer(*cards[:7], **wanted)[0] is Rule.ALLOWED
    assert answer(*cards, **wanted) == (Rule.TOUCH_CAP, cards[-1]["at"] + timedelta(365))
    friends = [CARD | {"at": NOW - timedelta(80 * n)} for n in range(1, 5)]
    assert answer(*friends, touch=TouchClass.CONTENT, **LEFT, old_friend=True)[0] is Rule.TOUCH_CAP
    assert answer(*friends[:3], touch=TouchClass.CONTENT, **LEFT, old_friend=True)[0] is Rule.ALLOWED


def test_between_two_touches_lie_three_days_or_two_weeks() -> None:
    wanted = LEFT | {"want_back": "yes"}
    for person, gap in (
        ({}, timedelta(hours=72)),
        (wanted, timedelta(14)),
        (wanted | {"old_friend": True}, timedelta(14)),
    ):
        assert answer(CARD | {"at": NOW - gap}, **person)[0] is Rule.ALLOWED
        assert answer(CARD | {"at": NOW - gap + TICK}, **person) == (Rule.TOUCH_GAP, NOW + TICK)
    yesterday = CARD | {"at": NOW - timedelta(1)}
    assert answer(yesterday, touch=TouchClass.SERVICE)[0] is Rule.TOUCH_GAP
    assert answer(yesterday, touch=TouchClass.SERVICE, open_case=True)[0] is Rule.ALLOWED
    assert answer(yesterday | {"at": NOW + TICK})[0] is Rule.ALLOWED, "an earlier day sees what it could see"
    assert answer(yesterday | {"party_id": 2})[0] is Rule.ALLOWED
