"""Secrets that must be read again, sealed in the books; the key lies beside them, in the home folder.

A copy of the books alone opens nothing. Losing the key means agreeing on new secrets.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken

from rekindle import home
from rekindle.errors import Conflict


def seal(secret: str) -> str:
    """The secret as it may stand in the books."""
    return _cipher().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret itself. Raises Conflict where the key is not the one it was sealed with."""
    try:
        return _cipher().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Conflict(
            "a secret cannot be opened with the key webhooks.key",
            remedy="Put the key file of this home folder back, or change the secret in Settings.",
        ) from error


def _cipher() -> Fernet:
    """The cipher under the key "webhooks" (256 bits, hex in its file, base64 as Fernet wants it)."""
    return Fernet(base64.urlsafe_b64encode(bytes.fromhex(home.key("webhooks"))))
