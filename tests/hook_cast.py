"""What other systems send, as their documentation shows it, cut to what matters here; and how they sign it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rekindle.accounts.models import User
from rekindle.journal.models import WebhookDelivery, WebhookSource
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.workflows import webhooks
from rekindle.workflows.hooks import signatures

SECRET = "whsec_0123456789abcdef"
NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)


def source(by: User, *, shape: WebhookShape = WebhookShape.STRIPE, slug: str = "pay") -> WebhookSource:
    return webhooks.make(slug, shape=shape, by=by, secret=SECRET).source


def body(said: Any) -> bytes:
    return json.dumps(said).encode()


def deliver(
    to: WebhookSource,
    said: Any,
    *,
    at: datetime,
    secret: str = SECRET,
    topic: str = "",
    number: str = "",
    signed_at: datetime | None = None,
    triggered: datetime | None = None,
) -> webhooks.Answer:
    """Signed as that source signs, at that instant."""
    raw = said if isinstance(said, bytes) else body(said)
    headers = signatures.sign(
        WebhookShape(to.shape), secret=secret, body=raw, at=signed_at or at, number=number or "d-1"
    )
    if topic:
        headers |= {"X-Shopify-Topic": topic, "X-Shopify-Triggered-At": (triggered or at).isoformat()}
    return webhooks.arrive(to.slug, headers=headers, body=raw, at=at)


def latest(to: WebhookSource) -> WebhookDelivery:
    return WebhookDelivery.objects.filter(source=to).latest("id")


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def event(kind: str, about: dict[str, Any], *, at: datetime, number: str = "", **more: Any) -> dict[str, Any]:
    """One of Stripe's events."""
    return {
        "id": number or f"evt_{kind}_{seconds(at)}_{about.get('id', '')}",
        "object": "event",
        "type": kind,
        "created": seconds(at),
        "livemode": True,
        "data": {"object": about, **more},
    }


def subscription(
    *, at: datetime, kind: str = "updated", contract: str = "sub_1", customer: str = "cus_Ana", **more: Any
) -> dict[str, Any]:
    about = {
        "id": contract, "object": "subscription", "customer": customer, "status": "active", "cancel_at": None,
        "cancel_at_period_end": False, "canceled_at": None, "ended_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "items": {"data": [{"id": "si_1", "current_period_end": seconds(at) + 86_400}]}, **more,
    }  # fmt: skip
    return event(f"customer.subscription.{kind}", about, at=at)


def notice(*, at: datetime, until: datetime, **more: Any) -> dict[str, Any]:
    return subscription(at=at, cancel_at=seconds(until), canceled_at=seconds(at), **more)


def over(*, at: datetime, reason: str = "cancellation_requested", **more: Any) -> dict[str, Any]:
    details = {"comment": more.pop("comment", None), "feedback": more.pop("feedback", None), "reason": reason}
    return subscription(
        at=at, kind="deleted", status="canceled", ended_at=seconds(at), canceled_at=seconds(at),
        cancellation_details=details, **more,
    )  # fmt: skip


def customer(
    *, at: datetime, number: str = "cus_Ana", email: str = "ana@example.org", name: str = "Ana Weber"
) -> dict[str, Any]:
    return event("customer.created", {"id": number, "object": "customer", "email": email, "name": name}, at=at)


def invoice(
    kind: str,
    *,
    at: datetime,
    number: str = "in_1",
    customer: str = "cus_Ana",
    email: str | None = "ana@example.org",
    minor: int = 4_500,
    tries: int = 1,
) -> dict[str, Any]:
    about = {
        "id": number, "object": "invoice", "customer": customer, "customer_email": email, "customer_name": "Ana Weber",
        "amount_paid": minor if kind == "paid" else 0, "amount_due": minor, "currency": "eur", "attempt_count": tries,
        "status_transitions": {"paid_at": seconds(at) if kind == "paid" else None},
    }  # fmt: skip
    return event(f"invoice.{kind}", about, at=at, number=f"evt_{kind}_{number}_{tries}")


def order(
    *, at: datetime, number: int = 1001, customer: int | None = 77, email: str = "ana@example.org", status: str = "paid"
) -> dict[str, Any]:
    """One of Shopify's orders."""
    account = {"id": customer, "email": email, "first_name": "Ana", "last_name": "Weber", "phone": None}
    return {
        "id": number, "admin_graphql_api_id": f"gid://shopify/Order/{number}", "name": f"#{number}", "email": email,
        "created_at": at.isoformat(), "processed_at": at.isoformat(), "currency": "EUR", "total_price": "49.90",
        "financial_status": status, "test": False, "customer": account if customer else None,
    }  # fmt: skip


def refund(*, at: datetime, order: int = 1001, number: int = 5, amount: str = "10.00") -> dict[str, Any]:
    move = {"id": 9, "kind": "refund", "status": "success", "amount": amount, "currency": "EUR"}
    return {"id": number, "order_id": order, "created_at": at.isoformat(), "transactions": [move]}


def contract(status: str, *, customer: int = 77, number: int = 500, revision: str = "1") -> dict[str, Any]:
    return {
        "admin_graphql_api_id": f"gid://shopify/SubscriptionContract/{number}", "id": number, "status": status,
        "customer_id": customer, "admin_graphql_api_customer_id": f"gid://shopify/Customer/{customer}",
        "revision_id": revision,
    }  # fmt: skip


def asks(topic: str, *, customer: int = 77, email: str = "ana@example.org") -> dict[str, Any]:
    said: dict[str, Any] = {"shop_id": 1, "shop_domain": "oak.myshopify.com"}
    return said | ({} if topic == "shop/redact" else {"customer": {"id": customer, "email": email, "phone": None}})
