"""Staff: who signs in, with which role, and the one-time links that let them set their first password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from rekindle.accounts.roles import Deed, Role, may


class StaffManager(BaseUserManager["User"]):
    """Makes members of staff; there is no default account and no default password."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """One row is one member of staff. Written by the owner set-up, by invitations and by the person."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices(), default=Role.ANALYST.value)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    minutes_per_day = models.PositiveSmallIntegerField(default=60)
    joined_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[StaffManager] = StaffManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_account_an_address")]

    def __str__(self) -> str:
        return self.name or self.email

    def may(self, deed: Deed) -> bool:
        """Whether this member of staff, as long as active, is allowed the deed."""
        return self.is_active and may(self.role, deed)


class SetUpLink(models.Model):
    """One row is one link, usable once, that lets its holder make an account with the given role.

    Only a hash of the token is kept. Written at first start for the owner, later by invitations.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices())
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="links_made")
    used_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="links_used")

    def __str__(self) -> str:
        return f"set-up link for {self.role}, until {self.expires_at:%Y-%m-%d %H:%M} UTC"

    @staticmethod
    def hash_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def make(cls, role: Role, *, lasts: timedelta, made_by: User | None = None) -> str:
        """A fresh token for that role. The token is given once and never stored."""
        token = secrets.token_urlsafe(32)
        cls.objects.create(
            token_hash=cls.hash_of(token),
            role=role.value,
            expires_at=timezone.now() + lasts,
            made_by=made_by,
        )
        return token


class ApiToken(models.Model):
    """One row is one key to the API, in the name of one member of staff and with no more rights than theirs.

    Only a hash of it is kept. It is shown once, may be narrowed to reading, has an end, and can be taken back.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    starts_with = models.CharField(max_length=12)
    reads_only = models.BooleanField(default=True)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.starts_with})"


class Handover(models.Model):
    """One row is one time that a member of staff handed people on: for a leave, or for good. Written by an owner.

    `until` is the last day of a leave, empty for good; `returned_at` is when the people came back, at the end of the
    leave or because the handover was undone. `stages` empty: everybody.
    """

    giver = models.ForeignKey(User, on_delete=models.CASCADE, related_name="handovers")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="handovers_made", db_index=False)
    made_at = models.DateTimeField(default=timezone.now)
    until = models.DateField(null=True, blank=True)
    stages = models.JSONField(default=list)
    returned_at = models.DateTimeField(null=True, blank=True)
    is_undone = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["until"], condition=models.Q(returned_at=None), name="handovers_to_come_back")]

    def __str__(self) -> str:
        return f"from {self.giver}, {self.made_at:%Y-%m-%d}"


class HandedOver(models.Model):
    """One row is one relationship of a handover, by its number, with the colleague who looks after it meanwhile."""

    handover = models.ForeignKey(Handover, on_delete=models.CASCADE, related_name="people", db_index=False)
    relationship = models.BigIntegerField(db_index=True)
    taker = models.ForeignKey(User, on_delete=models.CASCADE, related_name="taken_over", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["handover", "relationship"], name="handed_over_once")]

    def __str__(self) -> str:
        return f"relationship {self.relationship} to {self.taker}"
