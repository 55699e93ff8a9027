"""Notes: what staff write down about a relationship, in their own words."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.relationship import Relationship


class Note(models.Model):
    """One row is one remark by a member of staff. The person it is about may ask to read it."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="notes")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.text[:60]
