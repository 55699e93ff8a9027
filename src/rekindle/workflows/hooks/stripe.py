"""What Stripe tells: an event of its API, as its documentation describes (docs.stripe.com/api/events).

A subscription is always told whole: whatever changed, it says where the contract stands at that instant. That makes
the order of deliveries, which Stripe does not promise, unimportant.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from rekindle.relationships.vocabulary import BreakupKind, EventKind, Initiator
from rekindle.workflows.hooks import fields
from rekindle.workflows.hooks.told import Happened, Heard, Leaving, Step, Who

_FEEDBACK: Final[dict[str, tuple[BreakupKind | None, tuple[str, ...]]]] = {
    "customer_service": (BreakupKind.DISSATISFIED, ("rude_service",)),
    "low_quality": (BreakupKind.DISSATISFIED, ("quality_fell",)),
    "missing_features": (BreakupKind.DISSATISFIED, ("missing_feature",)),
    "too_complex": (BreakupKind.DISSATISFIED, ("hard_to_use",)),
    "switched_service": (BreakupKind.PULLED, ("better_product",)),
    "too_expensive": (None, ("lower_price",)),
    "unused": (BreakupKind.NEED_CHANGED, ()),
}
"""Stripe's cancellation_details.feedback in our words, the nearest of each; "other" says nothing."""

_NOT_YET: Final = frozenset({"incomplete", "incomplete_expired"})
"""A subscription whose first payment never came: nothing began, nothing ended."""

# Digits after the point in Stripe's amounts; two but for these. Unlike ISO 4217 it writes ISK and UGX with two.
# Source: docs.stripe.com/currencies.
_NO_DIGITS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DIGITS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def read(body: bytes) -> Heard:
    """What a delivery says; for any bytes whatever."""
    said = fields.document(body)
    kind = fields.text(fields.part(said, "type"), longest=80)
    if said is None or not kind:
        return Heard(fields.by_content(body), kind, is_understood=False, aside="it is not a Stripe event")
    number = fields.number(said.get("id")) or fields.by_content(body)
    about, at = fields.part(said, "data", "object"), fields.seconds(said.get("created"))
    reader = _READERS.get(kind)
    if reader is None or at is None or not isinstance(about, dict):
        return Heard(number, kind, is_understood=False, aside=f"we know nothing of {kind}")
    if said.get("livemode") is False:
        return Heard(number, kind, aside="it comes from Stripe's test mode")
    return reader(Heard(number, kind, who=_who(about)), about, at, fields.part(said, "data", "previous_attributes"))


