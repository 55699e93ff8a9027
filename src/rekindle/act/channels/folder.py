"""Mail kept here: each message a file that any mail program opens. Nothing leaves the house."""

from __future__ import annotations

import os
from pathlib import Path

from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted, wire
from rekindle.errors import BadInput


class Folder:
    """Writes `<message id>.eml`, whole or not at all; the same message again replaces itself."""

    suffix = ".eml"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def close(self) -> None:
        """Nothing to hang up."""

    def hand_over(self, envelope: Envelope) -> Handed:
        """Keep one message."""
        try:
            message = self.written(envelope)
        except BadInput as error:
            return NotAccepted(None, str(error), is_final=True)
        name = "".join(letter for letter in envelope.message_id if letter.isalnum() or letter in "-.@")
        draft = self._folder / f"{name}.draft"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / f"{name}{self.suffix}")
        except OSError as error:
            return NotAccepted(None, f"{error.strerror}", is_server=True)
        return Accepted(250, "kept here")

    def written(self, envelope: Envelope) -> bytes:
        """The file. Raises BadInput for what cannot be written down."""
        return wire(envelope)
