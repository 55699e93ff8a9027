"""Whether we still speak in public after the end: what was done by hand on networks, per 30 days, before and after it.

1. only people whose relationship ended, and who had told us where they are heard: elsewhere nothing could be done;
2. a year before the end and a year after it, cut off where that life began, where they came back, where nothing was
   told yet or nothing stands any more;
3. counted: tasks done by social media, cheers among them. A machine does nothing there.

Fewer than 30 days on one side say nothing: the rate is then not known. Reading only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Q

from rekindle.accounts.models import User
from rekindle.relationships.models import Breakup, Episode, Feed, Party, SocialHandle, Task, Tie
from rekindle.relationships.vocabulary import Channel, TaskState
from rekindle.workflows import why_not

LOOKED_AT: Final = timedelta(days=365)
"""On either side, so that an end of long ago and one of last year are measured alike. Our choice."""
LEAST_DAYS: Final = 30
PER_DAYS: Final = 30


@dataclass(frozen=True)
class Rate:
    """So much was done before and after the end, in so many days in which it could have been; days of all people."""

    before: int
    after: int
    before_days: int
    after_days: int

    @property
    def before_rate(self) -> float | None:
        """Per 30 days; None: not known."""
        return _rate(self.before, self.before_days)

    @property
    def after_rate(self) -> float | None:
        """Per 30 days; None: not known."""
        return _rate(self.after, self.after_days)


@dataclass(frozen=True)
class OfStaff:
    """One of us, with so many people whose relationship ended: theirs by a tie, or because they spoke with them."""

    staff: User
    people: int
    rate: Rate


@dataclass(frozen=True)
class _Span:
    """The days that are looked at: from `first` up to and with the end, and from the day after it up to `last`."""

    first: date
    end: date
    last: date

    @property
    def before_days(self) -> int:
        return max(0, (self.end - self.first).days)

    @property
    def after_days(self) -> int:
        return max(0, (self.last - max(self.end, self.first)).days)


def of_person(party: Party, *, at: datetime) -> Rate | None:
    """What all of us did for one person; None where nothing ended, or they never told us where they are heard."""
    spans = _spans(at=at, only=party)
    if not spans:
        return None
    said = Counter(is_after for _party, _staff, is_after in _done(spans, only=party))
    return _with_days(said, spans)


def of_staff(*, at: datetime) -> list[OfStaff]:
    """Everybody of us with such people, by name; a fixed number of questions, however many people there are."""
    spans = _spans(at=at)
    theirs: defaultdict[int, set[int]] = defaultdict(set)
    said: defaultdict[int, Counter[bool]] = defaultdict(Counter)
    for staff, party in Tie.objects.values_list("staff", "party"):
        if party in spans:
            theirs[staff].add(party)
    for party, staff, is_after in _done(spans):
        theirs[staff].add(party)
        said[staff][is_after] += 1
    users = User.objects.filter(pk__in=theirs)
    found = [
        OfStaff(user, len(theirs[user.pk]), _with_days(said[user.pk], {one: spans[one] for one in theirs[user.pk]}))
        for user in users
    ]
    return sorted(found, key=lambda one: (str(one.staff).casefold(), one.staff.pk))


def _with_days(said: Mapping[bool, int], spans: Mapping[int, _Span]) -> Rate:
    before_days = sum(span.before_days for span in spans.values())
    after_days = sum(span.after_days for span in spans.values())
    return Rate(said.get(False, 0), said.get(True, 0), before_days, after_days)


def _rate(count: int, days: int) -> float | None:
    return count / days * PER_DAYS if days >= LEAST_DAYS else None


def _spans(*, at: datetime, only: Party | None = None) -> dict[int, _Span]:
    """Steps 1 and 2, by party; one question a fact."""
    told = _told(only)
    ends: dict[int, date] = {}
    today = at.astimezone(why_not.business_zone()).date()
    standing = Breakup.objects.filter(_theirs(only), withdrawn_at=None, ended_on__lte=today)
    for party, on in standing.values_list("relationship__party", "ended_on"):
        ends[party] = max(on, ends.get(party, on))
    began: dict[int, date] = {}
    came_back: dict[int, date] = {}
    for party, on in Episode.objects.filter(_theirs(only)).values_list("relationship__party", "began_on"):
        if party not in ends:
            continue
        if on <= ends[party]:
            began[party] = max(on, began.get(party, on))
        else:
            came_back[party] = min(on, came_back.get(party, on))
    return {
        party: _Span(
            first=max(end - LOOKED_AT, told[party][0], began.get(party, told[party][0])),
            end=end,
            last=min(today, end + LOOKED_AT, told[party][1] or today, came_back.get(party, today)),
        )
        for party, end in ends.items()
        if party in told
    }


def _told(only: Party | None) -> dict[int, tuple[date, date | None]]:
    """From when until when each was heard somewhere; None: still."""
    mine = Q(party=only) if only else Q()
    found: dict[int, tuple[date, date | None]] = {}
    for rows in (
        SocialHandle.objects.filter(mine).values_list("party", "told_on", "ended_on"),
        Feed.objects.filter(mine).values_list("party", "consented_on", "ended_on"),
    ):
        for party, on, over in rows:
            since, until = found.get(party, (on, over))
            found[party] = (min(since, on), max(until, over) if until and over else None)
    return found


def _theirs(only: Party | None) -> Q:
    if only is not None:
        return Q(relationship__party=only)
    handles, feeds = SocialHandle.objects.values("party"), Feed.objects.values("party")
    return Q(relationship__party__in=handles) | Q(relationship__party__in=feeds)


def _done(spans: Mapping[int, _Span], *, only: Party | None = None) -> Iterator[tuple[int, int, bool]]:
    """Step 3: (party, member of staff, whether after the end), each task within the days looked at."""
    zone = why_not.business_zone()
    done = Task.objects.filter(
        _theirs(only), channel=Channel.SOCIAL.value, state=TaskState.DONE.value, answered_at__isnull=False,
        answered_by__isnull=False,
    )  # fmt: skip
    for party, staff, at in done.values_list("relationship__party", "answered_by", "answered_at"):
        span = spans.get(party)
        if span is None or at is None or staff is None:
            continue
        day = at.astimezone(zone).date()
        if span.first <= day <= span.last:
            yield party, staff, day > span.end
