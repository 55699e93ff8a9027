"""The table of deeds: everything that can be done with a person, by name, for the API and the command line.

A page calls a workflow with what its form holds; a deed calls the same workflow with what its input model holds. So
one rule has one place, whatever door somebody came through.
"""

from __future__ import annotations

from typing import Final

from rekindle.errors import NotFound
from rekindle.workflows.deeds import circle, coming_back, company, endings, owed, people, standing, talks, wishes
from rekindle.workflows.deeds.table import COMMAND_LINE, Door, Result, Verb, do

__all__ = ["COMMAND_LINE", "TABLE", "Door", "Result", "Verb", "do", "find"]

_PARTS: Final = (standing, endings, company, coming_back, talks, owed, circle, wishes, people)
TABLE: Final[dict[str, Verb]] = {verb.name: verb for part in _PARTS for verb in part.VERBS}
"""Every deed by its name, in the order of the papers."""


def find(name: str) -> Verb:
    """The deed of that name. Raises NotFound with the names that begin alike."""
    verb = TABLE.get(name)
    if verb is None:
        family = name.partition(".")[0]
        near = [known for known in TABLE if known.partition(".")[0] == family]
        raise NotFound(
            f"there is no deed {name[:60]!r}",
            remedy=f"There are {', '.join(near)}." if near else "`rekindle do --list` shows them all.",
        )
    return verb
