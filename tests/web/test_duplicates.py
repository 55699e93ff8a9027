"""Duplicates: the list, both side by side, made one and taken apart; one person's data, and forgetting them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import consents, person, staff, suppressed

from rekindle.accounts.roles import Role
from rekindle.relationships.models import Merge, Note, Party
from rekindle.workflows import duplicates

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def manager(client: Client) -> Any:
    user = staff(Role.MANAGER)
    client.force_login(user)
    return user


def two() -> tuple[Party, Party]:
    one = person("Ana Weber", email="ana@example.org", number="17")
    other = person("Ana <b>Weber</b>", email="ana@example.org", number="99")
    Note.objects.create(relationship=other, text="likes swimming")
    return one.party, other.party


def addresses() -> list[str]:
    one, other = two()
    return [
        reverse("duplicates"),
        reverse("duplicates_pair", args=[one.pk, other.pk]),
        reverse("person_data", args=[one.pk]),
        reverse("person_forget", args=[one.pk]),
    ]


def test_it_refuses_a_stranger(client: Client) -> None:
    for address in addresses():
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/sign-in/")


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST])
def test_it_refuses_who_may_not(client: Client, role: Role) -> None:
    client.force_login(staff(role))
    for address in addresses():
        assert client.get(address).status_code == 403
    one, other = Party.objects.order_by("pk")
    assert client.post(reverse("duplicates_pair", args=[one.pk, other.pk])).status_code == 403
    assert client.post(reverse("person_forget", args=[one.pk]), {"sure": "yes"}).status_code == 403
    assert Party.objects.count() == 2


def test_who_is_not_there_is_not_found(client: Client, manager: Any) -> None:
    one, _ = two()
    for address in (
        reverse("duplicates_pair", args=[one.pk, 10**9]),
        reverse("duplicates_pair", args=[one.pk, one.pk]),
        reverse("person_data", args=[10**9]),
        reverse("person_forget", args=[10**9]),
        reverse("duplicates") + "?after=x",
    ):
        assert client.get(address).status_code == 404
    assert client.post(reverse("merge_part", args=[10**9])).status_code == 404


def test_the_list_shows_pairs_and_htmx_gets_the_list_only(client: Client, manager: Any) -> None:
    two()
    whole = client.get(reverse("duplicates")).content.decode()
    part = client.get(reverse("duplicates"), headers={"HX-Request": "true"}).content.decode()

    assert "both have ana@example.org" in whole
    assert "<b>Weber</b>" not in whole
    assert "<html" in whole
    assert "<html" not in part
    assert "both have ana@example.org" in part


def test_an_empty_list_says_what_it_waits_for(client: Client, manager: Any) -> None:
    assert "No two records look alike" in client.get(reverse("duplicates")).content.decode()


def test_the_list_asks_the_same_number_of_questions_for_many(
    client: Client, manager: Any, django_assert_max_num_queries: Any
) -> None:
    for n in range(12):
        person(f"P {n}", email=f"p{n}@example.org")
        person(f"P {n}", email=f"p{n}@example.org")
    with django_assert_max_num_queries(10):
        client.get(reverse("duplicates"))


def test_the_list_goes_on_from_page_to_page(client: Client, manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekindle.web.views.duplicates.ROWS", 1)
    two()
    person("Ben", email="ben@example.org")
    person("Ben", email="ben@example.org")
    first = client.get(reverse("duplicates")).content.decode()
    place = duplicates.find(limit=1).next

    assert f"?after={place}" in first
    assert "ana@example.org" in client.get(reverse("duplicates"), {"after": place}).content.decode()


def test_both_are_shown_side_by_side_and_looking_changes_nothing(client: Client, manager: Any) -> None:
    one, other = two()
    suppressed("ana@example.org")
    page = client.get(reverse("duplicates_pair", args=[one.pk, other.pk])).content.decode()

    assert "17" in page
    assert "99" in page
    assert "Must never be written to." in page
    assert "Notes" in page
    assert Party.objects.count() == 2


def test_they_are_made_one_and_taken_apart(client: Client, manager: Any) -> None:
    one, other = two()
    consents(person("Third"))
    answer = client.post(reverse("duplicates_pair", args=[one.pk, other.pk]))
    assert answer["Location"] == reverse("person", args=[one.pk])
    assert Note.objects.get().relationship.party_id == one.pk
    assert "Take apart" in client.get(reverse("duplicates")).content.decode()

    answer = client.post(reverse("merge_part", args=[Merge.objects.get().pk]))
    assert answer["Location"] == reverse("duplicates")
    assert Note.objects.get().relationship.party_id == other.pk
    assert client.get(reverse("merge_part", args=[Merge.objects.get().pk])).status_code == 405


def test_the_data_of_one_person_can_be_read_and_taken_along(client: Client, manager: Any) -> None:
    one, other = two()
    page = client.get(reverse("person_data", args=[other.pk])).content.decode()
    file = client.get(reverse("person_data", args=[other.pk]), {"as": "json"})

    assert "likes swimming" in page
    assert "<b>Weber</b>" not in page
    assert json.loads(file.content)["tables"]["notes"][0]["text"] == "likes swimming"
    assert "attachment" in file["Content-Disposition"]
    assert "no-store" in file["Cache-Control"]
    assert "likes swimming" not in client.get(reverse("person_data", args=[one.pk])).content.decode()


def test_forgetting_asks_first(client: Client, manager: Any) -> None:
    one, _ = two()
    assert "What goes, for good" in client.get(reverse("person_forget", args=[one.pk])).content.decode()
    client.post(reverse("person_forget", args=[one.pk]))
    assert Party.objects.filter(pk=one.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_forgetting_forgets(client: Client, manager: Any) -> None:
    one, _ = two()
    answer = client.post(reverse("person_forget", args=[one.pk]), {"sure": "yes"}, follow=True)

    assert "They are forgotten." in answer.content.decode()
    assert client.get(reverse("person", args=[one.pk])).status_code == 404
