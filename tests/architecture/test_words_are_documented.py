"""Every fixed word of the product has its line in the docs: value and label, in the section of its kind."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from rekindle.words import Word

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = Path(__file__).parents[2] / "src" / "rekindle"
ELSEWHERE = {"Rule": "rules.md", "Reason": "rules.md", "StakeBasis": "rules.md", "Sign": "signs.md"}
"""Kinds of words that have a page of their own; it explains them at length."""


def kinds() -> list[type[Word]]:
    """Every kind of word the package defines, by name."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "(Word)" in path.read_text(encoding="utf-8"):
            importlib.import_module(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))
    ours = [kind for kind in Word.__subclasses__() if kind.__module__.startswith("rekindle.")]
    return sorted(ours, key=lambda kind: kind.__name__)


def section(text: str, title: str) -> str:
    """The text under the heading that names the kind in backticks, up to the next heading."""
    found = re.search(rf"^## .*`{title}`.*?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_word_is_documented(kind: type[Word]) -> None:
    page = ELSEWHERE.get(kind.__name__)
    text = (DOCS / (page or "words.md")).read_text(encoding="utf-8")
    text = text if page else section(text, kind.__name__)

    assert text, f"docs/words.md has no section for `{kind.__name__}`"
    assert not [word.value for word in kind if f"`{word.value}`" not in text]
    if not page:
        assert not [word.label for word in kind if f"| {word.label} |" not in text]


def test_no_word_is_documented_that_does_not_exist() -> None:
    text = (DOCS / "words.md").read_text(encoding="utf-8")
    real = {kind.__name__: {word.value for word in kind} for kind in kinds()}
    for name in re.findall(r"^## .*`(\w+)`", text, re.MULTILINE):
        told = set(re.findall(r"^\| `(\w+)` \|", section(text, name), re.MULTILINE))
        assert told == real[name], name


def test_every_stage_rule_is_documented() -> None:
    from rekindle.relationships.stages import RULES, TRANSITIONS

    text = (DOCS / "stages.md").read_text(encoding="utf-8")
    ids = {rule.id for rule in RULES} | {step.rule for step in TRANSITIONS}

    assert not sorted(rule for rule in ids if f"`{rule}`" not in text)
