"""Tasks: touches that a human does."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import Channel, Suggestion, TaskSource, TaskState, TouchClass


class Task(models.Model):
    """One row is one suggestion for a human, with its reasons and an opening line. Written by the night.

    There is at most one open task a relationship and source. `decision` is the number of the decision it came from.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="tasks")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="tasks"
    )
    source = models.CharField(max_length=12, choices=TaskSource.choices(), default=TaskSource.NIGHT.value)
    suggestion = models.CharField(max_length=24, choices=Suggestion.choices())
    touch_class = models.CharField(max_length=16, choices=TouchClass.choices())
    channel = models.CharField(max_length=16, choices=Channel.choices())
    why_now = models.JSONField(default=list)
    opening_line = models.TextField(blank=True)
    value_at_stake_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    rank = models.PositiveIntegerField(null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(default=10)
    state = models.CharField(max_length=16, choices=TaskState.choices(), default=TaskState.OPEN.value)
    made_on = models.DateField()
    due_on = models.DateField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="tasks_answered",
    )
    answer = models.CharField(max_length=400, blank=True)
    decision = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["relationship", "source"],
                condition=models.Q(state__in=[TaskState.OPEN.value, TaskState.LATER.value]),
                name="one_open_task_a_source",
            )
        ]
        indexes = [
            models.Index(fields=["state", "due_on", "rank", "id"], name="tasks_of_the_day"),
            models.Index(fields=["owner", "state", "due_on"], name="tasks_of_an_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.suggestion} for relationship {self.relationship_id}"
