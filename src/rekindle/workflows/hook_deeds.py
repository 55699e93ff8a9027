"""What becomes of one delivery in the books. Runs inside its transaction, under the lock of its source.

1. what is not understood, or of no interest, is said to be so and changes nothing;
2. a request about their data becomes a request of ours with a day it is due; a wish never to be written to again is
   kept at once, whether we know the person or not;
3. whoever it is about is found or made (`hook_people`); a bare number nobody has waits on the disk;
4. what it says of their contracts becomes ends, corrections and withdrawals (`hook_ends`);
5. what happened waits on the disk for the history (`hook_waiting`), which `hook_gather` fills.

Doing it again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed, Role
from rekindle.errors import Conflict
from rekindle.journal.models import WebhookDelivery, WebhookSource
from rekindle.relationships.models import DataRequest, Party, Suppression, suppression_hash
from rekindle.relationships.vocabulary import EventKind, IdentityKind, RequestKind
from rekindle.workflows import audit, hook_ends, hook_people, hook_waiting, suppress
from rekindle.workflows.brand import the_brand
from rekindle.workflows.hook_waiting import Waiting
from rekindle.workflows.hooks.told import Happened, Heard, Leaving

REQUEST_DAYS: Final = 30
"""Shopify wants its privacy requests completed within 30 days; the GDPR's one month is no shorter (article 12.3)."""
LONGEST_OUTCOME: Final = 400


@dataclass(frozen=True)
class Outcome:
    """A sentence for people, without anybody's words; the end it told, whether anything of it still waits."""

    said: str
    breakup: int | None = None
    is_done: bool = True


def take(heard: Heard, *, delivery: WebhookDelivery, source: WebhookSource) -> Outcome:
    """All five steps. Raises Conflict where nobody is left in whose name it could be done."""
    if not heard.is_understood:
        return Outcome(f"Not understood: {heard.aside}. Nothing changed.")
    if heard.aside:
        return Outcome(f"Nothing to keep: {heard.aside}.")
    if heard.is_about_everybody:
        return _asked(heard, None, delivery=delivery, source=source)
    heard = replace(heard, who=hook_people.normal(heard.who))
    if heard.suppress:
        return _suppressed(heard, source=source)
    if heard.request is not None:
        return _asked(heard, hook_people.find(heard.who, source=source), delivery=delivery, source=source)
    if heard.who.is_nobody and heard.events and all(event.order for event in heard.events):
        _keep(heard, delivery=delivery, source=source)
        return Outcome("Money given back; it goes to whoever placed the order.")
    found = hook_people.find_or_make(heard.who, source=source)
    if found.relationship is None:
        if found.is_waiting:
            _keep(heard, delivery=delivery, source=source, is_held=True)
        return Outcome(found.why, is_done=not found.is_waiting)
    return _taken(heard, found, delivery=delivery, source=source)


def _taken(heard: Heard, found: hook_people.Found, *, delivery: WebhookDelivery, source: WebhookSource) -> Outcome:
    """Steps 4 and 5 for somebody we know."""
    if found.relationship is None:
        raise Conflict("nobody is known", where=f"delivery {delivery.pk}")
    said = ["Somebody new."] if found.is_new else []
    events, end, is_settled = heard.events, None, True
    if heard.steps:
        done = hook_ends.tell(
            found.relationship, heard.steps, leaving=heard.leaving, source=source, by=acting(source),
            named=hook_waiting.named_by(heard.who),
        )  # fmt: skip
        said.append(done.said)
        events += tuple(_returned(at, source=source, heard=heard) for at in done.returns)
        end, is_settled = done.breakup, done.is_settled
    if not is_settled:
        _keep(heard, delivery=delivery, source=source, is_held=True)
    if events:
        _keep(replace(heard, events=events), delivery=delivery, source=source)
        kinds = sorted({event.kind.replace("_", " ") for event in events})
        said.append(f"Kept for the history: {', '.join(kinds)}.")
    return Outcome(" ".join(said) or "Known already.", end.pk if end else None, is_settled)


def acting(source: WebhookSource) -> User:
    """In whose name it is done: whoever made the source, while they work here and may; else an owner.

    Raises Conflict where there is neither.
    """
    maker = source.made_by
    if maker is not None and maker.is_active and maker.may(Deed.ANSWER_TASKS):
        return maker
    owner = User.objects.filter(role=Role.OWNER.value, is_active=True).order_by("pk").first()
    if owner is None:
        raise Conflict("no owner is left in whose name this could be done", remedy="Set an owner up first.")
    return owner


def received_on(delivery: WebhookDelivery) -> date:
    """The business's own day on which it came."""
    return delivery.received_at.astimezone(ZoneInfo(the_brand().time_zone)).date()


def _keep(heard: Heard, *, delivery: WebhookDelivery, source: WebhookSource, is_held: bool = False) -> None:
    """Events only, or all of it where nothing of it is in the books yet."""
    kept = heard if is_held else replace(heard, steps=(), leaving=Leaving())
    hook_waiting.keep(Waiting(source.pk, delivery.pk, received_on(delivery), kept, is_held), source=source)


def _returned(at: datetime, *, source: WebhookSource, heard: Heard) -> Happened:
    whom = hook_ends.digest(source, hook_waiting.named_by(heard.who).lower())
    return Happened(f"returned:{whom}:{at.isoformat()}", EventKind.RETURNED.value, at)


def _suppressed(heard: Heard, *, source: WebhookSource) -> Outcome:
    who, tag = heard.who, hook_ends.source_of(source)
    party = hook_people.find(who, source=source)
    keys = [
        (IdentityKind.EXTERNAL, who.number), (IdentityKind.EMAIL, who.email.lower()), (IdentityKind.PHONE, who.phone)
    ]  # fmt: skip
    Suppression.objects.bulk_create(
        [
            Suppression(
                kind=kind.value, key_hash=suppression_hash(kind, value, source=source.slug), reason=heard.suppress,
                source=tag,
            )
            for kind, value in keys
            if value
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    if party is None:
        audit.record("address.suppressed", actor=acting(source), details={"source": tag})
        return Outcome("On the never-again list; we know nobody there.")
    suppress.suppress(party, reason=heard.suppress, source=tag, by=acting(source))
    return Outcome("On the never-again list, under every address we have.")


def _asked(heard: Heard, party: Party | None, *, delivery: WebhookDelivery, source: WebhookSource) -> Outcome:
    """A request about data. Where nobody is known there is nothing to show, and what waited for them goes."""
    kind = heard.request or RequestKind.ACCESS
    if party is None and not heard.is_about_everybody:
        if kind is RequestKind.ERASURE:
            for one in hook_waiting.waiting(source=source, named=hook_waiting.named_by(heard.who)):
                one.remove()
        return Outcome("A request about somebody we do not know: there is nothing to show or to erase.")
    asked_at = delivery.received_at
    words = f"{source.slug} was disconnected: everybody it told us of" if heard.is_about_everybody else ""
    request = DataRequest.objects.create(
        party=party, kind=kind.value, via=hook_ends.source_of(source)[:40], words=words, asked_at=asked_at,
        due_on=asked_at.date() + timedelta(days=REQUEST_DAYS),
    )  # fmt: skip
    audit.record(
        "request.received",
        actor=None,
        subject=f"request:{request.pk}",
        details={"kind": kind.value, "via": request.via},
    )
    return Outcome(f"A request {kind.label}, due on {request.due_on.isoformat()}.")
