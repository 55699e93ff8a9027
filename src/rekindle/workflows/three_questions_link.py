"""Whom the three questions may be asked, and the link that leads there: for the letters. Reading only.

What becomes of an answer is `three_questions`; it is a file of its own because letters need the link and answers end
the plans that send letters.
"""

from __future__ import annotations

from datetime import datetime

from rekindle.relationships.models import Breakup, ExitInterview, Relationship
from rekindle.relationships.policy import BY_US
from rekindle.relationships.vocabulary import Initiator
from rekindle.workflows import endings, links
from rekindle.workflows.links import LinkPurpose


def open_for(relationship: Relationship, *, at: datetime) -> Breakup | None:
    """The end that may be asked about at an instant; None where the three questions are not the ones to ask.

    Not before the quiet is over, not about an end of ours, and not where they would rather not be asked.
    """
    end = endings.standing_end(relationship)
    if end is None or end.initiator == Initiator.COMPANY.value or end.kind in BY_US:
        return None
    quiet = endings.standing_quiet(relationship)
    over = quiet.ends_at if quiet is not None and quiet.breakup_id == end.pk else end.quiet_until
    if at < over or end.ended_on > endings.local_day(relationship, at):
        return None
    if ExitInterview.objects.filter(breakup=end, declined_at__isnull=False).exists():
        return None
    return end


def link_token(end: Breakup) -> str:
    """The token of their own way in; the same each time, until all their links are ended. Writes nothing."""
    return links.make(LinkPurpose.THREE_QUESTIONS, end.relationship.party, about=str(end.pk))
