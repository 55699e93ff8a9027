"""A playbook as text for people: two versions side by side, and the line at which something is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from rekindle.errors import BadInput

_ORDER: Final = {
    name: place
    for place, name in enumerate(
        ("playbook", "version", "family", "title", "about", "enter", "leave", "steps",
         "on", "season", "days", "within_days", "every_months", "where",
         "wait_days", "do", "letter", "task", "class", "line", "only_if", "expires_days", "en")
    )
}  # fmt: skip
"""The order in which people write a plan; what is not named here comes after it. Books do not all keep an order."""


@dataclass(frozen=True)
class Pair:
    """One line before and after; None where there is none. `kind`: same, changed, new, gone, or skipped lines."""

    before: str | None
    after: str | None
    kind: str


def as_text(body: Mapping[str, Any]) -> str:
    """What a version says, as YAML in the order in which people write it: the same text from whichever books."""
    return str(yaml.safe_dump(_ordered(body), sort_keys=False, allow_unicode=True, width=110))


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
        return {name: _ordered(value[name]) for name in names}
    return [_ordered(one) for one in value] if isinstance(value, list) else value


def side_by_side(before: str, after: str, *, around: int = 2) -> list[Pair]:
    """The lines of two texts beside each other; of what is the same only `around` lines near a difference."""
    old, new = before.splitlines(), after.splitlines()
    groups = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(around)
    found: list[Pair] = []
    for place, group in enumerate(groups):
        if place:
            found.append(Pair(None, None, "skipped"))
        for tag, i, i_end, j, j_end in group:
            found += _pairs(tag, old[i:i_end], new[j:j_end])
    return found


def _pairs(tag: str, old: list[str], new: list[str]) -> Iterator[Pair]:
    if tag == "equal":
        yield from (Pair(line, line, "same") for line in old)
        return
    for place in range(max(len(old), len(new))):
        left = old[place] if place < len(old) else None
        right = new[place] if place < len(new) else None
        yield Pair(
            left, right, "changed" if left is not None and right is not None else "new" if left is None else "gone"
        )


def fault_line(text: str, error: BadInput) -> int | None:
    """The line, from 1, of a fault that `act.playbooks` found in a text; None where it has no place in it.

    The error names a line itself, where the text is no YAML, or a path such as steps.2.letter: then the line of the
    deepest part of the path that is written.
    """
    _name, _colon, place = error.where.partition(": ")
    if place.startswith("line "):
        number = place.removeprefix("line ")
        return int(number) if number.isdigit() else None
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if node is None:
        return None
    line = node.start_mark.line
    for part in place.split("."):
        key, node = _inside(node, part)
        if node is None:
            break
        line = (key or node).start_mark.line
    return int(line) + 1


def _inside(node: Any, part: str) -> tuple[Any, Any]:
    """(the key's own node, where there is one; the node of that part); (None, None) where it is not written."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), (None, None))
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        return None, node.value[int(part)]
    return None, None
