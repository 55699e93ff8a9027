"""How long we are quiet, as the business chose it: the version that holds, and a new one with its reason.

A new version, in one transaction:

1. check the role, the reason and every length against its bounds;
2. refuse one that changes nothing, and one written beside a version somebody else kept meanwhile;
3. keep it as a new row and one audit entry with both versions' lengths.

No end already on record is touched: its quiet is a stored instant, and a correction of such an end is reckoned by
the version that held on the day it was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.relationships.models import QuietPolicy
from rekindle.relationships.policy import BOUNDS, QUIET, Quiet, quiet_of
from rekindle.relationships.vocabulary import BreakupKind, Wound
from rekindle.workflows import audit

LONGEST_REASON: Final = 400
_FIRST: Final = int(QUIET.version) + 1
"""The versions of a business count on from those that shipped, so that a number names one policy only."""


@dataclass(frozen=True)
class Version:
    """One version as a page shows it. `made_at` is None for the one that shipped."""

    quiet: Quiet
    reason: str
    made_by: str
    made_at: datetime | None
    changed: tuple[str, ...]

    @property
    def number(self) -> int:
        return int(self.quiet.version)


def quiet(at: datetime | None = None) -> Quiet:
    """The policy that holds: the newest version of the business, else the one that shipped.

    at  the instant it is asked for; None is now. An end keeps the version of the day it was recorded.
    """
    rows = QuietPolicy.objects.order_by("-version")
    if at is not None:
        rows = rows.filter(made_at__lte=at)
    row = rows.first()
    return QUIET if row is None else quiet_of(str(row.version), row.lengths)


def versions() -> list[Version]:
    """Every version, newest first, with what each changed; there are few, people write them."""
    found = [Version(QUIET, "As it comes with the product.", "", None, ())]
    for row in QuietPolicy.objects.select_related("made_by").order_by("version"):
        one = quiet_of(str(row.version), row.lengths)
        found.append(Version(one, row.reason, str(row.made_by or ""), row.made_at, changes(found[-1].quiet, one)))
    return found[::-1]


def draft(lengths: Mapping[str, Any]) -> Quiet:
    """A policy that is only thought of, checked. Raises BadInput naming the length that is out of bounds."""
    unknown = sorted(set(lengths) - set(BOUNDS))
    if unknown:
        raise BadInput(f"there is no length {unknown[0]!r}", remedy=f"Choose among {', '.join(BOUNDS)}.")
    given = {**quiet().lengths(), **lengths}
    for name, bounds in BOUNDS.items():
        of_each = given[name] if isinstance(given[name], Mapping) else {"": given[name]}
        for key, days in of_each.items():
            _check(name, key, days, bounds=bounds)
    made = quiet_of("draft", given)
    if made.by_wound.get(Wound.BETRAYED, 0) < made.by_wound.get(Wound.WOUNDED, 0):
        raise BadInput("betrayed adds less than wounded", remedy="The deeper wound needs as long at least.")
    return made


def change(lengths: Mapping[str, Any], *, by: User, reason: str, after: int | None = None) -> QuietPolicy:
    """A new version, holding from now on for ends recorded from now on.

    lengths  any of `BOUNDS`, in days; a length left out stays; by_kind, by_wound and by_country are given whole
    after    the version the author looked at; None does not ask
    Raises Refused for a role that may not, BadInput for a length out of bounds or a missing reason, Conflict where
    nothing changes or another version came between.
    """
    if not by.may(Deed.SETTINGS):
        raise Refused("your role may not change the policy", rule="role", remedy="Ask an owner or a manager.")
    reason = " ".join(reason.replace("\x00", "").split())
    if not reason or len(reason) > LONGEST_REASON:
        raise BadInput(
            "the reason is missing" if not reason else f"the reason has {len(reason)} characters",
            remedy=f"Say why in up to {LONGEST_REASON} characters; whoever asks in a year reads it.",
        )
    try:
        with transaction.atomic():
            before = quiet()
            if after is not None and after != int(before.version):
                raise Conflict(
                    f"version {before.version} was kept meanwhile", remedy="Look at it, then write yours anew."
                )
            made = draft(lengths)
            if made.lengths() == before.lengths():
                raise Conflict("nothing is different from the version that holds", remedy="Change a length.")
            row = QuietPolicy.objects.create(
                version=max(int(before.version) + 1, _FIRST), lengths=made.lengths(), reason=reason, made_by=by
            )
            audit.record("policy.changed", actor=by, subject=f"quiet_policy:{row.version}",
                         details={"from": before.lengths(), "to": made.lengths()})  # fmt: skip
    except IntegrityError as error:  # two at once: the number is taken
        raise Conflict("a version was kept this very moment", remedy="Look at it, then write yours anew.") from error
    return row


def changes(before: Quiet, after: Quiet) -> tuple[str, ...]:
    """What is different, a short sentence each: "usual 90 to 60 days"."""
    old, new = _flat(before), _flat(after)
    told = []
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            had, has = (f"{days[name]} days" if name in days else "as usual" for days in (old, new))
            told.append(f"{name}: {had} to {has}")
    return tuple(told)


def _flat(one: Quiet) -> dict[str, int]:
    return {
        "usual": one.usual,
        **{kind.label: days for kind, days in sorted(one.by_kind.items())},
        **{f"added for {wound.label}": days for wound, days in sorted(one.by_wound.items())},
        "added for a second end": one.again,
        "left when a silence is confirmed": one.floor_presumed,
        "to answer who wrote first": one.thread,
        **{f"at least in {country}": days for country, days in sorted(one.by_country.items())},
    }


def _check(name: str, key: str, days: object, *, bounds: tuple[int, int]) -> None:
    """One length. bool is an int to Python and no length to anybody."""
    what = f"{name} {key}".strip()
    if isinstance(days, bool) or not isinstance(days, int):
        raise BadInput(f"{what}: {days!r} is no number of days", remedy="Give a whole number.")
    least, most = bounds
    if not least <= days <= most:
        raise BadInput(f"{what}: {days} days", remedy=f"Choose {least} to {most} days.")
    if name == "by_kind" and key not in {kind.value for kind in BreakupKind if kind not in QUIET.closed}:
        raise BadInput(f"{key!r} has no length of its own", remedy="Kinds that close for good have none.")
    if name == "by_wound" and key not in {wound.value for wound in Wound}:
        raise BadInput(f"there is no wound {key!r}")
    if name == "by_country" and not (len(key) == 2 and key.isupper() and _is_country(key)):
        raise BadInput(f"{key!r} is no country", remedy="Give two letters, for example DE.")


def _is_country(code: str) -> bool:
    from rekindle.decide.quiet_hours import zones_of  # the columnar engine is loaded only where a country is named

    return bool(zones_of(code))
