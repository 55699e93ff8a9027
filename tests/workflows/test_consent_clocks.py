"""Grounds that run out soon: found, in order, a page at a time, as the gate would say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from people_cast import consents, ended, person

from rekindle.errors import BadInput
from rekindle.relationships.models import Consent, Episode, Relationship
from rekindle.relationships.vocabulary import Basis, Channel, Commercial, Stage, TouchClass
from rekindle.workflows import consent_clocks
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.preferences import ground

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)


def gone(name: str, *, country: str, last_seen: date, obtained: datetime, **fields: Any) -> Relationship:
    one = person(
        name, stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, email=f"{name}@example.org", country=country
    )
    Episode.objects.create(
        relationship=one, number=1, began_on=date(2020, 1, 1), last_seen_on=last_seen, pulses=9, ended_on=last_seen
    )
    consents(one, obtained=obtained, **fields)
    return one


def shown(**words: Any) -> list[tuple[str, date, str]]:
    return [(row.person, row.last_day, row.rule) for row in consent_clocks.expiring(at=AT, **words).rows]


def test_a_clock_that_runs_out_is_shown_with_its_rule_and_what_to_do() -> None:
    gone("ca", country="CA", last_seen=date(2024, 4, 1), obtained=datetime(2023, 1, 1, tzinfo=UTC),
         basis=Basis.IMPLIED_PURCHASE)  # fmt: skip
    (row,) = consent_clocks.expiring(at=AT).rows
    assert (row.rule, row.last_day) == ("ca.casl.ebr.purchase", date(2026, 3, 31))
    assert (row.channel, row.purpose, row.basis) == (Channel.EMAIL, TouchClass.RELATIONSHIP, Basis.IMPLIED_PURCHASE)
    assert row.before


def test_a_sign_of_life_since_starts_the_clock_again() -> None:
    gone("de", country="DE", last_seen=date(2025, 12, 1), obtained=datetime(2024, 4, 1, tzinfo=UTC))
    assert shown() == []
    gone("de2", country="DE", last_seen=date(2024, 2, 1), obtained=datetime(2024, 4, 1, tzinfo=UTC))
    assert shown() == [("de2", date(2026, 3, 31), "de.electronic.consent")]


def test_a_day_they_named_themselves_goes_before_a_later_clock() -> None:
    gone("own", country="CA", last_seen=date(2025, 1, 1), obtained=datetime(2025, 1, 1, tzinfo=UTC),
         expires_at=datetime(2026, 4, 2, tzinfo=UTC))  # fmt: skip
    assert shown() == [("own", date(2026, 4, 1), "own_day")]


def test_withdrawn_run_out_and_endless_grounds_are_not_shown() -> None:
    gone("no", country="CA", last_seen=date(2024, 4, 1), obtained=datetime(2023, 1, 1, tzinfo=UTC),
         basis=Basis.IMPLIED_PURCHASE, withdrawn_at=AT)  # fmt: skip
    gone("past", country="CA", last_seen=date(2023, 4, 1), obtained=datetime(2023, 1, 1, tzinfo=UTC),
         basis=Basis.IMPLIED_PURCHASE)  # fmt: skip
    gone("endless", country="CA", last_seen=date(2024, 4, 1), obtained=datetime(2023, 1, 1, tzinfo=UTC))
    gone(
        "unheard",
        country="CA",
        last_seen=date(2024, 4, 1),
        obtained=datetime(2023, 1, 1, tzinfo=UTC),
        basis=Basis.CONTRACT,
    )
    assert shown() == []


def test_the_border_is_the_instant() -> None:
    gone("edge", country="CA", last_seen=date(2025, 1, 1), obtained=datetime(2025, 1, 1, tzinfo=UTC), expires_at=AT)
    assert shown() == []
    Consent.objects.update(expires_at=AT + timedelta(microseconds=1))
    assert len(shown()) == 1
    Consent.objects.update(expires_at=AT + timedelta(days=60))
    assert len(shown()) == 1
    Consent.objects.update(expires_at=AT + timedelta(days=60, microseconds=1))
    assert shown() == []


def test_pages_follow_one_another_without_gap_or_repeat() -> None:
    for n in range(7):
        gone(f"p{n}", country="CA", last_seen=date(2025, 1, 1), obtained=datetime(2025, 1, 1, tzinfo=UTC),
             expires_at=AT + timedelta(days=1 + n // 2))  # fmt: skip
    seen, after = [], ""
    while True:
        page = consent_clocks.expiring(at=AT, limit=2, after=after)
        seen += [row.consent for row in page.rows]
        if not (after := page.next):
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen == [row.consent for row in consent_clocks.expiring(at=AT).rows]


@pytest.mark.parametrize("wrong", [{"within_days": 0}, {"within_days": 400}, {"after": "x"}, {"after": "1.2.3"}])
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        consent_clocks.expiring(at=AT, **wrong)


def test_it_says_what_the_gate_says() -> None:
    """For every basis and several countries, whatever started the clock."""
    numbers = iter(range(10_000))
    for country in ("CA", "DE", "FR", "GB", "US", "AU", "IT", "BR"):
        for basis in Basis:
            for back in (90, 180, 540, 720, 725, 1080):
                one = gone(
                    f"n{next(numbers)}", country=country, last_seen=(AT - timedelta(days=back)).date(),
                    obtained=AT - timedelta(days=back + 30), basis=basis,
                )  # fmt: skip
                if back == 720:
                    ended(one, on=(AT - timedelta(days=700)).date())
    rows = {row.consent: row.until for row in consent_clocks.expiring(at=AT, within_days=60, limit=10_000).rows}
    expected = {}
    for one in Consent.objects.select_related("party"):
        holds, until = ground(
            facts([one.party_id], at=AT), channel=Channel.EMAIL, purpose=TouchClass.RELATIONSHIP, at=AT
        )
        if holds and until is not None and until <= AT + timedelta(days=60):
            expected[one.pk] = until
    assert rows == expected
    assert expected


def test_the_queries_do_not_grow_with_the_grounds(django_assert_max_num_queries: Any) -> None:
    for n in range(12):
        gone(f"q{n}", country="CA", last_seen=date(2024, 4, 1), obtained=datetime(2023, 1, 1, tzinfo=UTC),
             basis=Basis.IMPLIED_PURCHASE)  # fmt: skip
    with django_assert_max_num_queries(19):
        assert len(consent_clocks.expiring(at=AT).rows) == 12
