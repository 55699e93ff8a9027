"""The words of an HTML mail, line by line; what it quotes is marked as a quote, what it hides is left out."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

_HIDDEN: Final = frozenset({"script", "style", "head", "title", "template"})
_LINES: Final = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table", "ul", "ol", "hr"})
_MOST_DEPTH: Final = 200


def words_of(html: str) -> str:
    """The text, a line a block; each line inside a quote begins with `>`."""
    reader = _Words()
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, ValueError):  # the parser gives up on some broken declarations: what was read stays
        pass
    return reader.told()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._hidden = 0
        self._quotes = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _HIDDEN:
            self._hidden = min(self._hidden + 1, _MOST_DEPTH)
        if tag in _LINES:
            self._lines.append("")
        if tag == "blockquote":
            self._lines.append("")
            self._quotes = min(self._quotes + 1, _MOST_DEPTH)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in _LINES:
            self._lines.append("")
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
            self._lines.append("")

    def handle_data(self, data: str) -> None:
        if self._hidden or not data.strip():
            return
        if self._quotes and not self._lines[-1]:
            self._lines[-1] = "> "
        self._lines[-1] += " ".join(data.split()) + (" " if data[-1].isspace() else "")

    def told(self) -> str:
        return "\n".join(line.strip() for line in self._lines if line.strip())
