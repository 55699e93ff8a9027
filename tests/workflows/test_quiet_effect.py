"""What a draft would change: the days between the two lengths, by hand apart, and who is stopped all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_cast import NOW, TODAY, consents, ended, person, staff
from pytest_django.fixtures import DjangoAssertNumQueries

from rekindle.decide.eligibility import Rule
from rekindle.relationships.models import Breakup, CoolingOff, Episode, Relationship, WantBackDecision
from rekindle.relationships.policy import QUIET, quiet_of
from rekindle.relationships.vocabulary import Basis, Channel, Commercial, Contact, Stage, TouchClass, Wound
from rekindle.workflows.quiet_effect import BY_HAND, Effect, effect

pytestmark = pytest.mark.django_db


def leaver(days_ago: int, *, name: str = "", kind: str = "", wound: str = "none", **fields: Any) -> Relationship:
    relationship = person(
        name or f"Left {days_ago}", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET,
        email=f"left{days_ago}{name}@example.org", **fields,
    )  # fmt: skip
    ended(relationship, on=TODAY - timedelta(days_ago), kind=kind, wound=wound)
    return relationship


def asked(lengths: dict[str, Any], *, at: datetime = NOW) -> Effect:
    draft = quiet_of("draft", lengths)
    return effect(QUIET, draft, at=at, touch_class=TouchClass.RESEARCH, channel=Channel.EMAIL)


def test_the_same_lengths_change_nothing() -> None:
    for days in (10, 60, 89, 90, 91):
        leaver(days)
    found = asked({})
    assert (len(found.freed), len(found.held), found.ends) == (0, 0, 0)


def test_those_between_the_two_lengths_would_be_let_go_and_the_border_days_are_exact() -> None:
    people = {days: leaver(days) for days in (59, 60, 89, 90)}
    found = asked({"usual": 60})
    assert found.freed.tolist() == sorted(people[days].party_id for days in (60, 89))
    assert not len(found.held)
    longer = asked({"usual": 120})
    assert longer.held.tolist() == [people[90].party_id]
    assert not len(longer.freed)


def test_kind_wound_second_end_and_country_each_have_their_say() -> None:
    moved, hurt = leaver(20, name="moved", kind="i1_moved"), leaver(100, name="hurt", wound="wounded")
    german = leaver(80, name="german", country="DE")
    again = leaver(100, name="again")
    Breakup.objects.filter(relationship=again).update(frozen={"ends_before": 1})
    assert asked({"by_kind": {"i1_moved": 14}}).freed.tolist() == [moved.party_id]
    assert asked({"by_wound": {Wound.WOUNDED.value: 0}}).freed.tolist() == [hurt.party_id]
    assert asked({"again": 0}).freed.tolist() == [again.party_id]
    assert german.party_id not in asked({"usual": 60, "by_country": {"DE": 90}}).freed.tolist()


def test_who_was_given_the_quiet_by_hand_stands_apart() -> None:
    relationship = leaver(70)
    end = Breakup.objects.get(relationship=relationship)
    CoolingOff.objects.create(
        relationship=relationship, breakup=end, begins_at=NOW, ends_at=NOW + timedelta(9), basis=BY_HAND
    )
    found = asked({"usual": 60})
    assert (found.by_hand, len(found.freed)) == (1, 0)


def test_an_end_taken_back_or_followed_by_a_life_or_another_end_is_not_read() -> None:
    back, again, taken = leaver(70, name="back"), leaver(70, name="again"), leaver(70, name="taken")
    Episode.objects.create(relationship=back, number=2, began_on=TODAY - timedelta(5), last_seen_on=TODAY, pulses=1)
    ended(again, on=TODAY - timedelta(5))
    Breakup.objects.filter(relationship=taken).update(withdrawn_at=NOW)
    leaver(-5, name="to come")
    found = asked({"usual": 60})
    assert (found.ends, len(found.freed)) == (0, 0)


def test_the_day_is_the_one_where_they_are() -> None:
    leaver(60, name="tokyo", time_zone="Asia/Tokyo")
    leaver(60, name="samoa", time_zone="Pacific/Pago_Pago")
    leaver(60, name="odd", time_zone="Not/A_Zone")
    late = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
    found = asked({"usual": 60}, at=late)
    assert len(found.freed) == 2, "it is still the day before in Samoa"


def test_who_is_let_go_is_put_to_all_the_other_rules_and_a_clock_of_the_law_is_told_apart() -> None:
    people = [leaver(70, name=name, country="GB") for name in ("free", "undecided", "never", "run out", "own day")]
    free, undecided, never, run_out, own_day = people
    for one in (free, undecided):
        consents(one, purpose=TouchClass.RESEARCH)
    # Two years after the end at the latest; this ground counts from an end that is older still.
    consents(run_out, purpose=TouchClass.RESEARCH, basis=Basis.CONSENT, obtained=datetime(2020, 1, 1, tzinfo=UTC))
    run_out.party.country = "AU"
    run_out.party.save()
    consents(own_day, purpose=TouchClass.RESEARCH, expires_at=NOW - timedelta(1))
    dana = staff()
    for one in (free, never, run_out, own_day):
        WantBackDecision.objects.create(relationship=one, answer="yes", reason="asked", decided_by=dana)
    found = asked({"usual": 60})
    assert len(found.freed) == 5
    assert found.reachable.tolist() == [free.party_id]
    assert found.stopped[Rule.WANT_BACK].tolist() == [undecided.party_id]
    assert set(found.stopped[Rule.NO_BASIS].tolist()) == {never.party_id, run_out.party_id, own_day.party_id}
    assert set(found.clocked.tolist()) == {run_out.party_id, own_day.party_id}
    assert len(found.reachable) + sum(map(len, found.stopped.values())) == len(found.freed)


def test_nothing_on_record_changes_by_looking() -> None:
    leaver(70)
    before = list(Breakup.objects.values()) + list(CoolingOff.objects.values())
    asked({"usual": 60})
    assert list(Breakup.objects.values()) + list(CoolingOff.objects.values()) == before


def test_the_queries_do_not_grow(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for days in range(61, 81):
        leaver(days)
    with django_assert_max_num_queries(20):
        assert len(asked({"usual": 60}).freed) == 20


@settings(max_examples=30, deadline=None)
@given(old=st.integers(14, 365), new=st.integers(14, 365), gone=st.lists(st.integers(0, 400), max_size=12))
def test_freed_and_held_are_what_two_lengths_say_for_each(old: int, new: int, gone: list[int]) -> None:
    Breakup.objects.all().delete()
    people = [leaver(days, name=f"n{number}") for number, days in enumerate(gone)]
    found = effect(
        quiet_of("a", {"usual": old}), quiet_of("b", {"usual": new}), at=NOW,
        touch_class=TouchClass.RESEARCH, channel=Channel.EMAIL,
    )  # fmt: skip
    pairs = [(one.party_id, days < old, days < new) for one, days in zip(people, gone, strict=True)]
    assert found.freed.tolist() == [party for party, was, would in pairs if was and not would]
    assert found.held.tolist() == [party for party, was, would in pairs if would and not was]
