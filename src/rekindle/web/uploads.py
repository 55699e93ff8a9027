"""Uploads straight into the home folder: each post in a folder of its own, never under a path the browser chose."""

from __future__ import annotations

import re
import secrets
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from rekindle import home

if TYPE_CHECKING:
    Uploaded = UploadedFile[bytes]
else:
    Uploaded = UploadedFile  # not generic when the program runs

NAME_LENGTH = 80  # our choice: long enough for any export's name, short enough for every file system
_NUMBER = re.compile(r"^\d{2,}-")  # what StreamToHome puts before a name
_UNSAFE = re.compile(r"[^\w.]+", re.ASCII)


def safe_name(given: str) -> str:
    """The last part of a browser's file name, reduced to letters, digits, point, dash and underscore.

    Never empty, never hidden, never more than NAME_LENGTH characters; the ending survives the cut.
    """
    last = unicodedata.normalize("NFKD", re.split(r"[/\\]", given)[-1]).lstrip(".")
    stem, dot, ending = last.rpartition(".")
    if not dot:
        stem, ending = last, ""
    ending = _plain(ending)[:12]
    stem = _plain(stem)[: NAME_LENGTH - len(ending) - 1] or "file"
    return f"{stem}.{ending}" if ending else stem


def chosen_name(path: Path) -> str:
    """The name of a file as it was chosen: an upload loses the number we stored it under, other files stay."""
    return _NUMBER.sub("", path.name) if path.is_relative_to(home.uploads_folder()) else path.name


def as_chosen(text: str, *, files: Sequence[str]) -> str:
    """A text about files of a load, with their names as they were chosen."""
    for path in map(Path, files):
        text = text.replace(path.name, chosen_name(path))
    return text


def _plain(text: str) -> str:
    return _UNSAFE.sub("-", text.encode("ascii", "ignore").decode()).strip(".-")


class StoredFile(Uploaded):
    """One uploaded file that already lies where it will stay."""

    def __init__(self, path: Path, *, given_name: str, size: int) -> None:
        super().__init__(file=None, name=given_name, size=size)
        self.path = path


class StreamToHome(FileUploadHandler):
    """Writes what arrives to `uploads/<random>/<nn>-<name>` and stops at `at_most` bytes in all.

    `is_over` tells that the stop was pulled. Whoever installs the handler calls `discard` unless the files are used.
    """

    def __init__(self, request: HttpRequest, *, at_most: int) -> None:
        super().__init__(request)
        self.at_most = at_most
        self.is_over = False
        self.folder = home.uploads_folder() / secrets.token_hex(16)
        self._bytes = self._count = 0
        self._open: IO[bytes] | None = None
        self._path: Path | None = None

    def new_file(self, *arguments: Any, **named: Any) -> None:
        super().new_file(*arguments, **named)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._count += 1
        # The number keeps two files of one name apart.
        self._path = self.folder / f"{self._count:02d}-{safe_name(self.file_name or '')}"
        self._open = self._path.open("xb")
        self._path.chmod(0o600)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002 - the base class's words
        self._bytes += len(raw_data)
        if self._bytes > self.at_most:
            self.is_over = True
            raise StopUpload(connection_reset=True)
        if self._open is not None:
            self._open.write(raw_data)

    def file_complete(self, file_size: int) -> StoredFile | None:
        self._close()
        if self._path is None:
            return None
        return StoredFile(self._path, given_name=self.file_name or self._path.name, size=file_size)

    def upload_interrupted(self) -> None:
        self._close()

    def discard(self) -> None:
        """Remove whatever was written."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
