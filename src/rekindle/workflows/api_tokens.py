"""Keys to the API: made by a member of staff for a program of theirs, in their name and with no more rights.

1. make    a random key, given once; only its hash is kept, and its beginning, so that people can tell keys apart
2. holder  whose key it is, asked with every request: an ended, revoked or disabled one opens nothing, at once
3. revoke  take a key back; its owner may, and whoever rules staff

Making and revoking are written into the audit trail.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Final

from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from rekindle.accounts.models import ApiToken, User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.workflows import audit

PREFIX: Final = "rk_"
SHOWN: Final = 12
"""Characters of a key that stay readable: the prefix and 54 of its 256 bits, enough to tell two apart."""

LONGEST_NAME: Final = 80
LASTS_DAYS: Final = (30, 90, 365)
"""What the page offers; a key that lasts longer than a year is a key nobody remembers. Our choice."""

AT_MOST: Final = 20
"""Living keys of one member of staff. More would be programs nobody keeps in view. Our choice."""

USED_EVERY: Final = timedelta(minutes=1)
"""The last use is written at most so often: a write a request would cost more than the minute is worth."""

_LONGEST_KEY: Final = 100


def make(*, name: str, reads_only: bool, lasts_days: int, by: User) -> tuple[str, ApiToken]:
    """(the key, its row) of a fresh key; the key itself is nowhere kept.

    Raises BadInput for a name or a length of life that will not do, Refused for a closed account, Conflict for a
    living key of that name or one too many.
    """
    name = " ".join(name.replace("\x00", "").split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise BadInput("the name is missing" if not name else f"the name has {len(name)} characters", where="name",
                       remedy=f"Say in up to {LONGEST_NAME} characters what it is for.")  # fmt: skip
    if not 1 <= lasts_days <= max(LASTS_DAYS):
        raise BadInput(f"a key for {lasts_days} days", where="how long", remedy=f"Give 1 to {max(LASTS_DAYS)} days.")
    key = PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        # The row of the account is locked, so that two at once cannot both be the twentieth.
        owner = User.objects.select_for_update().get(pk=by.pk)
        if not owner.is_active:
            raise Refused("this account is closed", rule="role")
        alive = living(owner)
        if alive.filter(name=name).exists():
            raise Conflict(f"you have a key called {name} already", remedy="Revoke that one first, or choose a name.")
        if alive.count() >= AT_MOST:
            raise Conflict(f"you have {AT_MOST} living keys", remedy="Revoke one that is not used any more.")
        token = ApiToken.objects.create(
            user=owner,
            name=name,
            token_hash=hash_of(key),
            starts_with=key[:SHOWN],
            reads_only=reads_only,
            made_at=now,
            expires_at=now + timedelta(days=lasts_days),
        )
        audit.record("token.made", actor=by, subject=f"token:{token.pk}",
                     details={"reads_only": reads_only, "days": lasts_days})  # fmt: skip
    return key, token


def holder(key: str) -> ApiToken | None:
    """The living token of that key, with its member of staff; None for any other text. Notes the use."""
    if not key.startswith(PREFIX) or len(key) > _LONGEST_KEY or not key.isascii():
        return None
    # Looked up by its hash: a comparison letter by letter, whose time would tell something, never happens.
    now = timezone.now()
    found = list(ApiToken.objects.select_related("user").filter(token_hash=hash_of(key)).order_by()[:1])
    token = found[0] if found else None
    if token is None or token.revoked_at is not None or token.expires_at <= now or not token.user.is_active:
        return None
    if token.last_used_at is None or now - token.last_used_at >= USED_EVERY:
        late = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        with suppress(OperationalError):  # a load holds the books for long: the minute is lost, the request is not
            ApiToken.objects.filter(late, pk=token.pk).update(last_used_at=now)
    return token


def revoke(token_id: int, *, by: User) -> ApiToken:
    """Take a key back for good; twice is once. Raises NotFound for somebody else's, unless `by` rules staff."""
    with transaction.atomic():
        tokens = ApiToken.objects.select_for_update(of=("self",)).select_related("user")
        token = tokens.filter(pk=token_id).first()
        if token is None or (token.user_id != by.pk and not by.may(Deed.STAFF)):
            raise NotFound(f"there is no key {token_id}", remedy="Look at the list again.")
        if token.revoked_at is None:
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            audit.record("token.revoked", actor=by, subject=f"token:{token.pk}")
    return token


def living(owner: User) -> QuerySet[ApiToken]:
    """Keys of one member of staff that open something now."""
    return ApiToken.objects.filter(user=owner, revoked_at=None, expires_at__gt=timezone.now())


def of(user: User) -> list[ApiToken]:
    """The keys a member of staff may see, newest first: their own, or everybody's for who rules staff."""
    tokens = ApiToken.objects.select_related("user").order_by("-id")
    return list(tokens if user.may(Deed.STAFF) else tokens.filter(user=user))


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
