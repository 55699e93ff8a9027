"""Links that open the same page after years: they hold no day, so there is none on which they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person

from rekindle.workflows import links
from rekindle.workflows.links import LinkPurpose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.mark.parametrize(("page", "purpose"), [("door", LinkPurpose.DOOR), ("recommended", LinkPurpose.REFERRAL)])
def test_a_link_opens_its_page_three_thousand_days_later(
    client: Client, monkeypatch: pytest.MonkeyPatch, page: str, purpose: LinkPurpose
) -> None:
    address = reverse(page, args=[links.make(purpose, person("Ben Okafor").party)])
    later = timezone.now() + timedelta(days=3_000)
    monkeypatch.setattr(timezone, "now", lambda: later)
    monkeypatch.setattr("time.time", later.timestamp)
    assert client.get(address).status_code == 200
