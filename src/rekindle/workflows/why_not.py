"""May we touch this person this way, now; and if not, which rule says so and when does it change?

1. gather the facts the rules want from the books: one query a fact, for one person or for millions;
2. ask `decide.eligibility.check`, the very function the night asks for everybody;
3. say the answer in words.

Reading only. The night calls `facts` with everybody's numbers; `why_not` calls it with one, so both see the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Consent,
    Episode,
    Identity,
    Party,
    Relationship,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, IdentityKind, Stage, TouchClass
from rekindle.workflows import bulk

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]

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


@dataclass(frozen=True)
class Answer:
    """Whether a touch is allowed; else the first rule that refused, when it changes by itself (None: never, or
    nobody knows), and one sentence."""

    allowed: bool
    rule: Rule
    until: datetime | None
    text: str

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line."""
        return {
            "allowed": self.allowed,
            "rule": self.rule.value,
            "until": self.until.isoformat() if self.until else None,
            "text": self.text,
        }


def why_not(party: Party, *, touch_class: TouchClass, channel: Channel, at: datetime | None = None) -> Answer:
    """Ask the rules about one touch of one person, at an instant with a time zone; None is now."""
    at = at or timezone.now()
    return ask(facts([party.pk], at=at), touch_class=touch_class, channel=channel, at=at, zone=business_zone())


def ask(
    gathered: eligibility.Facts, *, touch_class: TouchClass, channel: Channel, at: datetime, zone: ZoneInfo
) -> Answer:
    """The rules' answer about the first person of the facts; so one gathering answers many questions.

    zone  the business's, in which the day of a change is told
    """
    verdict = eligibility.check(gathered, touch_class=touch_class, channel=channel, at=at)
    rule = RULES[int(verdict.rule[0])]
    until = None if np.isnat(verdict.until[0]) else verdict.until[0].item().replace(tzinfo=UTC)
    told = day_of(until, zone=zone) if until else ""
    text = eligibility.refusal_text(rule, touch_class=touch_class, channel=channel, until=told)
    return Answer(bool(verdict.allowed[0]), rule, until, text)


def business_zone() -> ZoneInfo:
    """The business's own time zone; UTC before one is set up."""
    return ZoneInfo(Brand.objects.order_by("id").values_list("time_zone", flat=True).first() or "UTC")


def day_of(instant: datetime, *, zone: ZoneInfo) -> str:
    """The day of an instant as people write it, in a time zone: 3 May 2026."""
    day = instant.astimezone(zone)
    return f"{day.day} {day:%B %Y}"


def facts(party_ids: Sequence[int] | Ints, *, at: datetime, live: Bools | None = None) -> eligibility.Facts:
    """What the rules look at, for each party in the order given; set-based, one query a fact.

    at    the instant the answer is for: identities and ends count as they stand then
    live  (n,) whether each is a live customer where the caller knows better than the books, as a night does that has
          just read the stages and not yet written them; None takes it from the books
    An unknown number gives a row of unknown facts, which every rule refuses.
    """
    places = _Places(party_ids)
    day = at.date()
    over, quiet_until = _ends(places, day=day)
    unknown = ~places.flag(Party.objects.all(), party="pk")
    related = Relationship.objects.all()
    closed = places.flag(related.filter(Q(stage=Stage.CLOSED.value) | Q(contact=Contact.SILENT.value)))
    hushed = places.flag(related.filter(Q(stage=Stage.COOLING_OFF.value) | Q(contact=Contact.QUIET.value)))
    people = {
        "party_id": pa.array(places.ids),
        **_reachable(places, day=day),
        "suppressed": pa.array(_suppressed(places)),
        "closed": pa.array(closed, mask=unknown),
        "deceased": pa.array(places.flag(Party.objects.filter(deceased_on__isnull=False), party="pk"), mask=unknown),
        "live": pa.array((places.flag(related.filter(_is_live())) if live is None else live) & ~over, mask=unknown),
        # Quiet in the books without a recorded end has no instant at which it is over: it refuses until somebody says.
        "cooling_off": pa.array(over | hushed, mask=unknown),
        "cooling_until": pa.array(quiet_until).cast(pa.timestamp("us", tz="UTC")),
    }
    return eligibility.gather(people=pa.table(people), consents=_consents(places))


def _is_live() -> Q:
    """By the commercial axis; by the stage where nobody has set that axis yet."""
    said = Q(commercial__in=[word.value for word in _LIVE])
    return said | Q(commercial=Commercial.NONE.value, stage__in=[stage.value for stage in _LIVE_STAGES])


