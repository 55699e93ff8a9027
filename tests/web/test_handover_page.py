"""The handover page: whom, to whom, until when; what would move; then the deed and its way back."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import person, staff, task

from rekindle.accounts.models import Handover, User
from rekindle.accounts.roles import Role
from rekindle.relationships.vocabulary import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def olive(client: Client) -> User:
    user = staff(Role.OWNER, name="Olive Owner")
    client.force_login(user)
    return user


def page(client: Client, giver: User, **asked: object) -> str:
    answer = client.get(reverse("handover", args=[giver.pk]), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_what_would_move_before_anything_moves(client: Client, olive: User) -> None:
    dana, eli = staff(name="Dana Frey"), staff(name="Eli Roth")
    ana = person("Ana Weber", owner=dana)
    task(ana, owner=dana)

    text = page(client, dana, to=eli.pk, until="2999-01-31")

    assert "What would move" in text
    assert "Ana Weber" in text
    assert "Hand over until" in text
    ana.refresh_from_db()
    assert ana.owner == dana


def test_the_deed_and_its_way_back(client: Client, olive: User) -> None:
    dana, eli = staff(name="Dana Frey"), staff(name="Eli Roth")
    ana = person("Ana Weber", owner=dana)

    answer = client.post(reverse("handover_give", args=[dana.pk]), {"to": eli.pk}, follow=True)
    ana.refresh_from_db()
    assert "1 person is handed over." in answer.content.decode()
    assert ana.owner == eli

    answer = client.post(reverse("handover_back", args=[Handover.objects.get().pk]), follow=True)
    ana.refresh_from_db()
    assert "1 person is back." in answer.content.decode()
    assert ana.owner == dana


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"to": "x"}, "cannot take over"),
        ({"to": "9" * 40}, "cannot take over"),
        ({"stage": "sunny"}, "the stage is missing"),
        ({"until": "tomorrow"}, "is no day"),
        ({"until": "2026-02-31"}, "is no day"),
    ],
)
def test_what_cannot_be_gets_a_sentence(client: Client, olive: User, asked: dict[str, str], sentence: str) -> None:
    dana = staff(name="Dana Frey")
    person("Ana", owner=dana)

    assert sentence in page(client, dana, **asked)
    answer = client.post(reverse("handover_give", args=[dana.pk]), asked, follow=True)
    assert sentence in answer.content.decode()
    assert not Handover.objects.exists()


def test_a_manager_does_not_hand_over(client: Client) -> None:
    client.force_login(staff(Role.MANAGER))
    dana = staff()

    assert client.get(reverse("handover", args=[dana.pk])).status_code == 403
    assert client.post(reverse("handover_give", args=[dana.pk])).status_code == 403


def test_a_closed_account_stands_on_the_alarm_page_until_its_people_are_handed_over(
    client: Client, olive: User
) -> None:
    gone, eli = staff(name="Gus Gone", is_active=False), staff(name="Eli Roth")
    person("Ana", owner=gone, stage=Stage.ONGOING)
    link = reverse("handover", args=[gone.pk])

    assert link in client.get(reverse("coverage")).content.decode()
    client.post(reverse("handover_give", args=[gone.pk]), {"to": eli.pk})

    assert link not in client.get(reverse("coverage")).content.decode()


def test_the_staff_page_leads_there(client: Client, olive: User) -> None:
    dana = staff()

    assert reverse("handover", args=[dana.pk]) in client.get(reverse("settings_staff")).content.decode()
