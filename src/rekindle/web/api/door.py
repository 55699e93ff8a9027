"""The API under /api/v1, and the page that describes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.parser import Parser

from rekindle.web.api import limits
from rekindle.web.api.acts import acting, events_in
from rekindle.web.api.keys import Bearer
from rekindle.web.api.problems import answer_with_problems, problem
from rekindle.web.api.reads import router as reading
from rekindle.web.gate import staff
from rekindle.workflows import deeds
from rekindle.workflows.deeds.batch import Batch, Event
from rekindle.workflows.deeds.given import Given, kind_of, parsed
from rekindle.workflows.deeds.once import KEPT

LONGEST_BODY: Final = 1_048_576
"""Bytes of one request: a thousand events of a kilobyte each."""

_ROOT: Final = "/api/v1"


class _Strict(Parser):
    """JSON as the deeds want it: nothing twice, nothing that is no number."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return parsed(request.body)


api = NinjaAPI(
    title="Rekindle",
    version="1",
    description="People, their relationship with a business, its end and what comes after.",
    auth=Bearer(),
    parser=_Strict(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
api.add_router("", events_in)  # asked most often: found first
api.add_router("", reading)
api.add_router("", acting)
answer_with_problems(api)


def _guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """One operation with what holds for all: a limit on the body, no cache, and every "no" in one shape."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if _length(request) > LONGEST_BODY:
            response = problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a request has up to {LONGEST_BODY:,} bytes",
                remedy="Send it in parts.",
            )
        else:
            response = view(request, *args, **named)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = response.headers["Allow"]
            response = problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{request.method} means nothing here",
                remedy=f"Allowed: {allowed}.",
                headers={"Allow": allowed},
            )
        response.headers["Cache-Control"] = "no-store"
        return response

    # The key is asked for by the API itself; no session opens this door, so there is nothing a forged form could use.
    return csrf_exempt(login_not_required(answer))


def _length(request: HttpRequest) -> int:
    """Bytes of the body as its sender says; what is no number has no body (Django reads it so, too)."""
    said = request.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0


def nothing(request: HttpRequest, rest: str) -> HttpResponse:  # noqa: ARG001
    """Any other address under /api/v1."""
    return problem(HTTPStatus.NOT_FOUND, "there is nothing at this address", remedy="GET /api/docs, signed in.")


@login_required
@require_GET
def schema(request: HttpRequest) -> HttpResponse:
    """The whole interface as OpenAPI."""
    staff(request)
    return JsonResponse(api.get_openapi_schema(path_prefix=f"{_ROOT}/"), json_dumps_params={"indent": 2})


@login_required
@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """The same for people, in one page without any script."""
    user = staff(request)
    described = api.get_openapi_schema(path_prefix=f"{_ROOT}/")["paths"]
    reads = [_read(address, found["get"]) for address, found in described.items() if "get" in found]
    verbs = [
        {
            "name": verb.name,
            "summary": verb.summary,
            "address": f"{_ROOT}/deeds/{verb.name}",
            "needs": verb.needs.label,
            "is_personal": verb.is_personal,
            "you_may": user.may(verb.needs),
            "fields": _fields(verb.given),
        }
        for verb in deeds.TABLE.values()
    ]
    context = {
        "reads": reads,
        "verbs": verbs,
        "batch": _fields(Batch),
        "event": _fields(Event),
        "root": request.build_absolute_uri(_ROOT),
        "per_second": int(limits.PER_SECOND),
        "burst": limits.BURST,
        "tellings": int(limits.TELLINGS_PER_SECOND),
        "longest": LONGEST_BODY,
        "kept_days": KEPT.days,
    }
    return render(request, "web/api_docs.html", context)


def _read(address: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": address,
        "summary": found["summary"].replace("`", ""),
        "parameters": [
            {"name": one["name"], "is_needed": one["required"], "said": one.get("description", "").replace("`", "")}
            for one in found.get("parameters", [])
        ],
    }


def _fields(model: type[Given]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "is_needed": field.is_required(),
            "kind": "list of events" if name == "events" else kind_of(model, name).replace("`", ""),
            "said": (field.description or "").replace("`", ""),
        }
        for name, field in model.model_fields.items()
    ]


def _patterns() -> list[URLPattern]:
    """The API's own addresses under ours, each guarded."""
    found, _app, _namespace = api.urls
    return [
        path(f"{_ROOT.strip('/')}/{one.pattern}", _guarded(one.callback), name=f"api_{number}")
        for number, one in enumerate(found)
        if isinstance(one, URLPattern) and one.name != "api-root"
    ]


urlpatterns: list[URLPattern] = [
    path("api/docs", docs, name="api_docs"),
    path("api/openapi.json", schema, name="api_schema"),
    *_patterns(),
    path("api/v1/<path:rest>", _guarded(nothing), name="api_nothing"),
]
