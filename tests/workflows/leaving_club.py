"""A club whose members leave by chances that are known: the oracle of the tests of who may leave.

Each 30 days of a membership somebody gives up with chance .02, seven times as often in the period after a complaint;
and falls out through their bank with chance .008, ten times as often in the period after a failed payment. Everybody
visits about every five days and pays 40 a month; nothing else matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

DAY = date(2025, 6, 30)
CALM, CROSS = 0.02, 0.14
PAYS, BOUNCES = 0.008, 0.08
SPAN = 600


@dataclass(frozen=True)
class Club:
    """Its events and cancellations as CSV; members who are still there, those of them who just complained, and those
    who left through their bank."""

    events: str
    ends: str
    members: frozenset[str]
    cross: frozenset[str]
    bank: frozenset[str]


def club(people: int = 500, *, seed: int = 4, until: date = DAY) -> Club:
    """A club's last 600 days."""
    rng = np.random.default_rng(seed)
    first = until - timedelta(days=SPAN)
    events = ["customer,date,kind,amount,currency"]
    ends = ["customer,ended_on,reason"]
    members, cross, bank = set(), set(), set()
    for number in range(people):
        who = f"m{number:04d}"
        day = int(rng.integers(0, SPAN - 45))
        complained = bounced = False
        while True:
            chances = CROSS if complained else CALM, BOUNCES if bounced else PAYS
            toss = rng.random()
            if day + 30 > SPAN:
                members.add(who)
                if _month(events, who, first, day, SPAN - day, rng)[0]:
                    cross.add(who)
                break
            complained, bounced = _month(events, who, first, day, 30, rng)
            if toss < sum(chances):
                if toss >= chances[0]:
                    bank.add(who)
                ends.append(f"{who},{first + timedelta(days=day + 29)},told at the desk")
                break
            day += 30
    return Club("\n".join(events) + "\n", "\n".join(ends) + "\n", *map(frozenset, (members, cross, bank)))


def _month(
    events: list[str], who: str, first: date, day: int, days: int, rng: np.random.Generator
) -> tuple[bool, bool]:
    """One period's events; whether there was a complaint in it, whether a payment failed."""
    events.append(f"{who},{first + timedelta(days=day)},payment,40.00,EUR")
    events.append(f"{who},{first + timedelta(days=day)},visit,,")
    at = day + 1 + int(rng.exponential(4))
    while at < day + days:
        events.append(f"{who},{first + timedelta(days=at)},visit,,")
        at += 1 + int(rng.exponential(4))
    complains, bounces = bool(rng.random() < 0.15) and days > 2, bool(rng.random() < 0.12) and days > 2
    for happens, kind in ((complains, "complaint"), (bounces, "payment_failed")):
        if happens:
            events.append(f"{who},{first + timedelta(days=day + int(rng.integers(1, min(28, days))))},{kind},,")
    return complains, bounces
