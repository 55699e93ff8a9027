"""What holds for every page: headers, the limits of a session, the reader's time zone, named errors as sentences."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRefresh

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotEnoughData, NotFound, Refused, RekindleError

Answer = Callable[[HttpRequest], HttpResponseBase]

# Nothing of the device is asked for, by us or by anything that might slip into a page.
PERMISSIONS = ", ".join(
    f"{power}=()"
    for power in (
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "publickey-credentials-get",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
_BEGAN, _SEEN = "began_at", "seen_at"
_SEEN_EVERY = 300  # seconds; a write a request would cost more than five minutes of precision are worth


def permissions_policy(get_response: Answer) -> Answer:
    """Outermost: also static files and errors carry the header."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response

    return answer


def private_pages(get_response: Answer) -> Answer:
    """Pages with people's data stay out of every cache; signing out empties what the browser kept of them."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        was_signed_in = request.user.is_authenticated
        response = get_response(request)
        if was_signed_in or request.user.is_authenticated:
            add_never_cache_headers(response)
        if was_signed_in and not request.user.is_authenticated:
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    return answer


def whole_pages_after_the_session(get_response: Answer) -> Answer:
    """A part of a page asked for after the session ended loads the page again, instead of a sign-in form inside it."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_part = request.headers.get("HX-Request") == "true"
        target = response.headers.get("Location", "")
        if is_part and target.split("?")[0] == resolve_url(settings.LOGIN_URL):
            return HttpResponseClientRefresh()
        return response

    return answer


def session_limits(get_response: Answer) -> Answer:
    """Ends a session after SESSION_COOKIE_AGE without a sign of the person, or SESSION_LONGEST after its beginning."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = timezone.now().timestamp()
            began = request.session.setdefault(_BEGAN, now)
            seen = request.session.get(_SEEN, 0.0)
            if now - began > settings.SESSION_LONGEST or (seen and now - seen > settings.SESSION_COOKIE_AGE):
                logout(request)
            elif now - seen > _SEEN_EVERY:
                request.session[_SEEN] = now
        return get_response(request)

    return answer


def readers_zone(get_response: Answer) -> Answer:
    """Days and times are shown in the time zone of the one who reads."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            return get_response(request)
        try:
            zone = zoneinfo.ZoneInfo(user.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            zone = zoneinfo.ZoneInfo("UTC")  # a zone this machine does not know; Settings names the one in use
        with timezone.override(zone):
            return get_response(request)

    return answer


class NamedErrors:
    """A RekindleError that no view answered becomes a page with its sentence; anything else stays a 500."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page, or None to let any other error pass on."""
        if not isinstance(exception, RekindleError):
            return None
        return render(request, "web/named_error.html", {"error": exception}, status=_status_of(exception))


def _status_of(error: RekindleError) -> HTTPStatus:
    match error:
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case Refused():
            return HTTPStatus.FORBIDDEN
        case BadInput():
            return HTTPStatus.BAD_REQUEST
        case Conflict() | NotEnoughData():
            return HTTPStatus.CONFLICT
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR
