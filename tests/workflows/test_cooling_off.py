"""The quiet: longer by one, shorter by two, open for a reply; begun and lifted by the night; one interval, always."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import ended, person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Breakup, CoolingOff, Episode, Relationship, StageChange
from rekindle.relationships.vocabulary import BreakupKind, Contact, Stage
from rekindle.workflows import cooling_off, endings, part
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def day(n: int) -> date:
    return business_day() + timedelta(days=n)


def ben(by: User, *, ago: int = 5, **fields: Any) -> Relationship:
    """Ben left last week."""
    relationship = person("Ben Okafor", **fields)
    part.record_end(relationship, by=by, told=Told(ended_on=day(-ago)))
    relationship.refresh_from_db()
    return relationship


def quiet(relationship: Relationship) -> CoolingOff:
    standing = endings.standing_quiet(relationship)
    assert standing is not None
    return standing


def test_one_person_makes_it_longer(dana: User) -> None:
    relationship = ben(dana)
    for _ in range(2):
        cooling_off.extend(relationship, until=day(200), by=dana, reason="asked for more time")
    assert quiet(relationship).ends_at.date() == day(200)
    assert Breakup.objects.get().quiet_until == quiet(relationship).ends_at
    assert CoolingOff.objects.count() == 2
    assert AuditEntry.objects.filter(verb="quiet.extended").count() == 1


def test_one_person_never_makes_it_shorter(dana: User) -> None:
    relationship = ben(dana)
    with pytest.raises(Conflict, match="takes two people"):
        cooling_off.extend(relationship, until=day(20), by=dana, reason="hurry")
    with pytest.raises(Refused, match="two different people"):
        cooling_off.shorten(relationship, until=day(20), by=dana, seconded_by=dana, reason="hurry")
    with pytest.raises(Refused):
        cooling_off.shorten(relationship, until=day(20), by=dana, seconded_by=staff(Role.ANALYST), reason="hurry")
    assert quiet(relationship).ends_at.date() == day(85)


def test_two_people_make_it_shorter_and_the_reason_stays(dana: User) -> None:
    relationship, second = ben(dana), staff(Role.MANAGER)
    cooling_off.shorten(relationship, until=day(20), by=dana, seconded_by=second, reason="he asked us to ring")
    row = quiet(relationship)
    assert (row.ends_at.date(), row.shortened_by, row.seconded_by) == (day(20), dana, second)
    assert Breakup.objects.get().quiet_until == row.ends_at


def test_the_database_refuses_a_shorter_quiet_by_one(dana: User) -> None:
    row = quiet(ben(dana))
    for second in (None, dana):
        with pytest.raises(IntegrityError), transaction.atomic():
            CoolingOff.objects.filter(pk=row.pk).update(shortened_by=dana, seconded_by=second)


@pytest.mark.parametrize(
    ("until", "error", "complaint"),
    [(-1, BadInput, "gone by"), (100, Conflict, "makes it longer")],
)
def test_a_shorter_quiet_ends_between_today_and_before(
    dana: User, until: int, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        cooling_off.shorten(ben(dana), until=day(until), by=dana, seconded_by=staff(), reason="why")


def test_nothing_is_quiet_where_nothing_ended(dana: User) -> None:
    with pytest.raises(Conflict, match="no quiet"):
        cooling_off.extend(person(), until=day(20), by=dana, reason="why")


def test_more_than_three_years_of_quiet_is_an_objection(dana: User) -> None:
    with pytest.raises(BadInput, match="objection"):
        cooling_off.extend(ben(dana), until=day(1_200), by=dana, reason="why")


def test_asking_for_time_during_soft_touches_is_quiet_again(dana: User) -> None:
    relationship = ben(dana, ago=100)
    Relationship.objects.update(stage=Stage.WOOING.value, contact="woo")
    cooling_off.extend(relationship, until=day(60), by=dana, reason="not now")
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact) == ("cooling_off", "quiet")
    assert StageChange.objects.latest("id").rule == "more_time_asked"


def test_who_writes_first_may_be_answered_for_fourteen_days(dana: User) -> None:
    relationship = ben(dana)
    before = quiet(relationship).ends_at
    until = cooling_off.customer_wrote(relationship, by=dana)
    relationship.refresh_from_db()
    assert relationship.contact == "reply_only"
    assert until is not None
    assert until.date() == day(14)
    assert cooling_off.customer_wrote(relationship) == until == cooling_off.reply_until(relationship)
    assert quiet(relationship).ends_at == before
    assert AuditEntry.objects.filter(verb="quiet.reply_opened").count() == 1


def test_a_later_word_opens_the_thread_for_longer(dana: User) -> None:
    relationship = ben(dana)
    first = cooling_off.customer_wrote(relationship)
    second = cooling_off.customer_wrote(relationship, at=timezone.now() + timedelta(days=3))
    assert first is not None
    assert second == first + timedelta(days=3)


def test_without_quiet_a_word_opens_nothing(dana: User) -> None:
    assert cooling_off.customer_wrote(person()) is None
    assert cooling_off.customer_wrote(ben(dana, ago=91)) is None


def test_closed_for_good_stays_silent(dana: User) -> None:
    relationship = person()
    part.record_end(relationship, by=dana, told=Told(ended_on=day(0), kind=BreakupKind.DECEASED))
    with pytest.raises(Refused, match="closed for good"):
        cooling_off.customer_wrote(relationship)
    with pytest.raises(Conflict):
        cooling_off.extend(relationship, until=day(900), by=dana, reason="why")


def test_the_night_begins_the_quiet_of_a_notice_whose_day_has_come(dana: User) -> None:
    relationship = person()
    part.record_end(relationship, by=dana, told=Told(ended_on=day(3)))
    assert cooling_off.begin() == 0
    later = timezone.now() + timedelta(days=3)
    assert (cooling_off.begin(later), cooling_off.begin(later)) == (1, 0)
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact, relationship.stage_since) == ("cooling_off", "quiet", day(3))
    steps = list(StageChange.objects.order_by("id").values_list("from_stage", "to_stage"))
    assert steps == [("ongoing", "notice"), ("notice", "breakup"), ("breakup", "cooling_off")]


def test_the_night_closes_for_good_on_the_day_not_before(dana: User) -> None:
    relationship = person()
    part.record_end(
        relationship, by=dana, told=Told(ended_on=day(3), kind=BreakupKind.LEGAL), seconded_by=staff(Role.OWNER)
    )
    relationship.refresh_from_db()
    assert relationship.stage == "notice"
    assert cooling_off.begin(timezone.now() + timedelta(days=3)) == 1
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact) == ("closed", "silent")


def test_ends_that_a_load_brought_get_their_quiet() -> None:
    fresh, old = (person(stage=Stage.BREAKUP) for _ in range(2))
    ended(fresh, on=day(-5))
    ended(old, on=day(-400))
    assert cooling_off.begin() == 1
    for relationship in (fresh, old):
        relationship.refresh_from_db()
    assert (fresh.stage, old.stage) == ("cooling_off", "breakup")
    assert quiet(fresh).ends_at == Breakup.objects.get(relationship=fresh).quiet_until


def test_the_end_of_an_earlier_life_never_takes_effect_again(dana: User) -> None:
    relationship = person()
    ended(relationship, on=day(-400))
    Episode.objects.create(relationship=relationship, number=2, began_on=day(-300), last_seen_on=day(-1), pulses=3)
    part.record_end(relationship, by=dana, told=Told(ended_on=day(3)))
    assert cooling_off.begin() == 0


def test_the_night_lifts_what_is_over_and_nothing_else(dana: User) -> None:
    relationship, hushed = ben(dana), person(contact=Contact.QUIET)
    cooling_off.customer_wrote(relationship)
    now = timezone.now()
    assert cooling_off.lift(now + timedelta(days=13)) == 0
    assert cooling_off.lift(now + timedelta(days=15)) == 1
    relationship.refresh_from_db()
    assert relationship.contact == "quiet"
    assert cooling_off.lift(now + timedelta(days=90)) == 1
    relationship.refresh_from_db()
    hushed.refresh_from_db()
    assert (relationship.contact, hushed.contact) == ("open", "quiet")


deeds = st.lists(
    st.tuples(st.sampled_from(["extend", "shorten", "wrote"]), st.integers(-30, 400), st.integers(-400, 400)),
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(zone=st.sampled_from(["UTC", "America/Havana", "Africa/Cairo", "Pacific/Apia"]), deeds=deeds)
def test_after_an_end_the_allowed_instants_are_one_interval(
    dana: User, zone: str, deeds: list[tuple[str, int, int]]
) -> None:
    """Whatever is asked for and however the clock is set: first quiet, then free, with one border between."""
    relationship = ben(dana, time_zone=zone)
    second = staff()
    for deed, days, jump in deeds:
        try:
            if deed == "extend":
                cooling_off.extend(relationship, until=day(days), by=dana, reason="more")
            elif deed == "shorten":
                cooling_off.shorten(relationship, until=day(days), by=dana, seconded_by=second, reason="less")
            else:
                cooling_off.customer_wrote(relationship, at=timezone.now() + timedelta(days=jump))
        except (BadInput, Conflict):
            pass
        relationship.refresh_from_db()
        row = quiet(relationship)
        assert CoolingOff.objects.filter(relationship=relationship, superseded_at=None).count() == 1
        begins = datetime.combine(day(-5), datetime.min.time(), UTC)
        asked = [begins + timedelta(hours=36 * n) for n in range(1, 330)]
        answers = [endings.is_quiet(relationship, at) for at in (asked[0], row.ends_at - timedelta(microseconds=1))]
        assert all(answers) or row.ends_at <= asked[0]
        free = [not row.begins_at <= at < row.ends_at for at in asked]
        assert free == sorted(free)
        assert not endings.is_quiet(relationship, row.ends_at)
