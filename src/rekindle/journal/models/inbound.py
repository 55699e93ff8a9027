"""What comes back: bounces, complaints, replies, clicks; each kept once, whatever road it came by."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.journal.models.message import Message, Security
from rekindle.relationships.models import Party
from rekindle.words import Word


class InboundKind(Word):
    """What came back."""

    DELIVERED = "delivered", "delivered"
    BOUNCED = "bounced", "refused for good"
    DEFERRED = "deferred", "delayed"
    COMPLAINED = "complained", "reported as unwanted"
    REPLY = "reply", "answer"
    AUTO_REPLY = "auto_reply", "automatic answer"
    FORWARDED = "forwarded", "forwarded by staff"
    UNSUBSCRIBED = "unsubscribed", "asked to hear nothing more"
    UNREADABLE = "unreadable", "could not be read"


class Inbound(models.Model):
    """One row is one thing that came back, once: the same number from the same source again changes nothing.

    source   "imap", or the slug of a provider; number: its id there, or the Message-ID, or a hash of the whole
    words    what they wrote, without what they quoted; empty for what machines say
    outcome  what followed from it, as a sentence for people
    """

    source = models.CharField(max_length=40)
    number = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=InboundKind.choices())
    message = models.ForeignKey(Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="came_back")
    party = models.ForeignKey(Party, null=True, blank=True, on_delete=models.SET_NULL, related_name="came_back")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    subject = models.CharField(max_length=300, blank=True)
    words = models.TextField(blank=True)
    code = models.CharField(max_length=20, blank=True)
    is_done = models.BooleanField(default=False)
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="one_inbound_a_number")]
        indexes = [
            models.Index(fields=["party", "-id"], name="inbound_of_a_party"),
            models.Index(fields=["is_done", "id"], name="inbound_to_do"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.source}"


class Click(models.Model):
    """One row is one visit to a link in a message. A scanner's visit is told apart and never a sign of life."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="clicks")
    url = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now)
    machine_score = models.FloatField()
    is_machine = models.BooleanField()
    why = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"click in message {self.message_id}"


class Mailbox(models.Model):
    """The one row that says where answers arrive. `password` is sealed; the last number read is per uidvalidity."""

    is_on = models.BooleanField(default=False)
    host = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(default=993)
    security = models.CharField(max_length=8, choices=Security.choices(), default=Security.TLS.value)
    username = models.CharField(max_length=320, blank=True)
    password = models.TextField(blank=True)
    folder = models.CharField(max_length=120, default="INBOX")
    uid_validity = models.BigIntegerField(null=True, blank=True)
    last_uid = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name_plural = "mailbox"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_mailbox")]

    def __str__(self) -> str:
        return self.host
