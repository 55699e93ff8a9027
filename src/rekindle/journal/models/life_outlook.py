"""Life outlooks: how long each running life may still last. Return outlooks: how likely each ended one comes back."""

from __future__ import annotations

from django.db import models

from rekindle.relationships.models import Relationship


class LifeOutlook(models.Model):
    """One row is the belief about the end of one life that goes on. Written by the night, where it changed to the eye.

    p_end            chance to end within the next `period_days`; `by_cause` splits it
    p_end_horizon    chance to end within the business's horizon, `horizon_days`
    curve            chance to be with us after 1, 2, .. periods of `period_days`
    residual_days    days with us to expect within the curve's reach; what comes after it is not counted
    renewal_value    minor units of `currency`: what those days bring, discounted
    model            `hazard`, or `plain` where the trees were no better than the plain guess
    What is not known is NULL and `unknown` says why.
    """

    relationship = models.OneToOneField(Relationship, primary_key=True, on_delete=models.CASCADE)
    as_of = models.DateField()
    model = models.CharField(max_length=32)
    life = models.PositiveSmallIntegerField(default=1)
    period_days = models.PositiveSmallIntegerField()
    horizon_days = models.PositiveSmallIntegerField()
    p_end = models.FloatField(null=True)
    p_end_horizon = models.FloatField(null=True)
    by_cause = models.JSONField(default=dict)
    curve = models.JSONField(default=list)
    residual_days = models.FloatField(null=True)
    renewal_value_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    unknown = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-p_end_horizon", "relationship"], name="life_outlook_by_chance")]

    def __str__(self) -> str:
        return f"life outlook of relationship {self.relationship_id} on {self.as_of}"


class ReturnOutlook(models.Model):
    """One row is the belief about the return of one person whose relationship is over. Written by the night.

    group            whose returns it is read from: reason, wound, first life, the widest first; empty is everybody
    months_away      whole months since the end
    p_return_3, ..   chance to come back by themselves or with us within so many months, given still away
    second_value     minor units of `currency`: what a second life brings within `second_days` of its restart
    `_low` and `_high` bound the 80 % interval. What is not known is NULL and `unknown` says why.
    """

    relationship = models.OneToOneField(Relationship, primary_key=True, on_delete=models.CASCADE)
    as_of = models.DateField()
    group = models.CharField(max_length=200, blank=True)
    months_away = models.PositiveSmallIntegerField()
    p_return_3 = models.FloatField(null=True)
    p_return_6 = models.FloatField(null=True)
    p_return_12 = models.FloatField(null=True)
    p_return_12_low = models.FloatField(null=True)
    p_return_12_high = models.FloatField(null=True)
    second_days = models.PositiveIntegerField(null=True)
    second_value_minor = models.BigIntegerField(null=True)
    second_value_low_minor = models.BigIntegerField(null=True)
    second_value_high_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    unknown = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-p_return_12", "relationship"], name="return_outlook_by_chance")]

    def __str__(self) -> str:
        return f"return outlook of relationship {self.relationship_id} on {self.as_of}"