def _reachable(places: _Places, *, day: date) -> dict[str, pa.Array]:
    """Whether we hold what each road needs, valid on the day. The books keep no social accounts."""
    valid = Identity.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=day), Q(valid_to__isnull=True) | Q(valid_to__gte=day)
    )
    street = Q()
    for key in _STREET:
        street |= Q(**{f"extra__{key}__isnull": False}) & ~Q(**{f"extra__{key}": ""})
    return {
        "has_email": pa.array(places.flag(valid.filter(kind=IdentityKind.EMAIL.value))),
        "has_phone": pa.array(places.flag(valid.filter(kind=IdentityKind.PHONE.value))),
        "has_address": pa.array(places.flag(Party.objects.exclude(extra={}).filter(street), party="pk")),
        "has_handle": pa.array(np.zeros(len(places), dtype=np.bool_)),
    }


class _Places:
    """Where each party stands in the columns asked for."""

    def __init__(self, party_ids: Sequence[int] | NDArray[np.int64]) -> None:
        self.ids = np.asarray(party_ids, dtype=np.int64)
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

    def rows(self, query: QuerySet[Any], *columns: str, party: str = "party_id") -> list[list[Any]]:
        """The columns asked for, party first, one list a column; only of parties asked for when they are few."""
        if not len(self.ids):
            return [[] for _ in range(1 + len(columns))]
        if len(self.ids) <= _NAMED_AT_MOST:
            query = query.filter(**{f"{party}__in": self.ids.tolist()})
        return bulk.read(query, party, *columns)

    def flag(self, query: QuerySet[Any], *, party: str = "party_id") -> Bools:
        """Which parties the query finds at least once."""
        found = np.zeros(len(self.ids), dtype=np.bool_)
        if len(self.ids) > _NAMED_AT_MOST:
            found[self.of(_numbers(query, column=party))[0]] = True
        elif len(self.ids):
            found[self.of(self.rows(query, party=party)[0])[0]] = True
        return found


def _numbers(query: QuerySet[Any], *, column: str) -> Ints:
    """One column of whole numbers as one text from the database: for a million rows some ten times faster than rows,
    each of which would become a Python tuple first."""
    sql, parameters = query.order_by().values_list(column).query.sql_with_params()
    joined = "group_concat(n)" if connection.vendor == "sqlite" else "string_agg(n::text, ',')"
    with connection.cursor() as cursor:
        # The empty first part gives the column its name; both texts come from the code, values stay parameters.
        cursor.execute(f"SELECT {joined} FROM (SELECT 0 AS n WHERE 1 = 0 UNION ALL {sql}) AS found", parameters)  # noqa: S608
        text = cursor.fetchone()[0]
    return np.fromstring(text, dtype=np.int64, sep=",") if text else np.empty(0, dtype=np.int64)


def _instants(values: Sequence[Any]) -> Instants:
    """Instants as the books give them, or None, as UTC microseconds; NaT where there is none.

    SQLite gives text in UTC, PostgreSQL gives aware datetimes.
    """
    plain = [value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
    return np.array(plain, dtype="datetime64[us]")


def _suppressed(places: _Places) -> Bools:
    """Whether any identity a party ever had is on the list. The list holds keyed hashes only, so ours are hashed."""
    found = np.zeros(len(places), dtype=np.bool_)
    hashes = set(Suppression.objects.values_list("kind", "key_hash"))
    if not hashes:
        return found
    kinds = {kind for kind, _ in hashes}
    columns = places.rows(Identity.objects.filter(kind__in=kinds), "kind", "source", "normal")
    hit = [
        party
        for party, kind, source, normal in zip(*columns, strict=True)
        if (kind, suppression_hash(IdentityKind(kind), normal, source=source)) in hashes
    ]
    found[places.of(hit)[0]] = True
    return found


def _ends(places: _Places, *, day: date) -> tuple[Bools, Instants]:
    """(is over, until when to be quiet): by the recorded ends up to the day that no new life followed."""
    lived_on = Episode.objects.filter(relationship=OuterRef("relationship"), began_on__gt=OuterRef("ended_on"))
    ends = Breakup.objects.filter(ended_on__lte=day).exclude(Exists(lived_on))
    parties, untils = places.rows(ends, "quiet_until", party="relationship__party_id")
    positions, asked = places.of(parties)
    over = np.zeros(len(places), dtype=np.bool_)
    over[positions] = True
    quiet = np.full(len(places), np.iinfo(np.int64).min, dtype=np.int64)  # the least int64 is NaT
    np.maximum.at(quiet, positions, _instants(untils).astype(np.int64)[asked])
    return over, quiet.view("datetime64[us]")


def _consents(places: _Places) -> pa.Table:
    """Every ground on record as it was given and, where it was withdrawn, as it was withdrawn.

    A closed ground never comes back by itself: given later than its own withdrawal, it counts as withdrawn only.
    """
    parties, channels, purposes, bases, *instants = places.rows(
        Consent.objects.all(), "channel", "purpose", "basis", "obtained_at", "expires_at", "withdrawn_at"
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
