"""What people ask of us about their data, with the day by which the law wants an answer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.party import Party
from rekindle.relationships.vocabulary import RequestKind


class DataRequest(models.Model):
    """One row is one request. An erasure outlives the person it was about: `party` is then empty."""

    party = models.ForeignKey(Party, null=True, blank=True, on_delete=models.SET_NULL, related_name="data_requests")
    kind = models.CharField(max_length=16, choices=RequestKind.choices())
    via = models.CharField(max_length=40)
    words = models.CharField(max_length=1000, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    due_on = models.DateField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answer = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [models.Index(fields=["answered_at", "due_on"], name="data_requests_due")]

    def __str__(self) -> str:
        return f"{self.kind}, due {self.due_on}"
