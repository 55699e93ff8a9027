"""Caution signs: what was seen before others left, seen now on this person."""

from __future__ import annotations

from django.db import models

from rekindle.journal.models.night import Night
from rekindle.relationships.models import Relationship


class CautionSign(models.Model):
    """One row is one sign on one relationship, from the day it was raised until it cleared. Written by the night."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="caution_signs")
    code = models.CharField(max_length=32)
    raised_on = models.DateField()
    cleared_on = models.DateField(null=True, blank=True)
    strength = models.FloatField()
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["relationship", "code"],
                condition=models.Q(cleared_on__isnull=True),
                name="one_open_sign_a_code",
            )
        ]
        indexes = [models.Index(fields=["code", "cleared_on", "relationship"], name="signs_by_code")]

    def __str__(self) -> str:
        return f"{self.code} since {self.raised_on}"


class SignRecord(models.Model):
    """One row is how one sign has done on the business's own past, measured on one night."""

    night = models.ForeignKey(Night, on_delete=models.CASCADE, related_name="sign_records")
    code = models.CharField(max_length=32)
    horizon_days = models.PositiveSmallIntegerField()
    raised = models.PositiveIntegerField()
    ended = models.PositiveIntegerField()
    precision = models.FloatField(null=True)
    precision_low = models.FloatField(null=True)
    precision_high = models.FloatField(null=True)
    base_rate = models.FloatField(null=True)
    false_alarm_rate = models.FloatField(null=True)
    lead_days = models.FloatField(null=True)
    lead_low = models.FloatField(null=True)
    lead_high = models.FloatField(null=True)
    seen_before = models.FloatField(null=True)
    why_unknown = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["night", "code"], name="one_record_a_sign_and_night")]

    def __str__(self) -> str:
        return f"{self.code} on {self.raised} cases"
