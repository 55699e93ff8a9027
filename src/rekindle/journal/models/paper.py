"""Paper: letters and cards that were printed together."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class PrintRun(models.Model):
    """One row is one pile of letters that somebody printed. The letters are messages on paper that point here."""

    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    letters = models.PositiveIntegerField(default=0)
    held_back = models.PositiveIntegerField(default=0)
    posted_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.letters} letters"
