"""The rules of contact, one function each, in the order in which they are asked.

`RULES` names every answer, `STEPS` is the table of rules: `eligibility.check` asks them from the top and the first
that refuses wins. A rule that would protect and lacks its fact refuses under its twin, `..._unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rekindle.decide import pressure, quiet_hours
from rekindle.decide.gate_facts import Facts, Known, never
from rekindle.decide.law import Law
from rekindle.decide.said import Said, said
from rekindle.relationships.vocabulary import Channel, TouchClass, WantBack
from rekindle.words import Word

Bools = NDArray[np.bool_]
Instants = NDArray[np.datetime64]


class Rule(Word):
    """Why not. The order is the order in which the rules are asked; ALLOWED is the answer when none refuses."""

    ALLOWED = "allowed", "Nothing stands against it."
    IDENTITY_MISSING = "identity_missing", "There is no {identity} for a touch by {channel}."
    SUPPRESSED = "suppressed", "Asked never to be contacted again; that holds on every road."
    SUPPRESSION_UNKNOWN = "suppression_unknown", "It is not known whether the never-again list has been asked."
    CLOSED_OR_DECEASED = "closed_or_deceased", "Closed for good, or no longer living."
    STANDING_UNKNOWN = "standing_unknown", "It is not known whether the person is closed or has died."
    OBJECTED = "objected", "Said no to {touch_class} touches by {channel}."
    OBJECTION_UNKNOWN = "objection_unknown", "It is not known whether the person said no; no consents were read."
    ASKED_LATER = "asked_later", "Asked us to wait{until}."
    NO_BASIS = "no_basis", "There is no valid ground for a {touch_class} touch by {channel}."
    COOLING_OFF = "cooling_off", "In the quiet time after the end{until}."
    COOLING_OFF_UNKNOWN = "cooling_off_unknown", "It is not known whether the quiet time is over."
    REPLY_ONLY = "reply_only", "Only answers to what they write themselves."
    WANT_BACK = "want_back", "It is over, and nobody has decided that we would like them back."
    WANT_BACK_UNKNOWN = "want_back_unknown", "It is not known whether it is over."
    OPEN_CASE = "open_case", "A case of theirs is open; it comes first."
    MEND_OPEN = "mend_open", "Something we promised is still owed; it comes first."
    CASE_UNKNOWN = "case_unknown", "It is not known whether a case is open or something is still owed."
    HOLDOUT = "holdout", "In the group that is left alone, so that we learn what touches do."
    DO_NOT_WAKE = "do_not_wake", "Best left in peace{until}: a touch is likelier to end it than to help."
    TOUCH_CAP = "touch_cap", "There have been as many touches as we allow ourselves{until}."
    TOUCH_GAP = "touch_gap", "The last touch was not long ago; they have a rest{until}."
    TOUCHES_UNKNOWN = "touches_unknown", "It is not known when the last touch was."
    QUIET_HOURS = "quiet_hours", "It is not an hour to disturb anybody where they are; wait{until}."
    HOUR_UNKNOWN = "hour_unknown", "It is not known what hour it is where they are."
    UNFIT = "unfit", "The message is not fit to be sent as it is."
    SAID_BEFORE = "said_before", "The same was said to them before."
    WRITTEN_TODAY = "written_today", "They heard from us today already; wait{until}."


RULES: Final[tuple[Rule, ...]] = tuple(Rule)
"""A rule's code in a column is its place here; a higher code was refused later, so came closer."""

IDENTITY: Final[Mapping[Channel, tuple[str, str] | None]] = {
    Channel.EMAIL: ("has_email", "e-mail address"),
    Channel.SMS: ("has_phone", "phone number"),
    Channel.CALL: ("has_phone", "phone number"),
    Channel.LETTER: ("has_address", "postal address"),
    Channel.SOCIAL: ("has_handle", "social account"),
    Channel.IN_PERSON: None,
}
"""Which column says that the road can be taken, and how people call what is missing; None: nothing is needed."""

ALWAYS: Final = pressure.OWED
"""An invoice or a legal notice is owed, whatever the terms; only the never-again list stops it."""
OFFERING: Final = pressure.MARKETING
"""What we send because we would like to: cards, news, asks and offers."""
OF_OUR_OWN: Final = OFFERING | {TouchClass.RESEARCH}
"""Everything that starts with us and that nobody is owed."""
FOR_FRIENDS: Final = frozenset({TouchClass.RELATIONSHIP, TouchClass.CONTENT})
"""What somebody who was placed on a steady, low cadence may have without a decision to want them back."""


