"""Three questions after the quiet, by the person's own link: one a screen, each kept by itself, all of them optional.

The link is the only key. Nothing is remembered in the browser and no cookie is set, so there is nothing another site
could misuse, and nothing to be missing on another device: that is why these forms carry no token of their own.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rekindle.errors import BadInput, Conflict, NotFound, RekindleError
from rekindle.relationships import scripts
from rekindle.relationships.models import Breakup
from rekindle.web import rate
from rekindle.web.by_link import gone, private
from rekindle.web.customer_words import said_to_them
from rekindle.web.interview_forms import value_of
from rekindle.workflows import interviews, three_questions
from rekindle.workflows.interview_view import ask_of

PRESSES: Final = rate.Limit("three_questions", burst=20, per_minute=10)
"""Three questions, each changed a few times, in one go. Our choice."""


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@private(three_questions.by_link, presses=PRESSES, language=lambda end: interviews.language_of(end.relationship))
def page(request: HttpRequest, end: Breakup, *, token: str, code: str = "") -> HttpResponse:
    """The question at hand, or one to look at again; POST answers it and goes on."""
    if request.method != "POST":
        return _shown(request, end, token=token, code=code)
    try:
        _act(request, end, code=code)
    except (Conflict, NotFound):
        return gone(request)
    except RekindleError as error:
        return _shown(request, end, token=token, code=code, problem=error)
    return redirect("three_questions", token=token)


def _act(request: HttpRequest, end: Breakup, *, code: str) -> None:
    """One press of a button. An empty answer leaves the question out."""
    question = scripts.three_questions().question(code)
    if question is None:
        raise BadInput("that question is not asked here", remedy="Go on with the one shown.")
    value = None if request.POST.get("deed") == "skip" else value_of(question, request.POST)
    if value is None:
        three_questions.skip(end, code=code)
    else:
        three_questions.answer(end, code=code, value=value)


def _shown(
    request: HttpRequest, end: Breakup, *, token: str, code: str, problem: RekindleError | None = None
) -> HttpResponse:
    told, relationship = three_questions.of_end(end), end.relationship
    questions = scripts.three_questions().questions
    wanted = next((one for one in questions if one.code == code), None) or three_questions.next_question(told)
    answers = told.answers if told is not None else {}
    shown = three_questions.shown_to(relationship)
    ask = ask_of(wanted, answers, belongs=questions, shown=shown) if wanted else None
    human = relationship.owner
    context = {
        "ask": ask,
        "done": len(answers),
        "total": len(questions),
        "lines": three_questions.lines_of(told, shown=shown) if told is not None and ask is None else (),
        "house_name": relationship.brand.name,
        "human": human.name if human is not None and human.is_active else "",
        "token": token,
        "here": reverse("three_questions_one", args=[token, ask.code]) if ask else "",
        "before": reverse("three_questions_one", args=[token, ask.before]) if ask and ask.before else "",
        "problem": said_to_them(problem) if problem else "",
    }
    name = "web/three_questions.html" if ask else "web/three_questions_end.html"
    return render(request, name, context, status=400 if problem else 200)


urlpatterns: list[URLPattern] = [
    path("p/questions/<str:token>/", page, name="three_questions"),
    path("p/questions/<str:token>/<slug:code>/", page, name="three_questions_one"),
]
