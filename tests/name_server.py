"""A name server of the tests: it knows what it is told, answers on this machine only, and can fall silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServer:
    """records: what is known, by name and kind; asked: every question so far."""

    port: int
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    is_silent: bool = False

    def knows(self, name: str, kind: str, *values: str) -> None:
        self.records[name.lower(), kind] = [_quoted(value) if kind == "TXT" else value for value in values]

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


def _quoted(text: str) -> str:
    """As a zone file writes a text: in pieces of at most 255 letters."""
    return " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))


@contextmanager
def naming() -> Iterator[NameServer]:
    """A name server for as long as the block runs."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind(("127.0.0.1", 0))
    line.settimeout(0.05)
    server, over = NameServer(line.getsockname()[1]), threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                said, back = line.recvfrom(4_096)
            except TimeoutError:
                continue
            asked = dns.message.from_wire(said)
            question = asked.question[0]
            name, kind = str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
            server.asked.append((name, kind))
            if server.is_silent:
                continue
            answer = dns.message.make_response(asked)
            values = server.records.get((name, kind))
            if values:
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
            elif not any(known == name for known, _ in server.records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            line.sendto(answer.to_wire(), back)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        over.set()
        thread.join(5)
        line.close()
