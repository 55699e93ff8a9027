"""Payments that did not come, on one person's page: said plainly, never as a wish to leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import hook_cast as cast
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff

from rekindle.accounts.roles import Role
from rekindle.relationships.models import Party, Relationship
from rekindle.workflows.hook_gather import gather_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def ana(client: Client) -> Relationship:
    client.force_login(staff(Role.ANALYST))
    return person(email="ana@example.org")


def failed(*, days_ago: int, **more: Any) -> None:
    source, now = cast.source(staff(Role.OWNER), slug=f"pay-{days_ago}"), timezone.now()
    cast.deliver(source, cast.invoice("payment_failed", at=now - timedelta(days=days_ago), **more), at=now)
    gather_waiting()


def page(client: Client, party: Party, **more: Any) -> str:
    return client.get(reverse("person_payments", args=[party.pk]), **more).content.decode()


def test_while_it_may_be_mended_nothing_is_concluded(client: Client, ana: Relationship) -> None:
    failed(days_ago=3)
    said = page(client, ana.party)
    assert "It failed once" in said
    assert "45.00" in said
    assert "until" in said
    assert "nothing is concluded" in said


def test_later_it_is_still_no_end_by_itself(client: Client, ana: Relationship) -> None:
    failed(days_ago=60)
    assert "it is no end" in page(client, ana.party)


def test_htmx_gets_the_part_and_nothing_where_nothing_is_unpaid(client: Client, ana: Relationship) -> None:
    assert page(client, ana.party, headers=HTMX).strip() == ""
    assert "Nothing is unpaid" in page(client, ana.party)
    failed(days_ago=3)
    part = page(client, ana.party, headers=HTMX)
    assert part.startswith("<section")
    assert "<html" not in part


def test_strangers_sign_in_and_nobody_is_404(client: Client, ana: Relationship) -> None:
    assert Client().get(reverse("person_payments", args=[ana.party.pk])).status_code == 302
    assert client.get(reverse("person_payments", args=[99_999])).status_code == 404
