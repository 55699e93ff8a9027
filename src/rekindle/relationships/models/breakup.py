"""Recorded ends: what somebody told us about a relationship that is over or will be."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import Initiator


class Breakup(models.Model):
    """One row is one end that was told to us, by a cancellation or by staff. Presumed ends live in Episode.

    `quiet_until` is the stored instant at which cooling-off is over; it is written once, at the end, and never
    worked out again. `load` is the intake that brought it.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="breakups")
    ended_on = models.DateField()
    noticed_on = models.DateField(null=True, blank=True)
    initiator = models.CharField(max_length=16, choices=Initiator.choices(), default=Initiator.CUSTOMER.value)
    stated_reason = models.CharField(max_length=200, blank=True)
    verbatim = models.TextField(blank=True)
    quiet_until = models.DateTimeField()
    source = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    load = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["relationship", "ended_on"], name="one_breakup_a_day")]

    def __str__(self) -> str:
        return f"end of relationship {self.relationship_id} on {self.ended_on}"
