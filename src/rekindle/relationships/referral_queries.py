"""Recommendations as their page lists them: by state, newest first, a page at a time."""

from __future__ import annotations

from rekindle.relationships.models import Referral
from rekindle.relationships.vocabulary import ReferralState

PAGE = 50


def page(state: ReferralState, *, before: int | None) -> list[Referral]:
    """Up to one more than a page, so that the caller knows whether there are older ones."""
    rows = Referral.objects.filter(state=state.value).select_related("referrer", "friend", "settled_by")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[: PAGE + 1])


def is_there(number: int) -> bool:
    return Referral.objects.filter(pk=number).exists()
