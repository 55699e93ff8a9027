"""The hour where the person is: every zone through every change of its clocks, and what holds where nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.decide.eligibility import CONSENTS, RULES, TOUCHES, Rule, check, gather
from rekindle.decide.quiet_hours import HOURS, Hours, known_zones, next_allowed, zones_of
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Channel, TouchClass

MAIL, CALL = HOURS[Channel.EMAIL], HOURS[Channel.CALL]
TICK = timedelta(microseconds=1)
FROM, TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


def changes(zone: ZoneInfo) -> list[datetime]:
    """Every instant in 2020 to 2035 at which the clocks of a zone change, to the second."""
    found, low = [], FROM
    while low < TO:
        high = low + timedelta(days=7)
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            before, after = low, high
            while after - before > timedelta(seconds=1):
                middle = before + (after - before) / 2
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                before, after = (middle, after) if same else (before, middle)
            found.append(after.replace(microsecond=0))
        low = high
    return found


@pytest.mark.parametrize("letter", sorted({name[0] for name in known_zones()}))
def test_in_every_zone_through_every_change_the_next_hour_is_open_and_not_before(letter: str) -> None:
    for name in sorted(known_zones()):
        if name[0] != letter:
            continue
        zone = ZoneInfo(name)
        for change in changes(zone):
            # Around the change itself, and around the openings and closings of that day.
            for hours in (-12, -1, 0, 1, 6, 9, 23):
                at = change + timedelta(hours=hours)
                found = next_allowed(at, zones=[name], hours=MAIL)
                assert found is not None
                assert found >= at
                assert found - at < timedelta(hours=40)
                assert time(9) <= found.astimezone(zone).time() < time(20)
                assert next_allowed(found, zones=[name], hours=MAIL) == found


def test_the_doors_open_at_nine_and_close_at_twenty() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    monday = datetime(2026, 3, 9, tzinfo=berlin)
    nine, twenty = monday.replace(hour=9), monday.replace(hour=20)
    assert next_allowed(nine - TICK, zones=["Europe/Berlin"], hours=MAIL) == nine
    assert next_allowed(nine, zones=["Europe/Berlin"], hours=MAIL) == nine
    assert next_allowed(twenty - TICK, zones=["Europe/Berlin"], hours=MAIL) == twenty - TICK
    assert next_allowed(twenty, zones=["Europe/Berlin"], hours=MAIL) == nine + timedelta(days=1)


def test_nobody_is_called_on_a_sunday() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    saturday = datetime(2026, 3, 7, 20, tzinfo=berlin)
    monday = datetime(2026, 3, 9, 9, tzinfo=berlin)
    assert next_allowed(saturday, zones=["Europe/Berlin"], hours=CALL) == monday
    assert next_allowed(saturday, zones=["Europe/Berlin"], hours=MAIL) == monday - timedelta(days=1)
    assert next_allowed(saturday - TICK, zones=["Europe/Berlin"], hours=CALL) == saturday - TICK


@pytest.mark.parametrize(
    ("opens", "at", "expected"),
    [
        # New York, 8 March 2026: 2:00 to 3:00 does not exist; 7:00 UTC is the first instant after it.
        (time(2, 30), datetime(2026, 3, 8, 6, 59, tzinfo=UTC), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        # 1 November 2026: 1:00 to 2:00 comes twice, at 5:00 and at 6:00 UTC.
        (time(1, 30), datetime(2026, 11, 1, 5, 10, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (time(1, 30), datetime(2026, 11, 1, 6, 10, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_missing_or_a_double_hour_is_read_back(opens: time, at: datetime, expected: datetime) -> None:
    assert next_allowed(at, zones=["America/New_York"], hours=Hours(opens, time(20))) == expected


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 1), timezones=st.just(UTC)),
    zones=st.lists(st.sampled_from(zones_of("US")), min_size=1, max_size=4),
)
def test_several_zones_must_all_be_awake(at: datetime, zones: list[str]) -> None:
    found = next_allowed(at, zones=zones, hours=CALL)
    assert found is not None
    assert found >= at
    for name in zones:
        local = found.astimezone(ZoneInfo(name))
        assert time(9) <= local.time() < time(20)
        assert local.weekday() != 6
        alone = next_allowed(at, zones=[name], hours=CALL)
        assert alone is not None
        assert alone <= found
    assert next_allowed(found, zones=zones, hours=CALL) == found


def test_zones_too_far_apart_are_never_awake_together() -> None:
    assert next_allowed(FROM, zones=["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London"], hours=MAIL) is None
    assert next_allowed(FROM, zones=[], hours=MAIL) is None


def test_every_country_has_its_zones() -> None:
    assert zones_of("DE") == ("Europe/Berlin", "Europe/Busingen")
    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones_of("US"))
    assert zones_of("ZZ") == ()


def test_a_wrong_zone_and_an_instant_without_one_are_named() -> None:
    with pytest.raises(BadInput, match="Mars/Olympus"):
        next_allowed(FROM, zones=["Mars/Olympus"], hours=MAIL)
    with pytest.raises(BadInput, match="no time zone"):
        next_allowed(datetime(2026, 1, 1), zones=["UTC"], hours=MAIL)


def hour(
    at: datetime,
    *,
    channel: Channel = Channel.EMAIL,
    touch: TouchClass = TouchClass.SERVICE,
    home: tuple[str, ...] = (),
    **person: str | None,
) -> tuple[Rule, str]:
    """The rule and when it changes, for a live customer of whom only the place is in question."""
    row = {
        "party_id": 1, "has_email": True, "has_phone": True, "has_address": True, "suppressed": False, "closed": False,
        "deceased": False, "live": True, "cooling_off": False, "reply_only": False, "over": False, "open_case": False,
        "mend_open": False, "time_zone": None, "country": None,
    } | person  # fmt: skip
    facts = gather(
        people=pa.Table.from_pylist([row]),
        consents=CONSENTS.empty_table(),
        touches=TOUCHES.empty_table(),
        home_zones=home,
    )
    verdict = check(facts, touch_class=touch, channel=channel, at=at)
    return RULES[verdict.rule[0]], str(verdict.until[0])[:16]


NIGHT = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)


def test_the_own_zone_counts_before_the_country() -> None:
    assert hour(NIGHT, country="GB", time_zone="Asia/Tokyo") == (Rule.ALLOWED, "NaT")
    assert hour(NIGHT, country="GB") == (Rule.QUIET_HOURS, "2026-03-12T09:00")
    assert hour(NIGHT, country="GB", time_zone="Not/A_Zone") == (Rule.QUIET_HOURS, "2026-03-12T09:00")


def test_a_country_with_many_zones_waits_for_the_last_to_wake() -> None:
    assert hour(NIGHT, country="US") == (Rule.QUIET_HOURS, "2026-03-12T19:00")


def test_where_nothing_is_known_the_home_of_the_business_counts_or_nobody_is_disturbed() -> None:
    assert hour(NIGHT, home=("Europe/Berlin",)) == (Rule.QUIET_HOURS, "2026-03-12T08:00")
    assert hour(NIGHT, country="Atlantis", home=("Asia/Tokyo",)) == (Rule.ALLOWED, "NaT")
    assert hour(NIGHT) == (Rule.HOUR_UNKNOWN, "NaT")
    assert hour(NIGHT, country="AQ", home=("Asia/Tokyo",)) == (Rule.HOUR_UNKNOWN, "NaT")


def test_letters_people_and_what_is_owed_have_no_hour() -> None:
    for channel in (Channel.LETTER, Channel.IN_PERSON):
        assert hour(NIGHT, country="GB", channel=channel)[0] is Rule.ALLOWED
    assert hour(NIGHT, country="GB", touch=TouchClass.TRANSACTIONAL)[0] is Rule.ALLOWED
    for channel in (Channel.SMS, Channel.CALL):
        assert hour(NIGHT, country="GB", channel=channel)[0] is Rule.QUIET_HOURS
