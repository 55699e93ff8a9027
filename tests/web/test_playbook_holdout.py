"""The pages of who is left alone to learn: begun, ended, read, one person let go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff
from playbook_cast import woo

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import Assignment, Holdout
from rekindle.relationships.models import Relationship
from rekindle.workflows.playbooks import holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def owner() -> User:
    return staff(Role.OWNER, name="Olive Owner")


@pytest.fixture
def desk(client: Client, owner: User) -> Client:
    woo(owner)
    client.force_login(owner)
    return client


def page(code: str = "woo") -> str:
    return reverse("playbook_holdout", args=[code])


def alone(owner: User) -> tuple[Relationship, Assignment]:
    one, now = person("Ben Okafor"), timezone.now()
    row = holdout.begin("woo", share=0.1, days=90, by=owner)
    drawn = Assignment.objects.create(
        holdout=row, party=one.party, arm="held_out", assigned_at=now, until=now + timedelta(days=90), occurrence="x"
    )
    return one, drawn


def test_it_is_begun_and_ended(desk: Client) -> None:
    assert "Nobody was ever left alone" in desk.get(page()).content.decode()
    answer = desk.post(page(), {"do": "begin", "percent": "20", "days": "120"}, follow=True)
    assert "From now on a part of those who would enter is left alone." in answer.content.decode()
    row = Holdout.objects.get()
    assert (row.share, row.days) == (0.2, 120)
    assert "20 % of those who would have entered" in answer.content.decode()
    assert "Too early" in answer.content.decode()
    desk.post(page(), {"do": "finish"})
    row.refresh_from_db()
    assert row.ended_at is not None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"percent": "60", "days": "90"}, "60% cannot be left alone"),
        ({"percent": "ten", "days": "90"}, "“ten” is no whole number"),
        ({"percent": "10", "days": "0"}, "0 days cannot be looked at"),
        ({"percent": "", "days": ""}, "is no whole number"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_stays(desk: Client, given: dict[str, str], says: str) -> None:
    answer = desk.post(page(), {"do": "begin", **given})
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert f'value="{given["percent"]}"' in answer.content.decode()
    assert not Holdout.objects.exists()


def test_who_may_not_change_settings_sees_it_and_changes_nothing(desk: Client) -> None:
    desk.force_login(staff(Role.AGENT))
    assert "Leave them alone from now on" not in desk.get(page()).content.decode()
    assert desk.post(page(), {"do": "begin", "percent": "10", "days": "90"}).status_code == 403
    assert not Holdout.objects.exists()


def test_the_person_page_says_so_and_lets_them_go_with_a_reason(desk: Client, owner: User) -> None:
    one, drawn = alone(owner)
    plans = reverse("person_plans", args=[one.party_id])
    said = desk.get(plans).content.decode()
    assert "They are left alone until" in said
    assert "A slow way back" in said
    answer = desk.post(reverse("holdout_lift", args=[drawn.pk]), {"why": ""}, follow=True)
    assert "here is no reason" in answer.content.decode()
    answer = desk.post(reverse("holdout_lift", args=[drawn.pk]), {"why": "a funeral"}, follow=True)
    assert "They may be spoken to again" in answer.content.decode()
    assert "They are left alone until" not in answer.content.decode()


def test_all_plans_stand_on_one_page(desk: Client, owner: User) -> None:
    everything = reverse("what_they_did")
    assert "Nobody is left alone to learn" in desk.get(everything).content.decode()
    alone(owner)
    said = desk.get(everything).content.decode()
    assert "A slow way back" in said
    assert "1 person was drawn, 1 of them left alone." in said


def test_a_plan_that_is_none_is_404(desk: Client) -> None:
    assert desk.get(page("nothing")).status_code == 404
