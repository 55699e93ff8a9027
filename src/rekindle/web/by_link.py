"""Pages whose only key is a link: what all of them have in common, whoever opens them.

No cache keeps such a page, no address of it is told to anybody, and every wrong link gets the one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from rekindle.errors import NotFound
from rekindle.relationships.models import Brand
from rekindle.web import rate

View = Callable[..., HttpResponse]


class Held(Protocol):
    """What a link is about: a row of the books."""

    pk: Any


About = TypeVar("About", bound=Held)


def kept_nowhere(response: HttpResponse, *, referrer: str = "no-referrer") -> HttpResponse:
    """Nothing kept on the way, nothing told to whoever is linked to."""
    add_never_cache_headers(response)
    response.headers["Referrer-Policy"] = referrer
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def page(
    request: HttpRequest, name: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page with the name of the house."""
    house = Brand.objects.order_by("id").values_list("name", flat=True).first() or _("Our house")
    return render(request, name, {"house_name": house, **(context or {})}, status=status)


def gone(request: HttpRequest) -> HttpResponse:
    """The one answer to every link that leads nowhere."""
    return page(request, "web/public_gone.html", status=HTTPStatus.NOT_FOUND)


def busy(request: HttpRequest) -> HttpResponse:
    """The answer to whoever presses too often."""
    return page(request, "web/public_busy.html", status=HTTPStatus.TOO_MANY_REQUESTS)


def private(
    find: Callable[[str], About], *, presses: rate.Limit, language: Callable[[About], str]
) -> Callable[[View], View]:
    """A view of what a token leads to, in the language of the person, pressed no oftener than the limit allows.

    find  raises NotFound, the same for every kind of wrong token
    """

    def of(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, token: str, **given: Any) -> HttpResponse:
            try:
                about = find(token)
            except NotFound:
                about = None
            key = f"{about.pk}" if about else rate.address_of(request)
            if request.method == "POST" and not rate.may(presses if about else rate.ADDRESS, key):
                response = busy(request)
            elif about is None:
                response = gone(request)
            else:
                with translation.override(language(about)):
                    response = view(request, about, token=token, **given)
            return kept_nowhere(response)

        return answer

    return of
