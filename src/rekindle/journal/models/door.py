"""What came in through the doors: keys already used, and the webhooks of other systems."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.vocabulary import WebhookShape


class IdempotencyKey(models.Model):
    """One row is one POST of the API by its key: the same key again gets the same answer and has no second effect."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_effect_a_key")]

    def __str__(self) -> str:
        return self.key


class WebhookSource(models.Model):
    """One row is one other system that may tell us things. Secrets are sealed and never shown again.

    Two secrets, so that one can be changed without a gap: `secret` signs from now on, `old_secret` still opens.
    """

    slug = models.SlugField(unique=True)
    shape = models.CharField(max_length=12, choices=WebhookShape.choices())
    secret = models.TextField()
    old_secret = models.TextField(blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.slug


class WebhookDelivery(models.Model):
    """One row is one thing told to us, once: the same number again is answered and changes nothing.

    `outcome` is a sentence for people; no body is kept, only its hash.
    """

    source = models.ForeignKey(WebhookSource, on_delete=models.CASCADE, related_name="deliveries")
    number = models.CharField(max_length=200)
    kind = models.CharField(max_length=80, blank=True)
    body_hash = models.CharField(max_length=64)
    received_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=400, blank=True)
    is_done = models.BooleanField(default=False)
    breakup = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="one_delivery_a_number")]
        indexes = [models.Index(fields=["source", "-id"], name="deliveries_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
