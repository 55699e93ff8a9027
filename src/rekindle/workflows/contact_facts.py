"""What the rules of contact look at, gathered from the books: for one person as for a million, one query a fact.

The night asks with everybody's numbers, `why_not` with one, so both see the same. Reading only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import Case as Choice
from django.db.models import Exists, OuterRef, Q, QuerySet, Value, When
from numpy.typing import NDArray

from rekindle.decide import eligibility
from rekindle.decide.quiet_hours import zones_of
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Case,
    Consent,
    CoolingOff,
    Episode,
    Identity,
    Party,
    Promise,
    Relationship,
    Suppression,
    Task,
    WantBackDecision,
    suppression_hash,
)
from rekindle.relationships.stages import AFTER_END
from rekindle.relationships.vocabulary import (
    Commercial,
    Contact,
    IdentityKind,
    PromiseState,
    Stage,
    TaskState,
)

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]

_NEVER: Final = np.iinfo(np.int64).min  # as an instant it is NaT
# Up to here the parties are named in the query; above, the whole table is read once and matched in memory, which is
# faster than hundreds of index look-ups and stays under SQLite's limit of parameters.
_NAMED_AT_MOST: Final = 500
# A load keeps what it could not place under the name its file gave it: any of these says that a letter can arrive.
_STREET: Final = ("address", "street", "postal_address")
# A contract runs through a pause, a trial and the time of notice.
_LIVE: Final = (Commercial.LIVE, Commercial.TRIALING, Commercial.PAUSED, Commercial.NOTICE)
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
    places = _Places(party_ids, when=_When.of(at))
    over, ended_at, quiet, quiet_until = _ends(places)
    known = _Parties(places)
    standing = _Standing(places)
    lives = (standing.live if live is None else live) & ~over
    people = {
        "party_id": pa.array(places.ids),
        **_reachable(places),
        "has_address": pa.array(known.has_street),
        "suppressed": pa.array(_suppressed(places)),
        "closed": pa.array(standing.closed, mask=known.unknown),
        "deceased": pa.array(known.deceased, mask=known.unknown),
        "live": pa.array(lives, mask=known.unknown),
        "country": known.country,
        "time_zone": known.time_zone,
        "ended_at": _stamps(ended_at),
        **_last_seen(places),
        # Quiet in the books without a recorded end has no instant at which it is over: it refuses until somebody says.
        "cooling_off": pa.array(quiet | standing.hushed, mask=known.unknown),
        "cooling_until": _stamps(quiet_until),
        "reply_only": pa.array(standing.reply_only, mask=known.unknown),
        "over": pa.array((over | standing.over) & ~lives, mask=known.unknown),
        "old_friend": pa.array(standing.old_friend),
        "want_back": _want_back(places),
        "open_case": pa.array(standing.open_case, mask=known.unknown),
        "mend_open": pa.array(standing.owed, mask=known.unknown),
    }
    return eligibility.gather(
        people=pa.table(people), consents=_consents(places), touches=_touches(places), home_zones=_home_zones()
    )


def _home_zones() -> tuple[str, ...]:
    """Where somebody of the business plausibly lives of whom nothing is known: where the business is."""
    row = Brand.objects.order_by("id").values_list("time_zone", "region").first()
    if row is None:
        return ()
    zone, region = row
    return tuple(dict.fromkeys([zone, *zones_of(region.upper())]))


class _Parties:
    """What the row of each party says: country and zone as words, who has died, who has a postal address, who is not
    there at all."""

    def __init__(self, places: _Places) -> None:
        n = len(places)
        self.unknown: Bools = np.ones(n, dtype=np.bool_)
        self.deceased: Bools = np.zeros(n, dtype=np.bool_)
        self.has_street: Bools = np.zeros(n, dtype=np.bool_)
        country, zone = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
        for (in_country, in_zone, died, has_street), numbers in places.grouped(
            _parties, "country", "time_zone", "deceased_on", "has_street", party="pk"
        ):
            at = places.of(numbers)[0]
            self.unknown[at] = False
            self.deceased[at] = died is not None
            self.has_street[at] = bool(has_street)
            country[at], zone[at] = in_country.upper(), in_zone
        self.country = pa.array(country, pa.string(), mask=country == "")
        self.time_zone = pa.array(zone, pa.string(), mask=zone == "")


class _Standing:
    """What the relationship of each says, by its two axes and its stage; several relationships: any of them."""

    def __init__(self, places: _Places) -> None:
        n = len(places)
        self.closed, self.hushed, self.live, self.reply_only = (np.zeros(n, dtype=np.bool_) for _ in range(4))
        self.over, self.old_friend, self.open_case, self.owed = (np.zeros(n, dtype=np.bool_) for _ in range(4))
        for (stage, contact, commercial, open_case, owed), numbers in places.grouped(
            _relationships, "stage", "contact", "commercial", "open_case", "owed"
        ):
            at = places.of(numbers)[0]
            unset = commercial == Commercial.NONE
            self.closed[at] |= stage == Stage.CLOSED or contact == Contact.SILENT
            self.hushed[at] |= stage == Stage.COOLING_OFF or contact == Contact.QUIET
            # By the commercial axis; by the stage where nobody has set that axis yet.
            self.live[at] |= commercial in _LIVE or (unset and stage in _LIVE_STAGES)
            self.reply_only[at] |= contact == Contact.REPLY_ONLY
            self.over[at] |= commercial == Commercial.ENDED or (unset and stage in AFTER_END)
            self.open_case[at] |= bool(open_case)
            self.owed[at] |= bool(owed)
            self.old_friend[at] |= stage == Stage.OLD_FRIENDS or contact == Contact.STEADY


def _reachable(places: _Places) -> dict[str, pa.Array]:
    """Whether we hold what each road needs, valid on the day. The books keep no social accounts."""
    held = {kind: np.zeros(len(places), dtype=np.bool_) for kind in (IdentityKind.EMAIL, IdentityKind.PHONE)}
    for (kind,), numbers in places.grouped(_identities, "kind"):
        held[IdentityKind(kind)][places.of(numbers)[0]] = True
    return {
        "has_email": pa.array(held[IdentityKind.EMAIL]),
        "has_phone": pa.array(held[IdentityKind.PHONE]),
        "has_handle": pa.array(np.zeros(len(places), dtype=np.bool_)),
    }


def _last_seen(places: _Places) -> dict[str, pa.Array]:
    """The last day each was seen, of purchases or whatever the pulse of the business is; opening a mail never counts.

    It starts the clocks of law; what each clock counts from beyond that, a ground's own day and the end, is kept apart.
    """
    seen = np.full(len(places), _NEVER, dtype=np.int64)
    for (on,), numbers in places.grouped(_lives, "last_seen_on", party="relationship__party_id"):
        np.maximum.at(seen, places.of(numbers)[0], _instants([on]).astype(np.int64)[0])
    column = _stamps(seen.view("datetime64[us]"))
    return {"last_purchase": column, "last_contact": column}


@dataclass(frozen=True)
class _When:
    """The instant the facts are for, its day, and a year and a day before it: the longest window of the rules."""

    at: datetime
    day: date
    since: datetime

    @classmethod
    def of(cls, at: datetime) -> _When:
        return cls(at, at.date(), at - timedelta(days=366))


_Build = Callable[[_When], QuerySet[Any]]
"""A query, by the instant it is for. A function of the module, so that what it compiles to can be kept."""

# No real value is like these: where they stand in a compiled query, the values of the question go.
_MARK: Final = _When.of(datetime(1111, 11, 11, 11, 11, 11, 111_111, tzinfo=UTC))
_MARK_ID: Final = -1_111_111_111_111


@cache
def _compiled(build: _Build, columns: tuple[str, ...], party: str, alias: str) -> tuple[str, tuple[Any, ...]]:
    """The SQL of a query about one party and its parameters with the marks in place.

    Django takes longer to write this SQL than the database to answer it, and the transaction that sends waits for both.
    """
    query = build(_MARK).filter(**{party: _MARK_ID}).order_by().values_list(party, *columns)
    sql, parameters = query.using(alias).query.get_compiler(alias).as_sql()
    return sql, tuple(parameters)


class _Places:
    """Where each party stands in the columns asked for."""

    def __init__(self, party_ids: Sequence[int] | NDArray[np.int64], *, when: _When) -> None:
        self.ids = np.asarray(party_ids, dtype=np.int64)
        self.when = when
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, found: Sequence[int] | Ints) -> tuple[Ints, Bools]:
        """(positions of those asked for, which of `found` were asked for)."""
        wanted = np.asarray(found, dtype=np.int64)
        if not len(self.ids):
            return np.empty(0, dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
        at = np.searchsorted(self._sorted, wanted)
        asked = self._sorted[np.minimum(at, len(self.ids) - 1)] == wanted
        return self._order[at[asked]], asked

    def _sql(self, build: _Build, columns: tuple[str, ...], *, party: str) -> tuple[str, Sequence[Any]]:
        """The SQL and its parameters: party first; only of parties asked for when they are few."""
        if len(self.ids) != 1:
            query = build(self.when)
            if len(self.ids) <= _NAMED_AT_MOST:
                query = query.filter(**{f"{party}__in": self.ids.tolist()})
            return query.order_by().values_list(party, *columns).query.sql_with_params()
        sql, parameters = _compiled(build, columns, party, connection.alias)
        adapt, adapt_day = connection.ops.adapt_datetimefield_value, connection.ops.adapt_datefield_value
        here: dict[Any, Any] = {
            adapt(_MARK.at): adapt(self.when.at),
            adapt(_MARK.since): adapt(self.when.since),
            adapt_day(_MARK.day): adapt_day(self.when.day),
            _MARK_ID: int(self.ids[0]),
        }
        return sql, [here.get(value, value) for value in parameters]

    def rows(self, build: _Build, *columns: str, party: str = "party_id") -> list[list[Any]]:
        """The columns asked for, party first, one list a column."""
        if not len(self.ids):
            return [[] for _ in range(1 + len(columns))]
        sql, parameters = self._sql(build, columns, party=party)
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        return [list(column) for column in zip(*found, strict=True)] if found else [[] for _ in range(1 + len(columns))]

    def grouped(self, build: _Build, *columns: str, party: str = "party_id") -> Iterator[tuple[tuple[Any, ...], Ints]]:
        """For each combination of values the query finds: the values, and the parties as one array.

        The database joins the numbers into one text: for a million rows some ten times faster than rows, each of
        which would become a Python tuple first. Made for columns with few different values.
        """
        if not len(self.ids):
            return
        sql, parameters = self._sql(build, columns, party=party)
        names = [f"c{number}" for number in range(len(columns))]
        joined = "group_concat(n)" if connection.vendor == "sqlite" else "string_agg(n::text, ',')"
        by = f" GROUP BY {', '.join(names)}" if names else ""
        with connection.cursor() as cursor:
            # The text comes from the code alone; values stay parameters.
            named, told = ", ".join(["n", *names]), ", ".join([*names, joined])
            cursor.execute(f"WITH found({named}) AS ({sql}) SELECT {told} FROM found{by}", parameters)  # noqa: S608
            for *values, text in cursor.fetchall():
                if text:
                    yield tuple(values), np.fromstring(text, dtype=np.int64, sep=",")


def _instants(values: Sequence[Any]) -> Instants:
    """Instants as the books give them, or None, as UTC microseconds; NaT where there is none.

    SQLite gives text in UTC, PostgreSQL gives aware datetimes.
    """
    plain = [value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
    return np.array(plain, dtype="datetime64[us]")


def _stamps(instants: Instants) -> pa.Array:
    return pa.array(instants).cast(pa.timestamp("us", tz="UTC"))


def _suppressed(places: _Places) -> Bools:
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


def _ends(places: _Places) -> tuple[Bools, Instants, Bools, Instants]:
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
    np.maximum.at(ended, positions, _instants(since).astype(np.int64)[asked])
    quiet_until = np.full(len(places), _NEVER, dtype=np.int64)
    own = np.where(np.array(kept, dtype=np.bool_), _NEVER, _instants(untils).astype(np.int64))
    np.maximum.at(quiet_until, positions, own[asked])

    parties, untils = places.rows(_stretches, "ends_at", party="relationship__party_id")
    positions, asked = places.of(parties)
    np.maximum.at(quiet_until, positions, _instants(untils).astype(np.int64)[asked])
    quiet = over.copy()
    quiet[positions] = True
    return over, ended.view("datetime64[us]"), quiet, quiet_until.view("datetime64[us]")


def _want_back(places: _Places) -> pa.Array:
    """The latest answer of each, null where nobody has answered."""
    parties, numbers, answers = places.rows(_want_backs, "id", "answer", party="relationship__party_id")
    order = np.argsort(np.asarray(numbers, dtype=np.int64), kind="stable")
    positions, asked = places.of(np.asarray(parties, dtype=np.int64)[order])
    latest = np.full(len(places), None, dtype=object)
    latest[positions] = np.array(answers, dtype=object)[order][asked]
    return pa.array(latest, pa.string())


def _touches(places: _Places) -> pa.Table:
    """What was done for each in the year before: answered suggestions."""
    parties, when, classes, channels = places.rows(
        _done, "answered_at", "touch_class", "channel", party="relationship__party_id"
    )
    return pa.table(
        {
            "party_id": pa.array(parties, pa.int64()),
            "at": _stamps(_instants(when)),
            "touch_class": pa.array(classes, pa.string()),
            "channel": pa.array(channels, pa.string()),
        }
    )


def _consents(places: _Places) -> pa.Table:
    """Every ground on record as it was given and, where it was withdrawn, as it was withdrawn.

    A closed ground never comes back by itself: given later than its own withdrawal, it counts as withdrawn only.
    """
    parties, channels, purposes, bases, *instants = places.rows(
        _grounds, "channel", "purpose", "basis", "obtained_at", "expires_at", "withdrawn_at"
    )
    obtained, expires, withdrawn = (_instants(column) for column in instants)
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


def _parties(_: _When) -> QuerySet[Any]:
    """With whether a letter can arrive, which only what a load kept under its own name can tell."""
    street = Q()
    for key in _STREET:
        street |= Q(**{f"extra__{key}__isnull": False}) & ~Q(**{f"extra__{key}": ""})
    return Party.objects.annotate(has_street=Choice(When(street, then=Value(1)), default=Value(0)))


def _relationships(when: _When) -> QuerySet[Any]:
    """With whether a case is open, and whether something is still owed: a promise past its day, or a broken one of
    which the customer has not been told."""
    cases = Case.objects.filter(Q(solved_at__isnull=True) | Q(solved_at__gt=when.at), opened_at__lte=when.at)
    late = Q(state=PromiseState.OPEN.value, due_on__lt=when.day)
    owed = Promise.objects.filter(late | Q(state=PromiseState.BROKEN.value, told_customer=False))
    mine = {"relationship": OuterRef("pk")}
    return Relationship.objects.annotate(open_case=Exists(cases.filter(**mine)), owed=Exists(owed.filter(**mine)))


def _identities(when: _When) -> QuerySet[Any]:
    return Identity.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=when.day),
        Q(valid_to__isnull=True) | Q(valid_to__gte=when.day),
        kind__in=[IdentityKind.EMAIL.value, IdentityKind.PHONE.value],
    )


def _ever_held(_: _When) -> QuerySet[Any]:
    return Identity.objects.filter(kind__in=Suppression.objects.values("kind"))


def _lives(when: _When) -> QuerySet[Any]:
    return Episode.objects.filter(last_seen_on__lte=when.day)


def _recorded_ends(when: _When) -> QuerySet[Any]:
    lived_on = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    return (
        Breakup.objects.filter(ended_on__lte=when.day, withdrawn_at__isnull=True)
        .exclude(Exists(lived_on))
        .annotate(has_quiet=Exists(CoolingOff.objects.filter(breakup=OuterRef("pk"))))
    )


def _stretches(when: _When) -> QuerySet[Any]:
    lived = Episode.objects.filter(relationship=OuterRef("relationship"))
    return CoolingOff.objects.filter(
        Q(breakup__isnull=True) & ~Exists(lived.filter(began_on__gt=OuterRef("begins_at__date")))
        | Q(breakup__isnull=False, breakup__withdrawn_at__isnull=True)
        & ~Exists(lived.filter(began_on__gt=OuterRef("breakup__ended_on"))),
        superseded_at__isnull=True,
        begins_at__lte=when.at,
    )


def _want_backs(_: _When) -> QuerySet[Any]:
    return WantBackDecision.objects.all()


def _done(when: _When) -> QuerySet[Any]:
    return Task.objects.filter(state=TaskState.DONE.value, answered_at__lte=when.at, answered_at__gt=when.since)


def _grounds(_: _When) -> QuerySet[Any]:
    return Consent.objects.all()
