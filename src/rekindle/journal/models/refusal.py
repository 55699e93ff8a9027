"""Refusals kept: every time somebody wished to reach a person and a rule said no."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass


class Refusal(models.Model):
    """One row is one no: the rule, the instant it changes by itself (empty: not by itself), and who had asked.

    A mere question (`why-not`) is no attempt and leaves no row.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="refusals")
    at = models.DateTimeField(default=timezone.now)
    touch_class = models.CharField(max_length=16, choices=TouchClass.choices())
    channel = models.CharField(max_length=16, choices=Channel.choices())
    rule = models.CharField(max_length=40)
    changes_at = models.DateTimeField(null=True, blank=True)
    asked_by = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes = [
            models.Index(fields=["-id", "rule"], name="refusals_newest"),
            models.Index(fields=["party", "-id"], name="refusals_of_a_party"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} for party {self.party_id}"
