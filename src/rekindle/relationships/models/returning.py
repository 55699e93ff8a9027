"""Coming back: the safe return, and those who resurface before anybody knows them again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.party import Party
from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import Resurfaced, ReturnCredit


class SafeReturn(models.Model):
    """One row is one return: life `life` of a relationship, what to see to, and what was put back.

    `items` is a list of {code, state, note, by, at}. `restored` and `not_restored` name what the reset button put back
    and what it could not. Until `watch_until` a second leaving is watched for.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="returns")
    life = models.PositiveSmallIntegerField()
    returned_on = models.DateField()
    credit = models.CharField(max_length=12, choices=ReturnCredit.choices(), default=ReturnCredit.NOT_KNOWN.value)
    evidence = models.JSONField(default=dict, blank=True)
    items = models.JSONField(default=list, blank=True)
    restored = models.JSONField(default=list, blank=True)
    not_restored = models.JSONField(default=list, blank=True)
    restored_at = models.DateTimeField(null=True, blank=True)
    restored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    watch_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["relationship", "life"], name="one_return_a_life")]
        indexes = [models.Index(fields=["closed_at", "-returned_on"], name="returns_open")]

    def __str__(self) -> str:
        return f"return {self.life} of relationship {self.relationship_id}"


class Resurfacing(models.Model):
    """One row is one sign that somebody who left has spoken to us again, to be seen before the first answer.

    `via` is where they appeared (a load, the API, a case, the door page), `matched_by` what gave them away. A weak
    match waits for a human's yes or no; nothing is joined by itself.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="resurfacings")
    via = models.CharField(max_length=40)
    matched_by = models.CharField(max_length=40)
    other = models.ForeignKey(Party, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    words = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=12, choices=Resurfaced.choices(), default=Resurfaced.OPEN.value)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["party", "via", "matched_by"],
                condition=models.Q(state=Resurfaced.OPEN.value),
                name="one_open_resurfacing",
            )
        ]
        indexes = [models.Index(fields=["state", "-at"], name="resurfacings_open")]

    def __str__(self) -> str:
        return f"{self.party_id} resurfaced by {self.via}"
