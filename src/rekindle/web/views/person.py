"""One person: their lives, what we believe and why, what may be said, and their story."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Refused
from rekindle.relationships import queries
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Channel, PartyKind, Stage, TaskState, TouchClass
from rekindle.web.acts import sentence_of
from rekindle.web.fit_words import outlook_source
from rekindle.web.ribbon import Ribbon, ribbon
from rekindle.web.templatetags.rekindle import percent, span
from rekindle.web.views.standing import WORDS as STANDING_WORDS
from rekindle.web.views.today import LATER_DAYS, answered_text, dressed, wash_of
from rekindle.workflows import handover, notes, standing
from rekindle.workflows import why_not as rules
from rekindle.workflows.owed import owed_view
from rekindle.workflows.person import PersonView, view
from rekindle.workflows.story import StoryPage, Voice, the_history
from rekindle.workflows.story import story as story_of
from rekindle.workflows.tasks import may_undo
from rekindle.workflows.today import card_of

LINES: Final = 40

SHORT: Final = 10
"""Under so many lines the story leaves a column half empty; then the notes stand under it. Our choice."""


@login_required
@require_GET
def page(request: HttpRequest, party_id: int) -> HttpResponse:
    """Everything about one person, the newest page of the story included."""
    party = get_object_or_404(Party, pk=party_id)
    if party.kind == PartyKind.HOUSEHOLD.value:  # it has members and no life of its own
        return redirect("person_together", party_id=party.pk)
    return render(request, "web/person.html", _context(request, view(party, history=the_history())))


@login_required
@require_GET
def story(request: HttpRequest, party_id: int) -> HttpResponse:
    """One page of the story, before an instant and in one voice; htmx gets the lines only."""
    party = get_object_or_404(Party, pk=party_id)
    context = {
        "party": party,
        "name": _name(party),
        **_story(request, relationship=queries.relationship_of(party)),
    }
    is_part = request.htmx  # type: ignore[attr-defined]  # django_htmx's middleware sets it
    if is_part:
        name = "web/person_story_lines.html" if request.GET.get("before") else "web/person_story.html"
        return render(request, name, context)
    return render(request, "web/person_story_page.html", context)


@login_required
@require_GET
def why_not(request: HttpRequest, party_id: int) -> HttpResponse:
    """Ask the rules about one touch; htmx gets the answer only."""
    party = get_object_or_404(Party, pk=party_id)
    context: dict[str, Any] = {"party": party, "name": _name(party), **_asked(request)}
    touch_class, channel, at = context["touch_class"], context["channel"], context["at"]
    if touch_class and channel and at:
        context["answer"] = rules.why_not(party, touch_class=touch_class, channel=channel, at=at)
    elif request.GET:
        context["problem"] = _("Choose what it is for, by which road, and when.")
    is_part = request.htmx  # type: ignore[attr-defined]
    return render(request, "web/person_answer.html" if is_part else "web/person_why_not.html", context)


@login_required
@require_POST
def note(request: HttpRequest, party_id: int) -> HttpResponse:
    """Write a note about the relationship."""
    party = get_object_or_404(Party, pk=party_id)
    try:
        notes.write(party, text=request.POST.get("text", ""), by=_user(request))
    except Refused as error:
        raise PermissionDenied(str(error)) from error
    except BadInput as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(request, _("Your note is kept."))
    return redirect("person", party_id=party.pk)


PARTS: Final = (
    ("person_plans", gettext_lazy("Plans")),
    ("person_leaving", gettext_lazy("How long this may last")),
    ("person_returns", gettext_lazy("Coming back")),
    ("person_returning", gettext_lazy("If they came back")),
    ("person_interviews", gettext_lazy("Why they left, in their words")),
    ("person_payments", gettext_lazy("Unpaid")),
)
"""Sections that are nothing for most people, fetched when they come into sight; without JavaScript, links."""
FOLDS: Final = (
    ("person_consents", gettext_lazy("What they allow")),
    ("person_together", gettext_lazy("Who belongs together")),
    ("person_social", gettext_lazy("Where they are heard")),
    ("burdens", gettext_lazy("What weighs on it")),
    ("person_reviews", gettext_lazy("Yearly looks")),
)
"""Sections for the few who look for them: a line each, fetched when it is opened."""
SHEETS: Final = tuple(
    f"web/{name}.css" for name in ("owed", "returns", "interviews", "together", "reviews", "company_exits", "playbooks")
)


def _context(request: HttpRequest, person: PersonView) -> dict[str, Any]:
    user = _user(request)
    relationship = person.relationship
    waiting = [task for task in person.tasks if task.state in (TaskState.OPEN.value, TaskState.LATER.value)]
    told = _story(request, relationship=relationship)
    return {
        "person": person,
        "party": person.party,
        "owed": owed_view(person.party),
        "handed_over": handover.before(relationship) if relationship else [],
        "standing": _standing(relationship, may=user.may(Deed.ANSWER_TASKS)),
        "parts": PARTS,
        "folds": FOLDS,
        "sheets": SHEETS,
        "name": person.name,
        "stage": person.stage,
        "wash": wash_of(person.stage),
        "outlook": person.outlook,
        "currency": (person.outlook.currency if person.outlook else "")
        or (relationship.brand.currency if relationship else ""),
        "value_span": _span(person.outlook.value_horizon_days) if person.outlook else "",
        "strip": _strip(person),
        "source": outlook_source(person.outlook.model) if person.outlook else "",
        "value_basis": _value_basis(person),
        "is_leaving": person.stage is Stage.NOTICE,
        "ribbon": _ribbon(person),
        "cards": [dressed(card_of(task)) for task in waiting],
        "answered": [
            {"task": task, "text": answered_text(task), "may_undo": may_undo(task)}
            for task in person.tasks
            if task.answered_at and task not in waiting
        ],
        "later_days": LATER_DAYS,
        "may_answer": user.may(Deed.ANSWER_TASKS),
        "back": "person",
        **told,
        **_asked(request),
        "is_short": not waiting and _is_short(told["story"]),
    }


def _standing(relationship: Relationship | None, *, may: bool) -> list[tuple[str, Any, Any]]:
    """(deed, its words, what it asks a day for) of each step this stage allows."""
    if relationship is None or not may:
        return []
    deeds = [*standing.choices(relationship), *(["undo"] if standing.may_undo(relationship) else [])]
    return [(deed, *STANDING_WORDS[deed]) for deed in deeds]


def _is_short(story: StoryPage | None) -> bool:
    """Whether the story leaves room beside what is believed and allowed."""
    return story is None or len(story.lines) < SHORT


def _ribbon(person: PersonView) -> Ribbon | None:
    if person.relationship is None:
        return None
    zone = ZoneInfo(person.relationship.brand.time_zone)
    return ribbon(person.episodes, breakups=person.breakups, today=timezone.localdate(timezone=zone), zone=zone)


def _value_basis(person: PersonView) -> str:
    """What "value" means here: what is left of the money or all of it, how it is discounted, how far it looks."""
    if person.relationship is None or person.outlook is None or person.outlook.value_minor is None:
        return ""
    brand = person.relationship.brand
    facts = {
        "margin": percent(float(brand.margin)) if brand.margin is not None else "",
        "rate": percent(float(brand.discount_rate_per_year)),
        "span": _span(person.outlook.value_horizon_days),
    }
    if brand.margin is None:
        return (
            _("Value is revenue, all they are likely to pay in the next %(span)s, discounted by %(rate)s a year; "
              "no margin is set in Settings.") % facts
        )  # fmt: skip
    return (
        _("Value is margin, %(margin)s of what they are likely to pay in the next %(span)s, discounted by %(rate)s "
          "a year.") % facts
    )  # fmt: skip


def _span(days: int) -> str:
    """A horizon as people say it; whole years of 365 days are years."""
    return span(days / 365 * 365.25) if days % 365 == 0 else span(days)


def _strip(person: PersonView) -> dict[str, Any]:
    """What the rules say now: a row a road, a column a purpose, and one sentence on what is waited for."""
    words = {
        TouchClass.SERVICE: _("service"),
        TouchClass.RELATIONSHIP: _("a card"),
        TouchClass.CONTENT: _("to read"),
        TouchClass.PROMOTIONAL: _("offers"),
    }
    by_road: dict[Channel, list[Any]] = {}
    for _purpose, answers in person.strip:
        for road, answer in answers:
            by_road.setdefault(road, []).append(answer)
    waits = [answer for answers in by_road.values() for answer in answers if answer.until]
    return {
        "purposes": [words[purpose] for purpose, _answers in person.strip],
        "roads": [(road.label, answers) for road, answers in by_road.items()],
        "waits": waits[0].text if waits else "",
    }


def _story(request: HttpRequest, *, relationship: Relationship | None) -> dict[str, Any]:
    """The lines asked for, and the addresses of what is older and of each voice."""
    voice = next((voice for voice in Voice if voice.value == request.GET.get("voice")), None)
    before = _instant(request.GET.get("before", ""))
    if request.GET.get("before") and before is None:
        raise Http404("no such place in the story")
    told = (
        story_of(relationship, history=the_history(), before=before, limit=LINES, voice=voice) if relationship else None
    )
    older = ""
    if told and told.older:
        asked = {"before": told.older.isoformat(), **({"voice": voice.value} if voice else {})}
        older = "?" + urlencode(asked)
    return {
        "story": told,
        "voice": voice,
        "voices": [(one.value, one.label) for one in Voice],
        "older": older,
        "is_continued": before is not None,
    }


def _asked(request: HttpRequest) -> dict[str, Any]:
    """The question to the rules, from the address; the time is read in the reader's own zone."""
    text = request.GET.get("at", "")
    return {
        "touch_class": next((word for word in TouchClass if word.value == request.GET.get("class")), None),
        "channel": next((word for word in Channel if word.value == request.GET.get("channel")), None),
        "at": _instant(text) if text else timezone.now(),
        "at_text": text,
        "classes": [(word.value, word.label) for word in TouchClass],
        "channels": [(word.value, word.label) for word in Channel],
    }


def _instant(text: str) -> datetime | None:
    """An ISO instant; without a zone it is the reader's own. None where it is none."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    if at is None or not 1970 <= at.year <= 2200:
        return None
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def _name(party: Party) -> str:
    if party.name:
        return party.name
    number = queries.numbers_of([party.pk]).get(party.pk)
    return _("customer %(number)s") % {"number": number} if number else str(party)


def _user(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user
