"""Who is left alone on purpose, so that we learn what a plan does: drawn once, kept for good."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.journal.models.playbook import Playbook
from rekindle.relationships.models import Party
from rekindle.words import Word


class Arm(Word):
    """Which of two groups somebody was drawn into."""

    TREATED = "treated", "the plan"
    HELD_OUT = "held_out", "left alone"


class Holdout(models.Model):
    """One row is one question put to a playbook: what does it do? At most one open a playbook.

    share   of those who would enter, more than 0 and at most 0.5, who are left alone
    days    how long they are, and how long everybody is looked at from their own day on
    salt    with the party's number it decides who; another row draws other people
    """

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="holdouts")
    share = models.FloatField()
    days = models.PositiveSmallIntegerField()
    salt = models.CharField(max_length=32)
    began_at = models.DateTimeField(default=timezone.now)
    began_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["playbook"], condition=models.Q(ended_at=None), name="one_open_holdout_a_playbook"
            ),
            models.CheckConstraint(condition=models.Q(share__gt=0, share__lte=0.5), name="holdout_share_is_a_part"),
        ]

    def __str__(self) -> str:
        return f"{self.share:.0%} of playbook {self.playbook_id} left alone"


class Assignment(models.Model):
    """One row is one person drawn into an arm, when they would first have entered. The arm never changes.

    occurrence  the occasion of that day; until: the end of their window, later where another occasion came within it
    lifted_at   a human let them be spoken to before that; they still count as they were drawn
    """

    holdout = models.ForeignKey(Holdout, on_delete=models.CASCADE, related_name="assignments", db_index=False)
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="assignments")
    arm = models.CharField(max_length=8, choices=Arm.choices())
    assigned_at = models.DateTimeField()
    until = models.DateTimeField()
    occurrence = models.CharField(max_length=40)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lifted_why = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["holdout", "party"], name="one_arm_a_person")]
        indexes = [
            models.Index(
                fields=["party", "until"],
                condition=models.Q(arm=Arm.HELD_OUT.value, lifted_at=None),
                name="left_alone_now",
            ),
        ]

    def __str__(self) -> str:
        return f"party {self.party_id}: {self.arm} of holdout {self.holdout_id}"
