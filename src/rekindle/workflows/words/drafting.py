"""One letter for one person: the wording that fits them, its places filled, and what it counts as saying.

1. the letter must be for somebody who stands where they stand: who left is not asked how they get on;
2. the first variant that fits what they are to us, their stage, their terms and their language;
3. the facts it names, from the books; one that is missing is named, and there is no letter;
4. what it says, as a key: by that the same is never said twice, or once a year, or once in a life with us.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rekindle.accounts.models import User
from rekindle.act import letters, tone
from rekindle.act.letters import Again, Letter, Reader, Said, When
from rekindle.errors import BadInput
from rekindle.relationships import queries
from rekindle.relationships.models import Breakup, Party, Relationship
from rekindle.relationships.vocabulary import Channel, Commercial
from rekindle.workflows import content
from rekindle.workflows.occurrences import zone_of
from rekindle.workflows.why_not import business_zone
from rekindle.workflows.words import facts as fact_book
from rekindle.workflows.words.facts import Known
from rekindle.workflows.words.own_letters import letter_now

_LIVE: Final = frozenset(
    word.value for word in (Commercial.LIVE, Commercial.TRIALING, Commercial.PAUSED, Commercial.NOTICE)
)


@dataclass(frozen=True)
class Draft:
    """A letter written out, without what stands below every letter. `content`: what it says, as a key."""

    letter: Letter
    said: Said
    subject: str
    text: str
    content: str
    known: Known


def draft(
    party: Party, code: str, *, by: User | None, at: datetime, language: str = "", channel: Channel = Channel.EMAIL
) -> Draft:
    """The letter of that code for one person, as it would be read at that instant.

    language  two letters; empty: theirs, and English where that is not known
    channel   SMS: its words as a text message, which have no subject; every other road has the letter itself
    Raises BadInput where it is not for them, or naming the facts that are missing.
    """
    one, relationship = letter_now(code), queries.relationship_of(party)
    stands = stands_as(relationship)
    if not is_for(one, stands):
        raise BadInput(
            f"“{one.said('title', 'en')}” is for {one.when.label}, and they are not", remedy="Choose another letter."
        )
    reader = reader_of(party, relationship, at=at, language=language)
    said = one.for_text_message(reader) if channel is Channel.SMS else one.for_reader(reader)
    wanted = said.places | one.needs | one.optional
    known = fact_book.facts_of(party, at=at, by=by, language=said.language, wanted=wanted)
    lacks = letters.missing(one, known.facts, said=said)
    if lacks:
        raise BadInput(
            f"it needs what is not known: {fact_book.called(lacks)}",
            remedy="Add it to the person, or write your own words.",
        )
    values = {name: known.facts.get(name, "") for name in wanted}
    subject, text = " ".join(letters.filled(said.subject, values).split()), letters.filled(said.text, values)
    house = values.get("house") or (relationship.brand.name if relationship else "")
    signer = by.name if by else ""
    if one.touch_class in tone.SIGNED and not tone.is_signed(text, signer=signer, houses=frozenset({house} - {""})):
        raise BadInput(
            f"no human signs “{one.said('title', 'en')}”",
            remedy="Put {{ signer }} on its last line, in Content, Letters.",
        )
    return Draft(one, said, subject, text, content_key(one, text, known=known, party=party, at=at), known)


def reader_of(party: Party, relationship: Relationship | None, *, at: datetime, language: str = "") -> Reader:
    """Who reads it, as far as the words depend on it."""
    today = at.astimezone(zone_of(party, otherwise=business_zone())).date()
    spoken = (language or party.language or letters.ENGLISH)[:2].casefold()
    return Reader(
        language=spoken,
        kinds=content.kinds_of(party, on=today),
        stage=relationship.stage if relationship else "",
        terms=relationship.terms if relationship else "",
    )


def stands_as(relationship: Relationship | None) -> When:
    """Where a person stands, as far as it matters to which letters are for them."""
    if relationship is None:
        return When.ANY
    if relationship.commercial in _LIVE or relationship.commercial == Commercial.NONE.value:
        return When.RETURNED if relationship.life > 1 else When.LIVE
    left = Breakup.objects.filter(relationship=relationship, withdrawn_at=None).exists()
    return When.ENDED if left or relationship.commercial == Commercial.ENDED.value else When.LIVE


def is_for(one: Letter, stands: When) -> bool:
    """Whether a letter is for who stands there; who came back is a customer like the others."""
    return one.when in (stands, When.ANY) or (one.when is When.LIVE and stands is When.RETURNED)


def content_key(one: Letter, text: str, *, known: Known, party: Party, at: datetime) -> str:
    """What a letter says, as a key: who has one with the same key is not sent another."""
    if known.reading is not None:
        return content.content_of(known.reading)
    key = f"letter:{one.code}:{one.version}"
    match one.again:
        case Again.NEVER:
            return key
        case Again.YEAR:
            year = at.astimezone(zone_of(party, otherwise=business_zone())).year
            return f"letter:{one.code}:{year}"
        case Again.LIFE:
            relationship = queries.relationship_of(party)
            return f"letter:{one.code}:life{relationship.life if relationship else 0}"
        case Again.WORDS:
            return f"letter:{one.code}:" + hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:24]
