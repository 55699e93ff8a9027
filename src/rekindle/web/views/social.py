"""Where somebody is heard: a part of the person's page, and a page by itself; and whether each of us still speaks with
those who left. GET asks, POST acts and goes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput
from rekindle.relationships.models import Feed, Party, SocialHandle, Tie
from rekindle.web.acts import Act, View, writes
from rekindle.web.gate import staff, wants_part
from rekindle.web.given import day as given_day
from rekindle.web.given import number as given_number
from rekindle.web.given import party as given_party
from rekindle.workflows.social import feeds, handles, rates, ties
from rekindle.workflows.social.heard import heard_of

NETWORKS: Final = ("Mastodon", "Instagram", "LinkedIn", "YouTube", "TikTok", "Facebook", "Bluesky", "Strava", "X")
"""Offered while typing; any other may be written."""


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """Accounts, feeds, what they published, and who of us is connected with them; htmx gets the part only."""
    user = staff(request)
    party = get_object_or_404(Party, pk=party_id)
    context: dict[str, Any] = {
        "party": party,
        "heard": heard_of(party, at=timezone.now()),
        "networks": NETWORKS,
        "may": user.may(Deed.ANSWER_TASKS),
        "least_days": rates.LEAST_DAYS,
    }
    return render(request, "web/social_person.html" if wants_part(request) else "web/social_person_page.html", context)


@login_required
@require_GET
def everybody(request: HttpRequest) -> HttpResponse:
    """What each of us does by social media before an end and after it."""
    staff(request)
    rows = rates.of_staff(at=timezone.now())
    return render(request, "web/social.html", {"rows": rows, "least_days": rates.LEAST_DAYS})


_NAMED: Final[Mapping[str, type[Model]]] = {
    "party_id": Party,
    "handle_id": SocialHandle,
    "feed_id": Feed,
    "tie_id": Tie,
}


def _back(given: QueryDict, *, party_id: int | None) -> str:
    """The part by itself: on the person's page it is folded away, and what was said would stand above a closed fold."""
    whom = given.get("whom", "")
    if party_id is None and whom.isascii() and whom.isdigit() and len(whom) < 19:
        party_id = int(whom)
    return reverse("person_social", args=[party_id]) if party_id is not None else reverse("people")


def _writes(said: LazyText) -> Callable[[Act], View]:
    return writes(said, named=_NAMED, back=_back)


@_writes(gettext_lazy("The account is written down."))
def add_handle(given: QueryDict, *, by: User, party_id: int) -> int:
    handles.add(
        given_party(party_id), network=given.get("network", ""), handle=given.get("handle", ""),
        url=given.get("url", ""), told_on=given_day(given, "told_on"), by=by,
    )  # fmt: skip
    return party_id


@_writes(gettext_lazy("The account ended today."))
def end_handle(_given: QueryDict, *, by: User, handle_id: int) -> int:
    return handles.end(handle_id, by=by).party_id


@_writes(gettext_lazy("Their word is kept. The feed is read within minutes, and then four times a day."))
def add_feed(given: QueryDict, *, by: User, party_id: int) -> int:
    feeds.add(
        given_party(party_id), url=given.get("url", ""), consent=given.get("consent", ""),
        title=given.get("title", ""), consented_on=given_day(given, "consented_on"), by=by,
    )  # fmt: skip
    return party_id


@_writes(gettext_lazy("The feed is not read any more."))
def end_feed(_given: QueryDict, *, by: User, feed_id: int) -> int:
    return feeds.end(feed_id, by=by).party_id


@_writes(gettext_lazy("The tie is written down."))
def connect(given: QueryDict, *, by: User, party_id: int) -> int:
    number = given_number(given, "staff")
    who = User.objects.filter(pk=number, is_active=True).first() if number else None
    if who is None:
        raise BadInput(_("who of us is missing"), remedy=_("Choose one of the list."))
    ties.connect(
        given_party(party_id), staff=who, where=given.get("where", ""), they_know=given.get("they_know") == "on",
        since=given_day(given, "since"), by=by,
    )  # fmt: skip
    return party_id


@_writes(gettext_lazy("The tie is gone."))
def remove_tie(_given: QueryDict, *, by: User, tie_id: int) -> int:
    return ties.remove(tie_id, by=by)


urlpatterns: list[URLPattern] = [
    path("social/", everybody, name="social"),
    path("people/<int:party_id>/social/", person, name="person_social"),
    path("people/<int:party_id>/social/account/", add_handle, name="handle_add"),
    path("people/<int:party_id>/social/feed/", add_feed, name="feed_add"),
    path("people/<int:party_id>/social/tie/", connect, name="tie_connect"),
    path("handles/<int:handle_id>/end/", end_handle, name="handle_end"),
    path("feeds/<int:feed_id>/end/", end_feed, name="feed_end"),
    path("ties/<int:tie_id>/remove/", remove_tie, name="tie_remove"),
]
