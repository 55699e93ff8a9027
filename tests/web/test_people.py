"""The list of people: found by a few letters, filtered, sorted, a page at a time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from people_cast import cast, person, staff

from rekindle.accounts.roles import Role
from rekindle.journal import listing
from rekindle.journal.listing import Asked, Sort, people
from rekindle.journal.models import CautionSign, Outlook
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.queries import search
from rekindle.relationships.vocabulary import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signed_in(client: Client) -> None:
    client.force_login(staff(Role.ANALYST))


def outlook(relationship: Relationship, *, stake: int | None, seen: int | None = None) -> None:
    day = timezone.localdate()
    Outlook.objects.create(
        relationship=relationship, as_of=day, model="MBG/NBD", horizon_days=90, value_horizon_days=730,
        p_none=0.2, p_none_low=0.1, p_none_high=0.3, value_at_stake_minor=stake, currency="EUR",
        last_on=day - timedelta(days=seen) if seen is not None else None,
    )  # fmt: skip


def names(**asked: Any) -> list[str]:
    return [row.name for row in people(Asked(**asked), limit=50).rows]


def all_pages(*, limit: int, **asked: Any) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = people(Asked(**asked, after=after), limit=limit)
        found += [row.name for row in page.rows]
        if not page.next:
            return found
        after = page.next


def found(text: str) -> list[str]:
    by_id = {party.pk: str(party) for party in Party.objects.all()}
    return [by_id[number] for number in search(text, limit=20)]


def test_it_refuses_a_stranger() -> None:
    assert Client().get(reverse("people")).status_code == 302


@pytest.mark.parametrize(
    "text", ["Ana", "ana", "ANA W", "ana we", " Ana  Weber ", "ana@", "ANA@EXAMPLE.ORG", "00017", "+447700900001",
     "07700 900001"],
)  # fmt: skip
def test_ana_is_found_by_the_beginning_of_anything_we_know(text: str) -> None:
    cast()
    assert found(text) == ["Ana Weber"]


@pytest.mark.parametrize("text", ["", "  ", "%", "_", "nobody", "a" * 300, "\\", "'; drop table"])
def test_odd_searches_find_nobody_and_break_nothing(client: Client, text: str) -> None:
    cast()
    assert found(text) == []
    assert client.get(reverse("people"), {"q": text}).status_code == 200


def test_names_in_other_scripts_are_found() -> None:
    for name in ("Íñigo Larrañaga", "Žofie Nováková", "李小龍"):
        person(name)
    assert found("Íñigo") == ["Íñigo Larrañaga"]
    assert found("žofie") == ["Žofie Nováková"]
    assert found("李小") == ["李小龍"]


@pytest.mark.parametrize("sort", [Sort.STAKE, Sort.SEEN])
def test_pages_by_a_figure_show_everyone_once_in_order_the_unknown_last(sort: Sort) -> None:
    for n, value in enumerate([500, 100, 500, None, 100, None, 900]):
        outlook(person(f"P{n}"), stake=value, seen=None if value is None else 1_000 - value)
    expected = ["P6", "P0", "P2", "P1", "P4", "P3", "P5"]
    for limit in (1, 2, 3, 50):
        assert all_pages(limit=limit, sort=sort) == expected
        assert all_pages(limit=limit, sort=sort, stage=Stage.ONGOING) == expected


def test_pages_by_name_show_namesakes_once_each() -> None:
    for name in ("Cleo", "Ana", "Ben", "Ana", "Ana"):
        person(name)
    for limit in (1, 2, 50):
        assert all_pages(limit=limit, sort=Sort.NAME) == ["Ana", "Ana", "Ana", "Ben", "Cleo"]
        assert all_pages(limit=limit, sort=Sort.NAME, stage=Stage.ONGOING) == ["Ana", "Ana", "Ana", "Ben", "Cleo"]


@pytest.mark.parametrize("few", [0, 5_000])
def test_filters_mean_the_same_for_few_and_for_many(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    dana = staff()
    for n in range(6):
        one = person(f"P{n}", stage=Stage.AT_RISK if n % 2 else Stage.ONGOING, owner=dana if n < 3 else None)
        outlook(one, stake=100 - n)
        if n in (1, 4):
            CautionSign.objects.create(relationship=one, code="silence", raised_on=timezone.localdate(), strength=1)
    for sort in Sort:
        assert all_pages(limit=2, sort=sort, stage=Stage.AT_RISK) == ["P1", "P3", "P5"]
        assert all_pages(limit=2, sort=sort, owner=dana.pk) == ["P0", "P1", "P2"]
        assert all_pages(limit=2, sort=sort, owner=0) == ["P3", "P4", "P5"]
        assert all_pages(limit=2, sort=sort, sign="silence") == ["P1", "P4"]
        assert all_pages(limit=2, sort=sort, sign="silence", stage=Stage.AT_RISK) == ["P1"]


def test_many_in_a_resting_stage_stand_by_name(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(listing, "FEW", 1)
    for name, stake in (("Ben", 5), ("Ana", 1), ("Cleo", 9)):
        outlook(person(name, stage=Stage.BREAKUP), stake=stake)
    page = people(Asked(stage=Stage.BREAKUP), limit=2)
    assert ([row.name for row in page.rows], page.sort) == (["Ana", "Ben"], Sort.NAME)
    assert all_pages(limit=1, stage=Stage.BREAKUP, sort=Sort.NAME) == ["Ana", "Ben", "Cleo"]
    assert "stand by name" in client.get(reverse("people"), {"stage": "breakup"}).content.decode()


def test_a_cleared_sign_is_no_longer_shown() -> None:
    one = person("Ana")
    CautionSign.objects.create(
        relationship=one, code="silence", raised_on=timezone.localdate(), cleared_on=timezone.localdate(), strength=1
    )
    assert names(sign="silence", sort=Sort.NAME) == []


def test_a_search_within_a_stage_keeps_to_it() -> None:
    person("Ana One")
    person("Ana Two", stage=Stage.AT_RISK)
    assert names(text="ana", stage=Stage.AT_RISK) == ["Ana Two"]


def test_a_person_without_a_name_goes_by_customer_number() -> None:
    person("", number="00042")
    assert names(text="0004") == ["customer 00042"]


def test_the_address_holds_the_place(client: Client) -> None:
    for n in range(60):
        outlook(person(f"P{n:02}"), stake=1_000 - n)
    first = client.get(reverse("people")).content.decode()
    place = re.search(r'rel="next" href="([^"]+)"', first)
    assert place is not None
    second = client.get(place[1].replace("&amp;", "&")).content.decode()
    assert "P49" in first
    assert "P50" not in first
    assert "P50" in second
    assert "P49" not in second


@pytest.mark.parametrize("after", ["x", "1", "1.x", ".", "1.2026-13-01"])
def test_a_made_up_place_says_so_and_begins_again(client: Client, after: str) -> None:
    outlook(person("Ana"), stake=1)
    page = client.get(reverse("people"), {"after": after, "sort": "seen"})
    assert page.status_code == 200
    assert "not a place in this list" in page.content.decode()


def test_htmx_gets_the_list_only(client: Client) -> None:
    person("Ana")
    part = client.get(
        reverse("people"), {"q": "a"}, headers={"HX-Request": "true", "HX-Target": "list"}
    ).content.decode()
    assert "<html" not in part
    assert "Ana" in part


def test_an_empty_business_says_what_to_do(client: Client) -> None:
    assert reverse("take_in") in client.get(reverse("people")).content.decode()


def test_the_queries_do_not_grow_with_the_people(client: Client, django_assert_max_num_queries: Any) -> None:
    for n in range(30):
        outlook(person(f"P{n:02}", owner=staff(), number=f"{n}"), stake=n)
    for asked in ({}, {"q": "P"}, {"stage": "ongoing"}, {"sort": "name"}, {"sort": "seen", "owner": "0"}):
        with django_assert_max_num_queries(16):
            client.get(reverse("people"), asked)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the plan is SQLite's")
def test_a_search_never_scans_a_table() -> None:
    cast()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        search("ana", limit=20)
        people(Asked(sort=Sort.STAKE), limit=50)
        people(Asked(sort=Sort.NAME), limit=50)
        people(Asked(sort=Sort.SEEN), limit=50)
    tables = ("relationships_party", "relationships_identity", "relationships_relationship", "journal_outlook")
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            for *_, step in cursor.fetchall():
                walked = step.startswith("SCAN") and any(table in step for table in tables)
                assert not walked or "USING" in step, f"{step}: {query['sql']}"
                assert "TEMP B-TREE FOR ORDER BY" not in step or "relationship_id" in query["sql"], query["sql"]
