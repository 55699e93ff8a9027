"""The yearly review: every relationship looked at once a year, and what was decided."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import ReviewAnswer


class Review(models.Model):
    """One row is one look at one relationship. Open until `answered_at`; the next one falls due on `next_on`.

    `facts` holds what the card showed when it was answered, so that the minutes can be read years later.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="reviews")
    due_on = models.DateField()
    asked_at = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=12, choices=ReviewAnswer.choices(), blank=True)
    minutes = models.TextField(blank=True)
    facts = models.JSONField(default=dict, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    next_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["relationship"],
                condition=models.Q(answered_at=None),
                name="one_open_review_a_relationship",
            )
        ]
        indexes = [models.Index(fields=["answered_at", "due_on", "id"], name="reviews_due")]

    def __str__(self) -> str:
        return f"review of relationship {self.relationship_id}, due {self.due_on}"
