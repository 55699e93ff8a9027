"""What the rules of contact look at, gathered from the books: for one person as for a million, one query a fact.

The night asks with everybody's numbers, `why_not` with one, so both see the same. Reading only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from django.db.models import Case as Choice
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from numpy.typing import NDArray

from rekindle.decide import eligibility
from rekindle.decide.quiet_hours import zones_of
from rekindle.journal.models import Arm, Assignment
from rekindle.journal.outbox_queries import reached
from rekindle.relationships import wishes
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Case,
    Consent,
    CoolingOff,
    Episode,
    Feed,
    Identity,
    Party,
    Promise,
    Relationship,
    SocialHandle,
    StageChange,
    Suppression,
    Task,
    WantBackDecision,
    suppression_hash,
)
from rekindle.relationships.queries import valid_on
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import RUNNING, Commercial, Contact, IdentityKind, PromiseState, Stage, TaskState
from rekindle.workflows.fact_places import AsOf, Places, instants, stamps

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]

_NEVER: Final = np.iinfo(np.int64).min  # as an instant it is NaT
# A load keeps what it could not place under the name its file gave it: any of these says that a letter can arrive.
_STREET: Final = ("address", "street", "postal_address")
_LIVE_STAGES: Final = (
    Stage.DATING, Stage.EARLY, Stage.ONGOING, Stage.AT_RISK, Stage.PAUSED, Stage.NOTICE, Stage.PHOENIX,
)  # fmt: skip


def facts(party_ids: Sequence[int] | Ints, *, at: datetime, live: Bools | None = None) -> eligibility.Facts:
    """What the rules look at, for each party in the order given; set-based, one query a fact.

    at    the instant the answer is for: identities and ends count as they stand then
    live  (n,) whether each is a live customer where the caller knows better than the books, as a night does that has
          just read the stages and not yet written them; None takes it from the books
    An unknown number gives a row of unknown facts, which every rule refuses.
    """
    places = Places(party_ids, when=AsOf.of(at))
    over, ended_at, quiet, quiet_until = _ends(places)
    known = _Parties(places)
    standing = _Standing(places)
    lives = (standing.live if live is None else live) & ~over
    people = {
        "party_id": pa.array(places.ids),
        **_reachable(places),
        "has_address": pa.array(known.has_street),
        "has_handle": pa.array(known.is_heard),
        "suppressed": pa.array(_suppressed(places)),
        "holdout": pa.array(known.is_held_out),
        "closed": pa.array(standing.closed, mask=known.unknown),
        "deceased": pa.array(known.deceased, mask=known.unknown),
        "live": pa.array(lives, mask=known.unknown),
        "country": known.country,
        "time_zone": known.time_zone,
        "ended_at": stamps(ended_at),
        **_last_seen(places),
        # Quiet in the books without a recorded end has no instant at which it is over: it refuses until somebody says.
        "cooling_off": pa.array(quiet | standing.hushed, mask=known.unknown),
        "cooling_until": stamps(quiet_until),
        # Once the quiet itself is over, whether there was a window for replies in it no longer matters.
        "reply_only": pa.array(standing.reply_only & ~(eligibility.instant(at) >= quiet_until), mask=known.unknown),
        "own_thread": pa.array(standing.own_thread),
        "over": pa.array((over | standing.over) & ~lives, mask=known.unknown),
        "old_friend": pa.array(standing.old_friend),
        "want_back": _want_back(places),
        "open_case": pa.array(standing.open_case, mask=known.unknown),
        "mend_open": pa.array(standing.owed, mask=known.unknown),
        **_wishes(places),
    }
    return eligibility.gather(
        people=pa.table(people), consents=_consents(places), touches=_touches(places), home_zones=_home_zones()
    )


def clock_starts(party_ids: Sequence[int] | Ints, *, at: datetime) -> pa.Table:
    """What the clocks of law count from, as `facts` has it: live, country, ended_at, last_purchase, last_contact."""
    places = Places(party_ids, when=AsOf.of(at))
    over, ended_at, _quiet, _until = _ends(places)
    known, standing = _Parties(places), _Standing(places)
    return pa.table(
        {
            "live": pa.array(standing.live & ~over, mask=known.unknown),
            "country": known.country,
            "ended_at": stamps(ended_at),
            **_last_seen(places),
        }
    )


def _home_zones() -> tuple[str, ...]:
    """Where somebody of the business plausibly lives of whom nothing is known: where the business is."""
    row = Brand.objects.order_by("id").values_list("time_zone", "region").first()
    if row is None:
        return ()
    zone, region = row
    return tuple(dict.fromkeys([zone, *zones_of(region.upper())]))


class _Parties:
    """What the row of each party says: country and zone as words, who has died, who has a postal address, who is
    heard where, who is left alone to learn, who is not there at all."""

    def __init__(self, places: Places) -> None:
        n = len(places)
        self.unknown: Bools = np.ones(n, dtype=np.bool_)
        self.deceased: Bools = np.zeros(n, dtype=np.bool_)
        self.has_street: Bools = np.zeros(n, dtype=np.bool_)
        self.is_heard: Bools = np.zeros(n, dtype=np.bool_)
        self.is_held_out: Bools = np.zeros(n, dtype=np.bool_)
        country, zone = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
        for (in_country, in_zone, died, has_street, is_heard, is_held), numbers in places.grouped(
            _parties, "country", "time_zone", "deceased_on", "has_street", "is_heard", "is_held", party="pk"
        ):
            at = places.of(numbers)[0]
            self.unknown[at] = False
            self.deceased[at] = died is not None
            self.has_street[at], self.is_heard[at] = bool(has_street), bool(is_heard)
            self.is_held_out[at] = bool(is_held)
            country[at], zone[at] = in_country.upper(), in_zone
        self.country = pa.array(country, pa.string(), mask=country == "")
        self.time_zone = pa.array(zone, pa.string(), mask=zone == "")


class _Standing:
    """What the relationship of each says, by its two axes and its stage; several relationships: any of them."""

    def __init__(self, places: Places) -> None:
        n = len(places)
        self.closed, self.hushed, self.live, self.reply_only = (np.zeros(n, dtype=np.bool_) for _ in range(4))
        self.over, self.old_friend, self.open_case, self.owed = (np.zeros(n, dtype=np.bool_) for _ in range(4))
        self.own_thread: Bools = np.zeros(n, dtype=np.bool_)
        for (stage, contact, commercial, open_case, owed, window), numbers in places.grouped(
            _relationships, "stage", "contact", "commercial", "open_case", "owed", "answer_until"
        ):
            at = places.of(numbers)[0]
            # They wrote first and may be answered, until the instant that was written down then.
            self.own_thread[at] |= window is not None and datetime.fromisoformat(window) > places.when.at
            unset = commercial == Commercial.NONE
            self.closed[at] |= stage == Stage.CLOSED or contact == Contact.SILENT
            self.hushed[at] |= stage == Stage.COOLING_OFF or contact == Contact.QUIET
            # By the commercial axis; by the stage where nobody has set that axis yet.
            self.live[at] |= commercial in RUNNING or (unset and stage in _LIVE_STAGES)
            self.reply_only[at] |= contact == Contact.REPLY_ONLY
            self.over[at] |= commercial == Commercial.ENDED or (unset and stage in AFTER_END)
            self.open_case[at] |= bool(open_case)
            self.owed[at] |= bool(owed)
            self.old_friend[at] |= stage == Stage.OLD_FRIENDS or contact == Contact.STEADY


def _reachable(places: Places) -> dict[str, pa.Array]:
    """Whether we hold what each road needs, valid on the day."""
    held = {kind: np.zeros(len(places), dtype=np.bool_) for kind in (IdentityKind.EMAIL, IdentityKind.PHONE)}
    for (kind,), numbers in places.grouped(_identities, "kind"):
        held[IdentityKind(kind)][places.of(numbers)[0]] = True
    return {
        "has_email": pa.array(held[IdentityKind.EMAIL]),
        "has_phone": pa.array(held[IdentityKind.PHONE]),
    }


def _last_seen(places: Places) -> dict[str, pa.Array]:
    """The last day each was seen, of purchases or whatever the pulse of the business is; opening a mail never counts.

    It starts the clocks of law; what each clock counts from beyond that, a ground's own day and the end, is kept apart.
    """
    seen = np.full(len(places), _NEVER, dtype=np.int64)
    for (on,), numbers in places.grouped(_lives, "last_seen_on", party="relationship__party_id"):
        np.maximum.at(seen, places.of(numbers)[0], instants([on]).astype(np.int64)[0])
    column = stamps(seen.view("datetime64[us]"))
    return {"last_purchase": column, "last_contact": column}


def _wishes(places: Places) -> dict[str, pa.Array]:
    """What people asked for themselves: not before a day, and how often. Few did, so only they are read."""
    asked, until = np.zeros(len(places), dtype=np.bool_), np.full(len(places), _NEVER, dtype=np.int64)
    often = np.full(len(places), None, dtype=object)
    for party, day, limit in zip(*places.rows(_wished, "named_day", "named_limit", party="pk"), strict=True):
        at = places.of([party])[0]
        often[at] = limit
        if day:
            asked[at] = True
            try:
                until[at] = instants([datetime.fromisoformat(str(day))]).astype(np.int64)[0]
            except ValueError:
                continue  # no day that can be read: it stays without an end, and refuses
    return {
        "asked_later": pa.array(asked),
        "asked_until": stamps(until.view("datetime64[us]")),
        "how_often": pa.array(often, pa.string()),
    }


def _suppressed(places: Places) -> Bools:
    """Whether any identity a party ever had is on the list. The list holds keyed hashes only, so ours are hashed."""
    found = np.zeros(len(places), dtype=np.bool_)
    hashes = set(Suppression.objects.values_list("kind", "key_hash"))
    if not hashes:
        return found
    columns = places.rows(_ever_held, "kind", "source", "normal")
    hit = [
        party
        for party, kind, source, normal in zip(*columns, strict=True)
        if (kind, suppression_hash(IdentityKind(kind), normal, source=source)) in hashes
    ]
    found[places.of(hit)[0]] = True
    return found


def _ends(places: Places) -> tuple[Bools, Instants, Bools, Instants]:
    """(is over, since when, is to be left in quiet, until when), by ends that no new life followed.

    The quiet is the one on record for an end; an end for which none was written has its own instant. A quiet that
    another replaced no longer counts, an end that was taken back never did.
    """
    parties, since, untils, kept = places.rows(
        _recorded_ends, "ended_on", "quiet_until", "has_quiet", party="relationship__party_id"
    )
    positions, asked = places.of(parties)
    over = np.zeros(len(places), dtype=np.bool_)
    over[positions] = True
    ended = np.full(len(places), _NEVER, dtype=np.int64)
    np.maximum.at(ended, positions, instants(since).astype(np.int64)[asked])
    quiet_until = np.full(len(places), _NEVER, dtype=np.int64)
    own = np.where(np.array(kept, dtype=np.bool_), _NEVER, instants(untils).astype(np.int64))
    np.maximum.at(quiet_until, positions, own[asked])

    parties, untils = places.rows(_stretches, "ends_at", party="relationship__party_id")
    positions, asked = places.of(parties)
    np.maximum.at(quiet_until, positions, instants(untils).astype(np.int64)[asked])
    quiet = over.copy()
    quiet[positions] = True
    return over, ended.view("datetime64[us]"), quiet, quiet_until.view("datetime64[us]")


def _want_back(places: Places) -> pa.Array:
    """The latest answer of each, null where nobody has answered."""
    parties, numbers, answers = places.rows(_want_backs, "id", "answer", party="relationship__party_id")
    order = np.argsort(np.asarray(numbers, dtype=np.int64), kind="stable")
    positions, asked = places.of(np.asarray(parties, dtype=np.int64)[order])
    latest = np.full(len(places), None, dtype=object)
    latest[positions] = np.array(answers, dtype=object)[order][asked]
    return pa.array(latest, pa.string())


def _touches(places: Places) -> pa.Table:
    """What was done for each in the year before: answered suggestions, and messages they have or may have."""
    done = places.rows(_done, "answered_at", "touch_class", "channel", party="relationship__party_id")
    written = places.rows(_written, "handed_at", "touch_class", "channel", party="party_id")
    parties, when, classes, channels = ([*one, *other] for one, other in zip(done, written, strict=True))
    return pa.table(
        {
            "party_id": pa.array(parties, pa.int64()),
            "at": stamps(instants(when)),
            "touch_class": pa.array(classes, pa.string()),
            "channel": pa.array(channels, pa.string()),
        }
    )


def _consents(places: Places) -> pa.Table:
    """Every ground on record as it was given and, where it was withdrawn, as it was withdrawn.

    A closed ground never comes back by itself: given later than its own withdrawal, it counts as withdrawn only.
    """
    parties, channels, purposes, bases, *times = places.rows(
        _grounds, "channel", "purpose", "basis", "obtained_at", "expires_at", "withdrawn_at"
    )
    obtained, expires, withdrawn = (instants(column) for column in times)
    grounds = pa.table(
        {
            "party_id": pa.array(parties, pa.int64()),
            "channel": pa.array(channels, pa.string()),
            "purpose": pa.array(purposes, pa.string()),
            "basis": pa.array(bases, pa.string()),
            "expires_at": pa.array(expires).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    closed = ~np.isnat(withdrawn)
    given = ~closed | (obtained < withdrawn)
    return pa.concat_tables(
        [
            grounds.filter(pa.array(which))
            .append_column("given", pa.array(np.full(int(which.sum()), word)))
            .append_column("at", pa.array(at[which]).cast(pa.timestamp("us", tz="UTC")))
            for which, word, at in ((given, True, obtained), (closed, False, withdrawn))
        ]
    )


# The queries, by the instant they are for. The day is that of the instant in UTC.


def _parties(when: AsOf) -> QuerySet[Any]:
    """With whether a letter can arrive, which only what a load kept under its own name can tell, and whether they told
    us where they are heard: an account, or a feed they let us read; and whether they are left alone to learn."""
    street = Q()
    for key in _STREET:
        street |= Q(**{f"extra__{key}__isnull": False}) & ~Q(**{f"extra__{key}": ""})
    stands, mine = Q(ended_on=None) | Q(ended_on__gt=when.day), {"party": OuterRef("pk")}
    handles = SocialHandle.objects.filter(stands, told_on__lte=when.day, **mine)
    feeds = Feed.objects.filter(stands, consented_on__lte=when.day, **mine)
    drawn = Assignment.objects.filter(arm=Arm.HELD_OUT.value, lifted_at=None, until__gt=when.at, **mine)
    return Party.objects.annotate(
        has_street=Choice(When(street, then=Value(1)), default=Value(0)),
        is_heard=Choice(When(Exists(handles) | Exists(feeds), then=Value(1)), default=Value(0)),
        is_held=Choice(When(Exists(drawn), then=Value(1)), default=Value(0)),
    )


def _wished(_: AsOf) -> QuerySet[Any]:
    said = Q(extra__has_key=wishes.NOT_BEFORE) | Q(extra__has_key=wishes.HOW_OFTEN)
    day, limit = (KeyTextTransform(name, "extra") for name in (wishes.NOT_BEFORE, wishes.HOW_OFTEN))
    return Party.objects.filter(said).annotate(named_day=day, named_limit=limit)


def _relationships(when: AsOf) -> QuerySet[Any]:
    """With whether a case is open, and whether something is still owed: a promise past its day, or a broken one of
    which the customer has not been told; and until when they may be answered who wrote first."""
    cases = Case.objects.filter(Q(solved_at__isnull=True) | Q(solved_at__gt=when.at), opened_at__lte=when.at)
    late = Q(state=PromiseState.OPEN.value, due_on__lt=when.day)
    owed = Promise.objects.filter(late | Q(state=PromiseState.BROKEN.value, told_customer=False))
    mine = {"relationship": OuterRef("pk")}
    wrote = StageChange.objects.filter(rule="they_wrote_first", undone_at=None, **mine).order_by("-id")
    window = Subquery(wrote.values(until=KeyTextTransform("until", "evidence"))[:1], output_field=TextField())
    return Relationship.objects.annotate(
        open_case=Exists(cases.filter(**mine)),
        owed=Exists(owed.filter(**mine)),
        answer_until=Choice(When(contact=Contact.REPLY_ONLY.value, then=window), default=None),
    )


def _identities(when: AsOf) -> QuerySet[Any]:
    return Identity.objects.filter(
        valid_on(when.day),
        kind__in=[IdentityKind.EMAIL.value, IdentityKind.PHONE.value],
    )


def _ever_held(_: AsOf) -> QuerySet[Any]:
    return Identity.objects.filter(kind__in=Suppression.objects.values("kind"))


def _lives(when: AsOf) -> QuerySet[Any]:
    return Episode.objects.filter(last_seen_on__lte=when.day)


def _recorded_ends(when: AsOf) -> QuerySet[Any]:
    lived_on = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    return (
        Breakup.objects.filter(ended_on__lte=when.day, withdrawn_at__isnull=True)
        .exclude(Exists(lived_on))
        .annotate(has_quiet=Exists(CoolingOff.objects.filter(breakup=OuterRef("pk"))))
    )


def _stretches(when: AsOf) -> QuerySet[Any]:
    lived = Episode.objects.filter(relationship=OuterRef("relationship"))
    return CoolingOff.objects.filter(
        Q(breakup__isnull=True) & ~Exists(lived.filter(began_on__gt=OuterRef("begins_at__date")))
        | Q(breakup__isnull=False, breakup__withdrawn_at__isnull=True)
        & ~Exists(lived.filter(began_on__gt=OuterRef("breakup__ended_on"))),
        superseded_at__isnull=True,
        begins_at__lte=when.at,
    )


def _want_backs(_: AsOf) -> QuerySet[Any]:
    return WantBackDecision.objects.all()


def _done(when: AsOf) -> QuerySet[Any]:
    return Task.objects.filter(state=TaskState.DONE.value, answered_at__lte=when.at, answered_at__gt=when.since)


def _written(when: AsOf) -> QuerySet[Any]:
    return reached().filter(party__isnull=False, handed_at__lte=when.at, handed_at__gt=when.since)


def _grounds(_: AsOf) -> QuerySet[Any]:
    return Consent.objects.all()
