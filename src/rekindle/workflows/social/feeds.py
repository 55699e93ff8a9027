"""Feeds that somebody said we may read: added with their words, read a few at a time, ended when they say so.

Reading:
1. claim a few that are due, by the instant of the last reading, so that two readers never take the same;
2. whoever must not be touched at all is not read about either: the feed waits, and says why;
3. ask whether anything is new (`act.fetch`); the answer is read outside of every transaction;
4. keep each entry once; what is new and fresh may be worth a word of a human (`cheer`);
5. a fault is kept; the tenth in a row, or "gone for good", ends the feed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act import feeds as reader
from rekindle.act import fetch
from rekindle.act.channels import webhook
from rekindle.act.fetch import Fetched, NotFetched, NotModified
from rekindle.decide.eligibility import Rule
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Feed, FeedEntry, Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import audit, why_not
from rekindle.workflows.social import cheer
from rekindle.workflows.social.handles import EARLIEST
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import day_within, must_write, words

_log = logging.getLogger(__name__)

AT_ONCE: Final = 20
EACH: Final = timedelta(hours=6)
"""Often enough for a word on the same day, seldom enough to be no burden for a small house. Our choice."""
MOST_FAULTS: Final = 10
MOST_FEEDS: Final = 10
"""That one person may have at once: who writes in more places is a newspaper. Our choice."""
CONSENT: Final = 200  # the columns of the books
TITLE: Final = 200
FAULT: Final = 300
NOT_EVEN_READ: Final = frozenset(
    {Rule.SUPPRESSED, Rule.SUPPRESSION_UNKNOWN, Rule.CLOSED_OR_DECEASED, Rule.STANDING_UNKNOWN, Rule.OBJECTED}
)
"""Who asked to be left alone is not read about either."""

Ask = Callable[[Feed], Fetched | NotModified | NotFetched]


def add(party: Party, *, url: str, consent: str, by: User, title: str = "", consented_on: date | None = None) -> Feed:
    """Keep one feed that the person lets us read, and give it; what ended before is read again from this word on.

    consent  their words, or how they said it; consented_on: None is today
    Raises Refused, and BadInput for missing words, an address that cannot be opened, or a day to come.
    """
    must_write(by)
    url = words(url, what="the address of the feed", at_most=webhook.LONGEST_URL)
    consent = words(consent, what="how they said that we may read it", at_most=CONSENT)
    title = " ".join(words(title, what="its name", at_most=TITLE, are_needed=False).split())
    try:
        webhook.read(url)
    except BadInput as error:
        why = error.what.partition(": ")[2] or error.what
        raise BadInput(f"this feed cannot be read: {why}", remedy="Give the address of its RSS or Atom.") from error
    today = business_day()
    on = day_within(consented_on or today, what="the day they said so", earliest=EARLIEST, latest=today)
    with transaction.atomic():
        Party.objects.select_for_update().get(pk=party.pk)  # two of us are told at once: one row
        known = Feed.objects.filter(party=party, url=url).first()
        if known is not None and known.ended_on is None:
            return known
        if Feed.objects.filter(party=party, ended_on=None).count() >= MOST_FEEDS:
            raise BadInput(f"{MOST_FEEDS} feeds of theirs are read already", remedy="End one of them first.")
        if known is None:
            found = Feed.objects.create(party=party, url=url, title=title, consent=consent, consented_on=on, by=by)
        else:
            found = known
            found.title, found.consent, found.consented_on, found.by = title or found.title, consent, on, by
            found.ended_on, found.fault, found.faults, found.read_at, found.etag, found.last_modified = (
                None, "", 0, None, "", "",
            )  # fmt: skip
            found.save()
        audit.record("feed.allowed", actor=by, subject=f"feed:{found.pk}", details={"party": party.pk})
    return found


def end(feed_id: int, *, by: User) -> Feed:
    """They would rather we did not: ended today; ended before, nothing changes. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        found = Feed.objects.select_for_update().filter(pk=feed_id).first()
        if found is None:
            raise NotFound(f"no feed {feed_id}", remedy="Look at the person's page again.")
        if found.ended_on is None:
            _end(found, on=business_day(), by=by, why="they said so")
    return found


