"""Recorded ends: what somebody told us about a relationship that is over or will be."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import BreakupKind, Feeling, Initiator, Terms, Wound


class Breakup(models.Model):
    """One row is one end that was told to us, by a cancellation or by staff. Presumed ends live in Episode.

    `quiet_until` is the stored instant at which cooling-off is over: never worked out again by itself, changed only
    together with a new CoolingOff row that says who and why. `reasons` are up to three coded ones in their order as
    stated; `inferred_reasons` what we think, kept apart. `frozen` holds scores and signs as they stood on the day. The
    two losses are never summed. A notice that was taken back has `withdrawn_at`. `load` is the intake that brought it.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="breakups")
    ended_on = models.DateField()
    noticed_on = models.DateField(null=True, blank=True)
    initiator = models.CharField(max_length=16, choices=Initiator.choices(), default=Initiator.CUSTOMER.value)
    kind = models.CharField(max_length=20, choices=BreakupKind.choices(), blank=True)
    stated_reason = models.CharField(max_length=200, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    inferred_reasons = models.JSONField(default=list, blank=True)
    verbatim = models.TextField(blank=True)
    competitor = models.CharField(max_length=120, blank=True)
    feeling = models.CharField(max_length=12, choices=Feeling.choices(), default=Feeling.NOT_TOLD.value)
    wound = models.CharField(max_length=12, choices=Wound.choices(), default=Wound.NONE.value)
    terms_before = models.CharField(max_length=16, choices=Terms.choices(), blank=True)
    terms_after = models.CharField(max_length=16, choices=Terms.choices(), blank=True)
    return_condition = models.CharField(max_length=200, blank=True)
    expected_return_on = models.DateField(null=True, blank=True)
    run_rate_lost_minor = models.BigIntegerField(null=True, blank=True)
    residual_lost_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    frozen = models.JSONField(default=dict, blank=True)
    autopsy = models.JSONField(default=dict, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField()
    source = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    load = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["relationship", "ended_on"], name="one_breakup_a_day")]

    def __str__(self) -> str:
        return f"end of relationship {self.relationship_id} on {self.ended_on}"
