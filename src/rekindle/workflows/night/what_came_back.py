"""What came back becomes history: replies, clicks, bounces, complaints, goodbyes, answers to questions, public words.

All of it is on record the moment it comes. The models read events, so before a night reads them:

1. rows of the books since the last time, two weeks of overlap for what was settled late or came out of order;
2. each is one event with the number of its row, so that it is one whatever the order and however often this runs;
3. what the history does not hold yet goes in as one load of our own, which can be seen and undone like any other;
   undone, it comes again with the next night, since the record still holds it.

Machines say nothing here: automatic answers, deliveries, delays, clicks of scanners, replies of a doubtful sender.
A load that goes on meanwhile leaves everything for the next night, and so does a history that nobody has brought
anything into yet: answers alone say nothing about who is still here. Forgetting somebody takes these events as it takes
all of theirs, and their rows, so that nothing brings them back.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from rekindle import home
from rekindle.errors import Conflict
from rekindle.journal.models import AuditEntry, Click, Inbound, InboundKind, Intake, IntakeState
from rekindle.journal.models.intake import OWN_SOURCE as SOURCE
from rekindle.relationships.models import ExitInterview, Feedback, FeedEntry, Merge, Party, ThreeQuestions
from rekindle.relationships.vocabulary import Channel, EventKind, IntakeKind
from rekindle.workflows import audit, preferences, staging, take_in, unsubscribe
from rekindle.workflows.alone import alone
from rekindle.workflows.inbound.follow import DOUBTED

if TYPE_CHECKING:
    import pyarrow as pa

BOUNCE: Final = "bounce"
"""A kind of event beside those of `EventKind`: nobody did it, so no model takes it for a sign of life."""
OVERLAP: Final = timedelta(days=14)
"""So far back rows are looked at again: a bounce may be settled days after it came. Our choice."""

_OWN: Final = "what came back"
_CUT_OFF: Final = "cut off before it was whole; the next night begins it anew"
_PAGES: Final = frozenset({unsubscribe.VIA, preferences.VIA, "door"})
"""Pages of theirs where a no is said. What was said by mail or by a complaint is a row of its own among the inbound."""
_QUESTIONS: Final = ("three questions ", "exit interview ")
_log = logging.getLogger(__name__)

Row = tuple[int, int, datetime]
"""(number of the row, party, instant)"""


@dataclass(frozen=True)
class _Mark:
    """Up to where the books were read: rows since an instant, deeds of the trail after a number."""

    since: datetime | None
    deed: int


@dataclass(frozen=True)
class _Told:
    """One table that tells of events: `name` stands before the number of the row in the event's own number."""

    name: str
    kind: str
    channel: str
    rows: Callable[[_Mark], Iterable[Row]]


def gather() -> int:
    """Bring what came back into the history; gives how many events are new. Again at once gives 0."""
    try:
        with alone("take-in", doing="Another load"):
            return _gather()
    except Conflict as busy:
        _log.warning("what came back waits for the next night: %s", busy)
        return 0


def _gather() -> int:
    from rekindle.observe.history import History

    history = History(home.history_folder())
    own = Intake.objects.filter(source=SOURCE, kind=IntakeKind.EVENTS.value, survey__made_by=_OWN)
    taken = Intake.objects.filter(state=IntakeState.TAKEN.value, kind=IntakeKind.EVENTS.value)
    if not taken.exclude(pk__in=own.values("pk")).exists():
        return 0
    for left in own.filter(state=IntakeState.FAILED.value):  # cut off, its rows hidden: begun anew
        history.remove_intake(left.pk)
        left.delete()
    begun_at, last_deed = timezone.now(), AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    mark = _mark(own)
    found = _events(mark)
    if found.num_rows:
        found = _new(found, history, own)
    if not found.num_rows:
        return 0
    intake = Intake.objects.create(
        kind=IntakeKind.EVENTS.value, source=SOURCE, fingerprint=secrets.token_hex(32), state=IntakeState.FAILED.value,
        survey={"made_by": _OWN, "columns": []}, error=_CUT_OFF, begun_at=begun_at,
    )  # fmt: skip
    rows = history.append(_of_load(found, intake.pk), intake=intake.pk)
    with transaction.atomic():
        intake.state, intake.taken_at, intake.error = IntakeState.TAKEN.value, timezone.now(), ""
        intake.counts = _counts(found) | {
            "from": {"since": mark.since.isoformat() if mark.since else None, "deed": mark.deed}, "deed": last_deed,
        }  # fmt: skip
        intake.save(update_fields=["state", "taken_at", "error", "counts"])
        audit.record("load.taken", actor=None, subject=f"intake:{intake.pk}",
                     details={"kind": intake.kind, "kept": rows, "refused": 0})  # fmt: skip
    return rows


