"""The whole life of one message: what was decided, what the rules said, every attempt, what nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rekindle.errors import NotFound
from rekindle.journal.models import Message, MessageState
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows.outbox.put import sending

_NEXT: dict[str, str] = {
    MessageState.QUEUED: "It waits; nothing is to be done.",
    MessageState.CLAIMED: "A worker is about to hand it over.",
    MessageState.HANDING_OVER: "It is on the wire; where its worker is lost, it becomes one of the unknown.",
    MessageState.ACCEPTED: "Their side has taken it. It is not sent again.",
    MessageState.FAILED: "Their side said no. It is not sent again.",
    MessageState.UNKNOWN: "Nobody knows whether it arrived. No machine sends it again; say what you know of it.",
    MessageState.CLOSED_UNKNOWN: "Nobody ever knew; it counts as arrived.",
    MessageState.KEPT: "It was written into the folder of this house and not sent.",
    MessageState.CANCELLED: "It was held back and will not be sent.",
    MessageState.EXPIRED: "Its time was over before it could go. It will not be sent.",
}


def find(what: str) -> Message:
    """A message by its number, its key or its Message-ID. Raises NotFound."""
    what = what.strip()
    rows = Message.objects.select_related("party", "actor")
    found = rows.filter(pk=int(what)).first() if what.isdecimal() and len(what) < 19 else None
    found = found or rows.filter(key=what[:120]).first()
    found = found or rows.filter(message_id=f"<{what.strip('<>')}>"[:200]).first()
    if found is None:
        raise NotFound(f"no message {what!r}", remedy="Give its number, its key or its Message-ID.")
    return found


def explain(message: Message) -> dict[str, Any]:
    """The document of the command line: about the message, each step with its time, and what comes next."""
    return {
        "message": message.pk,
        "key": message.key,
        "message_id": message.message_id,
        "party": message.party_id,
        "class": message.touch_class,
        "channel": message.channel,
        "made_by": message.made_by,
        "state": message.state,
        "next": _next(message),
        "not_before": message.not_before,
        "expires_at": message.expires_at,
        "attempts": message.attempts,
        "rules": message.gate or None,
        "last_code": message.last_code,
        "last_error": message.last_error or None,
        "trail": [
            {"at": step.at, "phase": step.phase, "epoch": step.epoch, "code": step.code, "reply": step.reply,
             "worker": step.worker}
            for step in message.trail.order_by("id")
        ],
    }  # fmt: skip


def _next(message: Message) -> str:
    if message.state == MessageState.QUEUED.value and message.channel == Channel.SMS.value:
        from rekindle.workflows.outbox.text_road import open_texts

        if open_texts(sending(), folder=Path()) is None:
            return "It waits: no system here sends text messages; connect one in Settings, or it will be too late."
    return _NEXT[message.state]


def in_lines(document: dict[str, Any]) -> list[str]:
    """The same for people."""
    road = Channel(document["channel"]).label
    head = f"message {document['message']}: {document['class']} by {road}, for {document['made_by']}"
    rules = document["rules"]
    lines = [head, f"  {document['message_id']}  key {document['key']}"]
    if rules:
        lines.append(f"  the rules said: {rules['text']} [{rules['rule']}]")
    for step in document["trail"]:
        code = f" {step['code']}" if step["code"] else ""
        worker = f"  by {step['worker']}" if step["worker"] else ""
        lines.append(f"  {step['at']:%Y-%m-%d %H:%M:%S} UTC  {step['phase']}{code}  {step['reply']}{worker}".rstrip())
    return [*lines, f"  {document['next']}"]