@dataclass(frozen=True)
class Asked:
    """One question about many people. `hour` False: what a plan asks, to which the hour of the day does not matter."""

    facts: Facts
    law: Law
    touch_class: TouchClass
    channel: Channel
    at: datetime
    now: np.datetime64
    hour: bool

    @cached_property
    def people(self) -> Known:
        return Known(self.facts.people)

    @cached_property
    def said(self) -> Said:
        return said(
            self.facts,
            people=self.people,
            law=self.law,
            touch_class=self.touch_class,
            channel=self.channel,
            now=self.now,
        )

    @cached_property
    def on_case(self) -> Bools:
        """Service that they wait for: on an open case, or in answer to what they wrote."""
        if self.touch_class is not TouchClass.SERVICE:
            return self.people.nobody
        return self.people.yes("open_case") | self.people.yes("own_thread")

    def of(self, classes: frozenset[TouchClass]) -> Bools:
        """Everybody where the touch is of these classes, else nobody."""
        return self.people.everybody if self.touch_class in classes else self.people.nobody


Answered = tuple[Bools, Instants | None]
"""(who is refused, when that changes by itself; None: for nobody, as far as anybody knows)."""


def identity_missing(asked: Asked) -> Answered:
    needed = IDENTITY[asked.channel]
    return (~asked.people.yes(needed[0]) if needed else asked.people.nobody), None


def suppressed(asked: Asked) -> Answered:
    return asked.people.yes("suppressed"), None


def suppression_unknown(asked: Asked) -> Answered:
    return asked.people.unknown("suppressed"), None


def closed_or_deceased(asked: Asked) -> Answered:
    return asked.people.yes("closed") | asked.people.yes("deceased"), None


def standing_unknown(asked: Asked) -> Answered:
    return asked.people.unknown("closed") | asked.people.unknown("deceased"), None


def objected(asked: Asked) -> Answered:
    return asked.said.refused, None


def objection_unknown(asked: Asked) -> Answered:
    return (asked.people.everybody if asked.facts.consents is None else asked.people.nobody), None


def asked_later(asked: Asked) -> Answered:
    until = asked.people.instants("asked_until")
    # NaT compares False: a day that cannot be read has not come.
    return asked.of(OF_OUR_OWN) & asked.people.yes("asked_later") & ~(asked.now >= until), until


def no_basis(asked: Asked) -> Answered:
    return ~asked.said.granted, None


def cooling_off(asked: Asked) -> Answered:
    until = asked.people.instants("cooling_until")
    # NaT compares False: a quiet time without an end is not over.
    return asked.people.yes("cooling_off") & ~(asked.now >= until) & ~asked.on_case, until


def cooling_off_unknown(asked: Asked) -> Answered:
    return asked.people.unknown("cooling_off") & ~asked.on_case, None


def reply_only(asked: Asked) -> Answered:
    quiet = asked.people.yes("reply_only") | asked.people.unknown("reply_only")
    return quiet & ~asked.on_case, None


def want_back(asked: Asked) -> Answered:
    wanted = asked.people.is_one_of("want_back", WantBack.YES.value, WantBack.MAYBE.value)
    friendly = asked.people.yes("old_friend") & asked.of(FOR_FRIENDS)
    return asked.of(OF_OUR_OWN) & asked.people.yes("over") & ~wanted & ~friendly, None


def want_back_unknown(asked: Asked) -> Answered:
    return asked.of(OF_OUR_OWN) & asked.people.unknown("over"), None


def open_case(asked: Asked) -> Answered:
    return asked.of(OFFERING) & asked.people.yes("open_case"), None


def mend_open(asked: Asked) -> Answered:
    return asked.of(OFFERING) & asked.people.yes("mend_open"), None


def case_unknown(asked: Asked) -> Answered:
    return asked.of(OFFERING) & (asked.people.unknown("open_case") | asked.people.unknown("mend_open")), None


def holdout(asked: Asked) -> Answered:
    return asked.of(OF_OUR_OWN) & _listed(asked, "holdout"), None


def do_not_wake(asked: Asked) -> Answered:
    if asked.channel is Channel.IN_PERSON:  # who stands before us is awake
        return asked.people.nobody, None
    until = asked.people.instants("do_not_wake_until")
    return asked.of(OF_OUR_OWN) & _listed(asked, "do_not_wake") & ~(asked.now >= until), until


