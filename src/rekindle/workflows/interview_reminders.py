"""What becomes of exit interviews that were left open: one reminder, ever, where the rules allow it; then they rest.

    due          who waits, with the road that is open and the text to send; reading only
    remind       a human sent it: written down, and never again
    settle_left  for the night: a story left half told counts as far as it was told

No mail is sent from here. A reminder is a research touch like any other, so the rules of contact are asked both when
the list is made and when it is sent: never in the quiet after an end, never to who must not be reached, never at night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rekindle.accounts.models import User
from rekindle.decide import eligibility
from rekindle.errors import Conflict, NotFound, Refused
from rekindle.relationships import interview_queries
from rekindle.relationships.models import ExitInterview, Party
from rekindle.relationships.scripts import SECONDS, asked
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import audit, consent, endings, interviews
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.why_not import Answer, why_not
from rekindle.workflows.writing import must_write

AFTER: Final = timedelta(days=3)
"""So long a page that was left open is only left open. Our choice."""
WITHIN: Final = timedelta(days=30)
"""Later the words would be about something else. Our choice."""
ROADS: Final = (Channel.EMAIL, Channel.SMS, Channel.LETTER, Channel.CALL)
"""In this order: what asks least of them first."""
LOOKED_AT: Final = 200
"""At most so many are looked at in one go; who does not fit waits for the next. Our choice."""


@dataclass(frozen=True)
class Reminder:
    """Somebody who may be reminded now, the open road, and the words; the page adds their link at the end."""

    interview: ExitInterview
    channel: Channel
    text: str


def due(at: datetime | None = None, *, limit: int = 50) -> list[Reminder]:
    """Who may be reminded at an instant (None: now), the longest waiting first."""
    at = at or timezone.now()
    waiting = interview_queries.left_waiting(since=at - WITHIN, until=at - AFTER, limit=LOOKED_AT)
    open_to = roads_to([one.breakup.relationship.party_id for one in waiting], at=at)
    may = [(one, road) for one, road in zip(waiting, open_to, strict=True) if road is not None]
    return [Reminder(one, road, text_of(one)) for one, road in may[:limit]]


def remind(interview: ExitInterview, *, channel: Channel, by: User, at: datetime | None = None) -> ExitInterview:
    """Write down that a human reminded them, on that road.

    Raises Refused for a role that reads only, or where the rules say no, with the rule and when it changes; Conflict
    where they were reminded before, or there is nothing to remind of.
    """
    must_write(by)
    at = at or timezone.now()
    with transaction.atomic():
        consent.locked(interview.breakup.relationship.party)
        relationship = endings.locked(interview.breakup.relationship_id)
        found = ExitInterview.objects.select_for_update(of=("self",)).filter(pk=interview.pk).first()
        if found is None:
            raise NotFound(f"no interview {interview.pk}")
        if found.completed_at is not None or found.declined_at is not None:
            raise Conflict(
                "this interview is over", where=f"interview {found.pk}", remedy="There is nothing to remind of."
            )
        if found.reminded_at is not None:
            raise Conflict("they were reminded once", where=f"interview {found.pk}", remedy="Nobody is reminded twice.")
        answer = asked_of(relationship.party, channel=channel, at=at)
        if not answer.allowed:
            raise Refused(answer.text, rule=answer.rule.value, until=answer.until, remedy="Leave it at that.")
        found.reminded_at = at
        found.save(update_fields=["reminded_at"])
        audit.record(
            "interview.reminded", actor=by, subject=f"interview:{found.pk}", details={"channel": channel.value}
        )
    return found


def settle_left(at: datetime | None = None, *, limit: int = LOOKED_AT) -> int:
    """For the night: interviews with words in them that nobody went on with for 30 days are finished with what was
    said, as if they had stopped there; a yes to being written to opens nothing. Gives how many.

    Those without a word stay open: a link that nobody used is no answer.
    """
    at = at or timezone.now()
    settled = 0
    for interview in interview_queries.left_behind(until=at - WITHIN, limit=limit):
        interviews.complete(interview, at=at, is_sent=False)
        settled += 1
    return settled


def roads_to(party_ids: Sequence[int], *, at: datetime) -> list[Channel | None]:
    """The first road on which each may be reminded; None where every rule of every road says no. The facts are
    gathered once, however many are asked about."""
    found: list[Channel | None] = [None] * len(party_ids)
    gathered = facts(party_ids, at=at)
    for road in reversed(ROADS):
        verdict = eligibility.check(gathered, touch_class=TouchClass.RESEARCH, channel=road, at=at, hour=True)
        found = [road if may else before for may, before in zip(verdict.allowed, found, strict=True)]
    return found


def asked_of(party: Party, *, channel: Channel, at: datetime) -> Answer:
    """What the rules of contact say about a question to them on that road."""
    return why_not(party, touch_class=TouchClass.RESEARCH, channel=channel, at=at)


def text_of(interview: ExitInterview) -> str:
    """The words of the one reminder: what is left, that it is the last, and no pitch."""
    script, relationship = interviews.script_of(interview), interview.breakup.relationship
    belongs = asked(script, interview.answers, places=interviews.places_of(interview))
    left = [one for one in belongs if one.code not in interview.answers]
    minutes = max(1, round(sum(SECONDS[one.kind] for one in left) / 60))
    name = relationship.party.given_name or relationship.party.name
    begun = bool(interview.answers)
    with translation.override(interviews.language_of(relationship)):
        length = ngettext("a minute", "%(n)d minutes", minutes) % {"n": minutes}
        said = [
            _("Dear %(name)s,") % {"name": name} if name else _("Good day,"),
            _("you began to tell us why you are leaving, and stopped half way. That is fine: what you said is kept.")
            if begun
            else _("we asked whether you would tell us why you are leaving."),
            _("If you would like to, it takes about %(length)s. If you would rather not, do nothing: this is the only "
              "time we remind you, and your end stands as it is.") % {"length": length},
        ]  # fmt: skip
    return "\n\n".join([*said, relationship.brand.name])
