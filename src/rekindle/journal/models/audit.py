"""The audit trail: who did what to whom, each entry bound to the one before by its hash."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One row is one deed. Only ever added: the database itself refuses to change or delete a row.

    `digest` is SHA-256 over the entry and the digest before it, so that a missing or altered entry shows.
    """

    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    verb = models.CharField(max_length=40)
    subject = models.CharField(max_length=80, blank=True)
    details = models.JSONField(default=dict)
    before = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject", "-id"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb} {self.subject}"
