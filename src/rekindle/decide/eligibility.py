"""May this person be contacted, by this road, for this purpose, at this instant? The rules, once, in order.

The same function answers a million people at planning and one person inside the transaction that sends. The first
rule that refuses wins. Default deny: a fact that is not known refuses; only what is known to be allowed is allowed.

    1 identity      the road needs an address, a number or a handle, and none is known
    2 suppressed    on the never-again list: beats everything, every class, every road
    3 closed        the party is closed or has died
    4 objected      consent withdrawn, or objection, for this road and purpose; or they named a day to wait for
    5 no basis      no ground that holds at this instant under the law where the person is (`law`)
    6 quiet         the cooling-off is not over, or only answers are welcome (service they wait for passes)
    7 want-back     it is over and nobody decided that we would like them back
    8 owed first    an open case, or a promise not made good, goes before cards and offers
    9 holdout       left alone so that effects can be measured
   10 do not wake   on the list of those whom a touch is likelier to lose
   11 pressure      enough touches, or too little rest since the last (`pressure`)
   12 hour          not an hour to disturb anybody where the person is (`quiet_hours`): a delay
   13 content       a written message lacks something, or sells where nothing is to be sold
   14 twice         the same was said to them before, or they heard from us today

Transactional and legal touches are owed and pass all but 1, 2 and what their words lack. 13 and 14 ask about a message
that is written; a plan has none yet. By which key it is handed over once is the outbox's question; capacity lives in
`budget`. The rules are in
`gate_rules`, what they look at in `gate_facts`. This is not legal advice: the grounds are data of the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rekindle.decide import gate_rules
from rekindle.decide.gate_facts import CONSENTS, PEOPLE, TOUCHES, Facts, gather, instant
from rekindle.decide.gate_rules import ALWAYS, IDENTITY, RULES, Asked, Rule
from rekindle.decide.law import Law, law
from rekindle.relationships.vocabulary import Channel, TouchClass

__all__ = [
    "ALWAYS",
    "CONSENTS",
    "IDENTITY",
    "PEOPLE",
    "RULES",
    "TOUCHES",
    "Facts",
    "Rule",
    "Verdict",
    "check",
    "gather",
    "instant",
    "refusal_text",
]

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Instants = NDArray[np.datetime64]


@dataclass(frozen=True)
class Verdict:
    """allowed bool (n,) · rule int8 (n,) codes of RULES, the first that refused · until datetime64[us] UTC (n,),
    the instant that rule changes by itself, NaT when it never does or nobody knows · ground_until likewise, where
    allowed: when the ground it rests on runs out, NaT when it does not or needs none."""

    allowed: Bools
    rule: Codes
    until: Instants
    ground_until: Instants


def check(
    facts: Facts,
    *,
    touch_class: TouchClass,
    channel: Channel,
    at: datetime,
    hour: bool = True,
    by_law: Law | None = None,
) -> Verdict:
    """Whether each person may be contacted so, for this, at that instant; the first refusal and when it changes.

    at      an instant with a time zone; the border is exact: at `cooling_until` the quiet is over, at `expires_at` a
            ground is gone
    hour    whether the hour of the day counts; a plan made at night for the day asks without it, a send never does
    by_law  None: the law of the packs
    Gives one row a person, in the order of facts.people.
    Raises BadInput for an instant without a time zone.
    """
    asked = Asked(facts, by_law or law(), touch_class, channel, at, instant(at), hour)
    rule, until = gate_rules.answer(asked, steps=gate_rules.STEPS)
    allowed = rule == RULES.index(Rule.ALLOWED)
    ground_until = np.full(len(rule), np.datetime64("NaT", "us"))
    if touch_class not in ALWAYS:
        ground_until[allowed] = asked.said.until[allowed]
    return Verdict(allowed, rule, until, ground_until)


def refusal_text(rule: Rule, *, touch_class: TouchClass, channel: Channel, until: str = "") -> str:
    """The rule in one sentence; `until` is the date as people read it, empty where the rule does not change."""
    identity = IDENTITY[channel]
    return rule.label.format(
        channel=channel.label,
        touch_class=touch_class.label,
        identity=identity[1] if identity else "address",
        until=f", until {until}" if until else "",
    )
