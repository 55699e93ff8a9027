"""Everything that can go wrong and has a name.

    RekindleError           one clear line: what, where, what to do
    ├── BadInput            a file, row, column or value that cannot be read as what it claims to be
    │   └── UnknownColumn   a column that was asked for and is not there
    ├── NotEnoughData       a model was asked for more than the data can say
    ├── Degenerate          a fit ran to the boundary of its parameters; the boundary is named
    ├── Refused             a rule says no; carries the rule and the date it changes
    ├── NotFound            no such person, load, decision
    └── Conflict            the state of things does not allow it (already running, already undone)

A failure is never answered with a neutral number: not known is None plus a reason.
"""

from __future__ import annotations

from datetime import datetime


class RekindleError(Exception):
    """One line that says what happened, where, and what to do about it.

    what    the fact, with the value seen
    where   file:row:column, a person, a setting; empty when there is no place
    remedy  the next step for the reader
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        if not self.remedy:
            return f"{place}{self.what}"
        stop = "" if self.what.endswith((".", "!", "?")) else "."
        return f"{place}{self.what}{stop} {self.remedy}"


class BadInput(RekindleError):
    """A file, row, column or value that cannot be read as what it claims to be."""


class UnknownColumn(BadInput):
    """A column that was asked for and is not there."""


class NotEnoughData(RekindleError):
    """A model was asked for more than the data can say."""


class Degenerate(RekindleError):
    """A fit ran to the boundary of its parameters; the message names the boundary."""


class Refused(RekindleError):
    """A rule says no. `rule` names it; `until` is the instant it changes, None when it never does by itself."""

    def __init__(self, what: str, *, rule: str, until: datetime | None = None, remedy: str = "") -> None:
        self.rule, self.until = rule, until
        super().__init__(what, remedy=remedy)


class NotFound(RekindleError):
    """No such person, load, decision or file."""


class Conflict(RekindleError):
    """The state of things does not allow it: already running, already undone, already used."""
