"""REKINDLE_HOME: the one folder that holds everything of one business: books, history, keys, outbox.

Free of Django. Nothing is created on import; `prepare` makes the folders, readable by their owner only.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def home() -> Path:
    """The folder named by REKINDLE_HOME, else ~/.rekindle."""
    return Path(os.environ.get("REKINDLE_HOME") or Path.home() / ".rekindle").expanduser().resolve()


def books_file() -> Path:
    """The SQLite file of the books, used when REKINDLE_DATABASE_URL is not set."""
    return home() / "books.sqlite3"


def history_folder() -> Path:
    """The Delta table of events."""
    return home() / "history" / "events"


def intake_folder(number: int) -> Path:
    """Where one load keeps its staged rows and its rejects file."""
    return home() / "intakes" / f"{number:06d}"


def uploads_folder() -> Path:
    """Files uploaded through the browser, each in a folder with a random name."""
    return home() / "uploads"


def night_folder(number: int) -> Path:
    """Where one night keeps what its steps hand to one another."""
    return home() / "nights" / f"{number:06d}"


def prepare() -> Path:
    """Make the home folder, private to its owner, and give it."""
    folder = home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def key(name: str) -> str:
    """The secret of that name, 256 bits, made at first use and readable by the owner only.

    Two processes that start together agree: the file is linked into place whole and the loser reads the winner's.
    """
    path = prepare() / "keys" / f"{name}.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
