"""Decisions: the one choice made for each relationship, doing nothing included."""

from __future__ import annotations

from django.db import models

from rekindle.relationships.models import Relationship
from rekindle.relationships.vocabulary import Channel, Suggestion


class Decision(models.Model):
    """One row is the choice for one relationship from the day `as_of` on, written where it differs from the last.

    `refusal` and `refused_until` keep the rule that stood against the best option and the instant it changes.
    Somebody for whom nothing was ever worthwhile has no row: the choice of everybody, with rank and reason, lies in
    each night's snapshot (workflows.last_choice).
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    as_of = models.DateField()
    night = models.BigIntegerField()
    suggestion = models.CharField(max_length=24, choices=Suggestion.choices())
    channel = models.CharField(max_length=16, choices=Channel.choices(), blank=True)
    reason = models.CharField(max_length=40)
    evidence = models.JSONField(default=dict)
    value_at_stake_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    rank = models.PositiveIntegerField()
    wanted = models.CharField(max_length=24, choices=Suggestion.choices(), blank=True)
    refusal = models.CharField(max_length=40, blank=True)
    refused_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["relationship", "as_of"], name="one_decision_a_day")]

    def __str__(self) -> str:
        return f"{self.suggestion} for relationship {self.relationship_id} on {self.as_of}"
