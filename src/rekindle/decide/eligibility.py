"""May this person be contacted, by this road, for this purpose, at this instant? The rules, once, in order.

The same function answers a million people at planning and one person inside the transaction that sends. The first
rule that refuses wins. Default deny: a fact that is not known refuses; only what is known to be allowed is allowed.

    1 identity_missing      the road needs an address, a number or a handle, and none is known
    2 suppressed            on the never-again list: beats everything, every class, every road
    3 closed_or_deceased    the party is closed or has died (transactional and legal pass)
    4 objected              consent withdrawn, or objection, for this road and purpose (transactional and legal pass)
    5 no_basis              e-mail, text, call and social need a valid, unexpired ground for this class
                            (transactional and legal need none; service to a live customer rests on the contract;
                            a letter rests on legitimate interest and the objection list; in person needs none)
    6 cooling_off           the quiet time is not over (transactional and legal pass, service on an open case too)

Each of 2, 3, 4 and 6 has a twin `..._unknown` at the same place for the fact that is missing. Capacity is not a rule
about people and lives in `budget`. This is not legal advice: the grounds are data of the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass
from rekindle.words import Word

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Instants = NDArray[np.datetime64]

PEOPLE: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("has_email", pa.bool_()),
        ("has_phone", pa.bool_()),
        ("has_address", pa.bool_()),
        ("has_handle", pa.bool_()),
        ("suppressed", pa.bool_()),
        ("closed", pa.bool_()),
        ("deceased", pa.bool_()),
        ("live", pa.bool_()),
        ("cooling_off", pa.bool_()),
        ("cooling_until", pa.timestamp("us", tz="UTC")),
        ("open_case", pa.bool_()),
    ]
)
"""One row a person. A null, or a column left out, is a fact not known."""

CONSENTS: Final = pa.schema(
    [
        ("party_id", pa.int64()),
        ("channel", pa.string()),  # null: every road
        ("purpose", pa.string()),  # a TouchClass; null: every purpose
        ("basis", pa.string()),  # a Basis; null grants nothing
        ("given", pa.bool_()),  # false, or null: withdrawn, objected
        ("at", pa.timestamp("us", tz="UTC")),
        ("expires_at", pa.timestamp("us", tz="UTC")),  # null: does not expire
    ]
)
"""One row: one time somebody allowed or forbade something."""


class Rule(Word):
    """Why not. The order is the order in which the rules are asked; ALLOWED is the answer when none refuses."""

    ALLOWED = "allowed", "Nothing stands against it."
    IDENTITY_MISSING = "identity_missing", "There is no {identity} for a touch by {channel}."
    SUPPRESSED = "suppressed", "Asked never to be contacted again; that holds on every road."
    SUPPRESSION_UNKNOWN = "suppression_unknown", "It is not known whether the never-again list has been asked."
    CLOSED_OR_DECEASED = "closed_or_deceased", "Closed for good, or no longer living."
    STANDING_UNKNOWN = "standing_unknown", "It is not known whether the person is closed or has died."
    OBJECTED = "objected", "Said no to {touch_class} touches by {channel}."
    OBJECTION_UNKNOWN = "objection_unknown", "It is not known whether the person said no; no consents were read."
    NO_BASIS = "no_basis", "There is no valid ground for a {touch_class} touch by {channel}."
    COOLING_OFF = "cooling_off", "In the quiet time after the end{until}."
    COOLING_OFF_UNKNOWN = "cooling_off_unknown", "It is not known whether the quiet time is over."


RULES: Final[tuple[Rule, ...]] = tuple(Rule)
"""A rule's code in a column is its place here; a higher code was refused later, so came closer."""

IDENTITY: Final[Mapping[Channel, tuple[str, str] | None]] = {
    Channel.EMAIL: ("has_email", "e-mail address"),
    Channel.SMS: ("has_phone", "phone number"),
    Channel.CALL: ("has_phone", "phone number"),
    Channel.LETTER: ("has_address", "postal address"),
    Channel.SOCIAL: ("has_handle", "social account"),
    Channel.IN_PERSON: None,
}
"""Which column says that the road can be taken, and how people call what is missing; None: nothing is needed."""

ALWAYS: Final = frozenset({TouchClass.TRANSACTIONAL, TouchClass.LEGAL})
"""An invoice or a legal notice is owed, whatever the terms; only the never-again list stops it."""
NEEDS_GROUND: Final = frozenset({Channel.EMAIL, Channel.SMS, Channel.CALL, Channel.SOCIAL})

