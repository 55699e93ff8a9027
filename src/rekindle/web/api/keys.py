"""Who asks: one key, sent with every request, and nothing a browser sends by itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from rekindle.accounts.models import ApiToken
from rekindle.errors import BadInput, Refused
from rekindle.web.api.limits import BUCKETS
from rekindle.web.api.problems import TooOften
from rekindle.workflows import api_tokens

_READING = frozenset({"GET", "HEAD"})


class Bearer(HttpBearer):
    """`Authorization: Bearer rk_...`.

    A request with cookies is refused even with a key: whatever a browser could be made to send never opens this door,
    which is why no request here needs a CSRF token.
    """

    def __call__(self, request: HttpRequest) -> Any | None:
        if "Authorization" in request.headers and request.COOKIES:
            raise BadInput("a key and cookies came together", remedy="Send the key without any cookie.")
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = api_tokens.holder(token)
        if found is None:
            return None
        wait = BUCKETS.take(found.pk)
        if wait:
            raise TooOften(wait)
        if found.reads_only and request.method not in _READING:
            raise Refused("this key only reads", rule="reads_only", remedy="Make one that acts under Settings, API.")
        return found


def token_of(request: HttpRequest) -> ApiToken:
    """The key behind a request that came this far."""
    token = getattr(request, "auth", None)
    if not isinstance(token, ApiToken):
        raise Refused("nobody has shown a key", rule="no_key")
    return token
