"""A machine of the tests that listens on this one: it keeps what it was told, and answers as the test says.

answer   bytes sent back as they are; b"" hangs up without a word; None never answers
cut      hang up once so many bytes were read; 0 at the first
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = bytes | None


def http(code: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} So", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Listener:
    """What was said so far, whole requests only, and how the next ones are answered."""

    port: int
    context: ssl.SSLContext | None = None
    said: list[bytes] = field(default_factory=list)
    answer: Callable[[bytes], Answer] = lambda said: http(200)
    cut: int | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def heads(self) -> list[str]:
        return [said.partition(b"\r\n\r\n")[0].decode() for said in self.said]

    def bodies(self) -> list[bytes]:
        return [said.partition(b"\r\n\r\n")[2] for said in self.said]


@contextmanager
def listening(folder: Path | None = None) -> Iterator[Listener]:
    """With a folder it speaks TLS under a certificate of its own, for localhost and 127.0.0.1."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    theirs, ours = _certified(folder) if folder else (None, None)
    one = Listener(server.getsockname()[1], context=ours)
    threads = [threading.Thread(target=_serve, args=(server, one, theirs), daemon=True)]
    threads[0].start()
    try:
        yield one
    finally:
        one.over.set()
        threads[0].join(5)
        server.close()


def _serve(server: socket.socket, one: Listener, context: ssl.SSLContext | None) -> None:
    held: list[threading.Thread] = []
    while not one.over.is_set():
        try:
            line, _ = server.accept()
        except TimeoutError:
            continue
        held.append(threading.Thread(target=_hear, args=(line, one, context), daemon=True))
        held[-1].start()
    for thread in held:
        thread.join(5)


def _hear(line: socket.socket, one: Listener, context: ssl.SSLContext | None) -> None:
    line.settimeout(5)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with context.wrap_socket(line, server_side=True) if context else line as open_line:
            while not one.over.is_set():
                said = _request(open_line, one)
                if said is None:
                    return
                one.said.append(said)
                answer = one.answer(said)
                if answer is None:
                    one.over.wait(5)
                    return
                if not answer:
                    return
                open_line.sendall(answer)
    except OSError:
        return
    finally:
        line.close()


def _request(line: socket.socket, one: Listener) -> bytes | None:
    said = b""
    while True:
        head, end, body = said.partition(b"\r\n\r\n")
        if end:
            lengths = [row for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")]
            if len(body) >= (int(lengths[0].split(b":")[1]) if lengths else 0):
                return said
        if one.cut is not None and len(said) >= one.cut:
            return None
        some = line.recv(65_536 if one.cut is None else max(one.cut - len(said), 1))
        if not some:
            return None
        said += some


def _certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(the server's side, the side of who trusts it)."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    place = folder / "listener.pem"
    place.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(place)
    return theirs, ssl.create_default_context(cafile=str(place))
