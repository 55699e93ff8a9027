"""A link of a content letter: leads where the letter said, and nowhere else."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.encoding import iri_to_uri
from django.views.decorators.http import require_safe

from rekindle.errors import NotFound
from rekindle.web.by_link import gone, kept_nowhere
from rekindle.workflows import click_links


@login_not_required
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """One visit: written down, judged, and on its way; a wrong link gets the one answer of all wrong links."""
    try:
        url = click_links.opened(
            token,
            method=request.method or "",
            agent=request.headers.get("User-Agent", ""),
            languages=request.headers.get("Accept-Language", ""),
        )
    except NotFound:
        response = gone(request)
    else:
        # Not HttpResponseRedirect: the address was taken from the letter, http and https only, as it was written.
        response = HttpResponse(status=HTTPStatus.FOUND)
        response.headers["Location"] = iri_to_uri(url)
    return kept_nowhere(response)


urlpatterns: list[URLPattern] = [path("p/c/<str:token>/", click, name="click")]
