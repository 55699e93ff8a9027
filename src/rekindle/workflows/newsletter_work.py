"""What a worker does for an issue of the newsletter: look who would get it, put it down, take it back.

    look        everybody is asked about at once; counts and some names are kept with the issue
    queue       one message a person, a few in each transaction, spread in time
    take_back   what is still waiting is held back

Each is safe to repeat: a message has one key a person, and who has one is past.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act import html
from rekindle.errors import Conflict, NotFound, Refused
from rekindle.journal.models import ContentItem, Issue, IssueState, MessageState
from rekindle.relationships.models import Brand, Party, Relationship
from rekindle.relationships.vocabulary import Commercial, TouchClass
from rekindle.workflows import audit, content
from rekindle.workflows.newsletter_readers import RECEIPTS, Readers, Receipt, items_of, key_of, messages_of, readers_of
from rekindle.workflows.outbox import settle
from rekindle.workflows.outbox.put import Words, put
from rekindle.workflows.words.foot import with_foot

LOOK, SEND, UNDO = "issue_look", "issue_send", "issue_undo"
NAMES: Final = 50
"""People kept by name for each answer of a look."""
_BATCH: Final = 50
"""Messages put down in one transaction: short enough that nobody waits for it."""
FRAME: Final = {
    "en": ("Hello {name},",
           "You are no longer a customer of ours, and this is not an attempt to change that."),
    "de": ("Guten Tag {name},",
           "Sie sind nicht mehr Kunde bei uns, und dies soll daran nichts ändern."),
}  # fmt: skip

Progress = Callable[[str], None]


def find(number: int) -> Issue:
    """Raises NotFound."""
    found = Issue.objects.select_related("signer").filter(pk=number).first()
    if found is None:
        raise NotFound(f"there is no issue {number}", remedy="Look at the list again.")
    return found


def look(number: int, *, progress: Progress) -> None:
    """Work out who would get it now, and keep counts and some names."""
    issue = find(number)
    if issue.state != IssueState.DRAFT.value:
        return
    progress("asking who it fits, and what the rules say")
    at = timezone.now()
    found = readers_of(issue, items_of(issue), at=at)
    looked = {"counts": found.counts(), "rules": found.rules(), "names": _names(found)}
    # Only a look at what stands there now counts: the words may have been changed meanwhile.
    same = Issue.objects.filter(pk=number, state=IssueState.DRAFT.value, changed_at=issue.changed_at)
    same.update(looked=looked, looked_at=at)


def queue(number: int, *, progress: Progress) -> int:
    """Put down one message for each who gets it; gives how many there are now. Taken up again, it goes on.

    Each batch is put down under the lock of the issue: what is taken back meanwhile puts down nothing more.
    """
    issue = find(number)
    if issue.state != IssueState.QUEUEING.value:
        return int(issue.queued)
    items = items_of(issue)
    found = readers_of(issue, items, at=timezone.now())
    places: list[int] = found.those(Receipt.GETS).tolist()
    done: int = messages_of(number).count()
    begins = max(told for told in (issue.sent_at, issue.not_before) if told is not None)
    house = house_name()
    for start in range(0, len(places), _BATCH):
        progress(f"{done:,} of {done + len(places) - start:,} in the outbox")
        some = {int(found.parties[place]): int(found.mask[place]) for place in places[start : start + _BATCH]}
        with transaction.atomic():
            if Issue.objects.select_for_update().get(pk=number).state != IssueState.QUEUEING.value:
                return done
            for one in _addressed(some):
                theirs = [item for k, item in enumerate(items) if some[one.pk] >> k & 1]
                done += _put(issue, one, theirs, house=house, at=begins + timedelta(minutes=done / issue.per_minute))
            Issue.objects.filter(pk=number).update(queued=done)
    ended = Issue.objects.filter(pk=number, state=IssueState.QUEUEING.value).update(state=IssueState.QUEUED.value)
    if ended:
        audit.record("issue.queued", actor=issue.sent_by, subject=f"issue:{number}", details={"messages": done})
    return done


def take_back(number: int, *, by: User | None, progress: Progress) -> int:
    """Hold back every message of it that is still waiting; gives how many were. Who asked must still be known."""
    if by is None:
        raise Refused("nobody is named who takes it back", rule="role", remedy="Ask for it again.")
    held = 0
    while True:
        waiting = messages_of(number).filter(state=MessageState.QUEUED.value)
        numbers = list(waiting.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not numbers:
            return held
        with transaction.atomic():
            for message in numbers:
                try:
                    settle.cancel(message, by=by)
                    held += 1
                except Conflict:  # it went in this very instant
                    continue
        progress(f"{held:,} held back")


def written(issue: Issue, party: Party, items: Sequence[ContentItem], *, house: str, has_left: bool = False) -> Words:
    """An issue as one person reads it: their items, and what belongs below every letter. house: the name of ours."""
    text = text_of(issue, items, name=party.name, has_left=has_left, house=house)
    whole = with_foot(party, text, touch_class=TouchClass.CONTENT, language=issue.language)
    return Words(issue.title, whole, html=html.page(whole, language=issue.language), content=content.content_of(*items))


def text_of(issue: Issue, items: Sequence[ContentItem], *, name: str, has_left: bool, house: str) -> str:
    greeting, acknowledged = FRAME[issue.language]
    parts = [greeting.format(name=name), *([acknowledged] if has_left else []), issue.opening.strip()]
    parts += [content.as_text(item) for item in items]
    return "\n\n".join([*parts, "\n".join(line for line in (signer_of(issue), house) if line)]) + "\n"


def signer_of(issue: Issue) -> str:
    return issue.signer.name if issue.signer else ""


def house_name() -> str:
    return Brand.objects.order_by("pk").values_list("name", flat=True).first() or ""


def _put(issue: Issue, party: Party, items: Sequence[ContentItem], *, house: str, at: datetime) -> int:
    """1 where the message stands in the outbox; 0 where they have no address any more or no name."""
    if not party.name:
        return 0
    mine = content.interests_of(party)
    shared = sorted({word for item in items for word in item.interests} & mine)
    chosen = {
        "sender": {"is": signer_of(issue), "because": "signs this issue"},
        "words": {"is": f"issue {issue.pk}, {issue.language}", "because": "their language"},
        "reading": {
            "is": ", ".join(item.title for item in items),
            "because": f"about {', '.join(shared)}, which is theirs, and new to them" if shared
            else "for everybody, and new to them",
        },
    }  # fmt: skip
    has_left = bool(party.has_left)  # type: ignore[attr-defined]  # asked for with the party
    try:
        put(
            party, written(issue, party, items, house=house, has_left=has_left), key=key_of(issue.pk, party.pk),
            touch_class=TouchClass.CONTENT, made_by=f"issue:{issue.pk}", not_before=at, by=issue.sent_by, chosen=chosen,
        )  # fmt: skip
    except NotFound:
        return 0
    return 1


def _addressed(masks: dict[int, int]) -> list[Party]:
    """Those people, in the order of their numbers, with whether their relationship is over."""
    over = Relationship.objects.filter(party=OuterRef("pk"), commercial=Commercial.ENDED.value)
    return list(Party.objects.filter(pk__in=list(masks)).annotate(has_left=Exists(over)).order_by("pk"))


def _names(found: Readers) -> dict[str, list[list[Any]]]:
    """For each answer the first people it is true of: number, items that fit, rule."""
    return {
        receipt.value: [
            [int(found.parties[place]), int(found.mask[place]).bit_count(), int(found.rule[place])]
            for place in found.those(receipt)[:NAMES]
        ]
        for receipt in RECEIPTS
    }
