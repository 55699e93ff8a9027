"""The papers of the house: requirements whole and true, links that lead somewhere, decisions in one form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAPERS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
ROW = re.compile(r"^\| R(\d+) \| (.+?) \| (done|begun|not yet) \| ?(.*?) ?\|$", re.MULTILINE)
REQUIREMENTS = ROW.findall((DOCS / "requirements.md").read_text(encoding="utf-8"))


def test_every_requirement_has_one_row_in_order() -> None:
    assert [int(number) for number, *_ in REQUIREMENTS] == list(range(1, 132))


def test_what_is_begun_or_done_says_where_and_the_rest_claims_nothing() -> None:
    assert not [number for number, _, state, where in REQUIREMENTS if bool(where) != (state != "not yet")]


def test_the_states_are_counted_right() -> None:
    states = [state for _, _, state, _ in REQUIREMENTS]
    told = f"{states.count('done')} done, {states.count('begun')} begun, {states.count('not yet')} not yet."

    assert told in (DOCS / "requirements.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_path_leads_somewhere(paper: Path) -> None:
    text = paper.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    paths = re.findall(r"`((?:src|tests|docs|bench)/[\w./-]+\.\w+)`", text)

    assert not [link for link in links if link and not (paper.parent / link).exists()]
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_decision_says_context_choice_price_and_what_would_change_it() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    wanted = ["Context", "Choice", "Price", "What would change our mind"]

    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        assert re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) == wanted, path.name


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability" in text
    assert text.rstrip().endswith("limitations under the License.")
