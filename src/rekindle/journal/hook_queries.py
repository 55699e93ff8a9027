"""What the pages ask about other systems: sources, and the deliveries of each, newest first."""

from __future__ import annotations

from django.db.models import F, OuterRef, QuerySet, Subquery

from rekindle.journal.models import WebhookDelivery, WebhookSource


def sources() -> QuerySet[WebhookSource]:
    """All of them, the open ones first, each with `last_at`, the instant it last told something (None: never)."""
    newest = WebhookDelivery.objects.filter(source=OuterRef("pk")).order_by("-id").values("received_at")[:1]
    rows = WebhookSource.objects.select_related("made_by").annotate(last_at=Subquery(newest))
    return rows.order_by(F("closed_at").asc(nulls_first=True), "slug")


def deliveries(source: WebhookSource, *, before: int | None = None, limit: int = 50) -> list[WebhookDelivery]:
    """The newest first; with `before`, those older than that one."""
    rows = WebhookDelivery.objects.filter(source=source).order_by("-id")
    return list((rows if before is None else rows.filter(pk__lt=before))[:limit])
