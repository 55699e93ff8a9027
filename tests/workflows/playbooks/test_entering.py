"""Who enters a plan, for which occasion, and who does not, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from people_cast import NOW, brand, ended, person, suppressed
from playbook_cast import OTHER_WOO, WOO, left, plan, woo

from rekindle.accounts.models import User
from rekindle.act import playbooks
from rekindle.errors import Conflict
from rekindle.journal.models import AuditEntry, Enrolment
from rekindle.relationships import wishes
from rekindle.relationships.models import (
    Case,
    Episode,
    Milestone,
    Relationship,
    SafeReturn,
    StakeholderRole,
    WantBackDecision,
)
from rekindle.relationships.vocabulary import Contact, MilestoneKind, Stage, StakeholderKind, Terms
from rekindle.workflows.playbooks import books, dry_run, enter
from rekindle.workflows.playbooks.enter import Entry
from rekindle.workflows.playbooks.leave import leave

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def entries(by: User, text: str = WOO, *, at: datetime = NOW) -> dict[Entry, int]:
    return dry_run.dry_run(playbooks.read(text), at=at).counts


def test_whose_quiet_is_over_enters_once_with_their_occasion_frozen(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    row = woo(manager)

    assert enter.enter(row, at=NOW) == {Entry.ENTERS: 1}
    assert enter.enter(row, at=NOW + DAY) == {Entry.ALREADY: 1}

    (one,) = Enrolment.objects.all()
    end = ben.breakups.get()
    assert (one.relationship, one.occurrence, one.step) == (ben, f"quiet:{end.pk}", 0)
    assert one.due_at == NOW - 2 * DAY
    assert one.facts == {"occasion_at": (NOW - 2 * DAY).isoformat()}

    end.quiet_until = NOW + DAY  # what is corrected later moves nobody
    end.save(update_fields=["quiet_until"])
    assert enter.enter(row, at=NOW + 2 * DAY) == {Entry.ALREADY: 1}
    assert Enrolment.objects.get().due_at == NOW - 2 * DAY


def test_the_border_days_of_an_occasion(manager: User, plain: object) -> None:
    left("Ben Okafor", manager, quiet_over=NOW)

    assert entries(manager, at=NOW - timedelta(seconds=1)) == {}
    assert entries(manager, at=NOW) == {Entry.ENTERS: 1}
    assert entries(manager, at=NOW + 14 * DAY) == {Entry.ENTERS: 1}
    assert entries(manager, at=NOW + 14 * DAY + timedelta(seconds=1)) == {}


def test_each_no_has_its_reason(manager: User, plain: object) -> None:
    left("Ana Weber", manager)
    bad = left("Ben Okafor", manager)
    undecided = left("Cleo Marchetti", manager)
    never = left("Dov Lindqvist", manager)
    closed = left("Eve Stone", manager)
    dead = left("Finn Moor", manager)
    Relationship.objects.filter(pk=bad.pk).update(terms=Terms.BAD.value)
    WantBackDecision.objects.filter(relationship=undecided).delete()
    suppressed("dov@example.org")
    Relationship.objects.filter(pk=closed.pk).update(contact=Contact.SILENT.value)
    dead.party.deceased_on = date(2026, 1, 1)
    dead.party.save(update_fields=["deceased_on"])
    assert never.pk

    run = dry_run.dry_run(playbooks.read(WOO), at=NOW)

    assert run.counts == {
        Entry.ENTERS: 1, Entry.TERMS: 1, Entry.WANT_BACK: 1, Entry.SUPPRESSED: 1, Entry.CLOSED: 1, Entry.DECEASED: 1,
    }  # fmt: skip
    names, following = run.names(Entry.WANT_BACK)
    assert [name.relationship for name in names] == [undecided]
    assert following is None
    assert not Enrolment.objects.exists()


def test_an_answer_about_an_earlier_end_says_nothing_about_a_new_one(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    WantBackDecision.objects.filter(relationship=ben).update(decided_at=NOW - 400 * DAY)

    assert entries(manager) == {Entry.WANT_BACK: 1}


def test_names_come_by_pages_that_hold_everybody_once(manager: User, plain: object) -> None:
    people = [left(f"P{number} Holm", manager) for number in range(7)]
    run = dry_run.dry_run(playbooks.read(WOO), at=NOW)

    seen: list[int] = []
    after: int | None = -1
    while after is not None:
        names, after = run.names(Entry.ENTERS, after=after, limit=3)
        seen += [name.relationship.pk for name in names]

    assert seen == [one.pk for one in people]


def test_somebody_is_in_one_woo_at_a_time(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    first, other = woo(manager), woo(manager, OTHER_WOO)

    assert enter.enter(first, at=NOW) == {Entry.ENTERS: 1}
    assert enter.enter(other, at=NOW) == {Entry.OTHER_PLAN: 1}
    assert Enrolment.objects.count() == 1


def test_who_left_one_woo_is_not_wooed_by_the_next_for_the_same_end(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    first, other = woo(manager), woo(manager, OTHER_WOO)
    enter.enter(first, at=NOW)
    leave(ben, why="they replied")

    assert enter.enter(other, at=NOW) == {Entry.ALREADY: 1}


def test_a_plan_that_is_off_or_paused_lets_nobody_in(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    books.new_version(WOO, by=manager)

    assert enter.everybody(NOW) == {}
    books.turn_on("woo", by=manager)
    books.pause("woo", by=manager)
    assert enter.everybody(NOW) == {}
    books.resume("woo", by=manager)
    assert enter.everybody(NOW) == {"woo": {"enters": 1}}
    assert AuditEntry.objects.filter(verb="playbook.entered").get().details == {"version": 1, "entered": 1}


def test_a_human_may_let_one_person_in_once_a_day(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager, quiet_over=NOW - 200 * DAY)
    woo(manager)

    one = enter.by_hand(ben, "woo", by=manager, at=NOW)
    assert enter.by_hand(ben, "woo", by=manager, at=NOW) == one
    assert one.due_at == NOW
    with pytest.raises(Conflict, match="before"):
        enter.by_hand(ben, "woo", by=manager, at=NOW + DAY)


def test_a_human_lets_nobody_in_whom_the_plan_is_not_for(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    woo(manager)
    Relationship.objects.filter(pk=ben.pk).update(terms=Terms.TOXIC.value)

    with pytest.raises(Conflict, match="terms"):
        enter.by_hand(ben, "woo", by=manager, at=NOW)


SILENT = "{wait_days: 0, do: silence}"


@pytest.mark.parametrize("on", ["breakup", "returned", "first_day", "stage", "fixed", "asked_later", "role", "monthly"])
def test_every_occasion_finds_its_people(manager: User, on: str) -> None:
    ana = person("Ana Weber", owner=manager, since=date(2026, 3, 10), stage=Stage.PHOENIX)
    other = person("Ben Okafor", owner=manager, since=date(2025, 3, 10))
    party = ana.party
    Episode.objects.create(
        relationship=ana, number=1, began_on=date(2026, 3, 10), last_seen_on=date(2026, 3, 10), pulses=1
    )
    SafeReturn.objects.create(relationship=ana, life=2, returned_on=date(2026, 3, 10))
    Case.objects.create(relationship=ana, title="The heating", solved_at=NOW - DAY)
    StakeholderRole.objects.create(party=party, kind=StakeholderKind.VENDOR.value, from_day=date(2026, 3, 10))
    party.extra = {wishes.NOT_BEFORE: (NOW - DAY).isoformat()}
    party.save(update_fields=["extra"])
    if on == "breakup":
        ended(ana, on=date(2026, 3, 11))
    where = {"stage": "{stage: [phoenix]}", "role": "{roles: [vendor]}", "monthly": "{roles: [vendor]}"}.get(on, "{}")

    run = dry_run.dry_run(playbooks.read(plan(SILENT, on=on, where=where)), at=NOW)

    names, _next = run.names(Entry.ENTERS)
    assert [name.relationship for name in names] == [ana]
    assert other.pk


def test_a_day_to_remember_is_entered_before_it_comes(manager: User) -> None:
    ana = person("Ana Weber", owner=manager, time_zone="Europe/London")
    Milestone.objects.create(
        party=ana.party, kind=MilestoneKind.BIRTHDAY.value, on=date(1990, 3, 20), may_remember=True
    )
    text = plan(SILENT, on="milestone", where="{milestones: [birthday]}").replace(
        "within_days: 14", "within_days: 3, days: -10"
    )
    birthday = datetime(2026, 3, 20, tzinfo=UTC)

    assert entries(manager, text, at=birthday - 11 * DAY) == {}
    assert entries(manager, text, at=birthday - 10 * DAY) == {Entry.ENTERS: 1}
    assert entries(manager, text, at=birthday - 7 * DAY) == {Entry.ENTERS: 1}
    assert entries(manager, text, at=birthday - 6 * DAY + timedelta(hours=1)) == {}
    names, _next = dry_run.dry_run(playbooks.read(text), at=birthday - 9 * DAY).names(Entry.ENTERS)
    assert names[0].first_step_at == birthday - 10 * DAY


def test_a_season_falls_where_somebody_lives(manager: User) -> None:
    person("Ana Weber", country="DE")
    person("Sona Petrov", country="RS")
    person("Ken Mori", country="JP")
    brand()
    text = plan(SILENT, on="season").replace("within_days: 14", "within_days: 3, season: christmas")

    at_midnight = datetime(2026, 12, 25, 6, tzinfo=UTC)
    assert entries(manager, text, at=at_midnight) == {Entry.ENTERS: 1}
    assert entries(manager, text, at=datetime(2027, 1, 7, 6, tzinfo=UTC)) == {Entry.ENTERS: 1}


def test_of_several_months_each_person_has_their_own(manager: User) -> None:
    for number in range(6):
        person(f"P{number} Holm", owner=manager)
    text = plan(SILENT, on="monthly").replace("within_days: 14", "within_days: 3, every_months: 3")

    months = [entries(manager, text, at=datetime(2026, month, 1, 12, tzinfo=UTC)) for month in (1, 2, 3)]

    assert months == [{Entry.ENTERS: 2}] * 3