def read_due(at: datetime | None = None, *, most: int = AT_ONCE, ask: Ask | None = None) -> int:
    """Read up to `most` feeds that are due at an instant; gives how many were looked at. For the worker, once a turn.

    ask  how one is asked; None: over the open internet
    """
    at = at or timezone.now()
    rows = _claimed(at, most=most)
    refused = _not_even_read(rows, at=at)
    for row in rows:
        why = refused.get(row.party_id)
        if why is not None:
            Feed.objects.filter(pk=row.pk, ended_on=None).update(fault=f"Not read: {why}"[:FAULT])
            continue
        try:
            _settle(row, (ask or _asked)(row), at=at)
        except Exception:  # noqa: BLE001  # what one of them brings must not keep the others from being read
            _log.exception("feed %s met an unforeseen error", row.pk)
            _missed(row, "it could not be read; the log says why")
    return len(rows)


def _claimed(at: datetime, *, most: int) -> list[Feed]:
    """Step 1: compare and set, one row at a time; who loses leaves it to the other."""
    due = Feed.objects.filter(Q(read_at=None) | Q(read_at__lte=at - EACH), ended_on=None)
    taken = []
    for row in due.select_related("party").order_by("read_at", "pk")[:most]:
        if Feed.objects.filter(pk=row.pk, read_at=row.read_at, ended_on=None).update(read_at=at):
            row.read_at = at
            taken.append(row)
    return taken


def _not_even_read(rows: Sequence[Feed], *, at: datetime) -> dict[int, str]:
    """Step 2: why not, in a sentence, by party."""
    parties = sorted({row.party_id for row in rows})
    if not parties:
        return {}
    gathered, zone = why_not.facts(parties, at=at), why_not.business_zone()
    answers = why_not.ask_all(gathered, touch_class=TouchClass.RELATIONSHIP, channel=Channel.SOCIAL, at=at, zone=zone)
    return {party: answer.text for party, answer in zip(parties, answers, strict=True) if answer.rule in NOT_EVEN_READ}


def _asked(row: Feed) -> Fetched | NotModified | NotFetched:
    return fetch.get(row.url, etag=row.etag, last_modified=row.last_modified, walls=webhook.Walls())


def _settle(row: Feed, answer: Fetched | NotModified | NotFetched, *, at: datetime) -> None:
    """Steps 4 and 5."""
    if isinstance(answer, NotFetched):
        _missed(row, answer.why, is_gone=answer.is_gone)
    elif isinstance(answer, NotModified):
        Feed.objects.filter(pk=row.pk).update(fault="", faults=0)
    else:
        try:
            entries = reader.read(answer.body)
        except BadInput as error:
            _missed(row, error.what)
        else:
            _keep(row, entries, answer, at=at)


def _keep(row: Feed, entries: Sequence[reader.Entry], answer: Fetched, *, at: datetime) -> None:
    with transaction.atomic():
        held = Feed.objects.select_for_update(of=("self",)).select_related("party").filter(pk=row.pk).first()
        if held is None or held.ended_on is not None:
            return  # ended or forgotten while it was read
        numbers = [entry.number for entry in entries]
        known = set(FeedEntry.objects.filter(feed=held, number__in=numbers).values_list("number", flat=True))
        fresh = [entry for entry in entries if entry.number not in known]
        FeedEntry.objects.bulk_create(
            [
                FeedEntry(
                    feed=held, number=one.number, title=one.title, url=one.url, published_at=one.published_at or at,
                    seen_at=at,
                )
                for one in fresh
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        Feed.objects.filter(pk=held.pk).update(fault="", faults=0, etag=answer.etag, last_modified=answer.last_modified)
        since = datetime.combine(held.consented_on, time(), tzinfo=why_not.business_zone()).astimezone(UTC)
        worth = [one.number for one in fresh if one.published_at is not None and since <= one.published_at <= at]
        if worth:
            cheer.for_entries(held, list(FeedEntry.objects.filter(feed=held, number__in=worth)), at=at)


def _missed(row: Feed, why: str, *, is_gone: bool = False) -> None:
    with transaction.atomic():
        held = Feed.objects.select_for_update().filter(pk=row.pk, ended_on=None).first()
        if held is None:
            return
        held.fault, held.faults = why[:FAULT], held.faults + 1
        held.save(update_fields=["fault", "faults"])
        if is_gone or held.faults >= MOST_FAULTS:
            _end(held, on=business_day(), by=None, why="gone for good" if is_gone else "too many faults")


def _end(row: Feed, *, on: date, by: User | None, why: str) -> None:
    row.ended_on = on
    row.save(update_fields=["ended_on"])
    audit.record("feed.ended", actor=by, subject=f"feed:{row.pk}", details={"party": row.party_id, "why": why})
