"""What allauth is told: no sign-up from outside, and secrets of second factors sealed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken
from django.test import RequestFactory

from rekindle.accounts.adapter import ClosedDoor, SealedSecrets


def test_nobody_signs_up_from_outside() -> None:
    assert ClosedDoor().is_open_for_signup(RequestFactory().get("/")) is False


def test_a_sealed_secret_opens_again(home: Path) -> None:
    sealed = SealedSecrets().encrypt("JBSWY3DPEHPK3PXP")

    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert SealedSecrets().decrypt(sealed) == "JBSWY3DPEHPK3PXP"


def test_a_copy_of_the_books_alone_opens_nothing(home: Path) -> None:
    sealed = SealedSecrets().encrypt("JBSWY3DPEHPK3PXP")
    (home / "keys" / "second-factor.key").unlink()

    with pytest.raises(InvalidToken):
        SealedSecrets().decrypt(sealed)


def test_the_key_is_readable_by_its_owner_only(home: Path) -> None:
    SealedSecrets().encrypt("any")

    assert (home / "keys" / "second-factor.key").stat().st_mode & 0o077 == 0
