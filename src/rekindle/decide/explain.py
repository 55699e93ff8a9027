"""Why a decision came out as it did: a code for the machine, a sentence for the reader.

Every person has a decision every night, and most decisions are to do nothing; each carries one of these reasons, so
that every silence can be asked "why not?". Amounts and dates reach this module as text: how they are written is the
reader's language, not the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rekindle.decide.worth import StakeBasis
from rekindle.errors import BadInput
from rekindle.words import Word


class Reason(Word):
    """Why this was chosen, or why nothing was. The label is the sentence, with named places for the evidence."""

    WORTH_DOING = "worth_doing", "Worth about {worth} after the time it takes ({ground})."
    CARE = "care", "What it is worth in money is not known; the stage and the signs call for it ({ground})."
    SLEEPING_WELL = "sleeping_well", "Nothing calls for a touch; best left in peace."
    TOO_LITTLE_AT_STAKE = "too_little_at_stake", "A touch would cost more than it is likely to keep."
    TOO_EARLY = "too_early", "Too early; the right time begins on {until}."
    TOUCHED_LATELY = "touched_lately", "There was a touch not long ago; rest until {until}."
    REFUSED_EVERYWHERE = "refused_everywhere", "There is something to say, but no way it may be said: {refusal}"
    NO_ROAD = "no_road", "No channel that is in use here fits what would be said."
    STAGE_AT_REST = "stage_at_rest", "In this stage there is nothing to suggest."
    CAPACITY = "capacity", "Today's time is spent on people with more at stake; the place in the order is kept."


CHOSEN: Final = frozenset({Reason.WORTH_DOING, Reason.CARE})
"""The reasons of a touch; all the others are reasons to do nothing."""

MOST_FACTS: Final = 3
"""A reader takes in three facts beside a name; the rest is on the person's page."""


def reason_text(reason: Reason, **evidence: object) -> str:
    """The reason in one sentence. Raises BadInput naming the evidence that is missing."""
    try:
        return reason.label.format(**evidence)
    except KeyError as missing:
        raise BadInput(f"evidence {missing} is not given", where=f"reason {reason.value}") from None


def why_now(facts: Iterable[tuple[float, str]]) -> list[str]:
    """At most three facts, strongest first; each once, and equals in the order given.

    facts  (strength in [0, 1], sentence): caution signs with their strength, a chance of loss with the chance
    """
    strongest = sorted(facts, key=lambda fact: -fact[0])
    return list(dict.fromkeys(text for _, text in strongest))[:MOST_FACTS]


def chance_text(p_lose: float | None, *, low: float | None, high: float | None, horizon_days: int) -> str:
    """The chance of loss in words, with its interval where one is known, never a bare percentage of life."""
    if p_lose is None:
        return f"the chance of not coming in the next {horizon_days} days is not known yet"
    band = "" if low is None or high is None else f" ({_of_hundred(low)} to {_of_hundred(high)})"
    return f"the chance of not coming in the next {horizon_days} days is {_of_hundred(p_lose)} of 100{band}"


def stake_text(basis: StakeBasis, *, amount: str | None, horizon_days: int) -> str:
    """What is at stake in one sentence; `amount` is money as text, None where no money is known."""
    if amount is None:
        return f"At stake: {basis.label}."
    return f"At stake within {horizon_days} days: {amount} ({basis.label})."


def _of_hundred(share: float) -> str:
    """62; never a plain 0 or 100, which no chance here is."""
    if share < 0.01:
        return "under 1"
    return "over 99" if share > 0.99 else f"{share * 100:.0f}"
