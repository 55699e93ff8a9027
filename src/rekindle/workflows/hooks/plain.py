"""What any system of one's own tells: one JSON object with a `kind`, described in docs/webhooks.md.

customer        who somebody is
cancellation    their contract ends, or will          staying   it does not, after all
event           something happened                    failed_payment   money did not come
suppression     never write to them again
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from rekindle.relationships.reasons import BY_CODE, MOST
from rekindle.relationships.vocabulary import BreakupKind, EventKind, Feeling, Initiator
from rekindle.workflows.hooks import fields
from rekindle.workflows.hooks.signatures import DELIVERY
from rekindle.workflows.hooks.told import Happened, Heard, Leaving, Step, Who

LONGEST_REASON: Final = 200


def read(body: bytes, *, headers: Mapping[str, str], at: datetime) -> Heard:
    """What a delivery says; for any bytes whatever.

    headers   names in lower case; the signed Rekindle-Delivery is its number
    at        now, where the delivery does not say when it happened
    """
    number = fields.number(headers.get(DELIVERY)) or fields.by_content(body)
    said = fields.document(body)
    kind = fields.text(fields.part(said, "kind"), longest=80)
    reader = _READERS.get(kind)
    if said is None or reader is None:
        unknown = f"we know nothing of kind {kind}" if kind else "it does not say its kind"
        aside = "it is not a JSON object" if said is None else unknown
        return Heard(number, kind, is_understood=False, aside=aside)
    who = _who(said, introduces=kind == "customer")
    if who.is_nobody:
        return Heard(number, kind, is_understood=False, aside="it says of nobody: give who, email or phone")
    when = fields.instant(said.get("at"))
    if when is None and said.get("at") is not None:
        return Heard(number, kind, is_understood=False, aside="its at is no instant; write 2026-03-31T09:00:00Z")
    return reader(Heard(number, kind, who=who), said, when or at)


def _customer(heard: Heard, said: dict[str, Any], at: datetime) -> Heard:
    del said, at
    return heard


def _cancellation(heard: Heard, said: dict[str, Any], at: datetime) -> Heard:
    """The last day decides whether it is a notice; the one who reads it says so on the day itself."""
    last_day = fields.day(said.get("ended_on"))
    if last_day is None:
        return Heard(heard.number, heard.kind, is_understood=False, aside="ended_on is missing; write 2026-03-31")
    about = fields.number(said.get("contract"))
    step = Step(about, "ended" if last_day <= at.date() else "notice", at, ends_on=last_day)
    leaving = Leaving(
        kind=next((kind for kind in BreakupKind if kind.value == said.get("how")), None),
        initiator=next((who for who in Initiator if who.value == said.get("initiator")), Initiator.CUSTOMER),
        reasons=_reasons(said.get("reasons")),
        verbatim=fields.text(said.get("verbatim"), longest=fields.LONGEST_VERBATIM),
        feeling=next((one for one in Feeling if one.value == said.get("feeling")), Feeling.NOT_TOLD),
    )
    return Heard(heard.number, heard.kind, who=heard.who, steps=(step,), leaving=leaving)


def _staying(heard: Heard, said: dict[str, Any], at: datetime) -> Heard:
    return Heard(
        heard.number, heard.kind, who=heard.who, steps=(Step(fields.number(said.get("contract")), "lives", at),)
    )


def _event(heard: Heard, said: dict[str, Any], at: datetime) -> Heard:
    what = fields.word(said.get("event"))
    if not what:
        return Heard(heard.number, heard.kind, is_understood=False, aside="event is missing; name what happened")
    if what == EventKind.ENDED.value:
        return Heard(
            heard.number, heard.kind, is_understood=False, aside="an end is told as kind cancellation, with ended_on"
        )
    return Heard(heard.number, heard.kind, who=heard.who, events=(_happened(heard, said, at, kind=what),))


def _failed_payment(heard: Heard, said: dict[str, Any], at: datetime) -> Heard:
    event = _happened(heard, said, at, kind=EventKind.PAYMENT_FAILED.value)
    return Heard(heard.number, heard.kind, who=heard.who, events=(event,))


def _suppression(heard: Heard, said: dict[str, Any], at: datetime) -> Heard:
    del at
    reason = " ".join(fields.text(said.get("reason"), longest=LONGEST_REASON).split())
    return Heard(heard.number, heard.kind, who=heard.who, suppress=reason or "told by another system")


def _happened(heard: Heard, said: dict[str, Any], at: datetime, *, kind: str) -> Happened:
    return Happened(
        fields.number(said.get("id")) or heard.number,
        kind,
        at,
        fields.amount(said.get("amount")),
        fields.currency(said.get("currency")),
        ref=fields.text(said.get("ref"), longest=60),
        channel=fields.text(said.get("channel"), longest=40),
        contract_ended_on=fields.day(said.get("contract_ended_on")),
    )


def _reasons(value: Any) -> tuple[str, ...]:
    """Up to three known codes, each once; one that says nothing is known stands alone or not at all."""
    codes = value if isinstance(value, list) else [value]
    known = [code for code in dict.fromkeys(map(fields.text, codes)) if code in BY_CODE]
    told = [code for code in known if BY_CODE[code].push != "unknown"]
    return tuple(told[:MOST] or known[:1])


def _who(said: dict[str, Any], *, introduces: bool) -> Who:
    email = fields.address(said.get("email"))
    return Who(
        number=fields.number(said.get("who")),
        email=email,
        phone=fields.address(said.get("phone"), longest=40),
        name=fields.text(said.get("name")),
        given_name=fields.text(said.get("given_name"), longest=100),
        language=fields.text(said.get("language"), longest=16),
        country=fields.text(said.get("country"), longest=64),
        introduces=introduces or bool(email),
    )


_READERS: Final[dict[str, Callable[[Heard, dict[str, Any], datetime], Heard]]] = {
    "customer": _customer,
    "cancellation": _cancellation,
    "staying": _staying,
    "event": _event,
    "failed_payment": _failed_payment,
    "suppression": _suppression,
}
