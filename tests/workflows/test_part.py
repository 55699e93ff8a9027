"""Ends: told, told twice, told wrong, taken back; what they cost, how long the quiet is, what a silence was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from people_cast import ended, person, staff, task

from rekindle import home as home_folder
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry, CautionSign, Outlook
from rekindle.observe.history import EVENTS, History
from rekindle.relationships.endings_queries import still_with_us
from rekindle.relationships.models import Breakup, CoolingOff, Episode, Relationship, StageChange, Task
from rekindle.relationships.policy import CLEAN_BREAK, QUIET, day_begins
from rekindle.relationships.reasons import BY_CODE, PUSHES, REASONS, ranked
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Commercial,
    Contact,
    Feeling,
    Initiator,
    Stage,
    TaskState,
    Terms,
    Wound,
)
from rekindle.workflows import endings, part
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def ana(**fields: Any) -> Relationship:
    """Ana stays; until this test."""
    relationship = person(**fields)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=business_day(), pulses=80
    )
    return relationship


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


def quiet_days(relationship: Relationship, end: Breakup) -> int:
    standing = endings.standing_quiet(relationship)
    assert standing is not None
    assert standing.ends_at == end.quiet_until
    return (standing.ends_at.date() - end.ended_on).days


def test_an_end_that_has_come_breaks_up_and_cools_off_the_same_day(dana: User) -> None:
    relationship = ana()
    parted = part.record_end(relationship, by=dana, told=Told(ended_on=ago(3), noticed_on=ago(3)))
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.commercial, relationship.contact) == (
        Stage.COOLING_OFF.value, Commercial.ENDED.value, Contact.QUIET.value,
    )  # fmt: skip
    steps = StageChange.objects.filter(relationship=relationship).order_by("id")
    assert [(step.to_stage, step.rule, step.on) for step in steps] == [
        ("breakup", "end_on_record", ago(3)),
        ("cooling_off", "cooling_off_begun", ago(3)),
    ]
    assert quiet_days(relationship, parted.breakup) == 90
    assert parted.decide_by == ago(3) + timedelta(days=30)


def test_an_end_to_come_is_a_notice_and_no_quiet_yet(dana: User) -> None:
    relationship = ana()
    parted = part.record_end(relationship, by=dana, told=Told(ended_on=ago(-20)))
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.commercial, relationship.contact) == ("notice", "notice", "open")
    assert not endings.is_quiet(relationship, timezone.now())
    assert endings.is_quiet(relationship, timezone.now() + timedelta(days=40))
    assert parted.quiet_until is not None


def test_a_second_telling_joins_the_first_and_repeats_nothing(dana: User) -> None:
    relationship = ana()
    told = Told(ended_on=ago(3), kind=BreakupKind.DISSATISFIED, reasons=("rude_service",), verbatim="Nobody rang back.")
    first = part.record_end(relationship, by=dana, told=told)
    again = part.record_end(relationship, by=dana, told=told)
    assert (first.is_news, again.is_news) == (True, False)
    assert Breakup.objects.count() == CoolingOff.objects.count() == 1
    assert AuditEntry.objects.filter(verb="end.recorded").count() == 1
    more = part.record_end(
        relationship, by=dana, told=Told(ended_on=ago(3), feeling=Feeling.SAD, verbatim="I liked Ali.", competitor="Y")
    )
    end = more.breakup
    end.refresh_from_db()
    assert (end.kind, end.feeling, end.competitor) == ("v1_dissatisfied", "sad", "Y")
    assert end.verbatim == "Nobody rang back.\nI liked Ali."


def test_one_life_ends_once(dana: User) -> None:
    relationship = ana()
    part.record_end(relationship, by=dana, told=Told(ended_on=ago(3)))
    with pytest.raises(Conflict, match="Correct its date"):
        part.record_end(relationship, by=dana, told=Told(ended_on=ago(2)))


def test_who_came_back_and_leaves_again_is_left_alone_for_longer(dana: User) -> None:
    relationship = ana()
    ended(relationship, on=date(2024, 6, 1))
    Episode.objects.filter(relationship=relationship).update(ended_on=date(2024, 6, 1))
    Episode.objects.create(
        relationship=relationship, number=2, began_on=date(2025, 1, 5), last_seen_on=ago(1), pulses=9
    )
    parted = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0)))
    assert quiet_days(relationship, parted.breakup) == 120


@pytest.mark.parametrize(
    ("kind", "wound", "days"),
    [
        (None, Wound.NONE, 90),
        (BreakupKind.DISSATISFIED, Wound.SORE, 90),
        (BreakupKind.PULLED, Wound.WOUNDED, 120),
        (BreakupKind.DISSATISFIED, Wound.BETRAYED, 180),
        (BreakupKind.MOVED, Wound.NONE, 30),
        (BreakupKind.COMPLETED, Wound.NONE, 30),
        (BreakupKind.SEASONAL, Wound.NONE, 30),
        (BreakupKind.TECHNICAL, Wound.NONE, 14),
        (BreakupKind.UNPROFITABLE, Wound.NONE, 180),
        (BreakupKind.STRATEGY, Wound.NONE, 180),
    ],
)
def test_kind_and_wound_set_the_length_of_the_quiet(
    dana: User, kind: BreakupKind | None, wound: Wound, days: int
) -> None:
    relationship = ana()
    parted = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0), kind=kind, wound=wound))
    assert quiet_days(relationship, parted.breakup) == days


def test_learning_later_that_they_felt_betrayed_makes_the_quiet_longer(dana: User) -> None:
    relationship = ana()
    part.record_end(relationship, by=dana, told=Told(ended_on=ago(2)))
    parted = part.record_end(relationship, by=dana, told=Told(ended_on=ago(2), wound=Wound.BETRAYED))
    assert quiet_days(relationship, parted.breakup) == 180
    assert CoolingOff.objects.filter(superseded_at=None).count() == 1


@pytest.mark.parametrize("kind", sorted(QUIET.closed, key=str))
def test_some_ends_close_for_good(dana: User, kind: BreakupKind) -> None:
    relationship = ana()
    second = staff(Role.MANAGER)
    parted = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0), kind=kind), seconded_by=second)
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact, parted.quiet_until) == ("closed", "silent", None)
    assert not CoolingOff.objects.exists()


@pytest.mark.parametrize("kind", sorted(CLEAN_BREAK, key=str))
def test_we_never_close_a_relationship_alone(dana: User, kind: BreakupKind) -> None:
    for second in (None, dana, staff(Role.ANALYST)):
        with pytest.raises(Refused):
            part.record_end(ana(), by=dana, told=Told(ended_on=ago(0), kind=kind), seconded_by=second)
    assert not Breakup.objects.exists()


def test_a_death_is_written_on_the_person_and_cannot_be_announced(dana: User) -> None:
    relationship = ana()
    told = Told(ended_on=ago(-5), kind=BreakupKind.DECEASED)
    with pytest.raises(BadInput, match="cannot be announced"):
        part.record_end(relationship, by=dana, told=told)
    part.record_end(relationship, by=dana, told=Told(ended_on=ago(5), kind=BreakupKind.DECEASED))
    relationship.party.refresh_from_db()
    assert relationship.party.deceased_on == ago(5)


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (Told(ended_on=date(2023, 12, 31)), "before it began"),
        (Told(ended_on=date(2199, 1, 1)), "five years"),
        (Told(ended_on=date(2026, 1, 1), noticed_on=date(2199, 1, 1)), "still to come"),
        (Told(ended_on=date(2026, 1, 1), expected_return_on=date(2025, 1, 1)), "return before"),
        (Told(ended_on=date(2026, 1, 1), reasons=("because",)), "not a reason"),
        (Told(ended_on=date(2026, 1, 1), reasons=("fit", "health", "season", "budget")), "4 reasons"),
        (Told(ended_on=date(2026, 1, 1), reasons=("fit", "not_asked")), "said to be unknown"),
        (Told(ended_on=date(2026, 1, 1), verbatim="x" * 10_001), "10,001 characters"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(dana: User, told: Told, complaint: str) -> None:
    relationship = ana()
    with pytest.raises(BadInput, match=complaint):
        part.record_end(relationship, by=dana, told=told)
    relationship.refresh_from_db()
    assert relationship.stage == Stage.ONGOING.value
    assert not Breakup.objects.exists()
    assert not AuditEntry.objects.exists()


def test_who_only_reads_records_nothing() -> None:
    with pytest.raises(Refused, match="reads only"):
        part.record_end(ana(), by=staff(Role.ANALYST), told=Told(ended_on=ago(0)))


def test_waiting_suggestions_are_taken_back(dana: User) -> None:
    relationship = ana()
    task(relationship)
    assert part.record_end(relationship, by=dana, told=Told(ended_on=ago(0))).tasks_withdrawn == 1
    assert Task.objects.get().state == TaskState.WITHDRAWN.value


def test_scores_and_signs_stay_as_they_were_on_the_day(dana: User) -> None:
    relationship = ana()
    outlook = Outlook.objects.create(
        relationship=relationship, as_of=ago(1), model="MBG/NBD", horizon_days=90, value_horizon_days=730,
        p_alive=0.6, value_minor=69_000, currency="EUR",
    )  # fmt: skip
    CautionSign.objects.create(relationship=relationship, code="payment_failed", raised_on=ago(9), strength=0.4)
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0))).breakup
    outlook.p_alive = 0.1
    outlook.save()
    end.refresh_from_db()
    assert end.frozen["outlook"]["p_alive"] == 0.6
    assert [sign["code"] for sign in end.frozen["signs"]] == ["payment_failed"]
    assert end.residual_lost_minor == 69_000
    assert end.run_rate_lost_minor is None
    assert end.frozen["loss_unknown"] == {"run_rate": "no amount is on record in the year before"}


def test_the_run_rate_is_what_they_paid_in_the_last_year(dana: User) -> None:
    relationship = ana()
    last = datetime.combine(ago(10), datetime.min.time(), UTC)
    paid = [(last, 5_000), (last - timedelta(days=30), -1_000), (last - timedelta(days=400), 9_999)]
    rows = [
        {"event_key": n, "party_id": relationship.party_id, "occurred_at": at, "kind": "purchase",
         "amount_minor": amount, "currency": "EUR", "source": "till", "intake": 1}
        for n, (at, amount) in enumerate(paid)
    ]  # fmt: skip
    History(home_folder.history_folder()).append(pa.Table.from_pylist(rows, schema=EVENTS), intake=1)
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(1))).breakup
    assert (end.run_rate_lost_minor, end.currency) == (4_000, "EUR")


def test_terms_change_only_when_told(dana: User) -> None:
    relationship = ana()
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0), terms=Terms.SORE)).breakup
    relationship.refresh_from_db()
    assert (end.terms_before, end.terms_after, relationship.terms) == ("neutral", "sore", "sore")


def test_a_withdrawn_notice_lives_on(dana: User) -> None:
    relationship = ana(stage=Stage.AT_RISK)
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(-20))).breakup
    for _ in range(2):
        end = part.withdraw_notice(end, by=dana, reason="we found a cheaper plan")
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.commercial) == ("at_risk", "live")
    assert end.withdrawn_at is not None
    assert endings.standing_quiet(relationship) is None
    assert AuditEntry.objects.filter(verb="notice.withdrawn").count() == 1
    assert part.record_end(relationship, by=dana, told=Told(ended_on=ago(-20))).is_news


def test_an_end_that_has_come_is_no_notice(dana: User) -> None:
    end = part.record_end(ana(), by=dana, told=Told(ended_on=ago(0))).breakup
    with pytest.raises(Conflict, match="before its day"):
        part.withdraw_notice(end, by=dana, reason="they rang")


def test_a_later_date_moves_the_quiet_along(dana: User) -> None:
    relationship = ana()
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(10))).breakup
    end = part.correct_end_date(end, ended_on=ago(2), by=dana, reason="the letter says so")
    assert quiet_days(relationship, end) == 90


def test_an_earlier_date_leaves_the_quiet_unless_two_say_so(dana: User) -> None:
    relationship = ana()
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(2))).breakup
    until = end.quiet_until
    end = part.correct_end_date(end, ended_on=ago(10), by=dana, reason="the letter says so")
    assert end.quiet_until == until
    end = part.correct_end_date(end, ended_on=ago(12), by=dana, seconded_by=staff(), reason="both read the letter")
    assert end.quiet_until < until
    assert quiet_days(relationship, end) == 90
    assert CoolingOff.objects.get(superseded_at=None).shortened_by == dana


def test_a_corrected_date_may_turn_an_end_into_a_notice_and_back(dana: User) -> None:
    relationship = ana()
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0))).breakup
    end = part.correct_end_date(end, ended_on=ago(-9), by=dana, reason="paid to the end of the month")
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact) == ("notice", "open")
    part.correct_end_date(end, ended_on=ago(0), by=dana, reason="paid back")
    relationship.refresh_from_db()
    assert relationship.stage == "cooling_off"


def test_a_slip_is_taken_back_whole(dana: User) -> None:
    relationship = ana(stage=Stage.PHOENIX)
    before = Relationship.objects.values().get(pk=relationship.pk)
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0), terms=Terms.BAD)).breakup
    for _ in range(2):
        end = part.undo(end, by=dana, reason="it was the other Ana")
    assert Relationship.objects.values().get(pk=relationship.pk) == before
    assert not StageChange.objects.filter(undone_at=None).exists()
    assert not CoolingOff.objects.filter(superseded_at=None).exists()
    assert end.frozen["undone"]["reason"] == "it was the other Ana"
    assert part.record_end(relationship, by=dana, told=Told(ended_on=ago(0))).is_news


def test_after_a_day_an_end_is_corrected_not_undone(dana: User) -> None:
    end = part.record_end(ana(), by=dana, told=Told(ended_on=ago(0))).breakup
    Breakup.objects.filter(pk=end.pk).update(recorded_at=timezone.now() - timedelta(days=1, minutes=1))
    with pytest.raises(Conflict, match="within a day"):
        part.undo(end, by=dana, reason="slip")


def test_only_an_owner_takes_back_a_death(dana: User) -> None:
    relationship = ana()
    end = part.record_end(relationship, by=dana, told=Told(ended_on=ago(0), kind=BreakupKind.DECEASED)).breakup
    with pytest.raises(Refused):
        part.undo(end, by=dana, reason="her mother")
    part.undo(end, by=staff(Role.OWNER), reason="her mother")
    relationship.party.refresh_from_db()
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.party.deceased_on) == ("ongoing", None)


def presumed(days: int = 80) -> Relationship:
    relationship = ana(stage=Stage.PRESUMED_BREAKUP)
    Episode.objects.update(ended_on=ago(days), is_presumed=True, ended_chance=0.95, last_seen_on=ago(days + 30))
    return relationship


def test_a_confirmed_silence_counts_from_the_presumed_day_with_forty_five_days_left(dana: User) -> None:
    relationship = presumed(80)
    parted = part.confirm_presumed(relationship, by=dana)
    assert parted.breakup.ended_on == ago(80)
    assert (parted.breakup.kind, parted.breakup.initiator) == ("q1_quiet_fade", "nobody")
    assert parted.quiet_until == day_begins(ago(-45), ZoneInfo("UTC"))
    relationship.refresh_from_db()
    assert relationship.stage == "cooling_off"


def test_a_fresh_silence_keeps_its_ninety_days(dana: User) -> None:
    assert part.confirm_presumed(presumed(20), by=dana).quiet_until == day_begins(ago(-70), ZoneInfo("UTC"))


def test_a_silence_years_ago_is_quiet_for_forty_five_days_from_now(dana: User) -> None:
    relationship = presumed(500)
    parted = part.confirm_presumed(relationship, by=dana)
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact) == ("cooling_off", "quiet")
    assert parted.quiet_until == day_begins(ago(-45), ZoneInfo("UTC"))


def test_a_denied_silence_heals_with_its_reason(dana: User) -> None:
    relationship = presumed()
    change = part.deny_presumed(relationship, by=dana, reason="met her on Sunday")
    relationship.refresh_from_db()
    assert (relationship.stage, change.evidence["reason"]) == ("ongoing", "met her on Sunday")
    assert Episode.objects.get().healed_on == business_day()
    for deed in (part.confirm_presumed, lambda r, by: part.deny_presumed(r, by=by, reason="again")):
        with pytest.raises(Conflict, match="presumed"):
            deed(relationship, by=dana)


def test_a_denial_is_known_to_the_night_for_ninety_days(dana: User) -> None:
    relationship = presumed()
    part.deny_presumed(relationship, by=dana, reason="met her on Sunday")
    for days, known in ((0, True), (89, True), (90, False), (-1, False)):
        assert (relationship.party_id in still_with_us(ago(-days))) is known


def test_the_kind_told_later_says_who_ended_it(dana: User) -> None:
    relationship = ana()
    part.record_end(relationship, by=dana, told=Told(ended_on=ago(2)))
    told = Told(ended_on=ago(2), kind=BreakupKind.MOVED, initiator=Initiator.CIRCUMSTANCE)
    end = part.record_end(relationship, by=dana, told=told).breakup
    assert (end.initiator, quiet_days(relationship, end)) == ("circumstance", 90)


def test_the_quiet_is_counted_in_the_persons_own_days(dana: User) -> None:
    relationship = ana(time_zone="Pacific/Auckland")
    end = part.record_end(relationship, by=dana, told=Told(ended_on=date(2026, 3, 1))).breakup
    assert end.quiet_until == datetime(2026, 5, 29, 12, tzinfo=UTC)
    assert endings.zone_of(ana(time_zone="Mars/Base")).key == "UTC"


ZONES = ["America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Europe/Berlin", "Australia/Lord_Howe"]


@given(st.sampled_from(ZONES), st.dates(date(2015, 1, 1), date(2035, 12, 31)))
def test_a_local_day_begins_at_its_first_instant(zone: str, day: date) -> None:
    begins = day_begins(day, ZoneInfo(zone))
    assert begins.astimezone(ZoneInfo(zone)).date() == day
    assert (begins - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() == day - timedelta(days=1)


def test_every_reason_has_its_group_and_its_place() -> None:
    assert {reason.push for reason in REASONS} == set(PUSHES)
    assert len(BY_CODE) == len(REASONS)
    assert {reason.locus for reason in REASONS} == {"us", "them", "rival", "world", None}
    assert ranked(["fit", "", "fit", "health"]) == ["fit", "health"]
