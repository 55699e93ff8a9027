"""Two people, each by their own hand: the first asks and gets a proposal, the second reads it and agrees.

A proposal is signed, holds numbers and days only (the reason lies in a note), and names the first person itself, so
that nobody can name a second one. The pages of the second person read the very same proposals.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.core import signing
from django.urls import reverse

from rekindle.accounts.models import User
from rekindle.errors import NotFound
from rekindle.relationships.models import Note, Relationship
from rekindle.workflows import endings, notes

LASTS: Final = timedelta(days=3)
"""As long as the pages give; later it is asked for anew."""

QUIET: Final = "rekindle.quiet.shorten"
CLEAN_BREAK: Final = "rekindle.clean_break"
_PAGES: Final = {QUIET: "quiet_second", CLEAN_BREAK: "clean_break_second"}


def propose(
    what: str, facts: list[Any], *, relationship: Relationship, by: User, reason: str, of: str
) -> dict[str, Any]:
    """The proposal and the address of the page on which a colleague may agree. `of` asks for the reason in words.

    facts  numbers and days, before the number of the first person and of the note
    """
    reason = endings.reason_of(reason, what=of)
    note = notes.write(relationship.party, text=reason, by=by)
    proposal = signing.dumps([*facts, by.pk, note.pk], salt=what)
    return {"proposal": proposal, "page": f"{reverse(_PAGES[what])}?t={proposal}", "days": LASTS.days}


def read(what: str, proposal: str, *, facts: int) -> tuple[list[Any], User, Note]:
    """(its facts, the first person, the note with the reason). Raises NotFound alike for every wrong proposal."""
    try:
        said = signing.loads(proposal, salt=what, max_age=LASTS)
    except (signing.BadSignature, ValueError) as error:
        raise _gone() from error
    first = User.objects.filter(pk=said[facts]).first()
    note = Note.objects.filter(pk=said[facts + 1]).first()
    if first is None or note is None:
        raise _gone()
    return said[:facts], first, note


def _gone() -> NotFound:
    return NotFound("this proposal has run out or is none of ours", remedy="Ask your colleague for a new one.")
