"""What a load writes into the books, one function a kind of load. All of it runs inside the load's one transaction.

Suppressions and withdrawals always win over what is stored, and a consent that was closed is never opened again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.journal.models import Intake
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Consent,
    Identity,
    Party,
    Relationship,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.policy import CLEAN_BREAK, day_begins
from rekindle.relationships.vocabulary import (
    Basis,
    BreakupKind,
    Channel,
    Commercial,
    Contact,
    IdentityKind,
    Initiator,
    IntakeKind,
    PartyKind,
    Stage,
    Terms,
    TouchClass,
)
from rekindle.workflows import bulk, handover, policies, staging

if TYPE_CHECKING:
    import pyarrow as pa

GIVEN_MEANS = (TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.PROMOTIONAL)
WITHDRAWN_MEANS = (*GIVEN_MEANS, TouchClass.RESEARCH, TouchClass.REFERRAL_ASK)
IN_LIST = 1_000  # names in one IN (...): both databases take that many
FEW = 20_000  # up to here asking by name is quicker than reading the whole column


def known_parties(kind: str, keys: pa.Array, *, source: str) -> pa.Table:
    """Which of the distinct keys the books know: table(key, party_id). An address shared by several is not a key."""
    import pyarrow as pa

    where = Identity.objects.filter(kind=kind, valid_to=None)
    if kind == IdentityKind.EXTERNAL.value:
        where = where.filter(source=source)
    normals: list[Any] = []
    parties: list[Any] = []
    if len(keys) <= FEW:
        wanted = keys.to_pylist()
        for start in range(0, len(wanted), IN_LIST):
            found = bulk.read(where.filter(normal__in=wanted[start : start + IN_LIST]), "normal", "party_id")
            normals += found[0]
            parties += found[1]
    else:
        normals, parties = bulk.read(where, "normal", "party_id")
    table = pa.table({"key": pa.array(normals, pa.string()), "party_id": pa.array(parties, pa.int64())})
    counted = table.group_by("key").aggregate([("party_id", "min"), ("party_id", "count_distinct")])
    single = counted.filter(pa.compute.equal(counted["party_id_count_distinct"], 1))
    return pa.table({"key": single["key"], "party_id": single["party_id_min"]})


def insert_parties(intake: Intake, place: staging.Folder, brand: Brand) -> int:
    """The people and organisations of a load that are new, their identities and their relationships."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    people = pq.read_table(place.parties)
    new = people.filter(people["is_new"])
    n = int(new.num_rows)
    if n:
        kind = PartyKind.ORGANISATION if intake.kind == IntakeKind.ORGANISATIONS.value else PartyKind.PERSON
        bulk.insert(
            Party,
            pa.table(
                {
                    "id": new["party_id"],
                    "kind": _constant(kind.value, n),
                    **{
                        field: pc.utf8_slice_codeunits(pc.fill_null(new[field], ""), 0, limit)
                        for field, limit in _limits().items()
                    },
                    "extra": pc.fill_null(new["extra"], "{}"),
                    "created_at": _constant(timezone.now(), n, pa.timestamp("us", "UTC")),
                    "load": _constant(intake.pk, n, pa.int64()),
                }
            ),
        )
        bulk.insert(
            Relationship,
            pa.table(
                {
                    "party_id": new["party_id"],
                    "brand_id": _constant(brand.pk, n, pa.int64()),
                    "commercial": _constant(Commercial.NONE.value, n),
                    "contact": _constant(Contact.OPEN.value, n),
                    "terms": _constant(Terms.NEUTRAL.value, n),
                    "stage": _constant(Stage.COURTSHIP.value, n),
                    "life": _constant(0, n, pa.int16()),
                    "load": _constant(intake.pk, n, pa.int64()),
                }
            ),
            conflict=["party_id", "brand_id"],
        )
    insert_identities(intake, people)
    return n


