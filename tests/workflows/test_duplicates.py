"""Pairs that may be one person: what makes a pair, in which order, and a page at a time."""

from __future__ import annotations

import pytest
from people_cast import person

from rekindle.errors import BadInput
from rekindle.relationships.models import Identity
from rekindle.workflows import duplicates

pytestmark = pytest.mark.django_db


def pairs() -> list[tuple[str, str, int]]:
    return [(pair.one.name, pair.other.name, pair.strength) for pair in duplicates.find().pairs]


def test_who_shares_an_address_is_a_pair_and_the_same_name_makes_it_stronger() -> None:
    person("Ana Weber", email="ana@example.org")
    person("ANA WEBER", email="ana@example.org")
    person("Ben Okafor", phone="+447700900002")
    person("Bea Okafor", phone="+447700900002")
    person("Cleo Marchetti", email="cleo@example.org")

    assert pairs() == [("Ana Weber", "ANA WEBER", 98), ("Ben Okafor", "Bea Okafor", 40)]
    assert duplicates.find().pairs[0].reasons == ("the same name", "both have ana@example.org")


def test_a_record_without_a_name_is_likely_the_one_with() -> None:
    person("Ana Weber", email="ana@example.org")
    person("", email="ana@example.org")
    assert pairs() == [("Ana Weber", "", 85)]


def test_the_same_name_alone_is_no_pair_but_with_a_domain_or_local_part_it_is() -> None:
    person("Ana Weber", email="ana@one.example")
    person("Ana Weber", email="ana@two.example")
    person("Ben Okafor", email="ben@firm.example")
    person("Ben Okafor", email="b.okafor@firm.example")
    person("Cleo Marchetti", email="cleo@one.example")
    person("Cleo Marchetti", email="marchetti@two.example")

    assert pairs() == [("Ana Weber", "Ana Weber", 70), ("Ben Okafor", "Ben Okafor", 60)]
    assert duplicates.find().pairs[1].reasons == ("the same name", "both are at firm.example")


def test_a_switchboard_and_a_mail_provider_make_nobody_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(duplicates.SHARED_AT_MOST + 1):
        person(f"Person {n}", phone="+447700900003")
    monkeypatch.setitem(duplicates._FACTS, "domain", 2)
    for local in ("ana", "weber", "a.w"):
        person("Ana Weber", email=f"{local}@mail.example")

    assert pairs() == []


def test_an_address_no_longer_theirs_makes_no_pair() -> None:
    person("Ana Weber", email="ana@example.org")
    gone = person("Anna Weber", email="ana@example.org")
    Identity.objects.filter(party=gone.party).update(valid_to="2025-01-01")
    assert pairs() == []


def test_a_person_and_an_organisation_are_no_pair() -> None:
    person("Weber", email="ana@example.org")
    person("Weber", email="ana@example.org", kind="organisation")
    assert pairs() == []


def test_pages_follow_one_another_without_a_gap(django_assert_num_queries) -> None:
    for n in range(7):
        person(f"P {n}", email=f"p{n}@example.org")
        person(f"P {n}" if n % 2 else f"Q {n}", email=f"p{n}@example.org")
    whole = [(pair.one.pk, pair.other.pk) for pair in duplicates.find().pairs]

    paged: list[tuple[int, int]] = []
    after = ""
    while True:
        with django_assert_num_queries(3):
            page = duplicates.find(limit=3, after=after)
        paged += [(pair.one.pk, pair.other.pk) for pair in page.pairs]
        after = page.next
        if not after:
            break

    assert len(whole) == 7
    assert paged == whole


@pytest.mark.parametrize("after", ["x", "1-2", "1-2-x", "1-2-" + "9" * 30])
def test_a_place_that_is_none_is_refused(after: str) -> None:
    with pytest.raises(BadInput):
        duplicates.find(after=after)
