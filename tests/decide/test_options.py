"""The table of options."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from rekindle.decide.options import OPTIONS, PRIOR, opening_line, with_effect
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import BY_OTHERS, Stage, Suggestion, TouchClass

DOC = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
TOUCHES = [option for option in OPTIONS if option.suggestion is not Suggestion.NOTHING]
ENDED = {Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS, Stage.CLOSED}


def test_every_suggestion_is_in_the_table_once_and_documented() -> None:
    assert [option.suggestion for option in OPTIONS] == [one for one in Suggestion if one not in BY_OTHERS]
    for suggestion in Suggestion:
        assert f"`{suggestion.value}`" in DOC


def test_nothing_is_always_an_option_and_costs_nothing() -> None:
    nothing = OPTIONS[0]
    assert nothing.stages == frozenset(Stage)
    assert (nothing.minutes, nothing.effect, nothing.harm, nothing.channels) == (0.0, 0.0, 0.0, ())


@pytest.mark.parametrize("option", TOUCHES, ids=lambda option: option.suggestion.value)
def test_no_touch_is_offered_to_people_after_an_end(option: object) -> None:
    found = next(one for one in TOUCHES if one is option)
    assert not (found.stages | found.when_sign) & ENDED
    assert found.touch_class is not TouchClass.PROMOTIONAL
    assert found.ground == PRIOR, "no claim without a measurement"
    assert found.harm < found.effect


@pytest.mark.parametrize("option", TOUCHES, ids=lambda option: option.suggestion.value)
def test_opening_lines_are_warm_plain_and_never_salesy(option: object) -> None:
    found = next(one for one in TOUCHES if one is option)
    assert len(found.openings) >= 2
    for turn in range(len(found.openings) + 1):
        line = opening_line(found, name="Ana", turn=turn)
        assert line is not None
        assert "Ana" in line
        assert not re.search(r"offer|discount|buy|deal|%|free|only today|http|code|!", line, re.IGNORECASE)


def test_nothing_has_no_opening_line() -> None:
    assert opening_line(OPTIONS[0], name="Ana") is None


def test_a_measured_effect_takes_the_place_of_the_prior() -> None:
    table = with_effect(OPTIONS, measured={Suggestion.CHECK_IN: (0.02, 0.0)}, ground="pilot of March, 812 people")
    changed = {option.suggestion: option for option in table}
    assert (changed[Suggestion.CHECK_IN].effect, changed[Suggestion.CHECK_IN].harm) == (0.02, 0.0)
    assert changed[Suggestion.CHECK_IN].ground == "pilot of March, 812 people"
    assert [o for o in table if o.suggestion is not Suggestion.CHECK_IN] == [
        o for o in OPTIONS if o.suggestion is not Suggestion.CHECK_IN
    ]


def test_nothing_cannot_be_given_an_effect() -> None:
    with pytest.raises(BadInput, match="nothing"):
        with_effect(OPTIONS, measured={Suggestion.NOTHING: (0.1, 0.0)}, ground="a wish")


@pytest.mark.parametrize("wrong", [{"effect": 1.1}, {"harm": -0.1}, {"minutes": 0.0}, {"minutes": -1.0}])
def test_an_impossible_option_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="greet_return"):
        replace(OPTIONS[1], **wrong)  # type: ignore[arg-type]
