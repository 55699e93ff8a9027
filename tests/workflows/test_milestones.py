"""Days to remember: kept with what is known, remembered only if they agree, and never at the wrong moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Episode, Milestone, Party, Relationship
from rekindle.relationships.vocabulary import MilestoneKind, Precision, Stage
from rekindle.workflows import milestones
from rekindle.workflows.milestones import known_parts
from rekindle.workflows.occurrences import (
    GRIEF_DAYS,
    Occurrence,
    begins_at,
    falls_on,
    occurrences,
    occurrences_of,
    quiet_after,
    zone_of,
)
from rekindle.workflows.today import business_day

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
ZONES = [
    "UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "America/Havana",
    "America/St_Johns", "Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo",
    "Africa/Casablanca", "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Atlantic/Azores",
    "America/Asuncion", "Asia/Gaza",
]  # fmt: skip


def remember(
    relationship: Relationship | None = None,
    *,
    on: date = date(1990, 3, 14),
    kind: MilestoneKind = MilestoneKind.BIRTHDAY,
    **fields: Any,
) -> Milestone:
    party = (relationship or person(name="Ana Weber", since=None)).party
    return Milestone.objects.create(**{"party": party, "kind": kind.value, "on": on, "may_remember": True, **fields})


def falling(*, at: datetime = NOON, days: int = 7, **asked: Any) -> list[Occurrence]:
    return occurrences(at=at, days=days, **asked)


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.mark.parametrize(
    ("parts", "kept", "precision"),
    [
        ({"day": 29, "month": 2, "year": 2000}, date(2000, 2, 29), Precision.DAY),
        ({"day": 29, "month": 2, "year": None}, date(1904, 2, 29), Precision.MONTH_DAY),
        ({"day": None, "month": 5, "year": 2019}, date(2019, 5, 1), Precision.MONTH),
        ({"day": None, "month": None, "year": 1987}, date(1987, 1, 1), Precision.YEAR),
    ],
)
def test_what_is_known_of_a_date_is_kept_and_named(
    parts: dict[str, int | None], kept: date, precision: Precision
) -> None:
    assert known_parts(**parts) == (kept, precision)


@pytest.mark.parametrize(
    ("day", "month", "year"),
    [(None, None, None), (3, None, None), (3, None, 2000), (None, 5, None), (30, 2, None), (29, 2, 2001), (1, 13, 2000),
     (0, 1, 2000), (1, 1, 0), (1, 1, 999_999_999)],
)  # fmt: skip
def test_parts_that_make_no_date_are_refused(day: int | None, month: int | None, year: int | None) -> None:
    with pytest.raises(BadInput):
        known_parts(day=day, month=month, year=year)


@pytest.mark.django_db
def test_a_day_is_kept_without_leave_to_remember_it(dana: User) -> None:
    kept = milestones.add(person().party, kind=MilestoneKind.BIRTHDAY, on=date(1990, 3, 14), by=dana)
    assert (kept.may_remember, kept.is_sensitive, kept.source) == (False, False, "staff")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [MilestoneKind.BEREAVEMENT, MilestoneKind.CHILD, MilestoneKind.WEDDING])
def test_family_and_grief_are_sensitive_whoever_says_so(dana: User, kind: MilestoneKind) -> None:
    assert milestones.add(person().party, kind=kind, on=date(2020, 3, 14), by=dana).is_sensitive


@pytest.mark.django_db
def test_told_twice_it_is_one_day_with_the_newer_word(dana: User) -> None:
    party = person().party
    first = milestones.add(party, kind=MilestoneKind.BIRTHDAY, on=date(1990, 3, 14), by=dana)
    again = milestones.add(party, kind=MilestoneKind.BIRTHDAY, on=date(1990, 3, 14), by=dana, may_remember=True)
    assert (again.pk, again.may_remember) == (first.pk, True)
    assert Milestone.objects.count() == 1


@pytest.mark.django_db
def test_a_birthday_to_come_is_refused_and_a_wedding_to_come_is_not(dana: User) -> None:
    tomorrow = business_day() + timedelta(days=1)
    with pytest.raises(BadInput, match="not come yet"):
        milestones.add(person().party, kind=MilestoneKind.BIRTHDAY, on=tomorrow, by=dana)
    assert milestones.add(person().party, kind=MilestoneKind.WEDDING, on=tomorrow, by=dana).on == tomorrow


@pytest.mark.django_db
@pytest.mark.parametrize("year", [1799, 2200])
def test_a_year_beyond_sense_is_refused(dana: User, year: int) -> None:
    with pytest.raises(BadInput, match="year"):
        milestones.add(person().party, kind=MilestoneKind.WEDDING, on=date(year, 1, 1), by=dana)


@pytest.mark.django_db
def test_they_may_agree_refuse_and_have_it_forgotten(dana: User) -> None:
    kept = milestones.add(person().party, kind=MilestoneKind.BIRTHDAY, on=date(1990, 3, 14), by=dana, title="secret")
    assert milestones.allow(kept.pk, may_remember=True, by=dana).may_remember
    assert not milestones.allow(kept.pk, may_remember=False, by=dana).may_remember
    assert milestones.remove(kept.pk, by=dana) == kept.party_id
    assert not Milestone.objects.exists()
    trail = AuditEntry.objects.order_by("id")
    verbs = ["milestone.added", "milestone.allowed", "milestone.refused", "milestone.removed"]
    assert [entry.verb for entry in trail] == verbs
    assert "secret" not in str([entry.details for entry in trail])


@pytest.mark.django_db
def test_who_reads_only_keeps_and_forgets_nothing(dana: User) -> None:
    reader, kept = staff(Role.ANALYST), remember()
    for act in (
        lambda: milestones.add(kept.party, kind=MilestoneKind.AWARD, on=date(2020, 1, 1), by=reader),
        lambda: milestones.allow(kept.pk, may_remember=False, by=reader),
        lambda: milestones.remove(kept.pk, by=reader),
    ):
        with pytest.raises(Refused):
            act()
    with pytest.raises(NotFound):
        milestones.remove(99_999, by=dana)
    assert Milestone.objects.get().may_remember


@pytest.mark.django_db
def test_a_birthday_falls_on_its_day_with_its_years() -> None:
    remember()
    (one,) = falling()
    assert (one.on, one.years, one.kind, one.name) == (date(2026, 3, 14), 36, MilestoneKind.BIRTHDAY, "Ana Weber")


@pytest.mark.django_db
@pytest.mark.parametrize(("on", "falls"), [(11, False), (12, True), (18, True), (19, False)])
def test_a_stretch_begins_today_and_holds_so_many_days(on: int, falls: bool) -> None:
    remember(on=date(1990, 3, on))
    assert bool(falling(days=7)) is falls


@pytest.mark.django_db
def test_without_their_word_nothing_falls() -> None:
    remember(may_remember=False)
    assert falling() == []


@pytest.mark.django_db
def test_where_the_year_is_not_known_no_years_are_counted() -> None:
    remember(on=date(1904, 3, 14), precision=Precision.MONTH_DAY.value)
    assert [one.years for one in falling()] == [None]


@pytest.mark.django_db
@pytest.mark.parametrize("precision", [Precision.MONTH, Precision.YEAR])
def test_a_month_or_a_year_falls_on_no_day(precision: Precision) -> None:
    remember(on=date(2020, 3, 14), precision=precision.value)
    assert falling() == []


@pytest.mark.django_db
@pytest.mark.parametrize(("year", "day"), [(2026, date(2026, 2, 28)), (2028, date(2028, 2, 29))])
def test_29_february_falls_on_the_28th_in_other_years(year: int, day: date) -> None:
    remember(on=date(2000, 2, 29))
    assert [one.on for one in falling(at=datetime(year, 2, 26, 12, tzinfo=UTC))] == [day]


@pytest.mark.django_db
def test_29_february_falls_on_1_march_where_asked_for() -> None:
    remember(on=date(2000, 2, 29))
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert [one.on for one in falling(at=at, days=1, leap_day_in_march=True)] == [date(2026, 3, 1)]
    assert falling(at=at, days=1) == []


@pytest.mark.django_db
def test_a_year_from_28_february_to_29_february_remembers_once() -> None:
    remember(on=date(2000, 2, 29))
    assert len(falling(at=datetime(2027, 2, 28, 12, tzinfo=UTC), days=366)) == 1


@pytest.mark.django_db
def test_the_same_day_told_by_two_sources_falls_once() -> None:
    ana = person(since=None)
    remember(ana)
    remember(ana, source="a list", precision=Precision.MONTH_DAY.value, on=date(1904, 3, 14))
    assert len(falling()) == 1


@pytest.mark.django_db
def test_what_came_once_falls_once_and_never_years_later() -> None:
    remember(kind=MilestoneKind.NEW_JOB, on=date(2026, 3, 14))
    remember(kind=MilestoneKind.AWARD, on=date(2020, 3, 14))
    remember(kind=MilestoneKind.GRADUATION, on=date(1904, 3, 14), precision=Precision.MONTH_DAY.value)
    assert [(one.kind, one.years) for one in falling()] == [(MilestoneKind.NEW_JOB, 0)]


@pytest.mark.django_db
def test_the_dead_and_the_closed_are_never_cheered() -> None:
    remember(person(since=None, deceased_on=date(2026, 1, 1)))
    closed = person(stage=Stage.CLOSED)
    remember(closed)
    for relationship in (closed, person(deceased_on=date(2026, 1, 1))):
        Episode.objects.create(
            relationship=relationship, number=1, began_on=date(2021, 3, 14), last_seen_on=date(2026, 1, 1), pulses=9
        )
    assert falling() == []


@pytest.mark.django_db
@pytest.mark.parametrize(("ago", "falls"), [(0, False), (GRIEF_DAYS, False), (GRIEF_DAYS + 1, True), (-3, True)])
def test_no_cheer_for_ninety_days_after_a_bereavement(ago: int, falls: bool) -> None:
    ana = person(since=None)
    remember(ana)
    remember(ana, kind=MilestoneKind.BEREAVEMENT, on=date(2026, 3, 14) - timedelta(days=ago), may_remember=False)
    assert bool(falling()) is falls


@pytest.mark.django_db
def test_a_bereavement_itself_never_falls() -> None:
    remember(kind=MilestoneKind.BEREAVEMENT, on=date(2024, 3, 14))
    assert falling() == []


@pytest.mark.parametrize(
    ("on", "precision", "first", "last"),
    [
        (date(2026, 1, 5), Precision.DAY, date(2026, 1, 5), date(2026, 1, 5)),
        (date(2026, 2, 1), Precision.MONTH, date(2026, 2, 1), date(2026, 2, 28)),
        (date(2025, 1, 1), Precision.YEAR, date(2025, 1, 1), date(2025, 12, 31)),
        (date(1904, 3, 10), Precision.MONTH_DAY, date(2026, 3, 10), date(2026, 3, 10)),
        (date(1904, 3, 20), Precision.MONTH_DAY, date(2025, 3, 20), date(2025, 3, 20)),
    ],
)
def test_the_quiet_is_as_wide_as_the_doubt_about_the_day(
    on: date, precision: Precision, first: date, last: date
) -> None:
    loss = Milestone(kind=MilestoneKind.BEREAVEMENT.value, on=on, precision=precision.value, recorded_at=NOON)
    assert quiet_after(loss) == (first, last + timedelta(days=GRIEF_DAYS))


@pytest.mark.django_db
@pytest.mark.parametrize(("years", "is_round"), [(1, True), (2, False), (5, True), (10, True), (25, True), (50, True)])
def test_the_first_day_is_remembered_each_year_and_round_years_stand_out(years: int, is_round: bool) -> None:
    Episode.objects.create(
        relationship=person(), number=1, began_on=date(2026 - years, 3, 14), last_seen_on=date(2026, 3, 1), pulses=9
    )
    (one,) = falling()
    assert (one.kind, one.years, one.is_round, one.milestone) == (MilestoneKind.FIRST_DAY, years, is_round, None)


@pytest.mark.django_db
def test_the_first_day_itself_and_later_lives_are_no_anniversary() -> None:
    ana = person()
    for number, began in ((1, date(2026, 3, 14)), (2, date(2025, 3, 14))):
        Episode.objects.create(relationship=ana, number=number, began_on=began, last_seen_on=began, pulses=1)
    assert falling() == []


@pytest.mark.django_db
@pytest.mark.parametrize("may_remember", [True, False])
def test_a_first_day_they_told_us_stands_instead_of_ours_with_their_word(may_remember: bool) -> None:
    ana = person()
    Episode.objects.create(
        relationship=ana, number=1, began_on=date(2021, 3, 14), last_seen_on=date(2026, 3, 1), pulses=9
    )
    remember(ana, kind=MilestoneKind.FIRST_DAY, on=date(2020, 3, 14), may_remember=may_remember)
    assert [one.years for one in falling()] == ([6] if may_remember else [])


@pytest.mark.django_db
def test_today_is_the_day_where_they_live() -> None:
    late = datetime(2026, 3, 13, 11, tzinfo=UTC)  # already the 14th on Kiritimati, still the 13th in Berlin
    east = remember(person("East", since=None, time_zone="Pacific/Kiritimati"))
    remember(person("Here", since=None, time_zone="Europe/Berlin"))
    assert [one.party_id for one in falling(at=late, days=1)] == [east.party_id]


def test_an_unknown_zone_is_the_businesss() -> None:
    here = ZoneInfo("Europe/Berlin")
    for zone in ("", "Mars/Olympus", "../etc", "Europe"):
        assert zone_of(Party(time_zone=zone), otherwise=here) == here


@pytest.mark.django_db
def test_a_stretch_out_of_bounds_or_a_naive_clock_is_refused() -> None:
    for asked in ({"days": 0}, {"days": 367}, {"at": datetime(2026, 3, 12)}):
        with pytest.raises(BadInput):
            falling(**asked)


@pytest.mark.django_db
def test_the_queries_do_not_grow_with_the_people(django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        remember(person(f"P{number}"))
    with django_assert_max_num_queries(5):
        assert len(falling()) == 12


@settings(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31)),
)
@example(zone="America/Sao_Paulo", day=date(2018, 11, 4))
@example(zone="Asia/Beirut", day=date(2026, 3, 29))
@example(zone="America/Havana", day=date(2026, 3, 8))
def test_a_day_begins_at_its_first_instant_in_every_zone(zone: str, day: date) -> None:
    there = ZoneInfo(zone)
    begins = begins_at(day, zone=there)
    assert begins.astimezone(there).date() == day
    assert (begins - timedelta(microseconds=1)).astimezone(there).date() < day


@settings(deadline=None)
@given(
    on=st.dates(min_value=date(1900, 1, 1), max_value=date(2019, 12, 31)),
    year=st.integers(min_value=2020, max_value=2035),
    in_march=st.booleans(),
)
@example(on=date(2000, 2, 29), year=2100, in_march=False)
def test_a_yearly_day_falls_once_a_year_beside_its_own_day_at_most(on: date, year: int, in_march: bool) -> None:
    day = falls_on(on, year=year, leap_day_in_march=in_march)
    assert day.year == year
    if (on.month, on.day) != (2, 29):
        assert (day.month, day.day) == (on.month, on.day)
    else:
        assert (day.month, day.day) in {(2, 29), (3, 1) if in_march else (2, 28)}


@pytest.mark.django_db
@settings(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    at=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 12, 31), timezones=st.just(UTC)),
    ahead=st.integers(min_value=-2, max_value=9),
    days=st.integers(min_value=1, max_value=8),
)
def test_in_every_zone_at_every_instant_it_falls_exactly_when_its_day_is_in_the_stretch(
    zone: str, at: datetime, ahead: int, days: int
) -> None:
    today = at.astimezone(ZoneInfo(zone)).date()
    on = (today + timedelta(days=ahead)).replace(year=1992)
    milestone = Milestone(
        party=Party(pk=1, name="Ana", time_zone=zone), kind=MilestoneKind.BIRTHDAY.value, on=on,
        precision=Precision.DAY.value, may_remember=True,
    )  # fmt: skip
    found = occurrences_of([milestone], life=None, at=at, days=days)
    stretch = [today + timedelta(days=offset) for offset in range(days)]
    due = [day for day in stretch if falls_on(on, year=day.year) == day]
    assert [one.on for one in found] == due[:1]
