"""Plans are read strictly: what is wrong has a place and a remedy; who woos holds back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import playbooks
from rekindle.act.playbooks import Do, Exit, Occasion, OnlyIf, Plan
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Channel, TouchClass

TOUCH = "{wait_days: 21, do: mail, letter: a_letter}"


def text(*steps: str, family: str = "", enter: str = "{on: breakup}", leave: str = "[closed]", more: str = "") -> str:
    told = "\n".join(f"  - {step}" for step in steps)
    head = f"family: {family}\n" if family else ""
    return (
        f'playbook: a_plan\nversion: "1"\n{head}title: {{en: A plan}}\nabout: {{en: What it is}}\n{more}'
        f"enter: {enter}\nleave: {leave}\nsteps:\n{told}\n"
    )


WOO_LEAVE = "[replied, opted_out, complained, returned, closed]"


def woo(*steps: str, leave: str = WOO_LEAVE) -> str:
    return text(*steps, family="woo", leave=leave)


def fault(words: str) -> str:
    with pytest.raises(BadInput) as caught:
        playbooks.read(words, name="a_plan.yaml")
    return str(caught.value)


def test_what_is_written_is_read() -> None:
    plan = playbooks.read(
        text("{wait_days: 3, do: card, letter: a_letter, only_if: engaged}", enter="{on: breakup, days: 1}")
    )

    assert (plan.enter.on, plan.enter.days, plan.enter.within_days) == (Occasion.BREAKUP, 1, 14)
    assert plan.leave == (Exit.CLOSED,)
    step = plan.steps[0]
    assert (step.wait_days, step.do, step.letter, step.only_if) == (3, Do.CARD, "a_letter", OnlyIf.ENGAGED)
    assert step.channel is Channel.LETTER


def test_on_and_yes_are_words_as_people_write_them() -> None:
    plan = playbooks.read(text(TOUCH, enter="{on: after_quiet, where: {want_back: [yes, no]}}"))

    assert plan.enter.where.want_back == ("yes", "no")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (text("{wait_days: -1, do: mail, letter: a_letter}"), "a_plan.yaml: steps.0.wait_days"),
        (text("{wait_days: 1, do: shout}"), "a_plan.yaml: steps.0.do"),
        (text(TOUCH, "{wait_days: 1, do: mail}"), "a_plan.yaml: steps.1.letter"),
        (text("{wait_days: 1, do: silence, letter: a_letter}"), "a_plan.yaml: steps.0.letter"),
        (text("{wait_days: 1, do: task, class: service}"), "a_plan.yaml: steps.0.task"),
        (text("{wait_days: 1, do: task, task: call}"), "a_plan.yaml: steps.0.class"),
        (text("{wait_days: 1, do: task, task: call, class: promotional}"), "a_plan.yaml: steps.0.class"),
        (text(TOUCH, leave="[bored]"), "a_plan.yaml: leave.0"),
        (text(TOUCH, enter="{on: full_moon}"), "a_plan.yaml: enter.on"),
        (text(TOUCH, enter="{on: season}"), "a_plan.yaml: enter.season"),
        (text(TOUCH, enter="{on: breakup, season: easter}"), "a_plan.yaml: enter.season"),
        (text(TOUCH, enter="{on: stage}"), "a_plan.yaml: enter.where.stage"),
        (text(TOUCH, enter="{on: role}"), "a_plan.yaml: enter.where.roles"),
        (text(TOUCH, enter="{on: breakup, days: -1}"), "a_plan.yaml: enter.days"),
        (text(TOUCH, enter="{on: breakup, where: {milestones: [birthday]}}"), "a_plan.yaml: enter.where.milestones"),
        (text(TOUCH, enter="{on: breakup, where: {stage: [happy]}}"), "a_plan.yaml: enter.where.stage.0"),
        ("playbook: [", "a_plan.yaml: line 1"),
        ("- just\n- a list", "a_plan.yaml: the whole"),
    ],
)
def test_a_fault_names_its_place(words: str, place: str) -> None:
    assert fault(words).startswith(f"{place}: ")


def test_nothing_is_run_out_of_a_playbook() -> None:
    assert "a_plan.yaml" in fault('!!python/object/apply:os.system ["true"]')


def test_three_to_six_touches_woo() -> None:
    assert "2 touches" in fault(woo(TOUCH, TOUCH))
    assert "7 touches" in fault(woo(*[TOUCH] * 7))
    assert len(playbooks.read(woo(*[TOUCH] * 3)).steps) == 3
    assert len(playbooks.read(woo(*[TOUCH] * 6)).steps) == 6


def test_twenty_one_days_lie_between_two_touches() -> None:
    near = "{wait_days: 20, do: mail, letter: a_letter}"

    assert fault(woo(TOUCH, near, TOUCH)).startswith("a_plan.yaml: steps.1.wait_days: 20 days")


def test_a_silence_between_counts_as_waiting_not_as_a_touch() -> None:
    half = "{wait_days: 11, do: silence}"
    other = "{wait_days: 10, do: mail, letter: a_letter}"

    assert len(playbooks.read(woo(TOUCH, half, other, TOUCH)).steps) == 4


@pytest.mark.parametrize("word", ["replied", "opted_out", "complained", "returned", "closed"])
def test_who_woos_stops_for_each_of_these(word: str) -> None:
    rest = [one for one in ("replied", "opted_out", "complained", "returned", "closed") if one != word]

    assert f"stops for {word}" in fault(woo(TOUCH, TOUCH, TOUCH, leave=f"[{', '.join(rest)}]"))


OFFER = "{wait_days: 21, do: mail, letter: offer, only_if: engaged}"


def _offers(*steps: str) -> list[str]:
    plan = playbooks.read(woo(*steps))
    classes = {"a_letter": TouchClass.RELATIONSHIP, "offer": TouchClass.PROMOTIONAL}
    return [what for _place, what, _remedy in playbooks.check(plan, classes=classes)]


def test_an_offer_is_the_last_of_at_least_four_touches_and_for_those_who_answered() -> None:
    assert _offers(TOUCH, TOUCH, TOUCH, OFFER) == []
    assert _offers(TOUCH, TOUCH, OFFER) == ["something promotional as touch 3"]
    assert _offers(TOUCH, TOUCH, TOUCH, OFFER, TOUCH) == ["something promotional as touch 4"]
    assert _offers(TOUCH, TOUCH, TOUCH, OFFER.replace(", only_if: engaged", "")) == ["something promotional as touch 4"]


def test_a_letter_that_is_not_there_is_told() -> None:
    plan = playbooks.read(text(TOUCH))

    assert playbooks.check(plan, classes={})[0][:2] == ("steps.0.letter", "there is no letter 'a_letter'")


@given(st.text(max_size=300))
def test_any_text_is_a_plan_or_one_clear_no(words: str) -> None:
    try:
        found: Plan | BadInput = playbooks.read(words)
    except BadInput as error:
        found = error

    assert isinstance(found, Plan) or (found.what and found.remedy)


@pytest.mark.parametrize("plan", playbooks.packs(), ids=lambda plan: plan.code)
def test_what_comes_with_the_product_is_said_in_english_and_german(plan: Plan) -> None:
    assert {"en", "de"} <= set(plan.title)
    assert {"en", "de"} <= set(plan.about)
    assert all({"en", "de"} <= set(step.line) for step in plan.steps if step.do is Do.TASK)
    assert {Exit.CLOSED, Exit.DECEASED} <= set(plan.leave)
