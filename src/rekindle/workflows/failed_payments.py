"""Payments that did not come: how long, and when the end that follows is nobody's wish.

A failed payment is a card or a bank, not a decision. While it may still be mended nothing is concluded. When nothing
was paid for `DUNNING.days` after the first failure, and the source itself says that the contract is over, the end is
recorded as technical, brought about by circumstance; the quiet after it is the short one of such ends.

`after_dunning`, each in a transaction of its own (`workflows.part`):

1. everybody whose last failure nothing was paid after, from the history, up to the day;
2. of them those whose contract the source called over, and whose first failure is old enough: the end is recorded
   on that day;
3. of them those whose end is on record by a webhook that gave no reason: it gets this one.

Doing it again changes nothing. A silence alone never makes an end here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import QuerySet

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import RekindleError
from rekindle.journal.models import WebhookSource
from rekindle.relationships.models import Breakup, Relationship
from rekindle.relationships.vocabulary import BreakupKind, EventKind, Initiator
from rekindle.workflows import endings, part, staging, take_in
from rekindle.workflows.brand import end_of, the_brand
from rekindle.workflows.hook_deeds import acting

if TYPE_CHECKING:
    import duckdb

SOURCE: Final = "failed payment"
_ENOUGH: Final = 500
"""Events of one person that are looked at: years of payments, and far more than a dunning."""


@dataclass(frozen=True)
class Dunning:
    """One version of the policy: after so many days without a payment a failed one is not mended any more."""

    version: str
    days: int


DUNNING: Final = Dunning(version="1", days=14)
"""Domain default: makers of dunning software call their own over after about two weeks."""

PAID: Final = (EventKind.PAYMENT.value, EventKind.PURCHASE.value)


@dataclass(frozen=True)
class Unpaid:
    """Failures of one person that nothing was paid after.

    since, last     the first and the last of them
    times           how often it failed
    over_on         the day the source called the contract over, where it did
    mended_until    up to and with this day a payment mends it, by the policy
    """

    party: int
    since: datetime
    last: datetime
    times: int
    over_on: date | None
    source: str
    amount_minor: int | None
    currency: str

    @property
    def mended_until(self) -> date:
        return self.since.astimezone(UTC).date() + timedelta(days=DUNNING.days)


def after_dunning(as_of: date, *, by: User | None = None) -> int:
    """Steps 1 to 3; gives how many ends were recorded or got their reason.

    by  in whose name; None: whoever made the source, or an owner
    """
    changed = 0
    waited = [unpaid for unpaid in everybody_unpaid(as_of) if as_of > unpaid.mended_until]
    # Asked once for all: of nobody else could an end be recorded or get its reason.
    bare = set(_hooked().values_list("relationship__party_id", flat=True)) if waited else set()
    brand = the_brand()
    for unpaid in waited:
        if unpaid.over_on is None and unpaid.party not in bare:
            continue
        relationship = Relationship.objects.filter(party=unpaid.party, brand=brand).first()
        if relationship is None:
            continue
        for day, source in _ends(relationship, unpaid):
            told = part.Told(ended_on=day, kind=BreakupKind.TECHNICAL, initiator=Initiator.CIRCUMSTANCE)
            try:
                name = by or acting(WebhookSource.objects.filter(slug=unpaid.source).first() or WebhookSource())
                changed += part.record_end(relationship, by=name, told=told, source=source).is_news
            except RekindleError:
                continue  # another end of the same life is on record, or the day cannot be: a person sees both
    return changed


def everybody_unpaid(as_of: date) -> list[Unpaid]:
    """Step 1, in the order of parties. Reads only."""
    if not home.history_folder().exists():
        return []
    from rekindle.observe.history import History

    with staging.columns() as db:
        view = History(home.history_folder()).relation(
            db, before=end_of(as_of, the_brand()), without=take_in.hidden_loads()
        )
        return [_unpaid(row) for row in _rows(db, view)]


def of_person(relationship: Relationship) -> Unpaid | None:
    """The failures of one person that nothing was paid after; None where there are none. Reads only."""
    from rekindle.observe.history import History

    history = History(home.history_folder())
    found = history.of(relationship.party_id, limit=_ENOUGH, without=take_in.hidden_loads()).to_pylist()
    failed: list[dict[str, Any]] = []
    for event in found:  # newest first
        if event["kind"] in PAID:
            break
        if event["kind"] == EventKind.PAYMENT_FAILED.value:
            failed.append(event)
    if not failed:
        return None
    over = [_over_on(event["properties"]) for event in failed]
    return Unpaid(
        relationship.party_id, failed[-1]["occurred_at"], failed[0]["occurred_at"], len(failed),
        max((day for day in over if day), default=None), failed[0]["source"] or "", failed[0]["amount_minor"],
        failed[0]["currency"] or "",
    )  # fmt: skip


def _hooked() -> QuerySet[Breakup]:
    """Ends that a source told and nobody gave a reason for."""
    return Breakup.objects.filter(withdrawn_at=None, source__startswith="webhook:", kind="")


def _ends(relationship: Relationship, unpaid: Unpaid) -> list[tuple[date, str]]:
    """The day to be recorded, and under which source: the one on record without a reason, else the source's word."""
    standing = endings.standing_end(relationship)
    if standing is not None:
        by_hook = standing.source.startswith("webhook:") and not standing.kind and not standing.reasons
        failed_before = unpaid.since.astimezone(endings.zone_of(relationship)).date() <= standing.ended_on
        return [(standing.ended_on, standing.source)] if by_hook and failed_before else []
    ended_since = Breakup.objects.filter(
        relationship=relationship, withdrawn_at=None, ended_on__gte=unpaid.over_on or date.max
    )
    return [] if unpaid.over_on is None or ended_since.exists() else [(unpaid.over_on, SOURCE)]


def _rows(db: duckdb.DuckDBPyConnection, view: str) -> list[dict[str, Any]]:
    kinds = ", ".join(f"'{kind}'" for kind in PAID)
    failed = f"e.kind = '{EventKind.PAYMENT_FAILED.value}'"
    # Every piece is a name or a word of ours.
    query = f"""
        WITH paid AS (SELECT party_id, max(occurred_at) AS at FROM {view} WHERE kind IN ({kinds}) GROUP BY party_id)
        SELECT e.party_id AS party, min(e.occurred_at) AS since, max(e.occurred_at) AS last, count(*) AS times,
               max(json_extract_string(e.properties, '$.contract_ended_on')) AS over_on,
               arg_max(e.source, e.occurred_at) AS source, arg_max(e.amount_minor, e.occurred_at) AS amount_minor,
               arg_max(e.currency, e.occurred_at) AS currency
        FROM {view} e LEFT JOIN paid USING (party_id)
        WHERE {failed} AND (paid.at IS NULL OR e.occurred_at > paid.at)
        GROUP BY e.party_id ORDER BY e.party_id"""  # noqa: S608
    rows: list[dict[str, Any]] = db.sql(query).to_arrow_table().to_pylist()
    return rows


def _unpaid(row: dict[str, Any]) -> Unpaid:
    words = {name: row[name] or "" for name in ("source", "currency")}
    return Unpaid(**{**row, **words, "over_on": _day(row["over_on"])})


def _over_on(properties: str | None) -> date | None:
    from rekindle.workflows.hooks import fields

    said = fields.document((properties or "{}").encode())
    return _day(fields.part(said, "contract_ended_on"))


def _day(text: str | None) -> date | None:
    from rekindle.workflows.hooks import fields

    return fields.day(text)
