"""Two versions beside each other, and the line of a fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act.playbooks import Plan, packs, read
from rekindle.errors import BadInput
from rekindle.workflows.playbook_text import as_text, fault_line, side_by_side

LINES = st.lists(st.sampled_from(["a: 1", "b: 2", "c: 3", "- d", "- e"]), max_size=30)


@given(LINES, LINES)
def test_with_all_that_is_the_same_both_texts_can_be_read_back(before: list[str], after: list[str]) -> None:
    pairs = side_by_side("\n".join(before), "\n".join(after), around=99)
    if before == after:
        assert pairs == []
        return
    assert [one.before for one in pairs if one.before is not None] == before
    assert [one.after for one in pairs if one.after is not None] == after
    for one in pairs:
        kinds = {(False, False): {"same", "changed"}, (True, False): {"new"}, (False, True): {"gone"}}
        assert one.kind in kinds[(one.before is None, one.after is None)]
        assert one.kind != "same" or one.before == one.after


def test_what_is_far_from_a_difference_is_skipped() -> None:
    old = [f"line {number}" for number in range(40)]
    new = [*old]
    new[3], new[35] = "three", "thirty-five"
    pairs = side_by_side("\n".join(old), "\n".join(new))
    assert [one.kind for one in pairs].count("skipped") == 1
    assert [(one.before, one.after) for one in pairs if one.kind == "changed"] == [
        ("line 3", "three"), ("line 35", "thirty-five")
    ]  # fmt: skip


def test_a_plan_is_written_as_people_write_it_whatever_order_the_books_keep() -> None:
    body = {"steps": [{"do": "mail", "letter": "x", "wait_days": 3}], "title": {"de": "b", "en": "a"}, "playbook": "w",
            "enter": {"where": {"terms": ["good"]}, "on": "stage"}}  # fmt: skip
    told = [
        "playbook: w", "title:", "  en: a", "  de: b", "enter:", "  'on': stage", "  where:", "    terms:",
        "    - good", "steps:", "- wait_days: 3", "  do: mail", "  letter: x",
    ]  # fmt: skip
    assert as_text(body).splitlines() == told
    assert as_text(dict(reversed(body.items()))) == as_text(body)


@pytest.mark.parametrize("plan", packs(), ids=lambda plan: plan.code)
def test_every_pack_reads_back_as_it_was(plan: Plan) -> None:
    assert read(as_text(plan.body)) == plan


TEXT = "playbook: woo\nenter:\n  on: after_quiet\nsteps:\n  - do: mail\n    letter: x\n  - do: card\n"


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("this playbook: line 7", 7),
        ("this playbook: enter.on", 3),
        ("this playbook: steps.0.letter", 6),
        ("this playbook: steps.1.letter", 7),  # not written: the step it is missing in
        ("this playbook: steps.9", 4),
        ("this playbook: the whole", 1),
        ("this playbook: line x", None),
    ],
)
def test_a_fault_has_its_line(where: str, line: int | None) -> None:
    assert fault_line(TEXT, BadInput("x", where=where)) == line


@pytest.mark.parametrize("text", ["", "a: [", "\x00", "- " * 3])
def test_what_cannot_be_read_has_no_line_or_the_first(text: str) -> None:
    assert fault_line(text, BadInput("x", where="this playbook: steps.0")) in (None, 1)
