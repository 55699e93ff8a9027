"""Today: who is worth a human's time, and what to say first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal import queries as journal
from rekindle.journal.models import Night
from rekindle.relationships import queries
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import Stage, TaskState
from rekindle.web.acts import sentence_of
from rekindle.web.gate import staff_for
from rekindle.web.night_words import REASONS, RULES
from rekindle.web.templatetags.rekindle import day as day_in_words
from rekindle.workflows import return_view, tasks
from rekindle.workflows.today import TodayCard, business_day, card_of
from rekindle.workflows.todays_order import Desk, Lane, Work
from rekindle.workflows.todays_work import Alert, todays_work

SHOWN: Final = 24
"""About two working hours of calls; who gets through them asks for more. Our choice."""

LANES: Final = {
    Lane.SPOKE: gettext_lazy("They spoke to us"),
    Lane.PROMISE: gettext_lazy("We promised"),
    Lane.PLAN: gettext_lazy("A plan asks for a hand"),
    Lane.DAY: gettext_lazy("Days to remember"),
    Lane.ALERT: gettext_lazy("To look at"),
    Lane.NIGHT: gettext_lazy("Worth a word"),
}
DESKS: Final = {
    Desk.SOLO: gettext_lazy("Everything"),
    Desk.MANAGER: gettext_lazy("Management"),
    Desk.MARKETER: gettext_lazy("Marketing"),
    Desk.AGENT: gettext_lazy("Service"),
    Desk.TRAINER: gettext_lazy("My own people"),
}

LATER_DAYS: Final = (1, 3, 7, 14, 30)

FACTS_SHOWN: Final = 3
"""A reader takes in three facts beside a name."""

_RECORD: Final = "; of 100 who showed this,"
"""Where a fact of the night goes over into what the sign was worth here before."""

_WASHES: Final = {
    Stage.AT_RISK: "risk",
    Stage.PRESUMED_BREAKUP: "risk",
    Stage.NOTICE: "risk",
    Stage.PHOENIX: "ok",
    Stage.ONGOING: "ok",
    Stage.EARLY: "ok",
    Stage.DATING: "ok",
    Stage.OLD_FRIENDS: "note",
}


def wash_of(stage: Stage | str | None) -> str:
    """The colour with a meaning that a stage wears; quiet where nothing else fits."""
    return _WASHES.get(stage, "quiet") if isinstance(stage, Stage) else _WASHES.get(_stage(stage), "quiet")


def _stage(value: str | None) -> Stage:
    return next((stage for stage in Stage if stage.value == value), Stage.COURTSHIP)


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What asks for this member of staff today, in one order; everybody's with ?whose=all, other desks with ?desk=."""
    user = _user(request)
    day = business_day()
    is_all = request.GET.get("whose") == "all"
    asked = next((desk for desk in Desk if desk.value == request.GET.get("desk")), None)
    shown = SHOWN * 4 if request.GET.get("more") else SHOWN
    found = todays_work(user, day=day, at=timezone.now(), desk=asked, is_all=is_all, limit=shown)
    night = journal.latest_night()
    answered = _answered_today(user)
    people = sum(work.lane not in (Lane.ALERT, Lane.DAY) for work in found.work.today)
    is_quiet = not (found.work.today or found.work.can_wait)
    is_new = night is None and is_quiet and not answered and not found.work.elsewhere
    return render(
        request,
        "web/today.html",
        {
            "groups": lanes_of(found.work.today),
            "can_wait": lanes_of(found.work.can_wait),
            "n_waiting": len(found.work.can_wait),
            "elsewhere": left_out(found.work.elsewhere),
            "minutes": found.work.minutes,
            "capacity": None if is_all else user.minutes_per_day,
            "is_quiet": is_quiet,
            "desk": found.desk,
            "desks": [(desk, DESKS[desk]) for desk in Desk],
            "days_known": found.days_known,
            "has_more": found.has_more,
            "is_long": bool(request.GET.get("more")),
            "is_all": is_all,
            "day": day,
            "night": night,
            "headline": headline(people, has_more=found.has_more) if people or is_quiet else _("A few things"),
            "news": news(night),
            "left_alone": left_alone(night.facts.get("nothing_because") or night.decisions) if night else [],
            "answered": answered,
            "steps": _first_steps(night) if is_new else [],
            "may_answer": user.may(Deed.ANSWER_TASKS),
            "later_days": LATER_DAYS,
            "returns_today": return_view.for_today(),
            "may_merge": user.may(Deed.TAKE_IN),
        },
    )


class LaneGroup(NamedTuple):
    """What stands under one heading of Today: its works with what the page needs of each."""

    lane: Lane
    title: str
    rows: list[dict[str, Any]]


