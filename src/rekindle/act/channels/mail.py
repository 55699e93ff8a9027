"""Mail by SMTP: one recipient a message, and an honest answer about what became of it.

The line between "surely not" and "nobody knows" is the final dot. Everything before it went out is no hand-over; a
4xx or 5xx answer to it is none either; a line that dies once the dot is under way leaves the question open (RFC 1047).
The dot is therefore written by itself, after the words.

A server that offers no protection is not spoken to, unless it is this very machine.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted, Unknown, wire
from rekindle.errors import BadInput

_ADDRESSES: Final = re.compile(r"[^\s<>@\"']+@[^\s<>@\"']+")
_NO_SUCH: Final = re.compile(r"\b5\.(1\.[0-36]|2\.1)\b")  # RFC 3463: bad mailbox, bad domain, mailbox disabled
_TOO_LONG: Final = 300
_GREETING_OVER: Final = 421
_GO_ON: Final = 354
_IDLE: Final = 1.0  # seconds


@dataclass(frozen=True)
class Server:
    """A mail server. security: "starttls", "tls", or "none", which is for this machine only.

    timeout   seconds for each answer; the last one may take ten minutes (RFC 5321, 4.5.3.2.6), so a lease must be
              longer than all of them together
    """

    host: str
    port: int
    security: str = "starttls"
    username: str = ""
    password: str = ""
    timeout: float = 60.0

    def is_here(self) -> bool:
        """Whether it is this very machine."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class _Closed(Exception):
    """No way to the server, before any message was begun."""

    def __init__(self, answer: NotAccepted) -> None:
        self.answer = answer
        super().__init__(answer.reply)


def _nowhere(point: str) -> None:
    """Where nobody looks on."""


