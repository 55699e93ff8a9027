"""Playbooks: plans of touches as data, in versions, and who is where in them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.journal.models.message import Message
from rekindle.relationships.models import Relationship
from rekindle.words import Word


class PlaybookState(Word):
    """Whether a playbook works. A paused one keeps everybody where they are; going on repeats nothing."""

    OFF = "off", "off"
    ON = "on", "on"
    PAUSED = "paused", "paused"


class Playbook(models.Model):
    """One row is one plan of touches by its code. What it says is in its versions; `current` is the one people enter.

    family   plans of one family exclude one another: a person is in at most one plan that woos
    """

    code = models.SlugField(max_length=40, unique=True)
    family = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=8, choices=PlaybookState.choices(), default=PlaybookState.OFF.value)
    current = models.ForeignKey("PlaybookVersion", null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return self.code


class PlaybookVersion(models.Model):
    """One row is what a playbook said from a day on; never changed. `body` follows packs/playbooks/schema.json."""

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.JSONField()
    note = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["playbook", "number"], name="one_playbook_version_a_number")]

    def __str__(self) -> str:
        return f"{self.playbook_id}, version {self.number}"


class EnrolmentState(Word):
    """Where somebody stands in a playbook."""

    ACTIVE = "active", "under way"
    FINISHED = "finished", "finished"
    LEFT = "left", "left before its end"


class Enrolment(models.Model):
    """One row is one person's way through one playbook, for one occasion.

    version     the one they entered with; a newer one does not move them
    occurrence  the occasion, frozen when they entered: "2026-11-22", "breakup:71"; the same occasion enters once
    step        the place of the next step in the version's body
    due_at      when that step is due; reason: why it ended, or why its last step was not done
    facts       what was known when they entered and is needed later
    """

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="enrolments", db_index=False)
    version = models.ForeignKey(PlaybookVersion, on_delete=models.PROTECT, related_name="+")
    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="enrolments")
    family = models.CharField(max_length=16, blank=True)
    occurrence = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=EnrolmentState.choices(), default=EnrolmentState.ACTIVE.value)
    step = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["playbook", "relationship", "occurrence"], name="one_enrolment_an_occurrence"
            ),
            models.UniqueConstraint(
                fields=["relationship", "family"],
                condition=models.Q(state=EnrolmentState.ACTIVE.value) & ~models.Q(family=""),
                name="one_active_enrolment_a_family",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=models.Q(state=EnrolmentState.ACTIVE.value),
                name="enrolments_due",
            ),
            models.Index(fields=["playbook", "state", "-id"], name="enrolments_of_a_playbook"),
        ]

    def __str__(self) -> str:
        return f"relationship {self.relationship_id} in playbook {self.playbook_id}"


class EnrolmentStep(models.Model):
    """One row is one step that was taken for one person, or passed over. Only ever added to.

    outcome   "mail", "text", "card", "task", "silence" (deliberately nothing), "refused" (a rule), "lacking" (a fact)
    """

    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="steps", db_index=False)
    step = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    outcome = models.CharField(max_length=12)
    why = models.CharField(max_length=200, blank=True)
    message = models.ForeignKey(Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    task = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "step"], name="one_taking_of_a_step")]

    def __str__(self) -> str:
        return f"step {self.step} of enrolment {self.enrolment_id}: {self.outcome}"