def _listed(asked: Asked, name: str) -> Bools:
    """On a list that a study keeps: without the column there is no such list; a null in it is not known, and counts."""
    if not asked.people.has(name):
        return asked.people.nobody
    return asked.people.yes(name) | asked.people.unknown(name)


def touch_cap(asked: Asked) -> Answered:
    return pressure.capped(
        asked.facts, people=asked.people, touch_class=asked.touch_class, channel=asked.channel, now=asked.now
    )


def touch_gap(asked: Asked) -> Answered:
    near, until = pressure.rests(asked.facts, people=asked.people, now=asked.now)
    return near & ~asked.on_case, until


def touches_unknown(asked: Asked) -> Answered:
    return (asked.people.everybody if asked.facts.touches is None else asked.people.nobody) & ~asked.on_case, None


def hour_of_day(asked: Asked) -> Answered:
    if not asked.hour:
        return asked.people.nobody, None
    asleep, _, until = quiet_hours.refused(asked.facts, people=asked.people, channel=asked.channel, at=asked.at)
    return asleep, until


def hour_unknown(asked: Asked) -> Answered:
    if not asked.hour:
        return asked.people.nobody, None
    return quiet_hours.refused(asked.facts, people=asked.people, channel=asked.channel, at=asked.at)[1], None


def unfit(asked: Asked) -> Answered:
    return asked.people.filled("unfit"), None


def said_before(asked: Asked) -> Answered:
    return asked.people.yes("said_before"), None


def written_today(asked: Asked) -> Answered:
    return asked.people.yes("written_today") & ~asked.on_case, asked.people.instants("next_day")


@dataclass(frozen=True)
class Step:
    """One rule: its name, the function that says whom it refuses, and whether it holds for what is owed too."""

    rule: Rule
    asks: Callable[[Asked], Answered]
    binds_owed: bool = False


STEPS: Final[tuple[Step, ...]] = (
    Step(Rule.IDENTITY_MISSING, identity_missing, binds_owed=True),
    Step(Rule.SUPPRESSED, suppressed, binds_owed=True),
    Step(Rule.SUPPRESSION_UNKNOWN, suppression_unknown, binds_owed=True),
    Step(Rule.CLOSED_OR_DECEASED, closed_or_deceased),
    Step(Rule.STANDING_UNKNOWN, standing_unknown),
    Step(Rule.OBJECTED, objected),
    Step(Rule.OBJECTION_UNKNOWN, objection_unknown),
    Step(Rule.ASKED_LATER, asked_later),
    Step(Rule.NO_BASIS, no_basis),
    Step(Rule.COOLING_OFF, cooling_off),
    Step(Rule.COOLING_OFF_UNKNOWN, cooling_off_unknown),
    Step(Rule.REPLY_ONLY, reply_only),
    Step(Rule.WANT_BACK, want_back),
    Step(Rule.WANT_BACK_UNKNOWN, want_back_unknown),
    Step(Rule.OPEN_CASE, open_case),
    Step(Rule.MEND_OPEN, mend_open),
    Step(Rule.CASE_UNKNOWN, case_unknown),
    Step(Rule.HOLDOUT, holdout),
    Step(Rule.DO_NOT_WAKE, do_not_wake),
    Step(Rule.TOUCH_CAP, touch_cap),
    Step(Rule.TOUCH_GAP, touch_gap),
    Step(Rule.TOUCHES_UNKNOWN, touches_unknown),
    Step(Rule.QUIET_HOURS, hour_of_day),
    Step(Rule.HOUR_UNKNOWN, hour_unknown),
    Step(Rule.UNFIT, unfit, binds_owed=True),
    Step(Rule.SAID_BEFORE, said_before),
    Step(Rule.WRITTEN_TODAY, written_today),
)


def answer(asked: Asked, *, steps: tuple[Step, ...]) -> tuple[NDArray[np.int8], Instants]:
    """(rule int8 (n,), the code of the first rule that refuses; until (n,), when that one changes by itself)."""
    n = len(asked.people)
    rule, until = np.zeros(n, dtype=np.int8), never(n)
    for step in steps:
        if asked.touch_class in ALWAYS and not step.binds_owed:
            continue
        refused, changes = step.asks(asked)
        first = refused & (rule == 0)
        rule[first] = RULES.index(step.rule)
        if changes is not None:
            until[first] = changes[first]
    return rule, until
