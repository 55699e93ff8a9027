"""Rekindle as an operator runs it: the installed command, in processes of its own, in a home folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

START_SECONDS = 60.0
STOP_SECONDS = 30.0  # what the program promises
REKINDLE = Path(sys.executable).parent / "rekindle"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/set-up/\S+")


@dataclass(frozen=True)
class Owner:
    """Whom the set-up link makes the owner of a house."""

    name: str = "Nora Quinn"
    email: str = "nora@example.org"
    password: str = "a short calm sentence"

    def set_up(self, page: Page) -> None:
        """Fill in and send the form behind the link."""
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password", exact=True).fill(self.password)
        page.get_by_label("The same password again").fill(self.password)
        page.get_by_role("button", name="Make my account").click()

    def sign_in(self, page: Page) -> None:
        """Fill in and send the form at the door."""
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()


class House:
    """One home folder and, between `open` and `close`, the process that serves it and works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.said = folder / "said.txt"
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.process: subprocess.Popen[bytes] | None = None
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.environment = {**kept, "REKINDLE_HOME": str(folder / "home")}

    @property
    def is_open(self) -> bool:
        """Whether its process was started and not yet stopped."""
        return self.process is not None

    def run(self, *words: str) -> None:
        """One command, to its end. Raises AssertionError with what it said unless it succeeds."""
        done = subprocess.run([REKINDLE, *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"rekindle {' '.join(words)}: {done.stdout}{done.stderr}"

    def open(self) -> None:
        """Start `rekindle up` and wait until it has said where it is."""
        port = self.url.rsplit(":", 1)[1]
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [REKINDLE, "up", "--no-browser", "--port", port],
                env=self.environment, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        give_up = time.monotonic() + START_SECONDS
        while "Rekindle is at" not in self.words():
            try:
                code = self.process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < give_up, f"not up within {START_SECONDS} s: {self.words()}"
            else:
                raise AssertionError(f"rekindle up ended with {code}: {self.words()}")

    def words(self) -> str:
        """Everything the process has said so far."""
        return self.said.read_text() if self.said.exists() else ""

    def link(self) -> str:
        """The one-time link of the owner, as printed."""
        found = _LINK.search(self.words())
        assert found, f"no link was printed: {self.words()}"
        return found.group()

    def close(self) -> int:
        """Ask the process to stop, as an init system does, and give its exit code. Raises when it takes too long."""
        assert self.process is not None, "the house was never opened"
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
