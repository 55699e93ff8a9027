"""May we touch this person this way, now; and if not, which rule says so and when does it change?

1. gather the facts the rules want from the books (`contact_facts`): the very facts the night gathers for everybody;
2. ask `decide.eligibility.check`, the very function the night asks for everybody;
3. say the answer in words.

Reading only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.utils import timezone

from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.relationships.models import Brand, Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows.contact_facts import facts

__all__ = ["Answer", "ask", "business_zone", "day_of", "facts", "why_not"]


@dataclass(frozen=True)
class Answer:
    """Whether a touch is allowed; else the first rule that refused, when it changes by itself (None: never, or
    nobody knows), and one sentence."""

    allowed: bool
    rule: Rule
    until: datetime | None
    text: str

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line."""
        return {
            "allowed": self.allowed,
            "rule": self.rule.value,
            "until": self.until.isoformat() if self.until else None,
            "text": self.text,
        }


def why_not(party: Party, *, touch_class: TouchClass, channel: Channel, at: datetime | None = None) -> Answer:
    """Ask the rules about one touch of one person, at an instant with a time zone; None is now."""
    at = at or timezone.now()
    gathered, zone = facts([party.pk], at=at), business_zone()
    return ask(gathered, touch_class=touch_class, channel=channel, at=at, zone=zone, hour=True)


def ask(
    gathered: eligibility.Facts,
    *,
    touch_class: TouchClass,
    channel: Channel,
    at: datetime,
    zone: ZoneInfo,
    hour: bool = False,
) -> Answer:
    """The rules' answer about the first person of the facts; so one gathering answers many questions.

    zone  the business's, in which the day of a change is told
    hour  whether the hour of the day counts: who looks at what stands asks without it, who is about to reach out with
    """
    verdict = eligibility.check(gathered, touch_class=touch_class, channel=channel, at=at, hour=hour)
    return _in_words(verdict, 0, touch_class=touch_class, channel=channel, zone=zone)


def ask_all(
    gathered: eligibility.Facts, *, touch_class: TouchClass, channel: Channel, at: datetime, zone: ZoneInfo
) -> list[Answer]:
    """The rules' answer about everybody of the facts, in their order, the hour of the day included."""
    verdict = eligibility.check(gathered, touch_class=touch_class, channel=channel, at=at, hour=True)
    answers = [
        _in_words(verdict, n, touch_class=touch_class, channel=channel, zone=zone) for n in range(len(verdict.rule))
    ]
    return [
        replace(answer, text=f"{answer.text} {gathered.people['unfit'][n].as_py()}")
        if answer.rule is Rule.UNFIT
        else answer
        for n, answer in enumerate(answers)
    ]


def _in_words(
    verdict: eligibility.Verdict, n: int, *, touch_class: TouchClass, channel: Channel, zone: ZoneInfo
) -> Answer:
    rule = RULES[int(verdict.rule[n])]
    until, ground_until = _instant(verdict.until[n]), _instant(verdict.ground_until[n])
    told = day_of(until, zone=zone) if until else ""
    if until and rule is Rule.QUIET_HOURS:
        told += f", {until.astimezone(zone):%H:%M}"
    text = eligibility.refusal_text(rule, touch_class=touch_class, channel=channel, until=told)
    if ground_until:
        text += f" The ground for it holds until {day_of(ground_until, zone=zone)}."
    return Answer(bool(verdict.allowed[n]), rule, until, text)


def _instant(value: np.datetime64) -> datetime | None:
    found = value.item()
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else None


def business_zone() -> ZoneInfo:
    """The business's own time zone; UTC before one is set up."""
    return ZoneInfo(Brand.objects.order_by("id").values_list("time_zone", flat=True).first() or "UTC")


def day_of(instant: datetime, *, zone: ZoneInfo) -> str:
    """The day of an instant as people write it, in a time zone: 3 May 2026."""
    day = instant.astimezone(zone)
    return f"{day.day} {day:%B %Y}"
