"""What the page of the nights asks the journal. Every list pages by key; nothing here counts a large table."""

from __future__ import annotations

from dataclasses import dataclass

from rekindle.journal.models import Fit, Night, NightStep, SignRecord

PAGE = 20  # our choice: about three weeks of nights on one screen


@dataclass(frozen=True)
class NightBook:
    """One night with everything written about it: steps in order, fits by model, signs by code."""

    night: Night
    steps: list[NightStep]
    fits: list[Fit]
    signs: list[SignRecord]


def newest() -> Night | None:
    """The night begun last, finished or not."""
    return Night.objects.order_by("-id").first()


def numbered(number: int) -> Night | None:
    """The night of that number; None when there is none."""
    return Night.objects.filter(pk=number).first()


def book_of(night: Night) -> NightBook:
    """The night's steps, fits and sign records in three queries."""
    return NightBook(
        night=night,
        steps=list(night.steps.all()),
        fits=list(night.fits.defer("state").order_by("model")),
        signs=list(night.sign_records.order_by("code")),
    )


def steps_of(night: Night) -> list[NightStep]:
    """The night's steps in their order, for the part of the page that renews itself."""
    return list(night.steps.all())


def before(number: int | None, *, limit: int = PAGE) -> tuple[list[Night], int | None]:
    """Up to `limit` nights older than that number (all when None), newest first, and the key of the next page."""
    rows = Night.objects.order_by("-id").defer("facts")
    if number is not None:
        rows = rows.filter(id__lt=number)
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return found[:limit], found[limit - 1].pk if more else None
