"""Who asks: one key, sent with every request, and nothing a browser sends by itself."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from ninja.security import HttpBearer

from rekindle.accounts.models import ApiToken
from rekindle.errors import BadInput, Refused
from rekindle.web.api.limits import BUCKETS, TELLING
from rekindle.web.api.problems import TooOften
from rekindle.workflows import api_tokens

IN_PASSING: Final = "respond-async"
"""The preference (RFC 7240) of a sender who does not wait until events are in the history."""

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
        wait = (TELLING if is_told_in_passing(request) else BUCKETS).take(found.pk)
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


def is_told_in_passing(request: HttpRequest) -> bool:
    """Whether events are told by somebody who does not wait until they are in the history."""
    if request.method != "POST" or not request.path.endswith("/api/v1/events"):
        return False
    preferred = request.headers.get("Prefer", "").lower().split(",")
    return IN_PASSING in {one.split(";")[0].strip() for one in preferred}
