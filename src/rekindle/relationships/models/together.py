"""Who belongs together, and who decided what: links between parties, decisions with the stance of each."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.party import Party
from rekindle.relationships.models.relationship import Relationship
from rekindle.relationships.vocabulary import LinkKind, StakeholderKind, Stance


class PartyLink(models.Model):
    """One row is one link from a party to another, from a day until a day: read it as "party, kind, other"."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="links")
    other = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="linked_from")
    kind = models.CharField(max_length=16, choices=LinkKind.choices())
    from_day = models.DateField(null=True, blank=True)
    to_day = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(party=models.F("other")), name="nobody_is_linked_to_themselves"),
            models.UniqueConstraint(
                fields=["party", "other", "kind"], condition=models.Q(to_day=None), name="one_open_link_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party_id} {self.kind} {self.other_id}"


class DecisionRecord(models.Model):
    """One row is one decision on their side, as far as we were told: what was decided, when, and how it came out."""

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="decision_records")
    on = models.DateField()
    what = models.CharField(max_length=400)
    outcome = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.what


class DecisionStance(models.Model):
    """One row is where one person stood in a decision."""

    record = models.ForeignKey(DecisionRecord, on_delete=models.CASCADE, related_name="stances")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="stances")
    role = models.CharField(max_length=20, choices=StakeholderKind.choices(), blank=True)
    stance = models.CharField(max_length=12, choices=Stance.choices())
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "party"], name="one_stance_a_person")]

    def __str__(self) -> str:
        return f"{self.party_id} {self.stance}"
