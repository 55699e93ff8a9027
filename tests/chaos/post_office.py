"""A mail server that fails as told, and writes down what it has taken before it says so.

The ledger is the truth of the world: one line a message it has accepted, flushed to the disk before the answer goes
out. Faults are drawn by a seed, or asked for one by one.
"""

from __future__ import annotations

import os
import random
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = (
    "refuse_rcpt_4", "refuse_rcpt_5", "refuse_data_4", "refuse_end_4", "refuse_end_5", "drop_before_dot",
    "drop_after_dot", "late_421", "garbage", "slow", "goes_on",
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """One line of the ledger."""

    at: float
    message_id: str
    recipient: str


@dataclass
class PostOffice:
    """A server on this machine. rates: how often each fault happens; slow_talk: it takes one command at a time.

    most_lines  lets so many lines in at once and turns the others away; 0: all
    """

    ledger: Path
    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1
    port: int = 0
    slow_talk: bool = False
    most_lines: int = 0
    lines: int = 0

    def taken(self) -> list[Taken]:
        if not self.ledger.exists():
            return []
        lines = (line.split("\t") for line in self.ledger.read_text().splitlines())
        return [Taken(float(at), message_id, recipient) for at, message_id, recipient in lines]


@contextmanager
def open_post_office(ledger: Path, *, rates: Mapping[str, float] | None = None, seed: int = 1) -> Iterator[PostOffice]:
    """A post office for as long as the block runs."""
    office = PostOffice(ledger, dict(rates or {}), seed)
    chance, lock = random.Random(seed), threading.Lock()  # faults, not secrets

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with lock:
                office.lines += 1
                full = 0 < office.most_lines < office.lines
            try:
                if full:
                    self.wfile.write(b"421 4.7.0 too many lines\r\n")
                else:
                    _serve(self, office, chance, lock)
            except (ConnectionError, TimeoutError):
                return
            finally:
                with lock:
                    office.lines -= 1

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Line) as server:
        office.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield office
        finally:
            server.shutdown()
            thread.join()


def _serve(
    line: socketserver.StreamRequestHandler, office: PostOffice, chance: random.Random, lock: threading.Lock
) -> None:
    line.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(text: str) -> None:
        line.wfile.write(f"{text}\r\n".encode())

    def fault(name: str) -> bool:
        with lock:
            return chance.random() < office.rates.get(name, 0.0)

    recipient, begun = "", False
    say("220 ready")
    while raw := line.rfile.readline():
        word = raw.decode("utf-8", "replace").strip()
        verb = word[:4].upper()
        if verb in {"EHLO", "HELO"}:
            say("250-here\r\n250-8BITMIME\r\n" + ("" if office.slow_talk else "250-PIPELINING\r\n") + "250 SMTPUTF8")
        elif verb == "MAIL":
            if fault("garbage"):
                say("what?")
                return
            if fault("late_421"):
                say("421 4.3.0 closing")
                return
            say("503 5.5.1 one at a time" if begun else "250 2.1.0 ok")
            recipient, begun = "", True
        elif verb == "RCPT":
            if fault("refuse_rcpt_5"):
                say("550 5.1.1 no such user here")
            elif fault("refuse_rcpt_4"):
                say("450 4.2.1 try later")
            else:
                recipient = re.sub(r"^RCPT TO:<(.*?)>.*$", r"\1", word, flags=re.IGNORECASE)
                say("250 2.1.5 ok")
        elif verb == "DATA":
            if not recipient and not fault("goes_on"):
                say("554 5.5.1 to nobody")
                continue
            if fault("refuse_data_4"):
                say("451 4.3.0 not now")
                continue
            say("354 go on")
            begun = False
            if not _take(line, office, recipient, fault, lock):
                return
        elif verb == "QUIT":
            say("221 bye")
            return
        else:
            begun = begun and verb != "RSET"
            say("250 ok")


def _take(line, office: PostOffice, recipient: str, fault, lock: threading.Lock) -> bool:
    if fault("drop_before_dot"):
        line.rfile.read(20)
        return False
    words = bytearray()
    while True:
        raw = line.rfile.readline()
        if not raw:
            return False  # cut off before the dot: not taken
        if raw in {b".\r\n", b".\n"}:
            break
        words += raw
    if fault("refuse_end_5"):
        line.wfile.write(b"554 5.7.1 refused\r\n")
        return True
    if fault("refuse_end_4"):
        line.wfile.write(b"452 4.3.1 no room\r\n")
        return True
    found = re.search(rb"(?im)^message-id:\s*(\S+)", bytes(words))
    _write(office, found[1].decode() if found else "", recipient, lock)
    if fault("slow"):
        time.sleep(0.2)
    if fault("drop_after_dot"):
        return False
    line.wfile.write(b"250 2.0.0 taken\r\n")
    return True


def _write(office: PostOffice, message_id: str, recipient: str, lock: threading.Lock) -> None:
    with lock:
        descriptor = os.open(office.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{time.time():.6f}\t{message_id}\t{recipient}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
