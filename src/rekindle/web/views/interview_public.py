"""The exit interview by the person's own link: one question a screen, on any device, for as long as they like.

The link is the only key. Nothing is remembered in the browser and no cookie is set, so there is nothing another site
could misuse, and nothing to be missing on another device: that is why these forms carry no token of their own.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import dates
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rekindle.errors import BadInput, Conflict, RekindleError
from rekindle.relationships.models import ExitInterview
from rekindle.web import rate
from rekindle.web.by_link import private
from rekindle.web.customer_words import said_to_them
from rekindle.web.interview_forms import value_of
from rekindle.workflows import interviews
from rekindle.workflows.interview_outcome import owner_of
from rekindle.workflows.interview_view import view_of

PRESSES: Final = rate.Limit("interview", burst=60, per_minute=20)
"""A press every three seconds for as long as the longest script is, and twice that in one go. Our choice."""


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@private(interviews.by_link, presses=PRESSES, language=lambda one: interviews.language_of(one.breakup.relationship))
def page(request: HttpRequest, interview: ExitInterview, *, token: str, code: str = "") -> HttpResponse:
    """The question at hand, or one to look at again; POST answers it and goes on."""
    if request.method != "POST":
        return _shown(request, interview, token=token, code=code)
    try:
        _act(request, interview, code=code)
    except Conflict:
        return redirect("interview_public", token=token)  # it is over: the page says so
    except RekindleError as error:
        return _shown(request, interview, token=token, code=code, problem=error)
    return redirect("interview_public", token=token)


def _act(request: HttpRequest, interview: ExitInterview, *, code: str) -> None:
    """One press of a button."""
    match request.POST.get("deed", ""):
        case "stop":
            interviews.complete(interview)
        case "decline":
            interviews.decline(interview)
        case "skip":
            interviews.skip(interview, code=code)
        case _:
            question = interviews.script_of(interview).question(code)
            if question is None:
                raise BadInput("that question is not asked here", remedy="Go on with the one shown.")
            value = value_of(question, request.POST)
            if value is None:
                interviews.skip(interview, code=code)
            else:
                interviews.answer(interview, code=code, value=value)


def _shown(
    request: HttpRequest, interview: ExitInterview, *, token: str, code: str, problem: RekindleError | None = None
) -> HttpResponse:
    view = view_of(interview, reader=None, at=code)
    relationship = view.relationship
    human = owner_of(relationship, interview)
    is_withdrawn = view.end.withdrawn_at is not None
    context = {
        "view": view,
        "ask": None if is_withdrawn else view.ask,
        "is_withdrawn": is_withdrawn,
        "house_name": relationship.brand.name,
        "human": human.name if human else "",
        "token": token,
        "here": reverse("interview_public_question", args=[token, view.ask.code]) if view.ask else "",
        "before": reverse("interview_public_question", args=[token, view.ask.before])
        if view.ask and view.ask.before
        else "",
        "months": months(),
        "problem": said_to_them(problem) if problem else "",
        "is_notice": view.is_notice,
    }
    name = "web/interview_public.html" if context["ask"] else "web/interview_public_end.html"
    return render(request, name, context, status=400 if problem else 200)


def months() -> list[tuple[str, str]]:
    """The months to choose from, by name in the reader's language."""
    return [(str(number), str(name)) for number, name in dates.MONTHS.items()]


urlpatterns: list[URLPattern] = [
    path("p/interview/<str:token>/", page, name="interview_public"),
    path("p/interview/<str:token>/<slug:code>/", page, name="interview_public_question"),
]
