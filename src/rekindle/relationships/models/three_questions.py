"""The three questions after the quiet: what somebody who left would still tell us, once, and all of it optional."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from rekindle.relationships.models.breakup import Breakup
from rekindle.relationships.models.owed import Feedback


class ThreeQuestions(models.Model):
    """One row is what one person answered to the three questions about one end; written by `workflows.three_questions`.

    It comes into being with the first press of a button: a link that nobody used leaves no row. It is no exit
    interview: that one is asked at the end, may be over or declined since, and has rows of its own.

    answers   code of a question: {"value": ..., "at": instant}, or {"skipped": true, "at": instant}
    parted    how they say we parted: "well", "mixed", "badly"; empty where they did not say
    feedback  their words as they stand among the marks about us
    """

    breakup = models.OneToOneField(Breakup, on_delete=models.CASCADE, related_name="three_questions")
    script_version = models.CharField(max_length=12)
    answers = models.JSONField(default=dict, blank=True)
    parted = models.CharField(max_length=24, blank=True)
    feedback = models.OneToOneField(
        Feedback, null=True, blank=True, on_delete=models.SET_NULL, related_name="three_questions"
    )
    begun_at = models.DateTimeField(default=timezone.now)
    last_answer_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "three questions"

    def __str__(self) -> str:
        return f"three questions about {self.breakup}"
