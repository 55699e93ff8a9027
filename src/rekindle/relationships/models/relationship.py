"""The relationship: a party and one of our brands, its lives, and every change of its stage."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.party import Party
from rekindle.relationships.vocabulary import Commercial, Contact, Stage, Terms


class Brand(models.Model):
    """One row is one of our businesses, with what the engine must be told about it. Written in Settings."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    currency = models.CharField(max_length=3, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    region = models.CharField(max_length=2, blank=True)
    pulse = models.CharField(max_length=64, blank=True)
    margin = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    discount_rate_per_year = models.DecimalField(max_digits=5, decimal_places=4, default="0.1000")
    horizon_days = models.PositiveSmallIntegerField(default=90)
    value_horizon_days = models.PositiveSmallIntegerField(default=730)
    minute_cost_minor = models.PositiveIntegerField(default=75)

    def __str__(self) -> str:
        return self.name


class Relationship(models.Model):
    """One row is one party with one brand. Loads create it; the night and people change its stage.

    `life` is the number of the current or last episode, 0 before the first purchase. `load` as in Party.
    """

    # The unique pair serves a look-up by party; there are few brands, and an index of them would find nothing quickly.
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="relationships", db_index=False)
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="relationships", db_index=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="relationships",
    )
    commercial = models.CharField(max_length=16, choices=Commercial.choices(), default=Commercial.NONE.value)
    contact = models.CharField(max_length=16, choices=Contact.choices(), default=Contact.OPEN.value)
    terms = models.CharField(max_length=16, choices=Terms.choices(), default=Terms.NEUTRAL.value)
    stage = models.CharField(max_length=20, choices=Stage.choices(), default=Stage.COURTSHIP.value)
    stage_since = models.DateField(null=True, blank=True)
    life = models.PositiveSmallIntegerField(default=0)
    load = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["party", "brand"], name="one_relationship_a_brand")]
        indexes = [models.Index(fields=["stage", "id"], name="relationship_by_stage")]

    def __str__(self) -> str:
        return f"{self.party} with {self.brand}"


class Episode(models.Model):
    """One row is one life of a relationship. Written by the night, from history and recorded ends.

    `ended_on` is empty while the life goes on. A presumed end carries its chance and the band of days in which it
    lies; `healed_on` is the day the person came back and a new life began.
    """

    relationship = models.ForeignKey(Relationship, on_delete=models.CASCADE, related_name="episodes", db_index=False)
    number = models.PositiveSmallIntegerField()
    began_on = models.DateField()
    last_seen_on = models.DateField()
    pulses = models.PositiveIntegerField()
    ended_on = models.DateField(null=True, blank=True)
    is_presumed = models.BooleanField(default=False)
    ended_chance = models.FloatField(null=True, blank=True)
    band_from = models.DateField(null=True, blank=True)
    band_to = models.DateField(null=True, blank=True)
    healed_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["relationship", "number"], name="one_episode_a_number")]

    def __str__(self) -> str:
        return f"life {self.number} of relationship {self.relationship_id}"


class StageChange(models.Model):
    """One row is one step from a stage to the next, with the rule that read it and the evidence it saw.

    `on` is the day it counts from, `night` the number of the night that wrote it (empty: a person did). A night
    that reads history again up to an earlier day marks what came later as undone instead of deleting it.
    """

    relationship = models.ForeignKey(
        Relationship, on_delete=models.CASCADE, related_name="stage_changes", db_index=False
    )
    from_stage = models.CharField(max_length=20, choices=Stage.choices(), blank=True)
    to_stage = models.CharField(max_length=20, choices=Stage.choices())
    on = models.DateField()
    rule = models.CharField(max_length=40)
    evidence = models.JSONField(default=dict)
    night = models.BigIntegerField(null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False)
    recorded_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        # The constraint also serves the steps of one relationship: there are few in a life.
        constraints = [
            models.UniqueConstraint(fields=["relationship", "on", "night", "to_stage"], name="one_stage_change_a_night")
        ]
        indexes = [models.Index(fields=["on"], name="stage_changes_by_day")]

    def __str__(self) -> str:
        return f"{self.from_stage or 'nothing'} to {self.to_stage} on {self.on}"
