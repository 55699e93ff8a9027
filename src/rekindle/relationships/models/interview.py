"""Exit interviews: what somebody who leaves was asked, and what they chose to answer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.breakup import Breakup
from rekindle.relationships.vocabulary import InterviewMode


class ExitInterview(models.Model):
    """One row is one interview about one end. It never stands in the way: the end is on record before the first word.

    `answers` maps the code of a question to its answer, each with the instant it was given, so that a half-told story
    is kept. `outcome` says what the answers became (reasons, consents, promises, the plan), `letter` the draft of the
    thank-you letter. `script` and `script_version` name the data the questions came from.
    """

    breakup = models.OneToOneField(Breakup, on_delete=models.CASCADE, related_name="interview")
    script = models.CharField(max_length=24)
    script_version = models.CharField(max_length=12)
    mode = models.CharField(max_length=8, choices=InterviewMode.choices())
    answers = models.JSONField(default=dict, blank=True)
    outcome = models.JSONField(default=dict, blank=True)
    letter = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    last_answer_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    declined_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"interview about {self.breakup}"
