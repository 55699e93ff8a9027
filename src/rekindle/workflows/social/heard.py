"""Where one person is heard, for one section of their page. A fixed number of questions; reading only.

1. accounts and feeds, those that stand first, each with who was told and when;
2. what they published last, and whether somebody was asked to cheer;
3. who of us is connected with them; what the rules say now; what was done before and after the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db.models import F

from rekindle.relationships import owed_queries, queries
from rekindle.relationships.models import Feed, FeedEntry, Party, SocialHandle, Tie
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import why_not
from rekindle.workflows.social import rates
from rekindle.workflows.social.rates import Rate
from rekindle.workflows.today import business_day

SHOWN: Final = 50
ENTRIES: Final = 10


@dataclass(frozen=True)
class Heard:
    """What is known of where they are heard; empty where they told us nothing.

    answer  the rules' answer to a kind word by social media, today; asked only where they are heard somewhere
    staff   (number, name) of members of staff who may be connected with them
    """

    handles: tuple[SocialHandle, ...]
    feeds: tuple[Feed, ...]
    entries: tuple[FeedEntry, ...]
    ties: tuple[Tie, ...]
    answer: why_not.Answer | None
    rate: Rate | None
    staff: tuple[tuple[int, str], ...]
    today: date

    @property
    def stands(self) -> bool:
        """Whether an account or a feed stands that has not ended."""
        return _stands(self.handles, self.feeds)


def heard_of(party: Party, *, at: datetime) -> Heard:
    """Everything the section shows of one person at an instant."""
    standing_first = F("ended_on").desc(nulls_first=True)
    handles = SocialHandle.objects.filter(party=party).select_related("by").order_by(standing_first, "pk")[:SHOWN]
    feeds = Feed.objects.filter(party=party).select_related("by").order_by(standing_first, "pk")[:SHOWN]
    entries = FeedEntry.objects.filter(feed__party=party).select_related("feed", "task__owner")
    found = tuple(handles), tuple(feeds)
    return Heard(
        *found,
        entries=tuple(entries.order_by("-published_at", "-pk")[:ENTRIES]),
        ties=tuple(owed_queries.ties_of(party)),
        answer=_answer(party, at=at) if _stands(*found) else None,
        rate=rates.of_person(party, at=at),
        staff=tuple(queries.owners()),
        today=business_day(),
    )


def _stands(handles: Iterable[SocialHandle], feeds: Iterable[Feed]) -> bool:
    return any(one.ended_on is None for one in handles) or any(one.ended_on is None for one in feeds)


def _answer(party: Party, *, at: datetime) -> why_not.Answer:
    return why_not.ask(
        why_not.facts([party.pk], at=at), touch_class=TouchClass.RELATIONSHIP, channel=Channel.SOCIAL, at=at,
        zone=why_not.business_zone(),
    )  # fmt: skip
