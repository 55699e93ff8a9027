"""Every "no" of the API in one shape (RFC 9457): what happened, where, and what to do about it.

{"title": "Not found", "status": 404, "detail": "there is no person 12", "where": "", "remedy": "Look them up ..."}
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from rekindle.errors import BadInput, Conflict, NotEnoughData, NotFound, Refused, RekindleError
from rekindle.workflows.deeds.given import bad_input
from rekindle.workflows.deeds.once import OfAnotherRequest, UnderWay

_log = logging.getLogger(__name__)

_TITLES = {
    HTTPStatus.BAD_REQUEST: "Bad input",
    HTTPStatus.UNAUTHORIZED: "No key",
    HTTPStatus.FORBIDDEN: "Refused",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not like that",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too much at once",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Another request",
    HTTPStatus.TOO_MANY_REQUESTS: "Too often",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here",
}


class TooOften(Exception):
    """A key asked more often than it may; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        self.wait = max(1, math.ceil(wait))
        super().__init__(f"wait {self.wait} s")


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    where: str = "",
    remedy: str = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    """One answer that says no. `more` are further facts, such as the rule that refused and until when."""
    document = {
        "title": _TITLES.get(status, status.phrase),
        "status": status.value,
        "detail": detail,
        "where": where,
        "remedy": remedy,
        **more,
    }
    return JsonResponse(document, status=status, content_type="application/problem+json", headers=dict(headers or {}))


def of_error(error: RekindleError) -> HttpResponse:
    """A named error as an answer; the same statuses as the pages give."""
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    match error:
        case NotFound():
            status = HTTPStatus.NOT_FOUND
        case Refused():
            status = HTTPStatus.FORBIDDEN
            more = {"rule": error.rule, "until": error.until.isoformat() if error.until else None}
        case OfAnotherRequest():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        case BadInput():
            status = HTTPStatus.BAD_REQUEST
        case UnderWay():
            status, headers = HTTPStatus.CONFLICT, {"Retry-After": "2"}
        case Conflict() | NotEnoughData():
            status = HTTPStatus.CONFLICT
        case _:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(status, error.what, where=error.where, remedy=error.remedy, headers=headers, **more)


def no_key() -> HttpResponse:
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "this door opens with a living API key only",
        remedy="Send the header Authorization: Bearer rk_... A key is made under Settings, API.",
        headers={"WWW-Authenticate": 'Bearer realm="Rekindle"'},
    )


def _of_reading(error: ValidationError) -> HttpResponse:
    """What did not read: a number in the address that is none is nobody's; everything else is bad input."""
    first = error.errors[0]
    place = list(first["loc"])
    if place and place[0] == "path":
        return problem(HTTPStatus.NOT_FOUND, "there is nothing at this address", remedy="Check the number.")
    # ("body", the parameter's own name, the field): people know the field only.
    kept = place[2:] if place and place[0] == "body" else place[1:]
    return of_error(bad_input([{**first, "loc": kept}]))


def _unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    number = secrets.token_hex(4)
    _log.error("API error %s at %s %s", number, request.method, request.path, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"an unforeseen error, number {number}",
        remedy="The log of the server has it under this number.",
    )


def answer_with_problems(api: NinjaAPI) -> None:
    """Teach the API to say no in this shape only."""
    nowhere = "there is nothing at this address"
    answers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        RekindleError: lambda _request, error: of_error(error),
        ValidationError: lambda _request, error: _of_reading(error),
        AuthenticationError: lambda _request, _error: no_key(),
        HttpError: lambda _request, error: problem(HTTPStatus(error.status_code), error.message),
        Http404: lambda _request, _error: problem(HTTPStatus.NOT_FOUND, nowhere),
        TooOften: lambda _request, error: _too_often(error),
        Exception: _unforeseen,
    }
    for kind, answer in answers.items():
        api.add_exception_handler(kind, answer)


def _too_often(error: TooOften) -> HttpResponse:
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "this key asked too often",
        remedy=f"Wait {error.wait} s.",
        headers={"Retry-After": str(error.wait)},
    )
