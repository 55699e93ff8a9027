"""Issues of a newsletter: an opening by a human and a few things worth reading, sent once to each of many."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.words import Word


class IssueState(Word):
    """Where an issue stands. What was sent or taken back is not sent again; a new one is written."""

    DRAFT = "draft", "being written"
    QUEUEING = "queueing", "being put into the outbox"
    QUEUED = "queued", "in the outbox"
    UNDONE = "undone", "taken back"


class Issue(models.Model):
    """One row is one issue. Its messages are known by their key, "issue:<number>:<party>".

    items       numbers of things worth reading, in the order in which they stand
    signer      the human whose name stands below
    per_minute  as many of its messages may become due in a minute; the rest of the mail has its own way beside it
    not_before  the first instant it may go; None: as soon as it is sent
    looked      who would get it when that was last asked: {"counts": {}, "rules": {}, "names": {}}, numbers of parties
    queued      how many messages it became
    """

    title = models.CharField(max_length=200)
    opening = models.TextField()
    language = models.CharField(max_length=16, default="en")
    items = models.JSONField(default=list, blank=True)
    signer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    per_minute = models.PositiveIntegerField(default=60)
    not_before = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=IssueState.choices(), default=IssueState.DRAFT.value)
    looked = models.JSONField(default=dict, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    queued = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in IssueState]), name="issue_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"issue {self.pk}: {self.state}"
