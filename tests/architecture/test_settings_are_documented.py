"""Every environment variable that is read has its line in docs/settings.md, and no line is about nothing."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\bREKINDLE_[A-Z]+(?:_[A-Z]+)*\b")


def named_in(*folders: str) -> set[str]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]
    return {name for path in paths for name in NAME.findall(path.read_text(encoding="utf-8"))}


def test_every_variable_has_its_line_and_every_line_its_variable() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(REKINDLE_\w+)` \|", page, re.MULTILINE)) == named_in("src", "tests", "bench")


def test_the_settings_module_opens_with_the_variables_it_reads() -> None:
    text = (ROOT / "src" / "rekindle" / "settings.py").read_text(encoding="utf-8")
    opening = text.split('"""')[1]

    assert {name for name in NAME.findall(text) if name not in opening} == set()
