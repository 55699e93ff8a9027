"""Templates carry no script, no style and no unescaped text of their own; the content policy forbids the first two."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "rekindle"
TEMPLATES = sorted((SOURCE / "web" / "templates").rglob("*.html"))
UNESCAPED = re.compile(r"\|\s*safe(seq)?\b|autoescape\s+off|\bmark_safe\b|\bSafe(String|Text)\(|__html__")
TAG = re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)
"""Template tags go before the HTML is read: an `{% if %}` inside a tag is no attribute."""


class Inline(HTMLParser):
    """Collects what would be inline script or style."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        self.found += [f"<{tag} {name}>" for name in names if name == "style" or name.startswith(("on", "hx-on"))]
        self.found += [
            f"<{tag} {name}={value}>"
            for name, value in attrs
            if (value or "").strip().lower().startswith("javascript:")
        ]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"<{tag}>")


def inline_in(html: str) -> list[str]:
    reader = Inline()
    reader.feed(TAG.sub("", html))
    return reader.found


@pytest.mark.parametrize(
    "html",
    [
        '<p style="color: red">',
        "<script>alert(1)</script>",
        "<style>p { color: red }</style>",
        '<a onclick="go()">',
        '<a hx-on:click="go()">',
        '<a href="javascript:go()">',
    ],
)
def test_the_reader_sees_what_is_inline(html: str) -> None:
    assert inline_in(html)


def test_no_template_has_inline_script_or_style() -> None:
    found = {
        str(path.relative_to(SOURCE)): inline
        for path in TEMPLATES
        if (inline := inline_in(path.read_text(encoding="utf-8")))
    }

    assert TEMPLATES
    assert not found


def test_nothing_is_marked_safe() -> None:
    code = [*TEMPLATES, *sorted((SOURCE / "web").rglob("*.py")), *sorted((SOURCE / "accounts").rglob("*.py"))]

    assert not [str(path.relative_to(SOURCE)) for path in code if UNESCAPED.search(path.read_text(encoding="utf-8"))]
