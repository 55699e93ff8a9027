"""Why people do not recommend us: because it was never made easy, or because they would not.

An easy way is a letter that asks, or their own door, which shows the address to hand on.

Everybody who could: customers, and those who left on terms that are not bad. Each falls into one of five, by the
first that is true; the five add up to everybody. Sets in one query; nobody is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import DataRequest, Feedback, Referral, Relationship, Resurfacing
from rekindle.relationships.vocabulary import Commercial, FeedbackKind, Stage, Terms, TouchClass
from rekindle.words import Word
from rekindle.workflows.door import VIA

CONTENT_NPS = 9  # promoters, as the scale's inventor counts them (Reichheld 2003)
CONTENT_CSAT = 4
PAGE = 50


class Silence(Word):
    """Why somebody has or has not recommended us."""

    RECOMMENDED = "recommended", "recommended us"
    NO_EASY_ASK = "no_easy_ask", "never had an easy way to"
    NOT_CONTENT = "not_content", "asked, and not content with us"
    CONTENT_SILENT = "content_silent", "asked and content, and silent"
    NOT_KNOWN = "not_known", "asked; how content they are is not known"


@dataclass(frozen=True)
class Diagnosis:
    """How many fall into each; `of` is everybody who could recommend us."""

    counts: dict[Silence, int]
    of: int


def diagnosis() -> Diagnosis:
    """The five, over everybody who could recommend us."""
    found = dict(_could().values_list("silence").annotate(n=Count("pk")).order_by())
    counts = {word: int(found.get(word.value, 0)) for word in Silence}
    return Diagnosis(counts, sum(counts.values()))


def people(which: Silence, *, before: int | None = None) -> list[Relationship]:
    """Up to 50 of one kind, by key, newest first."""
    rows = _could().filter(silence=which.value).select_related("party", "owner")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[:PAGE])


def _could() -> QuerySet[Any]:
    """Relationships of those who could recommend us, each with its `silence`."""
    mine = {"party": OuterRef("party")}
    told = Feedback.objects.filter(
        relationship=OuterRef("pk"), kind__in=[FeedbackKind.NPS.value, FeedbackKind.CSAT.value], score__isnull=False
    ).order_by("-given_at", "-pk")
    content = Q(kind=FeedbackKind.NPS.value, score__gte=CONTENT_NPS) | Q(
        kind=FeedbackKind.CSAT.value, score__gte=CONTENT_CSAT
    )
    verdict = told.annotate(is_content=Case(When(content, then=Value("yes")), default=Value("no")))
    recommended = Referral.objects.filter(referrer=OuterRef("party"))
    asked = reached().filter(touch_class=TouchClass.REFERRAL_ASK.value, **mine)
    # Opening a page leaves no trace of ours; whoever spoke to us there had the address to hand on before their eyes.
    at_door = Exists(Resurfacing.objects.filter(via=VIA, **mine)) | Exists(DataRequest.objects.filter(via=VIA, **mine))
    return (
        Relationship.objects.exclude(commercial=Commercial.NONE.value, stage=Stage.COURTSHIP.value)
        .exclude(stage=Stage.CLOSED.value)
        .exclude(terms__in=[Terms.BAD.value, Terms.TOXIC.value])
        .filter(party__deceased_on=None)
        .annotate(content=Subquery(verdict.values("is_content")[:1], output_field=CharField()))
        .annotate(
            silence=Case(
                When(Exists(recommended), then=Value(Silence.RECOMMENDED.value)),
                When(~(Exists(asked) | at_door), then=Value(Silence.NO_EASY_ASK.value)),
                When(content="no", then=Value(Silence.NOT_CONTENT.value)),
                When(content="yes", then=Value(Silence.CONTENT_SILENT.value)),
                default=Value(Silence.NOT_KNOWN.value),
                output_field=CharField(),
            )
        )
    )
