"""Messages: what is written to one person on one road, from the moment it is decided to the moment it is settled."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.words import Word


class MessageState(Word):
    """Where a message stands. Nothing leaves the last seven but a human's word, or a later truth about an unknown."""

    QUEUED = "queued", "waiting"
    CLAIMED = "claimed", "about to be handed over"
    HANDING_OVER = "handing_over", "being handed over"
    ACCEPTED = "accepted", "handed over"
    FAILED = "failed", "refused by their side"
    UNKNOWN = "unknown", "not known whether it arrived"
    CLOSED_UNKNOWN = "closed_unknown", "never known; counted as arrived"
    KEPT = "kept", "kept here, not sent"
    CANCELLED = "cancelled", "held back by a rule"
    EXPIRED = "expired", "too late to be sent"


OPEN = (MessageState.QUEUED, MessageState.CLAIMED, MessageState.HANDING_OVER)
"""States out of which a machine moves a message on."""
REACHED = (MessageState.HANDING_OVER, MessageState.ACCEPTED, MessageState.UNKNOWN, MessageState.CLOSED_UNKNOWN)
"""States in which the person has the message, or may have it: they count as a touch."""


class Message(models.Model):
    """One row is one message to one party on one road; `key` makes it one, whoever asks again.

    message_id   the Message-ID on the wire: the same over every attempt, told by `key` and nobody can guess it
    content      what it says, as a key: the same content goes to nobody twice
    epoch        counts who took it: only the latest holder may settle it
    not_before   the earliest instant; expires_at: from then on it is too late
    handed_at    when the last hand-over began; final_at: when it came to its end
    gate         the rules' answer at the instant it was handed over, or held back
    made_by      what asked for it: "letter", "interview", "playbook:woo:2"
    chosen       what was chosen for this one person, and the facts by which: {"hour": {"is": 18, "because": "..."}}
    print_run    the pile it was printed in, for a letter on paper; its `recipient` is the address, line by line
    A message of an erased person keeps its states and numbers; address, words and party are gone.
    """

    key = models.CharField(max_length=120, unique=True)
    party = models.ForeignKey(Party, null=True, blank=True, on_delete=models.SET_NULL, related_name="messages")
    channel = models.CharField(max_length=16, choices=Channel.choices())
    touch_class = models.CharField(max_length=16, choices=TouchClass.choices())
    recipient = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    content = models.CharField(max_length=80, blank=True)
    message_id = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=16, choices=MessageState.choices(), default=MessageState.QUEUED.value)
    not_before = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    epoch = models.PositiveIntegerField(default=0)
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_code = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    gate = models.JSONField(default=dict, blank=True)
    made_by = models.CharField(max_length=80)
    chosen = models.JSONField(default=dict, blank=True)
    print_run = models.ForeignKey(
        "journal.PrintRun", null=True, blank=True, on_delete=models.SET_NULL, related_name="messages"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    handed_at = models.DateTimeField(null=True, blank=True)
    final_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in MessageState]), name="message_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=models.Q(state=MessageState.QUEUED.value),
                name="messages_due",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=[MessageState.CLAIMED.value, MessageState.HANDING_OVER.value]),
                name="messages_held",
            ),
            models.Index(fields=["state", "-id"], name="messages_by_state"),
            models.Index(fields=["party", "-id"], name="messages_of_a_party"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}: {self.state}"


class MessageAttempt(models.Model):
    """One row is one thing that happened to a message. Only ever added to.

    phase   queued, claimed, handing_over, or the state or answer it came to
    code    what the other side answered, as its protocol counts; reply: its words, without addresses
    """

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="trail")
    epoch = models.PositiveIntegerField()
    phase = models.CharField(max_length=20)
    at = models.DateTimeField(default=timezone.now)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    reply = models.CharField(max_length=300, blank=True)
    worker = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["message", "id"], name="trail_of_a_message"),
            models.Index(fields=["phase", "at"], name="trail_by_phase"),
        ]

    def __str__(self) -> str:
        return f"message {self.message_id}: {self.phase}"


class Road(Word):
    """Where mail goes."""

    LOCAL = "local", "kept here"
    SMTP = "smtp", "mail server"
    PROVIDER = "provider", "mail provider"


class Security(Word):
    """How the connection to a mail server is protected."""

    STARTTLS = "starttls", "STARTTLS"
    TLS = "tls", "TLS from the start"
    NONE = "none", "none; only on this machine"


class Sending(models.Model):
    """The one row that says whether anything leaves this house, by which server, and in whose name.

    road         `local` keeps every message as a file in the home folder, until the owner chooses another
    paused       why a machine stopped sending; a human lets it go on
    generation   must equal the one beside the books: a copy or a restored backup does not send
    password     sealed; never shown again
    provider     the name of a mail provider, and its keys by name, sealed as one
    per_domain_minute   how many mails a minute one domain of theirs is given; 0: no limit of its own
    bounces_to   where bounces arrive; `+token` is put before its @, so that each tells which message it is about
    """

    road = models.CharField(max_length=8, choices=Road.choices(), default=Road.LOCAL.value)
    paused = models.CharField(max_length=300, blank=True)
    generation = models.CharField(max_length=32, blank=True)
    host = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(default=587)
    security = models.CharField(max_length=8, choices=Security.choices(), default=Security.STARTTLS.value)
    username = models.CharField(max_length=320, blank=True)
    password = models.TextField(blank=True)
    from_name = models.CharField(max_length=120, blank=True)
    from_address = models.CharField(max_length=320, blank=True)
    reply_to = models.CharField(max_length=320, blank=True)
    postal_address = models.CharField(max_length=300, blank=True)
    per_minute = models.PositiveIntegerField(default=600)
    per_domain_minute = models.PositiveIntegerField(default=0)
    provider = models.CharField(max_length=20, blank=True)
    provider_keys = models.TextField(blank=True)
    bounces_to = models.CharField(max_length=320, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name_plural = "sending"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_sending")]

    def __str__(self) -> str:
        return self.road
