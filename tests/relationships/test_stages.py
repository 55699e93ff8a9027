"""The stage table and the night's reading of stages."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rekindle.errors import BadInput
from rekindle.relationships.stages import (
    CODE,
    LIVED,
    NO_STAGE,
    RULES,
    STAGES,
    TRANSITIONS,
    StageFacts,
    allowed,
    read_stages,
    steps,
)
from rekindle.relationships.vocabulary import Stage

DOC = (Path(__file__).parents[2] / "docs" / "stages.md").read_text(encoding="utf-8")
AS_OF = 20_000


def person(**known: Any) -> StageFacts:
    """One relationship: a regular in a long first life, unless told otherwise."""
    facts: dict[str, Any] = {
        "pulse_days": 30, "life_number": 1, "life_began": AS_OF - 400, "life_pulses": 30, "silent_days": 3.0,
        "usual_gap": 6.0, "p_alive": 0.95, "sign": False, "presumed": False, "explicit_end": False,
        "explicit_notice": False, "closed": False, "current": CODE[Stage.ONGOING],
    } | known  # fmt: skip
    kinds = {"silent_days": np.float64, "usual_gap": np.float64, "p_alive": np.float64, "current": np.int8}
    bools = {"sign", "presumed", "explicit_end", "explicit_notice", "closed"}
    columns = {
        name: np.array([value], dtype=np.bool_ if name in bools else kinds.get(name, np.int64))
        for name, value in facts.items()
    }
    return StageFacts(**columns, as_of=AS_OF)


def stage_of(**known: Any) -> tuple[Stage, str]:
    reading = read_stages(person(**known))
    return STAGES[reading.stage[0]], RULES[reading.rule[0]].id


def test_a_regular_who_comes_as_usual_is_ongoing() -> None:
    assert stage_of() == (Stage.ONGOING, "steady")


def test_nobody_without_a_purchase_is_past_courtship() -> None:
    new = {"pulse_days": 0, "life_number": 0, "life_pulses": 0}
    assert stage_of(**new, current=NO_STAGE) == (Stage.COURTSHIP, "no_pulse")
    assert stage_of(**new, current=CODE[Stage.DATING]) == (Stage.DATING, "trial_kept")


def test_the_first_purchase_ends_the_trial() -> None:
    bought = {"pulse_days": 1, "life_pulses": 1, "life_began": AS_OF}
    assert stage_of(**bought, current=CODE[Stage.DATING]) == (Stage.EARLY, "first_days")


def test_closed_stays_closed_whatever_happens() -> None:
    for known in ({"closed": True}, {"current": CODE[Stage.CLOSED]}):
        assert stage_of(**known, explicit_end=True, presumed=True)[0] is Stage.CLOSED
        assert stage_of(**known, life_number=2, life_began=AS_OF)[0] is Stage.CLOSED


def test_a_recorded_end_beats_notice_signs_and_presumption() -> None:
    assert stage_of(explicit_end=True, explicit_notice=True, presumed=True, sign=True)[0] is Stage.BREAKUP


def test_an_end_before_the_first_purchase_is_still_an_end() -> None:
    assert stage_of(pulse_days=0, life_number=0, explicit_end=True)[0] is Stage.BREAKUP


def test_a_future_end_is_notice_and_beats_presumption() -> None:
    assert stage_of(explicit_notice=True, presumed=True) == (Stage.NOTICE, "notice_on_record")


@pytest.mark.parametrize("kept", [Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS])
def test_the_night_leaves_people_where_the_ending_desk_placed_them(kept: Stage) -> None:
    for over in ({"explicit_end": True}, {"presumed": True}):
        assert stage_of(**over, current=CODE[kept]) == (kept, "after_end_kept")


def test_a_pause_stays_a_pause_until_an_end_or_notice() -> None:
    paused = CODE[Stage.PAUSED]
    assert stage_of(current=paused, presumed=True, sign=True) == (Stage.PAUSED, "paused_kept")
    assert stage_of(current=paused, explicit_end=True)[0] is Stage.BREAKUP
    assert stage_of(current=paused, explicit_notice=True)[0] is Stage.NOTICE


def test_presumed_gone_is_never_called_a_break_up() -> None:
    assert stage_of(presumed=True, sign=True) == (Stage.PRESUMED_BREAKUP, "presumed_gone")


@pytest.mark.parametrize(("day", "stage"), [(89, Stage.PHOENIX), (90, Stage.ONGOING), (91, Stage.ONGOING)])
def test_a_return_is_fresh_for_ninety_days(day: int, stage: Stage) -> None:
    assert stage_of(life_number=2, life_began=AS_OF - day, current=CODE[Stage.PHOENIX])[0] is stage


@pytest.mark.parametrize(
    ("day", "stage"), [(0, Stage.EARLY), (89, Stage.EARLY), (90, Stage.ONGOING), (91, Stage.ONGOING)]
)
def test_early_days_last_ninety_days(day: int, stage: Stage) -> None:
    assert stage_of(life_pulses=2, life_began=AS_OF - day, current=CODE[Stage.EARLY])[0] is stage


@pytest.mark.parametrize(("pulses", "stage"), [(1, Stage.EARLY), (2, Stage.EARLY), (3, Stage.ONGOING)])
def test_the_third_purchase_ends_the_early_days(pulses: int, stage: Stage) -> None:
    assert stage_of(life_pulses=pulses, life_began=AS_OF - 20)[0] is stage


def test_a_second_life_is_never_early() -> None:
    assert stage_of(life_number=2, life_pulses=1, life_began=AS_OF - 90)[0] is Stage.ONGOING


def test_a_sign_puts_an_ongoing_relationship_at_risk() -> None:
    assert stage_of(sign=True) == (Stage.AT_RISK, "caution_sign")


@pytest.mark.parametrize(
    ("p_alive", "silent", "usual", "stage"),
    [
        (0.49, 7.0, 6.0, Stage.AT_RISK),
        (0.50, 7.0, 6.0, Stage.ONGOING),
        (0.49, 6.0, 6.0, Stage.ONGOING),
        (np.nan, 70.0, 6.0, Stage.ONGOING),
        (0.10, 70.0, np.nan, Stage.ONGOING),
        (0.10, np.nan, 6.0, Stage.ONGOING),
    ],
)
def test_doubt_needs_both_a_low_chance_and_unusual_silence(
    p_alive: float, silent: float, usual: float, stage: Stage
) -> None:
    assert stage_of(p_alive=p_alive, silent_days=silent, usual_gap=usual)[0] is stage


def every_case() -> StageFacts:
    """Every combination of everything the rules look at."""
    grid = list(
        product(
            range(NO_STAGE, len(STAGES)), (0, 1), (1, 2), (89, 90), (2, 3), (0.2, 0.9), (False, True),
            (False, True), (False, True), (False, True), (False, True),
        )
    )  # fmt: skip
    current, any_pulse, life, age, pulses, p, sign, presumed, end, notice, closed = (
        np.array(column) for column in zip(*grid, strict=True)
    )
    return StageFacts(
        pulse_days=any_pulse * 10, life_number=any_pulse * life, life_began=AS_OF - age, life_pulses=any_pulse * pulses,
        silent_days=np.full(len(grid), 9.0), usual_gap=np.full(len(grid), 6.0), p_alive=p, sign=sign,
        presumed=presumed, explicit_end=end, explicit_notice=notice, closed=closed, current=current.astype(np.int8),
        as_of=AS_OF,
    )  # fmt: skip


def test_every_step_the_night_can_take_is_in_the_table() -> None:
    facts = every_case()
    reading = read_stages(facts)
    pairs = set(zip(facts.current.tolist(), reading.stage.tolist(), strict=True))
    assert len(pairs) > 100
    for before, after in pairs:
        assert after != NO_STAGE
        assert allowed(None if before == NO_STAGE else STAGES[before], STAGES[after]), (before, after)


def test_a_step_no_life_takes_is_marked_as_a_revision() -> None:
    facts = every_case()
    reading = read_stages(facts)
    lived = {(step.from_stage, step.to_stage) for step in LIVED}
    pairs = zip(facts.current.tolist(), reading.stage.tolist(), reading.revised.tolist(), strict=True)
    for before, after, revised in set(pairs):
        pair = (None if before == NO_STAGE else STAGES[before], STAGES[after])
        assert revised == (before != after and pair not in lived)


def test_every_rule_of_the_night_can_happen() -> None:
    assert set(read_stages(every_case()).rule.tolist()) == set(range(len(RULES)))


def test_the_table_is_tight() -> None:
    out_of_closed = {to for to in Stage if to is not Stage.CLOSED and allowed(Stage.CLOSED, to)}
    assert out_of_closed == {Stage.COURTSHIP}
    assert not allowed(Stage.BREAKUP, Stage.WOOING), "no soft touch before the quiet"
    assert not allowed(Stage.PRESUMED_BREAKUP, Stage.COOLING_OFF), "a presumed end is confirmed first"
    assert not allowed(None, Stage.PAUSED)
    assert not allowed(Stage.ONGOING, Stage.WOOING)
    assert steps(Stage.ONGOING, Stage.PHOENIX)[0].rule == "facts_revised"
    assert steps(Stage.WOOING, Stage.PHOENIX)[0].rule == "returned"


def test_no_step_is_written_twice() -> None:
    assert len({(step.from_stage, step.to_stage, step.rule) for step in TRANSITIONS}) == len(TRANSITIONS)


def test_everybody_alone_reads_as_in_the_crowd() -> None:
    facts = every_case()
    crowd = read_stages(facts)
    for row in range(0, len(facts.current), 997):
        one = StageFacts(
            **{name: column[row : row + 1] for name, column in vars(facts).items() if name != "as_of"}, as_of=AS_OF
        )
        assert read_stages(one).stage[0] == crowd.stage[row]


def test_facts_of_different_lengths_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match="sign has 2 rows, pulse_days has 1"):
        replace(person(), sign=np.array([True, False]))


def test_a_life_that_begins_after_the_day_is_refused() -> None:
    with pytest.raises(BadInput, match="begins 1 days after"):
        read_stages(person(life_began=AS_OF + 1))


def test_an_unknown_stage_code_is_refused() -> None:
    with pytest.raises(BadInput, match="stage code 99"):
        read_stages(person(current=99))


def test_nobody_at_all_reads_as_nobody() -> None:
    empty = StageFacts(**{n: c[:0] for n, c in vars(person()).items() if n != "as_of"}, as_of=AS_OF)
    assert len(read_stages(empty).stage) == 0


def test_a_rule_says_its_evidence_and_names_what_is_missing() -> None:
    rule = next(rule for rule in RULES if rule.id == "notice_on_record")
    assert rule.say(ends_on="3 May 2024") == "Notice is given; it ends on 3 May 2024."
    with pytest.raises(BadInput, match="ends_on"):
        rule.say()


@pytest.mark.parametrize("rule", sorted({r.id for r in RULES} | {s.rule for s in TRANSITIONS}))
def test_every_stage_rule_is_documented(rule: str) -> None:
    assert f"`{rule}`" in DOC


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_is_documented(stage: Stage) -> None:
    assert f"`{stage.value}`" in DOC