def lanes_of(works: Sequence[Work]) -> list[LaneGroup]:
    """Works in their order, under a heading a lane."""
    rows: dict[Lane, list[dict[str, Any]]] = {}
    for work in works:
        is_task = work.lane in (Lane.SPOKE, Lane.PLAN, Lane.NIGHT)
        if is_task:
            row = dressed(work.of)
        elif work.lane is Lane.ALERT:
            row = {"alert": work.of, **alert_words(work.of)}
        else:
            row = {"row": work.of}
        rows.setdefault(work.lane, []).append(row)
    return [LaneGroup(lane, str(LANES[lane]), found) for lane, found in rows.items()]


def left_out(works: Sequence[Work]) -> list[tuple[str, int]]:
    """What another desk shows, by its heading, with how many."""
    counts = Counter(work.lane for work in works)
    return [(str(LANES[lane]), counts[lane]) for lane in Lane if counts[lane]]


def alert_words(alert: Alert) -> dict[str, str]:
    """An alert in one sentence, and the page where it is seen to."""
    n = alert.n or 0
    number = {"n": _("%(n)s and more") % {"n": n} if alert.has_more else str(n)}
    texts = {
        "sending_paused": (_("Sending stands still: %(why)s") % {"why": alert.why}, "sending"),
        "night_failed": (_("The last night did not come to its end."), "nights"),
        "mailbox_fault": (_("The mailbox cannot be read: %(why)s") % {"why": alert.why}, "mailbox"),
        "unknown_messages": (
            ngettext("%(n)s message of which nobody knows whether it arrived",
                     "%(n)s messages of which nobody knows whether they arrived", n) % number, "outbox"),
        "came_back": (ngettext("%(n)s thing came back that nobody has looked at",
                               "%(n)s things came back that nobody has looked at", n) % number, "inbound"),
        "open_cases": (ngettext("%(n)s case has been open for more than two days",
                                "%(n)s cases have been open for more than two days", n) % number, "who_spoke"),
    }  # fmt: skip
    text, url = texts[alert.code]
    return {"text": text, "url": reverse(url) + ("?order=waiting" if url == "who_spoke" else "")}


@login_required
@require_POST
def answer(request: HttpRequest, task_id: int) -> HttpResponse:
    """One answer to one suggestion; htmx gets the answered card, others go back where they came from."""
    user = staff_for(request, Deed.ANSWER_TASKS)
    state = next((state for state in TaskState if state.value == request.POST.get("state")), None)
    later = request.POST.get("later_days", "")
    try:
        if state is None:
            raise BadInput(_("no answer was chosen"), remedy=_("Choose done, later or not appropriate."))
        task = tasks.answer(
            task_id,
            state=state,
            by=user,
            note=request.POST.get("note", ""),
            later_days=int(later) if later.isdigit() and state is TaskState.LATER else None,
        )
    except (BadInput, Conflict, NotFound, Refused) as error:
        return _refused(request, task_id, error)
    return _changed(request, task)


@login_required
@require_POST
def undo(request: HttpRequest, task_id: int) -> HttpResponse:
    """Take an answer of today back; htmx gets the open card again."""
    try:
        task = tasks.undo(task_id, by=staff_for(request, Deed.ANSWER_TASKS))
    except (BadInput, Conflict, NotFound, Refused) as error:
        return _refused(request, task_id, error)
    return _changed(request, task)


def _changed(request: HttpRequest, task: Task) -> HttpResponse:
    task = Task.objects.select_related("relationship__party", "relationship__brand", "owner").get(pk=task.pk)
    if request.htmx:  # type: ignore[attr-defined]  # django_htmx's middleware sets it
        return _part(request, task)
    if task.state == TaskState.OPEN.value:
        messages.info(request, _("%(person)s is open again.") % {"person": task.relationship.party})
    else:
        messages.success(request, answered_text(task))
    return redirect(_back(request, task))


def _part(request: HttpRequest, task: Task, *, error: str = "") -> HttpResponse:
    name = (
        "web/today_card.html"
        if task.state in (TaskState.OPEN.value, TaskState.LATER.value) and (error or task.state == TaskState.OPEN.value)
        else "web/today_answered.html"
    )
    return render(
        request,
        name,
        {
            "card": dressed(card_of(task)),
            "task": task,
            "text": answered_text(task),
            "error": error,
            "may_answer": True,
            "later_days": LATER_DAYS,
        },
    )


def _refused(request: HttpRequest, task_id: int, error: BadInput | Conflict | NotFound | Refused) -> HttpResponse:
    """What stood against an answer, said where it was asked."""
    if isinstance(error, Refused):
        raise PermissionDenied(str(error))
    task = Task.objects.select_related("relationship__party", "relationship__brand", "owner").filter(pk=task_id).first()
    if task is None:
        raise Http404(str(error))
    text = sentence_of(error)
    if request.htmx:  # type: ignore[attr-defined]
        return _part(request, task, error=text)
    messages.error(request, text)
    return redirect(_back(request, task))


def _back(request: HttpRequest, task: Task) -> str:
    """Where the answer was given: Today, or the person's page. No address is taken from the request."""
    if request.POST.get("back") == "person":
        return reverse("person", args=[task.relationship.party_id])
    return reverse("today") + ("?whose=all" if request.POST.get("back") == "all" else "")


