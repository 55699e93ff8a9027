"""How long we are quiet, as the business chose it: one row a version, never changed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class QuietPolicy(models.Model):
    """One row is one version of `relationships.policy.Quiet` as data; the highest version holds.

    A new version never touches an end already on record: its quiet is a stored instant.
    """

    version = models.PositiveIntegerField(unique=True)
    lengths = models.JSONField()
    reason = models.CharField(max_length=400)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "quiet policies"

    def __str__(self) -> str:
        return f"quiet policy {self.version}"
