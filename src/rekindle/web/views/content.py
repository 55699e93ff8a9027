"""Content: things worth reading, and the letters of the house with what they lack. GET shows, POST acts."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import ContentItem
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Stage, StakeholderKind, Terms, TouchClass
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import content
from rekindle.workflows.words import desk, own_letters
from rekindle.workflows.words.desk import Place
from rekindle.workflows.words.facts import CALLED

ROWS: Final = 50
CLASSES: Final = (
    TouchClass.RELATIONSHIP, TouchClass.SERVICE, TouchClass.RESEARCH, TouchClass.CONTENT, TouchClass.REFERRAL_ASK,
    TouchClass.PROMOTIONAL,
)  # fmt: skip


@login_required
@require_GET
def readings(request: HttpRequest) -> HttpResponse:
    """What may be sent, or what is old, the newest first."""
    user, shown = staff(request), "old" if request.GET.get("show") == "old" else ""
    found = content.listed(shown=shown, limit=ROWS + 1, before=given.number(request.GET, "before"))
    items = found[:ROWS]
    sent = content.sent_to(items)
    context = {
        "rows": [{"item": item, "sent": sent.get(item.pk, 0), "kinds": _kinds_of(item)} for item in items],
        "shown": shown,
        "next": items[-1].pk if len(found) > ROWS else None,
        "may_write": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/content.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_item(request: HttpRequest) -> HttpResponse:
    """A new thing worth reading."""
    return _item(request, None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, item_id: int) -> HttpResponse:
    """One thing worth reading, changed where it stands."""
    return _item(request, get_object_or_404(ContentItem, pk=item_id))


@login_required
@require_POST
def withdraw(request: HttpRequest, item_id: int | None = None, code: str = "") -> HttpResponse:
    """Something to read is sent to nobody any more; or an own letter goes, and a pack's of its code stands again."""
    by = staff_for(request, Deed.SETTINGS if item_id is None else Deed.ANSWER_TASKS)
    try:
        if item_id is None:
            own_letters.withdraw(code, by=by)
        else:
            content.withdraw(item_id, by=by)
    except NotFound as error:
        raise Http404(str(error)) from error
    said = (
        _("Withdrawn. Where Rekindle brings a letter of that name, it stands again.") if item_id is None
        else _("Withdrawn. It is sent to nobody any more.")
    )  # fmt: skip
    messages.success(request, said)
    return redirect("letters" if item_id is None else "content")


