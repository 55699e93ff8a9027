"""Trials, pauses, soft touches, old friends: each a step of the table, guarded, and taken back within a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import consents, person, staff, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Case, Relationship, StageChange, Task
from rekindle.relationships.stages import allowed
from rekindle.relationships.vocabulary import BreakupKind, Commercial, Contact, Stage, Terms, WantBack
from rekindle.workflows import deeds, endings, part, standing, want_back
from rekindle.workflows.part import Told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff(Role.AGENT)


def days(n: int) -> date:
    return timezone.now().date() + timedelta(days=n)


def fresh(relationship: Relationship) -> Relationship:
    return Relationship.objects.get(pk=relationship.pk)


def left(by: User, *, ago: int, **told: object) -> Relationship:
    """Somebody who left so long ago, wanted back, whom we may write to."""
    one = person("Ben Okafor", email="ben@example.org", since=days(-ago - 400))
    consents(one, obtained=timezone.now() - timedelta(days=ago + 30))
    end = part.record_end(one, by=by, told=Told(ended_on=days(-ago), kind=BreakupKind.MOVED, **told)).breakup  # type: ignore[arg-type]
    Relationship.objects.filter(pk=one.pk).update(stage=Stage.COOLING_OFF.value)
    want_back.decide(end.relationship, answer=WantBack.YES, reason="a good client", by=by)
    return fresh(one)


def test_every_step_is_one_of_the_table() -> None:
    for stage in Stage:
        for deed in standing.choices(Relationship(stage=stage.value)):
            to = {
                "begin_trial": Stage.DATING, "end_trial": Stage.COURTSHIP, "pause": Stage.PAUSED,
                "resume": Stage.ONGOING, "begin_woo": Stage.WOOING, "rest": Stage.OLD_FRIENDS,
            }[deed]  # fmt: skip
            assert allowed(stage, to), (stage, deed)


def test_a_pause_is_no_loss_and_ends_on_its_day(dana: User) -> None:
    one = person("Ana Weber")
    task(one)
    standing.pause(one, by=dana, reason="travelling", until=days(10))

    assert (fresh(one).stage, fresh(one).commercial) == (Stage.PAUSED.value, Commercial.PAUSED.value)
    assert not Task.objects.filter(relationship=one, state="open").exists()
    assert standing.settle(timezone.now() + timedelta(days=9)) == 0
    assert standing.settle(timezone.now() + timedelta(days=11)) == 1
    assert (fresh(one).stage, fresh(one).commercial) == (Stage.ONGOING.value, Commercial.LIVE.value)
    assert standing.settle(timezone.now() + timedelta(days=12)) == 0


def test_a_pause_without_a_day_waits_for_somebody(dana: User) -> None:
    one = person("Ana Weber")
    standing.pause(one, by=dana, reason="until the knee is well")
    assert standing.settle(timezone.now() + timedelta(days=900)) == 0
    standing.resume(one, by=dana, reason="the knee is well")
    assert fresh(one).stage == Stage.ONGOING.value


def test_a_trial_runs_out(dana: User) -> None:
    one = person("Cleo Marchetti", stage=Stage.COURTSHIP, commercial=Commercial.COURTING, since=None)
    standing.begin_trial(one, by=dana, until=days(14), reason="a week of classes")
    assert fresh(one).commercial == Commercial.TRIALING.value
    standing.settle(timezone.now() + timedelta(days=15))
    assert (fresh(one).stage, fresh(one).commercial) == (Stage.COURTSHIP.value, Commercial.COURTING.value)


def test_a_slip_is_taken_back_whole(dana: User) -> None:
    one = person("Ana Weber")
    before = (one.stage, one.stage_since, one.commercial, one.contact)
    standing.pause(one, by=dana, reason="the wrong Ana")
    standing.undo(one, by=dana, reason="the wrong Ana")
    now = fresh(one)
    assert (now.stage, now.stage_since, now.commercial, now.contact) == before
    assert StageChange.objects.get(relationship=one).undone_at is not None
    with pytest.raises(Conflict):
        standing.undo(one, by=dana, reason="twice")


def test_after_a_day_nothing_is_taken_back(dana: User) -> None:
    one = person("Ana Weber")
    change = standing.pause(one, by=dana, reason="travelling")
    StageChange.objects.filter(pk=change.pk).update(recorded_at=timezone.now() - timedelta(days=2))
    assert not standing.may_undo(one)
    with pytest.raises(Conflict):
        standing.undo(one, by=dana, reason="too late")


def test_soft_touches_begin_only_when_the_rules_allow_them(dana: User) -> None:
    early = left(dana, ago=5)
    with pytest.raises(Refused):
        standing.begin_woo(early, by=dana, reason="I miss him")
    assert fresh(early).stage == Stage.COOLING_OFF.value

    Relationship.objects.all().delete()
    late = left(dana, ago=40)
    Relationship.objects.filter(pk=late.pk).update(contact=Contact.OPEN.value)
    standing.begin_woo(late, by=dana, reason="the quiet is over")
    assert (fresh(late).stage, fresh(late).contact) == (Stage.WOOING.value, Contact.WOO.value)


def test_an_open_case_comes_before_soft_touches(dana: User) -> None:
    one = left(dana, ago=40)
    Relationship.objects.filter(pk=one.pk).update(contact=Contact.OPEN.value)
    Case.objects.create(relationship=one, title="a bill", by=dana)
    with pytest.raises(Refused, match="case"):
        standing.begin_woo(one, by=dana, reason="now")


def test_nobody_is_wooed_whom_nobody_wants_back(dana: User) -> None:
    one = left(dana, ago=40)
    one.want_backs.all().delete()
    with pytest.raises(Refused, match="like them back"):
        standing.begin_woo(one, by=dana, reason="now")


def test_old_friends_need_good_enough_terms_and_no_quiet(dana: User) -> None:
    one = left(dana, ago=5)
    with pytest.raises(Refused, match="quiet"):
        standing.rest(one, by=dana, reason="a friend")
    Relationship.objects.all().delete()
    sore = left(dana, ago=40, terms=Terms.BAD)
    with pytest.raises(Refused, match="terms"):
        standing.rest(sore, by=dana, reason="a friend")
    Relationship.objects.filter(pk=sore.pk).update(terms=Terms.GOOD.value)
    standing.rest(fresh(sore), by=dana, reason="a friend")
    assert (fresh(sore).stage, fresh(sore).contact) == (Stage.OLD_FRIENDS.value, Contact.STEADY.value)


@pytest.mark.parametrize("until", [date(2020, 1, 1), date(2099, 1, 1)])
def test_a_day_that_cannot_be_is_refused(dana: User, until: date) -> None:
    one = person("Ana Weber")
    with pytest.raises(BadInput):
        standing.pause(one, by=dana, reason="x", until=until)
    assert fresh(one).stage == Stage.ONGOING.value


def test_who_reads_only_moves_nobody() -> None:
    one, reader = person("Ana Weber"), staff(Role.ANALYST)
    with pytest.raises(Refused):
        standing.pause(one, by=reader, reason="x")
    assert AuditEntry.objects.count() == 0


def test_nobody_steps_from_where_there_is_no_step(dana: User) -> None:
    one = person("Ana Weber")
    for deed in (standing.end_trial, standing.resume, standing.begin_woo, standing.rest):
        with pytest.raises(Conflict):
            deed(one, by=dana, reason="x")


def test_the_page_and_the_deed_do_the_same(dana: User, client: Client) -> None:
    one, other = person("Ana Weber"), person("Ben Okafor")
    client.force_login(dana)
    page = client.get(reverse("person", args=[one.party_id])).content.decode()
    assert "A pause was agreed" in page
    client.post(reverse("standing", args=[one.party_id]), {"deed": "pause", "reason": "travelling", "until": ""})
    verb = deeds.find("pause.begin")
    given = {"person": other.party_id, "reason": "travelling"}
    deeds.do(verb, given, by=dana, door=deeds.Door("API", is_proven=True))
    assert fresh(one).stage == fresh(other).stage == Stage.PAUSED.value
    assert endings.local_day(one, datetime(2026, 1, 1, tzinfo=UTC)) == date(2026, 1, 1)
