"""The business itself: made on first use with nothing claimed that nobody told us."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.relationships.models import Brand


def the_brand() -> Brand:
    """The one business of this installation."""
    brand = Brand.objects.order_by("id").first()
    return brand or Brand.objects.get_or_create(slug="main", defaults={"name": "Our business"})[0]


def today_of(brand: Brand) -> date:
    """The date it is now in the time zone of the business."""
    return timezone.now().astimezone(ZoneInfo(brand.time_zone)).date()


def end_of(day: date, brand: Brand) -> datetime:
    """The first instant after that day in the time zone of the business, as UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(brand.time_zone))
    return midnight.astimezone(UTC)