def _customer(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    del at, before
    who = Who(
        number=fields.number(about.get("id")),
        email=fields.address(about.get("email")),
        phone=fields.address(about.get("phone"), longest=40),
        name=fields.text(about.get("name")),
        language=fields.text(fields.part(about, "preferred_locales", 0), longest=16),
        country=fields.text(fields.part(about, "address", "country"), longest=64),
        introduces=True,
    )
    return Heard(heard.number, heard.kind, who=who)


def _subscription(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    """Where the contract stands: given up by Stripe (unpaid), ended, ending on a day, or alive."""
    del before
    contract, status = fields.number(about.get("id")), fields.text(about.get("status"))
    if status in _NOT_YET:
        return Heard(heard.number, heard.kind, who=heard.who, aside="its first payment never came")
    events: tuple[Happened, ...] = ()
    if heard.kind == "customer.subscription.deleted" or status == "canceled":
        over = fields.seconds(about.get("ended_at")) or fields.seconds(about.get("canceled_at")) or at
        step = Step(contract, "ended", at, ends_at=over)
    elif (until := _until(about)) is not None:
        step = Step(contract, "notice", at, ends_at=until)
    else:
        step = Step(contract, "lives", at)
        if status == "unpaid":
            events = (
                Happened(f"unpaid:{contract}:{int(at.timestamp())}", EventKind.PAYMENT_FAILED.value, at, ref=contract,
                         contract_ended_on=at.date()),
            )  # fmt: skip
    return Heard(
        heard.number, heard.kind, who=heard.who, steps=(step,), leaving=_leaving(about, step=step), events=events
    )


def _until(about: dict[str, Any]) -> datetime | None:
    """The instant for which a cancellation is booked; None where none is."""
    at = fields.seconds(about.get("cancel_at"))
    if at is not None or about.get("cancel_at_period_end") is not True:
        return at
    # Until March 2025 the period stood on the subscription, since then on each of its items.
    ends = [fields.seconds(about.get("current_period_end"))]
    items = fields.part(about, "items", "data")
    ends += (
        [fields.seconds(fields.part(item, "current_period_end")) for item in items] if isinstance(items, list) else []
    )
    return max((end for end in ends if end is not None), default=None)


def _leaving(about: dict[str, Any], *, step: Step) -> Leaving:
    details = about.get("cancellation_details")
    verbatim = fields.text(fields.part(details, "comment"), longest=fields.LONGEST_VERBATIM)
    if step.said == "ended" and fields.part(details, "reason") == "payment_failed":
        return Leaving(kind=BreakupKind.TECHNICAL, initiator=Initiator.CIRCUMSTANCE, verbatim=verbatim)
    kind, reasons = _FEEDBACK.get(fields.text(fields.part(details, "feedback")), (None, ()))
    return Leaving(kind=kind, reasons=reasons, verbatim=verbatim)


def _paid(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    del before
    invoice = fields.number(about.get("id"))
    paid_at = fields.seconds(fields.part(about, "status_transitions", "paid_at")) or at
    money = _money(about.get("amount_paid"), about)
    if not invoice or not money or float(money) <= 0:
        return Heard(heard.number, heard.kind, who=heard.who, aside="nothing was paid")
    event = Happened(f"invoice:{invoice}", EventKind.PAYMENT.value, paid_at, money, _currency(about), ref=invoice)
    return Heard(heard.number, heard.kind, who=heard.who, events=(event,))


def _not_paid(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    del before
    invoice, tries = fields.number(about.get("id")), fields.number(about.get("attempt_count"))
    if not invoice:
        return Heard(heard.number, heard.kind, is_understood=False, aside="the invoice has no number")
    money = _money(about.get("amount_due"), about)
    event = Happened(
        f"failed:{invoice}:{tries or int(at.timestamp())}", EventKind.PAYMENT_FAILED.value, at, money,
        _currency(about), ref=invoice,
    )  # fmt: skip
    return Heard(heard.number, heard.kind, who=heard.who, events=(event,))


def _charged(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    """A charge counts only where it says that it belongs to no invoice: an invoice tells its money itself."""
    del before
    charge = fields.number(about.get("id"))
    if not charge or "invoice" not in about or about["invoice"] is not None:
        return Heard(heard.number, heard.kind, who=heard.who, aside="its invoice or checkout tells the money")
    money = _money(about.get("amount"), about)
    event = Happened(f"charge:{charge}", EventKind.PURCHASE.value, at, money, _currency(about), ref=charge)
    return Heard(heard.number, heard.kind, who=heard.who, events=(event,))


def _bought(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    del before
    session = fields.number(about.get("id"))
    if not session or about.get("mode") != "payment" or about.get("payment_status") != "paid":
        return Heard(heard.number, heard.kind, who=heard.who, aside="its invoice tells the money")
    money = _money(about.get("amount_total"), about)
    event = Happened(f"checkout:{session}", EventKind.PURCHASE.value, at, money, _currency(about), ref=session)
    return Heard(heard.number, heard.kind, who=heard.who, events=(event,))


def _refunded(heard: Heard, about: dict[str, Any], at: datetime, before: Any) -> Heard:
    """What was given back this time: the sum so far less the sum before."""
    charge, total = fields.number(about.get("id")), about.get("amount_refunded")
    earlier = fields.part(before, "amount_refunded")
    this = total - earlier if isinstance(total, int) and isinstance(earlier, int) else total
    money = _money(this, about)
    if not charge or not money:
        return Heard(heard.number, heard.kind, who=heard.who, aside="nothing was given back")
    event = Happened(f"refund:{charge}:{total}", EventKind.REFUND.value, at, money, _currency(about), ref=charge)
    return Heard(heard.number, heard.kind, who=heard.who, events=(event,))


def _who(about: dict[str, Any]) -> Who:
    """Whom an object is about. Where it carries an address it also tells who they are."""
    customer, details = about.get("customer"), about.get("customer_details") or about.get("billing_details")
    email = fields.address(about.get("customer_email")) or fields.address(fields.part(details, "email"))
    return Who(
        number=fields.number(customer if not isinstance(customer, dict) else customer.get("id")),
        email=email,
        name=fields.text(about.get("customer_name")) or fields.text(fields.part(details, "name")),
        introduces=bool(email),
    )


def _currency(about: dict[str, Any]) -> str:
    return fields.currency(about.get("currency"))


def _money(minor: Any, about: dict[str, Any]) -> str:
    currency = _currency(about)
    return fields.from_minor(minor, digits=0 if currency in _NO_DIGITS else 3 if currency in _THREE_DIGITS else 2)


_Reader = Callable[[Heard, dict[str, Any], datetime, Any], Heard]
_READERS: Final[dict[str, _Reader]] = {
    "customer.created": _customer,
    "customer.updated": _customer,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.paused": _subscription,
    "customer.subscription.resumed": _subscription,
    "customer.subscription.deleted": _subscription,
    "invoice.paid": _paid,
    "invoice.payment_succeeded": _paid,
    "invoice.payment_failed": _not_paid,
    "charge.succeeded": _charged,
    "charge.refunded": _refunded,
    "checkout.session.completed": _bought,
    "checkout.session.async_payment_succeeded": _bought,
}
