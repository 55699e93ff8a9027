"""After an end: the quiet, and whether we would like the person back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.breakup import Breakup
from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import WantBack


class CoolingOff(models.Model):
    """One row is one stretch of quiet. `ends_at` is a stored instant, written once and never worked out again.

    A longer quiet may replace it by a new row; a shorter one needs `shortened_by` and `seconded_by`, two different
    people, and a reason. `superseded_at` is set on a row that another replaced.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="cooling_offs")
    breakup = models.ForeignKey(Breakup, null=True, on_delete=models.CASCADE, related_name="cooling_offs")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    basis = models.CharField(max_length=80)
    shortened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    seconded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=400, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("begins_at")), name="quiet_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=models.Q(shortened_by=None)
                | (models.Q(seconded_by__isnull=False) & ~models.Q(seconded_by=models.F("shortened_by"))),
                name="a_shorter_quiet_takes_two",
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], name="quiet_by_end")]

    def __str__(self) -> str:
        return f"quiet until {self.ends_at:%Y-%m-%d %H:%M} UTC"


class WantBackDecision(models.Model):
    """One row is one answer to: would we like them back? The latest row counts; none means undecided."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="want_backs")
    answer = models.CharField(max_length=16, choices=WantBack.choices(), default=WantBack.UNDECIDED.value)
    reason = models.CharField(max_length=400)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    seconded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(default=timezone.now)
    review_on = models.DateField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["relationship", "-id"], name="want_back_newest")]

    def __str__(self) -> str:
        return f"{self.answer}: {self.reason[:40]}"