def insert_identities(intake: Intake, people: pa.Table) -> None:
    """Every key of a load, and the addresses that came with it, as identities of their party."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for kind in IdentityKind:
        of_kind = people.filter(pc.equal(people["key_kind"], kind.value)).select(["party_id", "key", "first"])
        given = of_kind.rename_columns(["party_id", "value", "first"])
        if kind is not IdentityKind.EXTERNAL:
            beside = people.filter(
                pc.and_(pc.is_valid(people[kind.value]), pc.not_equal(people["key_kind"], kind.value))
            )
            given = pa.concat_tables(
                [given, beside.select(["party_id", kind.value, "first"]).rename_columns(given.column_names)],
                promote_options="permissive",
            )
        if not given.num_rows:
            continue
        normal = pc.utf8_lower(given["value"]) if kind is IdentityKind.EMAIL else given["value"]
        source = intake.source if kind is IdentityKind.EXTERNAL else ""
        bulk.insert(
            Identity,
            pa.table(
                {
                    "party_id": given["party_id"],
                    "kind": _constant(kind.value, given.num_rows),
                    "source": _constant(source, given.num_rows),
                    "value": given["value"],
                    "normal": normal,
                    "valid_from": given["first"].cast(pa.date32()),
                    "load": _constant(intake.pk, given.num_rows, pa.int64()),
                }
            ),
            conflict=["kind", "source", "normal", "party_id"],
        )


def take_people(place: staging.Folder, brand: Brand) -> dict[str, Any]:
    """What a load says about people we already knew; what stood before is kept for undo. New ones carry it already."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    people = pq.read_table(place.parties)
    known = people.filter(pc.and_(pc.invert(people["is_new"]), pc.is_valid(people["party_id"])))
    said = {row["party_id"]: row for row in known.to_pylist()}
    before: list[dict[str, Any]] = []
    for some in _slices(sorted(said)):
        changed = []
        for party in Party.objects.filter(pk__in=some):
            row = said[party.pk]
            change: dict[str, Any] = {field: row[field][:limit] for field, limit in _limits().items() if row[field]}
            if row["extra"]:
                change["extra"] = {**party.extra, **json.loads(row["extra"])}
            before.append({"id": party.pk, **{field: getattr(party, field) for field in change}})
            for field, value in change.items():
                setattr(party, field, value)
            changed.append(party)
        Party.objects.bulk_update(changed, [*_limits(), "extra"])
    _keep_before(place.path / "before.json", before)
    with_owner = people.filter(pc.is_valid(people["owner"])).select(["party_id", "owner"]).to_pylist()
    owners = {row["party_id"]: row["owner"].lower() for row in with_owner}
    return {"changed": len(before), "without_owner": _assign_owners(owners, brand)}


def _limits() -> dict[str, int]:
    """The fields of a party a load may set, with the length each holds."""
    fields = ("name", "given_name", "language", "time_zone", "country")
    return {field: int(getattr(Party._meta.get_field(field), "max_length", 0) or 0) for field in fields}


def put_back(place: staging.Folder) -> None:
    """Undo of `take_people`: the values that stood before the load."""
    path = place.path / "before.json"
    if not path.exists():
        return
    for some in _slices(json.loads(path.read_text())):
        for row in some:
            Party.objects.filter(pk=row.pop("id")).update(**row)


def _keep_before(path: Path, before: list[dict[str, Any]]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(before))
    draft.replace(path)


def _assign_owners(owners: dict[int, str], brand: Brand) -> int:
    """Set the owner of each relationship by e-mail or name; gives how many named nobody on the staff.

    A name that two members of staff share names neither.
    """
    staff: dict[str, User | None] = {}
    for user in User.objects.filter(is_active=True):
        staff[user.email.lower()] = user
        if user.name:
            staff[user.name.lower()] = None if user.name.lower() in staff else user
    by_owner: dict[str, list[int]] = {}
    for party, word in owners.items():
        by_owner.setdefault(word, []).append(party)
    unknown = 0
    for word, parties in by_owner.items():
        owner = staff.get(word)
        if owner is None:
            unknown += len(parties)
            continue
        for some in _slices(parties):
            theirs = Relationship.objects.filter(brand=brand, party_id__in=some)
            theirs.exclude(pk__in=handover.lent_by(owner)).update(owner=owner)  # on leave: a colleague has them
    return unknown


def take_cancellations(intake: Intake, rows: list[dict[str, Any]], brand: Brand) -> dict[str, Any]:
    """One recorded end a relationship and day, with its cooling-off as a stored instant."""
    relations = _relationships({row["party_id"] for row in rows}, brand)
    initiators = {word.value for word in Initiator}
    quiet = _quiet_days({row["party_id"] for row in rows})
    made = [
        Breakup(
            relationship_id=relations[row["party_id"]],
            ended_on=row["ended_on"],
            noticed_on=row.get("noticed_on"),
            initiator=row["initiator"] if row.get("initiator") in initiators else Initiator.CUSTOMER.value,
            kind=_KINDS.get((row.get("kind") or "").casefold(), ""),
            stated_reason=_reason(row)[:200],
            verbatim=row.get("verbatim") or "",
            quiet_until=quiet_until(row["ended_on"], brand, days=quiet[row["party_id"]]),
            source=intake.source,
            load=intake.pk,
        )
        for row in rows
    ]
    was = Breakup.objects.count()
    Breakup.objects.bulk_create(made, ignore_conflicts=True, batch_size=IN_LIST)
    return {"already_known": len(made) - (Breakup.objects.count() - was)}


# A death, and an end of ours for good, are written by people, by an act that also closes the door.
_KINDS: Final = {
    name.casefold(): kind.value
    for kind in BreakupKind
    if kind not in {*CLEAN_BREAK, BreakupKind.DECEASED}
    for name in (kind.value, kind.value.partition("_")[2], str(kind.label))
}
"""How a file may name a kind of end: by our code, by the code without its first letter and number, by its label."""


def _reason(row: dict[str, Any]) -> str:
    """What they said; a kind that is not taken as one stays readable here."""
    kind = row.get("kind") or ""
    return row.get("reason") or ("" if kind.casefold() in _KINDS else kind)


