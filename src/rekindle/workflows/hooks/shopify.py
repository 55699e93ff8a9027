"""What Shopify tells: a topic in a header, and the thing itself as its REST resource (shopify.dev/docs/api/webhooks).

Only the body is signed, no header: so a delivery is known by its bytes, and what it means is read from the body. The
topic only chooses who reads it, and every reader looks for what only its own kind of thing holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from rekindle.relationships.vocabulary import BreakupKind, EventKind, Initiator, RequestKind
from rekindle.workflows.hooks import fields
from rekindle.workflows.hooks.told import Happened, Heard, Leaving, Step, Who

TOPIC: Final = "x-shopify-topic"
TRIGGERED: Final = "x-shopify-triggered-at"

_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
"""financial_status of an order whose money came, whatever was given back later."""
_LIVES: Final = frozenset({"active", "paused"})
_OVER: Final = frozenset({"cancelled", "expired", "failed"})


def read(body: bytes, *, headers: Mapping[str, str], at: datetime) -> Heard:
    """What a delivery says; for any bytes whatever.

    headers   names in lower case
    at        now, where the headers do not say when it was set off
    """
    said, topic = fields.document(body), fields.text(headers.get(TOPIC, ""), longest=80)
    heard = Heard(fields.by_content(body), topic)
    reader = _READERS.get(topic)
    if said is None or reader is None:
        aside = "it is not JSON" if said is None else f"we know nothing of {topic or 'a delivery without a topic'}"
        return Heard(heard.number, topic, is_understood=False, aside=aside)
    found = reader(heard, said, fields.instant(headers.get(TRIGGERED)) or at)
    return found or Heard(heard.number, topic, is_understood=False, aside=f"it does not look like {topic}")


def _customer(heard: Heard, said: dict[str, Any], at: datetime) -> Heard | None:
    del at
    if not fields.number(said.get("id")) or "first_name" not in said:
        return None
    return Heard(heard.number, heard.kind, who=_person(said))


def _order(heard: Heard, said: dict[str, Any], at: datetime) -> Heard | None:
    """A purchase once its money came; the same one whichever topic tells it."""
    del at
    order, when = fields.number(said.get("id")), fields.instant(said.get("processed_at") or said.get("created_at"))
    if not order or when is None or "financial_status" not in said:
        return None
    who = _buyer(said)
    if said.get("test") is True:
        return Heard(heard.number, heard.kind, who=who, aside="it is a test order")
    if fields.text(said.get("financial_status")) not in _PAID:
        return Heard(heard.number, heard.kind, who=who, aside="its money has not come yet")
    event = Happened(
        f"order:{order}", EventKind.PURCHASE.value, when, fields.amount(said.get("total_price")),
        fields.currency(said.get("currency")), ref=fields.text(said.get("name"), longest=60) or order, channel="shop",
    )  # fmt: skip
    return Heard(heard.number, heard.kind, who=who, events=(event,))


def _refund(heard: Heard, said: dict[str, Any], at: datetime) -> Heard | None:
    """Money given back. It names no customer, only the order."""
    del at
    refund, order = fields.number(said.get("id")), fields.number(said.get("order_id"))
    when = fields.instant(said.get("processed_at") or said.get("created_at"))
    moves = said.get("transactions")
    if not refund or not order or when is None or not isinstance(moves, list):
        return None
    events = tuple(
        Happened(
            f"refund:{refund}:{place}", EventKind.REFUND.value, when, fields.amount(fields.part(move, "amount")),
            fields.currency(fields.part(move, "currency")), ref=order, channel="shop", order=f"order:{order}",
        )
        for place, move in enumerate(moves[:100])
        if fields.part(move, "kind") == "refund" and fields.part(move, "status") == "success"
    )  # fmt: skip
    return Heard(heard.number, heard.kind, events=events, aside="" if events else "no money was given back")


def _contract(heard: Heard, said: dict[str, Any], at: datetime) -> Heard | None:
    gid, status = fields.text(said.get("admin_graphql_api_id")), fields.text(said.get("status")).lower()
    contract, customer = fields.number(said.get("id")), fields.number(said.get("customer_id"))
    if "SubscriptionContract/" not in gid or not contract or not customer:
        return None
    if status in _LIVES:
        step, leaving = Step(contract, "lives", at), Leaving()
    elif status in _OVER:
        step = Step(contract, "ended", at, ends_at=at)
        failed = Leaving(kind=BreakupKind.TECHNICAL, initiator=Initiator.CIRCUMSTANCE)
        leaving = failed if status == "failed" else Leaving()
    else:
        return Heard(heard.number, heard.kind, who=Who(number=customer), aside=f"its status is {status or 'missing'}")
    return Heard(heard.number, heard.kind, who=Who(number=customer), steps=(step,), leaving=leaving)


def _asks(kind: RequestKind) -> Callable[[Heard, dict[str, Any], datetime], Heard | None]:
    def reader(heard: Heard, said: dict[str, Any], at: datetime) -> Heard | None:
        del at
        if not fields.number(said.get("shop_id")) or not fields.text(said.get("shop_domain")):
            return None
        customer = said.get("customer")
        who = Who(
            number=fields.number(fields.part(customer, "id")),
            email=fields.address(fields.part(customer, "email")),
            phone=fields.address(fields.part(customer, "phone"), longest=40),
        )
        return None if who.is_nobody else Heard(heard.number, heard.kind, who=who, request=kind)

    return reader


def _shop_leaves(heard: Heard, said: dict[str, Any], at: datetime) -> Heard | None:
    del at
    if not fields.number(said.get("shop_id")) or not fields.text(said.get("shop_domain")) or "customer" in said:
        return None
    return Heard(heard.number, heard.kind, request=RequestKind.ERASURE, is_about_everybody=True)


def _buyer(said: dict[str, Any]) -> Who:
    """Whoever ordered: the account where there is one, else the address they gave."""
    account = said.get("customer")
    person = _person(account) if isinstance(account, dict) else Who()
    email = person.email or fields.address(said.get("email") or said.get("contact_email"))
    return Who(
        number=person.number,
        email=email,
        phone=person.phone or fields.address(said.get("phone"), longest=40),
        name=person.name,
        given_name=person.given_name,
        language=fields.text(said.get("customer_locale"), longest=16),
        introduces=bool(person.number or email),
    )


def _person(said: dict[str, Any]) -> Who:
    given = fields.text(said.get("first_name"), longest=100)
    return Who(
        number=fields.number(said.get("id")),
        email=fields.address(said.get("email")),
        phone=fields.address(said.get("phone"), longest=40),
        name=f"{given} {fields.text(said.get('last_name'), longest=99)}".strip(),
        given_name=given,
        country=fields.text(fields.part(said, "default_address", "country_code"), longest=64),
        introduces=True,
    )


_READERS: Final[dict[str, Callable[[Heard, dict[str, Any], datetime], Heard | None]]] = {
    "customers/create": _customer,
    "customers/update": _customer,
    "orders/create": _order,
    "orders/paid": _order,
    "orders/updated": _order,
    "refunds/create": _refund,
    "subscription_contracts/create": _contract,
    "subscription_contracts/update": _contract,
    "subscription_contracts/activate": _contract,
    "subscription_contracts/pause": _contract,
    "subscription_contracts/cancel": _contract,
    "subscription_contracts/expire": _contract,
    "subscription_contracts/fail": _contract,
    "customers/data_request": _asks(RequestKind.ACCESS),
    "customers/redact": _asks(RequestKind.ERASURE),
    "shop/redact": _shop_leaves,
}
