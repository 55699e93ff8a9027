"""How allauth behaves here: nobody signs up from outside, and secrets of second factors are sealed in the books."""

from __future__ import annotations

import base64

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.http import HttpRequest

from rekindle import home


class ClosedDoor(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # the name allauth calls it by
        """Never: an account is made through a set-up link (accounts.SetUpLink) and by no other road."""
        return False


class SealedSecrets(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """The seed of an authenticator app and of recovery codes, encrypted; the key lies beside the books, not in them.

    A copy of the books alone gives nobody a second factor. Losing the key means setting the second factor up again.
    """

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()


def _cipher() -> Fernet:
    """The cipher under the key "second-factor" (256 bits, hex in its file, base64 as Fernet wants it)."""
    return Fernet(base64.urlsafe_b64encode(bytes.fromhex(home.key("second-factor"))))
