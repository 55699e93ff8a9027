"""The facts the rules look at, as the books hold them, and the answer for one person."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from people_cast import NOW, Cast, cast, consents, ended, person, staff, suppressed, task

from rekindle.decide.eligibility import Rule
from rekindle.relationships.models import (
    Brand,
    Case,
    CoolingOff,
    Episode,
    Identity,
    Party,
    Promise,
    Relationship,
    WantBackDecision,
)
from rekindle.relationships.vocabulary import (
    Basis,
    Channel,
    Commercial,
    Contact,
    IdentityKind,
    PromiseState,
    Stage,
    TaskState,
    TouchClass,
    WantBack,
)
from rekindle.workflows import fact_places as module
from rekindle.workflows.why_not import ask, business_zone, facts, why_not

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
    assert rule(four.ben, at=over) is Rule.WANT_BACK
    WantBackDecision.objects.create(
        relationship=four.ben, answer=WantBack.YES.value, reason="good terms", decided_by=staff(), decided_at=NOW
    )
    assert rule(four.ben, at=over) is Rule.QUIET_HOURS
    assert rule(four.ben, at=over + timedelta(hours=12)) is Rule.ALLOWED


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
    ground = consents(ana, withdrawn_at=NOW - timedelta(days=1), obtained=datetime(2025, 1, 1, tzinfo=UTC))
    assert rule(ana) is Rule.OBJECTED
    assert rule(ana, at=NOW - timedelta(days=2)) is Rule.ALLOWED
    ground.obtained_at = NOW - timedelta(hours=1)
    ground.save()
    assert rule(ana) is Rule.OBJECTED


def test_a_ground_expires_at_its_instant() -> None:
    ana = person(email="ana@example.org", country="GB")
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
    one_by_one = [facts([number], at=NOW).people for number in asked]
    monkeypatch.setattr(module, "NAMED_AT_MOST", 0)
    many = facts(asked, at=NOW)
    assert many.people.equals(few.people)
    assert many.people.combine_chunks().equals(pa.concat_tables(one_by_one).combine_chunks())
    assert many.consents is not None
    assert many.consents.equals(few.consents)


def test_the_queries_do_not_grow_with_the_people(four: Cast, django_assert_max_num_queries: object) -> None:
    for n in range(10):
        person(f"More {n}", email=f"more{n}@example.org")
    with django_assert_max_num_queries(15):  # type: ignore[operator]
        facts(list(Party.objects.values_list("pk", flat=True)), at=NOW)


def test_the_answer_reads_in_the_businesss_own_day(four: Cast) -> None:
    Brand.objects.update(time_zone="America/New_York")
    answer = why_not(four.ben.party, touch_class=TouchClass.SERVICE, channel=Channel.IN_PERSON, at=NOW)
    assert "2 June 2026" in answer.text
    assert set(answer.as_json()) == {"allowed", "rule", "until", "text"}


def test_nobody_asked_gives_empty_facts() -> None:
    assert len(facts([], at=NOW).people) == 0


# What came with the record of ends


def quiet(relationship: Relationship, *, until: datetime, **fields: object) -> CoolingOff:
    return CoolingOff.objects.create(
        **{"relationship": relationship, "begins_at": NOW - timedelta(days=30), "ends_at": until, "basis": "kind"}
        | fields
    )


def test_a_stretch_of_quiet_on_record_counts_before_the_instant_of_the_end(four: Cast) -> None:
    end = four.ben.breakups.get()
    first = quiet(four.ben, until=NOW + timedelta(days=100), breakup=end)
    assert column("cooling_until", four.ben) == [NOW + timedelta(days=100)]
    first.superseded_at = NOW
    first.save()
    quiet(four.ben, until=NOW + timedelta(days=10), breakup=end)
    assert column("cooling_until", four.ben) == [NOW + timedelta(days=10)]
    quiet(four.ben, until=NOW + timedelta(days=20))
    assert column("cooling_until", four.ben) == [NOW + timedelta(days=20)], "they asked for more time"


def test_quiet_that_they_asked_for_holds_without_an_end_and_from_its_beginning() -> None:
    ana = person(email="ana@example.org")
    quiet(ana, until=NOW + timedelta(days=5), begins_at=NOW)
    assert rule(ana, touch_class=TouchClass.SERVICE) is Rule.COOLING_OFF
    assert rule(ana, touch_class=TouchClass.SERVICE, at=NOW - timedelta(hours=1)) is Rule.ALLOWED


def test_a_new_life_ends_the_quiet_of_the_old(four: Cast) -> None:
    quiet(four.ben, until=NOW + timedelta(days=100), breakup=four.ben.breakups.get())
    quiet(four.ben, until=NOW + timedelta(days=100))
    Relationship.objects.filter(pk=four.ben.pk).update(
        stage=Stage.PHOENIX.value, contact=Contact.OPEN.value, commercial=Commercial.LIVE.value
    )
    Episode.objects.create(
        relationship=four.ben, number=2, began_on=NOW.date() - timedelta(days=1), last_seen_on=NOW.date(), pulses=1
    )
    assert (column("cooling_off", four.ben), column("over", four.ben)) == ([False], [False])


def test_a_notice_that_was_taken_back_is_no_end() -> None:
    stayed = person("Stayed")
    ended(stayed, on=NOW.date() - timedelta(days=1), withdrawn_at=NOW)
    assert (column("over", stayed), column("cooling_off", stayed), column("live", stayed)) == ([False], [False], [True])


def test_the_latest_answer_to_want_back_counts(four: Cast) -> None:
    boss = staff()
    for answer in (WantBack.YES, WantBack.NO):
        WantBackDecision.objects.create(
            relationship=four.cleo, answer=answer.value, reason="why", decided_by=boss, decided_at=NOW
        )
    assert column("want_back", four.cleo, four.ana) == ["no", None]


def test_old_friends_may_have_a_card_and_no_offer(four: Cast) -> None:
    consents(four.cleo, purpose=TouchClass.PROMOTIONAL)
    assert rule(four.cleo) is Rule.ALLOWED
    assert rule(four.cleo, touch_class=TouchClass.PROMOTIONAL) is Rule.WANT_BACK


def test_an_open_case_comes_before_a_card_until_it_is_solved() -> None:
    ana = person(email="ana@example.org")
    consents(ana, obtained=datetime(2025, 1, 1, tzinfo=UTC))
    case = Case.objects.create(relationship=ana, title="Wrong bill", opened_at=NOW - timedelta(days=2))
    assert rule(ana) is Rule.OPEN_CASE
    assert rule(ana, at=NOW - timedelta(days=3)) is Rule.ALLOWED
    case.solved_at = NOW
    case.save()
    assert rule(ana) is Rule.ALLOWED


@pytest.mark.parametrize(
    ("fields", "owed"),
    [
        ({"due_on": NOW.date()}, False),
        ({"due_on": NOW.date() - timedelta(days=1)}, True),
        ({"due_on": NOW.date() - timedelta(days=1), "state": PromiseState.KEPT.value}, False),
        ({"due_on": NOW.date(), "state": PromiseState.BROKEN.value}, True),
        ({"due_on": NOW.date(), "state": PromiseState.BROKEN.value, "told_customer": True}, False),
    ],
)
def test_a_promise_past_its_day_is_owed(fields: dict[str, object], owed: bool) -> None:
    ana = person()
    Promise.objects.create(relationship=ana, text="A new key", **fields)
    assert column("mend_open", ana) == [owed]


def test_a_touch_that_was_done_gives_a_rest(four: Cast) -> None:
    task(four.ana, state=TaskState.DONE.value, answered_at=NOW - timedelta(hours=71))
    task(four.cleo, state=TaskState.NOT_APPROPRIATE.value, answered_at=NOW - timedelta(hours=71))
    answer = why_not(four.ana.party, touch_class=TouchClass.SERVICE, channel=Channel.EMAIL, at=NOW)
    assert (answer.rule, answer.until) == (Rule.TOUCH_GAP, NOW + timedelta(hours=1))
    assert rule(four.cleo) is Rule.ALLOWED


def test_the_hour_is_theirs_and_told_in_the_time_of_the_business() -> None:
    far = person("Far", email="far@example.org", time_zone="Asia/Tokyo")
    assert rule(far, touch_class=TouchClass.SERVICE) is Rule.QUIET_HOURS
    answer = why_not(far.party, touch_class=TouchClass.SERVICE, channel=Channel.EMAIL, at=NOW)
    assert answer.until == datetime(2026, 3, 13, 0, 0, tzinfo=UTC)
    assert answer.text.endswith("wait, until 13 March 2026, 00:00.")
    abroad = person("Abroad", email="abroad@example.org", country="jp")
    assert rule(abroad, touch_class=TouchClass.SERVICE) is Rule.QUIET_HOURS
    home = person("Home", email="home@example.org")
    assert rule(home, touch_class=TouchClass.SERVICE) is Rule.ALLOWED


def test_who_looks_at_what_stands_asks_without_the_hour() -> None:
    far = person("Far", email="far@example.org", time_zone="Asia/Tokyo")
    asked = {"touch_class": TouchClass.SERVICE, "channel": Channel.EMAIL, "at": NOW, "zone": business_zone()}
    assert ask(facts([far.party_id], at=NOW), **asked).allowed  # type: ignore[arg-type]
    assert not ask(facts([far.party_id], at=NOW), **asked, hour=True).allowed  # type: ignore[arg-type]


def test_only_answers_are_welcome() -> None:
    shy = person("Shy", contact=Contact.REPLY_ONLY)
    assert rule(shy, touch_class=TouchClass.SERVICE, channel=Channel.IN_PERSON) is Rule.REPLY_ONLY


def test_the_law_is_that_of_the_country_and_its_clock_starts_with_the_last_visit() -> None:
    ana, bo = (
        person(name, email=f"{name}@example.org", country=place) for name, place in (("ana", "DE"), ("bo", "IT"))
    )
    for one in (ana, bo):
        consents(one, obtained=datetime(2023, 9, 1, tzinfo=UTC))
    assert (rule(ana), rule(bo)) == (Rule.NO_BASIS, Rule.ALLOWED)
    Episode.objects.create(
        relationship=ana, number=1, began_on=date(2023, 1, 1), last_seen_on=date(2024, 12, 31), pulses=9
    )
    answer = why_not(ana.party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL, at=NOW)
    assert answer.allowed
    assert answer.text == "Nothing stands against it. The ground for it holds until 31 December 2026."
