"""One effect a key: a request that is sent again gets the answer it got, and does nothing a second time.

1. keep the key with a hash of the request, in a transaction of its own: of two at once one gets it; keys older than
   seven days go;
2. a key that is known: another request is refused, a finished one is answered again, one under way is to be waited
   for, one whose process died is taken over after five minutes;
3. do the work and keep the answer in one transaction, so that there is never an effect without its answer. Work that
   commits by itself (`together=False`: it writes files or history) keeps its answer right after; it is itself made to
   change nothing when it is repeated;
4. refused work leaves no key: it had no effect, and the same key may be tried again.

An answer that is kept holds numbers and words of the vocabulary, never anybody's own words: it must not outlive a
person who is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import IdempotencyKey

KEPT: Final = timedelta(days=7)
LONGEST_KEY: Final = 200

GONE_AFTER: Final = timedelta(minutes=5)
"""Nothing that a request does takes so long: whoever held the key died. Our choice."""

_SWEPT_AT_ONCE: Final = 200


class OfAnotherRequest(BadInput):
    """The key was used for another request."""


class UnderWay(Conflict):
    """The same request is being done at this moment."""


@dataclass(frozen=True)
class Answer:
    """What was answered; `is_repeated`: it was kept from an earlier time."""

    document: dict[str, Any]
    is_repeated: bool


def once(key: str, *, by: User, request: bytes, work: Callable[[], dict[str, Any]], together: bool = True) -> Answer:
    """The answer to one request, its work done at most once a key.

    key      what the sender chose: 1 to 200 printable ASCII characters
    request  what makes it the same request: method, path and body
    Raises BadInput for a key that is none, OfAnotherRequest, UnderWay, and what the work raises.
    """
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadInput(
            f"an idempotency key has 1 to {LONGEST_KEY} printable ASCII characters",
            where="Idempotency-Key",
            remedy="A random UUID is a good one.",
        )
    fingerprint = salted_hmac("rekindle.idempotency", request, algorithm="sha256").hexdigest()
    claim = _claim(key, by=by, fingerprint=fingerprint)
    if isinstance(claim, Answer):
        return claim
    try:
        if together:
            with transaction.atomic():
                document = work()
                _keep(claim, document)
        else:
            document = work()
            _keep(claim, document)
    except BaseException:
        # Whatever went wrong, the work was rolled back or says itself what it did; the key must not lock its owner out.
        IdempotencyKey.objects.filter(pk=claim.pk, at=claim.at, status=None).delete()
        raise
    return Answer(document, is_repeated=False)


@dataclass(frozen=True)
class _Claim:
    pk: int
    at: datetime


def _claim(key: str, *, by: User, fingerprint: str) -> _Claim | Answer:
    now = timezone.now()
    _sweep(now)
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(user=by, key=key, request_hash=fingerprint, at=now)
        return _Claim(row.pk, row.at)
    except IntegrityError:
        pass  # the key is known: what becomes of it is asked below
    known = IdempotencyKey.objects.filter(user=by, key=key).first()
    busy = UnderWay("this very request is being done", where=key, remedy="Ask again in a moment, with the same key.")
    if known is None:
        raise busy  # its work was refused just now
    if known.request_hash != fingerprint:
        raise OfAnotherRequest(
            "this key was used for another request",
            where="Idempotency-Key",
            remedy="Take a fresh key for each request.",
        )
    if known.status is not None:
        return Answer(json.loads(known.answer), is_repeated=True)
    # Compare and set: of two that find a dead one's key, one takes it over.
    dead = IdempotencyKey.objects.filter(pk=known.pk, at=known.at, status=None)
    if now - known.at < GONE_AFTER or not dead.update(at=now):
        raise busy
    return _Claim(known.pk, now)


def _keep(claim: _Claim, document: dict[str, Any]) -> None:
    """Keep the answer, unless somebody took the key over: then this transaction must not stand beside theirs."""
    mine = IdempotencyKey.objects.filter(pk=claim.pk, at=claim.at, status=None)
    if not mine.update(status=200, answer=json.dumps(document, ensure_ascii=False)):
        raise UnderWay("this request took too long and was begun anew", remedy="Ask again, with the same key.")


def _sweep(now: datetime) -> None:
    old = list(IdempotencyKey.objects.filter(at__lt=now - KEPT).values_list("pk", flat=True)[:_SWEPT_AT_ONCE])
    if old:
        IdempotencyKey.objects.filter(pk__in=old).delete()
