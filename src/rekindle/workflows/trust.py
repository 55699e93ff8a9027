"""What the house can show of how it keeps to its rules: law as it is read, the never-again list, the audit trail.

Reading, but for two deeds that are written down themselves: asking the list about one address (without the address),
and following the audit trail link by link. Taking the trail out as a file is an export and is written down as one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Final

from django.db.models import Count

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Refused
from rekindle.journal import audit_queries
from rekindle.journal import queries as journal
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Suppression, suppression_hash
from rekindle.relationships.queries import region
from rekindle.relationships.vocabulary import IdentityKind
from rekindle.workflows import audit

CHAIN: Final = "audit:chain"
GROUPS: Final = 100
LONGEST_ADDRESS: Final = 320
_AN_ADDRESS: Final = re.compile(r"\S+@\S+|\+?\d[\d ()./-]{6,}\d")
"""A reason is free text, and somebody may have put into it what the list is there to hide."""


@dataclass(frozen=True)
class Place:
    """One jurisdiction as a page shows it. `mark_of_file` tells two states of its file apart."""

    code: str
    name: str
    countries: tuple[str, ...]
    base: str
    rules: tuple[Line, ...]
    mark_of_file: str


@dataclass(frozen=True)
class Line:
    """One rule of law in words."""

    id: str
    roads: tuple[str, ...]
    purposes: tuple[str, ...]
    ground: str
    clock: str
    requires: tuple[str, ...]
    optout: str
    source: str
    mark: str


@dataclass(frozen=True)
class Group:
    """So many addresses are on the never-again list for one reason, by one way."""

    reason: str
    source: str
    addresses: int


@dataclass(frozen=True)
class Checked:
    """The audit trail as it was found: whole up to an entry, or broken at one (None: it is whole).

    digest  of the entry `up_to`: kept elsewhere, it shows later that nothing before was changed or cut off
    """

    at: datetime
    by: str
    up_to: int
    digest: str
    broken_at: int | None


@dataclass(frozen=True)
class Coverage:
    """Of so many people the last night chose something, doing nothing included; `silent` of them are left in peace,
    each with a reason."""

    on: datetime
    people: int
    chosen: int
    silent: int

    @property
    def is_whole(self) -> bool:
        return self.chosen == self.people


def law_table() -> list[Place]:
    """Every jurisdiction with its rules, as the gate reads them; the business's own first, the unknown one last."""
    from rekindle.decide.law import UNKNOWN, law

    held, home = law(), region().upper()
    folder = resources.files("rekindle.packs").joinpath("law")
    places = []
    for one in held.jurisdictions:
        file = folder.joinpath(f"{one.code}.yaml")
        mark = hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""
        lines = tuple(
            Line(
                rule.id,
                tuple(channel.label for channel in rule.channels),
                tuple(purpose.label for purpose in rule.purposes),
                _ground(rule.basis) if rule.allows else f"{_ground(rule.basis)}: not enough here",
                f"{rule.clock.months} months from {_START[rule.clock.start]}" if rule.clock else "",
                tuple(word.replace("_", " ") for word in rule.requires),
                _within(rule.optout_sla),
                rule.source,
                rule.mark,
            )
            for rule in one.rules
        )
        places.append(Place(one.code, one.name, one.countries, one.base or "", lines, mark))
    return sorted(places, key=lambda place: (home not in place.countries, place.code == UNKNOWN, place.name))


_START: Final = {
    "obtained": "the day it was given",
    "last_contact": "their last sign of life",
    "last_purchase_or_end": "the last purchase, or the end",
    "relation_end": "the end of the relation",
}


def _ground(basis: str) -> str:
    from rekindle.relationships.vocabulary import Basis

    return "no record needed" if basis == "none" else Basis(basis).label


def _within(sla: str | None) -> str:
    """P10BD as people say it; any other length as it stands."""
    found = re.fullmatch(r"P(?:T(\d+)H|(\d+)(BD|D))", sla or "")
    if found is None:
        return sla or ""
    hours, days, kind = found.groups()
    return f"{hours} hours" if hours else f"{days} {'working days' if kind == 'BD' else 'days'}"


