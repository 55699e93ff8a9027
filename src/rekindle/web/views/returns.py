"""Returns: who spoke again, who is back and what to see to, one return, one person's section. GET asks, POST acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_date
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import ReturnOutlook
from rekindle.relationships import queries
from rekindle.relationships.models import Party, Resurfacing, SafeReturn
from rekindle.relationships.safe_return import FIXED
from rekindle.relationships.vocabulary import ItemState, Resurfaced
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.given import place_of
from rekindle.web.views import coming_back as coming_back_page
from rekindle.workflows import coming_back, reset, resurface, return_view, returns
from rekindle.workflows.resurface_view import ResurfacedView

ROWS: Final = 25

View = Callable[..., HttpResponse]
Act = Callable[..., str]
"""An act gives the address to go to afterwards."""


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Who spoke again and who is back, a stretch at a time; htmx gets the list of those who are back only."""
    user = staff(request)
    after = place_of(request.GET.get("after", ""), date.fromisoformat)
    shown = return_view.page(after=after, limit=ROWS)
    context = {
        "page": shown,
        "resurfaced": _with_chances(shown),
        "may_come": [] if wants_part(request) else _may_come(),
        "is_first": after is None,
        "may_answer": user.may(Deed.ANSWER_TASKS),
        "may_merge": user.may(Deed.TAKE_IN),
    }
    return render(request, "web/returns_list.html" if wants_part(request) else "web/returns.html", context)


@login_required
@require_GET
def one(request: HttpRequest, return_id: int) -> HttpResponse:
    """One return: what to see to, what the reset would put back, whose doing it is."""
    user = staff(request)
    view = return_view.view(_return(return_id))
    context = {"view": view, "party": view.party, "fixed": FIXED.items(), "may_answer": user.may(Deed.ANSWER_TASKS)}
    return render(request, "web/return.html", context)


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """One person's section by itself; htmx gets the section only."""
    user = staff(request)
    party = get_object_or_404(Party, pk=party_id)
    context = {
        "returns": return_view.of_person(party),
        "party": party,
        "may_answer": user.may(Deed.ANSWER_TASKS),
        "may_merge": user.may(Deed.TAKE_IN),
    }
    return render(request, "web/returns_person.html" if wants_part(request) else "web/returns_of_one.html", context)


def _with_chances(shown: return_view.ReturnsPage) -> list[tuple[ResurfacedView, ReturnOutlook | None]]:
    """Those who spoke again, each with what is believed of their return; of nobody who is to be left in silence."""
    gone = [one.relationship for one in shown.resurfaced if one.relationship is not None]
    known = coming_back.chances(gone) if gone else {}
    return [(one, known.get(one.sign.party_id)) for one in shown.resurfaced]


def _may_come() -> list[dict[str, Any]]:
    """Of those still away, how many are to be expected back within a year, by kind of end, where that can be told."""
    return [kind for kind in coming_back.document()["kinds"] if kind["back"] is not None]


def _writes(said: LazyText, *, back: str) -> Callable[[Act], View]:
    """A view that acts: POST by staff who may write. What stood against it is said where it was asked.

    said  the sentence after it went well
    back  name of the page to go back to where it did not, with the numbers of the address
    """

    def of(act: Act) -> View:
        @login_required
        @require_POST
        @wraps(act)
        def view(request: HttpRequest, **numbers: int) -> HttpResponse:
            by = staff_for(request, Deed.ANSWER_TASKS)
            try:
                to = act(request.POST, by=by, **numbers)
            except Refused as error:
                messages.error(request, _sentence(error))
                return redirect(_back(back, numbers))
            except NotFound as error:
                raise Http404(str(error)) from error
            except (BadInput, Conflict) as error:
                messages.error(request, _sentence(error))
                return redirect(_back(back, numbers))
            messages.success(request, str(said))
            return redirect(to)

        return view

    return of


@_writes(gettext_lazy("They are back. Here is what to see to."), back="person")
def record(given: QueryDict, *, by: User, party_id: int) -> str:
    """Staff say that somebody is back."""
    relationship = queries.relationship_of(get_object_or_404(Party, pk=party_id))
    on = _day(given.get("on", ""))
    if relationship is None:
        raise NotFound("no relationship")
    if on is None:
        raise BadInput(_("the day is missing"), remedy=_("Say since when they are back."))
    returned = returns.record_return(relationship, on=on, by=by, words=given.get("words", ""))
    return reverse("return", args=[returned.pk])


