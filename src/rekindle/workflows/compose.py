"""A letter written out for one person: the words in their language, the places filled, what was chosen and why.

1. who signs: who was named, else the member of staff they are closest to, else who looks after them;
2. the wording that fits them, its places filled from what the books know; a missing fact means no letter;
3. what stands below every letter, and the same words once more as HTML; as a text message, what stands below those;
4. the hour, day and cadence that suit them, from what they did themselves, with the facts told.

Nothing is queued here and no rule is asked: both belong to the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rekindle.accounts.models import User
from rekindle.act import html, text_message
from rekindle.errors import BadInput
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows.outbox.put import Words
from rekindle.workflows.words import chosen as choosing
from rekindle.workflows.words import drafting
from rekindle.workflows.words.drafting import Draft
from rekindle.workflows.words.foot import with_foot
from rekindle.workflows.words.text_foot import with_text_foot


@dataclass(frozen=True)
class Written:
    """What would be said. `chosen`: what was chosen for this one person, and the facts by which.

    not_before  the next instant that suits them; None where nothing is known that would make one better than another
    """

    words: Words
    touch_class: TouchClass
    letter: str
    chosen: dict[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    signer: User | None = None


def compose(
    relationship: Relationship,
    letter: str,
    *,
    at: datetime,
    signer: User | None = None,
    pace: Mapping[str, Any] | None = None,
    channel: Channel = Channel.EMAIL,
) -> Written:
    """The letter of that code for one person, as it would be read at that instant.

    at      the instant it is to be read: for a card with lead time, the day it is meant for
    signer  who signs; None: whoever they are closest to
    pace    one row of `words.pacing_books.pacing_of`, where many are written at once; None: read for this person
    channel SMS: its words as a text message, without a subject; every other road has the letter itself
    Raises BadInput naming the facts that are missing, or that it has no words for that road, or too many for a text
    message: then there is no letter.
    """
    by, why = choosing.sender_for(relationship, signer=signer)
    if by is None:
        raise BadInput("nobody looks after them who could sign", remedy="Give them an owner.")
    draft = drafting.draft(relationship.party, letter, by=by, at=at, channel=channel)
    one, language = draft.letter, draft.said.language
    not_before, when = choosing.when_for(pace if pace is not None else _pace(relationship, at=at), at=at)
    chosen = {"sender": {"is": by.name, "because": why}, **choosing.words_for(one, draft.said, draft.known), **when}
    if channel is Channel.SMS:
        chosen["road"] = {"is": channel.label, "because": "whoever planned it asked for a text message"}
    words = _words(relationship.party, draft, channel=channel, language=language)
    return Written(words, one.touch_class, letter, chosen, not_before, by)


def _words(party: Party, draft: Draft, *, channel: Channel, language: str) -> Words:
    touch_class = draft.letter.touch_class
    if channel is Channel.SMS:
        whole = with_text_foot(party, draft.text, touch_class=touch_class, language=language)
        text_message.check(whole)
        return Words("", whole, content=draft.content)
    whole = with_foot(party, draft.text, touch_class=touch_class, language=language)
    return Words(draft.subject, whole, html=html.page(whole, language=language), content=draft.content)


def _pace(relationship: Relationship, *, at: datetime) -> Mapping[str, Any]:
    from rekindle.workflows.words.pacing_books import pacing_of

    row: Mapping[str, Any] = pacing_of([relationship.party_id], at=at).to_pylist()[0]
    return row
