"""The customer's own pages, reached by a signed link: hearing nothing more, preferences, the door.

No signing in. GET, HEAD and OPTIONS change nothing, so that a scanner that opens every link of a mail does no harm.
Every link that opens nothing (wrong, old, of another page, of somebody we parted from for good) has one answer. No page
may be kept by a cache, and none tells another site where its visitor came from.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, RequestKind
from rekindle.relationships.wishes import HowOften
from rekindle.web import by_link, rate
from rekindle.web.customer_words import said_to_them
from rekindle.workflows import door as doors
from rekindle.workflows import links, own_link, preferences, referrals, unsubscribe
from rekindle.workflows.consent import ASKED_ABOUT, Pair, pairs
from rekindle.workflows.links import Holder, LinkPurpose

Page = Callable[[HttpRequest, str, Holder], HttpResponse]
_ACTS: Final = ("GET", "HEAD", "OPTIONS", "POST")
# Where a form carries a token, its browser must say that it comes from us; it says so to nobody else.
_REFERRER: Final = {LinkPurpose.UNSUBSCRIBE: "no-referrer"}


def _public(purpose: LinkPurpose) -> Callable[[Page], Callable[..., HttpResponse]]:
    """A page for the holder of a link of that purpose; every other link gets the one answer."""

    def of(page: Page) -> Callable[..., HttpResponse]:
        @login_not_required
        @require_http_methods(_ACTS)
        @wraps(page)
        def view(request: HttpRequest, token: str) -> HttpResponse:
            if request.method == "OPTIONS":
                return by_link.kept_nowhere(
                    HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(_ACTS)})
                )
            try:
                held = own_link.holder(purpose, token)
            except NotFound:
                return _gone(request)
            if request.method == "POST" and not _may_post(request, held, purpose=purpose):
                return by_link.kept_nowhere(by_link.busy(request))
            # A friend of theirs may speak another language, and need not learn which they speak.
            theirs = _language(held.party) if purpose is not LinkPurpose.REFERRAL else translation.get_language()
            with translation.override(theirs):
                return by_link.kept_nowhere(page(request, token, held), referrer=_REFERRER.get(purpose, "same-origin"))

        return view

    return of


def _may_post(request: HttpRequest, held: Holder, *, purpose: LinkPurpose) -> bool:
    is_ours = rate.may(rate.LINK, f"{purpose.value}:{held.party.pk}")
    return is_ours and (purpose is LinkPurpose.UNSUBSCRIBE or rate.may(rate.ADDRESS, rate.address_of(request)))


def _gone(request: HttpRequest) -> HttpResponse:
    """The one answer to every link that opens nothing. Who posts to many of them is asked to wait."""
    if request.method == "POST" and not rate.may(rate.ADDRESS, rate.address_of(request)):
        return by_link.kept_nowhere(by_link.busy(request))
    return by_link.kept_nowhere(by_link.gone(request))


def _language(party: Party) -> str:
    """Theirs where we speak it, else what their browser asked for."""
    code = party.language.lower().partition("-")[0]
    return code if code in dict(settings.LANGUAGES) else translation.get_language() or settings.LANGUAGE_CODE


# Hearing nothing more


# No login, no cookie, no token of a form (RFC 8058): the link itself is the authority, and a browser that was tricked
# into posting would have to know it.
@csrf_exempt
@_public(LinkPurpose.UNSUBSCRIBE)
def unsubscribe_page(request: HttpRequest, token: str, held: Holder) -> HttpResponse:
    """GET asks, POST stops: by our form, or by the mail service with the body `List-Unsubscribe=One-Click`.

    Any other body stops too; only our form's own buttons mean something else.
    """
    what = unsubscribe.scope(held.about)
    asked = _stops(what)
    if request.method != "POST":
        is_sure = request.GET.get("sure") == "never"
        return by_link.page(request, "web/unsubscribe.html", {
            "asked": asked,
            "token": token,
            "is_stopped": unsubscribe.is_stopped(held.party, what),
            "is_never": unsubscribe.is_never(held.party),
            "is_customer": unsubscribe.is_customer(held.party),
            "is_less": request.GET.get("done") == "less",
            "is_told": request.GET.get("done") == "why",
            "is_sure": is_sure,
            "never_text": _never_text(held.party),
        })  # fmt: skip
    deed = request.POST.get("deed", "")
    if deed == "less":
        unsubscribe.less(held.party)
        return redirect(reverse("unsubscribe", args=[token]) + "?done=less")
    if deed == "why":
        unsubscribe.tell_why(held.party, words=request.POST.get("words", ""))
        return redirect(reverse("unsubscribe", args=[token]) + "?done=why")
    if deed == "never" and request.POST.get("sure") != "yes":
        return redirect(reverse("unsubscribe", args=[token]) + "?sure=never")
    if deed == "never":
        unsubscribe.never_again(held.party, said=_never_text(held.party))
        return redirect("unsubscribe", token=token)
    unsubscribe.stop(held.party, what=what, said=asked)
    if deed == "stop":
        return redirect("unsubscribe", token=token)
    # To the mail service no redirect: it would not follow one.
    return by_link.page(request, "web/unsubscribe.html", {"asked": asked, "token": token, "is_stopped": True})


def _stops(what: unsubscribe.Scope) -> str:
    """What the button says it stops, kept as the proof."""
    if not what.is_one_road:
        return _("Stop everything that is not owed, on every road.")
    road = preferences.road(what.roads[0])
    if len(what.purposes) == 1:
        return _("Stop sending me %(what)s by %(road)s.") % {
            "what": preferences.subject(what.purposes[0]), "road": road,
        }  # fmt: skip
    return _("Stop everything by %(road)s.") % {"road": road}


def _never_text(party: Party) -> str:
    if unsubscribe.is_customer(party):
        return _("Never write to me again, but for bills and legal notices.")
    return _("Never contact me again, on any road.")


# Preferences


@_public(LinkPurpose.PREFERENCES)
def preferences_page(request: HttpRequest, token: str, held: Holder) -> HttpResponse:
    """What they would like to hear: shown, changed, shown again."""
    if request.method == "POST":
        return _change(request, token, held.party)
    seen = preferences.view(held.party)
    return by_link.page(request, "web/preferences.html", {
        "seen": seen,
        "token": token,
        "roads": [
            {"name": preferences.road(road), "code": road.value, "lines": lines, "told": _told(lines)}
            for road, lines in seen.roads
        ],
        "how_often": list(HowOften),  # a class itself would be called by the template
        "languages": settings.LANGUAGES,
        "is_sure": request.GET.get("sure") == "never",
        "stop_text": _stop_text(),
        "never_text": _never_text(held.party),
    })  # fmt: skip


def _told(lines: tuple[preferences.Said, ...]) -> str:
    """One road in a few words."""
    yes, no = (sum(line.answer is answer for line in lines) for answer in (True, False))
    if no == len(lines):
        return _("nothing comes")
    if not yes and not no:
        return _("nothing said yet")
    return _("%(yes)s yes, %(no)s no") % {"yes": yes, "no": no}


def _change(request: HttpRequest, token: str, party: Party) -> HttpResponse:
    here, deed = reverse("preferences", args=[token]), request.POST.get("deed", "")
    if deed == "never" and request.POST.get("sure") != "yes":
        return redirect(here + "?sure=never")
    try:
        if deed == "never":
            unsubscribe.never_again(party, said=_never_text(party), via=preferences.VIA)
        elif deed == "stop":
            preferences.stop_all(party, said=_stop_text())
            messages.success(
                request, _("Nothing more will come, by any road. What is owed, such as a bill, still does.")
            )
        else:
            said = preferences.change(party, answers=_answers(request.POST), wish=_wish(request.POST))
            for sentence in said or (_("Nothing was changed; it all stands as before."),):
                messages.success(request, sentence)
    except (BadInput, Conflict, Refused) as error:
        messages.error(request, said_to_them(error))
    return redirect(here)


def _stop_text() -> str:
    return _("Stop everything that is not owed, on every road.")


def _answers(given: QueryDict) -> dict[Pair, bool]:
    """Their yes and no; a road or purpose we do not ask about is passed over."""
    words = {"yes": True, "no": False}
    said = {pair: words.get(given.get(f"{pair[0].value}.{pair[1].value}", "")) for pair in pairs(Channel, ASKED_ABOUT)}
    return {pair: answer for pair, answer in said.items() if answer is not None}


def _wish(given: QueryDict) -> preferences.Wish | None:
    """Day, limit and language; None where the form had none of these fields."""
    if not {"not_before", "how_often", "language"} & set(given):
        return None
    often = next((word for word in HowOften if word.value == given.get("how_often")), None)
    return preferences.Wish(_day(given.get("not_before", "")), often, given.get("language", "")[:16])


def _day(text: str) -> date | None:
    text = text.strip()
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise BadInput(f"{text[:40]} is no day", remedy="Write it as 2026-03-31.") from error


# The door


@_public(LinkPurpose.DOOR)
def door_page(request: HttpRequest, token: str, held: Holder) -> HttpResponse:
    """The door that stays open. Nothing about them is shown here but their given name."""
    if request.method == "POST":
        return _knock(request, token, held.party)
    seen = doors.view(held.party)
    return by_link.page(request, "web/door_page.html", {
        "seen": seen,
        "token": token,
        "preferences_url": reverse("preferences", args=[links.make(LinkPurpose.PREFERENCES, held.party)]),
        "recommend_url": referrals.link_of(held.party) if referrals.may_recommend(held.party) else "",
        "requests": [(kind.value, _request_text(kind)) for kind in RequestKind],
        "is_sure": request.GET.get("sure") == "never",
        "never_text": _never_text(held.party),
        "longest": doors.LONGEST_WORDS,
    })  # fmt: skip


def _knock(request: HttpRequest, token: str, party: Party) -> HttpResponse:
    here, given = reverse("door", args=[token]), request.POST
    deed = given.get("deed", "")
    if deed == "never" and given.get("sure") != "yes":
        return redirect(here + "?sure=never")
    try:
        said = _deed(deed, given, party)
    except (BadInput, Conflict, Refused) as error:
        messages.error(request, said_to_them(error))
        return redirect(here)
    if said:
        messages.success(request, said)
    return redirect(here)


def _deed(deed: str, given: QueryDict, party: Party) -> str:
    """Do what was asked and give the sentence that says so; empty where the page itself says it."""
    match deed:
        case "back":
            doors.come_back(party, words=given.get("words", ""))
            return _heard(party)
        case "tell":
            doors.tell(party, words=given.get("words", ""))
            return _heard(party)
        case "later":
            month = _day(given.get("month", ""))
            if month is None:
                raise BadInput("no month is chosen", remedy="Choose one of the list.")
            doors.later(party, month=month)
            return _("Thank you. We will not write before then.")
        case "data":
            kind = next((word for word in RequestKind if word.value == given.get("kind")), None)
            if kind is None:
                raise BadInput("what you ask is missing", remedy="Choose one of the list.")
            due = doors.ask_data(party, kind=kind, words=given.get("words", ""))
            if kind is RequestKind.OBJECTION:
                return _("It is done: nothing more will come that is not owed.")
            return _("It is written down. A person answers by %(day)s.") % {"day": preferences.day_in_full(due)}
        case "never":
            doors.goodbye(party, said=_never_text(party))
            return ""
        case _:
            raise BadInput("nothing was chosen", remedy="Press one of the buttons.")


def _heard(party: Party) -> str:
    if unsubscribe.is_never(party):
        return _("Thank you, a person reads it. You asked us never to write, so we do not; call us or come by.")
    return _("Thank you. A person reads this and answers you.")


def _request_text(kind: RequestKind) -> str:
    return {
        RequestKind.ACCESS: _("I would like to see what you hold about me"),
        RequestKind.PORTABILITY: _("I would like to take my data with me"),
        RequestKind.RECTIFICATION: _("Something is wrong; please put it right"),
        RequestKind.ERASURE: _("I would like to be erased"),
        RequestKind.OBJECTION: _("I object to the use of my data; stop now"),
    }[kind]


# Recommended by a friend


@_public(LinkPurpose.REFERRAL)
def recommended_page(request: HttpRequest, token: str, held: Holder) -> HttpResponse:
    """For the friend: who we are, and a word to us if they like. It tells nothing of the one who recommended."""
    given = {name: request.POST.get(name, "") for name in ("name", "reach", "words")}
    fault = ""
    if request.method == "POST":
        try:
            referrals.tell(held.party, referrals.Friend(**given), via=held.about)
            return redirect(reverse("recommended", args=[token]) + "?done=yes")
        except BadInput as error:
            fault = said_to_them(error)
    return by_link.page(request, "web/recommended.html", {
        "given": given, "fault": fault, "is_done": request.GET.get("done") == "yes", "longest": referrals.LONGEST_WORDS,
    }, status=HTTPStatus.BAD_REQUEST if fault else HTTPStatus.OK)  # fmt: skip


urlpatterns: list[URLPattern] = [
    path("p/unsubscribe/<str:token>/", unsubscribe_page, name="unsubscribe"),
    path("p/preferences/<str:token>/", preferences_page, name="preferences"),
    path("p/door/<str:token>/", door_page, name="door"),
    path("p/recommended/<str:token>/", recommended_page, name="recommended"),
]
