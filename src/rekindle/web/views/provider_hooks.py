"""The door for mail providers: what became of our mail, and mail that came in. Closed to whoever does not prove it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rekindle.errors import NotFound
from rekindle.workflows.inbound import provider as providers

RETRY_SECONDS: Final = "60"


@csrf_exempt  # no session stands behind it: a secret in its own address does, and a signature where there is one
@login_not_required
@require_http_methods(["POST", "HEAD"])
def arrive(request: HttpRequest, provider: str, *, is_mail: bool = False) -> HttpResponse:
    """One call; HEAD is how some providers ask whether somebody is there, and does nothing."""
    try:
        if request.method == "HEAD":
            providers.address(provider, is_mail=is_mail)
            return HttpResponse()
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > providers.MOST_BYTES:
            return _too_long()
        answer = providers.arrive(provider, request, is_mail=is_mail)
    except NotFound as error:
        raise Http404(str(error)) from error
    except RequestDataTooBig:
        return _too_long()
    except UnreadablePostError:
        return JsonResponse({"said": "The body broke off."}, status=HTTPStatus.BAD_REQUEST)
    except OperationalError:  # what was taken before is known when it comes again
        busy = JsonResponse({"said": "Busy; send it again."}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        busy.headers["Retry-After"] = RETRY_SECONDS
        return busy
    return JsonResponse({"said": answer.said}, status=answer.status)


def _too_long() -> JsonResponse:
    said = f"More than {providers.MOST_BYTES:,} bytes."
    return JsonResponse({"said": said}, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


urlpatterns: list[URLPattern] = [
    path("hooks/mail/<slug:provider>/", arrive, name="provider_hook"),
    path("hooks/mail/<slug:provider>/inbound/", arrive, {"is_mail": True}, name="provider_hook_inbound"),
]
