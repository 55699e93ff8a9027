"""What the API tells: people, one person, their story, the rules' answer, today, the endings, the table of deeds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from rekindle.errors import BadInput
from rekindle.journal import listing
from rekindle.journal.listing import Asked, Row, Sort
from rekindle.relationships import endings_queries
from rekindle.relationships.endings_queries import Card, Column, Wanted
from rekindle.relationships.vocabulary import Channel, Stage, TouchClass
from rekindle.web.api.keys import token_of
from rekindle.workflows import deeds, person, story
from rekindle.workflows.deeds.given import LARGEST, Instant
from rekindle.workflows.deeds.lookup import party, relationship, written
from rekindle.workflows.today import today as cards
from rekindle.workflows.why_not import why_not as ask

AT_MOST: Final = 200
USUALLY: Final = 50

WITHOUT_NUL: Final = r"^[^\x00]*$"
"""No database keeps a NUL; nobody's name holds one."""

Limit = Annotated[int, Query(ge=1, le=AT_MOST, description=f"How many at most, up to {AT_MOST}.")]
After = Annotated[
    str,
    Query(
        max_length=200, pattern=WITHOUT_NUL, description="The `next` of the page before; empty begins at the beginning."
    ),
]
PersonNumber = Annotated[int, Path(ge=1, le=LARGEST, description="Number of the person.")]

_PLACE: Final = re.compile(r"\d{1,18}\.(-?\d{1,18}|\d{4}-\d{2}-\d{2})?", re.ASCII)
_NAME_PLACE: Final = re.compile(r"\d{1,18}\..*", re.ASCII | re.DOTALL)

router = Router(tags=["reading"])


@router.get("/people", summary="People, a page at a time")
def people(
    request: HttpRequest,  # noqa: ARG001  # every operation takes it
    q: Annotated[
        str, Query(max_length=200, pattern=WITHOUT_NUL, description="Beginning of a name, an address or a number.")
    ] = "",
    stage: Annotated[Stage | None, Query(description="Only people who stand there.")] = None,
    sort: Annotated[Sort, Query(description="By value at stake, last seen, or name.")] = Sort.NAME,
    after: After = "",
    limit: Limit = USUALLY,
) -> dict[str, Any]:
    """`{"people": [...], "sort", "next"}`; `next` is empty on the last page."""
    if after and not (_NAME_PLACE if sort is Sort.NAME else _PLACE).fullmatch(after):
        raise BadInput("this is not a place in the list", where="after", remedy="Begin again at the first page.")
    page = listing.people(Asked(text=q, stage=stage, sort=sort, after=after), limit=limit)
    return {"people": [_row(row) for row in page.rows], "sort": page.sort.value, "next": page.next}


def _row(row: Row) -> dict[str, Any]:
    stood, outlook = row.relationship, row.outlook
    return {
        "person": row.name,
        "party": stood.party_id,
        "number": row.number or None,
        "stage": stood.stage,
        "stage_since": stood.stage_since.isoformat() if stood.stage_since else None,
        "commercial": stood.commercial,
        "contact": stood.contact,
        "owner": str(stood.owner) if stood.owner else None,
        "last_on": outlook.last_on.isoformat() if outlook and outlook.last_on else None,
        "value_at_stake_minor": outlook.value_at_stake_minor if outlook else None,
        "currency": (outlook.currency or None) if outlook else None,
        "signs": list(row.signs),
    }


@router.get("/people/{party_id}", summary="One person: the facts of `rekindle person --json`")
def one_person(request: HttpRequest, party_id: PersonNumber) -> dict[str, Any]:  # noqa: ARG001
    return person.view(party(party_id), history=story.the_history()).as_json()


