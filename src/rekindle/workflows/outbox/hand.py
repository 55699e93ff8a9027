"""From the queue to the wire, one message at a time, so that a crash anywhere costs at most an honest "not known".

1. claim    take what is due, under a lease and a higher epoch; nobody else touches it while the lease holds
2. mark     in one transaction: lock the person, then the message; is it still ours, in time, and do the rules allow
            it at this very instant? Then it is marked as being handed over. This is the point at which it counts
3. log      one line beside the books, flushed to the disk
4. hand over, and hear what became of it
5. settle   compare and set by epoch: a worker that was given up for dead changes nothing that others went on with;
            only what it knows better than "unknown" still counts
6. sweep    a claim whose lease ran out is free again; a hand-over whose lease ran out is not known, and stays so
            (owed messages go again, under the same Message-ID)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from rekindle.act.envelope import Accepted, Handed, NotAccepted, Unknown
from rekindle.decide.eligibility import ALWAYS, Rule
from rekindle.errors import NotFound
from rekindle.journal.models import Message, MessageAttempt, MessageState, Sending
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import consent, refusals
from rekindle.workflows.outbox import clock, domains, fence, said_before
from rekindle.workflows.outbox.dead_address import end_address
from rekindle.workflows.outbox.failpoints import reach
from rekindle.workflows.outbox.said_before import Ahead
from rekindle.workflows.outbox.trail import DEFERRED, change
from rekindle.workflows.why_not import Answer

LEASE: Final = timedelta(minutes=20)
"""Longer than all answers of a server together: the last one alone may take ten minutes (RFC 5321, 4.5.3.2.6)."""
AT_LEAST_ONCE: Final = ALWAYS | {TouchClass.SERVICE}
"""Owed to them: better twice, under the same Message-ID, than not at all. Everything else at most once."""
MOST_TRIES: Final = 12
ASIDE: Final = timedelta(hours=1)
_LONGEST_WAIT: Final = timedelta(hours=6)


@dataclass(frozen=True)
class Claim:
    """A message that is ours to hand over while the lease holds."""

    message: int
    epoch: int


def claim(
    worker: str, *, most: int, channel: Channel = Channel.EMAIL, only: Sequence[int] = (), per_domain: int = 0
) -> list[Claim]:
    """Step 1. Up to `most` messages of that road that are due, the longest waiting first.

    only        some of them
    per_domain  how many a minute one domain of theirs is given; 0: no limit
    """
    at = clock.now()
    due = Q(state=MessageState.QUEUED.value, not_before__lte=at, channel=channel.value)
    if only:
        due &= Q(id__in=only)
    with transaction.atomic():
        rows = Message.objects.filter(due).order_by("not_before", "id")
        if connection.vendor == "postgresql":
            rows = rows.select_for_update(skip_locked=True)
        found = _first(rows, most=most, per_domain=per_domain, at=at)
        Message.objects.filter(id__in=[number for number, _ in found]).update(
            state=MessageState.CLAIMED.value, claimed_by=worker, lease_until=at + LEASE, epoch=F("epoch") + 1
        )
        MessageAttempt.objects.bulk_create(
            MessageAttempt(message_id=number, epoch=epoch + 1, phase=MessageState.CLAIMED.value, at=at, worker=worker)
            for number, epoch in found
        )
    reach("after_claim")
    return [Claim(number, epoch + 1) for number, epoch in found]


def _first(rows: QuerySet[Message], *, most: int, per_domain: int, at: datetime) -> list[tuple[int, int]]:
    """(number, epoch) of the first that no domain's limit holds back."""
    if not per_domain:
        return list(rows.values_list("id", "epoch")[:most])
    rows = domains.without_full(rows, at=at, limit=per_domain)
    some = list(rows.values_list("id", "epoch", "recipient")[: most * 10])
    waits = domains.over_limit([recipient for *_, recipient in some], at=at, limit=per_domain)
    return [(number, epoch) for number, epoch, recipient in some if recipient not in waits][:most]


def look_ahead(claims: Sequence[Claim], *, road: Sending) -> Ahead | None:
    """The rules asked about all that was claimed in one gathering, for `mark`; None where each is asked by itself."""
    rows = Message.objects.filter(pk__in=[one.message for one in claims], party__isnull=False).select_related("party")
    letters = [(row, row.party) for row in rows if row.party is not None]
    return said_before.look_ahead(letters, road=road, at=clock.now()) if len(letters) > 1 else None


