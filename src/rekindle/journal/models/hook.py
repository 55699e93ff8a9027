"""Webhooks out: what other systems asked to be told, and every telling."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.words import Word


class Hook(models.Model):
    """One row is one address that is told of what happens here. The secret signs, is sealed and never shown again.

    events   the names of what it is told of; fault: why it was stopped
    """

    name = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    events = models.JSONField(default=list)
    secret = models.TextField()
    is_on = models.BooleanField(default=True)
    fault = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return self.name


class TellingState(Word):
    """Where a telling stands."""

    QUEUED = "queued", "waiting"
    CLAIMED = "claimed", "on its way"
    TOLD = "told", "told"
    FAILED = "failed", "given up"


class Telling(models.Model):
    """One row is one thing told to one hook, at least once; `number` is the same over every attempt."""

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="tellings")
    number = models.CharField(max_length=64)
    event = models.CharField(max_length=60)
    body = models.JSONField()
    state = models.CharField(max_length=12, choices=TellingState.choices(), default=TellingState.QUEUED.value)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    fault = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "number"], name="one_telling_a_number")]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=models.Q(state=TellingState.QUEUED.value),
                name="tellings_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to hook {self.hook_id}"
