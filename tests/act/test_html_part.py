"""The HTML of a letter: the same words, marked up quietly, with nothing in it that could do anything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import html

NASTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<a href='javascript:alert(1)'>x</a>",
    "<div hx-get=/x hx-trigger=load>",
    "<style>p{display:none}</style>",
    "<iframe srcdoc='<script>1</script>'>",
    'https://ok.example/"onclick=alert(1)',
    "<!-- x --><p style='position:fixed'>",
)
OPEN_TAG = re.compile(r"<\s*([a-z0-9]+)([^>]*)>", re.IGNORECASE)


@pytest.mark.parametrize("words", NASTY)
def test_what_somebody_writes_is_shown_and_never_run(words: str) -> None:
    made = html.fragment(f"Hello,\n\n{words}\n\nDana")
    for tag, attributes in OPEN_TAG.findall(made):
        assert tag in html.TAGS
        assert set(re.findall(r"([a-z-]+)=", re.sub(r'"[^"]*"', "", attributes) + " ")) <= {"href", "rel"}
    assert "javascript:" not in re.sub(r">[^<]*<", "><", made)


@given(st.text(max_size=400))
def test_only_what_is_on_the_list_stands_in_it(words: str) -> None:
    assert {tag for tag, _ in OPEN_TAG.findall(html.fragment(words))} <= html.TAGS


def test_paragraphs_lines_links_and_the_foot() -> None:
    made = html.fragment("Hello,\n\none\ntwo (https://oak.example/a?b=1&c=2).\n\n-- \nStop: https://oak.example/s\n")
    assert made.count("<p>") == 3
    assert "one<br>" in made
    assert 'href="https://oak.example/a?b=1&amp;c=2"' in made
    assert "</a>)." in made
    assert made.index("<hr>") < made.index("Stop:")


def test_markup_of_somebody_else_keeps_its_words_only() -> None:
    dirty = '<p style="x" hx-get="/">A <b>word</b><script>no()</script><img src="https://spy.example/x.gif"></p>'
    assert html.clean(dirty) == "<p>A word</p>"


def test_a_page_says_its_language_and_asks_for_nothing_from_elsewhere() -> None:
    made = html.page("Guten Tag", language="de")
    assert '<html lang="de">' in made
    assert "src=" not in made
    assert '<html lang="en">' in html.page("x", language='de"><script>')
