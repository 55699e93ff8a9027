"""Money and words of the simulated gym: payments, failed payments, refunds, the shop at the desk, complaints.

Amounts are int64 in cents; a refund is negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rekindle.relationships.vocabulary import Channel, EventKind
from rekindle.simulate.lives import LIVES, Lives
from rekindle.simulate.people import CARD, PLANS, PRICE_RISES_AT, Bools, Ints, People
from rekindle.simulate.window import NEVER, Window
from rekindle.simulate.words import SHOP, TOPICS

KINDS = (
    EventKind.VISIT,
    EventKind.PAYMENT,
    EventKind.PAYMENT_FAILED,
    EventKind.COMPLAINT,
    EventKind.REFUND,
    EventKind.PURCHASE,
)
VISIT, PAYMENT, FAILED, COMPLAINT, REFUND, PURCHASE = range(6)

CHANNELS = (Channel.IN_PERSON.value, Channel.EMAIL.value, Channel.CALL.value, "direct_debit", "card", "bank_transfer")
IN_PERSON, EMAIL, CALL, DIRECT_DEBIT, BY_CARD, BANK = range(6)

COMPLAINT_WORDS = tuple(words for topic in TOPICS for words in topic.words)
NOTES = (
    "",
    "membership fee",
    "ten-visit card",
    "joining fee",
    "account not covered",
    "card expired",
    "money back after a complaint",
    *(what for what, _ in SHOP),
    *COMPLAINT_WORDS,
)
NO_NOTE, FEE, TEN_VISITS, JOINING, NOT_COVERED, EXPIRED, MONEY_BACK = range(7)
FIRST_SHOP = 7
FIRST_COMPLAINT = FIRST_SHOP + len(SHOP)

JOINING_FEE_MINOR = 1900
# One direct debit in eighty bounces; most are collected within ten days. Our choice.
BOUNCES, COLLECTED = 0.0125, 0.85
SHOPS_PER_VISIT = 0.035


@dataclass(frozen=True)
class Log:
    """Columns of equal length, one entry an event; kind, channel, note are indices; amount is cents if has_amount."""

    person: Ints
    day: Ints
    second: Ints
    kind: Ints
    amount: Ints
    has_amount: Bools
    channel: Ints
    note: Ints

    def __len__(self) -> int:
        return len(self.person)


def log(
    person: Ints,
    day: Ints,
    *,
    second: Ints | int,
    kind: int,
    channel: Ints | int,
    amount: Ints | int | None = None,
    note: Ints | int = NO_NOTE,
) -> Log:
    """A log of one kind of event; single values are spread over all entries."""
    n = len(person)

    def spread(value: Ints | int) -> Ints:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), (n,))

    has_amount = np.full(n, amount is not None)
    amounts = spread(0 if amount is None else amount)
    return Log(person, day, spread(second), spread(kind), amounts, has_amount, spread(channel), spread(note))


def joined(logs: list[Log]) -> Log:
    """All logs as one, ordered by time, then person, then kind."""
    columns = {name: np.concatenate([getattr(part, name) for part in logs]) for name in Log.__dataclass_fields__}
    order = np.lexsort((columns["kind"], columns["person"], columns["day"] * 86_400 + columns["second"]))
    return Log(**{name: column[order] for name, column in columns.items()})


def cut(entries: Log, keep: Bools) -> Log:
    """The entries where `keep` is true."""
    return Log(**{name: getattr(entries, name)[keep] for name in Log.__dataclass_fields__})


def price_on(people: People, person: Ints, day: Ints, *, window: Window) -> Ints:
    """What a person pays on a day, cents: the own price, plus the rise from its day on."""
    rise = np.asarray([plan.rise_minor for plan in PLANS], dtype=np.int64)[people.plan[person]]
    return people.price_minor[person] + np.where(day >= int(PRICE_RISES_AT * window.days), rise, 0)


def fees(people: People, lives: Lives, *, window: Window, rng: np.random.Generator) -> list[Log]:
    """Monthly fees, those that bounced and were collected later, and the cards that lapsed at a quiet end."""
    logs: list[Log] = []
    method = rng.choice([DIRECT_DEBIT, BY_CARD], size=len(people), p=[0.7, 0.3])
    for number in range(LIVES):
        who = np.flatnonzero((lives.began[:, number] < window.days) & (people.plan != CARD))
        began, until = lives.began[who, number], lives.paid_until[who, number]
        due = window.month_starts() + _day_of_month(began, window=window)[:, None] - 1
        inside = (due >= np.maximum(began, 0)[:, None]) & (due < window.days)
        row, column = np.nonzero(inside & (due <= until[:, None]))
        person, day = who[row], due[row, column]
        price = price_on(people, person, day, window=window)
        bounced = rng.random(len(person)) < BOUNCES
        collected = bounced & (rng.random(len(person)) < COLLECTED)
        later = day + rng.integers(4, 11, len(person))
        paid = ~bounced | (collected & (later < window.days))
        logs.append(
            log(
                person[paid],
                np.where(bounced, later, day)[paid],
                second=5 * 3600,
                kind=PAYMENT,
                channel=method[person[paid]],
                amount=price[paid],
                note=FEE,
            )
        )
        logs.append(_failed(person[bounced], day[bounced], price[bounced], method=method, note=NOT_COVERED))
        lapses = lives.lapses[who, number]
        missed = inside & lapses[:, None] & (due > until[:, None]) & (due <= until[:, None] + 31)
        row, column = np.nonzero(missed)
        for again in (0, 7, 14):
            person, day = who[row], due[row, column] + again
            here = day < window.days
            price = price_on(people, person, day, window=window)
            logs.append(_failed(person[here], day[here], price[here], method=method, note=EXPIRED))
    return logs


def _failed(person: Ints, day: Ints, price: Ints, *, method: Ints, note: int) -> Log:
    return log(person, day, second=5 * 3600 + 60, kind=FAILED, channel=method[person], amount=price, note=note)


def _day_of_month(days: Ints, *, window: Window) -> Ints:
    """Day of the month of day numbers, at most 28 so that every month has it."""
    dates = np.datetime64(window.first, "D") + days
    day = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    return np.asarray(np.minimum(day, 28), dtype=np.int64)


def joining_fees(people: People, lives: Lives, *, window: Window) -> Log:
    """Everybody who begins a first life inside the window, other than card holders, pays to join, at the desk."""
    who = np.flatnonzero((people.joined >= 0) & (people.joined < window.days) & (people.plan != CARD))
    return log(
        who,
        lives.began[who, 0],
        second=6 * 3600,
        kind=PAYMENT,
        channel=IN_PERSON,
        amount=JOINING_FEE_MINOR,
        note=JOINING,
    )


def cards(people: People, visits: Log, *, window: Window, rng: np.random.Generator) -> Log:
    """Ten-visit cards: bought at the desk on the first visit and on every tenth one after it."""
    holders = cut(visits, people.plan[visits.person] == CARD)
    order = np.lexsort((holders.day, holders.person))
    person = holders.person[order]
    first = np.searchsorted(person, person, side="left")
    used = np.where(people.joined < 0, rng.integers(0, 10, len(people)), 0)
    sale = order[(np.arange(len(person)) - first + used[person]) % 10 == 0]
    buyer, day = holders.person[sale], holders.day[sale]
    return log(
        buyer,
        day,
        second=holders.second[sale] + 60,
        kind=PAYMENT,
        channel=IN_PERSON,
        amount=price_on(people, buyer, day, window=window),
        note=TEN_VISITS,
    )


def shop(visits: Log, *, rng: np.random.Generator) -> Log:
    """Small things bought at the desk after some visits."""
    at = np.flatnonzero(rng.random(len(visits)) < SHOPS_PER_VISIT)
    weights = np.asarray([0.24, 0.22, 0.18, 0.24, 0.04, 0.04, 0.02, 0.02])
    item = rng.choice(len(SHOP), size=len(at), p=weights)
    return log(
        visits.person[at],
        visits.day[at],
        second=visits.second[at] + rng.integers(1800, 5400, len(at)),
        kind=PURCHASE,
        channel=IN_PERSON,
        amount=np.asarray([price for _, price in SHOP], dtype=np.int64)[item],
        note=FIRST_SHOP + item,
    )


def complaints(people: People, lives: Lives, *, window: Window, rng: np.random.Generator) -> list[Log]:
    """Every complaint in its own words, and the money given back after some of those that were mended."""
    told = lives.complaints
    firsts = np.cumsum([0, *(len(topic.words) for topic in TOPICS)])
    counts = np.asarray([len(topic.words) for topic in TOPICS])
    words = firsts[told.topic] + (rng.random(len(told.topic)) * counts[told.topic]).astype(np.int64)
    spoken = log(
        told.person,
        told.day,
        second=rng.integers(8 * 3600, 20 * 3600, len(told.person)),
        kind=COMPLAINT,
        channel=rng.choice([EMAIL, IN_PERSON, CALL], size=len(told.person), p=[0.5, 0.35, 0.15]),
        note=FIRST_COMPLAINT + words,
    )
    chance = np.asarray([topic.refunds for topic in TOPICS])[told.topic]
    when = told.day + rng.integers(1, 7, len(told.day))
    back = told.mended & (rng.random(len(chance)) < chance) & (when < window.days)
    person, day = told.person[back], when[back]
    half = price_on(people, person, day, window=window) // 2
    given = log(person, day, second=11 * 3600, kind=REFUND, channel=BANK, amount=-half, note=MONEY_BACK)
    return [spoken, given]


def life_of(lives: Lives, person: Ints, day: Ints) -> Ints:
    """Which life (0, 1, ...) an event of a person on a day belongs to."""
    began = lives.began[person]
    return np.asarray((day[:, None] >= np.where(began < NEVER, began, NEVER)).sum(axis=1) - 1).clip(0)
