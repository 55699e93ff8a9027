"""Where people are heard and seen by their own will: handles told to us, feeds they let us read, recommendations."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from rekindle.relationships.models.party import Party
from rekindle.relationships.models.task import Task
from rekindle.relationships.vocabulary import ReferralState


class SocialHandle(models.Model):
    """One row is one account of a party that was told to us by them; never looked up."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="handles")
    network = models.CharField(max_length=40)
    handle = models.CharField(max_length=200)
    url = models.CharField(max_length=500, blank=True)
    told_on = models.DateField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["party", "network", "handle"], name="one_handle_a_network"),
        ]

    def __str__(self) -> str:
        return f"{self.handle} on {self.network}"


class Feed(models.Model):
    """One row is one public feed that a party said we may read, in whose words and when. Ended: not read again."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="feeds")
    url = models.CharField(max_length=500)
    title = models.CharField(max_length=200, blank=True)
    consent = models.CharField(max_length=200)
    consented_on = models.DateField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=80, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=300, blank=True)
    faults = models.PositiveSmallIntegerField(default=0)
    ended_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["party", "url"], name="one_feed_a_party")]

    def __str__(self) -> str:
        return self.title or self.url


class FeedEntry(models.Model):
    """One row is one thing they published, once. `task` is the touch it was worth."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="entries")
    number = models.CharField(max_length=64)
    title = models.CharField(max_length=300, blank=True)
    url = models.CharField(max_length=500, blank=True)
    published_at = models.DateTimeField()
    seen_at = models.DateTimeField(default=timezone.now)
    task = models.ForeignKey(Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name_plural = "feed entries"
        constraints = [models.UniqueConstraint(fields=["feed", "number"], name="one_entry_a_feed")]

    def __str__(self) -> str:
        return self.title or self.number


class Referral(models.Model):
    """One row is one recommendation: who recommended us, and what the friend, by their own act, told us.

    friend   the party it became, once it did; `name` and `reach` are what the friend left, blanked when that is settled
    """

    referrer = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="referrals")
    friend = models.ForeignKey(Party, null=True, blank=True, on_delete=models.SET_NULL, related_name="referred_by")
    name = models.CharField(max_length=200, blank=True)
    reach = models.CharField(max_length=320, blank=True)
    words = models.TextField(blank=True)
    via = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=ReferralState.choices(), default=ReferralState.TOLD.value)
    told_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    thanked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "-id"], name="referrals_by_state")]

    def __str__(self) -> str:
        return f"recommended by {self.referrer_id}"
