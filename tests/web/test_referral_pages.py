"""The friend's page and the desk of recommendations."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import person, staff

from rekindle.accounts.roles import Role
from rekindle.relationships.models import Referral, Relationship
from rekindle.relationships.vocabulary import Terms
from rekindle.workflows import links, referrals
from rekindle.workflows.links import LinkPurpose

pytestmark = pytest.mark.django_db
SAID = {"name": "Robin Ash", "reach": "robin@example.org", "words": ""}


@pytest.fixture(autouse=True)
def _own_home(home: Any) -> None:
    """Buckets of their own for each test."""


@pytest.fixture
def cleo() -> Relationship:
    return person("Cleo Marchetti", email="cleo@example.org", given_name="Cleo")


def address(cleo: Relationship) -> str:
    return reverse("recommended", args=[links.make(LinkPurpose.REFERRAL, cleo.party, about="door")])


def test_the_page_names_nobody_and_a_look_changes_nothing(cleo: Relationship) -> None:
    page = Client().get(address(cleo)).content.decode()
    assert "Cleo" not in page
    assert "cleo@" not in page
    assert not Referral.objects.exists()


def test_a_friend_leaves_a_word_and_is_thanked(cleo: Relationship) -> None:
    there = Client().post(address(cleo), SAID, follow=True)
    assert "Thank you" in there.content.decode()
    assert Referral.objects.get().via == "door"


def test_what_is_missing_is_said_and_what_was_written_stays(cleo: Relationship) -> None:
    page = Client().post(address(cleo), {"name": "Robin Ash", "reach": "", "words": "<b>hello</b>"})
    assert page.status_code == 400
    assert "Robin Ash" in page.content.decode()
    assert "<b>hello" not in page.content.decode()
    assert not Referral.objects.exists()


def test_a_link_for_another_door_opens_nothing(cleo: Relationship) -> None:
    token = links.make(LinkPurpose.DOOR, cleo.party)
    assert Client().get(reverse("recommended", args=[token])).status_code == 404


def test_the_door_has_the_address_to_hand_on_unless_they_parted_badly(cleo: Relationship) -> None:
    door = reverse("door", args=[links.make(LinkPurpose.DOOR, cleo.party)])
    assert "Recommend us to a friend" in Client().get(door).content.decode()
    cleo.terms = Terms.TOXIC.value
    cleo.save()
    assert "Recommend us to a friend" not in Client().get(door).content.decode()


def test_the_desk_shows_who_waits_and_settles_it(cleo: Relationship) -> None:
    told = referrals.tell(cleo.party, referrals.Friend("Robin Ash", "robin@example.org"), via="door")
    client = Client()
    client.force_login(staff(Role.MANAGER))
    assert "Robin Ash" in client.get(reverse("referrals")).content.decode()
    client.post(reverse("referral_met", args=[told.pk]))
    assert "Robin Ash" in client.get(reverse("referrals") + "?list=met").content.decode()
    robin = person("Robin Ash")
    client.post(reverse("referral_joined", args=[told.pk]), {"friend": robin.party_id})
    page = client.get(reverse("referrals") + "?list=joined").content.decode()
    assert "robin@example.org" not in page
    assert "Thank them" in page
    assert client.get(reverse("referrals") + "?list=nothing").status_code == 404
    assert "Cleo" in client.get(reverse("referrals_silent", args=["recommended"])).content.decode()
