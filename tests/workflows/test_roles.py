"""Roles over time, people who outlive their employer, and who of us knows them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import owed_queries
from rekindle.relationships.models import Milestone, Party, StakeholderRole, Tie
from rekindle.relationships.vocabulary import MilestoneKind, PartyKind, StakeholderKind
from rekindle.workflows import audit, roles
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db

K = StakeholderKind
MOVED = date(2025, 6, 1)


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.fixture
def ana() -> Party:
    return person().party


def firm(name: str = "Acme") -> Party:
    return Party.objects.create(name=name, kind=PartyKind.ORGANISATION.value)


def test_one_party_holds_several_roles_at_once(dana: User, ana: Party) -> None:
    acme = firm()
    for kind, at in ((K.CUSTOMER, None), (K.CHAMPION, acme), (K.JOURNALIST, None)):
        roles.take_role(ana, kind=kind, organisation=at, by=dana)
    assert {role.kind for role in owed_queries.roles_of(ana, limit=9)} == {"customer", "champion", "journalist"}
    assert [role.party for role in owed_queries.people_at(acme, limit=9)] == [ana]


def test_a_role_held_is_not_begun_twice_but_may_come_again_after_its_end(dana: User, ana: Party) -> None:
    first = roles.take_role(ana, kind=K.VENDOR, from_day=date(2020, 1, 1), by=dana)
    assert roles.take_role(ana, kind=K.VENDOR, by=dana) == first
    roles.end_role(first.pk, to_day=date(2021, 1, 1), by=dana)
    again = roles.take_role(ana, kind=K.VENDOR, by=dana)
    assert again.pk != first.pk
    assert [role.pk for role in owed_queries.roles_of(ana, limit=9)] == [again.pk, first.pk]


def test_a_role_ends_no_earlier_than_it_began_and_no_later_than_today(dana: User, ana: Party) -> None:
    role = roles.take_role(ana, kind=K.PAYER, from_day=MOVED, by=dana)
    for day in (MOVED - timedelta(days=1), business_day() + timedelta(days=1)):
        with pytest.raises(BadInput, match="last day"):
            roles.end_role(role.pk, to_day=day, by=dana)
    assert roles.end_role(role.pk, to_day=MOVED, by=dana).to_day == MOVED
    assert roles.end_role(role.pk, to_day=MOVED, by=dana).to_day == MOVED
    with pytest.raises(Conflict, match="ended on"):
        roles.end_role(role.pk, to_day=MOVED + timedelta(days=1), by=dana)


def test_a_role_does_not_begin_tomorrow_nor_at_a_person(dana: User, ana: Party) -> None:
    with pytest.raises(BadInput, match="first day"):
        roles.take_role(ana, kind=K.PAYER, from_day=business_day() + timedelta(days=1), by=dana)
    for nowhere in (person("Bea").party, ana):
        with pytest.raises(BadInput, match="no organisation"):
            roles.take_role(ana, kind=K.PAYER, organisation=nowhere, by=dana)


def test_who_changes_employer_keeps_history_and_ends_every_role_there(dana: User, ana: Party) -> None:
    acme, bolt = firm(), firm("Bolt")
    for kind in (K.CHAMPION, K.DECISION_MAKER):
        roles.take_role(ana, kind=kind, organisation=acme, from_day=date(2020, 1, 1), by=dana)
    free = roles.take_role(ana, kind=K.REFERRER, by=dana)
    begun = roles.change_employer(ana, from_=acme, to=bolt, on=MOVED, by=dana)
    assert (begun.kind, begun.organisation, begun.from_day) == ("prospect", bolt, MOVED)
    left = StakeholderRole.objects.filter(organisation=acme)
    assert {role.to_day for role in left} == {MOVED - timedelta(days=1)}
    assert left.count() == 2
    free.refresh_from_db()
    assert free.to_day is None
    assert not Milestone.objects.exists()
    assert audit.first_broken() is None


def test_a_new_job_told_by_them_is_a_day_without_leave_to_remember_it(dana: User, ana: Party) -> None:
    acme, bolt = firm(), firm("Bolt")
    roles.take_role(ana, kind=K.CHAMPION, organisation=acme, by=dana)
    roles.change_employer(ana, from_=acme, to=bolt, on=MOVED, by=dana, is_told_by_them=True)
    job = Milestone.objects.get()
    assert (job.kind, job.on, job.title, job.may_remember) == (MilestoneKind.NEW_JOB.value, MOVED, "Bolt", False)


def test_the_same_move_told_twice_is_one_move(dana: User, ana: Party) -> None:
    acme, bolt = firm(), firm("Bolt")
    roles.take_role(ana, kind=K.CHAMPION, organisation=acme, by=dana)
    first = roles.change_employer(ana, from_=acme, to=bolt, on=MOVED, by=dana)
    trail = AuditEntry.objects.count()
    assert roles.change_employer(ana, from_=acme, to=bolt, on=MOVED, by=dana) == first
    assert AuditEntry.objects.count() == trail


def test_a_move_that_cannot_be_changes_nothing(dana: User, ana: Party) -> None:
    acme, bolt = firm(), firm("Bolt")
    with pytest.raises(Conflict, match="no role"):
        roles.change_employer(ana, from_=acme, to=bolt, on=MOVED, by=dana)
    roles.take_role(ana, kind=K.CHAMPION, organisation=acme, from_day=MOVED, by=dana)
    for from_, to, on in (
        (acme, acme, MOVED),
        (acme, bolt, MOVED),  # the role there would end before it began
        (acme, bolt, business_day() + timedelta(days=1)),
        (acme, person("Bea").party, MOVED),
    ):
        with pytest.raises(BadInput):
            roles.change_employer(ana, from_=from_, to=to, on=on, by=dana)
    assert StakeholderRole.objects.get().to_day is None
    assert roles.change_employer(ana, from_=acme, to=bolt, on=MOVED + timedelta(days=1), by=dana).organisation == bolt


def test_an_organisation_is_found_by_name_made_once_and_never_guessed(dana: User) -> None:
    made = roles.organisation_named("  Acme   Ltd ", by=dana)
    assert (made.name, made.kind) == ("Acme Ltd", PartyKind.ORGANISATION.value)
    assert roles.organisation_named("Acme Ltd", by=dana) == made
    person("Acme Ltd")
    assert roles.organisation_named("Acme Ltd", by=dana) == made
    firm("Acme Ltd")
    with pytest.raises(BadInput, match="several"):
        roles.organisation_named("Acme Ltd", by=dana)


def test_a_tie_is_one_a_pair_and_may_live_again(dana: User, ana: Party) -> None:
    first = roles.tie(ana, staff=dana, since=MOVED, strength=2, by=dana)
    ended = roles.end_tie(first.pk, by=dana)
    assert ended.ended_on == business_day()
    again = roles.tie(ana, staff=dana, strength=3, by=dana)
    assert (again.pk, again.since, again.strength, again.ended_on) == (first.pk, MOVED, 3, None)
    assert Tie.objects.count() == 1


def test_a_tie_off_its_scale_or_out_of_time_is_refused(dana: User, ana: Party) -> None:
    for strength in (0, 4):
        with pytest.raises(BadInput, match="strength"):
            roles.tie(ana, staff=dana, strength=strength, by=dana)
    with pytest.raises(BadInput, match="day it began"):
        roles.tie(ana, staff=dana, since=business_day() + timedelta(days=1), by=dana)
    with pytest.raises(BadInput, match="closed"):
        roles.tie(ana, staff=staff(is_active=False), by=dana)
    tie = roles.tie(ana, staff=dana, since=MOVED, by=dana)
    with pytest.raises(BadInput, match="last day"):
        roles.end_tie(tie.pk, on=MOVED - timedelta(days=1), by=dana)


def test_who_reads_only_writes_no_role_and_no_tie(dana: User, ana: Party) -> None:
    reader, acme = staff(Role.ANALYST), firm()
    for act in (
        lambda: roles.take_role(ana, kind=K.PAYER, by=reader),
        lambda: roles.end_role(1, by=reader),
        lambda: roles.change_employer(ana, from_=acme, to=firm("Bolt"), on=MOVED, by=reader),
        lambda: roles.organisation_named("New", by=reader),
        lambda: roles.tie(ana, staff=dana, by=reader),
        lambda: roles.end_tie(1, by=reader),
    ):
        with pytest.raises(Refused):
            act()
    for act in (lambda: roles.end_role(99, by=dana), lambda: roles.end_tie(99, by=dana)):
        with pytest.raises(NotFound):
            act()
    assert not AuditEntry.objects.exists()
