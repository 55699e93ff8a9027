"""Outlooks: what we believe about each relationship now."""

from __future__ import annotations

from django.db import models

from rekindle.relationships.models import Relationship


class Outlook(models.Model):
    """One row is the current belief about one relationship. Written by the night, only where it changed to the eye.

    Chances lie in [0, 1]; `_low` and `_high` bound the 80 % interval. Times are days, money is minor units of
    `currency`. What is not known is NULL and `unknown` says why.
    """

    relationship = models.OneToOneField(Relationship, primary_key=True, on_delete=models.CASCADE)
    as_of = models.DateField()
    model = models.CharField(max_length=32)
    horizon_days = models.PositiveSmallIntegerField()
    pulses = models.PositiveIntegerField(default=0)
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    p_alive = models.FloatField(null=True)
    p_none = models.FloatField(null=True)
    p_none_low = models.FloatField(null=True)
    p_none_high = models.FloatField(null=True)
    expected = models.FloatField(null=True)
    expected_low = models.FloatField(null=True)
    expected_high = models.FloatField(null=True)
    value_horizon_days = models.PositiveSmallIntegerField()
    value_minor = models.BigIntegerField(null=True)
    value_low_minor = models.BigIntegerField(null=True)
    value_high_minor = models.BigIntegerField(null=True)
    spent_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    usual_gap = models.FloatField(null=True)
    silent_days = models.PositiveIntegerField(null=True)
    overdue_days = models.FloatField(null=True)
    value_at_stake_minor = models.BigIntegerField(null=True)
    unknown = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-value_at_stake_minor", "relationship"], name="outlook_by_stake"),
            models.Index(fields=["-last_on", "relationship"], name="outlook_by_last_seen"),
        ]

    def __str__(self) -> str:
        return f"outlook of relationship {self.relationship_id} on {self.as_of}"