def _mark(own: QuerySet[Intake]) -> _Mark:
    """From where to read: behind the last load of ours, and not behind one that was undone."""
    last = own.filter(state=IntakeState.TAKEN.value).order_by("-pk").first()
    if last is None:
        return _Mark(None, 0)
    since, deed = last.begun_at - OVERLAP, int(last.counts.get("deed", 0))
    for counts in own.filter(state=IntakeState.UNDONE.value).values_list("counts", flat=True):
        began = counts.get("from", {})
        if not began.get("since"):
            return _Mark(None, 0)
        since, deed = min(since, datetime.fromisoformat(began["since"])), min(deed, int(began["deed"]))
    return _Mark(since, deed)


def _events(mark: _Mark) -> pa.Table:
    """Everything the books tell of since then, as event columns without a load."""
    import pyarrow as pa

    from rekindle.observe.event_files import EVENTS

    said: dict[str, list[Any]] = {"event_id": [], "party_id": [], "occurred_at": [], "kind": [], "channel": []}
    for told in _TOLD:
        for number, party, at in told.rows(mark):
            said["event_id"].append(f"{told.name}:{number}")
            said["party_id"].append(party)
            said["occurred_at"].append(at)
            said["kind"].append(told.kind)
            said["channel"].append(told.channel or None)
    return pa.table({name: pa.array(said[name], EVENTS.field(name).type) for name in said})


def _new(found: pa.Table, history: Any, own: QuerySet[Intake]) -> pa.Table:
    """The events that no load of ours has brought; of those the files alone are opened."""
    loads = sorted(own.filter(state=IntakeState.TAKEN.value).values_list("pk", flat=True))
    with staging.columns() as db:
        known = history.relation(db, name="known", intakes=loads, without=take_in.hidden_loads())
        db.register("found", found)
        return db.sql(
            f"SELECT * FROM found WHERE event_id NOT IN "  # noqa: S608  # own names
            f"(SELECT event_id FROM {known} WHERE source = '{SOURCE}' AND event_id IS NOT NULL)"
        ).to_arrow_table()


def _of_load(found: pa.Table, intake: int) -> pa.Table:
    """The whole rows of history, with keys as `staging` makes them of a source and a number."""
    from rekindle.observe.event_files import EVENTS

    with staging.columns() as db:
        db.register("found", found)
        key = f"(md5_number_lower('{SOURCE}' || chr(31) || event_id)::HUGEINT - 9223372036854775808)::BIGINT"
        whole = db.sql(
            f"SELECT {key} AS event_key, event_id, party_id, occurred_at, kind, NULL AS amount_minor, "  # noqa: S608
            f"NULL AS currency, NULL AS quantity, channel, NULL AS ref, NULL AS properties, "
            f"'{SOURCE}' AS source, {int(intake)} AS intake FROM found"
        ).to_arrow_table()
    return whole.cast(EVENTS)


def _counts(found: pa.Table) -> dict[str, Any]:
    """As any load counts itself."""
    kinds = Counter(found["kind"].to_pylist())
    times = found["occurred_at"].to_pylist()
    return {
        "seen": found.num_rows, "kept": found.num_rows, "events": found.num_rows, "merged": 0, "refused": 0,
        "reasons": {}, "new_people": 0, "known_people": len(set(found["party_id"].to_pylist())),
        "first": min(times).isoformat(), "last": max(times).isoformat(),
        "kinds": [{"kind": kind, "currency": None, "rows": n, "amount_minor": None} for kind, n in kinds.most_common()],
    }  # fmt: skip


