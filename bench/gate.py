"""How fast the rules of contact answer: everybody at planning, and one person inside the transaction that sends.

    python bench/gate.py --people 1000000

First the rules alone over seeded columns of so many people (two consents and one touch each, eight countries); then
one person with everything read from the books, on SQLite in a temporary home. Prints a table; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

AT = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
ROUNDS = 200


def instants(rng: np.random.Generator, n: int, *, years: int) -> pa.Array:
    """Instants within the years before AT."""
    now = np.datetime64(AT.replace(tzinfo=None), "us")
    return pa.array(now - rng.integers(1, years * 365 * 86_400, n).astype("timedelta64[s]")).cast(
        pa.timestamp("us", tz="UTC")
    )


def crowd(n: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """People, consents and touches as the rules want them."""
    rng = np.random.default_rng(20_260_312)
    party = np.arange(1, n + 1)
    facts: dict[str, object] = {
        name: rng.random(n) < share
        for name, share in {
            "has_email": 0.9, "has_phone": 0.7, "has_address": 0.5, "has_handle": 0.1, "suppressed": 0.02,
            "closed": 0.02, "deceased": 0.002, "live": 0.6, "cooling_off": 0.1, "reply_only": 0.01, "over": 0.3,
            "old_friend": 0.1, "open_case": 0.02, "mend_open": 0.01, "holdout": 0.1, "do_not_wake": 0.02,
        }.items()
    }  # fmt: skip
    people = pa.table(
        {
            "party_id": party,
            **facts,
            "country": pa.array(np.array(["DE", "FR", "GB", "US", "CA", "AU", "IT", None]))
            .dictionary_encode()
            .take(pa.array(rng.integers(0, 8, n)))
            .cast(pa.string()),
            "time_zone": pa.nulls(n, pa.string()),
            "last_purchase": instants(rng, n, years=3),
            "last_contact": instants(rng, n, years=3),
            "ended_at": instants(rng, n, years=3),
            "cooling_until": instants(rng, n, years=1),
            "want_back": pa.array(["yes", "no", None]).take(pa.array(rng.integers(0, 3, n))),
        }
    )
    rows = 2 * n
    consents = pa.table(
        {
            "party_id": rng.integers(1, n + 1, rows),
            "channel": pa.array(["email", "sms"]).take(pa.array(rng.integers(0, 2, rows))),
            "purpose": pa.array(["relationship", "promotional"]).take(pa.array(rng.integers(0, 2, rows))),
            "basis": pa.array(["consent", "soft_opt_in", "implied_purchase"]).take(pa.array(rng.integers(0, 3, rows))),
            "given": rng.random(rows) < 0.9,
            "at": instants(rng, rows, years=4),
            "expires_at": pa.nulls(rows, pa.timestamp("us", tz="UTC")),
        }
    )
    touches = pa.table(
        {
            "party_id": rng.integers(1, n + 1, n),
            "at": instants(rng, n, years=1),
            "touch_class": pa.array(["relationship", "service"]).take(pa.array(rng.integers(0, 2, n))),
            "channel": pa.array(["letter", "email"]).take(pa.array(rng.integers(0, 2, n))),
        }
    )
    return people, consents, touches


def of_everybody(n: int) -> None:
    from rekindle.decide.eligibility import RULES, check, gather
    from rekindle.decide.law import law
    from rekindle.relationships.vocabulary import Channel, TouchClass

    people, consents, touches = crowd(n)
    begun = time.perf_counter()
    law()
    print(f"{'law read and checked':<44}{time.perf_counter() - begun:>9.3f} s")
    begun = time.perf_counter()
    facts = gather(people=people, consents=consents, touches=touches, home_zones=("Europe/London",))
    print(f"{f'gather {n:,} people':<44}{time.perf_counter() - begun:>9.3f} s")
    for touch_class, channel in (
        (TouchClass.RELATIONSHIP, Channel.EMAIL),
        (TouchClass.PROMOTIONAL, Channel.SMS),
        (TouchClass.SERVICE, Channel.CALL),
        (TouchClass.RELATIONSHIP, Channel.LETTER),
    ):
        begun = time.perf_counter()
        verdict = check(facts, touch_class=touch_class, channel=channel, at=AT)
        took = time.perf_counter() - begun
        met = len(np.unique(verdict.rule))
        what = f"check {touch_class}, {channel}"
        print(f"{what:<44}{took:>9.3f} s   {verdict.allowed.mean():.1%} allowed, {met} of {len(RULES)} answers met")


def of_one() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.db import transaction

    from rekindle.relationships.models import Brand, Consent, Identity, Party, Relationship
    from rekindle.relationships.vocabulary import Channel, Commercial, Stage, TouchClass
    from rekindle.workflows.why_not import why_not

    brand = Brand.objects.create(name="Bench", slug="bench", region="GB", time_zone="Europe/London")
    for number in range(1_000):
        party = Party.objects.create(name=f"Person {number}", country="GB")
        Identity.objects.create(
            party=party, kind="email", value=f"p{number}@example.org", normal=f"p{number}@example.org"
        )
        Relationship.objects.create(
            party=party, brand=brand, stage=Stage.ONGOING.value, commercial=Commercial.LIVE.value
        )
        Consent.objects.create(party=party, channel="email", purpose="relationship", obtained_at=AT)
    took = []
    for _ in range(ROUNDS):
        with transaction.atomic():
            begun = time.perf_counter()
            why_not(party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.EMAIL, at=AT)
            took.append(time.perf_counter() - begun)
    low, high = np.quantile(took, [0.5, 0.95])
    print(f"{'one person, read and asked (median, 95 %)':<44}{1000 * low:>9.2f} ms {1000 * high:>6.2f} ms")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--people", type=int, default=1_000_000)
    asked = told.parse_args()
    of_everybody(asked.people)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REKINDLE_HOME"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "rekindle.settings"
        of_one()


if __name__ == "__main__":
    main()
