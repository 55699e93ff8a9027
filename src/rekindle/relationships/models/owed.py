"""What we owe somebody and what matters to them: promises, milestones, goals, feedback, cases, roles and ties."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.party import Party
from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import (
    FeedbackKind,
    MilestoneKind,
    Precision,
    PromiseState,
    StakeholderKind,
)


class Promise(models.Model):
    """One row is one promise we made, to be kept by a day, and what became of it."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="promises")
    text = models.CharField(max_length=400)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="promises")
    made_at = models.DateTimeField(default=timezone.now)
    due_on = models.DateField()
    state = models.CharField(max_length=16, choices=PromiseState.choices(), default=PromiseState.OPEN.value)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=400, blank=True)
    told_customer = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["state", "due_on"], name="promises_due")]

    def __str__(self) -> str:
        return self.text


class Milestone(models.Model):
    """One row is one day to remember with a party, with how much of it is known and whether it is sensitive.

    `on` holds the known parts; where only day and month are known its year is 1904, a leap year, so that 29 February
    can be told.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="milestones")
    kind = models.CharField(max_length=20, choices=MilestoneKind.choices())
    title = models.CharField(max_length=200, blank=True)
    on = models.DateField()
    precision = models.CharField(max_length=12, choices=Precision.choices(), default=Precision.DAY.value)
    is_sensitive = models.BooleanField(default=False)
    may_remember = models.BooleanField(default=False)
    source = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.title or self.kind


class Goal(models.Model):
    """One row is something the customer wants to reach, by their own words."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="goals")
    text = models.CharField(max_length=400)
    by_day = models.DateField(null=True, blank=True)
    reached_on = models.DateField(null=True, blank=True)
    given_up_on = models.DateField(null=True, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.text


class Feedback(models.Model):
    """One row is one answer about us: a figure on its scale, words, or both. A bad one is closed by a human."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="feedbacks")
    kind = models.CharField(max_length=8, choices=FeedbackKind.choices())
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    words = models.TextField(blank=True)
    given_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answer = models.CharField(max_length=400, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.score if self.score is not None else self.words[:40]}"


class Case(models.Model):
    """One row is something that went wrong or was asked for, open until it is solved."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="cases")
    title = models.CharField(max_length=200)
    words = models.TextField(blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    solved_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["relationship", "solved_at"], name="cases_open")]

    def __str__(self) -> str:
        return self.title


class StakeholderRole(models.Model):
    """One row is one role a party holds towards us, or at an organisation, from a day until a day."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="roles")
    kind = models.CharField(max_length=20, choices=StakeholderKind.choices())
    organisation = models.ForeignKey(
        Party, null=True, blank=True, on_delete=models.CASCADE, related_name="people_in_roles"
    )
    from_day = models.DateField(null=True, blank=True)
    to_day = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.kind


class Tie(models.Model):
    """One row is a tie between a member of staff and a person, known to both."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="ties")
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ties")
    since = models.DateField(null=True, blank=True)
    strength = models.PositiveSmallIntegerField(default=1)
    note = models.CharField(max_length=200, blank=True)
    ended_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["party", "staff"], name="one_tie_a_pair")]

    def __str__(self) -> str:
        return f"{self.staff} and {self.party}"


class Merge(models.Model):
    """One row is one merging of two records of the same party, with everything needed to take it apart again."""

    kept = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="merges")
    gone = models.BigIntegerField()
    moved = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.gone} into {self.kept_id}"
