"""The worker of the outbox: claims a few, hands each over, and sweeps up after those who were lost.

Crash-only: nothing is kept for a polite end. `kill -9` at any instant leaves rows that the next sweep puts right.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from rekindle import home
from rekindle.act.channels.folder import Folder
from rekindle.act.channels.mail import Mail, Server
from rekindle.act.envelope import Envelope, Handed, NotAccepted
from rekindle.errors import RekindleError
from rekindle.journal.models import MessageAttempt, MessageState, Road, Sending
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows.outbox import fence, hand, headers, settle
from rekindle.workflows.outbox.failpoints import reach
from rekindle.workflows.outbox.said_before import Ahead
from rekindle.workflows.sealed import unseal

AT_ONCE: Final = 50  # messages a claim; what a killed worker held comes free after one lease
SWEEP_SECONDS: Final = 30.0
AFTER_TROUBLE: Final = 15.0

_log = logging.getLogger(__name__)


class Carrier(Protocol):
    """A road that takes envelopes."""

    def hand_over(self, envelope: Envelope) -> Handed: ...

    def close(self) -> None: ...


def run_once(*, most: int = AT_ONCE) -> int:
    """Claim what is due and hand it over; gives how many were handed over or settled. For commands and tests."""
    road = fence.check(deep=True)
    if road.paused:
        return 0
    opened = open_channel(road)
    try:
        return hand_round(name_of_worker(), road, opened, most=most)
    finally:
        opened.close()


def work(stop: threading.Event, *, idle_seconds: float = 1.0) -> None:
    """Hand over whatever comes due until told to stop; the message at hand is finished first."""
    hands = _Hands(name_of_worker())
    while not stop.is_set():
        close_old_connections()
        try:
            if hands.turn():
                continue
        except Exception as error:  # noqa: BLE001  # a bug, or a database that is away, must not end it for good
            if isinstance(error, (RekindleError, OSError)):
                _log.warning("the outbox waits: %s", error)
            else:
                _log.exception("the outbox met an unforeseen error and goes on in a while")
            hands.let_go()
            stop.wait(AFTER_TROUBLE)
        stop.wait(idle_seconds)
    hands.let_go()


class _Hands:
    """What one worker holds between two turns: the road that is open, and by which settings it was opened."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._swept = 0.0
        self._looked_back = False
        self._open: Carrier | None = None
        self._settled_at: datetime | None = None

    def turn(self) -> int:
        """Sweep when it is time, then hand over a few; gives how many were handed over or settled."""
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            hand.sweep()
            settle.close_old()
        road = fence.check(deep=not self._looked_back)
        self._looked_back = True
        if road.paused:
            self.let_go()
            return 0
        if self._open is None or self._settled_at != road.changed_at:
            self.let_go()
            self._open, self._settled_at = open_channel(road), road.changed_at
        done = hand_round(self._name, road, self._open, most=AT_ONCE)
        if not done:
            self.let_go()
        return done

    def let_go(self) -> None:
        """Hang up."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.close()


def name_of_worker() -> str:
    """Who claims: the machine, the process and a number of its own, for a process number comes round again."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[:80]


def open_channel(road: Sending) -> Carrier:
    """The road that the owner chose."""
    if road.road == Road.LOCAL.value:
        return Folder(outbox_folder())
    if road.road == Road.PROVIDER.value:
        from rekindle.workflows.outbox.provider import of_settings  # it brings the library of all providers

        return of_settings(road, reach=reach)
    password = unseal(road.password) if road.password else ""
    return Mail(Server(road.host, road.port, road.security, road.username, password), reach=reach)


def outbox_folder() -> Path:
    """Where messages are kept while this house is where all mail goes."""
    return home.home() / "outbox"


def hand_round(worker: str, road: Sending, channel: Carrier, *, most: int) -> int:
    """Claim up to `most` and bring each to an answer; gives how many were handed over or settled."""
    room = _room(road)
    done = 0
    claims = hand.claim(worker, most=min(most, room), per_domain=road.per_domain_minute) if room > 0 else []
    ahead = _look_ahead(claims, road=road)
    for claimed in claims:
        try:
            row = hand.mark(claimed, worker=worker, settled_at=road.changed_at, ahead=ahead)
        except (DatabaseError, OSError):
            raise
        except Exception:  # noqa: BLE001  # what cannot be asked about is not sent, and must not hold up the others
            _log.exception("message %s cannot be asked about", claimed.message)
            hand.put_aside(claimed, why="an unforeseen error; the log of the server has it")
            continue
        if row is None:
            done += 1
            continue
        handed = channel.hand_over(headers.envelope(row, road))
        hand.settle(row, handed, worker=worker, kept=road.road == Road.LOCAL.value)
        done += 1
        if isinstance(handed, NotAccepted) and handed.is_address:
            ahead = None  # an address went out of the books, by our own hand: what was asked ahead may have seen it
        if isinstance(handed, NotAccepted) and handed.is_server:
            _server_trouble(handed)
    return done


def _look_ahead(claims: Sequence[hand.Claim], *, road: Sending) -> Ahead | None:
    try:
        return hand.look_ahead(claims, road=road)
    except (DatabaseError, OSError):
        raise
    except Exception:  # noqa: BLE001  # somebody who cannot be asked about; each is asked by itself, and that one told
        return None


def _room(road: Sending) -> int:
    """How many may go in this minute still."""
    since = timezone.now() - timedelta(minutes=1)
    gone = MessageAttempt.objects.filter(phase=MessageState.HANDING_OVER.value, at__gt=since)
    return road.per_minute - gone.filter(message__channel=Channel.EMAIL.value).count()


def _server_trouble(handed: NotAccepted) -> None:
    """A server that will not let us in is no matter of one message: sending stops until somebody has looked."""
    if handed.is_final or (handed.code is not None and handed.code // 100 == 5):
        fence.pause(f"the mail server does not let us in: {handed.reply}")
    else:
        time.sleep(min(AFTER_TROUBLE, 1.0))
