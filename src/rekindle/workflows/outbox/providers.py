"""The mail providers that can be chosen, what each asks for and what each can do. `provider` is the road itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from rekindle.errors import BadInput
from rekindle.journal.models import Sending
from rekindle.workflows.sealed import unseal

TOKEN: Final = "rekindle_message"  # noqa: S105  # the name under which a message's token travels, and comes back
_LONGEST_KEY: Final = 300
_LONGEST_URL: Final = 300


@dataclass(frozen=True)
class Kind:
    """A provider. keys: what it asks for, in the order of its page; a key in `optional` may be left out, and so may
    `api_url` where it is not among them: the address of another region.

    tracks   a message can switch off opens and clicks; else it is switched off in the provider's own settings
    bounces  a message can name where its bounces arrive
    carries  a message can carry its token, which then comes back with every event
    """

    label: str
    keys: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    tracks: bool = True
    bounces: bool = False
    carries: bool = True


PROVIDERS: Final[Mapping[str, Kind]] = {
    "brevo": Kind("Brevo", ("api_key",), tracks=False),
    "mailgun": Kind("Mailgun", ("api_key", "sender_domain"), frozenset({"sender_domain"})),
    "mailjet": Kind("Mailjet", ("api_key", "secret_key")),
    "mailtrap": Kind("Mailtrap", ("api_token",), tracks=False),
    "mandrill": Kind("Mandrill", ("api_key",)),
    "postal": Kind("Postal", ("api_key", "api_url"), tracks=False, bounces=True, carries=False),
    "postmark": Kind("Postmark", ("server_token", "message_stream"), frozenset({"message_stream"})),
    "resend": Kind("Resend", ("api_key",), tracks=False),
    "scaleway": Kind("Scaleway", ("secret_key", "project_id", "region"), frozenset({"region"}), tracks=False),
    "sparkpost": Kind("SparkPost", ("api_key",), bounces=True),
    "unisender_go": Kind("Unisender Go", ("api_key", "api_url")),
}
"""By the name that is kept. Not among them: who carries List-Unsubscribe in some accounts only, and those whose part of
the library is not kept up any more."""

SECRETS: Final = frozenset({"api_key", "api_token", "secret_key", "server_token"})
"""Keys that are never shown again."""


def checked(name: str, keys: Mapping[str, str]) -> dict[str, str]:
    """The keys as they are kept. Raises BadInput naming what is missing or cannot be."""
    kind = PROVIDERS.get(name)
    if kind is None:
        raise BadInput(f"{name[:40]!r} is no provider we know", where="provider", remedy="Choose one of the list.")
    found: dict[str, str] = {}
    for key in dict.fromkeys((*kind.keys, "api_url")):
        value = keys.get(key, "").strip()
        if not value and key in kind.keys and key not in kind.optional:
            raise BadInput(f"{kind.label} needs its {key.replace('_', ' ')}", where="provider",
                           remedy="Copy it from the provider's page.")  # fmt: skip
        if not value:
            continue
        if len(value) > _LONGEST_KEY or not value.isascii() or not value.isprintable() or " " in value:
            raise BadInput(f"the {key.replace('_', ' ')} holds odd letters", where="provider", remedy="Copy it again.")
        found[key] = _address(value) if key == "api_url" else value
    return found


def keys_of(row: Sending) -> dict[str, str]:
    """The keys of the provider that is kept, in clear. Raises Conflict where they cannot be opened."""
    if not row.provider_keys:
        return {}
    return {str(name): str(value) for name, value in json.loads(unseal(row.provider_keys)).items()}


def _address(url: str) -> str:
    """An address of the provider's: https, or this very machine, where nobody else reads along."""
    try:
        parts, _port = urlsplit(url), urlsplit(url).port
    except ValueError as error:
        raise BadInput("the api url cannot be read", where="provider", remedy="Copy it again.") from error
    here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if len(url) > _LONGEST_URL or not parts.hostname or "@" in parts.netloc or not (here or parts.scheme == "https"):
        raise BadInput("the api url is not https", where="provider", remedy="Give it as https://name.example/path.")
    return url
