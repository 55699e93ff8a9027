"""The short link of a text message: on to the page that ends text messages. Looking changes nothing."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from rekindle.errors import NotFound
from rekindle.web.by_link import gone, kept_nowhere
from rekindle.workflows import text_links


@login_not_required
@require_safe
def text_stop(request: HttpRequest, token: str) -> HttpResponse:
    """On to their own page; a wrong link gets the one answer of all wrong links."""
    try:
        response: HttpResponse = redirect(text_links.page(token))
    except NotFound:
        response = gone(request)
    return kept_nowhere(response)


urlpatterns: list[URLPattern] = [path("p/t/<str:token>/", text_stop, name="text_stop")]
