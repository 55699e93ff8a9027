"""A newsletter as an issue: written by a human, looked at, then sent once to each whom two of its items fit.

1. `keep`    a title, an opening, two to eight things worth reading, who signs, how fast; only while it is a draft
2. `look`    who would get it and who would not and why, counts and names; done by a worker, for anybody's numbers
3. `send`    after a look at what stands there now; a worker puts one message a person into the outbox, spread in time
4. `undo`    what is still waiting is held back; what went is told on its page

Nothing here reaches anybody: each message is asked about again by every rule in the instant it goes. A worker that is
killed goes on where it was: a message has one key a person, and who has one is past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.act import html, tone
from rekindle.act.tone import Finding, Tone
from rekindle.decide.eligibility import RULES, Rule, refusal_text
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import ContentItem, Issue, IssueState, Job
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Channel, Commercial, TouchClass
from rekindle.workflows import audit, content, jobs
from rekindle.workflows.newsletter_readers import AT_LEAST, AT_MOST, Receipt, items_of, messages_of
from rekindle.workflows.newsletter_work import (
    FRAME,
    LOOK,
    SEND,
    UNDO,
    find,
    house_name,
    signer_of,
    text_of,
    written,
)
from rekindle.workflows.outbox.put import Words
from rekindle.workflows.writing import must_write, words

TITLE: Final = 200
LONGEST: Final = 4_000
FASTEST: Final = 6_000
"""Messages a minute; the outbox has a limit of its own below which it stays."""
COUNTED: Final = 50_000
"""Up to so many messages a page counts what became of them; beyond, the outbox tells."""
LANGUAGES: Final = tuple(FRAME)


@dataclass(frozen=True)
class Wanted:
    """An issue as written in a form."""

    title: str
    opening: str
    items: Sequence[int] = ()
    language: str = "en"
    per_minute: int = 60
    not_before: datetime | None = None
    signer: User | None = None


def keep(wanted: Wanted, *, by: User, number: int | None = None) -> Issue:
    """A new draft, or this one changed; who would get it must then be looked at again.

    Raises Refused for a role that reads only, NotFound, Conflict for what was sent, BadInput naming what cannot be.
    """
    must_write(by)
    if wanted.language not in LANGUAGES:
        raise BadInput(f"an issue is not written in {wanted.language!r}", remedy=f"Choose {' or '.join(LANGUAGES)}.")
    if not 1 <= wanted.per_minute <= FASTEST:
        raise BadInput(f"{wanted.per_minute:,} a minute", remedy=f"Choose from 1 to {FASTEST:,}.")
    values: dict[str, Any] = {
        "title": " ".join(words(wanted.title, what="the title", at_most=TITLE).split()),
        "opening": words(wanted.opening, what="the opening", at_most=LONGEST),
        "items": _items(wanted.items, language=wanted.language),
        "language": wanted.language,
        "per_minute": wanted.per_minute,
        "not_before": wanted.not_before,
        "signer": wanted.signer or by,
        "changed_at": timezone.now(),
        "looked": {},
        "looked_at": None,
    }
    with transaction.atomic():
        if number is None:
            issue = Issue.objects.create(**values, made_by=by)
        else:
            issue = _draft(number)
            for name, value in values.items():
                setattr(issue, name, value)
            issue.save(update_fields=list(values))
        audit.record("issue.kept", actor=by, subject=f"issue:{issue.pk}", details={"items": len(issue.items)})
    return issue


def ask_look(number: int, *, by: User) -> Job:
    """Have it worked out who would get it. Raises Refused, NotFound, Conflict where it is no draft."""
    must_write(by)
    with transaction.atomic():
        _draft(number)
    return jobs.ask(LOOK, {"issue": number}, by=by)


def lacks(issue: Issue) -> str:
    """What keeps an issue from being sent, in a sentence; empty where nothing does."""
    if issue.state != IssueState.DRAFT.value:
        return f"This issue is {IssueState(issue.state).label}."
    if len(items_of(issue)) < AT_LEAST:
        return f"It holds fewer than {AT_LEAST} things worth reading."
    stopping = next((one for one in findings(issue) if one.stops), None)
    if stopping is not None:
        return str(stopping.tone.label)
    if issue.looked_at is None:
        return "Look first who would get it."
    if not issue.looked["counts"][Receipt.GETS.value]:
        return "Nobody would get it."
    return ""


def send(number: int, *, by: User) -> Job:
    """Put it into the outbox, by a worker. Raises Refused for who may not, NotFound, Conflict, BadInput."""
    _must_decide(by)
    with transaction.atomic():
        issue = _draft(number)
        lack = lacks(issue)
        if lack:
            raise BadInput(lack.rstrip("."), where=f"issue {number}", remedy="Mend it, then send it.")
        issue.state, issue.sent_at, issue.sent_by = IssueState.QUEUEING.value, timezone.now(), by
        issue.save(update_fields=["state", "sent_at", "sent_by"])
        audit.record("issue.sent", actor=by, subject=f"issue:{number}", details=issue.looked["counts"])
        return jobs.ask(SEND, {"issue": number}, by=by)


def go_on(number: int, *, by: User) -> Job:
    """Go on putting it into the outbox where a worker was lost for good. Raises Refused, NotFound, Conflict."""
    _must_decide(by)
    with transaction.atomic():
        issue = _locked(number)
        if issue.state != IssueState.QUEUEING.value:
            raise Conflict(
                f"issue {number} is {IssueState(issue.state).label}", remedy="Nothing is to be gone on with."
            )
    return jobs.ask(SEND, {"issue": number}, by=by)


def undo(number: int, *, by: User) -> Job:
    """Take back what is still waiting, by a worker. Raises Refused, NotFound, Conflict where nothing was sent."""
    _must_decide(by)
    with transaction.atomic():
        issue = _locked(number)
        if issue.state == IssueState.DRAFT.value:
            raise Conflict(f"issue {number} is {IssueState(issue.state).label}", remedy="Nothing is to be taken back.")
        issue.state = IssueState.UNDONE.value
        issue.save(update_fields=["state"])
        audit.record("issue.undone", actor=by, subject=f"issue:{number}", details={"queued": issue.queued})
        return jobs.ask(UNDO, {"issue": number}, by=by)


def fragment(issue: Issue, party: Party) -> tuple[str, list[ContentItem]]:
    """The same as clean HTML, for a frame; empty where they would get none."""
    words, items = preview(issue, party)
    return (html.fragment(words.text) if words else ""), items


def refused_by(rule: int | str) -> str:
    """What a rule says of it, by its word or by its code as a look keeps it."""
    said = RULES[rule] if isinstance(rule, int) else Rule(rule)
    return refusal_text(said, touch_class=TouchClass.CONTENT, channel=Channel.EMAIL)


def outcome(issue: Issue) -> dict[str, int] | None:
    """How many of its messages stand where; None where they are too many for a page to count."""
    if issue.queued > COUNTED:
        return None
    states = messages_of(issue.pk).values_list("state", flat=True)[: COUNTED + 1]
    found: dict[str, int] = {}
    for state in states:
        found[state] = found.get(state, 0) + 1
    return found


def findings(issue: Issue) -> list[Finding]:
    """What is wrong with its words, before anybody reads them."""
    text = text_of(issue, items_of(issue), name="Ana Weber", has_left=False, house=house_name())
    found = tone.findings(
        text, subject=issue.title, touch_class=TouchClass.CONTENT, signer=signer_of(issue), houses={house_name()} - {""}
    )
    if not signer_of(issue):  # a title above may look like a name
        found = [Finding(Tone.NO_NAME_BELOW, ""), *(one for one in found if one.tone is not Tone.NO_NAME_BELOW)]
    return found


def preview(issue: Issue, party: Party) -> tuple[Words | None, list[ContentItem]]:
    """(how a person would read it, None where fewer than two items fit; the items that fit them)."""
    at = timezone.now()
    mine, kinds = content.interests_of(party), content.kinds_of(party, on=at.date())
    theirs = [
        item for item in items_of(issue)
        if (not item.interests or mine & set(item.interests)) and (not item.kinds or kinds & set(item.kinds))
    ]  # fmt: skip
    left = Relationship.objects.filter(party=party, commercial=Commercial.ENDED.value).exists()
    if len(theirs) < AT_LEAST:
        return None, theirs
    return written(issue, party, theirs, house=house_name(), has_left=left), theirs


def _items(numbers: Sequence[int], *, language: str) -> list[int]:
    asked = list(dict.fromkeys(numbers))
    if len(asked) > AT_MOST:
        raise BadInput(f"{len(asked)} things are too many for one issue", remedy=f"Choose {AT_LEAST} to {AT_MOST}.")
    known = set(
        ContentItem.objects.filter(pk__in=asked, withdrawn_at=None, language=language).values_list("pk", flat=True)
    )
    if any(number not in known for number in asked):
        raise BadInput("one of the things chosen is not in the library any more", remedy="Choose from the list.")
    return asked


def _must_decide(by: User) -> None:
    if not by.may(Deed.SETTINGS):
        raise Refused("an issue is sent by who may change settings", rule="role", remedy="Ask a manager to send it.")


def _draft(number: int) -> Issue:
    issue = _locked(number)
    if issue.state != IssueState.DRAFT.value:
        raise Conflict(f"issue {number} is {IssueState(issue.state).label}", remedy="Write a new one.")
    return issue


def _locked(number: int) -> Issue:
    issue = Issue.objects.select_for_update(of=("self",)).select_related("signer").filter(pk=number).first()
    if issue is None:
        raise NotFound(f"there is no issue {number}", remedy="Look at the list again.")
    return issue


__all__ = [
    "AT_LEAST", "AT_MOST", "LANGUAGES", "LOOK", "SEND", "UNDO", "Wanted", "ask_look", "find", "findings", "fragment",
    "go_on",
    "items_of", "keep", "lacks", "outcome", "preview", "refused_by", "send", "undo",
]  # fmt: skip
