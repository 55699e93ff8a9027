"""A letter as calm HTML, made from its text: paragraphs, line breaks and links, and nothing else.

The text is escaped before anything is marked up, and what comes out is cleaned once more by nh3 with a short list of
what may stand in it: no picture, no script, no style but ours, no attribute that does anything. The text part says
all of it too; HTML is only the same words in a quieter shape.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import Final

import nh3

TAGS: Final = frozenset({"p", "br", "a", "hr"})
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_LINK: Final = re.compile(r"https?://(?:(?!&(?:lt|gt|quot|#x27);)[^\s<>\"'])+", re.IGNORECASE)
"""In escaped text: a quotation mark or a bracket that was written ends an address."""
_BEHIND: Final = ".,:!?)]}»”’"
_LINE: Final = re.compile(r"(?<!</p>)\n(?!<p>)")
_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n+")
_FOOT: Final = re.compile(r"(?m)^-- ?$")
_WIDTH, _INK, _PAPER = "36em", "#2b2622", "#ffffff"


def fragment(text: str) -> str:
    """The text as paragraphs, without a page around it: for showing inside a page of ours. Never raises."""
    parts = _FOOT.split(text.replace("\r\n", "\n").strip(), maxsplit=1)
    marked = [_paragraphs(parts[0])]
    if len(parts) > 1:
        marked += ["<hr>", _paragraphs(parts[1])]
    return _cleaner().clean("\n".join(part for part in marked if part))


def page(text: str, *, language: str = "en") -> str:
    """The text as the HTML part of a mail, in the colours of a letter.

    language  two letters, for whoever has it read aloud
    """
    lang = language if re.fullmatch(r"[a-z]{2}", language) else "en"
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f'<body style="margin:0;padding:24px;background:{_PAPER};color:{_INK};'
        'font-family:Georgia,serif;font-size:17px;line-height:1.55">'
        f'<div style="max-width:{_WIDTH};margin:0 auto">\n{fragment(text)}\n</div></body></html>\n'
    )


def clean(markup: str) -> str:
    """Markup of somebody else with only what is on the list left in it."""
    return _cleaner().clean(markup)


def _paragraphs(text: str) -> str:
    marked = escape(text.strip())
    if "://" in marked:
        marked = _LINK.sub(_linked, marked)
    marked = _PARAGRAPHS.sub("</p>\n<p>", marked)
    return f"<p>{_LINE.sub('<br>' + chr(10), marked)}</p>" if marked else ""


def _linked(found: re.Match[str]) -> str:
    """An address in escaped text as a link; what ends a sentence behind it is not part of it."""
    address = found[0].rstrip(_BEHIND)
    return f'<a href="{address}" rel="noopener noreferrer">{address}</a>{found[0][len(address) :]}'


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes={"a": {"href"}},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer",
        strip_comments=True,
    )