def mark(
    claimed: Claim, *, worker: str, settled_at: datetime | None = None, ahead: Ahead | None = None
) -> Message | None:
    """Steps 2 and 3. The message, marked as being handed over; None where it is not to be: then its row says why.

    settled_at  when the settings were last changed by which the caller would send; changed since, it sends nothing
    ahead       the answers of `look_ahead`, used while nothing they saw has changed
    """
    reach("before_mark")
    with transaction.atomic():
        row = _marked(claimed, worker=worker, settled_at=settled_at, ahead=ahead)
    if row is None:
        return None
    reach("after_mark")
    try:
        fence.log(row, MessageState.HANDING_OVER.value, at=row.handed_at or clock.now())
    except OSError as error:
        _unmark(row, why=f"the sent log cannot be written: {error.strerror}")
        return None
    reach("after_log")
    return row


def _marked(claimed: Claim, *, worker: str, settled_at: datetime | None, ahead: Ahead | None) -> Message | None:
    """The row, marked under the lock of its person; else None, and the row says why."""
    # Who could look ahead writes into SQLite: the transaction itself keeps every other writer out.
    party = _locked_party(claimed) if ahead is None else None
    row = Message.objects.select_for_update(of=("self",)).filter(pk=claimed.message).first()
    at = clock.now()
    if row is None or not _is_ours(row, claimed, worker=worker, at=at):
        return None
    road = fence.check(deep=False)
    if road.paused:
        _back(row, at=at, why=f"sending is paused: {road.paused}")
    elif settled_at is not None and road.changed_at != settled_at:
        _back(row, at=at, why="the settings of sending changed meanwhile")
    elif row.expires_at <= at:
        _close(row, MessageState.EXPIRED, at=at, why="its time was over")
    elif row.party_id is None:
        _close(row, MessageState.CANCELLED, at=at, why="this person is not in the books any more")
    else:
        if (yes := ahead.answer(row, at=at) if ahead is not None else None) is not None:
            return _begun(row, yes, worker=worker, at=at)
        party = party or consent.locked(Party(pk=row.party_id))
        answer = said_before.ask(row, party, road=road, at=at)
        if answer.allowed:
            return _begun(row, answer, worker=worker, at=at)
        _held_back(row, party, answer, at=at)
    return None


def _begun(row: Message, answer: Answer, *, worker: str, at: datetime) -> Message:
    change(
        row, MessageState.HANDING_OVER, was=[MessageState.CLAIMED], at=at, worker=worker, claimed_by=worker,
        lease_until=at + LEASE, attempts=row.attempts + 1, handed_at=at, gate=_trace(answer, at=at),
    )  # fmt: skip
    return row


def settle(row: Message, handed: Handed, *, worker: str, kept: bool = False) -> bool:
    """Step 5. Write what became of it; False where others went on with it meanwhile, and nothing was changed.

    kept  it was written into the folder of this house, not sent
    """
    reach("after_answer")
    at = clock.now()
    state, wait = _outcome(row, handed, kept=kept, at=at)
    # Before the books: a queue that the log does not know of would look like an older copy of them.
    fence.log(row, state.value, at=at)
    code = None if isinstance(handed, Unknown) else handed.code
    waits = {"not_before": at + wait} if state is MessageState.QUEUED else {}
    with transaction.atomic():
        # A late truth still counts over "unknown", by the same epoch.
        if not change(
            row, state, was=[MessageState.HANDING_OVER, MessageState.UNKNOWN], at=at, worker=worker, code=code,
            why=handed.reply, error="" if isinstance(handed, Accepted) else None,
            phase=DEFERRED if state is MessageState.QUEUED else "", last_code=code, **waits,
        ):  # fmt: skip
            return False
        if isinstance(handed, NotAccepted) and handed.is_address:
            end_address(row.recipient, at=at, party=row.party, about=f"message:{row.pk}")
    reach("after_finish")
    return True


def sweep() -> dict[str, int]:
    """Step 6. Gives how many were freed, how many are not known now, how many had waited too long."""
    at = clock.now()
    over = Message.objects.filter(lease_until__lt=at)
    freed = unknown = late = 0
    for row in over.filter(state=MessageState.CLAIMED.value)[:1000]:
        freed += _swept(row, MessageState.QUEUED, at=at, why="its worker was lost before the mark")
    for row in over.filter(state=MessageState.HANDING_OVER.value)[:1000]:
        again = TouchClass(row.touch_class) in AT_LEAST_ONCE
        state = MessageState.QUEUED if again else MessageState.UNKNOWN
        if again:
            fence.log(row, state.value, at=at)
        unknown += _swept(row, state, at=at, why="its worker was lost while handing it over")
    for row in Message.objects.filter(state=MessageState.QUEUED.value, expires_at__lte=at)[:1000]:
        late += _swept(row, MessageState.EXPIRED, at=at, why="its time was over")
    return {"freed": freed, "unknown": unknown, "expired": late}


