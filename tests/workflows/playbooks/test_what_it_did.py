"""What a plan did, beside those who were left alone: as it was, or the reason why nobody can say."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from people_cast import NOW, brand
from playbook_cast import woo

from rekindle.accounts.models import User
from rekindle.journal.models import Arm, Assignment, Holdout, Inbound, InboundKind
from rekindle.relationships.models import Breakup, Consent, Episode, Party, Referral, Relationship
from rekindle.workflows.playbooks import holdout, what_it_did
from rekindle.workflows.playbooks.what_it_did import Outcome

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BEGAN = NOW - 400 * DAY


def question(by: User, *, share: float = 0.2, days: int = 180) -> Holdout:
    woo(by)
    return holdout.begin("woo", share=share, days=days, by=by)


def people(row: Holdout, treated: int, held_out: int, *, at: datetime = BEGAN) -> dict[Arm, list[Relationship]]:
    """So many drawn into each arm on one day."""
    found: dict[Arm, list[Relationship]] = {}
    house = brand()
    for arm, count in ((Arm.TREATED, treated), (Arm.HELD_OUT, held_out)):
        parties = Party.objects.bulk_create(Party(name=f"{arm.value} {n}") for n in range(count))
        found[arm] = Relationship.objects.bulk_create(Relationship(party=one, brand=house) for one in parties)
        Assignment.objects.bulk_create(
            Assignment(holdout=row, party=one, arm=arm.value, assigned_at=at, until=at + row.days * DAY, occurrence="x")
            for one in parties
        )
    return found


def back(some: list[Relationship], *, after: int = 30) -> None:
    day = (BEGAN + after * DAY).date()
    Episode.objects.bulk_create(
        Episode(relationship=one, number=2, began_on=day, last_seen_on=day, pulses=1) for one in some
    )


def line(reading: what_it_did.Reading, outcome: Outcome) -> what_it_did.Line:
    return next(one for one in reading.lines if one.outcome is outcome)


def test_both_groups_are_counted_and_set_beside_each_other(manager: User) -> None:
    row = question(manager)
    found = people(row, 160, 40)
    back(found[Arm.TREATED][:48])
    back(found[Arm.HELD_OUT][:4])
    for one in found[Arm.TREATED][:5]:
        Referral.objects.create(referrer=one.party, via="door", told_at=BEGAN + 10 * DAY)
        Consent.objects.create(
            party=one.party, channel="email", purpose="content", obtained_at=BEGAN, withdrawn_at=BEGAN + 9 * DAY
        )
        Inbound.objects.create(
            source="x", number=f"u{one.pk}", kind=InboundKind.UNSUBSCRIBED.value, party=one.party,
            occurred_at=BEGAN + 9 * DAY,
        )  # fmt: skip
    for one in found[Arm.TREATED][5:7]:
        Inbound.objects.create(
            source="x", number=str(one.pk), kind=InboundKind.REPLY.value, party=one.party, occurred_at=BEGAN + DAY
        )
    Breakup.objects.create(
        relationship=found[Arm.HELD_OUT][9], ended_on=(BEGAN + DAY).date(), quiet_until=BEGAN + 91 * DAY
    )

    reading = what_it_did.read(row, at=NOW)

    assert (reading.people, reading.alone, reading.early, reading.problem) == (200, 40, 0, "")
    returned = line(reading, Outcome.RETURNED)
    assert (returned.treated, returned.held_out) == (48, 4)
    assert returned.in_percent == pytest.approx((30.0, 10.0))
    assert returned.points[0] == pytest.approx(20.0)
    assert returned.difference.is_sure
    counts = {one.outcome: (one.treated, one.held_out) for one in reading.lines}
    assert counts[Outcome.REFERRED] == counts[Outcome.STOPPED] == (5, 0)  # each person once
    assert counts[Outcome.REPLIED] == (2, 0)
    assert counts[Outcome.ENDED] == (0, 1)
    assert counts[Outcome.COMPLAINED] == (0, 0)


@pytest.mark.parametrize(("after", "counted"), [(-1, 0), (0, 1), (179, 1), (180, 0), (300, 0)])
def test_only_what_happened_within_their_own_days_counts(manager: User, after: int, counted: int) -> None:
    row = question(manager)
    found = people(row, 120, 30)
    Referral.objects.create(referrer=found[Arm.TREATED][0].party, via="door", told_at=BEGAN + after * DAY)
    assert line(what_it_did.read(row, at=NOW), Outcome.REFERRED).treated == counted


def test_who_is_within_their_days_still_is_not_counted(manager: User) -> None:
    row = question(manager)
    people(row, 120, 30)
    late = people(row, 20, 5, at=NOW - 20 * DAY)
    for one in late[Arm.TREATED]:
        Referral.objects.create(referrer=one.party, via="door", told_at=NOW - 10 * DAY)
    reading = what_it_did.read(row, at=NOW)
    assert reading.early == 25
    assert line(reading, Outcome.REFERRED).treated == 0


def test_too_few_is_said_and_how_many_lack(manager: User) -> None:
    row = question(manager)
    people(row, 100, 28)
    reading = what_it_did.read(row, at=NOW)
    assert reading.lines == ()
    assert reading.problem == "Too early: 2 more in “left alone” must have had their 180 days."


def test_groups_that_were_not_drawn_as_told_are_not_compared(manager: User) -> None:
    row = question(manager)
    people(row, 100, 60)
    reading = what_it_did.read(row, at=NOW)
    assert reading.lines == ()
    assert "60 of 160 were left alone, and 20% should have been" in reading.problem


def test_who_was_let_go_counts_as_drawn(manager: User) -> None:
    row = question(manager)
    found = people(row, 120, 30)
    back(found[Arm.HELD_OUT][:3])
    Assignment.objects.filter(party=found[Arm.HELD_OUT][0].party).update(lifted_at=BEGAN + DAY, lifted_why="x")
    assert line(what_it_did.read(row, at=NOW), Outcome.RETURNED).held_out == 3


def test_a_plan_that_does_nothing_is_sure_of_something_about_once_in_twenty(manager: User) -> None:
    row = question(manager)
    found = people(row, 320, 80)
    everybody = [*found[Arm.TREATED], *found[Arm.HELD_OUT]]
    chance = np.random.default_rng(8)
    sure = 0
    for _ in range(60):
        Episode.objects.all().delete()
        back([one for one, hit in zip(everybody, chance.random(400) < 0.2, strict=True) if hit])
        sure += line(what_it_did.read(row, at=NOW), Outcome.RETURNED).difference.is_sure
    assert sure <= 9  # of 60; more than nine by chance alone: once in five hundred


def test_every_question_is_there_the_newest_first(manager: User) -> None:
    first = question(manager)
    holdout.finish("woo", by=manager)
    second = holdout.begin("woo", share=0.1, days=90, by=manager)
    assert [one.holdout for one in what_it_did.everything()] == [second, first]
