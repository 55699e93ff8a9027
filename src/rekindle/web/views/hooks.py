"""The door for other systems: one address a source, open to whoever signs. Says little to whoever does not."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from rekindle.workflows import webhooks

RETRY_SECONDS: Final = "60"


@csrf_exempt  # no session stands behind it: the signature over the body does
@login_not_required
@require_POST
def arrive(request: HttpRequest, slug: str) -> HttpResponse:
    """One delivery: what is signed is done before the answer; the answer says in a sentence what came of it."""
    too_long = JsonResponse(
        {"said": f"More than {webhooks.MOST_BYTES:,} bytes."}, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    )
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > webhooks.MOST_BYTES:
        return too_long
    try:
        body = request.read(webhooks.MOST_BYTES + 1)
    except UnreadablePostError:
        return JsonResponse({"said": "The body broke off."}, status=HTTPStatus.BAD_REQUEST)
    try:
        answer = webhooks.arrive(slug, headers=request.headers, body=body)
    except OperationalError:  # a load holds the books, or they restart: nothing was kept, so it must be sent again
        busy = JsonResponse({"said": "Busy; send it again."}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        busy.headers["Retry-After"] = RETRY_SECONDS
        return busy
    return JsonResponse({"said": answer.said}, status=answer.status)


urlpatterns: list[URLPattern] = [path("hooks/<slug:slug>/", arrive, name="hook")]
