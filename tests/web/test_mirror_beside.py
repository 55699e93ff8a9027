"""What somebody got from us stands beside whatever is being written to them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff, task
from pytest_django import DjangoAssertNumQueries

from rekindle.relationships.models import Promise, Relationship
from rekindle.workflows.mirror import latest, mirror

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def touched(times: int) -> Relationship:
    one, by, now = person("Ana Weber", email="ana@example.org"), staff(), timezone.now()
    for ago in range(times):
        task(one, state="done", answered_at=now - timedelta(days=ago), answered_by=by, opening_line=f"word {ago}")
    return one


def test_the_newest_five_are_those_of_the_whole_mirror() -> None:
    one = touched(8)
    promise = Promise.objects.create(
        relationship=one, text="a new lock", due_on=timezone.localdate(), made_by=staff(), told_customer=True
    )
    Promise.objects.filter(pk=promise.pk).update(made_at=timezone.now() - timedelta(days=1, hours=12))

    found = latest(one.party)

    assert [row.words for row in found] == ["word 0", "word 1", "a new lock", "word 2", "word 3"]
    assert found == mirror(one.party).rows[:5]


@pytest.mark.parametrize(("there", "asked", "given"), [(0, 5, 0), (3, 5, 3), (5, 5, 5), (6, 5, 5), (6, 1, 1)])
def test_so_many_as_are_there_and_no_more_than_asked(there: int, asked: int, given: int) -> None:
    assert len(latest(touched(there).party, asked)) == given


def test_what_lies_ahead_is_not_in_it() -> None:
    one = touched(3)

    assert [row.words for row in latest(one.party, at=timezone.now() - timedelta(hours=36))] == ["word 2"]


def test_a_long_record_costs_no_more(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    party = touched(40).party

    with django_assert_num_queries(5):
        latest(party)


def test_who_writes_sees_it_beside_the_words(client: Client) -> None:
    one = touched(6)
    client.force_login(staff())

    page = client.get(reverse("write", args=[one.party_id])).content.decode()

    assert "What they got from us" in page
    assert "word 4" in page
    assert "word 5" not in page
    assert reverse("person_mirror", args=[one.party_id]) in page


def test_nothing_is_said_to_be_nothing(client: Client) -> None:
    client.force_login(staff())

    page = client.get(reverse("write", args=[touched(0).party_id])).content.decode()

    assert "Nothing has reached them from us" in page