def answered_text(task: Task) -> str:
    """What was answered, in one sentence."""
    facts = {"person": task.relationship.party, "note": task.answer, "day": task.due_on}
    if task.state == TaskState.DONE.value:
        return _("%(person)s: done.") % facts
    if task.state == TaskState.LATER.value:
        return _("%(person)s: put off until %(day)s.") % {**facts, "day": day_in_words(task.due_on)}
    if task.state == TaskState.NOT_APPROPRIATE.value:
        return _("%(person)s: not appropriate. Your reason is kept.") % facts
    return _("%(person)s: withdrawn.") % facts


class LeftAlone(NamedTuple):
    """So many people were left alone for one reason, in a word or two and in a sentence."""

    title: str
    meaning: str
    people: int


class Fact(NamedTuple):
    """One fact on a card, and what it was worth here before, where the night said it."""

    text: str
    record: str


def facts_of(card: TodayCard) -> list[Fact]:
    """The facts a card has room for, strongest first; each with its record in a breath of its own."""
    facts = []
    for sentence in card.why_now[:FACTS_SHOWN]:
        text, _mark, record = sentence.strip().partition(_RECORD)
        facts.append(Fact(_ended(text), _ended(f"{_RECORD.lstrip('; ').capitalize()}{record}") if record else ""))
    return facts


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def headline(cards: int, *, has_more: bool) -> str:
    """How many people, in words as far as people say them in words."""
    if not cards:
        return _("Nothing urgent")
    words = [
        "", _("One person"), _("Two people"), _("Three people"), _("Four people"), _("Five people"), _("Six people"),
        _("Seven people"), _("Eight people"), _("Nine people"), _("Ten people"), _("Eleven people"), _("Twelve people"),
    ]  # fmt: skip
    if has_more:
        return _("%(n)s people, and more") % {"n": cards}
    return words[cards] if cards < len(words) else _("%(n)s people") % {"n": cards}


def news(night: Night | None) -> list[str]:
    """What the last night read and whom it moved, as sentences made of its own figures."""
    if night is None:
        return []
    said = []
    if night.people is not None:
        said.append(
            ngettext("%(n)s person was read last night", "%(n)s people were read last night", night.people)
            % {"n": f"{night.people:,}"}
        )
    moves = journal.moves_of(night)
    if moves is not None:
        slipped = moves[Stage.AT_RISK] + moves[Stage.PRESUMED_BREAKUP]
        back = moves[Stage.PHOENIX]
        steady = moves[Stage.ONGOING]
        if slipped:
            said.append(
                ngettext("%(n)s slipped away a little", "%(n)s slipped away a little", slipped) % {"n": slipped}
            )
        if back:
            said.append(ngettext("%(n)s came back", "%(n)s came back", back) % {"n": back})
        if steady:
            said.append(ngettext("%(n)s is steady again", "%(n)s are steady again", steady) % {"n": steady})
    return said


def left_alone(decisions: Mapping[str, Any]) -> list[LeftAlone]:
    """Those for whom doing nothing was chosen, by reason, most first; from the night's counts, nested or flat."""
    words = {**REASONS, **RULES}
    found: dict[str, int] = {}

    def gather(counts: Mapping[str, Any]) -> None:
        for key, value in counts.items():
            if isinstance(value, Mapping):
                gather(value)
            elif key in words and isinstance(value, int) and value:
                found[key] = value

    gather(decisions)
    ordered = sorted(found.items(), key=lambda pair: -pair[1])
    return [LeftAlone(str(words[key].title), str(words[key].meaning), n) for key, n in ordered]


def _answered_today(user: User) -> list[Task]:
    zone = ZoneInfo(user.time_zone or "UTC")
    midnight = datetime.combine(datetime.now(zone).date(), time(), zone)
    answered = Task.objects.filter(answered_by=user, answered_at__gte=midnight).exclude(state=TaskState.OPEN.value)
    return list(answered.select_related("relationship__party", "relationship__brand").order_by("-answered_at")[:20])


def _first_steps(night: Night | None) -> list[dict[str, Any]]:
    """The three steps of a business that has just begun, with what is done of them."""
    has_loads = queries.is_anyone_known()
    return [
        {"is_done": has_loads, "url": "take_in", "title": _("Take your history in"),
         "text": _("A file of purchases or visits is enough: who, when, and how much if you have it.")},
        {"is_done": night is not None, "url": "nights", "title": _("Let the night read it"),
         "text": _("It learns each person's own rhythm and tells who is slipping away, and how sure it is.")},
        {"is_done": False, "url": "people", "title": _("Meet your people"),
         "text": _("Here you will find the few who are worth a word today, and the first sentence.")},
    ]  # fmt: skip


def dressed(card: TodayCard) -> dict[str, Any]:
    return {"of": card, "facts": facts_of(card), "wash": wash_of(card.stage)}


def _user(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user
