"""What people said about being written to, read against the law of where they are: refusals, and grounds that hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from rekindle.decide import law as law_of
from rekindle.decide.gate_facts import Facts, Known, instants, never
from rekindle.decide.law import BASES, FREE, Law, Life
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Ints = NDArray[np.int64]
Instants = NDArray[np.datetime64]

_LAST = np.datetime64(np.iinfo(np.int64).max, "us")
"""Later than every instant: the end of a ground that has none, so that the latest end is a maximum."""


@dataclass(frozen=True)
class Said:
    """refused (n,): the last word on this road and purpose was no · granted (n,): a valid ground holds ·
    until (n,): when the longest of the grounds that hold runs out, NaT where it never does or none holds."""

    refused: Bools
    granted: Bools
    until: Instants


def said(
    facts: Facts, *, people: Known, law: Law, touch_class: TouchClass, channel: Channel, now: np.datetime64
) -> Said:
    """What stands for each person at this instant.

    A withdrawal ends every ground before it; a ground given later counts again. Withdrawals whose time is not known
    stand against everything; grounds whose time is not known count for nothing. Records after the instant are not
    read: who checks an earlier day sees what that day could see. A ground ends at the earlier of its own day and the
    clock of the law where the person is. A live customer may be served on the contract, and where the law asks for no
    record, none is needed.
    """
    n = len(people)
    where = law.places(people.words("country"))
    live = people.yes("live")
    life = Life(people.instants("last_purchase"), people.instants("last_contact"), people.instants("ended_at"), live)
    ends = np.full(n, np.iinfo(np.int64).min, dtype=np.int64)  # the latest end of a ground that holds; least: none does

    def hold(rows: Ints, basis: Codes, obtained: Instants, expires: Instants) -> None:
        counts, until = law_of.holds(
            law, where=where[rows], basis=basis, channel=channel, touch_class=touch_class, obtained=obtained,
            life=life.take(rows),
        )  # fmt: skip
        until = np.fmin(until, expires)
        # NaT compares False: a ground without an end has not ended.
        valid = counts & ~(until <= now)
        end = np.where(np.isnat(until), _LAST, until).astype(np.int64)
        np.maximum.at(ends, rows[valid], end[valid])

    everybody = np.arange(n, dtype=np.int64)
    hold(everybody, np.full(n, FREE, dtype=np.int8), never(n), never(n))
    served = everybody[live]
    contract = np.full(len(served), BASES.index(Basis.CONTRACT.value), dtype=np.int8)
    hold(served, contract, never(len(served)), never(len(served)))

    refused = np.zeros(n, dtype=np.bool_)
    if facts.consents is not None and len(facts.consents) and n:
        rows, basis, obtained, expires, refused = _words(
            facts.consents, asked=facts.people["party_id"].to_numpy(), touch_class=touch_class, channel=channel, now=now
        )
        hold(rows, basis, obtained, expires)
    granted = ends != np.iinfo(np.int64).min
    until = np.where(granted & (ends != _LAST.astype(np.int64)), ends, np.iinfo(np.int64).min).view("datetime64[us]")
    return Said(refused, granted, until)


def _words(
    consents: pa.Table, *, asked: Ints, touch_class: TouchClass, channel: Channel, now: np.datetime64
) -> tuple[Ints, Codes, Instants, Instants, Bools]:
    """The grounds no later refusal ended: (row of the person, basis, obtained, own expiry), and who refused (n,)."""
    about = _matching(consents, touch_class=touch_class, channel=channel)
    party, at = about["party_id"].to_numpy(), instants(about["at"])
    given = np.asarray(compute.fill_null(about["given"], False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    order = np.argsort(asked, kind="stable")
    found = np.minimum(np.searchsorted(asked, party, sorter=order), len(asked) - 1)
    row = order[found]
    timeless = np.isnat(at)
    seen = (asked[row] == party) & np.where(timeless, ~given, at <= now)
    # Places are the order of the words in time: a refusal is the later word of its instant, and the last of all where
    # its time is not known.
    kept = np.flatnonzero(seen)
    kept = kept[np.lexsort((~given[kept], np.where(timeless[kept], _LAST, at[kept])))]
    row, at, given = row[kept], at[kept], given[kept]
    place = np.arange(len(row))
    last_no = np.full(len(asked), -1, dtype=np.int64)
    np.maximum.at(last_no, row[~given], place[~given])
    last_yes = np.full(len(asked), -1, dtype=np.int64)
    np.maximum.at(last_yes, row[given], place[given])
    standing = given & (place > last_no[row])
    codes = compute.fill_null(compute.index_in(about["basis"], value_set=pa.array(BASES, pa.string())), -1)
    basis = np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int8)[kept]
    expires = instants(about["expires_at"])[kept]
    return row[standing], basis[standing], at[standing], expires[standing], last_no > last_yes


def _matching(consents: pa.Table, *, touch_class: TouchClass, channel: Channel) -> pa.Table:
    """The records about this road and purpose, those about every road or every purpose included."""
    road = compute.fill_null(compute.equal(consents["channel"], channel.value), True)
    purpose = compute.fill_null(compute.equal(consents["purpose"], touch_class.value), True)
    return consents.filter(compute.and_(road, purpose))
