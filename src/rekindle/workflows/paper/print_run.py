"""Print some letters of the queue: each passes the gate as a mail does, and what passed is one pile.

1. refuse who reads only; leave out what the fonts cannot draw, for a box on a card is worse than no card;
2. claim those that are due, under a lease; a pile is written down and each claimed letter points to it;
3. mark each: the person's row is locked and every rule asked about that very instant. A no is kept with its rule;
4. settle it at once as handed over: from here on the paper counts as a touch, whoever carries it to the post;
5. the pile's page gives its PDF as often as it is asked for. Cut off anywhere in between, the pile is finished there;
6. not posted yet, a pile may be taken back on the day it was printed: its letters wait again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import DatabaseError, transaction

from rekindle.accounts.models import User
from rekindle.act.channels import paper
from rekindle.act.channels.paper import Form, Piece
from rekindle.act.envelope import Accepted
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Message, MessageState, PrintRun
from rekindle.relationships.models import Brand
from rekindle.relationships.vocabulary import Channel
from rekindle.workflows import audit
from rekindle.workflows.outbox import clock, fence, hand, trail, worker
from rekindle.workflows.outbox.put import sending
from rekindle.workflows.paper import queue
from rekindle.workflows.why_not import business_zone
from rekindle.workflows.writing import must_write

MOST: Final = 200  # at one press: each letter is asked about and logged by itself, and somebody waits for the answer
_PRINTED: Final = Accepted(0, "printed")
_CUT_OFF: Final = (MessageState.HANDING_OVER.value, MessageState.UNKNOWN.value)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pile:
    """What one run printed and what it did not. `cut_off`: marked, but the run was lost before it was written down."""

    run: PrintRun
    letters: list[Message]
    held_back: list[Message]
    cut_off: list[Message]
    is_of_today: bool

    @property
    def may_be_taken_back(self) -> bool:
        return self.is_of_today and self.run.posted_on is None and bool(self.letters)


def print_these(ids: Sequence[int], *, by: User) -> PrintRun:
    """Print those of these letters that are due and that the rules allow now; gives the pile.

    Raises Refused for a role that reads only, BadInput for none or too many, Conflict where none of them waits to be
    printed any more or sending is paused.
    """
    must_write(by)
    if not 0 < len(ids) <= MOST:
        raise BadInput(f"{len(ids)} letters are chosen", remedy=f"Choose 1 to {MOST} at once.")
    road = fence.check(deep=True)
    if road.paused:
        raise Conflict(f"sending is paused: {road.paused}", remedy="An owner lets it go on in Settings, Sending.")
    rows = [row for row in queue.due(list(ids), limit=MOST) if not queue.view(row, home="").lacks]
    name = worker.name_of_worker()
    claims = hand.claim(name, most=MOST, channel=Channel.LETTER, only=[row.pk for row in rows]) if rows else []
    if not claims:
        raise Conflict("none of these letters waits to be printed now", remedy="Look at the queue again.")
    with transaction.atomic():
        run = PrintRun.objects.create(made_at=clock.now(), made_by=by)
        Message.objects.filter(pk__in=[one.message for one in claims], claimed_by=name).update(print_run=run)
        audit.record("letters.printing", actor=by, subject=f"print_run:{run.pk}", details={"claimed": len(claims)})
    for claimed in claims:
        _print_one(claimed, name=name)
    return _counted(run)


def pile(run_id: int) -> Pile:
    """A run with its letters. Raises NotFound."""
    run = PrintRun.objects.select_related("made_by").filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"no pile {run_id}")
    rows = list(Message.objects.filter(print_run=run).select_related("party").order_by("pk"))
    zone = business_zone()
    today = clock.now().astimezone(zone).date()
    return Pile(
        run,
        [row for row in rows if row.state == MessageState.ACCEPTED.value],
        [row for row in rows if row.state not in (MessageState.ACCEPTED.value, *_CUT_OFF)],
        [row for row in rows if row.state in _CUT_OFF],
        run.made_at.astimezone(zone).date() == today,
    )


def runs(*, before: int | None, limit: int) -> list[PrintRun]:
    """Piles, the newest first."""
    found = PrintRun.objects.select_related("made_by").order_by("-pk")
    return list((found if before is None else found.filter(pk__lt=before))[:limit])


def document(run_id: int, *, form: Form | None = None) -> bytes:
    """The pile as one PDF, letters first, cards behind them; `form`: only these. Raises NotFound, BadInput.

    The words are those of the messages: once somebody is forgotten, their letter is gone from here too.
    """
    found = pile(run_id)
    forms = [form] if form else list(Form)
    rows = [row for one in forms for row in found.letters if row.text and queue.form_of(row) is one]
    return paper.pile(_pieces(rows, at=found.run.made_at), title=f"{found.run.pk}", at=found.run.made_at)


def address_sheet(run_id: int, *, title: str, names: str, about: str) -> bytes:
    """Labels for the envelopes and a list to tick off, in the order of the pile. Raises NotFound, BadInput."""
    found = pile(run_id)
    rows = [row for one in Form for row in found.letters if row.recipient and queue.form_of(row) is one]
    return paper.addresses(
        [(row.recipient, row.subject) for row in rows], sheet=queue.sheet_of(queue.home_region()), title=title,
        names=names, about=about, at=found.run.made_at,
    )  # fmt: skip


def finish(run_id: int, *, by: User) -> int:
    """Take what was cut off into the pile: it had passed the gate, and nothing else was done with it since.

    Gives how many. Raises Refused, NotFound.
    """
    must_write(by)
    found = pile(run_id)
    done = sum(hand.settle(row, _PRINTED, worker="paper") for row in found.cut_off)
    with transaction.atomic():
        _counted(found.run)
        audit.record("letters.finished", actor=by, subject=f"print_run:{run_id}", details={"letters": done})
    return done


def posted(run_id: int, *, on: date, by: User) -> PrintRun:
    """Write the day the pile went to the post. Raises Refused, NotFound, BadInput, Conflict where it is empty."""
    must_write(by)
    found = pile(run_id)
    zone = business_zone()
    first, today = found.run.made_at.astimezone(zone).date(), clock.now().astimezone(zone).date()
    if not found.letters:
        raise Conflict("there is no letter in this pile", remedy="Look at the queue for what waits.")
    if not first <= on <= today:
        raise BadInput(
            f"the day is {on.isoformat()}", remedy=f"Give a day from {first.isoformat()} to {today.isoformat()}."
        )
    with transaction.atomic():
        run = PrintRun.objects.select_for_update(of=("self",)).get(pk=run_id)
        run.posted_on = on
        run.save(update_fields=["posted_on"])
        audit.record("letters.posted", actor=by, subject=f"print_run:{run_id}", details={"on": on.isoformat()})
    return run


def take_back(run_id: int, *, by: User) -> int:
    """The letters of a pile that is not posted wait again, as if it had not been printed; gives how many.

    Raises Refused, NotFound, Conflict where it was posted or is not of today.
    """
    must_write(by)
    if not pile(run_id).may_be_taken_back:
        raise Conflict(
            "this pile cannot be taken back any more",
            remedy="Only on the day it was printed, and only before it was posted.",
        )
    with transaction.atomic():
        # Whoever posts it at the same moment comes before or after, never in between.
        run = PrintRun.objects.select_for_update(of=("self",)).get(pk=run_id)
        if run.posted_on is not None:
            raise Conflict("this pile was posted meanwhile")
        at = clock.now()
        rows = Message.objects.select_for_update(of=("self",)).filter(print_run=run, state=MessageState.ACCEPTED.value)
        back = sum(_taken_back(row, at=at) for row in rows)
        run.letters -= min(back, run.letters)
        run.save(update_fields=["letters"])
        audit.record("letters.taken_back", actor=by, subject=f"print_run:{run_id}", details={"letters": back})
    return back


def _print_one(claimed: hand.Claim, *, name: str) -> None:
    try:
        row = hand.mark(claimed, worker=name)
    except (DatabaseError, OSError):
        raise
    except Exception:  # noqa: BLE001  # what cannot be asked about is not printed, and must not hold up the others
        _log.exception("letter %s cannot be asked about", claimed.message)
        hand.put_aside(claimed, why="an unforeseen error; the log of the server has it")
        return
    if row is not None:
        hand.settle(row, _PRINTED, worker=name)


def _counted(run: PrintRun) -> PrintRun:
    found = pile(run.pk)
    run.letters, run.held_back = len(found.letters), len(found.held_back)
    run.save(update_fields=["letters", "held_back"])
    return run


def _taken_back(row: Message, *, at: datetime) -> bool:
    # Before the books: a queue that the log does not know of would look like an older copy of them.
    fence.log(row, MessageState.QUEUED.value, at=at)
    return trail.change(
        row, MessageState.QUEUED, was=[MessageState.ACCEPTED], at=at, why="taken back out of the pile", error="",
        print_run=None, handed_at=None, attempts=0,
    )  # fmt: skip


def _pieces(rows: Sequence[Message], *, at: datetime) -> list[Piece]:
    brand = Brand.objects.order_by("pk").first()
    house = "\n".join(filter(None, [brand.name if brand else "", sending().postal_address]))
    sheet = queue.sheet_of(brand.region if brand else "")
    day = at.astimezone(business_zone())
    return [
        Piece(
            queue.form_of(row), sheet, row.recipient, row.subject, row.text, on=f"{day.day} {day:%B %Y}", house=house,
            language=row.party.language if row.party else "",
        )
        for row in rows
    ]  # fmt: skip