@_writes(gettext_lazy("The return is taken back; everything is as it was."), back="return")
def take_back(given: QueryDict, *, by: User, return_id: int) -> str:
    """A slip of ours: they are not back."""
    returned = _return(return_id)
    returns.undo(returned, by=by, reason=given.get("reason", ""))
    return reverse("person", args=[returned.relationship.party_id])


@_writes(gettext_lazy("Kept."), back="return")
def answer(given: QueryDict, *, by: User, return_id: int) -> str:
    """One thing is seen to, cannot be, or is open again."""
    returned, code = _return(return_id), given.get("code", "")
    if given.get("to") == "open":
        returns.reopen_item(returned, code=code, by=by)
        return _item_address(return_id, code)
    state = {"done": ItemState.DONE, "not_possible": ItemState.NOT_POSSIBLE}.get(given.get("to", ""))
    if state is None:
        raise BadInput(_("the answer is missing"), remedy=_("Say seen to, or that it cannot be put back."))
    fixed = {name.removeprefix("fixed."): given.get(name, "") for name in given if name.startswith("fixed.")}
    returns.answer_item(
        returned, code=code, state=state, by=by, note=given.get("note", ""), who=_member(given.get("who", "")),
        fixed=fixed,
    )  # fmt: skip
    return _item_address(return_id, code)


@_writes(gettext_lazy("Put back. What could not be is named beside it."), back="return")
def put_back(_given: QueryDict, *, by: User, return_id: int) -> str:
    """The reset button."""
    reset.put_back(_return(return_id), by=by)
    return reverse("return", args=[return_id]) + "#reset"


@_writes(gettext_lazy("The reset is taken back."), back="return")
def take_reset_back(_given: QueryDict, *, by: User, return_id: int) -> str:
    """The reset was a slip."""
    reset.undo(_return(return_id), by=by)
    return reverse("return", args=[return_id]) + "#reset"


@_writes(gettext_lazy("Your answer is kept."), back="returns")
def answer_sign(given: QueryDict, *, by: User, sign_id: int) -> str:
    """It is them, it is somebody else, or the answer is taken back."""
    if not Resurfacing.objects.filter(pk=sign_id).exists():
        raise NotFound(f"no sign {sign_id}")
    match given.get("to", ""):
        case "confirm":
            found = resurface.answer(sign_id, state=Resurfaced.CONFIRMED, by=by)
        case "deny":
            found = resurface.answer(sign_id, state=Resurfaced.DENIED, by=by)
        case "undo":
            found = resurface.undo(sign_id, by=by)
        case _:
            raise BadInput(_("the answer is missing"), remedy=_("Say it is them, or it is somebody else."))
    is_two = found.other_id not in (None, found.party_id)
    if found.state == Resurfaced.CONFIRMED.value and is_two and by.may(Deed.TAKE_IN):
        return reverse("duplicates_pair", args=[found.party_id, found.other_id])
    if given.get("here") == "person":
        return reverse("person", args=[found.party_id])
    return reverse("returns")


def _day(text: str) -> date | None:
    """A day as a form writes it; None for anything else."""
    try:
        return parse_date(text.strip())
    except ValueError:
        return None


def _return(number: int) -> SafeReturn:
    rows = SafeReturn.objects.select_related(
        "relationship__party", "relationship__brand", "relationship__owner", "restored_by"
    )
    return get_object_or_404(rows, pk=number)


def _member(text: str) -> User | None:
    """A colleague by number; None where nobody is chosen."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    return User.objects.filter(pk=int(text)).first()


def _item_address(return_id: int, code: str) -> str:
    return reverse("return", args=[return_id]) + f"#{code}"


def _back(name: str, numbers: dict[str, Any]) -> str:
    """The page where the form stood; no address is taken from the form."""
    return reverse(name, args=list(numbers.values()) if name != "returns" else [])


def _sentence(error: BadInput | Conflict | Refused) -> str:
    return f"{error.what[:1].upper()}{error.what[1:].rstrip('.')}. {error.remedy}".strip()


urlpatterns: list[URLPattern] = [
    *coming_back_page.urlpatterns,
    path("returns/", page, name="returns"),
    path("returns/<int:return_id>/", one, name="return"),
    path("returns/<int:return_id>/answer/", answer, name="return_answer"),
    path("returns/<int:return_id>/put-back/", put_back, name="return_put_back"),
    path("returns/<int:return_id>/undo-reset/", take_reset_back, name="return_undo_reset"),
    path("returns/<int:return_id>/undo/", take_back, name="return_undo"),
    path("resurfaced/<int:sign_id>/", answer_sign, name="resurfaced_answer"),
    path("people/<int:party_id>/returns/", person, name="person_returns"),
    path("people/<int:party_id>/returned/", record, name="return_record"),
]
