"""Who may speak: HMAC-SHA256 over the raw body with a shared secret, compared in constant time.

    Stripe    Stripe-Signature: t=<seconds>,v1=<hex>[,v1=...]       over "<t>.<body>"
    Shopify   X-Shopify-Hmac-Sha256: <base64>                       over the body; no time is signed
    plain     Rekindle-Signature: t=<seconds>,v1=<hex>              over "<t>.<Rekindle-Delivery>.<body>"

Source: docs.stripe.com/webhooks (signatures, tolerance of five minutes); shopify.dev, "Verify webhooks". The plain
shape signs its number too, so that nobody on the way can send one delivery twice under two numbers.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rekindle.errors import Refused
from rekindle.relationships.vocabulary import WebhookShape

TOLERANCE_SECONDS: Final = 300
"""So far two clocks may lie apart; Stripe's own default."""
MOST_SIGNATURES: Final = 8
"""More in one header is nobody's rotation."""

STRIPE: Final = "stripe-signature"
SHOPIFY: Final = "x-shopify-hmac-sha256"
PLAIN: Final = "rekindle-signature"
DELIVERY: Final = "rekindle-delivery"


def check(
    shape: WebhookShape, *, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, at: datetime
) -> None:
    """Raises Refused, with the same words whatever was wrong with the signature.

    secrets   any of them opens
    headers   names in lower case
    at        now; where the signature is right and its time is not, the refusal says how far the clocks lie apart
    """
    if shape is WebhookShape.SHOPIFY:
        given = _base64(headers.get(SHOPIFY, ""))
        if given is None or not _any_is(given, [_digest(secret, body) for secret in secrets]):
            raise _forged()
        return
    time, signatures = _parts(headers.get(STRIPE if shape is WebhookShape.STRIPE else PLAIN, ""))
    signed = _signed(shape, time=time, number=headers.get(DELIVERY, ""), body=body)
    wanted = [_digest(secret, signed) for secret in secrets]
    if not any(_any_is(signature, wanted) for signature in signatures):
        raise _forged()
    apart = round(at.timestamp()) - int(time)
    if abs(apart) > TOLERANCE_SECONDS:
        raise Refused(
            f"the signature is right, but its time lies {abs(apart):,} seconds {'before' if apart > 0 else 'after'} "
            f"ours; {TOLERANCE_SECONDS} are allowed",
            rule="webhook_clock",
            remedy="Set both clocks right and send it again.",
        )


def sign(shape: WebhookShape, *, secret: str, body: bytes, at: datetime, number: str = "") -> dict[str, str]:
    """The headers a sender adds. For senders of the plain shape, for demonstrations and for tests."""
    time = str(int(at.timestamp()))
    if shape is WebhookShape.SHOPIFY:
        return {"X-Shopify-Hmac-Sha256": base64.b64encode(_digest(secret, body)).decode()}
    digest = _digest(secret, _signed(shape, time=time, number=number, body=body)).hex()
    if shape is WebhookShape.STRIPE:
        return {"Stripe-Signature": f"t={time},v1={digest}"}
    return {"Rekindle-Signature": f"t={time},v1={digest}", "Rekindle-Delivery": number}


def _signed(shape: WebhookShape, *, time: str, number: str, body: bytes) -> bytes:
    named = f"{time}." if shape is WebhookShape.STRIPE else f"{time}.{number}."
    return named.encode("utf-8", "surrogatepass") + body


def _digest(secret: str, signed: bytes) -> bytes:
    return hmac.digest(secret.encode(), signed, "sha256")


def _any_is(given: bytes, wanted: Sequence[bytes]) -> bool:
    return any(hmac.compare_digest(given, one) for one in wanted)


def _parts(header: str) -> tuple[str, list[bytes]]:
    """(time, signatures) of a header "t=...,v1=..."; a time that is none makes it empty of signatures."""
    time, signatures = "", list[bytes]()
    for item in header[:2_000].split(","):
        name, _equals, value = item.strip().partition("=")
        if name == "t":
            time = value
        elif name == "v1" and len(signatures) < MOST_SIGNATURES:
            try:
                signatures.append(bytes.fromhex(value))
            except ValueError:
                continue
    if not (time.isascii() and time.isdigit() and len(time) < 12):
        return "0", []
    return time, signatures


def _base64(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _forged() -> Refused:
    return Refused("this is not signed with our secret", rule="webhook_signature")
