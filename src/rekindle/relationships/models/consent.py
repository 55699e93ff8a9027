"""May we write? Records of consent and its withdrawal, and the list of those who must never be reached."""

from __future__ import annotations

import hmac
from functools import lru_cache

from django.db import models
from django.utils import timezone

from rekindle import home
from rekindle.relationships.models.party import Party
from rekindle.relationships.vocabulary import Basis, Channel, IdentityKind, TouchClass


class Consent(models.Model):
    """One row is one ground to write to a party on a channel for a purpose, or its withdrawal.

    Once `withdrawn_at` is set it stays: a load may close a consent and never opens it again; only the person's own
    later act makes a new row. Undoing a load leaves consents as they are.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="consents")
    channel = models.CharField(max_length=16, choices=Channel.choices())
    purpose = models.CharField(max_length=16, choices=TouchClass.choices())
    basis = models.CharField(max_length=20, choices=Basis.choices(), default=Basis.CONSENT.value)
    obtained_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=200, blank=True)
    proof = models.TextField(blank=True)
    source = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    load = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["party", "channel", "purpose"], name="one_consent_a_channel_purpose")
        ]

    def __str__(self) -> str:
        return f"{self.channel} for {self.purpose}"


class Suppression(models.Model):
    """One row is one address or number that must never be reached again, kept only as a keyed hash.

    It survives merges, renames, erasure and every load. Undoing a load does not remove it.
    """

    kind = models.CharField(max_length=16, choices=IdentityKind.choices())
    key_hash = models.CharField(max_length=64)
    reason = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    load = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key_hash"], name="one_suppression_an_identity")]

    def __str__(self) -> str:
        return f"suppressed {self.kind}"


@lru_cache(maxsize=1)
def _key() -> bytes:
    return home.key("suppression").encode()


def suppression_hash(kind: IdentityKind, normal: str, *, source: str = "") -> str:
    """HMAC-SHA256 of a normalised identity under the business's own key, 64 hex digits.

    External numbers are hashed together with their source, because they mean nothing without it.
    """
    text = f"{kind.value}\x1f{source if kind is IdentityKind.EXTERNAL else ''}\x1f{normal}"
    return hmac.digest(_key(), text.encode(), "sha256").hex()
