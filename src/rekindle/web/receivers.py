"""What follows from signing in and from a changed second factor. allauth tells these things by signals only."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from rekindle.accounts.models import User
from rekindle.workflows import audit, staff


@receiver(user_logged_in)
def _note_sign_in(user: User, **_said: Any) -> None:
    audit.record("staff.signed_in", actor=user, subject=f"user:{user.pk}")


@receiver(user_logged_out)
def _note_sign_out(user: User | None, **_said: Any) -> None:
    if user is not None:
        audit.record("staff.signed_out", actor=user, subject=f"user:{user.pk}")


@receiver(password_changed)
def _note_password(user: User, **_said: Any) -> None:
    audit.record("staff.password_changed", actor=user, subject=f"user:{user.pk}")


@receiver([authenticator_added, authenticator_removed, authenticator_reset])
def _end_other_sessions(request: HttpRequest, user: User, **_said: Any) -> None:
    """A second factor that changes is a reason to doubt every session but the one that changed it."""
    with transaction.atomic():
        ended = staff.end_sessions(user, but_one=request.session.session_key)
        audit.record("staff.second_factor_changed", actor=user, subject=f"user:{user.pk}", details={"sessions": ended})
