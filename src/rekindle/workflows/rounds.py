"""What the worker does again and again beside the outbox and the jobs, each by itself: none waits for another.

    tellings   other systems are told what they asked for
    mailbox    answers are read
    playbooks  steps that came due are taken
    feeds      what people let us read is read
    events     what was told in passing is gathered into the history
    leaves     people handed over for a leave come back

A fault is logged and the round comes again; the deed itself keeps what went wrong where its page shows it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from django.db import close_old_connections, connection

from rekindle.errors import Conflict
from rekindle.workflows.alone import alone

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """A deed, and how many seconds lie between its end and its next beginning.

    is_alone  whether only one process at a time may do it
    """

    name: str
    seconds: float
    deed: Callable[[], Any]
    is_alone: bool = True


def _tell() -> None:
    from rekindle.workflows.hooks_out import deliver

    deliver.sweep()
    while deliver.tell_due():
        continue


def _read() -> None:
    from rekindle.workflows.inbound.mailbox import read_mailbox

    read_mailbox()


def _advance() -> None:
    from rekindle.workflows.playbooks import advance

    advance.run_due(everybody=False)


def _bring_back() -> None:
    from rekindle.workflows.handover import return_due

    return_due()


def _gather() -> None:
    from rekindle.workflows.events_gather import gather_due

    gather_due()


def _hear() -> None:
    from rekindle.workflows.social import feeds

    while feeds.read_due():
        continue


ROUNDS: Final = (
    Round("tellings", 2.0, _tell, is_alone=False),
    Round("mailbox", 60.0, _read),
    Round("playbooks", 60.0, _advance),
    Round("feeds", 300.0, _hear),
    Round("events", 5.0, _gather),
    Round("leaves", 600.0, _bring_back),
)


def begin(stop: threading.Event, *, rounds: tuple[Round, ...] = ROUNDS) -> list[threading.Thread]:
    """A thread for each, which ends soon after `stop` is set."""
    threads = [
        threading.Thread(target=_keep, args=(one, stop), name=f"round {one.name}", daemon=True) for one in rounds
    ]
    for thread in threads:
        thread.start()
    return threads


def _keep(one: Round, stop: threading.Event) -> None:
    while not stop.wait(one.seconds):
        once(one)


def once(one: Round) -> None:
    """One time round. Nothing it raises ends the worker."""
    close_old_connections()
    try:
        with alone(f"round-{one.name}", doing=f"Another round of {one.name}") if one.is_alone else nullcontext():
            one.deed()
    except Conflict:
        return  # another process is at it
    except Exception:  # noqa: BLE001  # a bug, or a database that is away, must not end the round for good
        _log.exception("the round of %s met an unforeseen error and comes again", one.name)
    finally:
        connection.close()
