"""Law as data: which touch needs which ground where, how long the ground holds, and what the message must contain.

The files are `packs/law/*.yaml`, one a jurisdiction, checked by a schema when they are read. A country that no file
names is `unknown`, the strictest of all. A jurisdiction with a base takes the base's rules over and puts its own in
their place, cell by cell (road x purpose x ground). Beside them stands how long before its last day an ending by us is
told (`notice`, by kind of contract). None of this is legal advice; docs/law.md lists every rule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import yaml
from numpy.typing import NDArray

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass
from rekindle.words import Word

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Places = NDArray[np.int16]
Instants = NDArray[np.datetime64]

UNKNOWN: Final = "unknown"
NO_RULE: Final = -1
CHANNELS: Final = tuple(Channel)
CLASSES: Final = tuple(TouchClass)
BASES: Final = tuple(basis.value for basis in Basis)
FREE: Final = len(BASES)
"""The code of the ground "none": the touch needs no record there."""


@dataclass(frozen=True)
class Clock:
    """How long a ground holds: so many calendar months after what it counts from.

    start      obtained, last_contact, last_purchase_or_end or relation_end; never before the ground was obtained
    resets_on  kinds of event that start it again; opening a mail is never one
    mark       V read in the source, K to be checked, P our proposal
    """

    start: str
    months: int
    resets_on: tuple[str, ...]
    mark: str


@dataclass(frozen=True)
class LawRule:
    """One rule of one jurisdiction. `allows` False takes away what the base allows."""

    id: str
    where: str
    channels: tuple[Channel, ...]
    purposes: tuple[TouchClass, ...]
    basis: str
    allows: bool
    clock: Clock | None
    requires: tuple[str, ...]
    optout_sla: str | None
    on_expiry: Mapping[str, Any] | None
    source: str
    mark: str


class Contract(Word):
    """What runs between us, as far as the notice of an ending by us depends on it."""

    CONTINUING = "continuing", "runs on: membership, subscription, retainer"
    PAYMENT_ACCOUNT = "payment_account", "a payment account"
    SINGLE = "single", "single orders, nothing runs on"


@dataclass(frozen=True)
class NoticeRule:
    """How many days before the last one we tell a customer that we end a kind of contract, and what we must say.

    requires   specific_reason, complaint_route
    complaint  the sentence that tells the customer how to complain
    """

    id: str
    where: str
    contract: Contract
    days: int
    requires: tuple[str, ...]
    complaint: str
    source: str
    mark: str


@dataclass(frozen=True)
class Jurisdiction:
    code: str
    name: str
    countries: tuple[str, ...]
    base: str | None
    rules: tuple[LawRule, ...]
    notices: tuple[NoticeRule, ...] = ()


@dataclass(frozen=True)
class Law:
    """All jurisdictions, and the rules as one table.

    cells  int16 (jurisdictions, channels, classes, grounds + 1): the place of the rule in `rules`, -1 none
    """

    jurisdictions: tuple[Jurisdiction, ...]
    rules: tuple[LawRule, ...]
    cells: Places

    def place(self, code: str) -> int:
        """Where a jurisdiction stands. Raises BadInput for one that is not there."""
        for place, one in enumerate(self.jurisdictions):
            if one.code == code:
                return place
        raise BadInput(f"there is no jurisdiction {code!r}", where="law")

    def places(self, countries: pa.ChunkedArray) -> Codes:
        """(n,) int8: the jurisdiction of each two-letter country; null and countries without a file are `unknown`."""
        named = {country: place for place, one in enumerate(self.jurisdictions) for country in one.countries}
        found = compute.index_in(countries, value_set=pa.array(list(named), pa.string()))
        codes = np.array([*named.values(), self.place(UNKNOWN)], dtype=np.int8)
        return codes[np.asarray(compute.fill_null(found, len(named)).to_numpy(zero_copy_only=False), dtype=np.int64)]

    def rule(self, *, country: str | None, channel: Channel, touch_class: TouchClass, basis: str) -> LawRule | None:
        """The one rule about a country, road, purpose and ground ("none": without a record); None: not allowed."""
        place = int(self.places(pa.chunked_array([pa.array([country], pa.string())]))[0])
        ground = BASES.index(basis) if basis in BASES else FREE
        found = int(self.cells[place, CHANNELS.index(channel), CLASSES.index(touch_class), ground])
        return None if found == NO_RULE else self.rules[found]

    def notice(self, *, country: str | None, contract: Contract) -> NoticeRule:
        """The notice that an ending by us needs there: the jurisdiction's own, its base's, else that of `unknown`."""
        place = int(self.places(pa.chunked_array([pa.array([country], pa.string())]))[0])
        here = self.jurisdictions[place]
        for code in (here.code, here.base, UNKNOWN):
            for rule in self.jurisdictions[self.place(code)].notices if code else ():
                if rule.contract is contract:
                    return rule
        raise BadInput(f"no notice for a contract of the kind {contract}", where=f"law/{UNKNOWN}.yaml")


@dataclass(frozen=True)
class Life:
    """What starts the clocks, (n,) each: datetime64[us] UTC, NaT not known or never; `live` bool."""

    last_purchase: Instants
    last_contact: Instants
    ended_at: Instants
    live: Bools

    def take(self, rows: NDArray[np.int64]) -> Life:
        return Life(self.last_purchase[rows], self.last_contact[rows], self.ended_at[rows], self.live[rows])


def holds(
    law: Law, *, where: Codes, basis: Codes, channel: Channel, touch_class: TouchClass, obtained: Instants, life: Life
) -> tuple[Bools, Instants]:
    """Whether each ground counts at all there for this road and purpose, and the instant it runs out.

    where     (n,) places of jurisdictions
    basis     (n,) codes of BASES, FREE for none; -1: a ground nobody knows, which counts for nothing
    obtained  (n,) when the ground was given, NaT for FREE
    Gives (counts bool (n,), until datetime64[us] (n,)); NaT where it does not run out. A ground whose clock has
    nothing to count from does not count.
    """
    here = law.cells[:, CHANNELS.index(channel), CLASSES.index(touch_class), :]
    found = np.where(basis >= 0, here[where, basis], NO_RULE)
    counts: Bools = found != NO_RULE
    until = np.full(len(found), np.datetime64("NaT", "us"))
    for place in np.unique(found[counts]):
        clock = law.rules[place].clock
        if clock is None:
            continue
        rows = np.flatnonzero(found == place)
        start, runs = _start(clock.start, obtained=obtained[rows], life=life.take(rows))
        until[rows] = np.where(runs, months_after(start, months=clock.months), np.datetime64("NaT", "us"))
        counts[rows] = ~runs | ~np.isnat(start)
    return counts, until


def _start(start: str, *, obtained: Instants, life: Life) -> tuple[Instants, Bools]:
    """(what the clock counts from, whether it runs). fmax passes over what is not known."""
    running = np.ones(len(obtained), dtype=np.bool_)
    if start == "obtained":
        return obtained, running
    if start == "last_contact":
        return np.fmax(obtained, life.last_contact), running
    if start == "last_purchase_or_end":
        return np.fmax(obtained, np.fmax(life.last_purchase, life.ended_at)), running
    # From the end of the relation: while it lives, the clock has not started.
    return np.fmax(obtained, np.fmax(life.ended_at, life.last_contact)), ~life.live


def months_after(start: Instants, *, months: int) -> Instants:
    """The same day and time so many calendar months later; the last day of the month where that day is missing."""
    day = start.astype("datetime64[D]")
    month = start.astype("datetime64[M]")
    target = month + np.timedelta64(months, "M")
    last = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    on = np.minimum(target.astype("datetime64[D]") + (day - month.astype("datetime64[D]")), last)
    return np.asarray(on.astype("datetime64[us]") + (start - day.astype("datetime64[us]")), dtype="datetime64[us]")


@cache
def law() -> Law:
    """The law of the packs that come with the product. Raises BadInput naming file and place of what is wrong."""
    folder = resources.files("rekindle.packs").joinpath("law")
    files = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")}
    return read(files)


def read(files: Mapping[str, str]) -> Law:
    """Law from texts of YAML by file name.

    Raises BadInput naming the file and the place in it: not YAML, against the schema, a rule id given twice, a rule
    about another place, a base that is not there, a country claimed twice, two rules for one cell, no `unknown`.
    """
    schema = json.loads(resources.files("rekindle.packs").joinpath("law", "schema.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(schema)
    found: dict[str, Jurisdiction] = {}
    ids: dict[str, str] = {}
    claimed: dict[str, str] = {}
    for name in sorted(files):
        one = _jurisdiction(name, files[name], checker=checker)
        if one.code in found:
            raise BadInput(f"jurisdiction {one.code} is described twice", where=f"law/{name}")
        entries: tuple[LawRule | NoticeRule, ...] = (*one.rules, *one.notices)
        for rule in entries:
            if rule.id in ids:
                raise BadInput(f"rule {rule.id} is also in {ids[rule.id]}", where=f"law/{name}")
            if rule.where != one.code:
                raise BadInput(f"rule {rule.id} is about {rule.where}, the file about {one.code}", where=f"law/{name}")
            ids[rule.id] = name
        for country in one.countries:
            if country in claimed:
                raise BadInput(f"country {country} is also in {claimed[country]}", where=f"law/{name}")
            claimed[country] = name
        found[one.code] = one
    if UNKNOWN not in found:
        raise BadInput("there is no law for an unknown country", where="law", remedy=f"Add a file for {UNKNOWN!r}.")
    return _table(tuple(found.values()))


def _jurisdiction(name: str, text: str, *, checker: jsonschema.Draft202012Validator) -> Jurisdiction:
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput("not YAML: " + " ".join(str(error).split()), where=f"law/{name}") from error
    wrong = next(iter(sorted(checker.iter_errors(raw), key=lambda error: list(map(str, error.absolute_path)))), None)
    if wrong is not None:
        path = ".".join(map(str, wrong.absolute_path)) or "the whole file"
        raise BadInput(wrong.message, where=f"law/{name}: {path}")
    return Jurisdiction(
        raw["jurisdiction"],
        raw["name"],
        tuple(raw["countries"]),
        raw.get("base"),
        tuple(map(_rule, raw["rules"])),
        tuple(
            NoticeRule(**{**one, "contract": Contract(one["contract"]), "requires": tuple(one["requires"])})
            for one in raw.get("notice", ())
        ),
    )


def _rule(raw: Mapping[str, Any]) -> LawRule:
    clock = raw["clock"]
    return LawRule(
        id=raw["id"],
        where=raw["where"],
        channels=tuple(Channel(word) for word in raw["channels"]),
        purposes=tuple(TouchClass(word) for word in raw["purposes"]),
        basis=raw["basis"],
        allows=raw.get("allows", True),
        clock=Clock(clock["from"], clock["months"], tuple(clock["resets_on"]), clock["mark"]) if clock else None,
        requires=tuple(raw["requires"]),
        optout_sla=raw["optout_sla"],
        on_expiry=raw["on_expiry"],
        source=raw["source"],
        mark=raw["mark"],
    )


def _table(jurisdictions: tuple[Jurisdiction, ...]) -> Law:
    rules = tuple(rule for one in jurisdictions for rule in one.rules)
    place = {rule.id: number for number, rule in enumerate(rules)}
    by_code = {one.code: one for one in jurisdictions}
    cells = np.full((len(jurisdictions), len(CHANNELS), len(CLASSES), len(BASES) + 1), NO_RULE, dtype=np.int16)
    for row, one in enumerate(jurisdictions):
        if one.base is not None:
            if one.base not in by_code or by_code[one.base].base is not None:
                raise BadInput(
                    f"base {one.base!r} is not a jurisdiction that stands by itself", where=f"law {one.code}"
                )
            _fill(cells[row], by_code[one.base].rules, place=place)
        _fill(cells[row], one.rules, place=place)
    return Law(jurisdictions, rules, cells)


def _fill(cells: Places, rules: tuple[LawRule, ...], *, place: Mapping[str, int]) -> None:
    """Set the cells of one jurisdiction; rules of one file may not meet in a cell."""
    filled: dict[tuple[int, int, int], str] = {}
    for rule in rules:
        ground = BASES.index(rule.basis) if rule.basis in BASES else FREE
        for channel in rule.channels:
            for purpose in rule.purposes:
                cell = (CHANNELS.index(channel), CLASSES.index(purpose), ground)
                if cell in filled:
                    raise BadInput(
                        f"{rule.id} and {filled[cell]} both speak of {rule.basis} for {purpose} by {channel}",
                        where=f"law {rule.where}",
                    )
                filled[cell] = rule.id
                cells[cell] = place[rule.id] if rule.allows else NO_RULE
