"""Cards of the season: who would get one, who not and why; and into the queue.

1. a festival and its day; whoever told us another, or told us none, is left out of this one (`act.cards.kept_by`);
2. people a round at a time, by their number: those whose relationship is not closed;
3. the gate is asked for all of a round at once, at the instant the card would be printed or sent;
4. a card needs a signer (who looks after them, or who prepares the run), an address, and letters the fonts can draw;
5. queued, each card is one message: its key is the festival, the year and the person. The gate is asked again for each
   when it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from rekindle.accounts.models import User
from rekindle.act import cards
from rekindle.act.cards import Festival
from rekindle.act.channels.paper import FOOT, undrawable
from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Brand, Party, Relationship
from rekindle.relationships.vocabulary import RUNNING, Channel, Commercial, Stage, TouchClass
from rekindle.workflows import audit, links
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.outbox import clock
from rekindle.workflows.outbox.put import Words, put, sending
from rekindle.workflows.paper import queue
from rekindle.workflows.paper.addresses import written
from rekindle.workflows.why_not import business_zone
from rekindle.workflows.writing import must_write

ROUND: Final = 500  # people asked about at once: what somebody reads through before they press a button
AHEAD: Final = timedelta(days=150)
NAMES: Final = 12
TOLD: Final = ("season_card", "festival", "holiday", "celebrates")
"""Names of the extra field in which a list of people says what somebody keeps."""
ROADS: Final = (Channel.LETTER, Channel.EMAIL)
_RUNNING: Final = frozenset(word.value for word in RUNNING)


@dataclass(frozen=True)
class Season:
    """A festival on its next day."""

    festival: Festival
    on: date


@dataclass(frozen=True)
class Would:
    """Somebody who would get a card; `because`: "told", "country" or "default"."""

    relationship: Relationship
    recipient: str
    because: str
    signer: User

    @property
    def party(self) -> Party:
        return self.relationship.party


@dataclass
class Left:
    """Those left out for one reason, with the first names of them."""

    why: str
    people: int = 0
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Prepared:
    """One round: who would get a card, who not and why, how many keep another day, and where the next begins."""

    season: Season
    channel: Channel
    goes_at: datetime
    late_at: datetime
    would: list[Would]
    left: list[Left]
    others: int
    next: int | None


def seasons() -> list[Season]:
    """The festivals of the months to come, the nearest first."""
    today = clock.now().astimezone(business_zone()).date()
    found = [Season(one, one.next(on=today)) for one in cards.festivals()]
    return sorted((one for one in found if one.on - today <= AHEAD), key=lambda one: one.on)


def prepare(code: str, *, channel: Channel, after: int = 0, by: User) -> Prepared:
    """One round of a season, from behind the party number `after`. Asks only; nothing is written.

    Raises BadInput for no such festival or road, or where it is too late for it.
    """
    season = _season(code)
    goes_at, late_at = _when(season, channel=channel)
    rows = _round(season.festival, after=after)
    last = rows[-1].party_id if len(rows) >= ROUND else None
    mine: list[tuple[Relationship, str]] = []
    others = 0
    left: dict[str, Left] = {}
    for row in {one.party_id: one for one in reversed(rows)}.values():
        kept, because = cards.kept_by(told=told_by(row.party), country=row.party.country)
        if kept is None:
            _leave(left, "They told us that they want no card of the season.", row.party)
        elif kept != season.festival.code:
            others += 1
        else:
            mine.append((row, because))
    mine.sort(key=lambda one: one[0].party_id)
    would = _asked(mine, channel=channel, at=goes_at, by=by, left=left)
    found = sorted(left.values(), key=lambda one: -one.people)
    return Prepared(season, channel, goes_at, late_at, would, found, others, last)


def queue_round(code: str, *, channel: Channel, after: int = 0, by: User) -> int:
    """Queue a card for everybody of a round who would get one; gives how many. Asked again, it queues nothing new.

    Raises Refused, BadInput.
    """
    must_write(by)
    found = prepare(code, channel=channel, after=after, by=by)
    brand = Brand.objects.order_by("pk").first()
    year = found.season.on.year
    done = 0
    for one in found.would:
        known = facts_of(one.relationship, signer=one.signer, house=brand)
        said = cards.season_card(found.season.festival, known, language=one.party.language)
        text = with_paper_foot(one.party, said.text, channel=channel)
        put(
            one.party, Words(said.front, text, content=f"season:{code}:{year}"),
            key=f"season:{code}:{year}:{one.party.pk}", touch_class=TouchClass.RELATIONSHIP,
            made_by=f"season:{code}", channel=channel, not_before=found.goes_at, expires_at=found.late_at, by=by,
            recipient=one.recipient, chosen={"paper": "card", "festival": {"is": code, "because": one.because}},
        )  # fmt: skip
        done += 1
    audit.record("season.queued", actor=by, subject=f"season:{code}:{year}",
                 details={"cards": done, "channel": channel.value, "after": after})  # fmt: skip
    return done


def told_by(party: Party) -> str:
    """What they told us about the season they keep; empty where they did not."""
    extra = party.extra if isinstance(party.extra, dict) else {}
    return next((str(extra[name]) for name in TOLD if isinstance(extra.get(name), str) and extra[name].strip()), "")


def facts_of(relationship: Relationship, *, signer: User, house: Brand | None) -> dict[str, str]:
    """What a card may say of somebody. Raises BadInput where their name or the signer's is not known."""
    party = relationship.party
    name = party.given_name or party.name
    if not name.strip() or not signer.name.strip():
        raise BadInput("a name is not known", remedy="A card has the name of who gets it and of who signs it.")
    return {
        "name": name, "signer": signer.name, "house": house.name if house else "",
        "left": "yes" if has_left(relationship) else "",
    }  # fmt: skip