def never_again() -> list[Group]:
    """How many addresses are on the list, by reason and way, the most first; at most GROUPS of them."""
    rows = Suppression.objects.values_list("reason", "source").annotate(n=Count("id")).order_by("-n", "reason")
    return [Group(_AN_ADDRESS.sub("(an address)", reason), source, n) for reason, source, n in rows[:GROUPS]]


def on_never_again(kind: IdentityKind, text: str, *, by: User, source: str = "") -> bool:
    """Whether one address, number or customer number is on the list. Kept: that somebody asked, not about whom.

    source  of a customer number, which means nothing without it
    Raises BadInput for what is no address of that kind.
    """
    normal = _normal(kind, text.strip())
    if not normal or len(normal) > LONGEST_ADDRESS:
        raise BadInput(f"that cannot be read as {kind.label}", remedy="Write it in full; a phone number with its +.")
    found = Suppression.objects.filter(kind=kind.value, key_hash=suppression_hash(kind, normal, source=source)).exists()
    audit.record("suppression.asked", actor=by, details={"kind": kind.value, "is_on_it": found})
    return found


def _normal(kind: IdentityKind, text: str) -> str | None:
    """As a load would compare it."""
    if kind is IdentityKind.EXTERNAL or not text:
        return text
    import pyarrow as pa

    from rekindle.observe import identities

    column = pa.array([text], pa.string())
    made = identities.emails(column) if kind is IdentityKind.EMAIL else identities.phones(column, region=region())
    found: str | None = made[0].as_py()
    return found


def check_chain(*, by: User) -> Checked:
    """Follow the trail from its first entry to its last, and write down what was found. Some seconds a 100,000.

    Raises Refused for a role that may not.
    """
    if not by.may(Deed.SETTINGS):
        raise Refused("your role may not run this check", rule="role", remedy="Ask an owner or a manager.")
    last = audit_queries.last()
    up_to, digest = (last.pk, last.digest) if last else (0, "")
    broken = audit.first_broken()
    entry = audit.record(
        "audit.checked", actor=by, subject=CHAIN, details={"up_to": up_to, "digest": digest, "broken_at": broken}
    )
    return _checked(entry)


def last_check() -> Checked | None:
    """The last time somebody followed the trail; None before the first."""
    entry = audit_queries.newest_about(CHAIN, verb="audit.checked")
    return _checked(entry) if entry else None


def _checked(entry: AuditEntry) -> Checked:
    found = entry.details
    return Checked(entry.at, str(entry.actor or ""), found["up_to"], found["digest"], found["broken_at"])


COLUMNS: Final = ("id", "at", "actor", "verb", "subject", "details", "before", "digest")


def audit_file(wanted: audit_queries.Wanted, *, by: User) -> Iterator[str]:
    """The trail as lines of CSV, oldest first, every cell harmless to a spreadsheet; written down as an export.

    Raises Refused, before the first line, for a role that may not.
    """
    if not by.may(Deed.EXPORT):
        raise Refused("your role may not take files out", rule="role", remedy="Ask an owner or a manager.")
    entry = audit.record("audit.exported", actor=by, subject=CHAIN)
    return _lines(wanted, up_to=entry.pk)


def _lines(wanted: audit_queries.Wanted, *, up_to: int) -> Iterator[str]:
    from rekindle.workflows.staging import harmless

    yield _line(COLUMNS)
    for one in audit_queries.each(wanted, up_to=up_to):
        details = json.dumps(one.details, ensure_ascii=False, sort_keys=True)
        row = (one.pk, one.at.isoformat(), str(one.actor or ""), one.verb, one.subject, details, one.before, one.digest)
        yield _line([harmless(cell) for cell in row])


def _line(cells: object) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(cells)  # type: ignore[arg-type]  # a row of text and numbers
    return file.getvalue()


def coverage() -> Coverage | None:
    """Whether everybody the last night read has a choice or an explained silence; None before the first night."""
    night = journal.latest_night()
    if night is None or night.people is None or night.ended_at is None:
        return None
    counts = {word: n for word, n in night.decisions.items() if isinstance(n, int)}
    return Coverage(night.ended_at, night.people, sum(counts.values()), counts.get("nothing", 0))
