"""The link in a text message, where every letter is paid for: it leads to the page that ends text messages.

A token is the person and their set of links in base 36, and 128 bits of HMAC-SHA256 over both. It opens that one page
and nothing else, holds no name, and is dead once the person is given new links; a wrong one, an old one and one made
for another purpose are told apart by nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from django.conf import settings
from django.urls import reverse

from rekindle import home
from rekindle.errors import NotFound
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows import links
from rekindle.workflows.links import LinkPurpose

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST: Final = 64
_BYTES: Final = 16


def address(party: Party) -> str:
    """Where one press ends text messages to them, in full."""
    return f"{settings.SITE_URL}{reverse('text_stop', args=[make(party)])}"


def make(party: Party) -> str:
    """The token of that party, safe in an address and in the alphabet of text messages."""
    return f"{_short(party.pk)}.{_short(party.links_given)}.{_signature(party.pk, party.links_given)}"


def page(token: str) -> str:
    """Where it leads: the page that stops text messages, with their link to it. Raises NotFound as `links.read`."""
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3 or not all(set(part) <= set(_DIGITS) for part in parts[:2]):
        raise _gone()
    number, given = (int(part or "z" * 20, 36) for part in parts[:2])
    if not hmac.compare_digest(_signature(number, given).encode(), parts[2].encode()):
        raise _gone()
    party = Party.objects.filter(pk=number, links_given=given).first()
    if party is None:
        raise _gone()
    return reverse("unsubscribe", args=[links.make(LinkPurpose.UNSUBSCRIBE, party, about=Channel.SMS.value)])


def _signature(number: int, given: int) -> str:
    said = f"rekindle.link.text_stop|{number}|{given}".encode()
    digest = hmac.digest(bytes.fromhex(home.key("links")), said, hashlib.sha256)[:_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _short(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def _gone() -> NotFound:
    return NotFound("this link is not valid any more", remedy="Ask us for a new one; any of our staff can make it.")
