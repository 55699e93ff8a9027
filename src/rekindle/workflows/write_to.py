"""Write to one person: a letter proposed, read by a human, looked over, asked about, and put into the outbox.

1. `proposals`   the letters that fit where the person stands, each with what is still missing for it
2. `draft`       one of them with its places filled from what the books know; nothing is guessed
3. `look_over`   what is wrong with the words, what the rules say now, and how it will look
4. `send`        into the outbox, once; there the rules are asked again in the instant it goes
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act import html, letters, tone
from rekindle.act.letters import Letter
from rekindle.act.tone import Finding
from rekindle.decide.eligibility import ALWAYS
from rekindle.errors import BadInput
from rekindle.journal.models import Message
from rekindle.relationships import queries
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows.outbox.put import Words, put
from rekindle.workflows.outbox.unfit import is_first_after_end
from rekindle.workflows.why_not import Answer, why_not
from rekindle.workflows.words import chosen, drafting, facts, foot, own_letters

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
    """A letter as it would go. `whole` is what they would read; `answer` what the rules say of it now."""

    findings: tuple[Finding, ...]
    answer: Answer
    whole: str

    @property
    def may_go(self) -> bool:
        return self.answer.allowed and not any(one.stops for one in self.findings)


def proposals(party: Party, *, by: User, language: str = "") -> list[Proposal]:
    """The letters that fit the person now, those that are complete first.

    language  of the titles, as the page is read; the words are in the language of the person
    """
    at = timezone.now()
    relationship = queries.relationship_of(party)
    stands, reader = drafting.stands_as(relationship), drafting.reader_of(party, relationship, at=at)
    fitting = [one for one in own_letters.letters_now() if drafting.is_for(one, stands)]
    known = facts.facts_of(party, by=by, at=at, language=reader.language).facts
    lacks = {one.code: letters.missing(one, known, said=one.for_reader(reader)) for one in fitting}
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
    party: Party, code: str, *, by: User, at: datetime | None = None, language: str = ""
) -> tuple[Letter, str, str]:
    """(the letter, its subject, its text) with the places filled, in their language where none is named.

    Raises BadInput naming what is missing, or where the letter is not for them.
    """
    written = drafting.draft(party, code, by=by, at=at or timezone.now(), language=language)
    return written.letter, written.subject, written.text


def suits(party: Party) -> dict[str, dict[str, Any]]:
    """The hour, the day, the road and how often suit this person, each with the facts it is chosen by."""
    from rekindle.workflows.words.pacing_books import pacing_of

    at = timezone.now()
    return chosen.when_for(pacing_of([party.pk], at=at).to_pylist()[0], at=at)[1]


def look_over(party: Party, *, subject: str, text: str, touch_class: TouchClass) -> Looked:
    """What is wrong with it, and what the rules say of it now. Asks only; nothing is kept."""
    whole = foot.with_foot(party, text, touch_class=touch_class, language=party.language or "en")
    found = tone.findings(
        text, subject=subject, touch_class=touch_class, first_after_end=is_first_after_end(party)
    )  # fmt: skip
    return Looked(tuple(found), why_not(party, touch_class=touch_class, channel=Channel.EMAIL), whole)


def send(
    party: Party, *, subject: str, text: str, touch_class: TouchClass, letter: str = "", form: str, by: User
) -> Message:
    """Into the outbox. The same form sent twice is one message.

    letter   the code of the letter it began as; empty for words of one's own
    form     its number: the same form again is the same message
    Raises BadInput for words that cannot go as they are.
    """
    subject = " ".join(subject.split())
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise BadInput("the subject is missing or too long", remedy=f"Say in up to {LONGEST_SUBJECT} letters.")
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise BadInput("the words are missing or too long", remedy=f"Write up to {LONGEST_TEXT:,} letters.")
    if touch_class in ALWAYS:
        raise BadInput("a bill or a legal notice is not written here", remedy="Choose what the letter is for.")
    found = look_over(party, subject=subject, text=text, touch_class=touch_class)
    stopping = next((one for one in found.findings if one.stops), None)
    if stopping is not None:
        raise BadInput(str(stopping.tone.label).rstrip("."), where="the words")
    whole = html.page(found.whole, language=party.language[:2])
    said = Words(subject, found.whole, html=whole, content=content_of(letter, text, party=party, by=by))
    return put(party, said, key=f"hand:{party.pk}:{form}"[:120], touch_class=touch_class, made_by="by hand", by=by)


def content_of(letter: str, text: str, *, party: Party | None = None, by: User | None = None) -> str:
    """What it says, as a key: a letter of ours by its code and how often it may be said, own words by their hash.

    party, by   who reads and who writes; without them a letter counts as said once and for all
    """
    if not letter:
        return "own:" + hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:40]
    one = own_letters.letter_now(letter)
    if party is None:
        return f"letter:{one.code}:{one.version}"
    at = timezone.now()
    wanted = one.for_reader(drafting.reader_of(party, queries.relationship_of(party), at=at)).places
    known = facts.facts_of(party, at=at, by=by, wanted=wanted & {"reading", "reading_title"},
                           language=(party.language or "en")[:2])  # fmt: skip
    if known.reading is not None and known.reading.title not in text:
        return content_of("", text)  # they wrote about something else in the end
    return drafting.content_key(one, text, known=known, party=party, at=at)
