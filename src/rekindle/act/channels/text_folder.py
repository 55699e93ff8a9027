"""Text messages kept here: each a file that anybody can read. Nothing leaves the house."""

from __future__ import annotations

import os
from pathlib import Path

from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted


class TextFolder:
    """Writes `<message id>.txt`, the number above the words, whole or not at all; the same again replaces itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def close(self) -> None:
        """Nothing to hang up."""

    def hand_over(self, envelope: Envelope) -> Handed:
        """Keep one text message."""
        name = "".join(letter for letter in envelope.message_id if letter.isalnum() or letter in "-.@")
        draft = self._folder / f"{name}.draft"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                file.write(f"To: {envelope.recipient}\nDate: {envelope.at.isoformat()}\n\n{envelope.text}\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / f"{name}.txt")
        except OSError as error:
            return NotAccepted(None, f"{error.strerror}", is_server=True)
        return Accepted(250, "kept here")