def _swept(row: Message, to: MessageState, *, at: datetime, why: str) -> bool:
    with transaction.atomic():
        return change(row, to, was=[MessageState(row.state)], at=at, why=why)


def put_aside(claimed: Claim, *, why: str) -> None:
    """A message that could not even be asked about: not sent, looked at again in an hour, given up after some tries."""
    at = clock.now()
    with transaction.atomic():
        mine = Message.objects.select_for_update(of=("self",)).filter(pk=claimed.message, epoch=claimed.epoch)
        row = mine.filter(state=MessageState.CLAIMED.value).first()
        if row is None:
            return
        tries = row.attempts + 1
        to = MessageState.FAILED if tries >= MOST_TRIES else MessageState.QUEUED
        change(row, to, was=[MessageState.CLAIMED], at=at, why=why, attempts=tries, not_before=at + ASIDE)


def _unmark(row: Message, *, why: str) -> None:
    """Nothing went out: back into the queue, and nothing else goes either until somebody has looked."""
    with transaction.atomic():
        change(
            row, MessageState.QUEUED, was=[MessageState.HANDING_OVER], at=clock.now(), why=why, phase=DEFERRED,
            attempts=row.attempts - 1,
        )  # fmt: skip
    fence.pause(why)


def _locked_party(claimed: Claim) -> Party | None:
    """The person's rows, held until the transaction ends: in the order in which every no takes them."""
    number = Message.objects.filter(pk=claimed.message).values_list("party_id", flat=True).first()
    try:
        return consent.locked(Party(pk=number)) if number is not None else None
    except NotFound:
        return None


def _is_ours(row: Message, claimed: Claim, *, worker: str, at: datetime) -> bool:
    held = row.lease_until is not None and row.lease_until > at
    return held and row.state == MessageState.CLAIMED.value and row.epoch == claimed.epoch and row.claimed_by == worker


def _held_back(row: Message, party: Party, answer: Answer, *, at: datetime) -> None:
    """A rule says no. Where that changes by itself while there is time, the message waits; else that is its end."""
    trace = _trace(answer, at=at)
    if answer.until is not None and answer.until < row.expires_at and answer.rule in WAITED_FOR:
        later = max(answer.until, at + timedelta(seconds=1))
        _back(row, at=at, why=answer.text, gate=trace, not_before=later)
        return
    _close(row, MessageState.CANCELLED, at=at, why=answer.text, gate=trace)
    refusals.keep(
        party, touch_class=TouchClass(row.touch_class), channel=Channel(row.channel), rule=answer.rule,
        changes_at=answer.until, asked_by="outbox", actor=row.actor,
    )  # fmt: skip


def _trace(answer: Answer, *, at: datetime) -> dict[str, str]:
    return {"rule": answer.rule.value, "at": at.isoformat(), "text": answer.text}


WAITED_FOR: Final = frozenset({Rule.QUIET_HOURS, Rule.TOUCH_GAP, Rule.TOUCH_CAP, Rule.WRITTEN_TODAY})
"""A delay and no refusal: the hour of the day, and the rest between two touches."""


def _outcome(row: Message, handed: Handed, *, kept: bool, at: datetime) -> tuple[MessageState, timedelta]:
    """(the state it comes to, how long it waits when that is the queue)."""
    wait = min(timedelta(minutes=2 ** min(row.attempts, 10)), _LONGEST_WAIT)
    if isinstance(handed, Accepted):
        return (MessageState.KEPT if kept else MessageState.ACCEPTED), wait
    again = row.attempts < MOST_TRIES and at + wait < row.expires_at
    if isinstance(handed, Unknown):
        owed = TouchClass(row.touch_class) in AT_LEAST_ONCE
        return (MessageState.QUEUED if owed and again else MessageState.UNKNOWN), wait
    if handed.is_final and not handed.is_server:
        return MessageState.FAILED, wait
    return (MessageState.QUEUED if again else MessageState.FAILED), wait


def _back(row: Message, *, at: datetime, why: str, **fields: Any) -> None:
    change(row, MessageState.QUEUED, was=[MessageState.CLAIMED], at=at, why=why, **fields)


def _close(row: Message, to: MessageState, *, at: datetime, why: str, **fields: Any) -> None:
    change(row, to, was=[MessageState.CLAIMED], at=at, why=why, **fields)