@login_required
@require_GET
def letters(request: HttpRequest) -> HttpResponse:
    """Every letter by language: what is there, and what is not."""
    user = staff(request)
    languages, rows = desk.covered(language=_reader())
    return render(
        request, "web/letters.html", {"languages": languages, "rows": rows, "may_write": user.may(Deed.SETTINGS)}
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def letter(request: HttpRequest, code: str) -> HttpResponse:
    """One letter: one of its wordings written, looked over, seen as a person would, and kept as a new version."""
    user = staff(request) if request.method != "POST" else staff_for(request, Deed.SETTINGS)
    one = _known(code)
    asked = request.POST if request.method == "POST" else request.GET
    fault, kept, looked, shown = "", None, None, one
    try:
        place = _place(asked)
        form = _form(one, place, asked if request.method == "POST" else None)
        if request.method == "POST":
            body = desk.changed(one, code, form, place)
            if request.POST.get("do") == "keep":
                kept = own_letters.keep(body, by=user)
            shown = own_letters.read_body(body, code)
        elif one is None:
            raise Http404(_("No such letter."))
        if kept is None and shown is not None:
            said = desk.wording(shown, _written(place, shown))
            if said.text:
                looked = desk.look(shown, said, person=_person(asked), by=user, at=timezone.now())
    except Refused as error:
        raise PermissionDenied(str(error)) from error
    except BadInput as error:
        fault = sentence_of(error)
        place, form = Place("en"), _form(one, Place("en"), asked if request.method == "POST" else None)
    if kept is not None:
        messages.success(request, _("Kept. From now on this is the letter; what was sent stays as it was."))
        return redirect("letter", code)
    context = {
        "code": code, "letter": one, "form": form, "place": place, "fault": fault, "looked": looked,
        "people": desk.people_for(shown) if shown else [], "person": asked.get("person", ""),
        "versions": own_letters.versions(code), "facts": sorted(CALLED.items()), "classes": CLASSES,
        "intents": own_letters.INTENTS, "whens": own_letters.WHENS, "agains": own_letters.AGAINS,
        "kinds": list(StakeholderKind), "stages": list(Stage), "terms": list(Terms),
        "may_write": user.may(Deed.SETTINGS),
    }  # fmt: skip
    return render(request, "web/letter.html", context)


@login_required
@require_POST
def new_letter(request: HttpRequest) -> HttpResponse:
    """Begin a letter of one's own by its name; nothing is kept before its words are."""
    staff_for(request, Deed.SETTINGS)
    code = re.sub(r"[^a-z0-9]+", "_", request.POST.get("code", "").strip().lower()).strip("_")[:40]
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", code):
        messages.error(request, _("Give it a short name in plain letters, such as spring_greeting."))
        return redirect("letters")
    if _known(code) is not None:
        return redirect("letter", code)
    return render(request, "web/letter.html", _blank(code))


def _item(request: HttpRequest, found: ContentItem | None) -> HttpResponse:
    user = staff(request) if request.method != "POST" else staff_for(request, Deed.ANSWER_TASKS)
    fault = ""
    if request.method == "POST":
        try:
            content.keep(_wanted(request.POST), by=user, item_id=found.pk if found else None)
        except BadInput as error:
            fault = sentence_of(error)
        else:
            messages.success(request, _("Kept."))
            return redirect("content")
    context: dict[str, Any] = {
        "item": found,
        "form": request.POST if fault else found or {},
        "interests": request.POST.get("interests", "") if fault else ", ".join(found.interests if found else []),
        "chosen": request.POST.getlist("kinds") if fault else (found.kinds if found else []),
        "kinds": list(StakeholderKind),
        "fault": fault,
        "may_write": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/content_item.html", context)


def _wanted(form: QueryDict) -> content.Wanted:
    return content.Wanted(
        title=form.get("title", ""), words=form.get("words", ""), url=form.get("url", ""),
        language=form.get("language", "en").strip().lower(), interests=form.get("interests", ""),
        kinds=tuple(form.getlist("kinds")), fresh_until=given.day(form, "fresh_until"),
    )  # fmt: skip


def _kinds_of(item: ContentItem) -> list[str]:
    names = {kind.value: kind.label for kind in StakeholderKind}
    return [names.get(kind, kind) for kind in item.kinds]


def _known(code: str) -> Any:
    try:
        return own_letters.letter_now(code)
    except BadInput:
        return None


def _place(asked: QueryDict) -> Place:
    language = asked.get("language", "en").strip().lower() or "en"
    if not re.fullmatch(r"[a-z]{2}", language):
        raise BadInput(_("the language is not given"), remedy=_("Write its two letters, such as en or de."))
    variant = asked.get("variant", "")
    if variant in ("", "own"):
        return Place(language)
    if variant == "new":
        return Place(language, -1)
    if not (variant.isascii() and variant.isdigit() and len(variant) < 3):
        raise BadInput(_("there is no such variant"), remedy=_("Look at the letter again."))
    return Place(language, int(variant))


def _written(place: Place, one: Any) -> Place:
    """Where a new variant stands once it is written."""
    return Place(place.language, len(one.variants) - 1) if place.variant == -1 else place


def _form(one: Any, place: Place, posted: QueryDict | None) -> dict[str, Any]:
    """What stands in the form: what was written, or the wording as it is."""
    if posted is not None:
        form: dict[str, Any] = {
            name: posted.get(name, "").replace("\r\n", "\n").replace("\x00", "")
            for name in ("title", "subject", "text", "class", "intent", "when", "again")
        }
        return form | {name: posted.getlist(name) for name in ("kinds", "stages", "terms")}
    if one is None:
        return _blank("")["form"]  # type: ignore[no-any-return]
    said = desk.wording(one, place)
    variant = (
        one.variants[place.variant] if place.variant is not None and 0 <= place.variant < len(one.variants) else None
    )
    return {
        "title": one.title.get(place.language, ""), "subject": said.subject, "text": said.text,
        "class": one.touch_class.value, "intent": one.intent.value, "when": one.when.value, "again": one.again.value,
        "kinds": sorted(variant.kinds) if variant else [], "stages": sorted(variant.stages) if variant else [],
        "terms": sorted(variant.terms) if variant else [],
    }  # fmt: skip


def _blank(code: str) -> dict[str, Any]:
    form = {
        "title": "", "subject": "", "text": "", "class": "relationship", "intent": "thank", "when": "live",
        "again": "year", "kinds": [], "stages": [], "terms": [],
    }  # fmt: skip
    return {
        "code": code, "letter": None, "form": form, "place": Place("en"), "fault": "", "looked": None, "people": [],
        "person": "", "versions": [], "facts": sorted(CALLED.items()), "classes": CLASSES,
        "intents": own_letters.INTENTS, "whens": own_letters.WHENS, "agains": own_letters.AGAINS,
        "kinds": list(StakeholderKind), "stages": list(Stage), "terms": list(Terms), "may_write": True,
    }  # fmt: skip


def _person(asked: QueryDict) -> Party | None:
    number = given.number(asked, "person")
    return Party.objects.filter(pk=number).first() if number else None


def _reader() -> str:
    return (get_language() or "en")[:2]


urlpatterns: list[URLPattern] = [
    path("content/", readings, name="content"),
    path("content/new/", new_item, name="content_new"),
    path("content/<int:item_id>/", item, name="content_item"),
    path("content/<int:item_id>/withdraw/", withdraw, name="content_withdraw"),
    path("content/letters/", letters, name="letters"),
    path("content/letters/new/", new_letter, name="letter_new"),
    path("content/letters/<slug:code>/", letter, name="letter"),
    path("content/letters/<slug:code>/withdraw/", withdraw, name="letter_withdraw"),
]
