"""The cast in the books: Ana stays, Ben left last week, Cleo left a year ago and consents, Dov said never again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Consent,
    Episode,
    Identity,
    Party,
    Relationship,
    Suppression,
    Task,
    suppression_hash,
)
from rekindle.relationships.vocabulary import (
    Basis,
    Channel,
    Commercial,
    Contact,
    IdentityKind,
    Stage,
    Suggestion,
    TaskState,
    TouchClass,
)

TODAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
_numbers = count(1)


def brand(**fields: object) -> Brand:
    """The one business of the tests."""
    found = Brand.objects.first()
    return found or Brand.objects.create(
        **{"name": "Oak Street Gym", "slug": "oak", "currency": "EUR", "pulse": "visit", "region": "GB", **fields}
    )


def staff(role: Role = Role.AGENT, *, name: str = "Dana Frey", **fields: object) -> User:
    return User.objects.create_user(f"staff{next(_numbers)}@example.org", name=name, role=role.value, **fields)


def person(
    name: str = "Ana Weber",
    *,
    stage: Stage = Stage.ONGOING,
    email: str = "",
    phone: str = "",
    number: str = "",
    commercial: Commercial = Commercial.LIVE,
    contact: Contact = Contact.OPEN,
    since: date | None = date(2024, 1, 8),
    owner: User | None = None,
    **fields: object,
) -> Relationship:
    """One person with a relationship, and the identities given."""
    party = Party.objects.create(name=name, **fields)
    for kind, value, source in (
        (IdentityKind.EMAIL, email, ""),
        (IdentityKind.PHONE, phone, ""),
        (IdentityKind.EXTERNAL, number, "till"),
    ):
        if value:
            Identity.objects.create(party=party, kind=kind.value, source=source, value=value, normal=value)
    return Relationship.objects.create(
        party=party,
        brand=brand(),
        stage=stage.value,
        stage_since=since,
        commercial=commercial.value,
        contact=contact.value,
        life=1 if since else 0,
        owner=owner,
    )


def ended(relationship: Relationship, *, on: date, quiet_days: int = 90, **fields: object) -> Breakup:
    """A recorded end, with its cooling-off counted from the start of the day after."""
    start = datetime.combine(on, datetime.min.time(), tzinfo=UTC)
    return Breakup.objects.create(
        relationship=relationship, ended_on=on, quiet_until=start + timedelta(days=quiet_days), **fields
    )


def consents(
    relationship: Relationship,
    *,
    channel: Channel = Channel.EMAIL,
    purpose: TouchClass = TouchClass.RELATIONSHIP,
    basis: Basis = Basis.CONSENT,
    obtained: datetime = datetime(2023, 1, 1, tzinfo=UTC),
    **fields: object,
) -> Consent:
    return Consent.objects.create(
        party=relationship.party,
        channel=channel.value,
        purpose=purpose.value,
        basis=basis.value,
        obtained_at=obtained,
        **fields,
    )


def suppressed(value: str, *, kind: IdentityKind = IdentityKind.EMAIL, source: str = "") -> Suppression:
    return Suppression.objects.create(kind=kind.value, key_hash=suppression_hash(kind, value, source=source))


def task(relationship: Relationship, **fields: object) -> Task:
    return Task.objects.create(
        **{
            "relationship": relationship,
            "suggestion": Suggestion.CHECK_IN.value,
            "touch_class": TouchClass.SERVICE.value,
            "channel": Channel.CALL.value,
            "why_now": ["usually every 6 days, now silent for 19 days"],
            "opening_line": "It has been a while; is everything all right?",
            "value_at_stake_minor": 41_200,
            "currency": "EUR",
            "rank": 1,
            "made_on": TODAY,
            "due_on": TODAY,
            "state": TaskState.OPEN.value,
            **fields,
        }
    )


@dataclass(frozen=True)
class Cast:
    ana: Relationship
    ben: Relationship
    cleo: Relationship
    dov: Relationship


def cast() -> Cast:
    """All four, as they stand on TODAY."""
    ana = person("Ana Weber", email="ana@example.org", phone="+447700900001", number="00017")
    ben = person(
        "Ben Okafor", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET,
        email="ben@example.org", phone="+447700900002", number="00018", since=date(2026, 3, 5),
    )  # fmt: skip
    ended(ben, on=date(2026, 3, 5), stated_reason="money")
    cleo = person(
        "Cleo Marchetti", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, contact=Contact.STEADY,
        email="cleo@example.org", number="00019", since=date(2025, 6, 10),
    )  # fmt: skip
    ended(cleo, on=date(2025, 3, 10))
    consents(cleo)
    dov = person(
        "Dov Lindqvist", stage=Stage.CLOSED, commercial=Commercial.ENDED, contact=Contact.SILENT,
        email="dov@example.org", number="00020", since=date(2025, 1, 2),
    )  # fmt: skip
    suppressed("dov@example.org")
    for relationship, over in (
        (ana, None),
        (ben, date(2026, 3, 5)),
        (cleo, date(2025, 3, 10)),
        (dov, date(2025, 1, 2)),
    ):
        Episode.objects.create(
            relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=over or date(2026, 3, 9),
            pulses=80, ended_on=over,
        )  # fmt: skip
    return Cast(ana, ben, cleo, dov)
