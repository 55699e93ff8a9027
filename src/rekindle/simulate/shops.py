"""A shop without contracts, with known truth, by the million: for benches and for tests that recover parameters.

Every customer buys on the day of joining, then at the own rate, and after every repeat purchase leaves for good with
the own chance (the BG/NBD story; money per purchase follows the Gamma-Gamma story). Visits fall between purchases.
Made in blocks of people, each from its own seed, so that memory does not grow with the number of people.

    rate ~ Gamma(r, alpha)          purchases a day, mean r / alpha
    dropout ~ Beta(a, b)            chance to leave after a repeat purchase
    amount ~ Gamma(p, nu), nu ~ Gamma(q, v)      units of money, mean over people p v / (q - 1)
Source: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way"; Fader & Hardie (2013), "The Gamma-Gamma
Model of Monetary Value".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import EventKind

# People at a time; with fifty events each a block is about a million rows and 100 MB at its widest.
BLOCK = 16_384
DAY_SECONDS = 86_400

SCHEMA = pa.schema(
    [
        ("member", pa.int64()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("kind", pa.string()),
        ("amount_minor", pa.int64()),
        ("currency", pa.string()),
    ]
)
TRUTH_SCHEMA = pa.schema(
    [
        ("member", pa.int64()),
        ("joined_at", pa.timestamp("us", tz="UTC")),
        ("rate_per_day", pa.float64()),
        ("dropout", pa.float64()),
        ("purchases", pa.int64()),
        ("gone_at", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True)
class Custom:
    """The parameters behind a shop; times in days, money in units of `currency`.

    The defaults give about eight purchases a person over two years; p, q, v are the values that the Gamma-Gamma
    paper finds for CDNOW. People join evenly over the first `joining_share` of the window.
    """

    r: float = 1.2
    alpha: float = 28.0
    a: float = 0.6
    b: float = 6.0
    p: float = 6.25
    q: float = 3.74
    v: float = 15.45
    currency: str = "EUR"
    joining_share: float = 0.9
    opened: date = field(default=date(2024, 1, 1))


@dataclass(frozen=True)
class _Customers:
    """A block of customers: truth (n,) and their purchases, ordered by person and time, in seconds after opening."""

    joined: NDArray[np.int64]
    rate: NDArray[np.float64]
    dropout: NDArray[np.float64]
    owner: NDArray[np.int64]
    bought: NDArray[np.int64]
    left: NDArray[np.bool_]


def shop(
    people: int, *, days: int, seed: int, visits_per_purchase: float, custom: Custom | None = None
) -> pa.RecordBatchReader:
    """All events of `people` customers over `days` days, one batch a block of people, by member and time in each.

    `visits_per_purchase` is the mean number of visit events that come before a purchase; 0 gives purchases only.
    Visits carry no money. Members are numbered from 1. Raises BadInput where an argument makes no shop.
    """
    known = _checked(people, days=days, seed=seed, visits_per_purchase=visits_per_purchase, custom=custom)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, people, BLOCK):
            rng = np.random.default_rng([seed, start])
            block = _customers(min(BLOCK, people - start), days=days, custom=known, rng=rng)
            yield _events(block, first_member=start + 1, visits=visits_per_purchase, custom=known, rng=rng)

    return pa.RecordBatchReader.from_batches(SCHEMA, batches())


def shop_truth(people: int, *, days: int, seed: int, custom: Custom | None = None) -> pa.RecordBatchReader:
    """The hidden truth of the same shop, one row a customer.

    `purchases` counts the first one too; `gone_at` is the last purchase of those who left inside the window, null
    for those who are still customers.
    """
    known = _checked(people, days=days, seed=seed, visits_per_purchase=0.0, custom=custom)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, people, BLOCK):
            rng = np.random.default_rng([seed, start])
            block = _customers(min(BLOCK, people - start), days=days, custom=known, rng=rng)
            yield _truth(block, first_member=start + 1, custom=known)

    return pa.RecordBatchReader.from_batches(TRUTH_SCHEMA, batches())


def _checked(people: int, *, days: int, seed: int, visits_per_purchase: float, custom: Custom | None) -> Custom:
    if people < 1 or seed < 0:
        raise BadInput(f"a shop of {people} people with seed {seed}", remedy="Ask for at least one and a seed >= 0.")
    if not 1 <= days <= 36_500:
        raise BadInput(f"a shop open for {days} days", where="days", remedy="Ask for 1 to 36,500.")
    if not 0.0 <= visits_per_purchase <= 1000.0:
        raise BadInput(
            f"{visits_per_purchase} visits a purchase", where="visits_per_purchase", remedy="Ask for 0 to 1,000."
        )
    return custom or Custom()


def _customers(n: int, *, days: int, custom: Custom, rng: np.random.Generator) -> _Customers:
    """n customers and all their purchases inside the window."""
    end = days * DAY_SECONDS
    rate = rng.gamma(custom.r, 1.0 / custom.alpha, n)
    dropout = rng.beta(custom.a, custom.b, n)
    joined = (rng.random(n) * custom.joining_share * end).astype(np.int64)
    # A Poisson process given its count is that many uniform draws in order; the first `lasts` of them happen.
    count = rng.poisson(rate * (end - joined) / DAY_SECONDS)
    lasts = rng.geometric(np.maximum(dropout, 1e-9))
    owner = np.repeat(np.arange(n), count)
    when = joined[owner] + 1 + (rng.random(len(owner)) * (end - joined[owner] - 1)).astype(np.int64)
    ordered = np.sort((owner << 40) | when)
    when = ordered & ((1 << 40) - 1)
    place = np.arange(len(owner)) - (np.cumsum(count) - count)[owner]
    happens = place < lasts[owner]
    keys = np.concatenate([(np.arange(n) << 40) | joined, ordered[happens]])
    keys.sort()
    return _Customers(joined, rate, dropout, keys >> 40, keys & ((1 << 40) - 1), lasts <= count)


def _events(
    block: _Customers, *, first_member: int, visits: float, custom: Custom, rng: np.random.Generator
) -> pa.RecordBatch:
    """Purchases and the visits before them, by member and time."""
    owner, bought = block.owner, block.bought
    first = np.ones(len(owner), dtype=np.bool_)
    first[1:] = owner[1:] != owner[:-1]
    before = np.where(first, np.maximum(bought - 7 * DAY_SECONDS, 0), np.roll(bought, 1))
    seen = np.repeat(np.arange(len(owner)), rng.poisson(visits, len(owner)))
    seen_at = before[seen] + (rng.random(len(seen)) * (bought - before)[seen]).astype(np.int64)
    # One key holds person, second and kind: sorting plain int64 is many times faster than ordering by three columns.
    keys = np.concatenate([(owner << 41) | (bought << 1) | 1, (owner[seen] << 41) | (seen_at << 1)])
    keys.sort()
    member, is_purchase = keys >> 41, (keys & 1).astype(np.bool_)
    nu = rng.gamma(custom.q, 1.0 / custom.v, len(block.rate))
    paid = np.zeros(len(keys), dtype=np.int64)
    buyers = member[is_purchase]
    paid[is_purchase] = np.rint(100.0 * rng.standard_gamma(custom.p, len(buyers)) / nu[buyers]).astype(np.int64)
    kinds = pa.array([EventKind.VISIT.value, EventKind.PURCHASE.value])
    currency = pa.array([None, custom.currency], pa.string())
    flag = pa.array(is_purchase.astype(np.int8))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(member + first_member),
            _instants((keys & ((1 << 41) - 1)) >> 1, custom=custom),
            kinds.take(flag),
            pa.array(paid, mask=~is_purchase),
            currency.take(flag),
        ],
        schema=SCHEMA,
    )


def _truth(block: _Customers, *, first_member: int, custom: Custom) -> pa.RecordBatch:
    n = len(block.rate)
    purchases = np.bincount(block.owner, minlength=n)
    last = block.bought[np.cumsum(purchases) - 1]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.arange(n) + first_member),
            _instants(block.joined, custom=custom),
            pa.array(block.rate),
            pa.array(block.dropout),
            pa.array(purchases),
            _instants(last, custom=custom, unknown=~block.left),
        ],
        schema=TRUTH_SCHEMA,
    )


def _instants(
    seconds: NDArray[np.int64], *, custom: Custom, unknown: NDArray[np.bool_] | None = None
) -> pa.TimestampArray:
    """Seconds after the opening as UTC instants; null where unknown."""
    opened = int(np.datetime64(custom.opened, "s").astype(np.int64))
    return pa.array((opened + seconds) * 1_000_000, mask=unknown).cast(pa.timestamp("us", tz="UTC"))