class Mail:
    """A line to one server, opened at the first message and kept for the next ones. Used by one worker.

    reach   told when a point of the hand-over is come to: "mail.before_dot", "mail.after_dot", "mail.after_answer"
    """

    def __init__(self, server: Server, *, reach: Callable[[str], None] = _nowhere) -> None:
        if server.security not in {"starttls", "tls", "none"}:
            raise BadInput(f"{server.security!r} is no way to protect a line", remedy="Use starttls or tls.")
        if server.security == "none" and not server.is_here():
            raise BadInput(
                f"{server.host} is not this machine, and the line would be open to read",
                where="mail server",
                remedy="Choose STARTTLS or TLS.",
            )
        self._server, self._reach = server, reach
        self._line: smtplib.SMTP | None = None
        self._clean_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up, politely where the other side still listens."""
        line, self._line = self._line, None
        if line is None:
            return
        try:
            line.quit()
        except (smtplib.SMTPException, OSError):
            line.close()

    def test(self) -> NotAccepted | None:
        """Whether the server can be reached and lets us in; None when it does."""
        try:
            self._open()
        except _Closed as closed:
            return closed.answer
        self.close()
        return None

    def hand_over(self, envelope: Envelope) -> Handed:
        """Give one message to the server. Never raises for what the other side does."""
        try:
            words = _stuffed(wire(envelope))
        except BadInput as error:
            return NotAccepted(None, str(error), is_final=True)
        try:
            line = self._open()
        except _Closed as closed:
            return closed.answer
        began, self._clean_at = False, 0.0
        try:
            refused = _begin(line, envelope)
            if refused is None:
                line.send(words)
                self._reach("mail.before_dot")
                began = True
                line.send(b".\r\n")
                self._reach("mail.after_dot")
                code, reply = line.getreply()
                self._reach("mail.after_answer")
        except (smtplib.SMTPException, OSError, ValueError, UnicodeError) as error:
            self._drop()
            told = _told(error)
            return Unknown(told) if began else NotAccepted(None, told)
        if refused is not None:
            self._after(refused)
            return refused
        if code // 100 == 2:
            self._clean_at = time.monotonic()
            return Accepted(code, one_line(reply))
        if code // 100 not in {4, 5}:
            self._drop()
            return Unknown(f"an answer that is none: {one_line(reply)}")
        answer = _answer(code, reply)
        self._after(answer)
        return answer

    def _open(self) -> smtplib.SMTP:
        if self._line is not None:
            try:
                # A line in use was clean a moment ago; one that lay idle may have been closed by the other side.
                if time.monotonic() - self._clean_at < _IDLE or self._line.rset()[0] == 250:
                    return self._line
            except (smtplib.SMTPException, OSError):
                pass
            self._drop()
        try:
            self._line = self._connected()
        except smtplib.SMTPAuthenticationError as error:
            raise _Closed(NotAccepted(error.smtp_code, one_line(error.smtp_error), is_server=True)) from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise _Closed(NotAccepted(getattr(error, "smtp_code", None), _told(error), is_server=True)) from error
        return self._line

    def _connected(self) -> smtplib.SMTP:
        here, context = self._server, ssl.create_default_context()
        line: smtplib.SMTP
        if here.security == "tls":
            line = smtplib.SMTP_SSL(here.host, here.port, timeout=here.timeout, context=context)
        else:
            line = smtplib.SMTP(here.host, here.port, timeout=here.timeout)
        try:
            if line.sock is not None:
                # Words and dot are written apart: the dot must not wait for the words to be acknowledged.
                line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.ehlo_or_helo_if_needed()
            if here.security == "starttls":
                line.starttls(context=context)  # raises where the server offers none: no password goes out in the open
                line.ehlo()
            if here.username:
                line.login(here.username, here.password)
        except BaseException:
            line.close()
            raise
        return line

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _after(self, answer: NotAccepted) -> None:
        """A server that says 421 hangs up; one that says no may be asked again on the same line."""
        if answer.code == _GREETING_OVER or answer.code is None:
            self._drop()


def _begin(line: smtplib.SMTP, envelope: Envelope) -> NotAccepted | None:
    """Up to the server's go-ahead for the words; None when it was given.

    All three commands go out together where the server takes them so (RFC 2920): one way there and back, not three.
    """
    utf8 = not envelope.recipient.isascii()
    if utf8 and not line.has_extn("smtputf8"):
        return NotAccepted(None, "their server takes no address with such letters", is_final=True)
    sender = smtplib.quoteaddr(envelope.bounces_to or envelope.sender)
    commands = [
        f"MAIL FROM:{sender}{' SMTPUTF8' if utf8 else ''}", f"RCPT TO:{smtplib.quoteaddr(envelope.recipient)}", "DATA",
    ]  # fmt: skip
    if any(letter in command for command in commands for letter in "\r\n"):
        raise ValueError("a line break in an address")
    at_once = line.has_extn("pipelining")
    refused: NotAccepted | None = None
    if at_once:
        line.send("".join(f"{command}\r\n" for command in commands).encode())
    for command in commands:
        if not at_once:
            line.send(f"{command}\r\n".encode())
        code, reply = line.getreply()
        if refused is None and code // 100 != (3 if command == "DATA" else 2):
            refused = _answer(code, reply)
        if refused is not None and (not at_once or code == _GREETING_OVER):
            return refused
    if refused is not None and code == _GO_ON:
        line.close()  # it waits for words although it refused: hung up without a dot, nothing was taken
    return refused


def _stuffed(message: bytes) -> bytes:
    """The message with lone dots doubled, up to and without the final dot."""
    words = re.sub(rb"(?m)^\.", b"..", message)
    return words if words.endswith(b"\r\n") else words + b"\r\n"


def _answer(code: int, reply: bytes) -> NotAccepted:
    words = one_line(reply)
    final = code // 100 == 5
    # A reply that is no SMTP has the code -1 here.
    told = code if code > 0 else None
    return NotAccepted(told, words, is_final=final, is_address=final and bool(_NO_SUCH.search(words)))


def _told(error: Exception) -> str:
    code, reply = getattr(error, "smtp_code", None), getattr(error, "smtp_error", b"")
    if code:
        return f"{code} {one_line(reply)}"
    return one_line(f"{type(error).__name__}: {error}".encode(errors="replace"))


def one_line(reply: bytes | str) -> str:
    """What the other side said, in one line, addresses left out: it is kept longer than the person may be."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return _ADDRESSES.sub("<address>", " ".join(plain.split()))[:_TOO_LONG]
