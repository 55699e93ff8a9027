"""The page for notebooks: every block runs, in order, and prints what stands under it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "engine.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_block_prints_what_stands_under_it() -> None:
    assert len(BLOCKS) == PAGE.count("```python")
    names: dict[str, object] = {}
    for code, wanted in BLOCKS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/engine.md", "exec"), names)  # noqa: S102  our own page, as a reader would run it
        assert printed.getvalue() == wanted, code


def test_the_page_needs_no_django_of_its_reader() -> None:
    imported = re.findall(r"^from ([\w.]+) import", PAGE, re.MULTILINE)

    assert {name.split(".")[0] for name in imported} == {"datetime", "rekindle"}
    assert {name for name in imported if name.startswith("rekindle.")} <= {
        "rekindle.errors",
        "rekindle.understand",
        "rekindle.understand.backtest",
        "rekindle.understand.lifetime_value",
        "rekindle.understand.origins",
    }


MODELS = sorted(path.name for path in (DOCS / "models").glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("page", MODELS)
def test_the_index_of_models_has_one_line_for_every_page(page: str) -> None:
    index = (DOCS / "models" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if line.startswith("|") and f"]({page})" in line]

    assert len(rows) == 1
    assert all(cell.strip() for cell in rows[0].strip("|").split("|"))
