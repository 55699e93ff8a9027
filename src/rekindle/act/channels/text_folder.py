"""Text messages kept here: each a file that anybody can read. Nothing leaves the house."""

from __future__ import annotations

from rekindle.act.channels.folder import Folder
from rekindle.act.envelope import Envelope


class TextFolder(Folder):
    """Writes `<message id>.txt`, the number above the words, as a folder of mail does."""

    suffix = ".txt"

    def written(self, envelope: Envelope) -> bytes:
        """The file."""
        return f"To: {envelope.recipient}\nDate: {envelope.at.isoformat()}\n\n{envelope.text}\n".encode()
