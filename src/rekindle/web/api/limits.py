"""How often one key may ask: a bucket that fills steadily and empties by one with each request.

Kept in memory, for each process by itself: a business runs one, and after a restart everybody begins with a full
bucket. Nothing here can fail, so nothing needs to be let through or kept out when it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

PER_SECOND: Final = 20.0
BURST: Final = 200
"""Twenty requests a second for as long as one likes, two hundred at once after a pause: more than any program that
works with people needs, less than what keeps the pages waiting. Events come a thousand to a request. Our choice."""

TELLINGS_PER_SECOND: Final = 500.0
TELLINGS_BURST: Final = 1_000
"""Events told in passing cost a fiftieth of what a page costs, and a till tells each by itself. Our choice."""


class Buckets:
    """One bucket a key. `clock` gives seconds that never go back."""

    def __init__(
        self, *, per_second: float = PER_SECOND, burst: int = BURST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._held: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: int) -> float:
        """Take one from the bucket of a key: 0 where there was one, else seconds until there is."""
        now = self._clock()
        with self._lock:
            held, since = self._held.get(key, (float(self._burst), now))
            held = min(float(self._burst), held + (now - since) * self._per_second)
            if held < 1:
                self._held[key] = (held, now)
                return (1 - held) / self._per_second
            self._held[key] = (held - 1, now)
            return 0.0


BUCKETS: Final = Buckets()
TELLING: Final = Buckets(per_second=TELLINGS_PER_SECOND, burst=TELLINGS_BURST)