@router.get("/people/{party_id}/story", summary="What happened, newest first")
def their_story(
    request: HttpRequest,  # noqa: ARG001
    party_id: PersonNumber,
    before: Annotated[Instant | None, Query(description="Only what happened before this instant.")] = None,
    limit: Limit = USUALLY,
) -> dict[str, Any]:
    """`{"lines": [...], "older"}`; `older` is the `before` of the next page, null at the beginning."""
    told = story.story(relationship(party_id), history=story.the_history(), before=before, limit=limit)
    return {"lines": [_line(line) for line in told.lines], "older": written(told.older)}


def _line(line: story.Line) -> dict[str, Any]:
    return {
        "at": line.at.isoformat(),
        "on": line.on.isoformat() if line.on else None,
        "voice": line.voice.value,
        "kind": line.kind,
        "title": line.title,
        "text": line.text,
        "by": line.by or None,
        "channel": line.channel or None,
        "amount_minor": line.amount_minor,
        "currency": line.currency or None,
        "count": line.count,
        "began": written(line.began),
    }


@router.get("/people/{party_id}/why-not", summary="May they be reached this way, and if not, why and until when")
def may_we(
    request: HttpRequest,  # noqa: ARG001
    party_id: PersonNumber,
    touch_class: Annotated[TouchClass, Query(alias="class", description="What for.")],
    channel: Annotated[Channel, Query(description="How.")],
    at: Annotated[Instant | None, Query(description="When; now where left out.")] = None,
) -> dict[str, Any]:
    moment: datetime = at or timezone.now()
    return ask(party(party_id), touch_class=touch_class, channel=channel, at=moment).as_json()


@router.get("/today", summary="Who is worth a human's time today")
def today(
    request: HttpRequest,
    whose: Annotated[str, Query(pattern="^(mine|all)$", description="mine (and nobody's) or all.")] = "all",
    limit: Annotated[int, Query(ge=1, le=AT_MOST, description=f"How many at most, up to {AT_MOST}.")] = 20,
) -> dict[str, Any]:
    owner = token_of(request).user if whose == "mine" else None
    return {"cards": [card.as_json() for card in cards(owner=owner, limit=limit)]}


@router.get("/endings", summary="One column of the endings desk, a page at a time")
def endings(
    request: HttpRequest,  # noqa: ARG001
    column: Annotated[str, Query(max_length=40, description=", ".join(one.slug for one in Column))] = Column.ENDED.slug,
    after: After = "",
    limit: Limit = USUALLY,
) -> dict[str, Any]:
    """`{"column", "people": [...], "count", "next"}`; `count` is null where they are too many to count."""
    which = next((one for one in Column if one.slug == column), None)
    if which is None:
        raise BadInput("there is no such column", where="column",
                       remedy=f"Choose one of {', '.join(one.slug for one in Column)}.")  # fmt: skip
    if after and not _PLACE.fullmatch(after):
        raise BadInput("this is not a place in the list", where="after", remedy="Begin again at the first page.")
    found = endings_queries.column(which, wanted=Wanted(at=timezone.now()), limit=limit, after=after)
    return {
        "column": which.slug,
        "people": [_card(card) for card in found.cards],
        "count": found.count,
        "next": found.next,
    }


def _card(card: Card) -> dict[str, Any]:
    end = card.end
    return {
        "person": card.name,
        "party": card.relationship.party_id,
        "stage": card.relationship.stage,
        "end": end.pk if end else None,
        "ended_on": end.ended_on.isoformat() if end else None,
        "kind": (end.kind or None) if end else None,
        "reasons": list(end.reasons) if end else [],
        "quiet_until": written(end.quiet_until) if end else None,
        "presumed_on": card.presumed.ended_on.isoformat() if card.presumed and card.presumed.ended_on else None,
        "want_back": card.want_back.value,
    }


@router.get("/deeds", summary="Everything that can be done, with the input of each")
def table(request: HttpRequest) -> dict[str, Any]:
    user = token_of(request).user
    return {"deeds": [{**verb.as_json(), "you_may": user.may(verb.needs)} for verb in deeds.TABLE.values()]}
