"""The tokens of the stylesheet keep WCAG 2.2 AA: text 4.5 : 1, edges of controls 3 : 1, in light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rekindle.web

CSS = (Path(rekindle.web.__file__).parent / "static" / "web" / "rekindle.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\n *\}", CSS, re.S)[:2]
)

TEXT = [(word, ground) for word in ("ink", "soft") for ground in ("paper", "card", "wash")]
TEXT += [(wash, f"{wash}-wash") for wash in ("ember", "sage", "dusk", "honey")]
TEXT += [("ink", f"{wash}-wash") for wash in ("ember", "sage", "dusk", "honey")]
TEXT += [("ember", "card"), ("ember", "paper"), ("on-ember", "ember")]
EDGES = [("edge", "card"), ("edge", "paper"), ("dusk", "card"), ("dusk", "paper")]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb. Source: WCAG 2.2, definition of relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("word", "ground"), TEXT)
def test_words_can_be_read(tokens: dict[str, str], word: str, ground: str) -> None:
    assert contrast(tokens[word], tokens[ground]) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_edges_of_controls_can_be_seen(tokens: dict[str, str], edge: str, ground: str) -> None:
    assert contrast(tokens[edge], tokens[ground]) >= 3
