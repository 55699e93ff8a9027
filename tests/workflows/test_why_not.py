"""The facts the rules look at, as the books hold them, and the answer for one person."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from people_cast import NOW, Cast, cast, consents, ended, person, suppressed

from rekindle.decide.eligibility import Rule
from rekindle.relationships.models import Brand, Episode, Identity, Party, Relationship
from rekindle.relationships.vocabulary import Basis, Channel, Commercial, Contact, IdentityKind, Stage, TouchClass
from rekindle.workflows import why_not as module
from rekindle.workflows.why_not import facts, why_not

pytestmark = pytest.mark.django_db


@pytest.fixture
def four() -> Cast:
    return cast()


def rule(
    relationship: Relationship,
    *,
    touch_class: TouchClass = TouchClass.RELATIONSHIP,
    channel: Channel = Channel.EMAIL,
    at: datetime = NOW,
) -> Rule:
    return why_not(relationship.party, touch_class=touch_class, channel=channel, at=at).rule


def column(name: str, *relationships: Relationship) -> list[object]:
    return facts([r.party_id for r in relationships], at=NOW).people[name].to_pylist()  # type: ignore[no-any-return]


def test_a_live_customer_may_be_served_and_needs_a_ground_for_more(four: Cast) -> None:
    assert rule(four.ana, touch_class=TouchClass.SERVICE) is Rule.ALLOWED
    assert rule(four.ana, touch_class=TouchClass.RELATIONSHIP) is Rule.NO_BASIS
    assert rule(four.ana, channel=Channel.IN_PERSON) is Rule.ALLOWED


def test_who_left_last_week_is_left_in_peace_until_the_stored_instant(four: Cast) -> None:
    consents(four.ben)
    answer = why_not(four.ben.party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL, at=NOW)
    over = datetime(2026, 6, 3, tzinfo=UTC)
    assert (answer.allowed, answer.rule, answer.until) == (False, Rule.COOLING_OFF, over)
    assert "3 June 2026" in answer.text
    assert rule(four.ben, at=over - timedelta(microseconds=1)) is Rule.COOLING_OFF
    assert rule(four.ben, at=over) is Rule.ALLOWED


def test_an_invoice_passes_the_quiet_time(four: Cast) -> None:
    assert rule(four.ben, touch_class=TouchClass.TRANSACTIONAL) is Rule.ALLOWED


def test_who_left_a_year_ago_and_consents_may_have_a_card(four: Cast) -> None:
    assert rule(four.cleo) is Rule.ALLOWED
    assert rule(four.cleo, touch_class=TouchClass.PROMOTIONAL) is Rule.NO_BASIS


def test_who_said_never_is_never_reached_on_any_road(four: Cast) -> None:
    for channel in (Channel.EMAIL, Channel.IN_PERSON):
        assert rule(four.dov, channel=channel, touch_class=TouchClass.TRANSACTIONAL) is Rule.SUPPRESSED


def test_one_suppressed_address_silences_all_addresses_of_the_person() -> None:
    both = person("Two Addresses", email="old@example.org", phone="+447700900123")
    suppressed("+447700900123", kind=IdentityKind.PHONE)
    assert column("suppressed", both) == [True]


def test_an_address_that_is_no_longer_valid_still_suppresses() -> None:
    moved = person("Moved Away", email="old@example.org")
    Identity.objects.update(valid_to=date(2020, 1, 1))
    suppressed("old@example.org")
    assert (column("suppressed", moved), column("has_email", moved)) == ([True], [False])


def test_a_suppressed_customer_number_counts_within_its_source_only() -> None:
    here = person("Here", number="7")
    suppressed("7", kind=IdentityKind.EXTERNAL, source="elsewhere")
    assert column("suppressed", here) == [False]
    suppressed("7", kind=IdentityKind.EXTERNAL, source="till")
    assert column("suppressed", here) == [True]


@pytest.mark.parametrize(
    ("window", "valid"),
    [
        ({"valid_from": NOW.date()}, True),
        ({"valid_from": NOW.date() + timedelta(days=1)}, False),
        ({"valid_to": NOW.date()}, True),
        ({"valid_to": NOW.date() - timedelta(days=1)}, False),
    ],
)
def test_an_address_counts_on_both_its_border_days(window: dict[str, date], valid: bool) -> None:
    ana = person(email="ana@example.org")
    Identity.objects.update(**window)
    assert column("has_email", ana) == [valid]


def test_a_letter_needs_a_street() -> None:
    homes = [person("None"), person("Empty", extra={"address": ""}), person("Here", extra={"address": "1 Oak Street"})]
    assert column("has_address", *homes) == [False, False, True]


def test_the_dead_and_the_closed_are_left_alone() -> None:
    dead = person("Dead", deceased_on=date(2026, 1, 1))
    closed = person("Closed", stage=Stage.CLOSED, commercial=Commercial.LIVE)
    silent = person("Silent", contact=Contact.SILENT)
    for who in (dead, closed, silent):
        assert rule(who, channel=Channel.IN_PERSON) is Rule.CLOSED_OR_DECEASED


def test_a_withdrawn_ground_is_an_objection_and_never_comes_back_by_itself() -> None:
    ana = person(email="ana@example.org")
    ground = consents(ana, withdrawn_at=NOW - timedelta(days=1))
    assert rule(ana) is Rule.OBJECTED
    assert rule(ana, at=NOW - timedelta(days=2)) is Rule.ALLOWED
    ground.obtained_at = NOW - timedelta(hours=1)
    ground.save()
    assert rule(ana) is Rule.OBJECTED


def test_a_ground_expires_at_its_instant() -> None:
    ana = person(email="ana@example.org")
    consents(ana, basis=Basis.SOFT_OPT_IN, expires_at=NOW)
    assert rule(ana, at=NOW - timedelta(microseconds=1)) is Rule.ALLOWED
    assert rule(ana, at=NOW) is Rule.NO_BASIS


def test_a_recorded_end_ends_the_contract_before_any_night_has_run() -> None:
    gone = person("Gone", email="gone@example.org", commercial=Commercial.LIVE)
    ended(gone, on=NOW.date(), quiet_days=0)
    assert column("live", gone) == [False]


def test_an_end_to_come_is_not_yet_an_end() -> None:
    leaving = person("Leaving", commercial=Commercial.NOTICE, stage=Stage.NOTICE)
    ended(leaving, on=NOW.date() + timedelta(days=1))
    assert (column("live", leaving), column("cooling_off", leaving)) == ([True], [False])


def test_who_came_back_is_no_longer_cooling_off() -> None:
    back = person("Back", stage=Stage.PHOENIX)
    ended(back, on=NOW.date() - timedelta(days=30))
    assert column("cooling_off", back) == [True]
    Episode.objects.create(
        relationship=back, number=2, began_on=NOW.date() - timedelta(days=3), last_seen_on=NOW.date(), pulses=1
    )
    assert (column("cooling_off", back), column("live", back)) == ([False], [True])


def test_the_latest_of_several_quiet_times_counts() -> None:
    twice = person("Twice", contact=Contact.OPEN)
    ended(twice, on=date(2026, 2, 1))
    ended(twice, on=date(2026, 3, 1))
    assert column("cooling_until", twice) == [datetime(2026, 5, 30, tzinfo=UTC)]


def test_quiet_without_a_recorded_end_refuses_until_somebody_says() -> None:
    hushed = person("Hushed", contact=Contact.QUIET, email="h@example.org")
    answer = why_not(hushed.party, touch_class=TouchClass.SERVICE, channel=Channel.EMAIL, at=NOW)
    assert (answer.rule, answer.until) == (Rule.COOLING_OFF, None)


def test_the_stage_tells_who_is_live_where_nobody_set_the_axis() -> None:
    ongoing = person("On", commercial=Commercial.NONE)
    courting = person("Courting", commercial=Commercial.NONE, stage=Stage.COURTSHIP, since=None)
    over = person("Over", commercial=Commercial.ENDED)
    assert column("live", ongoing, courting, over) == [True, False, False]


def test_the_night_may_say_who_is_live_before_it_is_written() -> None:
    new = person("New", commercial=Commercial.NONE, stage=Stage.COURTSHIP)
    told = facts([new.party_id], at=NOW, live=np.array([True]))
    assert told.people["live"].to_pylist() == [True]


def test_somebody_unknown_is_refused() -> None:
    answer = why_not(Party(pk=987_654), touch_class=TouchClass.SERVICE, channel=Channel.IN_PERSON, at=NOW)
    assert answer.rule is Rule.STANDING_UNKNOWN


def test_the_order_asked_for_is_the_order_given(four: Cast) -> None:
    asked = [four.dov.party_id, four.ana.party_id, four.cleo.party_id, four.ben.party_id]
    people = facts(asked, at=NOW).people
    assert people["party_id"].to_pylist() == asked
    assert people["suppressed"].to_pylist() == [True, False, False, False]
    assert people["has_phone"].to_pylist() == [False, True, False, True]


def test_one_and_many_see_the_same(four: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [r.party_id for r in (four.cleo, four.dov, four.ana, four.ben)]
    few = facts(asked, at=NOW)
    monkeypatch.setattr(module, "_NAMED_AT_MOST", 0)
    many = facts(asked, at=NOW)
    assert many.people.equals(few.people)
    assert many.consents is not None
    assert many.consents.equals(few.consents)


def test_the_queries_do_not_grow_with_the_people(four: Cast, django_assert_max_num_queries: object) -> None:
    for n in range(10):
        person(f"More {n}", email=f"more{n}@example.org")
    with django_assert_max_num_queries(13):  # type: ignore[operator]
        facts(list(Party.objects.values_list("pk", flat=True)), at=NOW)


def test_the_answer_reads_in_the_businesss_own_day(four: Cast) -> None:
    Brand.objects.update(time_zone="America/New_York")
    answer = why_not(four.ben.party, touch_class=TouchClass.SERVICE, channel=Channel.IN_PERSON, at=NOW)
    assert "2 June 2026" in answer.text
    assert set(answer.as_json()) == {"allowed", "rule", "until", "text"}


def test_nobody_asked_gives_empty_facts() -> None:
    assert len(facts([], at=NOW).people) == 0
