"""The reset button: what comes back, what is named as gone, how it is taken back, and what it never touches."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import consents, ended, person, staff, suppressed

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import (
    Consent,
    Episode,
    Goal,
    Milestone,
    Relationship,
    SafeReturn,
    StakeholderRole,
    Suppression,
    Tie,
)
from rekindle.relationships.vocabulary import Commercial, Contact, Stage
from rekindle.workflows import reset, returns
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


@pytest.fixture
def back(dana: User) -> SafeReturn:
    """Ben left sixty days ago on sore terms, and is back; what hung on him was closed on that day."""
    ben = person("Ben Okafor", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET,
                 since=ago(60), email="ben@example.org", language="de", time_zone="Europe/Berlin")  # fmt: skip
    Relationship.objects.filter(pk=ben.pk).update(terms="sore")
    Episode.objects.create(relationship=ben, number=1, began_on=ago(500), last_seen_on=ago(62), pulses=9,
                           ended_on=ago(60))  # fmt: skip
    ended(ben, on=ago(60), terms_before="good", terms_after="sore")
    here, left = staff(name="Mira Holt"), staff(name="Jan Old", is_active=False)
    Tie.objects.create(party=ben.party, staff=here, strength=3, ended_on=ago(60))
    Tie.objects.create(party=ben.party, staff=left, strength=2, ended_on=ago(60))
    Goal.objects.create(relationship=ben, text="run ten kilometres", given_up_on=ago(59))
    Goal.objects.create(relationship=ben, text="long before", given_up_on=ago(200))
    StakeholderRole.objects.create(party=ben.party, kind="customer", from_day=ago(500), to_day=ago(60))
    StakeholderRole.objects.create(party=ben.party, kind="ex_customer", from_day=ago(59))
    Milestone.objects.create(party=ben.party, kind="birthday", on=date(1990, 5, 1))
    consents(ben, withdrawn_at=timezone.now())
    suppressed("ben@example.org")
    return returns.record_return(ben, on=ago(1), by=dana)


def standing() -> list[Any]:
    return [list(table.objects.order_by("pk").values()) for table in (Relationship, Tie, Goal, StakeholderRole)]


def test_what_was_taken_away_comes_back_and_the_rest_is_named(back: SafeReturn, dana: User) -> None:
    done = reset.put_back(back, by=dana)
    ben = Relationship.objects.get()
    assert ben.terms == "good"
    assert str(ben.owner) == "Mira Holt"
    assert set(Tie.objects.filter(ended_on=None).values_list("staff__name", flat=True)) == {"Mira Holt"}
    assert set(Goal.objects.filter(given_up_on=None).values_list("text", flat=True)) == {"run ten kilometres"}
    roles = dict(StakeholderRole.objects.values_list("kind", "to_day"))
    assert roles == {"customer": None, "ex_customer": ago(1)}
    assert {row["kind"] for row in done.restored} == {"contact_person", "terms", "tie", "goal", "role", "former_role"}
    assert {row["code"] for row in done.not_restored} == {
        "plan_and_price", "consents", "never_again", "colleague_gone",
    }  # fmt: skip
    assert AuditEntry.objects.filter(verb="return.put_back").count() == len(done.restored)
    assert "kilometres" not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_looking_changes_nothing_and_says_the_same(back: SafeReturn, dana: User) -> None:
    before = standing()
    seen = reset.preview(back)
    assert standing() == before
    done = reset.put_back(back, by=dana)
    assert [thing.kind for thing in seen.comes_back] == [row["kind"] for row in done.restored]
    after = reset.preview(SafeReturn.objects.select_related("relationship__party", "restored_by").get())
    assert after.is_done
    assert [thing.what for thing in after.comes_back] == [thing.what for thing in seen.comes_back]
    assert set(seen.stays) == {"history", "language", "time_zone", "milestones"}


def test_no_channel_is_opened(back: SafeReturn, dana: User) -> None:
    before = [list(table.objects.values()) for table in (Consent, Suppression)]
    reset.put_back(back, by=dana)
    assert [list(table.objects.values()) for table in (Consent, Suppression)] == before


def test_pressed_twice_it_acts_once(back: SafeReturn, dana: User) -> None:
    first = reset.put_back(back, by=dana)
    written = AuditEntry.objects.count()
    assert reset.put_back(back, by=dana).restored_at == first.restored_at
    assert AuditEntry.objects.count() == written


def test_taken_back_everything_is_as_it_was(back: SafeReturn, dana: User) -> None:
    before = standing()
    reset.put_back(back, by=dana)
    reset.undo(back, by=dana)
    assert standing() == before
    again = SafeReturn.objects.get()
    assert (again.restored, again.not_restored, again.restored_at) == ([], [], None)
    reset.put_back(back, by=dana)
    assert Relationship.objects.get().terms == "good"


def test_what_somebody_changed_since_stays_theirs(back: SafeReturn, dana: User) -> None:
    reset.put_back(back, by=dana)
    Relationship.objects.update(terms="neutral")
    reset.undo(back, by=dana)
    assert Relationship.objects.get().terms == "neutral"


def test_after_a_day_it_stands(back: SafeReturn, dana: User) -> None:
    reset.put_back(back, by=dana)
    SafeReturn.objects.update(restored_at=timezone.now() - timedelta(days=1, minutes=1))
    with pytest.raises(Conflict, match="within a day"):
        reset.undo(back, by=dana)


def test_a_return_with_things_put_back_is_not_taken_back_whole(back: SafeReturn, dana: User) -> None:
    reset.put_back(back, by=dana)
    with pytest.raises(Conflict, match="put back"):
        returns.undo(back, by=dana, reason="no")


def test_who_reads_only_may_not(back: SafeReturn) -> None:
    before, reader = standing(), staff(Role.ANALYST)
    with pytest.raises(Refused):
        reset.put_back(back, by=reader)
    with pytest.raises(Refused):
        reset.undo(back, by=reader)
    assert standing() == before


def test_a_return_of_an_earlier_life_is_left_alone(back: SafeReturn, dana: User) -> None:
    Relationship.objects.update(life=3)
    with pytest.raises(Conflict):
        reset.put_back(back, by=dana)


def test_terms_that_somebody_has_mended_since_are_left(back: SafeReturn, dana: User) -> None:
    Relationship.objects.update(terms="neutral")
    back.relationship.refresh_from_db()
    reset.put_back(back, by=dana)
    assert Relationship.objects.get().terms == "neutral"


def test_a_contact_person_who_is_still_here_stays(back: SafeReturn, dana: User) -> None:
    Relationship.objects.update(owner=dana)
    done = reset.put_back(back, by=dana)
    assert Relationship.objects.get().owner == dana
    assert "contact_person" not in {row["kind"] for row in done.restored}
