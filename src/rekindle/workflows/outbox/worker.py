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
from typing import Final

from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from rekindle import home
from rekindle.act.channels.folder import Folder
from rekindle.act.channels.mail import Mail, Server
from rekindle.act.envelope import Envelope, Handed, NotAccepted
from rekindle.errors import RekindleError
from rekindle.journal.models import Message, MessageAttempt, MessageState, Road, Sending
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows.outbox import fence, hand, headers, settle
from rekindle.workflows.outbox.failpoints import reach
from rekindle.workflows.outbox.lines import Carrier, Lines
from rekindle.workflows.outbox.said_before import Ahead
from rekindle.workflows.outbox.text_road import open_texts
from rekindle.workflows.sealed import unseal

AT_ONCE: Final = 96  # messages a claim; what a killed worker held comes free after one lease
FEW: Final = 10
"""So few are handed over one by one: a crash then leaves one of them unknown, and not one a line."""
SWEEP_SECONDS: Final = 30.0
AFTER_TROUBLE: Final = 15.0

_log = logging.getLogger(__name__)


def run_once(*, most: int = AT_ONCE) -> int:
    """Claim what is due and hand it over; gives how many were handed over or settled. For commands and tests."""
    road = fence.check(deep=True)
    if road.paused:
        return 0
    with lines_of(road) as lines:
        mails = hand_round(name_of_worker(), road, lines, most=most)
    return mails + _text_round(name_of_worker(), road, most=most)


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
        self._open: Lines | None = None
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
            self._open, self._settled_at = lines_of(road), road.changed_at
        done = hand_round(self._name, road, self._open, most=AT_ONCE)
        if not done:
            self.let_go()
        return done + _text_round(self._name, road, most=AT_ONCE)

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


def lines_of(road: Sending) -> Lines:
    """Lines to the road that the owner chose, opened as they are used."""
    return Lines(lambda: open_channel(road))


def _text_round(worker: str, road: Sending, *, most: int) -> int:
    """The same for text messages; where no system of the house sends them they wait, and are kept while mail is."""
    texts = open_texts(road, folder=outbox_folder())
    if texts is None:
        return 0
    with Lines(lambda: texts) as lines:
        return hand_round(worker, road, lines, most=most, channel=Channel.SMS)


def hand_round(worker: str, road: Sending, lines: Lines, *, most: int, channel: Channel = Channel.EMAIL) -> int:
    """Claim up to `most` of that road and bring each to an answer; gives how many were handed over or settled."""
    room = _room(road, channel)
    limit = road.per_domain_minute if channel is Channel.EMAIL else 0
    claims = hand.claim(worker, most=min(most, room), channel=channel, per_domain=limit) if room > 0 else []
    ahead = _look_ahead(claims, road=road)
    left = claims
    while left:
        some, left = _next(left, most=lines.width if len(claims) > FEW else 1)
        rows = _marked(some, worker=worker, settled_at=road.changed_at, ahead=ahead)
        if not rows:
            continue
        heard = _handed(rows, road, lines)
        hand.settle_all(heard, worker=worker, kept=road.road == Road.LOCAL.value)
        noes = [handed for _row, handed in heard if isinstance(handed, NotAccepted)]
        if any(no.is_address for no in noes):
            ahead = None  # an address went out of the books, by our own hand: what was asked ahead may have seen it
        if (trouble := next((no for no in noes if no.is_server), None)) is not None:
            _server_trouble(trouble)
    return len(claims)


def _handed(rows: Sequence[Message], road: Sending, lines: Lines) -> list[tuple[Message, Handed]]:
    """What became of each; one that cannot be written down as a message goes nowhere and holds up nobody."""
    lost: list[tuple[Message, Handed]] = []
    ready: list[tuple[Message, Envelope]] = []
    for row in rows:
        try:
            ready.append((row, headers.envelope(row, road)))
        except (DatabaseError, OSError):
            raise
        except Exception:  # noqa: BLE001  # a bug about one message must not leave the others unknown
            _log.exception("message %s cannot be written down", row.pk)
            lost.append((row, NotAccepted(None, "an unforeseen error; the log of the server has it", is_final=True)))
    answers = lines.hand_over([envelope for _row, envelope in ready]) if ready else []
    return [*lost, *((row, handed) for (row, _envelope), handed in zip(ready, answers, strict=True))]


def _next(claims: list[hand.Claim], *, most: int) -> tuple[list[hand.Claim], list[hand.Claim]]:
    """(those that go onto the wire together, the others): the longest waiting first, one a person."""
    some: list[hand.Claim] = []
    others: list[hand.Claim] = []
    people: set[int | None] = set()
    for one in claims:
        if len(some) < most and one.party not in people:
            some.append(one)
            people.add(one.party)
        else:
            others.append(one)
    return some, others


def _marked(
    claims: list[hand.Claim], *, worker: str, settled_at: datetime | None, ahead: Ahead | None
) -> list[Message]:
    """Marked together; where that fails, each by itself, so that one who cannot be asked about holds up nobody."""
    try:
        return hand.mark_all(claims, worker=worker, settled_at=settled_at, ahead=ahead)
    except (DatabaseError, OSError):
        if len(claims) == 1:
            raise
    except Exception:  # noqa: BLE001  # what cannot be asked about is not sent, and must not hold up the others
        if len(claims) == 1:
            _log.exception("message %s cannot be asked about", claims[0].message)
            hand.put_aside(claims[0], why="an unforeseen error; the log of the server has it")
            return []
    alone = (_marked([one], worker=worker, settled_at=settled_at, ahead=None) for one in claims)
    return [row for rows in alone for row in rows]


def _look_ahead(claims: Sequence[hand.Claim], *, road: Sending) -> Ahead | None:
    try:
        return hand.look_ahead(claims, road=road)
    except (DatabaseError, OSError):
        raise
    except Exception:  # noqa: BLE001  # somebody who cannot be asked about; each is asked by itself, and that one told
        return None


def _room(road: Sending, channel: Channel) -> int:
    """How many may go in this minute still."""
    since = timezone.now() - timedelta(minutes=1)
    gone = MessageAttempt.objects.filter(phase=MessageState.HANDING_OVER.value, at__gt=since)
    return road.per_minute - gone.filter(message__channel=channel.value).count()


def _server_trouble(handed: NotAccepted) -> None:
    """A server that will not let us in is no matter of one message: sending stops until somebody has looked."""
    if handed.is_final or (handed.code is not None and handed.code // 100 == 5):
        fence.pause(f"the mail server does not let us in: {handed.reply}")
    else:
        time.sleep(min(AFTER_TROUBLE, 1.0))
