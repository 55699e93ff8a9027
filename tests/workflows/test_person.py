"""Who is meant, and what is known about them."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from people_cast import NOW, TODAY, cast, ended, person, staff, task

from rekindle.errors import BadInput, NotFound
from rekindle.journal.models import CautionSign, Decision, Night, Outlook, SignRecord
from rekindle.relationships.models import Episode, Identity, Party, Relationship, StageChange
from rekindle.relationships.vocabulary import Stage, TaskState
from rekindle.workflows.person import PersonView, find, view

pytestmark = pytest.mark.django_db


class Events:
    """A history of given kinds and days, newest first."""

    def __init__(self, *events: tuple[str, datetime]) -> None:
        self.events = sorted(events, key=lambda event: event[1], reverse=True)

    def of(self, party_id: int, *, before: datetime | None = None, limit: int = 200) -> pa.Table:
        assert party_id
        rows = [{"kind": kind, "occurred_at": at} for kind, at in self.events if before is None or at < before]
        return pa.Table.from_pylist(
            rows[:limit], schema=pa.schema([("kind", pa.string()), ("occurred_at", pa.timestamp("us", tz="UTC"))])
        )


def seen(relationship: Relationship, *events: tuple[str, datetime]) -> PersonView:
    return view(relationship.party, history=Events(*events), at=NOW)


@pytest.mark.parametrize(
    "who",
    ["Ana Weber", "ana weber", " ANA  WEBER", "ana@example.org", "Ana@Example.org", "+44 7700 900001", "07700 900001",
     "00017"],
)  # fmt: skip
def test_ana_is_found_by_anything_exact(who: str) -> None:
    assert find(who) == _ana()


def _ana() -> Party:
    return Party.objects.get(name="Ana Weber")


@pytest.fixture(autouse=True)
def _four() -> None:
    cast()


def test_our_own_number_finds_one_person() -> None:
    ana = _ana()
    assert find(f"#{ana.pk}") == ana


def test_a_customer_number_comes_before_our_own() -> None:
    other = person("Number Holder", number=str(_ana().pk))
    assert find(str(_ana().pk)) == other.party
    assert find(f"#{_ana().pk}") == _ana()


@pytest.mark.parametrize("who", ["Ana", "nobody@example.org", "99999999999999999999", "#", "%"])
def test_nobody_says_what_to_give(who: str) -> None:
    with pytest.raises(NotFound, match="customer number"):
        find(who)


def test_no_name_at_all_is_refused() -> None:
    with pytest.raises(BadInput, match="nobody is named"):
        find("  ")


def test_namesakes_are_named_with_their_numbers() -> None:
    one, two = person("Kim Lee", number="801"), person("Kim Lee")
    with pytest.raises(BadInput) as refusal:
        find("kim lee")
    text = str(refusal.value)
    assert f"(801; #{one.party_id})" in text
    assert f"(#{two.party_id})" in text


def test_an_address_that_two_share_names_both() -> None:
    shared = person("Second Holder").party
    Identity.objects.create(party=shared, kind="email", value="ana@example.org", normal="ana@example.org")
    with pytest.raises(BadInput, match="Second Holder"):
        find("ana@example.org")


def test_the_json_holds_the_promised_keys_and_nothing_that_cannot_be_written() -> None:
    told = json.loads(json.dumps(seen(Relationship.objects.get(party=_ana())).as_json()))
    promised = {"person", "stage", "episodes", "outlook", "signs", "decisions", "refusals", "after_breakup"}
    assert promised <= set(told)
    assert (told["outlook"], told["after_breakup"], told["decisions"]) == (None, None, [])


def test_an_outlook_carries_intervals_or_says_why_not() -> None:
    ana = Relationship.objects.get(party=_ana())
    Outlook.objects.create(
        relationship=ana, as_of=TODAY, model="MBG/NBD", horizon_days=90, value_horizon_days=730,
        p_none=0.09, p_none_low=0.05, p_none_high=0.16, currency="EUR", unknown="no money on record",
    )  # fmt: skip
    outlook = seen(ana).as_json()["outlook"]
    assert outlook["p_none"] == {"value": 0.09, "low": 0.05, "high": 0.16}
    assert outlook["value"]["minor"] is None
    assert outlook["unknown"] == "no money on record"


def test_silence_is_counted_to_the_last_finished_night() -> None:
    ana = Relationship.objects.get(party=_ana())
    Outlook.objects.create(
        relationship=ana, as_of=TODAY - timedelta(days=9), model="mbgnbd", horizon_days=90, value_horizon_days=730,
        last_on=TODAY - timedelta(days=20), usual_gap=6.5, silent_days=11, overdue_days=4.5,
    )  # fmt: skip
    Night.objects.create(as_of=TODAY, inputs="x", state="done")
    Night.objects.create(as_of=TODAY + timedelta(days=5), inputs="x", state="running")
    told = seen(ana).as_json()["outlook"]
    assert (told["silent_days"], told["overdue_days"]) == (20, 13.5)
    assert told["as_of"] == "2026-03-12"


def test_without_a_usual_gap_of_their_own_nobody_is_overdue() -> None:
    ana = Relationship.objects.get(party=_ana())
    Outlook.objects.create(
        relationship=ana, as_of=TODAY, model="mbgnbd", horizon_days=90, value_horizon_days=730,
        last_on=TODAY - timedelta(days=20), overdue_days=4.5,
    )  # fmt: skip
    told = seen(ana).as_json()["outlook"]
    assert (told["silent_days"], told["usual_gap_days"], told["overdue_days"]) == (20, None, None)


def test_a_notice_has_the_nearest_day_to_come() -> None:
    ana = Relationship.objects.get(party=_ana())
    for days in (-30, 40, 9):
        ended(ana, on=TODAY + timedelta(days=days))
    assert seen(ana).leaves_on == TODAY + timedelta(days=9)


def test_a_notice_that_was_taken_back_is_neither_ahead_nor_an_end() -> None:
    ana = Relationship.objects.get(party=_ana())
    for days in (-30, 9):
        ended(ana, on=TODAY + timedelta(days=days), withdrawn_at=NOW)
    told = seen(ana)
    assert (told.leaves_on, told.after_breakup) == (None, None)


def test_a_sign_speaks_in_the_persons_numbers_and_says_how_it_did_here() -> None:
    ana = Relationship.objects.get(party=_ana())
    night = Night.objects.create(as_of=TODAY, inputs="x", state="done")
    CautionSign.objects.create(
        relationship=ana, code="silence", raised_on=TODAY, strength=0.8,
        evidence={"usual": 6.0, "now": 19.0, "since": "2026-03-01", "unit": "day"},
    )  # fmt: skip
    CautionSign.objects.create(relationship=ana, code="refund", raised_on=TODAY, strength=0.2, evidence={})
    SignRecord.objects.create(
        night=night, code="silence", horizon_days=90, raised=410, ended=254, precision=0.62, precision_low=0.59,
        precision_high=0.65, base_rate=0.09, lead_days=41, seen_before=0.4,
    )  # fmt: skip
    silence, refund = seen(ana).signs
    assert silence.text == "usually every 6 days, now silent for 19 days"
    assert silence.record == (
        "Of 100 who showed it, 62 (59 to 65) ended within 90 days; of 100 people in general, 9. "
        "It came before 40 of 100 endings, usually 41 days ahead."
    )
    assert (refund.text, refund.record_unknown) == ("seen since 12 March 2026", "Not yet measured here.")


def test_the_newest_decision_counts_and_refusals_keep_their_days() -> None:
    ana = Relationship.objects.get(party=_ana())
    common: dict[str, Any] = {"relationship": ana, "night": 1, "rank": 3, "suggestion": "nothing"}
    Decision.objects.create(
        **common, as_of=TODAY - timedelta(days=9), reason="refused_everywhere", wanted="check_in", refusal="no_basis"
    )
    Decision.objects.create(**common, as_of=TODAY, reason="sleeping_well")
    told = seen(ana).as_json()
    assert [(one["reason"], one["text"]) for one in told["decisions"]] == [
        ("sleeping_well", "Nothing calls for a touch; best left in peace.")
    ]
    (refusal,) = told["refusals"]
    assert (refusal["on"], refusal["rule"], refusal["until"]) == ("2026-03-03", "no_basis", None)
    assert "service touch" in refusal["text"]


def test_a_step_says_its_rule_in_words_with_its_evidence() -> None:
    ana = Relationship.objects.get(party=_ana())
    StageChange.objects.create(
        relationship=ana, from_stage="ongoing", to_stage="at_risk", on=TODAY, rule="doubtful",
        evidence={"silent_days": 19, "usual_gap": 6.04},
    )  # fmt: skip
    StageChange.objects.create(
        relationship=ana, from_stage="", to_stage="early", on=date(2024, 1, 8), rule="first_days",
        evidence={"life_began": "2024-01-08"},
    )  # fmt: skip
    newest, first = seen(ana).steps
    assert newest.text == "Silent for 19 days where 6.0 is usual, and more likely gone than not."
    assert "8 January 2024" in first.text


def test_nothing_ended_means_no_four_answers() -> None:
    assert seen(Relationship.objects.get(party=_ana())).after_breakup is None


def test_the_four_answers_say_not_known_and_why_where_nothing_is_on_record() -> None:
    four = seen(Relationship.objects.get(party__name="Ben Okafor")).after_breakup
    assert four is not None
    assert four.where_do_we_stand.text == "cooling off, quiet until 3 June 2026"
    for answer in (four.in_contact, four.top_of_mind, four.good_terms):
        assert (answer.is_known, bool(answer.why)) == (False, True)
    assert "money" in four.good_terms.why


def test_the_four_answers_count_only_what_came_after_the_end() -> None:
    ben = Relationship.objects.get(party__name="Ben Okafor")
    ben.terms = "good"
    ben.save()
    task(ben, state=TaskState.DONE.value, answered_at=NOW, answered_by=staff())
    before, after = NOW - timedelta(days=30), NOW - timedelta(days=2)
    four = seen(
        ben, ("reply", before), ("reply", after), ("click", after), ("click", after), ("open", after)
    ).after_breakup
    assert four is not None
    assert four.in_contact.text == "1 word from them, 1 touch of ours"
    assert four.top_of_mind.text == "click 2 times"
    assert four.good_terms.text == "good terms"


def test_who_came_back_stands_in_the_new_life() -> None:
    back = person("Back", stage=Stage.PHOENIX)
    ended(back, on=TODAY - timedelta(days=100))
    Episode.objects.create(
        relationship=back, number=2, began_on=TODAY - timedelta(days=1), last_seen_on=TODAY, pulses=1
    )
    four = seen(back).after_breakup
    assert four is not None
    assert four.where_do_we_stand.text == "back since 11 March 2026, phoenix"


def test_a_presumed_end_is_told_as_presumed() -> None:
    faded = person("Faded", stage=Stage.PRESUMED_BREAKUP)
    Episode.objects.create(
        relationship=faded, number=1, began_on=date(2024, 1, 1), last_seen_on=date(2025, 1, 1), pulses=9,
        ended_on=date(2025, 2, 1), is_presumed=True, ended_chance=0.93,
    )  # fmt: skip
    four = seen(faded).after_breakup
    assert four is not None
    assert four.is_presumed


def test_a_party_without_a_relationship_is_known_by_name_only() -> None:
    told = view(Party.objects.create(name="Lone"), history=Events(), at=NOW).as_json()
    assert (told["person"], told["stage"], told["episodes"]) == ("Lone", None, [])


def test_the_queries_do_not_grow_with_the_history(django_assert_max_num_queries: Any) -> None:
    ana = Relationship.objects.get(party=_ana())
    for n in range(20):
        StageChange.objects.create(relationship=ana, to_stage="early", on=TODAY - timedelta(days=n), rule="steady")
        task(ana, state=TaskState.DONE.value, answered_at=NOW, answered_by=staff())
    with django_assert_max_num_queries(32):
        seen(ana)