_ELECTRONIC = frozenset({Channel.EMAIL, Channel.SMS, Channel.SOCIAL})
_EVERY_ROAD = frozenset(Channel)
_OFFERING = frozenset(
    {TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.REFERRAL_ASK, TouchClass.PROMOTIONAL}
)  # fmt: skip
COVERS: Final[Mapping[Basis, tuple[frozenset[TouchClass], frozenset[Channel]]]] = {
    # Consent covers the purpose and the road it was given for; those are columns of the record itself.
    Basis.CONSENT: (frozenset(TouchClass), _EVERY_ROAD),
    # ePrivacy directive art. 13(2): electronic mail about own similar goods, after a sale.
    Basis.SOFT_OPT_IN: (_OFFERING - {TouchClass.REFERRAL_ASK}, _ELECTRONIC),
    # CASL s. 10(9): an existing business relationship implies consent to commercial electronic messages.
    Basis.IMPLIED_PURCHASE: (_OFFERING | {TouchClass.RESEARCH}, _ELECTRONIC),
    Basis.IMPLIED_INQUIRY: (_OFFERING | {TouchClass.RESEARCH}, _ELECTRONIC),
    # Not enough for marketing by electronic mail or telephone (ePrivacy art. 13); genuine research and service may.
    Basis.LEGITIMATE_INTEREST: (frozenset({TouchClass.RESEARCH, TouchClass.SERVICE}), _EVERY_ROAD),
    Basis.CONTRACT: (frozenset({TouchClass.SERVICE}), _EVERY_ROAD),
}
"""For which classes and by which roads a ground holds at all."""


@dataclass(frozen=True)
class Facts:
    """What the rules look at. `consents` is sorted by party and time at `gather`; None: no consents were read."""

    people: pa.Table
    consents: pa.Table | None

    def take(self, rows: Ints) -> Facts:
        """The same facts for some of the people, in the order given; the consents are shared."""
        return Facts(self.people.take(pa.array(rows)), self.consents)


def gather(*, people: pa.Table, consents: pa.Table | None) -> Facts:
    """Facts made ready for `check`.

    people    PEOPLE, any columns left out count as not known; party_id is needed
    consents  CONSENTS of these people (others are ignored), any order; None where they could not be read
    Raises BadInput naming a column that is missing.
    """
    if "party_id" not in people.column_names:
        raise BadInput("no column party_id", where="people to check")
    if consents is not None:
        for name in CONSENTS.names:
            if name not in consents.column_names:
                raise BadInput(f"no column {name}", where="consents")
        # At the same instant a refusal is the later word: false sorts before true, so descending puts it last.
        consents = consents.select(CONSENTS.names).cast(CONSENTS)
        consents = consents.sort_by([("party_id", "ascending"), ("at", "ascending"), ("given", "descending")])
    return Facts(people, consents)


@dataclass(frozen=True)
class Verdict:
    """allowed bool (n,) · rule int8 (n,) codes of RULES, the first that refused · until datetime64[us] UTC (n,),
    the instant that rule changes by itself, NaT when it never does or nobody knows."""

    allowed: Bools
    rule: Codes
    until: Instants


def check(facts: Facts, *, touch_class: TouchClass, channel: Channel, at: datetime) -> Verdict:
    """Whether each person may be contacted so, for this, at that instant; the first refusal and when it changes.

    at  an instant with a time zone; the border is exact: at `cooling_until` the quiet is over, at `expires_at` a
        ground is gone
    Gives one row a person, in the order of facts.people.
    Raises BadInput for an instant without a time zone.
    """
    now = instant(at)
    people = _Known(facts.people)
    owed = touch_class in ALWAYS
    said = _said(facts, touch_class=touch_class, channel=channel, now=now)

    needed = IDENTITY[channel]
    reachable = people.yes(needed[0]) if needed else people.everybody
    service = touch_class is TouchClass.SERVICE
    grounded = said.granted | (people.yes("live") if service else ~people.everybody)
    cooling_until = people.instants("cooling_until")
    # NaT compares False: a quiet time without an end is not over.
    still_quiet = people.yes("cooling_off") & ~(now >= cooling_until)
    on_case = people.yes("open_case") if service else ~people.everybody
    gone = people.yes("closed") | people.yes("deceased")

    refusals: list[tuple[Rule, Bools]] = [
        (Rule.IDENTITY_MISSING, ~reachable),
        (Rule.SUPPRESSED, people.yes("suppressed")),
        (Rule.SUPPRESSION_UNKNOWN, people.unknown("suppressed")),
    ]
    if not owed:
        refusals += [
            (Rule.CLOSED_OR_DECEASED, gone),
            (Rule.STANDING_UNKNOWN, people.unknown("closed") | people.unknown("deceased")),
            (Rule.OBJECTED, said.refused),
            (Rule.OBJECTION_UNKNOWN, people.everybody if facts.consents is None else ~people.everybody),
            (Rule.NO_BASIS, ~grounded if channel in NEEDS_GROUND else ~people.everybody),
            (Rule.COOLING_OFF, still_quiet & ~on_case),
            (Rule.COOLING_OFF_UNKNOWN, people.unknown("cooling_off") & ~on_case),
        ]
    rule = np.select(
        [refused for _, refused in refusals],
        [RULES.index(name) for name, _ in refusals],
        RULES.index(Rule.ALLOWED),
    ).astype(np.int8)
    until = np.where(rule == RULES.index(Rule.COOLING_OFF), cooling_until, np.datetime64("NaT", "us"))
    return Verdict(rule == RULES.index(Rule.ALLOWED), rule, until)


