"""What the demo gym hears and passes on: three questions answered, where people are heard, an issue being written."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

from rekindle.accounts.models import User
from rekindle.act.fetch import Fetched
from rekindle.journal.models import ContentItem
from rekindle.relationships.models import Party, Relationship, Task
from rekindle.relationships.vocabulary import Basis, Channel, Stage, TaskSource, TouchClass
from rekindle.workflows import consent, newsletter, newsletter_work, three_questions, three_questions_link
from rekindle.workflows.social import feeds, handles, ties
from rekindle.workflows.today import business_day

READERS: Final = 12
LOOKED_AT: Final = 40
_PASSIONS: Final = ("running, mobility", "strength, nutrition", "back pain", "swimming, nutrition")
_POSTS: Final = ((40, "New shoes"), (12, "Ten kilometres in the rain"), (1, "My first half marathon"))
_ANSWERS: Final = (
    ("The evening groups got too full to train in.", "mixed"),
    ("Nothing, really. I moved to the other side of town.", "well"),
)


def work(*, nora: User, at: datetime) -> None:
    """A few of those whose quiet is over answer; two people are heard in public; an issue lies ready to be read."""
    _answered(at)
    live = Relationship.objects.filter(stage=Stage.ONGOING.value, owner__isnull=False).select_related("party", "owner")
    live = live.exclude(pk__in=Task.objects.filter(source=TaskSource.PERSON.value).values("relationship"))
    some = list(live.order_by("-pk")[: READERS + 1])
    if not some:
        return
    _heard(some[0], nora=nora, at=at)
    _issue([one.party for one in some[1:]], nora=nora)


def _answered(at: datetime) -> None:
    left = Relationship.objects.filter(stage__in=[Stage.BREAKUP.value, Stage.OLD_FRIENDS.value]).order_by("-pk")
    asked = (three_questions_link.open_for(one, at=at) for one in left.select_related("party")[:LOOKED_AT])
    for end, (better, parted) in zip((end for end in asked if end is not None), _ANSWERS, strict=False):
        three_questions.answer(end, code="better", value=better, at=at)
        three_questions.answer(end, code="parted", value=parted, at=at)


def _heard(one: Relationship, *, nora: User, at: datetime) -> None:
    """An account, a tie, and a running diary with something new in it: whoever looks after them may cheer."""
    party, lately = one.party, business_day() - timedelta(days=30)
    handles.add(party, network="Strava", handle="runs-before-breakfast", by=nora, told_on=lately)
    ties.connect(party, staff=one.owner or nora, where="Strava", they_know=True, by=nora)
    consent.record(
        party, channel=Channel.SOCIAL, purpose=TouchClass.RELATIONSHIP, basis=Basis.CONSENT, how="told at the desk",
        proof="“Of course, do say hello there!”", by=nora, given_on=lately,
    )  # fmt: skip
    feed = feeds.add(
        party, url="https://runs.example/feed.xml", consent="Do read my running diary!", title="Runs before breakfast",
        by=nora, consented_on=lately,
    )  # fmt: skip
    items = "".join(
        f"<item><guid>{place}</guid><title>{title}</title><link>https://runs.example/{place}</link>"
        f"<pubDate>{format_datetime(at - timedelta(days=days))}</pubDate></item>"
        for place, (days, title) in enumerate(_POSTS)
    )
    told = f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()
    feeds.read_due(at, ask=lambda _feed: Fetched(told, "", ""))
    feeds.end(feed.pk, by=nora)  # nobody lives at that address: a house that is really served would knock in vain


def _issue(readers: list[Party], *, nora: User) -> None:
    """Some like to read, and said what; an issue is written and looked at, and a human decides whether it goes."""
    for place, party in enumerate(readers):
        party.extra = {**party.extra, "interests": _PASSIONS[place % len(_PASSIONS)]}
        party.save(update_fields=["extra"])
        consent.record(
            party, channel=Channel.EMAIL, purpose=TouchClass.CONTENT, basis=Basis.CONSENT, how="told at the desk",
            proof="“Yes, send me things worth reading.”", by=nora,
        )  # fmt: skip
    items = list(ContentItem.objects.order_by("pk").values_list("pk", flat=True)[:8])
    opening = "The evenings are dark early now, and the gym is warm. A few things we liked to read this month."
    draft = newsletter.keep(newsletter.Wanted("What we read this month", opening, items, signer=nora), by=nora)
    newsletter_work.look(draft.pk, progress=lambda _said: None)
