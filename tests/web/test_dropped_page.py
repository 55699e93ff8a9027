"""The page of those dropped in silence, and the question put to a human again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import consents, ended, person, staff

from rekindle.accounts.roles import Role
from rekindle.relationships.models import Relationship, Task
from rekindle.relationships.vocabulary import Commercial, Stage, Terms
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db


def past() -> Relationship:
    since = business_day() - timedelta(days=500)
    one = person("Cleo Marsh", stage=Stage.BREAKUP, commercial=Commercial.ENDED, since=since, email="cleo@example.org")
    Relationship.objects.filter(pk=one.pk).update(terms=Terms.GOOD.value)
    ended(one, on=since)
    consents(one, obtained=timezone.now() - timedelta(days=200))
    return one


def test_it_names_them_and_asks_again_for_the_ticked(client: Client) -> None:
    client.force_login(staff(Role.AGENT))
    one = past()

    text = client.get(reverse("dropped")).content.decode()
    assert "1 past client has heard nothing from us for a year." in text
    assert "Cleo Marsh" in text

    answer = client.post(reverse("dropped_ask"), {"who": [one.pk, "x"]}, follow=True).content.decode()
    assert "1 question is on the list of the day." in answer
    assert Task.objects.get().relationship == one
    assert "Nobody with whom we parted in peace was dropped." in answer


def test_an_empty_choice_gets_a_sentence(client: Client) -> None:
    client.force_login(staff(Role.AGENT))

    assert "Choose at least one person" in client.post(reverse("dropped_ask"), follow=True).content.decode()


def test_a_reader_sees_no_button_and_a_wrong_place_is_none(client: Client) -> None:
    client.force_login(staff(Role.ANALYST))
    past()

    assert "Ask again" not in client.get(reverse("dropped")).content.decode()
    assert client.post(reverse("dropped_ask")).status_code == 403
    assert client.get(reverse("dropped"), {"after": "x"}).status_code == 404
