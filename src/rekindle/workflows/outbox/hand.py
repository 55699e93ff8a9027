"""From the queue to the wire, so that a crash anywhere costs at most an honest "not known".

1. claim    take what is due, under a lease and a higher epoch; nobody else touches it while the lease holds
2. mark     in one transaction: lock the person, then the message; is it still ours, in time, and do the rules allow
            it at this very instant? Then it is marked as being handed over. This is the point at which it counts.
            As many are marked together as go onto the wire at the same moment, to one person each
3. log      one line a message beside the books, flushed to the disk
4. hand over, and hear what became of it
5. settle   compare and set by epoch: a worker that was given up for dead changes nothing that others went on with;
            only what it knows better than "unknown" still counts
6. sweep    a claim whose lease ran out is free again; a hand-over whose lease ran out is not known, and stays so
            (owed messages go again, under the same Message-ID)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from rekindle.act.envelope import Accepted, Handed, NotAccepted, Unknown
from rekindle.decide.eligibility import ALWAYS, Rule
from rekindle.journal.models import Message, MessageAttempt, MessageState, Sending
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import consent, refusals
from rekindle.workflows.outbox import clock, domains, fence, said_before, trail
from rekindle.workflows.outbox.dead_address import end_address
from rekindle.workflows.outbox.failpoints import reach
from rekindle.workflows.outbox.said_before import Ahead
from rekindle.workflows.outbox.trail import DEFERRED, Change
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
    party: int | None = None


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
        Message.objects.filter(id__in=[one.message for one in found]).update(
            state=MessageState.CLAIMED.value, claimed_by=worker, lease_until=at + LEASE, epoch=F("epoch") + 1
        )
        MessageAttempt.objects.bulk_create(
            MessageAttempt(
                message_id=one.message, epoch=one.epoch, phase=MessageState.CLAIMED.value, at=at, worker=worker
            )
            for one in found
        )
    reach("after_claim")
    return found


def _first(rows: QuerySet[Message], *, most: int, per_domain: int, at: datetime) -> list[Claim]:
    """The first that no domain's limit holds back, as they will be claimed."""
    if per_domain:
        rows = domains.without_full(rows, at=at, limit=per_domain)
    some = list(rows.values_list("id", "epoch", "party_id", "recipient")[: most * 10 if per_domain else most])
    waits = domains.over_limit([one[3] for one in some], at=at, limit=per_domain) if per_domain else frozenset()
    return [Claim(number, epoch + 1, party) for number, epoch, party, to in some if to not in waits][:most]


def look_ahead(claims: Sequence[Claim], *, road: Sending) -> Ahead | None:
    """The rules asked about all that was claimed in one gathering, for `mark`; None where each is asked by itself."""
    rows = Message.objects.filter(pk__in=[one.message for one in claims], party__isnull=False).select_related("party")
    letters = [(row, row.party) for row in rows if row.party is not None]
    return said_before.look_ahead(letters, road=road, at=clock.now()) if len(letters) > 1 else None


def mark(
    claimed: Claim, *, worker: str, settled_at: datetime | None = None, ahead: Ahead | None = None
) -> Message | None:
    """Steps 2 and 3 for one message; None where it is not to be handed over: then its row says why."""
    return next(iter(mark_all([claimed], worker=worker, settled_at=settled_at, ahead=ahead)), None)


def mark_all(
    claims: Sequence[Claim], *, worker: str, settled_at: datetime | None = None, ahead: Ahead | None = None
) -> list[Message]:
    """Steps 2 and 3, for messages to one person each that go onto the wire together; gives those that are to go.

    settled_at  when the settings were last changed by which the caller would send; changed since, it sends nothing
    ahead       the answers of `look_ahead`, used while nothing they saw has changed
    """
    reach("before_mark")
    with transaction.atomic():
        rows = _marked(claims, worker=worker, settled_at=settled_at, ahead=ahead)
    if not rows:
        return []
    reach("after_mark")
    try:
        fence.log_all([(row, MessageState.HANDING_OVER.value) for row in rows], at=rows[0].handed_at or clock.now())
    except OSError as error:
        _unmark(rows, why=f"the sent log cannot be written: {error.strerror}")
        return []
    reach("after_log")
    return rows


def _marked(claims: Sequence[Claim], *, worker: str, settled_at: datetime | None, ahead: Ahead | None) -> list[Message]:
    """The rows, marked under the locks of their people; where one is not to go, its row says why."""
    # Who could look ahead writes into SQLite: the transaction itself keeps every other writer out.
    parties: Mapping[int, Party] = _locked_parties(claims) if ahead is None else {}
    claimed = {one.message: one for one in claims}
    held = Message.objects.select_for_update(of=("self",)).filter(pk__in=claimed).select_related("party").order_by("pk")
    at = clock.now()
    rows = [row for row in held if _is_ours(row, claimed[row.pk], worker=worker, at=at)]
    if not rows:
        return []
    road = fence.check(deep=False)
    yes = dict(ahead.still(at=at)) if ahead is not None else {}
    if ahead is not None and (unasked := [claimed[row.pk] for row in rows if row.pk not in yes]):
        parties = _locked_parties(unasked)
    stopped, letters = [], []
    for row in rows:
        if (stop := _stopped(row, road=road, settled_at=settled_at, at=at)) is not None:
            stopped.append(stop)
        elif row.pk not in yes and (party := parties.get(row.party_id or 0)) is not None:
            letters.append((row, party))
        elif row.pk not in yes:
            stopped.append(Change(row, MessageState.QUEUED, why="this person was joined with another meanwhile"))
    trail.change_all(stopped, was=[MessageState.CLAIMED], at=at)
    for (row, party), answer in zip(letters, said_before.ask(letters, road=road, at=at), strict=True):
        if answer.allowed:
            yes[row.pk] = answer
        else:
            _held_back(row, party, answer, at=at)
    going = [row for row in rows if row.pk in yes and row.state == MessageState.CLAIMED.value]
    return _begun([(row, yes[row.pk]) for row in going], worker=worker, at=at)