def _inbound(kind: InboundKind) -> Callable[[_Mark], Iterable[Row]]:
    def rows(mark: _Mark) -> Iterable[Row]:
        found = Inbound.objects.filter(kind=kind.value, party__isnull=False).exclude(outcome=DOUBTED.text)
        return _read(found, mark, by="received_at", party="party_id", at="occurred_at")

    return rows


def _clicks(mark: _Mark) -> Iterable[Row]:
    found = Click.objects.filter(is_machine=False, message__party__isnull=False)
    return _read(found, mark, by="at", party="message__party_id", at="at")


def _marks(mark: _Mark) -> Iterable[Row]:
    """What they said about us; what stands in the three questions too counts there."""
    found = Feedback.objects.filter(three_questions=None)
    return _read(found, mark, by="given_at", party="relationship__party_id", at="given_at")


def _after_quiet(mark: _Mark) -> Iterable[Row]:
    found = ThreeQuestions.objects.filter(last_answer_at__isnull=False)
    return _read(found, mark, by="last_answer_at", party="breakup__relationship__party_id", at="begun_at")


def _interviews(mark: _Mark) -> Iterable[Row]:
    found = ExitInterview.objects.filter(completed_at__isnull=False, last_answer_at__isnull=False)
    return _read(found, mark, by="completed_at", party="breakup__relationship__party_id", at="last_answer_at")


def _published(mark: _Mark) -> Iterable[Row]:
    return _read(FeedEntry.objects.all(), mark, by="seen_at", party="feed__party_id", at="published_at")


def _goodbyes(mark: _Mark) -> Iterator[Row]:
    """Each no they said on a page of theirs, once an act: the trail has a row an act and keeps its order."""
    deeds = AuditEntry.objects.filter(pk__gt=mark.deed, verb="consent.withdrawn", actor=None)
    rows = [
        (number, int(subject.removeprefix("party:")), at)
        for number, subject, at, details in deeds.values_list("pk", "subject", "at", "details").iterator()
        if str(details.get("via", "")) in _PAGES or str(details.get("via", "")).startswith(_QUESTIONS)
    ]
    wanted = {party for _number, party, _at in rows}
    there = set(Party.objects.filter(pk__in=wanted).values_list("pk", flat=True)) if len(wanted) < 500 else None
    there = there if there is not None else set(Party.objects.values_list("pk", flat=True)) & wanted
    joined: dict[int, int] = dict(
        Merge.objects.filter(gone__in=wanted - there, undone_at=None).values_list("gone", "kept_id")
    )
    for number, party, at in rows:
        # Who was made one with another is them now; who was forgotten is nobody.
        if party in there or party in joined:
            yield number, party if party in there else joined[party], at


def _read(found: QuerySet[Any], mark: _Mark, *, by: str, party: str, at: str) -> Iterable[Row]:
    """Rows since the mark. `by`: the column that says when the row came to be."""
    if mark.since is not None:
        found = found.filter(**{f"{by}__gte": mark.since})
    return found.order_by().values_list("pk", party, at).iterator(chunk_size=10_000)


_MAIL: Final = Channel.EMAIL.value
_TOLD: Final = (
    _Told("reply", EventKind.REPLY.value, _MAIL, _inbound(InboundKind.REPLY)),
    _Told("click", EventKind.CLICK.value, "", _clicks),
    _Told("bounce", BOUNCE, _MAIL, _inbound(InboundKind.BOUNCED)),
    _Told("complaint", EventKind.COMPLAINT.value, _MAIL, _inbound(InboundKind.COMPLAINED)),
    _Told("stop", EventKind.UNSUBSCRIBE.value, _MAIL, _inbound(InboundKind.UNSUBSCRIBED)),
    _Told("goodbye", EventKind.UNSUBSCRIBE.value, "", _goodbyes),
    _Told("mark", EventKind.SURVEY.value, "", _marks),
    _Told("questions", EventKind.SURVEY.value, "", _after_quiet),
    _Told("interview", EventKind.SURVEY.value, "", _interviews),
    _Told("feed", EventKind.SOCIAL_POST.value, Channel.SOCIAL.value, _published),
)
