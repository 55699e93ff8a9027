"""Write to one person: a letter proposed, read by a human, looked over, asked about, and put into the outbox.

1. `proposals`   the letters that fit where the person stands, each with what is still missing for it
2. `draft`       one of them with its places filled from what the books know; nothing is guessed
3. `look_over`   what is wrong with the words, what the rules say now, and how it will look
4. `send`        into the outbox, once; there the rules are asked again in the instant it goes

By e-mail, or as a text message where they have a number and a system of this house sends them (`roads`).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act import html, letters, text_message, tone
from rekindle.act.letters import Letter, Said
from rekindle.act.tone import Finding
from rekindle.decide.eligibility import ALWAYS
from rekindle.errors import BadInput, NotFound
from rekindle.journal.models import Message
from rekindle.relationships import queries
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows.outbox.put import Words, phone_of, put
from rekindle.workflows.outbox.unfit import is_first_after_end
from rekindle.workflows.why_not import Answer, why_not
from rekindle.workflows.words import chosen, drafting, facts, foot, own_letters, text_foot

LONGEST_SUBJECT: Final = 200
LONGEST_TEXT: Final = 10_000


@dataclass(frozen=True)
class Proposal:
    """A letter that fits, and the facts it still needs, in words."""

    letter: Letter
    title: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Looked:
    """A letter as it would go. `whole` is what they would read; `answer` what the rules say of it now.

    parts     of a text message; 0 on every other road
    too_long  why it is no text message as it is, with what to do; empty where nothing is wrong
    """

    findings: tuple[Finding, ...]
    answer: Answer
    whole: str
    parts: int = 0
    too_long: str = ""

    @property
    def may_go(self) -> bool:
        return self.answer.allowed and not self.too_long and not any(one.stops for one in self.findings)


def roads(party: Party) -> dict[Channel, str]:
    """The roads on which they can be written to by hand, and the number a text message would go to."""
    from rekindle.workflows.hooks_out.texts import road_of_texts

    found = {Channel.EMAIL: ""}
    if road_of_texts() is not None:
        with suppress(NotFound):
            found[Channel.SMS] = phone_of(party, at=timezone.now())
    return found


def proposals(party: Party, *, by: User, language: str = "", channel: Channel = Channel.EMAIL) -> list[Proposal]:
    """The letters that fit the person now, those that are complete first.

    language  of the titles, as the page is read; the words are in the language of the person
    channel   SMS: only those that have words for a text message
    """
    at = timezone.now()
    relationship = queries.relationship_of(party)
    stands, reader = drafting.stands_as(relationship), drafting.reader_of(party, relationship, at=at)
    is_text = channel is Channel.SMS
    fitting = [one for one in own_letters.letters_now() if drafting.is_for(one, stands)]
    said: dict[str, Said] = {}
    for one in fitting:
        with suppress(BadInput):  # it has no words for a text message, or none for somebody like them
            said[one.code] = one.for_text_message(reader) if is_text else one.for_reader(reader)
    fitting = [one for one in fitting if one.code in said]
    known = facts.facts_of(party, by=by, at=at, language=reader.language).facts
    lacks = {one.code: letters.missing(one, known, said=said[one.code]) for one in fitting}
    found = [
        Proposal(
            one,
            one.said("title", language or "en"),
            facts.called_each(lacks[one.code]),
        )
        for one in fitting
        if not lacks[one.code] or not one.needs & set(lacks[one.code])  # a birthday letter on no birthday is no choice
    ]
    return sorted(found, key=lambda one: (bool(one.missing), one.title))


def draft(
    party: Party,
    code: str,
    *,
    by: User,
    at: datetime | None = None,
    language: str = "",
    channel: Channel = Channel.EMAIL,
) -> tuple[Letter, str, str]:
    """(the letter, its subject, its text) with the places filled, in their language where none is named.

    Raises BadInput naming what is missing, or where the letter is not for them or has no words for that road.
    """
    written = drafting.draft(party, code, by=by, at=at or timezone.now(), language=language, channel=channel)
    return written.letter, written.subject, written.text


def suits(party: Party) -> dict[str, dict[str, Any]]:
    """The hour, the day, the road and how often suit this person, each with the facts it is chosen by."""
    from rekindle.workflows.words.pacing_books import pacing_of

    at = timezone.now()
    return chosen.when_for(pacing_of([party.pk], at=at).to_pylist()[0], at=at)[1]


def look_over(
    party: Party, *, subject: str, text: str, touch_class: TouchClass, channel: Channel = Channel.EMAIL
) -> Looked:
    """What is wrong with it, and what the rules say of it now. Asks only; nothing is kept."""
    language, is_text = party.language or "en", channel is Channel.SMS
    with_foot = text_foot.with_text_foot if is_text else foot.with_foot
    whole = with_foot(party, text, touch_class=touch_class, language=language)
    found = tone.findings(
        text, subject="" if is_text else subject, touch_class=touch_class, first_after_end=is_first_after_end(party),
        houses=own_letters.houses(),
    )  # fmt: skip
    too_long = ""
    if is_text:
        try:
            text_message.check(whole)
        except BadInput as error:
            too_long = f"{error.what[:1].upper()}{error.what[1:]}. {error.remedy}"
    return Looked(
        tuple(found),
        why_not(party, touch_class=touch_class, channel=channel),
        whole,
        parts=text_message.parts(whole) if is_text else 0,
        too_long=too_long,
    )


def send(
    party: Party,
    *,
    subject: str,
    text: str,
    touch_class: TouchClass,
    letter: str = "",
    form: str,
    by: User,
    channel: Channel = Channel.EMAIL,
) -> Message:
    """Into the outbox. The same form sent twice is one message.

    letter   the code of the letter it began as; empty for words of one's own
    form     its number: the same form again is the same message
    channel  EMAIL, or SMS: a text message has no subject
    Raises BadInput for words that cannot go as they are, NotFound where they have no number for a text message.
    """
    is_text = channel is Channel.SMS
    subject = "" if is_text else " ".join(subject.split())
    if channel not in (Channel.EMAIL, Channel.SMS) or (is_text and channel not in roads(party)):
        raise BadInput("they cannot be written to on that road", remedy="Choose another road.")
    if not is_text and (not subject or len(subject) > LONGEST_SUBJECT):
        raise BadInput("the subject is missing or too long", remedy=f"Say in up to {LONGEST_SUBJECT} letters.")
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise BadInput("the words are missing or too long", remedy=f"Write up to {LONGEST_TEXT:,} letters.")
    if touch_class in ALWAYS:
        raise BadInput("a bill or a legal notice is not written here", remedy="Choose what the letter is for.")
    found = look_over(party, subject=subject, text=text, touch_class=touch_class, channel=channel)
    stopping = next((one for one in found.findings if one.stops), None)
    if stopping is not None:
        raise BadInput(str(stopping.tone.label).rstrip("."), where="the words")
    whole = "" if is_text else html.page(found.whole, language=party.language[:2])
    content = content_of(letter, text, party=party, by=by, channel=channel)
    said = Words(subject, found.whole, html=whole, content=content)
    key = f"hand:{party.pk}:{form}"[:120]
    return put(party, said, key=key, touch_class=touch_class, made_by="by hand", by=by, channel=channel)


def content_of(
    letter: str, text: str, *, party: Party | None = None, by: User | None = None, channel: Channel = Channel.EMAIL
) -> str:
    """What it says, as a key: a letter of ours by its code and how often it may be said, own words by their hash.

    party, by   who reads and who writes; without them a letter counts as said once and for all
    """
    if not letter:
        return "own:" + hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:40]
    one = own_letters.letter_now(letter)
    if party is None:
        return f"letter:{one.code}:{one.version}"
    at = timezone.now()
    wanted = _said(one, party, channel=channel, at=at).places
    known = facts.facts_of(party, at=at, by=by, wanted=wanted & {"reading", "reading_title"},
                           language=(party.language or "en")[:2])  # fmt: skip
    if known.reading is not None and known.reading.title not in text:
        return content_of("", text)  # they wrote about something else in the end
    return drafting.content_key(one, text, known=known, party=party, at=at)


def _said(one: Letter, party: Party, *, channel: Channel, at: datetime) -> Said:
    """The wording it began as on that road; a letter without words for a text message to them begins none."""
    reader = drafting.reader_of(party, queries.relationship_of(party), at=at)
    if channel is not Channel.SMS:
        return one.for_reader(reader)
    try:
        return one.for_text_message(reader)
    except BadInput:
        return Said("", "", reader.language)
