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
from typing import Final

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act import letters, tone
from rekindle.act.letters import Letter, When
from rekindle.act.tone import Finding
from rekindle.decide.eligibility import ALWAYS
from rekindle.errors import BadInput
from rekindle.journal.models import Message
from rekindle.relationships.models import Brand, Breakup, Feedback, Party, Promise, Relationship
from rekindle.relationships.vocabulary import Channel, Commercial, PromiseState, TouchClass
from rekindle.workflows.outbox.headers import stop_link
from rekindle.workflows.outbox.put import Words, put, sending
from rekindle.workflows.outbox.unfit import is_first_after_end
from rekindle.workflows.why_not import Answer, business_zone, why_not

LONGEST_SUBJECT: Final = 200
LONGEST_TEXT: Final = 10_000
_LIVE: Final = frozenset(
    word.value for word in (Commercial.LIVE, Commercial.TRIALING, Commercial.PAUSED, Commercial.NOTICE)
)


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


_CALLED: Final = {
    "name": "their name",
    "house": "the name of the business",
    "signer": "your name",
    "since": "since when we know them",
    "years": "a day to the year since they came",
    "their_words": "what they told us",
    "promise": "what we owe them",
}


def proposals(party: Party, *, by: User, language: str = "en") -> list[Proposal]:
    """The letters that fit the person now, those that are complete first."""
    stands, known = _stands(party), facts(party, by=by)
    fitting = [one for one in letters.letters() if one.when in (stands, When.ANY)]
    lacks = {one.code: letters.missing(one, known, language=language) for one in fitting}
    found = [
        Proposal(one, one.said("title", language), tuple(_CALLED[name] for name in lacks[one.code])) for one in fitting
    ]
    return sorted(found, key=lambda one: (bool(one.missing), one.title))


def facts(party: Party, *, by: User, at: datetime | None = None) -> dict[str, str]:
    """What a letter may say of somebody; what is not known is not there."""
    relationship = Relationship.objects.filter(party=party).select_related("brand").order_by("pk").first()
    brand = Brand.objects.order_by("pk").first()
    found = {"name": party.name, "signer": by.name, "house": brand.name if brand else ""}
    if relationship is not None:
        began = relationship.episodes.order_by("number").values_list("began_on", flat=True).first()
        if began is not None:
            found["since"] = f"{began:%B %Y}"
            today = (at or timezone.now()).astimezone(business_zone()).date()
            if (began.month, began.day) == (today.month, today.day) and began.year < today.year:
                found["years"] = str(today.year - began.year)
        owed = (
            Promise.objects.filter(relationship=relationship, state=PromiseState.OPEN.value).order_by("due_on").first()
        )
        heard = Feedback.objects.filter(relationship=relationship).exclude(words="").order_by("-pk").first()
        found["promise"] = owed.text if owed else ""
        found["their_words"] = heard.words if heard else ""
    return {name: value for name, value in found.items() if value}


def draft(
    party: Party, code: str, *, by: User, at: datetime | None = None, language: str = "en"
) -> tuple[Letter, str, str]:
    """(the letter, its subject, its text) with the places filled. Raises BadInput naming what is missing."""
    one, known = letters.letter(code), facts(party, by=by, at=at)
    lacks = letters.missing(one, known, language=language)
    if lacks:
        names = ", ".join(_CALLED[name] for name in lacks)
        raise BadInput(f"it needs what is not known: {names}", remedy="Add it to the person, or write your own words.")
    subject, text = (letters.filled(one.said(what, language), known) for what in ("subject", "text"))
    return one, subject, text


def look_over(party: Party, *, subject: str, text: str, touch_class: TouchClass) -> Looked:
    """What is wrong with it, and what the rules say of it now. Asks only; nothing is kept."""
    whole = with_foot(party, text, touch_class=touch_class)
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
    said = Words(subject, found.whole, content=content_of(letter, text))
    return put(party, said, key=f"hand:{party.pk}:{form}"[:120], touch_class=touch_class, made_by="by hand", by=by)


def with_foot(party: Party, text: str, *, touch_class: TouchClass) -> str:
    """The words with what belongs below every letter: how to hear nothing more, and where we are."""
    below = [f"Hear nothing more like this: {stop_link(party, touch_class)}"]
    postal = sending().postal_address
    if postal:
        below.append(postal)
    return f"{text.rstrip()}\n\n-- \n" + "\n".join(below) + "\n"


def content_of(letter: str, text: str) -> str:
    """What it says, as a key: a letter of ours by its code, own words by their hash."""
    if letter:
        return f"letter:{letter}:{letters.letter(letter).version}"
    return "own:" + hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:40]


def _stands(party: Party) -> When:
    relationship = Relationship.objects.filter(party=party).order_by("pk").first()
    if relationship is None:
        return When.ANY
    if relationship.commercial in _LIVE or relationship.commercial == Commercial.NONE.value:
        return When.RETURNED if relationship.life > 1 else When.LIVE
    left = Breakup.objects.filter(relationship=relationship, withdrawn_at=None).exists()
    return When.ENDED if left or relationship.commercial == Commercial.ENDED.value else When.LIVE