def _stopped(row: Message, *, road: Sending, settled_at: datetime | None, at: datetime) -> Change | None:
    """What keeps it from going before anybody is asked about its person; None where nothing does."""
    if road.paused:
        return Change(row, MessageState.QUEUED, why=f"sending is paused: {road.paused}")
    if settled_at is not None and road.changed_at != settled_at:
        return Change(row, MessageState.QUEUED, why="the settings of sending changed meanwhile")
    if row.expires_at <= at:
        return Change(row, MessageState.EXPIRED, why="its time was over")
    if row.party_id is None:
        return Change(row, MessageState.CANCELLED, why="this person is not in the books any more")
    return None


def _begun(allowed: Sequence[tuple[Message, Answer]], *, worker: str, at: datetime) -> list[Message]:
    changes = [
        Change(row, MessageState.HANDING_OVER, fields={
            "claimed_by": worker, "lease_until": at + LEASE, "attempts": row.attempts + 1, "handed_at": at,
            "gate": _trace(answer, at=at),
        })
        for row, answer in allowed
    ]  # fmt: skip
    return trail.change_all(changes, was=[MessageState.CLAIMED], at=at, worker=worker)


def settle(row: Message, handed: Handed, *, worker: str, kept: bool = False) -> bool:
    """Step 5 for one message; False where others went on with it meanwhile, and nothing was changed."""
    return bool(settle_all([(row, handed)], worker=worker, kept=kept))


def settle_all(heard: Sequence[tuple[Message, Handed]], *, worker: str, kept: bool = False) -> list[Message]:
    """Step 5. Write what became of each; gives the rows that were still ours to write.

    kept  they were written into the folder of this house, not sent
    """
    reach("after_answer")
    at = clock.now()
    changes = [_outcome(row, handed, kept=kept, at=at) for row, handed in heard]
    # Before the books: a queue that the log does not know of would look like an older copy of them.
    fence.log_all([(one.row, one.to.value) for one in changes], at=at)
    with transaction.atomic():
        # A late truth still counts over "unknown", by the same epoch.
        unsure = [MessageState.HANDING_OVER, MessageState.UNKNOWN]
        done = trail.change_all(changes, was=unsure, at=at, worker=worker)
        for row, handed in heard:
            if row in done and isinstance(handed, NotAccepted) and handed.is_address:
                end_address(row.recipient, at=at, party=row.party, about=f"message:{row.pk}")
    reach("after_finish")
    return done


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
        return trail.change(row, to, was=[MessageState(row.state)], at=at, why=why)


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
        trail.change(row, to, was=[MessageState.CLAIMED], at=at, why=why, attempts=tries, not_before=at + ASIDE)


def _unmark(rows: Sequence[Message], *, why: str) -> None:
    """Nothing went out: back into the queue, and nothing else goes either until somebody has looked."""
    back = [
        Change(row, MessageState.QUEUED, why=why, phase=DEFERRED, fields={"attempts": row.attempts - 1}) for row in rows
    ]
    with transaction.atomic():
        trail.change_all(back, was=[MessageState.HANDING_OVER], at=clock.now())
    fence.pause(why)


def _locked_parties(claims: Sequence[Claim]) -> Mapping[int, Party]:
    """The people's rows, held until the transaction ends: in the order in which every no takes them."""
    return consent.locked_all([one.party for one in claims if one.party is not None])


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


def _outcome(row: Message, handed: Handed, *, kept: bool, at: datetime) -> Change:
    """What becomes of a message by the answer: its end, or the queue once more and when."""
    code = None if isinstance(handed, Unknown) else handed.code
    to, again = _end(row, handed, kept=kept), at + min(timedelta(minutes=2 ** min(row.attempts, 10)), _LONGEST_WAIT)
    if to is MessageState.QUEUED and (row.attempts >= MOST_TRIES or again >= row.expires_at):
        to = MessageState.UNKNOWN if isinstance(handed, Unknown) else MessageState.FAILED
    waits = {"not_before": again} if to is MessageState.QUEUED else {}
    return Change(
        row, to, why=handed.reply, error="" if isinstance(handed, Accepted) else None,
        phase=DEFERRED if to is MessageState.QUEUED else "", code=code, fields={"last_code": code, **waits},
    )  # fmt: skip


def _end(row: Message, handed: Handed, *, kept: bool) -> MessageState:
    """Where the answer alone leads; QUEUED: it may be tried again while there are tries and time."""
    if isinstance(handed, Accepted):
        return MessageState.KEPT if kept else MessageState.ACCEPTED
    if isinstance(handed, Unknown):
        return MessageState.QUEUED if TouchClass(row.touch_class) in AT_LEAST_ONCE else MessageState.UNKNOWN
    return MessageState.FAILED if handed.is_final and not handed.is_server else MessageState.QUEUED


def _back(row: Message, *, at: datetime, why: str, **fields: Any) -> None:
    trail.change(row, MessageState.QUEUED, was=[MessageState.CLAIMED], at=at, why=why, **fields)


def _close(row: Message, to: MessageState, *, at: datetime, why: str, **fields: Any) -> None:
    trail.change(row, to, was=[MessageState.CLAIMED], at=at, why=why, **fields)
