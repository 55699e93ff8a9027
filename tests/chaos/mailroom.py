"""A small IMAP server of this machine that can fail as told: LOGIN, SELECT and EXAMINE, UID SEARCH, UID FETCH, LOGOUT.

It keeps a list of what was asked, so that a test can say that nothing was marked or removed.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PASSWORD = "open sesame"  # of a server that lives for one test


@dataclass
class Mailroom:
    """mails by UID. drops_at: the line goes dead in the middle of that mail. garbage: every answer is nonsense."""

    mails: dict[int, bytes] = field(default_factory=dict)
    uid_validity: int = 7
    drops_at: int | None = None
    garbage: bool = False
    endless: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def add(self, raw: bytes) -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = raw
        return uid

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := (await reader.readline()).decode("latin-1").strip():
                self.asked.append(re.sub(r"(LOGIN \S+).*", r"\1 …", line))
                tag, _, rest = line.partition(" ")
                if self.garbage:
                    writer.write(b"\x00\xff\xfe nonsense {12\r\n" * 20)
                elif not self._answer(writer, tag, rest):
                    break
                await writer.drain()
        writer.close()

    def _answer(self, writer: asyncio.StreamWriter, tag: str, rest: str) -> bool:
        words = rest.split()
        verb = words[0].upper() if words else ""
        if verb == "CAPABILITY":
            writer.write(b"* CAPABILITY IMAP4rev1\r\n")
        elif verb == "LOGIN" and PASSWORD not in rest:
            writer.write(f"{tag} NO [AUTHENTICATIONFAILED] wrong\r\n".encode())
            return True
        elif verb in {"SELECT", "EXAMINE"}:
            if "INBOX" not in rest:
                writer.write(f"{tag} NO no such folder\r\n".encode())
                return True
            writer.write(f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.uid_validity}] yes\r\n".encode())
        elif verb == "UID" and words[1].upper() == "SEARCH":
            found = " ".join(str(uid) for uid in self._search(" ".join(words[2:])))
            writer.write(f"* SEARCH {found}\r\n".encode())
        elif verb == "UID" and words[1].upper() == "FETCH":
            return self._fetch(writer, tag, int(words[2]), rest)
        elif verb == "LOGOUT":
            writer.write(f"* BYE\r\n{tag} OK bye\r\n".encode())
            return False
        writer.write(f"{tag} OK done\r\n".encode())
        return True

    def _search(self, asked: str) -> list[int]:
        newest = max(self.mails, default=0)
        if asked == "UID *":
            return [newest] if newest else []
        if (found := re.fullmatch(r"UID (\d+):\*", asked)) is not None:
            low = min(int(found.group(1)), newest)
            return [uid for uid in self.mails if uid >= low]
        return list(self.mails)  # SINCE: all of them came today

    def _fetch(self, writer: asyncio.StreamWriter, tag: str, uid: int, rest: str) -> bool:
        most = re.search(r"<0\.(\d+)>", rest)
        raw = self.mails.get(uid, b"")[: int(most.group(1)) if most else None]
        if self.endless:
            writer.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{9000000000}}\r\n".encode())
            return True
        if uid in self.mails:
            writer.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode())
            if uid == self.drops_at:
                writer.write(raw[: len(raw) // 2])
                return False
            writer.write(raw + b")\r\n")
        writer.write(f"{tag} OK done\r\n".encode())
        return True


@contextmanager
def open_mailroom() -> Iterator[Mailroom]:
    """A mailroom for as long as the block runs."""
    room, loop, ready = Mailroom(), asyncio.new_event_loop(), threading.Event()

    async def begin() -> asyncio.Server:
        server = await asyncio.start_server(room.serve, "127.0.0.1", 0)
        room.port = server.sockets[0].getsockname()[1]
        ready.set()
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(begin())
        loop.run_forever()
        server.close()
        waiting = asyncio.all_tasks(loop)
        for one in waiting:
            one.cancel()
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        loop.run_until_complete(server.wait_closed())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        yield room
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
