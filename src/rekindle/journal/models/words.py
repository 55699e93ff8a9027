"""What we may say: letters a business wrote itself, and things worth reading."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class OwnLetter(models.Model):
    """One row is one version of a letter that this business wrote, or changed from a pack; never changed itself.

    `body` follows packs/letters/schema.json. The newest version of a code that is not withdrawn is the letter of that
    code, in front of a pack's letter of the same code.
    """

    code = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    body = models.JSONField()
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "number"], name="one_letter_version_a_number")]

    def __str__(self) -> str:
        return f"{self.code}, version {self.number}"


class ContentItem(models.Model):
    """One row is one thing worth reading: an article, a tip, an event. Said to nobody twice.

    interests   words it is about, in small letters; empty: for everybody
    url         where it is; empty: the words are all of it
    fresh_until from then on it is old; None: it does not age
    """

    title = models.CharField(max_length=200)
    words = models.TextField()
    url = models.URLField(max_length=500, blank=True)
    language = models.CharField(max_length=16, default="en")
    interests = models.JSONField(default=list, blank=True)
    kinds = models.JSONField(default=list, blank=True)
    fresh_until = models.DateField(null=True, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title
