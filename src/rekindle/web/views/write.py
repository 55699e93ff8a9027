"""Write to one person: a letter proposed, changed, looked over, and put into the outbox; as mail or text message."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.web import given
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff, staff_for
from rekindle.workflows import write_to

CLASSES: Final = (TouchClass.RELATIONSHIP, TouchClass.SERVICE, TouchClass.RESEARCH, TouchClass.CONTENT)
"""What a member of staff writes by hand; offers and asks for referrals come with what they need."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, party_id: int) -> HttpResponse:
    """The letters that fit, the one being written, and what stands against it."""
    user = staff(request) if request.method != "POST" else staff_for(request, Deed.ANSWER_TASKS)
    party = get_object_or_404(Party, pk=party_id)
    roads = write_to.roads(party)
    form = _form(request, party, user, roads=roads)
    if request.method == "POST" and form["fault"] == "":
        if request.POST.get("do") == "send":
            try:
                sent = write_to.send(party, **_wanted(form), form=form["token"], by=user)
            except (BadInput, NotFound) as error:
                form["fault"] = sentence_of(error)
            else:
                messages.success(request, _("In the outbox. Every rule is asked again in the moment it goes."))
                return redirect("outbox_message", sent.pk)
        elif request.POST.get("do") != "look":
            form["fault"] = _("Choose what to do with it.")
    language = get_language() or "en"
    looked = None
    if form["text"]:
        words = {name: form[name] for name in ("subject", "text", "touch_class", "channel")}
        looked = write_to.look_over(party, **words)
    context = {
        "party": party,
        "proposals": write_to.proposals(party, by=user, language=language[:2], channel=form["channel"]),
        "roads": roads,
        "number": roads.get(Channel.SMS, ""),
        "is_text": form["channel"] is Channel.SMS,
        "form": form,
        "classes": CLASSES,
        "looked": looked,
        "suits": write_to.suits(party),
        "may_write": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/write.html", context)


def _form(request: HttpRequest, party: Party, user: User, *, roads: Mapping[Channel, str]) -> dict[str, Any]:
    """What is written so far: from the form, from the letter chosen, or nothing."""
    given_road = (request.POST if request.method == "POST" else request.GET).get("road", "")
    road = next((one for one in roads if one.value == given_road), Channel.EMAIL)
    empty: dict[str, Any] = {
        "letter": "", "subject": "", "text": "", "touch_class": TouchClass.RELATIONSHIP, "fault": "",
        "token": secrets.token_hex(8),
        "channel": road,
    }  # fmt: skip
    if request.method == "POST":
        form = {**empty, **{name: request.POST.get(name, "") for name in ("letter", "subject", "text", "token")}}
        try:
            form["touch_class"] = given.word(TouchClass, request.POST.get("class"), what=_("what it is for"))
        except BadInput as error:
            form["fault"] = sentence_of(error)
        if form["touch_class"] not in CLASSES:
            form["touch_class"], form["fault"] = TouchClass.RELATIONSHIP, _("Choose what it is for.")
        if given_road not in ("", road.value):
            form["fault"] = _("They cannot be written to on that road. Choose another.")
        elif request.POST.get("do") == "send" and request.POST.get("looked", road.value) != road.value:
            form["fault"] = _("The road is another one now. Look it over once more.")
        return form
    code = request.GET.get("letter", "")
    if not code:
        return empty
    try:
        one, subject, text = write_to.draft(party, code, by=user, channel=road)
    except BadInput as error:
        return {**empty, "fault": sentence_of(error)}
    return {**empty, "letter": code, "subject": subject, "text": text, "touch_class": one.touch_class}


def _wanted(form: dict[str, Any]) -> dict[str, Any]:
    return {name: form[name] for name in ("subject", "text", "touch_class", "letter", "channel")}


urlpatterns: list[URLPattern] = [path("people/<int:party_id>/write/", write, name="write")]
