"""What log lines may not say. Free of Django, since logging is set up before it."""

from __future__ import annotations

import logging
import re

# Addresses whose last part opens an account, or somebody's own page.
_SECRET = re.compile(r"(/(?:set-up|new-password|p/[a-z]+)/)[^\s'\"]+")


class NoTokens(logging.Filter):
    """Replaces the secret part of an address by dots: a log is read by more people than may own the house."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        hidden = _SECRET.sub(r"\1…", said)
        if hidden != said:
            record.msg, record.args = hidden, ()
        return True
