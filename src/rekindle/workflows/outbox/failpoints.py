"""Named points at which a test may kill, break or hold a worker. Without REKINDLE_FAILPOINT they are nothing.

REKINDLE_FAILPOINT="after_mark:kill:7"     kill this process with SIGKILL the seventh time it comes by
REKINDLE_FAILPOINT="mail.before_dot:raise:1"  raise there
REKINDLE_FAILPOINT="after_claim:sleep=3:1"    stand still there for 3 seconds
"""

from __future__ import annotations

import os
import signal
import time
from typing import Final

POINTS: Final = (
    "after_claim",
    "before_mark",
    "after_mark",
    "after_log",
    "mail.before_dot",
    "mail.after_dot",
    "mail.after_answer",
    "after_answer",
    "after_finish",
)
"""In the order in which one message comes to them."""

_came_by: dict[str, int] = {}


class Broken(BaseException):
    """What a failpoint raises; no `except Exception` goes on after it."""


def reach(point: str) -> None:
    """Come by a point; does what REKINDLE_FAILPOINT asks for there."""
    asked = os.environ.get("REKINDLE_FAILPOINT")
    if not asked:
        return
    name, what, nth = asked.split(":")
    if name != point:
        return
    _came_by[point] = _came_by.get(point, 0) + 1
    if _came_by[point] != int(nth):
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "raise":
        raise Broken(point)
    if what.startswith("sleep="):
        time.sleep(float(what.removeprefix("sleep=")))