def _quiet_days(parties: set[int]) -> dict[int, int]:
    """How long each is left in peace after an end of which a load tells the day only."""
    policy, countries = policies.quiet(), dict.fromkeys(parties, "")
    wanted = sorted(parties) if policy.by_country else []
    for start in range(0, len(wanted), IN_LIST):
        some = Party.objects.filter(pk__in=wanted[start : start + IN_LIST])
        countries.update(some.values_list("pk", "country"))
    return {party: max(policy.usual, policy.by_country.get(country.upper(), 0)) for party, country in countries.items()}


def quiet_until(ended_on: date, brand: Brand, *, days: int) -> datetime:
    """The instant cooling-off ends: so many local days after the last day, as UTC."""
    return day_begins(ended_on + timedelta(days=days), ZoneInfo(brand.time_zone))


def take_consents(intake: Intake, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Grounds given and withdrawn. A withdrawal wins over everything, in the file and in the books."""
    wanted: dict[tuple[int, str, str], dict[str, Any]] = {}
    for row in rows:
        means = GIVEN_MEANS if row["given"] else WITHDRAWN_MEANS
        purposes = [row["purpose"]] if row.get("purpose") else [word.value for word in means]
        channels = [row["channel"]] if row.get("channel") else _channels_meant(row)
        for key in ((row["party_id"], channel, purpose) for channel in channels for purpose in purposes):
            if key not in wanted or (wanted[key]["given"] and not row["given"]):
                wanted[key] = row
    stored = {
        (one.party_id, one.channel, one.purpose): one
        for some in _slices(sorted({key[0] for key in wanted}))
        for one in Consent.objects.filter(party_id__in=some)
    }
    now = timezone.now()
    fresh, closed, kept_closed = [], [], 0
    for key, row in wanted.items():
        have = stored.get(key)
        at = row.get("at") or now
        if have is None:
            fresh.append(_consent(key, row, at=at, intake=intake))
        elif not row["given"] and have.withdrawn_at is None:
            have.withdrawn_at, have.withdrawn_reason = at, f"load {intake.pk}"
            closed.append(have)
        elif row["given"] and have.withdrawn_at is not None:
            kept_closed += 1
    Consent.objects.bulk_create(fresh, batch_size=IN_LIST)
    Consent.objects.bulk_update(closed, ["withdrawn_at", "withdrawn_reason"], batch_size=IN_LIST)
    return {"recorded": len(fresh), "withdrawn": len(closed), "kept_closed": kept_closed}


def _consent(key: tuple[int, str, str], row: dict[str, Any], *, at: datetime, intake: Intake) -> Consent:
    bases = {word.value for word in Basis}
    return Consent(
        party_id=key[0],
        channel=key[1],
        purpose=key[2],
        basis=row["basis"] if row.get("basis") in bases else Basis.CONSENT.value,
        obtained_at=at,
        expires_at=row.get("expires_at"),
        withdrawn_at=None if row["given"] else at,
        withdrawn_reason="" if row["given"] else f"load {intake.pk}",
        proof=row.get("proof") or "",
        source=intake.source,
        load=intake.pk,
    )


def _channels_meant(row: dict[str, Any]) -> list[str]:
    """A consent without a channel means e-mail; a withdrawal without one means every channel."""
    return [Channel.EMAIL.value] if row["given"] else [word.value for word in Channel]


def take_suppressions(intake: Intake, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Addresses and numbers that must never be reached again, as keyed hashes, whether we know the person or not."""
    made = {}
    for row in rows:
        for kind, value in (
            (IdentityKind.EXTERNAL, row.get("who")),
            (IdentityKind.EMAIL, (row.get("email") or "").lower()),
            (IdentityKind.PHONE, row.get("phone")),
        ):
            if value:
                key = suppression_hash(kind, value, source=intake.source)
                made[kind, key] = Suppression(
                    kind=kind.value,
                    key_hash=key,
                    reason=(row.get("reason") or "")[:200],
                    source=intake.source,
                    load=intake.pk,
                )
    was = Suppression.objects.count()
    Suppression.objects.bulk_create(made.values(), ignore_conflicts=True, batch_size=IN_LIST)
    numbers = sorted({row["who"] for row in rows if row.get("who")})
    known = sum(
        Identity.objects.filter(kind=IdentityKind.EXTERNAL.value, source=intake.source, normal__in=some).count()
        for some in _slices(numbers)
    )
    # A number means nothing without its source: one that nobody has may have been meant for another --source.
    return {"recorded": Suppression.objects.count() - was, "numbers_nobody_has": len(numbers) - known}


def _relationships(parties: Iterable[int], brand: Brand) -> dict[int, int]:
    pairs: dict[int, int] = {}
    for some in _slices(sorted(parties)):
        pairs.update(Relationship.objects.filter(brand=brand, party_id__in=some).values_list("party_id", "id"))
    return pairs


def _slices(items: list[Any]) -> Iterable[list[Any]]:
    return (items[start : start + IN_LIST] for start in range(0, len(items), IN_LIST))


def _constant(value: Any, n: int, kind: pa.DataType | None = None) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(value, kind) if kind is not None else pa.scalar(value), n)