def has_left(relationship: Relationship) -> bool:
    """Whether they are no customer any more, so that the card must say that it is no mistake."""
    if relationship.commercial in _RUNNING:
        return False
    over = (Stage.PRESUMED_BREAKUP, Stage.BREAKUP, Stage.COOLING_OFF, Stage.WOOING, Stage.OLD_FRIENDS)
    return relationship.commercial == Commercial.ENDED.value or Stage(relationship.stage) in over


def with_paper_foot(party: Party, text: str, *, channel: Channel) -> str:
    """The words with what belongs below: how to hear nothing more on this road, and where we are."""
    token = links.make(LinkPurpose.UNSUBSCRIBE, party, about=f"{channel.value}.{TouchClass.RELATIONSHIP.value}")
    said = cards.said(cards.stop_words(), party.language or "en")
    below = [f"{said}: {settings.SITE_URL}{reverse('unsubscribe', args=[token])}"]
    postal = sending().postal_address
    return f"{text.rstrip()}{FOOT}" + "\n".join([*below, postal] if postal else below) + "\n"


def _season(code: str) -> Season:
    found = next((one for one in seasons() if one.festival.code == code), None)
    if found is None:
        cards.festival(code)
        raise BadInput(f"it is too early for {code}", remedy=f"Prepare it up to {AHEAD.days} days before.")
    return found


def _when(season: Season, *, channel: Channel) -> tuple[datetime, datetime]:
    """(when it goes, from when on it is too late)."""
    if channel not in ROADS:
        raise BadInput("a card of the season goes by mail or on paper", remedy="Choose one of the two.")
    begins = datetime.combine(season.on, time(), tzinfo=business_zone()).astimezone(UTC)
    at = clock.now()
    if channel is Channel.EMAIL:
        goes, late = begins + timedelta(hours=10), begins + timedelta(days=2)
    else:
        goes, late = begins - queue.LEAD, begins - queue.POST
    if at >= late:
        raise BadInput("it is too late for the post", remedy="Send it by mail, or leave it this year.")
    return max(goes, at), late


def _round(one: Festival, *, after: int) -> list[Relationship]:
    rows = Relationship.objects.filter(party_id__gt=after, party__deceased_on=None).exclude(stage=Stage.CLOSED.value)
    if one.code != cards.DEFAULT:
        # Only who told us, or lives where it is the turn of the year: the others need not be read.
        said = Q(party__country__in=[*one.customary, *map(str.lower, one.customary)])
        for name in TOLD:
            said |= Q(party__extra__has_key=name)
        rows = rows.filter(said)
    return list(rows.select_related("party", "owner", "brand").order_by("party_id", "pk")[:ROUND])


def _asked(
    mine: Sequence[tuple[Relationship, str]], *, channel: Channel, at: datetime, by: User, left: dict[str, Left]
) -> list[Would]:
    """Those the rules allow and whose card can be written; the others go to `left`."""
    if not mine:
        return []
    gathered = facts(np.array([row.party_id for row, _ in mine], dtype=np.int64), at=at)
    verdict = eligibility.check(gathered, touch_class=TouchClass.RELATIONSHIP, channel=channel, at=at, hour=False)
    home, would = queue.home_region(), []
    for place, (row, because) in enumerate(mine):
        rule = RULES[int(verdict.rule[place])]
        if rule is not Rule.ALLOWED:
            text = eligibility.refusal_text(rule, touch_class=TouchClass.RELATIONSHIP, channel=channel)
            _leave(left, text, row.party)
            continue
        signer = row.owner or by
        if not (row.party.given_name or row.party.name).strip() or not signer.name.strip():
            _leave(left, "Their name, or the name of who would sign, is not known.", row.party)
            continue
        try:
            recipient = written(row.party, home=home) if channel is Channel.LETTER else ""
        except NotFound as error:
            _leave(left, f"{error.what[:1].upper()}{error.what[1:]}.", row.party)
            continue
        if channel is Channel.LETTER and undrawable(recipient + row.party.given_name + signer.name):
            _leave(left, "The fonts here cannot draw their name; write this one by hand.", row.party)
            continue
        would.append(Would(row, recipient, because, signer))
    return would


def _leave(left: dict[str, Left], why: str, party: Party) -> None:
    found = left.setdefault(why, Left(why))
    found.people += 1
    if len(found.names) < NAMES:
        found.names.append(str(party))
