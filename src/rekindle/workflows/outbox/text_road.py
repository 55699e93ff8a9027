"""Where text messages go now: a folder in this house until the owner switches sending on, then the system that sends
them; nowhere while there is none, and they wait."""

from __future__ import annotations

from pathlib import Path

from rekindle.act.channels.text_folder import TextFolder
from rekindle.journal.models import Road, Sending
from rekindle.workflows.hooks_out.texts import Texts, road_of_texts


def open_texts(road: Sending, *, folder: Path) -> TextFolder | Texts | None:
    """The road of text messages by those settings. folder: where they are kept while this house is where all goes."""
    return TextFolder(folder) if road.road == Road.LOCAL.value else road_of_texts()
