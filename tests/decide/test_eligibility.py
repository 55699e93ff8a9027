"""The rules of contact: each clause allows, refuses, and has a border."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.decide.eligibility import (
    ALWAYS,
    CONSENTS,
    PEOPLE,
    RULES,
    TOUCHES,
    Rule,
    check,
    gather,
    refusal_text,
)
from rekindle.decide.law import law
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass

DOC = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
NOW = datetime(2024, 6, 30, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
FREE: dict[str, Any] = {
    "party_id": 1, "has_email": True, "has_phone": True, "has_address": True, "has_handle": True, "suppressed": False,
    "closed": False, "deceased": False, "live": False, "country": None, "time_zone": "Europe/London",
    "last_purchase": NOW - timedelta(10), "last_contact": NOW - timedelta(10), "ended_at": None, "cooling_off": False,
    "cooling_until": None, "reply_only": False, "own_thread": None, "over": False, "old_friend": False,
    "want_back": None, "open_case": False, "mend_open": False, "holdout": False, "do_not_wake": False,
    "do_not_wake_until": None,
}  # fmt: skip
NEEDS_GROUND = (Channel.EMAIL, Channel.SMS, Channel.CALL, Channel.SOCIAL)
YES: dict[str, Any] = {
    "party_id": 1, "channel": "email", "purpose": "relationship", "basis": "consent", "given": True,
    "at": NOW - timedelta(100), "expires_at": None,
}  # fmt: skip
NO = YES | {"given": False, "basis": None}
OTHERS = [one for one in TouchClass if one not in ALWAYS]


def answer(
    *said: dict[str, Any],
    touch: TouchClass = TouchClass.RELATIONSHIP,
    channel: Channel = Channel.EMAIL,
    at: datetime = NOW,
    without: str | None = None,
    touched: list[dict[str, Any]] | None = None,
    hour: bool = False,
    **person: Any,
) -> Rule:
    """The rule that decides for one person who is free to be contacted, unless told otherwise."""
    people = pa.Table.from_pylist([FREE | person], schema=PEOPLE)
    if without:
        people = people.drop_columns([without])
    consents = pa.Table.from_pylist([*said], schema=CONSENTS)
    touches = pa.Table.from_pylist([{"party_id": 1, **one} for one in touched or []], schema=TOUCHES)
    facts = gather(people=people, consents=consents, touches=touches)
    verdict = check(facts, touch_class=touch, channel=channel, at=at, hour=hour)
    assert verdict.allowed[0] == (RULES[verdict.rule[0]] is Rule.ALLOWED)
    return RULES[verdict.rule[0]]


def test_a_person_who_agreed_may_be_written_to() -> None:
    assert answer(YES) is Rule.ALLOWED


def test_only_invoices_and_legal_notices_are_owed() -> None:
    assert {TouchClass.TRANSACTIONAL, TouchClass.LEGAL} == ALWAYS


# 1 identity


@pytest.mark.parametrize(
    ("channel", "column"),
    [
        (Channel.EMAIL, "has_email"),
        (Channel.SMS, "has_phone"),
        (Channel.CALL, "has_phone"),
        (Channel.LETTER, "has_address"),
        (Channel.SOCIAL, "has_handle"),
    ],
)
def test_each_road_needs_its_own_identity(channel: Channel, column: str) -> None:
    agreed = YES | {"channel": channel.value}
    assert answer(agreed, channel=channel) is Rule.ALLOWED
    for known in ({column: False}, {column: None}):
        assert answer(agreed, channel=channel, **known) is Rule.IDENTITY_MISSING
    assert answer(agreed, channel=channel, without=column) is Rule.IDENTITY_MISSING
    other = {"has_email", "has_phone", "has_address", "has_handle"} - {column}
    assert answer(agreed, channel=channel, **dict.fromkeys(other, False)) is Rule.ALLOWED


def test_in_person_needs_no_identity() -> None:
    nothing = dict.fromkeys(("has_email", "has_phone", "has_address", "has_handle"), False)
    assert answer(channel=Channel.IN_PERSON, **nothing) is Rule.ALLOWED


def test_identity_is_asked_before_everything() -> None:
    assert answer(NO, has_email=False, suppressed=True, closed=True) is Rule.IDENTITY_MISSING
    assert answer(has_email=False, touch=TouchClass.LEGAL) is Rule.IDENTITY_MISSING


# 2 suppression


@pytest.mark.parametrize("touch", list(TouchClass))
@pytest.mark.parametrize("channel", list(Channel))
def test_never_again_holds_for_every_class_and_road(touch: TouchClass, channel: Channel) -> None:
    agreed = YES | {"channel": None, "purpose": None}
    assert answer(agreed, touch=touch, channel=channel, suppressed=True, live=True) is Rule.SUPPRESSED
    assert answer(agreed, touch=touch, channel=channel, suppressed=None) is Rule.SUPPRESSION_UNKNOWN
    assert answer(agreed, touch=touch, channel=channel, without="suppressed") is Rule.SUPPRESSION_UNKNOWN


# 3 closed or deceased


@pytest.mark.parametrize("fact", ["closed", "deceased"])
def test_only_what_is_owed_reaches_the_closed_and_the_dead(fact: str) -> None:
    agreed = YES | {"channel": None, "purpose": None}
    for touch in OTHERS:
        assert answer(agreed, touch=touch, **{fact: True}) is Rule.CLOSED_OR_DECEASED
        assert answer(agreed, touch=touch, **{fact: None}) is Rule.STANDING_UNKNOWN
        assert answer(agreed, touch=touch, without=fact) is Rule.STANDING_UNKNOWN
    for touch in ALWAYS:
        assert answer(touch=touch, **{fact: True}) is Rule.ALLOWED
        assert answer(touch=touch, **{fact: None}) is Rule.ALLOWED


# 4 objection


def test_a_no_stands_until_a_later_yes() -> None:
    later = {"at": NOW - timedelta(50)}
    assert answer(YES, NO | later) is Rule.OBJECTED
    assert answer(NO, YES | later) is Rule.ALLOWED
    assert answer(YES, NO) is Rule.OBJECTED, "at the same instant the refusal is the later word"
    assert answer(NO, YES) is Rule.OBJECTED


def test_a_no_holds_from_its_very_instant() -> None:
    assert answer(YES, NO | {"at": NOW}) is Rule.OBJECTED
    assert answer(YES, NO | {"at": NOW + TICK}) is Rule.ALLOWED, "an earlier day sees what it could see"


def test_a_no_without_a_time_stands_against_everything() -> None:
    assert answer(YES, NO | {"at": None}) is Rule.OBJECTED


def test_a_word_that_is_neither_yes_nor_no_counts_as_no() -> None:
    assert answer(YES, NO | {"given": None, "at": NOW - TICK}) is Rule.OBJECTED


def test_a_no_is_for_its_road_and_purpose_unless_it_is_for_all() -> None:
    later = NO | {"at": NOW - timedelta(50)}
    assert answer(YES, later | {"channel": "call"}) is Rule.ALLOWED
    assert answer(YES, later | {"purpose": "promotional"}) is Rule.ALLOWED
    assert answer(YES, later | {"channel": None}) is Rule.OBJECTED
    assert answer(YES, later | {"purpose": None}) is Rule.OBJECTED
    assert answer(YES, later | {"party_id": 2}) is Rule.ALLOWED
    for other in (0, 2):
        assert answer(later | {"party_id": other, "channel": None}, channel=Channel.IN_PERSON) is Rule.ALLOWED


def test_a_no_stops_letters_and_visits_too_but_not_what_is_owed() -> None:
    everywhere = NO | {"channel": None, "purpose": None}
    for channel in Channel:
        for touch in TouchClass:
            expected = Rule.ALLOWED if touch in ALWAYS else Rule.OBJECTED
            assert answer(everywhere, touch=touch, channel=channel, live=True) is expected


def test_consents_that_were_not_read_refuse() -> None:
    facts = gather(people=pa.Table.from_pylist([FREE | {"live": True}], schema=PEOPLE), consents=None)
    for touch in TouchClass:
        verdict = check(facts, touch_class=touch, channel=Channel.IN_PERSON, at=NOW)
        assert not verdict.ground_until.astype(np.int64).max() > 0
        assert RULES[verdict.rule[0]] is (Rule.ALLOWED if touch in ALWAYS else Rule.OBJECTION_UNKNOWN)


# 5 ground


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("touch", list(TouchClass))
def test_who_needs_a_ground(channel: Channel, touch: TouchClass) -> None:
    needs = channel in {Channel.EMAIL, Channel.SMS, Channel.CALL, Channel.SOCIAL} and touch not in ALWAYS
    assert answer(touch=touch, channel=channel) is (Rule.NO_BASIS if needs else Rule.ALLOWED)


def test_service_to_a_live_customer_rests_on_the_contract() -> None:
    assert answer(touch=TouchClass.SERVICE, live=True) is Rule.ALLOWED
    for known in ({"live": False}, {"live": None}):
        assert answer(touch=TouchClass.SERVICE, **known) is Rule.NO_BASIS
    assert answer(touch=TouchClass.SERVICE, without="live") is Rule.NO_BASIS
    assert answer(touch=TouchClass.RELATIONSHIP, live=True) is Rule.NO_BASIS


def test_a_ground_holds_until_the_instant_it_expires() -> None:
    assert answer(YES | {"expires_at": NOW + TICK}) is Rule.ALLOWED
    assert answer(YES | {"expires_at": NOW}) is Rule.NO_BASIS
    assert answer(YES | {"expires_at": NOW - TICK}) is Rule.NO_BASIS


def test_a_ground_holds_from_the_instant_it_was_given() -> None:
    assert answer(YES | {"at": NOW}) is Rule.ALLOWED
    assert answer(YES | {"at": NOW + TICK}) is Rule.NO_BASIS
    assert answer(YES | {"at": None}) is Rule.NO_BASIS, "a ground whose time is not known counts for nothing"


def test_an_older_ground_without_end_outlives_a_newer_one() -> None:
    assert answer(YES, YES | {"at": NOW - timedelta(9), "expires_at": NOW - TICK}) is Rule.ALLOWED


def test_a_withdrawal_ends_every_ground_before_it() -> None:
    again = YES | {"at": NOW - timedelta(9), "expires_at": NOW - TICK}
    assert answer(YES, NO | {"at": NOW - timedelta(50)}, again) is Rule.NO_BASIS


def test_a_ground_is_for_its_person_road_and_purpose() -> None:
    assert answer(YES | {"party_id": 2}) is Rule.NO_BASIS
    assert answer(YES | {"channel": "sms"}) is Rule.NO_BASIS
    assert answer(YES | {"purpose": "research"}) is Rule.NO_BASIS
    assert answer(YES | {"channel": None, "purpose": None}) is Rule.ALLOWED


@pytest.mark.parametrize("basis", [None, "because"])
def test_a_yes_on_no_known_ground_grants_nothing(basis: str | None) -> None:
    assert answer(YES | {"basis": basis}) is Rule.NO_BASIS


@pytest.mark.parametrize("country", [None, "DE", "FR", "GB", "US", "CA", "AU", "IT"])
@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("channel", NEEDS_GROUND)
def test_a_ground_covers_what_the_law_of_the_place_says(basis: Basis, channel: Channel, country: str | None) -> None:
    for touch in OTHERS:
        said = YES | {"basis": basis.value, "channel": channel.value, "purpose": touch.value, "at": NOW - timedelta(9)}
        found = [
            law().rule(country=country, channel=channel, touch_class=touch, basis=ground)
            for ground in (basis.value, "none")
        ]
        expected = Rule.ALLOWED if any(found) else Rule.NO_BASIS
        assert answer(said, touch=touch, channel=channel, country=country) is expected


def test_the_clock_of_the_law_ends_a_ground_that_has_no_day_of_its_own() -> None:
    old = YES | {"basis": "implied_purchase", "at": datetime(2022, 6, 30, 12, 0, tzinfo=UTC)}
    canada = {"country": "CA", "last_purchase": None, "last_contact": None}
    assert answer(old, **canada, at=NOW - TICK) is Rule.ALLOWED
    assert answer(old, **canada, at=NOW) is Rule.NO_BASIS
    assert answer(old, **canada | {"last_purchase": NOW - timedelta(9)}) is Rule.ALLOWED, "a purchase starts it again"
    assert answer(old, **canada | {"last_contact": NOW - timedelta(9)}) is Rule.NO_BASIS, "a visit does not"


def test_an_allowed_touch_says_when_its_ground_runs_out() -> None:
    facts = gather(
        people=pa.Table.from_pylist([FREE | {"country": "IT"}, FREE | {"party_id": 2, "country": "US"}], schema=PEOPLE),
        consents=pa.Table.from_pylist([YES], schema=CONSENTS),
        touches=TOUCHES.empty_table(),
    )
    verdict = check(facts, touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL, at=NOW, hour=False)
    assert verdict.ground_until[0] == np.datetime64("2027-06-20T12:00", "us"), "36 months after the last contact"
    assert np.isnat(verdict.ground_until[1])


# 6 cooling off


def test_the_quiet_is_over_at_its_very_instant() -> None:
    quiet = {"cooling_off": True}
    assert answer(YES, **quiet, cooling_until=NOW + TICK) is Rule.COOLING_OFF
    assert answer(YES, **quiet, cooling_until=NOW) is Rule.ALLOWED
    assert answer(YES, **quiet, cooling_until=NOW - TICK) is Rule.ALLOWED
    assert answer(YES, **quiet, cooling_until=None) is Rule.COOLING_OFF, "a quiet time without an end is not over"
    assert answer(YES, **quiet, without="cooling_until") is Rule.COOLING_OFF
    assert answer(YES, cooling_off=False, cooling_until=NOW + TICK) is Rule.ALLOWED


def test_nobody_knows_means_quiet() -> None:
    assert answer(YES, cooling_off=None) is Rule.COOLING_OFF_UNKNOWN
    assert answer(YES, without="cooling_off") is Rule.COOLING_OFF_UNKNOWN


def test_what_passes_the_quiet_time() -> None:
    quiet = {"cooling_off": True, "cooling_until": NOW + timedelta(9), "live": True}
    for channel in Channel:
        for touch in TouchClass:
            agreed = YES | {"channel": channel.value, "purpose": touch.value}
            expected = Rule.ALLOWED if touch in ALWAYS else Rule.COOLING_OFF
            assert answer(agreed, touch=touch, channel=channel, **quiet) is expected
            on_case = Rule.ALLOWED if touch in ALWAYS or touch is TouchClass.SERVICE else Rule.COOLING_OFF
            assert answer(agreed, touch=touch, channel=channel, **quiet, open_case=True) is on_case
            assert answer(agreed, touch=touch, channel=channel, **quiet, own_thread=True) is on_case
    assert answer(YES, touch=TouchClass.SERVICE, **quiet, open_case=None) is Rule.COOLING_OFF
    assert answer(touch=TouchClass.SERVICE, live=True, cooling_off=None, open_case=True) is Rule.ALLOWED


def test_a_refusal_for_quiet_says_when_it_ends_and_others_do_not() -> None:
    rows = [
        FREE | {"party_id": 1, "cooling_off": True, "cooling_until": NOW + timedelta(9)},
        FREE | {"party_id": 2, "cooling_off": True, "cooling_until": NOW + timedelta(9), "suppressed": True},
        FREE | {"party_id": 3, "cooling_until": NOW + timedelta(9)},
    ]
    facts = gather(
        people=pa.Table.from_pylist(rows, schema=PEOPLE),
        consents=CONSENTS.empty_table(),
        touches=TOUCHES.empty_table(),
    )
    verdict = check(facts, touch_class=TouchClass.CONTENT, channel=Channel.LETTER, at=NOW)
    assert verdict.until[0] == np.datetime64((NOW + timedelta(9)).replace(tzinfo=None))
    assert np.isnat(verdict.until[1:]).all()


# The order, the instant, one and many


def test_the_rules_are_asked_in_their_order() -> None:
    everything = {"has_email": False, "suppressed": True, "closed": True, "cooling_off": True}
    mended = [("has_email", True), ("suppressed", False), ("closed", False)]
    met = [answer(NO, **everything)]
    for fact, value in mended:
        everything[fact] = value
        met.append(answer(NO, **everything))
    met += [answer(**everything), answer(YES, **everything), answer(YES, **everything | {"cooling_off": False})]
    assert met == [
        Rule.IDENTITY_MISSING, Rule.SUPPRESSED, Rule.CLOSED_OR_DECEASED, Rule.OBJECTED, Rule.NO_BASIS,
        Rule.COOLING_OFF, Rule.ALLOWED,
    ]  # fmt: skip


def test_an_instant_needs_a_time_zone_and_any_zone_will_do() -> None:
    with pytest.raises(BadInput, match="no time zone"):
        answer(YES, at=NOW.replace(tzinfo=None))
    berlin = timezone(timedelta(hours=2))
    quiet = {"cooling_off": True, "cooling_until": NOW}
    assert answer(YES, at=NOW.astimezone(berlin), **quiet) is Rule.ALLOWED
    assert answer(YES, at=(NOW - TICK).astimezone(berlin), **quiet) is Rule.COOLING_OFF


def test_missing_columns_are_named() -> None:
    with pytest.raises(BadInput, match="party_id"):
        gather(people=pa.table({"has_email": [True]}), consents=None)
    with pytest.raises(BadInput, match="no column expires_at"):
        gather(people=pa.table({"party_id": [1]}), consents=CONSENTS.empty_table().drop_columns(["expires_at"]))


MAYBE = st.sampled_from([True, False, None])
INSTANT = st.sampled_from(
    [None, *(NOW + timedelta(days) for days in (-1300, -800, -400, -20, -2, -1, 0, 1))]
)  # fmt: skip
STAMPS = ("cooling_until", "last_purchase", "last_contact", "ended_at", "do_not_wake_until", "asked_until", "next_day")
WORDS = ("country", "time_zone", "want_back", "how_often", "unfit")
PERSON = st.fixed_dictionaries(
    dict.fromkeys(
        [n for n in PEOPLE.names if n not in ("party_id", *WORDS, *STAMPS)],
        MAYBE,
    )
    | dict.fromkeys(STAMPS, INSTANT)
    | {
        "country": st.sampled_from([None, "DE", "FR", "GB", "US", "CA", "AU", "IT", "BR"]),
        "time_zone": st.none(),
        "want_back": st.sampled_from([None, "yes", "maybe", "no", "undecided"]),
        "how_often": st.sampled_from([None, "month", "year"]),
        "unfit": st.sampled_from([None, None, "", "a name is missing"]),
    }
)
SAID = st.fixed_dictionaries(
    {
        "party_id": st.integers(0, 5),
        "channel": st.sampled_from([None, "email", "call", "letter"]),
        "purpose": st.sampled_from([None, "relationship", "service"]),
        "basis": st.sampled_from([None, *(b.value for b in Basis)]),
        "given": MAYBE,
        "at": INSTANT,
        "expires_at": INSTANT,
    }
)
TOUCHED = st.fixed_dictionaries(
    {
        "party_id": st.integers(0, 5),
        "at": st.sampled_from([NOW - timedelta(days) for days in (-1, 0, 1, 3, 5, 7, 14, 20, 30, 100, 365)]),
        "touch_class": st.sampled_from([touch.value for touch in TouchClass]),
        "channel": st.sampled_from(["email", "letter"]),
    }
)


@given(
    crowd=st.lists(PERSON, min_size=1, max_size=4),
    said=st.lists(SAID, max_size=12),
    touched=st.lists(TOUCHED, max_size=12),
    touch=st.sampled_from(list(TouchClass)),
    channel=st.sampled_from(list(Channel)),
    data=st.data(),
)
def test_one_person_is_answered_as_in_the_crowd_and_as_the_plain_rules_say(
    crowd: list[dict[str, Any]],
    said: list[dict[str, Any]],
    touched: list[dict[str, Any]],
    touch: TouchClass,
    channel: Channel,
    data: st.DataObject,
) -> None:
    ids = data.draw(st.permutations(range(len(crowd))))
    rows = [person | {"party_id": number} for number, person in zip(ids, crowd, strict=True)]
    facts = gather(
        people=pa.Table.from_pylist(rows, schema=PEOPLE),
        consents=pa.Table.from_pylist(said, schema=CONSENTS),
        touches=pa.Table.from_pylist(touched, schema=TOUCHES),
    )
    verdict = check(facts, touch_class=touch, channel=channel, at=NOW, hour=False)
    for place, person in enumerate(rows):
        one = check(facts.take(np.array([place])), touch_class=touch, channel=channel, at=NOW, hour=False)
        assert one.rule[0] == verdict.rule[place]
        mine = [word for word in said if word["party_id"] == person["party_id"]]
        had = [one for one in touched if one["party_id"] == person["party_id"]]
        assert RULES[verdict.rule[place]] is plain(person, mine, had, touch=touch, channel=channel)


def plain(
    person: dict[str, Any],
    said: list[dict[str, Any]],
    touched: list[dict[str, Any]],
    *,
    touch: TouchClass,
    channel: Channel,
) -> Rule:
    """The rules written as one would say them, for one person."""
    identity = {"email": "has_email", "sms": "has_phone", "call": "has_phone", "letter": "has_address",
                "social": "has_handle"}.get(channel.value)  # fmt: skip
    if identity and not person[identity]:
        return Rule.IDENTITY_MISSING
    if person["suppressed"] is not False:
        return Rule.SUPPRESSED if person["suppressed"] else Rule.SUPPRESSION_UNKNOWN
    if touch in ALWAYS:
        return Rule.UNFIT if person["unfit"] else Rule.ALLOWED
    if person["closed"] or person["deceased"]:
        return Rule.CLOSED_OR_DECEASED
    if person["closed"] is None or person["deceased"] is None:
        return Rule.STANDING_UNKNOWN
    forever = NOW + timedelta(10_000)
    about = [w for w in said if w["channel"] in (None, channel.value) and w["purpose"] in (None, touch.value)]
    no = [w["at"] or forever for w in about if not w["given"] and (w["at"] is None or w["at"] <= NOW)]
    yes = [w for w in about if w["given"] and w["at"] is not None and w["at"] <= NOW]
    last_no = max(no, default=None)
    if last_no and last_no >= max((w["at"] for w in yes), default=last_no):
        return Rule.OBJECTED
    waited = person["asked_until"] is not None and person["asked_until"] <= NOW
    if person["asked_later"] and not waited and touch not in (*ALWAYS, TouchClass.SERVICE):
        return Rule.ASKED_LATER
    grounds = [(w["basis"], w["at"], w["expires_at"]) for w in yes if last_no is None or w["at"] > last_no]
    grounds += [("none", None, None)] + [("contract", None, None)] * bool(person["live"])
    if not any(_holds(person, *ground, touch=touch, channel=channel) for ground in grounds):
        return Rule.NO_BASIS
    on_case = touch is TouchClass.SERVICE and (person["open_case"] or person["own_thread"])
    if not on_case:
        if person["cooling_off"] is None:
            return Rule.COOLING_OFF_UNKNOWN
        if person["cooling_off"] and (person["cooling_until"] is None or person["cooling_until"] > NOW):
            return Rule.COOLING_OFF
        if person["reply_only"] is not False:
            return Rule.REPLY_ONLY
    return _after_the_quiet(person, touched, touch=touch, channel=channel, on_case=bool(on_case))


def _after_the_quiet(
    person: dict[str, Any], touched: list[dict[str, Any]], *, touch: TouchClass, channel: Channel, on_case: bool
) -> Rule:
    offering = touch.value in ("relationship", "content", "referral_ask", "promotional")
    ours = offering or touch is TouchClass.RESEARCH
    friendly = person["old_friend"] and touch.value in ("relationship", "content")
    if ours and person["over"] and person["want_back"] not in ("yes", "maybe") and not friendly:
        return Rule.WANT_BACK
    if ours and person["over"] is None:
        return Rule.WANT_BACK_UNKNOWN
    if offering and person["open_case"]:
        return Rule.OPEN_CASE
    if offering and person["mend_open"]:
        return Rule.MEND_OPEN
    if offering and (person["open_case"] is None or person["mend_open"] is None):
        return Rule.CASE_UNKNOWN
    if ours and person["holdout"] is not False:
        return Rule.HOLDOUT
    awake = person["do_not_wake_until"] is not None and person["do_not_wake_until"] <= NOW
    if ours and person["do_not_wake"] is not False and not awake and channel is not Channel.IN_PERSON:
        return Rule.DO_NOT_WAKE
    had = [one for one in touched if one["at"] <= NOW and one["touch_class"] not in ("transactional", "legal")]
    selling = [one for one in had if one["touch_class"] not in ("service", "research")]
    selling = [one for one in selling if (one["touch_class"], one["channel"]) != ("relationship", "letter")]
    limits = {"live": [(selling, 7, 2), (selling, 30, 6)], "old": [(had, 365, 4)],
              "over": [(selling, 30, 1), (selling, 365, 6), (had, 365, 8)]}  # fmt: skip
    standing = "old" if person["old_friend"] else "live" if person["over"] is False else "over"
    asks_selling = offering and (touch, channel) != (TouchClass.RELATIONSHIP, Channel.LETTER)
    named = {"month": [(selling, 30, 1)], "year": [(selling, 365, 4)]}.get(person["how_often"], [])
    for which, days, at_most in [*limits[standing], *named]:
        if which is selling and not asks_selling:
            continue
        if sum(one["at"] > NOW - timedelta(days) for one in which) >= at_most:
            return Rule.TOUCH_CAP
    gap = timedelta(hours=72) if standing == "live" else timedelta(14)
    if not on_case and any(one["at"] > NOW - gap for one in had):
        return Rule.TOUCH_GAP
    if person["unfit"]:
        return Rule.UNFIT
    if person["said_before"]:
        return Rule.SAID_BEFORE
    return Rule.WRITTEN_TODAY if person["written_today"] and not on_case else Rule.ALLOWED


def _holds(
    person: dict[str, Any],
    basis: str | None,
    at: datetime | None,
    expires: datetime | None,
    *,
    touch: TouchClass,
    channel: Channel,
) -> bool:
    """Whether one ground holds, by the rule of law about it and its clock."""
    rule = law().rule(country=person["country"], channel=channel, touch_class=touch, basis=basis) if basis else None
    if rule is None or (expires is not None and expires <= NOW):
        return False
    if rule.clock is None:
        return True
    starts = {
        "obtained": [at],
        "last_contact": [at, person["last_contact"]],
        "last_purchase_or_end": [at, person["last_purchase"], person["ended_at"]],
        "relation_end": [at, person["ended_at"], person["last_contact"]],
    }[rule.clock.start]
    if rule.clock.start == "relation_end" and person["live"]:
        return True
    start = max((one for one in starts if one is not None), default=None)
    if start is None:
        return False
    months = start.year * 12 + start.month - 1 + rule.clock.months
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last)) > NOW


def test_a_refusal_reads_as_a_sentence() -> None:
    asked = {"touch_class": TouchClass.RELATIONSHIP, "channel": Channel.EMAIL}
    texts = {rule: refusal_text(rule, **asked) for rule in Rule}
    assert texts[Rule.IDENTITY_MISSING] == "There is no e-mail address for a touch by e-mail."
    assert texts[Rule.COOLING_OFF] == "In the quiet time after the end."
    assert (
        refusal_text(Rule.COOLING_OFF, **asked, until="3 May 2024")
        == "In the quiet time after the end, until 3 May 2024."
    )
    assert not any("{" in text for text in texts.values())


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_is_documented(rule: Rule) -> None:
    assert f"`{rule.value}`" in DOC
