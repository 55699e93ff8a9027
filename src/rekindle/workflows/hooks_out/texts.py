"""The road of text messages: the one system of the house that asked for `message.text` sends them.

A text message goes through the outbox as a mail does, with every rule asked at the mark; here it is only handed over,
signed and numbered by its own token, so that it counts once whoever hears it twice. What leaves us whole and is not
answered, or is answered with 5xx, nobody knows about: it may have been sent.
"""

from __future__ import annotations

import json
from typing import Final

from rekindle.act.channels import webhook
from rekindle.act.channels.webhook import Answered, NotReached
from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted, Unknown
from rekindle.errors import RekindleError
from rekindle.journal.models import Hook
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.workflows.hooks import signatures
from rekindle.workflows.hooks_out import deliver, events
from rekindle.workflows.sealed import unseal

_AGAIN: Final = frozenset({408, 409, 421, 423, 425, 429})


def road_of_texts() -> Texts | None:
    """The road, as it is now; None where no system that is on asked for text messages: then they wait."""
    on = Hook.objects.filter(is_on=True).order_by("id")
    hook = next((one for one in on if events.MESSAGE_TEXT in one.events), None)
    return Texts(hook) if hook is not None else None


class Texts:
    """A road that takes envelopes whose recipient is a phone number. Each opens a line of its own."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def close(self) -> None:
        """Nothing to hang up."""

    def hand_over(self, envelope: Envelope) -> Handed:
        """Give one text message to the system. Never raises for what the other side does."""
        token = envelope.message_id.strip("<>").partition("@")[0]
        said = {
            "id": token, "event": events.MESSAGE_TEXT, "occurred_at": envelope.at.isoformat(),
            "data": {"to": envelope.recipient, "text": envelope.text},
        }  # fmt: skip
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            place, secret = webhook.read(self._hook.url), unseal(self._hook.secret)
        except RekindleError as error:
            return NotAccepted(None, error.what, is_server=True)
        signed = signatures.sign(WebhookShape.PLAIN, secret=secret, body=body, at=envelope.at, number=token)
        headers = {"Content-Type": "application/json", "User-Agent": "Rekindle", "Rekindle-Event": events.MESSAGE_TEXT}
        return _taken(
            webhook.post(place, body, headers={**headers, **signed}, walls=deliver.walls(), context=deliver.trust())
        )


def _taken(answer: Answered | NotReached) -> Handed:
    if isinstance(answer, NotReached):
        return Unknown(answer.why) if answer.is_written else NotAccepted(None, answer.why, is_server=True)
    said = f"it answered {answer.code}"
    if answer.code // 100 == 2:
        return Accepted(answer.code, said)
    if answer.code // 100 == 5:
        return Unknown(said)
    return NotAccepted(
        answer.code, said, is_final=answer.code in {400, 422}, is_server=answer.code not in {400, 422} | _AGAIN
    )
