"""The short link of a text message: on to the page that ends text messages. Looking changes nothing."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from rekindle.errors import NotFound
from rekindle.relationships.models import Brand
from rekindle.workflows import text_links


@login_not_required
@require_safe
def text_stop(request: HttpRequest, token: str) -> HttpResponse:
    """On to their own page; a wrong link gets the one answer of all wrong links."""
    try:
        response: HttpResponse = redirect(text_links.page(token))
    except NotFound:
        house = Brand.objects.order_by("id").values_list("name", flat=True).first() or _("Our house")
        response = render(request, "web/public_gone.html", {"house_name": house}, status=HTTPStatus.NOT_FOUND)
    add_never_cache_headers(response)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


urlpatterns: list[URLPattern] = [path("p/t/<str:token>/", text_stop, name="text_stop")]