def refusal_text(rule: Rule, *, touch_class: TouchClass, channel: Channel, until: str = "") -> str:
    """The rule in one sentence; `until` is the date as people read it, empty where the rule does not change."""
    identity = IDENTITY[channel]
    return rule.label.format(
        channel=channel.label,
        touch_class=touch_class.label,
        identity=identity[1] if identity else "address",
        until=f", until {until}" if until else "",
    )


def instant(at: datetime) -> np.datetime64:
    """An instant in UTC microseconds. Raises BadInput where the time zone is missing."""
    if at.tzinfo is None:
        raise BadInput(f"{at} has no time zone", where="the instant to check", remedy="Pass an aware datetime.")
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


class _Known:
    """Columns of PEOPLE read as yes, no or unknown; a column left out is unknown for everybody."""

    def __init__(self, people: pa.Table) -> None:
        self._people = people
        self.everybody: Bools = np.ones(len(people), dtype=np.bool_)

    def yes(self, name: str) -> Bools:
        if name not in self._people.column_names:
            return ~self.everybody
        filled = compute.fill_null(self._people[name], False)
        return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def unknown(self, name: str) -> Bools:
        if name not in self._people.column_names:
            return self.everybody
        return np.asarray(compute.is_null(self._people[name]).to_numpy(zero_copy_only=False), dtype=np.bool_)

    def instants(self, name: str) -> Instants:
        if name not in self._people.column_names:
            return np.full(len(self._people), np.datetime64("NaT", "us"))
        return _instants(self._people[name])


@dataclass(frozen=True)
class _Said:
    """refused bool (n,): the last word on this road and purpose was no · granted bool (n,): a valid ground holds."""

    refused: Bools
    granted: Bools


def _said(facts: Facts, *, touch_class: TouchClass, channel: Channel, now: np.datetime64) -> _Said:
    """What the consent records say about this road and purpose at this instant, for each person.

    A withdrawal ends every ground before it; a ground given later counts again. Withdrawals whose time is not known
    stand against everything; grounds whose time is not known count for nothing. Records after the instant are not
    read: who checks an earlier day sees what that day could see.
    """
    n = len(facts.people)
    none = np.zeros(n, dtype=np.bool_)
    if facts.consents is None or not len(facts.consents):
        return _Said(none, none)
    about = _matching(facts.consents, touch_class=touch_class, channel=channel)
    party = about["party_id"].to_numpy()
    at = _instants(about["at"])
    given = np.asarray(compute.fill_null(about["given"], False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    timeless = np.isnat(at)
    seen = np.where(timeless, ~given, at <= now)
    party, at, given, timeless = party[seen], at[seen], given[seen], timeless[seen]
    expires = _instants(about["expires_at"])[seen]
    covers = _covering(about["basis"], touch_class=touch_class, channel=channel)[seen]

    # The place of each person's last refusal among the sorted records; refusals without a time sort last (nulls).
    place = np.arange(len(party))
    ids, who = np.unique(party, return_inverse=True)
    last_no = np.full(len(ids), -1, dtype=np.int64)
    np.maximum.at(last_no, who[~given], place[~given])
    last_yes = np.full(len(ids), -1, dtype=np.int64)
    np.maximum.at(last_yes, who[given], place[given])
    # NaT compares False: a ground without an end has not ended.
    valid = given & covers & ~(expires <= now) & (place > last_no[who])
    granted = np.zeros(len(ids), dtype=np.bool_)
    granted[who[valid]] = True

    asked = facts.people["party_id"].to_numpy()
    if not len(ids):
        return _Said(none, none)
    found = np.minimum(np.searchsorted(ids, asked), len(ids) - 1)
    known = ids[found] == asked
    return _Said(known & (last_no > last_yes)[found], known & granted[found])


def _matching(consents: pa.Table, *, touch_class: TouchClass, channel: Channel) -> pa.Table:
    """The records about this road and purpose, those about every road or every purpose included."""
    road = compute.fill_null(compute.equal(consents["channel"], channel.value), True)
    purpose = compute.fill_null(compute.equal(consents["purpose"], touch_class.value), True)
    return consents.filter(compute.and_(road, purpose))


def _covering(basis: pa.ChunkedArray, *, touch_class: TouchClass, channel: Channel) -> Bools:
    holds = [ground.value for ground, (classes, roads) in COVERS.items() if touch_class in classes and channel in roads]
    return np.asarray(compute.is_in(basis, value_set=pa.array(holds, pa.string())).to_numpy(), dtype=np.bool_)


def _instants(column: pa.ChunkedArray) -> Instants:
    """datetime64[us] in UTC, NaT where null."""
    return np.asarray(column.cast(pa.timestamp("us")).to_numpy(), dtype="datetime64[us]")
