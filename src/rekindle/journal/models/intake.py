"""Intakes: one load of data each, from the upload to its undoing."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.vocabulary import IntakeKind
from rekindle.words import Word

OWN_SOURCE: Final = "rekindle"
"""The source of the loads that we make ourselves, of what came back: the books hold the same things as rows."""


class IntakeState(Word):
    """How far a load has come. Only TAKEN loads are seen by anyone; a load between STAGED and TAKEN is resumed."""

    SURVEYED = "surveyed", "looked at"
    STAGED = "staged", "read, waiting for your word"
    TAKING = "taking", "being taken in"
    TAKEN = "taken", "taken in"
    UNDONE = "undone", "taken back"
    FAILED = "failed", "failed"


class Intake(models.Model):
    """One row is one load of data. Written by workflows.take_in.

    `survey` says how the files are read, `counts` what was kept, merged and refused and why. The staged rows and the
    rejects file lie in the load's own folder.
    """

    kind = models.CharField(max_length=16, choices=IntakeKind.choices())
    source = models.CharField(max_length=64)
    files = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=64, db_index=True)
    survey = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=IntakeState.choices(), default=IntakeState.SURVEYED.value)
    error = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    begun_at = models.DateTimeField(default=timezone.now)
    taken_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=models.Q(state=IntakeState.TAKEN.value),
                name="one_load_a_fingerprint",
            )
        ]

    def __str__(self) -> str:
        return f"load {self.pk} of {self.kind} from {self.source}"
