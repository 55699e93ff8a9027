"""Letting a customer go decently: burdens as dated facts, the ladder, two signatures, and the clean break."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.breakup import Breakup
from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import Burden, ExitGround, ExitState, Rung


class BurdenFact(models.Model):
    """One row is one thing that happened, on a day, in words the person may read. Never a verdict on somebody.

    `disputed` holds their own answer to it. After `expires_on` it may no longer be a ground for anything.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="burdens")
    kind = models.CharField(max_length=16, choices=Burden.choices())
    on = models.DateField()
    what = models.CharField(max_length=1000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now)
    expires_on = models.DateField()
    disputed = models.CharField(max_length=1000, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [models.Index(fields=["relationship", "-on"], name="burdens_newest")]

    def __str__(self) -> str:
        return f"{self.kind} on {self.on}"


class CompanyExit(models.Model):
    """One row is one thought of ending a relationship from our side, from the first doubt to the last day, or dropped.

    The one who proposes and the one who approves are never the same. Nothing is told before it is approved.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="company_exits")
    ground = models.CharField(max_length=16, choices=ExitGround.choices())
    state = models.CharField(max_length=12, choices=ExitState.choices(), default=ExitState.OPEN.value)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    sent_back = models.CharField(max_length=400, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField(null=True, blank=True)
    notice_basis = models.CharField(max_length=200, blank=True)
    reason_told = models.CharField(max_length=1000, blank=True)
    keeps = models.CharField(max_length=1000, blank=True)
    could_go_to = models.CharField(max_length=1000, blank=True)
    helper = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    notice_text = models.TextField(blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    announced_how = models.CharField(max_length=200, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    dropped_why = models.CharField(max_length=400, blank=True)
    breakup = models.ForeignKey(Breakup, null=True, blank=True, on_delete=models.SET_NULL, related_name="company_exits")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approved_by=None)
                | (models.Q(proposed_by__isnull=False) & ~models.Q(approved_by=models.F("proposed_by"))),
                name="an_ending_by_us_takes_two",
            ),
            models.UniqueConstraint(
                fields=["relationship"],
                condition=models.Q(
                    state__in=[
                        ExitState.OPEN.value,
                        ExitState.PROPOSED.value,
                        ExitState.APPROVED.value,
                        ExitState.ANNOUNCED.value,
                    ]
                ),
                name="one_ending_by_us_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="company_exits_by_state")]

    def __str__(self) -> str:
        return f"ending relationship {self.relationship_id} by us: {self.state}"


class LadderStep(models.Model):
    """One row is one rung tried, or passed over with a reason, before an ending by us."""

    company_exit = models.ForeignKey(CompanyExit, on_delete=models.CASCADE, related_name="steps")
    rung = models.CharField(max_length=12, choices=Rung.choices())
    on = models.DateField()
    is_passed_over = models.BooleanField(default=False)
    what = models.CharField(max_length=1000)
    outcome = models.CharField(max_length=1000, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.rung} on {self.on}"


class CleanBreak(models.Model):
    """One row is one closing for good, and what it did: the proof. Holds counts and no address.

    A reopening needs an administrator, a reason and the person's own approach (`their_approach`).
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="clean_breaks")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    seconded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=400)
    proof = models.JSONField(default=dict)
    reopened_at = models.DateTimeField(null=True, blank=True)
    reopened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reopened_why = models.CharField(max_length=400, blank=True)
    their_approach = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [models.Index(fields=["relationship", "-id"], name="clean_breaks_newest")]

    def __str__(self) -> str:
        return f"relationship {self.relationship_id} closed for good"
