"""What the bytes of a text file are, and the same file as a stream of clean UTF-8.

A file that says UTF-8 but holds lines in Windows-1252 (two exports pasted together) is read line by line: each line
keeps the reading that fits it, so no letter is lost and no row is refused for its spelling.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator
from pathlib import Path

from rekindle.errors import BadInput

SNIFF_BYTES = 256 * 1024
CHUNK_BYTES = 1 << 20
# A line longer than this is no table; also the most a record may hold, because a record must fit one parser block.
LONGEST_LINE_BYTES = 16 << 20

# First bytes of files that are often sent instead of a table, and what the sender should do.
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"GIF8", "a GIF image", ""),
    (b"%PDF", "a PDF document", "Export the table itself as CSV or XLSX."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "Save it as .xlsx or .csv."),
    (b"\x1f\x8b", "packed with gzip", "Unpack it first."),
    (b"BZh", "packed with bzip2", "Unpack it first."),
    (b"\xfd7zXZ", "packed with xz", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "packed with zstandard", "Unpack it first."),
    (b"7z\xbc\xaf", "packed with 7-Zip", "Unpack it first."),
    (b"Rar!", "packed with RAR", "Unpack it first."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV."),
    (b"\x7fELF", "a program", ""),
    (b"RIFF", "a sound, picture or film", ""),
)
BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def sniff_encoding(path: Path) -> str:
    """Name of the encoding of a text file: utf-8, utf-8-sig, utf-16-le/be, utf-32-le/be or cp1252.

    Raises BadInput for an empty file and for one that is no text, naming what it is.
    """
    with path.open("rb") as file:
        head = file.read(SNIFF_BYTES)
    if not head.strip():
        raise BadInput("the file is empty.", where=path.name, remedy="Export it again.")
    for magic, what, remedy in MAGIC:
        if head.startswith(magic):
            raise BadInput(f"this is {what}, not a table.", where=path.name, remedy=remedy or "Choose another file.")
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = max(len(head) // 2, 1)
    if odd > 0.3 * half and even < 0.05 * half:  # Latin letters in UTF-16 without a mark: every other byte is zero
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.05 * half:
        return "utf-16-be"
    strange = sum(head.count(bytes((code,))) for code in range(32) if code not in (9, 10, 12, 13, 26))
    if strange > 0.1 * len(head):
        raise BadInput(
            "this is no text: it is full of control characters.",
            where=path.name,
            remedy="Export the table as CSV, XLSX or Parquet.",
        )
    return "utf-8" if _reads_as_utf8(head) else "cp1252"


def _reads_as_utf8(head: bytes) -> bool:
    """Whether most of what is not ASCII is UTF-8; a file of both is read as UTF-8, odd lines mended one by one."""
    if head.isascii():
        return True
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    fine = sum(1 for letter in text if letter > "\x7f" and letter != "\ufffd")
    return fine > broken


def decode_western(raw: bytes) -> str:
    """Windows-1252, and Latin-1 for the five bytes Windows-1252 leaves open: every byte has a letter."""
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(bytes((b,)).decode("cp1252", errors="ignore") or chr(b) for b in raw)


class Utf8Stream:
    """A text file as UTF-8 bytes, for parsers that ask with `read(n)`; ends in a line break and then `tail`.

    path      the file
    encoding  as `sniff_encoding` names it, or any codec Python knows
    tail      bytes added after the last line: the parser's proof that no open quote swallowed the end
    squeeze   True turns runs of blanks into one tab and strips them at line ends (tables set in columns)
    After reading, `mended_lines` counts lines that were Windows-1252 inside UTF-8, `has_nul` tells of NUL bytes.
    """

    def __init__(self, path: Path, *, encoding: str, tail: bytes = b"", squeeze: bool = False) -> None:
        self.path, self.encoding, self.tail, self.squeeze = path, encoding, tail, squeeze
        self.mended_lines = 0
        self.has_nul = False
        self.closed = False
        self._rest = b""
        self._pieces = self._all_pieces()

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True
        self._pieces.close()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, all that is left where it is negative, b"" at the end."""
        have, parts = len(self._rest), [self._rest]
        while size < 0 or have < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            have += len(piece)
        joined = b"".join(parts)
        cut = len(joined) if size < 0 else size
        self._rest = joined[cut:]
        return joined[:cut]

    def _all_pieces(self) -> Generator[bytes, None, None]:
        last = b"\n"
        for piece in self._decoded():
            if not piece:
                continue
            if b"\0" in piece:
                self.has_nul = True
            last = piece[-1:]
            yield _squeezed(piece) if self.squeeze else piece
        if last not in b"\r\n":
            yield b"\n"
        if self.tail:
            yield self.tail

    def _decoded(self) -> Iterator[bytes]:
        if self.encoding in ("utf-8", "utf-8-sig", "cp1252"):
            first = True
            for lines in self._whole_lines():
                raw = lines.removeprefix(codecs.BOM_UTF8) if first and self.encoding != "cp1252" else lines
                first = False
                yield decode_western(raw).encode() if self.encoding == "cp1252" else self._as_utf8(raw)
            return
        yield from self._other_codec()

    def _other_codec(self) -> Iterator[bytes]:
        """Any other encoding, strictly: a wrong byte means the wrong encoding, so rows cannot be trusted.

        Text is handed on in whole lines, so that blanks around a chunk's edge are squeezed together.
        """
        decoder = codecs.getincrementaldecoder(self.encoding)()
        carry, first = "", True
        with self.path.open("rb") as file:
            while True:
                chunk = file.read(CHUNK_BYTES)
                try:
                    text = carry + decoder.decode(chunk, final=not chunk)
                    cut = text.rfind("\n") + 1 if chunk else len(text)
                    piece, carry = text[:cut], text[cut:]
                    if len(carry) > LONGEST_LINE_BYTES:
                        raise _too_long(self.path)
                    yield (piece.removeprefix("\ufeff") if first else piece).encode()
                except UnicodeError as error:
                    raise BadInput(
                        f"the bytes are not {self.encoding}: {error.__class__.__name__}.",
                        where=self.path.name,
                        remedy="Save the file as UTF-8.",
                    ) from error
                first = first and not piece
                if not chunk:
                    return

    def _whole_lines(self) -> Iterator[bytes]:
        carry = b""
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                joined = carry + chunk
                # A carriage return at the very end may be half of a line break: it waits for its other half.
                cut = joined.rfind(b"\n") + 1 or joined.rfind(b"\r", 0, -1) + 1
                if cut == 0 and len(joined) > LONGEST_LINE_BYTES:
                    raise _too_long(self.path)
                carry = joined[cut:]
                yield joined[:cut]
        yield carry

    def _as_utf8(self, raw: bytes) -> bytes:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return b"".join(self._mend(line) for line in raw.splitlines(keepends=True))
        return raw

    def _mend(self, line: bytes) -> bytes:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            self.mended_lines += 1
            return decode_western(line).encode()
        return line


def _too_long(path: Path) -> BadInput:
    return BadInput(
        f"a line is longer than {LONGEST_LINE_BYTES >> 20} MB.",
        where=path.name,
        remedy="Check that this is a table with one record a line.",
    )


def _squeezed(piece: bytes) -> bytes:
    """Runs of blanks between values as one tab, none at either end of a line."""
    lines = (b"\t".join(line.split()) for line in piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    return b"\n".join(lines)
