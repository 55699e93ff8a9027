"""What other systems can be told of. Each holds numbers of ours; who wants a name asks the API for it, with a key.

`message.text` is the one that is no news but a road: the one system that asked for it is given the number and the words
of each text message, by `texts`, after all rules were asked. It is never written down as a telling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MESSAGE_HANDED_OVER: Final = "message.handed_over"
MESSAGE_FAILED: Final = "message.failed"
MESSAGE_UNKNOWN: Final = "message.unknown"
PERSON_UNSUBSCRIBED: Final = "person.unsubscribed"
PERSON_LEFT: Final = "person.left"
PERSON_RETURNED: Final = "person.returned"
PLAYBOOK_ENTERED: Final = "playbook.entered"
REPLY_RECEIVED: Final = "reply.received"
MESSAGE_TEXT: Final = "message.text"
TEST: Final = "test"

EVENTS: Final[Mapping[str, str]] = {
    MESSAGE_HANDED_OVER: "a message was handed over",
    MESSAGE_FAILED: "a message was refused by their side",
    MESSAGE_UNKNOWN: "nobody knows whether a message arrived",
    PERSON_UNSUBSCRIBED: "somebody wants to hear nothing more",
    PERSON_LEFT: "somebody left",
    PERSON_RETURNED: "somebody came back",
    PLAYBOOK_ENTERED: "somebody entered a playbook",
    REPLY_RECEIVED: "somebody answered",
    MESSAGE_TEXT: "a text message is to be sent, with its number and words",
}
"""By name, with the line people read; `test` is told by a press only and cannot be chosen."""
