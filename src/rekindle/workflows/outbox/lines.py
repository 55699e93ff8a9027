"""Several lines to one road, so that what was marked together goes onto the wire together.

A server far away needs a tenth of a second and more for one message; eight lines hear eight answers in that time. A
server that lets in fewer says so by turning a line away: then fewer are used, and one more after each long while
without trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, Protocol, Self

from rekindle.act.envelope import Envelope, Handed, NotAccepted

MOST: Final = 8
"""Lines a worker. Our choice: a crash leaves as many messages unknown; servers commonly take ten of one house."""
_AFTER: Final = 50  # rounds without trouble until one line more is tried


class Carrier(Protocol):
    """A road that takes envelopes."""

    def hand_over(self, envelope: Envelope) -> Handed: ...

    def close(self) -> None: ...


class Lines:
    """Carriers of one road, each used by one thread at a time. They know nothing of the books."""

    def __init__(self, open_line: Callable[[], Carrier], *, most: int = MOST) -> None:
        self._open_line, self._most = open_line, most
        self._lines: list[Carrier] = []
        self._threads: ThreadPoolExecutor | None = None
        self._calm = 0
        self.width = most

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def hand_over(self, envelopes: Sequence[Envelope]) -> list[Handed]:
        """What became of each, in their order; at most `width`. What a line raises is raised when all are back."""
        while len(self._lines) < len(envelopes):
            self._lines.append(self._open_line())
        answers = self._together(envelopes) if len(envelopes) > 1 else [self._lines[0].hand_over(envelopes[0])]
        self._learn(answers)
        return answers

    def close(self) -> None:
        """Hang up."""
        lines, self._lines = self._lines, []
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()
        for line in lines:
            line.close()

    def _together(self, envelopes: Sequence[Envelope]) -> list[Handed]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="line")
        begun = [
            self._threads.submit(line.hand_over, envelope)
            for line, envelope in zip(self._lines, envelopes, strict=False)
        ]
        wait(begun)
        return [one.result() for one in begun]

    def _learn(self, answers: Sequence[Handed]) -> None:
        """Keep the lines that were let in and hang up the others; without trouble for long, one more is tried."""
        turned_away = [isinstance(one, NotAccepted) and one.is_server for one in answers]
        if not any(turned_away):
            self._calm += 1
            if self._calm >= _AFTER and self.width < self._most:
                self.width, self._calm = self.width + 1, 0
            return
        used = self._lines[: len(answers)]
        kept = [line for line, away in zip(used, turned_away, strict=True) if not away]
        self.width, self._calm = len(kept) or max(1, self.width // 2), 0
        for line in self._lines:
            if line not in kept:
                line.close()
        self._lines = kept
