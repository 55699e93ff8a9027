"""Other systems that may tell us things: sources with their secrets, and the door they knock at.

`arrive`, for one delivery:

1. the source by its slug: none, or closed, goes no further;
2. at most 1 MiB; signed with one of its two secrets, over the raw bytes, by a clock near ours;
3. read (`hooks`): whatever the bytes are, something comes of it, if only "not understood";
4. in one transaction, the source's row locked: the delivery's own number is taken, once and for good; what it says is
   done (`hook_deeds`); what happened is on the disk before the answer. A number taken before is answered and has no
   second effect;
5. where it told whose number somebody's is, what waited for that number is taken too.

Nothing of the body is kept in the books but its hash and a sentence about what became of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import WebhookDelivery, WebhookSource
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.workflows import audit, hook_deeds, hook_people, hook_waiting, sealed
from rekindle.workflows.hooks import fields, plain, shopify, signatures, stripe
from rekindle.workflows.hooks.told import Heard

MOST_BYTES: Final = 2**20
LET_GO_AFTER: Final = timedelta(days=14)
"""The books may say otherwise because a night has not read a return yet, or a person has not corrected a day yet.
After two weeks what they say stands, and the delivery keeps its sentence. Our choice."""
SHORTEST_SECRET: Final = 16
LONGEST_SECRET: Final = 200
_SLUG: Final = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$")
_TAKEN: Final = frozenset({"main", "staff", "presumed"})
"""Words that name where other facts came from; a source called so would be mistaken for it."""


@dataclass(frozen=True)
class Answer:
    """What the other system hears."""

    status: HTTPStatus
    said: str


@dataclass(frozen=True)
class Opened:
    """A source and the secret it signs with from now on, in clear for this once."""

    source: WebhookSource
    secret: str


def make(slug: str, *, shape: WebhookShape, by: User, secret: str = "") -> Opened:
    """Let one more system speak. Without a secret of its own, one is made.

    slug    lower-case letters, digits and dashes; also the `source` under which loads know its customers' numbers
    Raises Refused for a role that may not, BadInput for a slug or secret that cannot be, Conflict for a slug in use.
    """
    _may(by)
    slug = slug.strip()
    if not _SLUG.match(slug) or slug in _TAKEN:
        raise BadInput(
            f"{slug[:60]!r} cannot be a short name", where="slug",
            remedy="Use 1 to 48 lower-case letters, digits and dashes, like shop or till-2.",
        )  # fmt: skip
    secret = _secret(secret)
    with transaction.atomic():
        source, is_new = WebhookSource.objects.get_or_create(
            slug=slug, defaults={"shape": shape.value, "secret": sealed.seal(secret), "made_by": by}
        )
        if not is_new:
            raise Conflict(f"{slug} is in use", where="slug", remedy="Choose another short name.")
        audit.record("webhook.made", actor=by, subject=f"hook:{source.pk}", details={"shape": shape.value})
    return Opened(source, secret)


def rotate(source_id: int, *, by: User, secret: str = "") -> Opened:
    """Agree on a new secret; the one before still opens until `end_old_secret`. One older than that no longer does."""
    _may(by)
    secret = _secret(secret)
    with transaction.atomic():
        source = _open(source_id)
        source.old_secret, source.secret = source.secret, sealed.seal(secret)
        source.save(update_fields=["secret", "old_secret"])
        audit.record("webhook.secret_changed", actor=by, subject=f"hook:{source.pk}")
    return Opened(source, secret)


def end_old_secret(source_id: int, *, by: User) -> WebhookSource:
    """From now on only the new secret opens. Where there is no old one, nothing changes."""
    _may(by)
    with transaction.atomic():
        source = _open(source_id)
        if source.old_secret:
            source.old_secret = ""
            source.save(update_fields=["old_secret"])
            audit.record("webhook.old_secret_ended", actor=by, subject=f"hook:{source.pk}")
    return source


def close(source_id: int, *, by: User) -> WebhookSource:
    """Let it speak no more. What it told stays."""
    _may(by)
    with transaction.atomic():
        source = _locked(source_id)
        if source.closed_at is None:
            source.closed_at = timezone.now()
            source.save(update_fields=["closed_at"])
            audit.record("webhook.closed", actor=by, subject=f"hook:{source.pk}")
    return source


def arrive(slug: str, *, headers: Mapping[str, str], body: bytes, at: datetime | None = None) -> Answer:
    """All five steps for one delivery.

    headers   as they came; letter case does not matter
    at        now, None: by our clock
    """
    now, named = at or timezone.now(), {name.lower(): value for name, value in headers.items()}
    source = WebhookSource.objects.filter(slug=slug).first()
    if source is None:
        return Answer(HTTPStatus.NOT_FOUND, "Nothing listens here.")
    if source.closed_at is not None:
        return Answer(HTTPStatus.GONE, "This source was closed; nothing is taken any more.")
    if len(body) > MOST_BYTES:
        return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {MOST_BYTES:,} bytes.")
    shape = WebhookShape(source.shape)
    try:
        opens = [sealed.unseal(text) for text in (source.secret, source.old_secret) if text]
        signatures.check(shape, secrets=opens, headers=named, body=body, at=now)
    except Refused as error:
        return Answer(HTTPStatus.UNAUTHORIZED, str(error))
    heard = _read(shape, body, headers=named, at=now)
    with transaction.atomic():
        source = _locked(source.pk)
        delivery, is_news = WebhookDelivery.objects.get_or_create(
            source=source,
            number=heard.number,
            defaults={"kind": heard.kind, "body_hash": hashlib.sha256(body).hexdigest(), "received_at": now},
        )
        if not is_news:
            return Answer(HTTPStatus.OK, "Told before; nothing changed.")
        _note(delivery, hook_deeds.take(heard, delivery=delivery, source=source))
    settle_held(source, heard=heard)
    return Answer(HTTPStatus.OK if heard.is_understood else HTTPStatus.ACCEPTED, delivery.outcome)


def settle_held(source: WebhookSource, *, heard: Heard | None = None) -> int:
    """Take what was held, now that a number is known or the books have changed; gives how many are settled by it.

    heard  the delivery that told whose number it is: only what is held for it is looked at; None: all of the source
    """
    if heard is not None and not (heard.who.introduces and heard.who.number):
        return 0
    settled = 0
    for one in hook_waiting.waiting(source=source, named=heard.who.number if heard else "", is_held=True):
        if hook_people.find(one.heard.who, source=source) is None:
            continue
        with transaction.atomic():
            locked = _locked(source.pk)
            delivery = WebhookDelivery.objects.filter(pk=one.delivery, source=locked).first()
            if delivery is not None:
                _note(delivery, hook_deeds.take(one.heard, delivery=delivery, source=locked))
        # Only now that the books have it. Without its delivery, the source was taken out of the books.
        if delivery is None or delivery.is_done or timezone.now() - delivery.received_at > LET_GO_AFTER:
            one.remove()
        settled += delivery is not None and delivery.is_done
    return settled


def _read(shape: WebhookShape, body: bytes, *, headers: Mapping[str, str], at: datetime) -> Heard:
    match shape:
        case WebhookShape.STRIPE:
            heard = stripe.read(body)
        case WebhookShape.SHOPIFY:
            heard = shopify.read(body, headers=headers, at=at)
        case WebhookShape.PLAIN:
            heard = plain.read(body, headers=headers, at=at)
    return replace(heard, number=heard.number or fields.by_content(body))


def _note(delivery: WebhookDelivery, outcome: hook_deeds.Outcome) -> None:
    said = outcome.said
    delivery.outcome = said if len(said) <= hook_deeds.LONGEST_OUTCOME else f"{said[: hook_deeds.LONGEST_OUTCOME - 1]}…"
    delivery.is_done, delivery.breakup = outcome.is_done, outcome.breakup
    delivery.save(update_fields=["outcome", "is_done", "breakup"])


def _secret(given: str) -> str:
    given = given.strip()
    if not given:
        return f"rk_{secrets.token_urlsafe(32)}"
    if not SHORTEST_SECRET <= len(given) <= LONGEST_SECRET or not given.isascii() or not given.isprintable():
        raise BadInput(
            f"the secret has {len(given)} characters or odd ones", where="secret",
            remedy=f"Give {SHORTEST_SECRET} to {LONGEST_SECRET} plain characters, as the other system shows them.",
        )  # fmt: skip
    return given


def _may(by: User) -> None:
    if not by.may(Deed.SETTINGS):
        raise Refused("your role may not change settings", rule="role", remedy="Ask an owner or a manager.")


def _open(source_id: int) -> WebhookSource:
    source = _locked(source_id)
    if source.closed_at is not None:
        raise Conflict(f"{source.slug} is closed", remedy="Make a new source.")
    return source


def _locked(source_id: int) -> WebhookSource:
    """The source, its row held: deliveries of one source follow one another."""
    rows = WebhookSource.objects.select_for_update(of=("self",)).select_related("made_by")
    source = rows.filter(pk=source_id).first()
    if source is None:
        raise NotFound(f"no source {source_id}", remedy="Look at Settings, Webhooks.")
    return source
