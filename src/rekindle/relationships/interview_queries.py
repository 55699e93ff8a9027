"""Questions about exit interviews that pages ask; lists go by number, newest first, a page at a time."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from rekindle.relationships.models import Breakup, Episode, ExitInterview, Relationship, Tie
from rekindle.relationships.vocabulary import InterviewMode


def interview_of(number: int) -> ExitInterview | None:
    """One interview with everything a page says of it."""
    return _whole().filter(pk=number).first()


def of_end(end: Breakup) -> ExitInterview | None:
    """The interview about one end; there is at most one."""
    return _whole().filter(breakup=end).first()


def of_relationship(relationship: Relationship) -> list[ExitInterview]:
    """All of one relationship, the newest end first; there are as many as ends at most."""
    return list(_whole().filter(breakup__relationship=relationship).order_by("-breakup__ended_on", "-pk"))


def page(*, is_over: bool, before: int | None, limit: int) -> list[ExitInterview]:
    """Interviews that run, or are over, the newest first; `before` is the number the last page ended with."""
    over = Q(completed_at__isnull=False) | Q(declined_at__isnull=False) | Q(breakup__withdrawn_at__isnull=False)
    rows = _whole().filter(over if is_over else ~over)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[:limit])


def left_waiting(*, since: datetime, until: datetime, limit: int) -> list[ExitInterview]:
    """Interviews by link that were neither finished nor declined nor reminded of, whose last sign of life lies
    between the two instants; the longest waiting first."""
    rows = _whole().annotate(last_sign=Coalesce(F("last_answer_at"), F("begun_at")))
    waiting = rows.filter(
        mode=InterviewMode.PUBLIC.value, completed_at=None, declined_at=None, reminded_at=None,
        breakup__withdrawn_at=None, last_sign__gte=since, last_sign__lte=until,
    )  # fmt: skip
    return list(waiting.order_by("last_sign", "pk")[:limit])


def left_behind(*, until: datetime, limit: int) -> list[ExitInterview]:
    """Interviews that hold an answer and that nobody went on with since an instant; the longest waiting first."""
    rows = _whole().filter(completed_at=None, declined_at=None, breakup__withdrawn_at=None, last_answer_at__lte=until)
    return list(rows.order_by("last_answer_at", "pk")[:limit])


def usual_script() -> str:
    """The script of the newest interview with somebody who left of themselves; empty before the first."""
    rows = ExitInterview.objects.exclude(script="listening").order_by("-pk")
    return rows.values_list("script", flat=True).first() or ""


def ties_of(relationship: Relationship) -> list[Tie]:
    """Who of us knows them, also those who did once, the strongest first."""
    rows = Tie.objects.filter(party=relationship.party_id).select_related("staff")
    return list(rows.order_by(F("ended_on").asc(nulls_first=True), "-strength", "pk"))


def lives_of(relationship: Relationship) -> list[Episode]:
    """All lives, the first one first."""
    return list(Episode.objects.filter(relationship=relationship).order_by("number"))


def _whole() -> QuerySet[ExitInterview]:
    return ExitInterview.objects.select_related(
        "by", "breakup__relationship__party", "breakup__relationship__brand", "breakup__relationship__owner"
    )
