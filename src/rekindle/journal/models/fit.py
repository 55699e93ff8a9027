"""Fits: what a model learned from the whole history on one night."""

from __future__ import annotations

from django.db import models

from rekindle.journal.models.night import Night


class Fit(models.Model):
    """One row is one model or baseline on one night, used or not, with its error on held-out time."""

    night = models.ForeignKey(Night, on_delete=models.CASCADE, related_name="fits")
    model = models.CharField(max_length=32)
    unit = models.CharField(max_length=16, default="days")
    parameters = models.JSONField(default=dict)
    standard_errors = models.JSONField(null=True, blank=True)
    log_likelihood = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField()
    converged = models.BooleanField(default=True)
    boundary = models.TextField(null=True, blank=True)
    held_out = models.JSONField(default=dict)
    baselines = models.JSONField(default=dict)
    is_chosen = models.BooleanField(default=False)
    why = models.TextField(blank=True)
    state = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["night", "model"], name="one_fit_a_model_and_night")]

    def __str__(self) -> str:
        return f"{self.model} on {self.n} people"
