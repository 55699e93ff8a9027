"""Mail by a provider's own interface: one recipient a message, and an honest answer about what became of it.

The line between "surely not" and "nobody knows" is the last byte of the request. What fails before it is no
hand-over. After it, 2xx is one, 4xx is none; 5xx, silence, a broken line and an answer that nobody can read leave the
question open, for a provider that says "error" may have queued the message a moment before.

A refusal of one message is kept apart from trouble of the house: a wrong key or an unpaid bill meets every message,
and three refusals in a row without one acceptance are taken for such trouble, before they use up what waits. After
three open questions in a row nothing is asked for a minute: what is not asked stays surely not sent.

No message carries a pixel or a rewritten link: tracking is switched off wherever the provider lets a message say so.

It lies here and not with the other roads in `act`, because its library is one of Django.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from email.utils import formataddr
from typing import Any, Final

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from rekindle.act.channels.mail import one_line
from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted, Unknown, wire
from rekindle.errors import BadInput
from rekindle.journal.models import Sending
from rekindle.workflows.outbox.providers import PROVIDERS, TOKEN, checked, keys_of

PATIENCE: Final = (10.0, 60.0)  # seconds to reach it, and for each silence while it answers
IN_A_ROW: Final = 3
PAUSE_SECONDS: Final = 60.0
_OF_THE_HOUSE: Final = frozenset({401, 402, 403, 404, 405, 407})
_AGAIN: Final = frozenset({408, 409, 421, 423, 425, 429})


def _nowhere(point: str) -> None:
    """Where nobody looks on."""


def of_settings(row: Sending, *, reach: Callable[[str], None] = _nowhere) -> Provider:
    """The road to the provider that the owner chose. Raises BadInput, Conflict where its keys cannot be used."""
    if row.provider not in PROVIDERS:
        raise BadInput("no mail provider is chosen", where="sending", remedy="Choose one in Settings, Sending.")
    return Provider(row.provider, keys_of(row), reach=reach)


class Provider:
    """A line to one provider, opened at the first message and kept for the next ones. Used by one worker.

    name   one of PROVIDERS; keys: as `checked` gives them
    reach  told when a point of the hand-over is come to, as with the mail server
    Raises BadInput where the keys are not enough to begin with.
    """

    def __init__(
        self,
        name: str,
        keys: Mapping[str, str],
        *,
        reach: Callable[[str], None] = _nowhere,
        patience: tuple[float, float] = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind, self._reach, self._clock = PROVIDERS[name], reach, clock
        self._wire = _Wire(reach)
        backend = importlib.import_module(f"anymail.backends.{name}").EmailBackend
        try:
            self._backend = backend(**checked(name, keys), send_defaults={}, timeout=patience)
        except ImproperlyConfigured as error:
            raise BadInput(f"{self._kind.label} cannot be used: a key is missing", where="provider") from error
        self._backend.create_session = self._wire.session
        self._refused = self._open = 0
        self._not_before = 0.0

    def close(self) -> None:
        """Hang up."""
        self._backend.close()

    def test(self) -> NotAccepted | None:
        """Whether the provider can be reached; None when it can. A wrong key shows with the first message only."""
        try:
            with self._wire.session() as session:
                session.get(self._backend.api_url, timeout=PATIENCE[0])
        except (requests.RequestException, OSError) as error:
            return NotAccepted(None, _told(error), is_server=True)
        return None

    def hand_over(self, envelope: Envelope) -> Handed:
        """Give one message to the provider. Never raises for what the other side does."""
        if self._clock() < self._not_before:
            return NotAccepted(None, f"{self._kind.label} is in trouble; it is asked again in a minute", is_server=True)
        try:
            wire(envelope)  # the same look at every header as on the way to a mail server
            message = self._message(envelope)
        except (BadInput, ValueError) as error:
            return NotAccepted(None, one_line(str(error)), is_final=True)
        return self._weighed(self._handed(message))

    def _handed(self, message: Any) -> Handed:
        self._wire.begin()
        self._reach("mail.before_dot")
        try:
            self._backend.open()
            self._backend.send_messages([message])
        except AnymailRecipientsRefused as error:
            return self._refused_address(message, error)
        except AnymailAPIError as error:
            return self._failed(error)
        except AnymailError as error:
            # Found before anything was asked: what this provider cannot carry.
            if not self._wire.is_written:
                return NotAccepted(None, one_line(str(error)), is_final=True)
            return Unknown(_told(error))
        except Exception as error:  # noqa: BLE001  # an answer that its library cannot read, whatever it trips over
            return Unknown(_told(error)) if self._wire.is_written else NotAccepted(None, _told(error))
        finally:
            self._reach("mail.after_answer")
        return self._taken(message)

    def _taken(self, message: Any) -> Handed:
        status = message.anymail_status
        code = int(getattr(status.esp_response, "status_code", 200))
        states = status.status or {"unknown"}
        if states <= {"sent", "queued"}:
            return Accepted(code, f"{'/'.join(sorted(states))}, as {status.message_id}"[:300])
        if states <= {"failed"}:
            return NotAccepted(code, "the provider failed to take it")
        return Unknown("an answer that says nothing about this message")

    def _refused_address(self, message: Any, error: AnymailError) -> NotAccepted:
        """`invalid` is no address; `rejected` is one the provider will not write to, after a bounce or a complaint."""
        states = message.anymail_status.status or set()
        code = getattr(error.response, "status_code", None)
        why = "the provider says that there is no such address" if states == {"invalid"} else "the provider refuses it"
        return NotAccepted(code, why, is_final=True, is_address=states == {"invalid"})

    def _failed(self, error: AnymailAPIError) -> Handed:
        code = error.status_code
        if code is None:
            return Unknown(_told(error)) if self._wire.is_written else NotAccepted(None, _told(error), is_server=True)
        said = _said(error)
        if code // 100 == 4:
            ours = code in _OF_THE_HOUSE
            return NotAccepted(code, said, is_final=ours or code not in _AGAIN, is_server=ours or code in _AGAIN)
        if code // 100 == 3:
            return NotAccepted(code, "another address was named; none is followed", is_final=True, is_server=True)
        return Unknown(said) if self._wire.is_written else NotAccepted(code, said, is_server=True)

    def _weighed(self, handed: Handed) -> Handed:
        """What many answers in a row say together."""
        if isinstance(handed, Accepted):
            self._refused = self._open = 0
            return handed
        if isinstance(handed, Unknown):
            self._open += 1
            if self._open >= IN_A_ROW:
                self._not_before = self._clock() + PAUSE_SECONDS
            return handed
        self._open = 0
        if not handed.is_final or handed.is_server or handed.is_address or handed.code is None:
            return handed
        self._refused += 1
        if self._refused < IN_A_ROW:
            return handed
        why = f"{self._refused} messages in a row were refused: {handed.reply}"
        return NotAccepted(handed.code, why[:300], is_final=True, is_server=True)

    def _message(self, envelope: Envelope) -> Any:
        token = envelope.message_id.strip("<>").partition("@")[0]
        message: Any = EmailMultiAlternatives(
            subject=envelope.subject,
            body=envelope.text,
            from_email=formataddr((envelope.sender_name, envelope.sender)),
            to=[envelope.recipient],
            reply_to=[envelope.reply_to] if envelope.reply_to else None,
            headers={"Message-ID": envelope.message_id, **envelope.headers},
        )
        if envelope.html:
            message.attach_alternative(envelope.html, "text/html")
        if self._kind.tracks:
            message.track_opens = message.track_clicks = False
        if self._kind.carries:
            message.metadata = {TOKEN: token}
        if self._kind.bounces and envelope.bounces_to:
            message.envelope_sender = envelope.bounces_to
        if self._kind.label == "Postmark":
            message.extra_headers["X-PM-KeepID"] = "true"  # else it puts a Message-ID of its own in the place of ours
        return message


class _Wire:
    """Makes sessions that never redirect and never ask twice, and knows whether the whole request was written."""

    def __init__(self, reach: Callable[[str], None]) -> None:
        self.is_written = False
        self._reach = reach

    def begin(self) -> None:
        self.is_written = False

    def written(self) -> None:
        self.is_written = True
        self._reach("mail.after_dot")

    def session(self) -> requests.Session:
        made = _Session()
        made.trust_env = False  # no password of a .netrc, no proxy nobody named
        made.headers["User-Agent"] = "Rekindle"
        adapter = HTTPAdapter(max_retries=0)
        adapter.poolmanager.pool_classes_by_scheme = _pools(self.written)
        for scheme in ("https://", "http://"):
            made.mount(scheme, adapter)
        return made


class _Session(requests.Session):
    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["allow_redirects"] = False
        return super().request(*args, **kwargs)


def _pools(written: Callable[[], None]) -> dict[str, Any]:
    """The two ways to a server, each telling when the last byte of a request has left and the answer is waited for."""

    class Plain(HTTPConnection):
        def getresponse(self) -> Any:
            written()
            return super().getresponse()

    class Sealed(HTTPSConnection):
        def getresponse(self) -> Any:
            written()
            return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SealedPool(HTTPSConnectionPool):
        ConnectionCls = Sealed

    return {"http": PlainPool, "https": SealedPool}


def _said(error: AnymailAPIError) -> str:
    """The provider's own words, without addresses; its status where it has none."""
    text = getattr(error.response, "text", "") or ""
    return one_line(text) or f"it answered {error.status_code}"


def _told(error: BaseException) -> str:
    """What went wrong with the line, in words of ours: a library's own may quote the message."""
    for kind, words in _TROUBLES:
        if isinstance(error, kind):
            return words
    return f"its answer cannot be read ({type(error.__cause__ or error).__name__})"


_TROUBLES: Final = (
    (requests.exceptions.ConnectTimeout, "it could not be reached in time"),
    (requests.exceptions.SSLError, "its certificate is not to be trusted"),
    (requests.exceptions.Timeout, "it did not answer in time"),
    (requests.exceptions.ConnectionError, "the line to it broke, or there was none"),
)
