"""Nights: each run of the stream, and each of its steps."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from rekindle.words import Word


class NightState(Word):
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "stopped"


class StepState(Word):
    WAITING = "waiting", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "stopped"


class Night(models.Model):
    """One row is one reading of everything up to the end of the day `as_of`. Written by workflows.nightly.

    `inputs` is the fingerprint of what was there to read (loads, settings) when it began: an unfinished night goes on
    where it stopped only while they are the same. `lease_until` in the past tells that nobody runs it any more.
    """

    as_of = models.DateField()
    inputs = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=NightState.choices(), default=NightState.RUNNING.value)
    people = models.PositiveIntegerField(null=True, blank=True)
    stages = models.JSONField(default=dict)
    decisions = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    begun_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["state", "-id"], name="nights_newest")]

    def __str__(self) -> str:
        return f"night of {self.as_of}"


class NightStep(models.Model):
    """One row is one named step of a night, with its time, its rows and the memory it took at most."""

    night = models.ForeignKey(Night, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=StepState.choices(), default=StepState.WAITING.value)
    begun_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    rows = models.BigIntegerField(null=True, blank=True)
    peak_mb = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["night", "name"], name="one_step_a_name")]

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"
