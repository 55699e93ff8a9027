"""What somebody got from us: what reached them and nothing else, counted over the last year."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff, task
from pytest_django import DjangoAssertNumQueries

from rekindle.relationships.models import CompanyExit, Feedback, Promise
from rekindle.relationships.vocabulary import Channel, ExitGround, ExitState, TouchClass
from rekindle.workflows.mirror import mirror

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def test_only_what_reached_them_is_in_it() -> None:
    one, by, now = person("Ana Weber"), staff(), timezone.now()
    for ago, purpose in ((5, TouchClass.RELATIONSHIP), (40, TouchClass.PROMOTIONAL), (500, TouchClass.RELATIONSHIP)):
        at = now - timedelta(days=ago)
        task(one, state="done", answered_at=at, answered_by=by, touch_class=purpose.value, channel=Channel.CALL.value)
    task(one, opening_line="only planned")
    Promise.objects.create(relationship=one, text="a new lock", due_on=now.date(), made_by=by, told_customer=True)
    Promise.objects.create(relationship=one, text="only meant", due_on=now.date(), made_by=by)
    Feedback.objects.create(relationship=one, kind="open", words="cold", closed_at=now, closed_by=by, answer="mended")
    CompanyExit.objects.create(
        relationship=one, ground=ExitGround.FIT.value, state=ExitState.ANNOUNCED.value, opened_by=by,
        announced_at=now, notice_text="it ends in May",
    )  # fmt: skip

    seen = mirror(one.party)

    assert len(seen.rows) == 6
    assert not {"only planned", "only meant"} & {row.words for row in seen.rows}
    assert dict(seen.last_year) == {
        TouchClass.SERVICE: 2, TouchClass.LEGAL: 1, TouchClass.RELATIONSHIP: 1, TouchClass.PROMOTIONAL: 1,
    }  # fmt: skip
    assert (seen.asks, seen.longest_rest) == (1, 35)


def test_nothing_is_said_to_be_nothing(client: Client) -> None:
    client.force_login(staff())
    page = client.get(reverse("person_mirror", args=[person("Ben Okafor").party_id])).content.decode()
    assert "Nothing has reached them from us" in page


def test_a_long_record_costs_no_more_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    one, by = person("Cleo Marchetti"), staff()
    for _ in range(30):
        task(one, state="done", answered_at=timezone.now(), answered_by=by)
    client.force_login(by)
    with django_assert_max_num_queries(12):
        assert client.get(reverse("person_mirror", args=[one.party_id])).status_code == 200
