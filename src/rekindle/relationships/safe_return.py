"""What a safe return is made of, as data: what to see to when somebody comes back, and why each of it matters.

Codes are never given a second meaning; a new wording takes a new code. The lengths here are our choice:

    30 days   a touch of ours so shortly before may have had its part in the return; before that it is their own doing
    90 days   a return is fresh, and somebody who comes back and leaves again mostly does so early: then we watch
    180 days  what nobody has seen to by then is told honestly as not seen to, and closed

Free of Django.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CREDIT_DAYS: Final = 30
WATCH_DAYS: Final = 90
LAPSE_DAYS: Final = 180
WORD_HOLDS_DAYS: Final = 90
"""So long the word of staff that somebody is back holds without a purchase or visit; then the silence counts again."""


@dataclass(frozen=True)
class ReturnItem:
    """One thing to see to. `why` is said beside it; `is_named` asks who does it."""

    code: str
    text: str
    why: str
    is_named: bool = False


WHY_LEFT: Final = "why_they_left"
GREETER: Final = "greeter"
COMPANIONS: Final = "companions"

ITEMS: Final = (
    ReturnItem(
        WHY_LEFT,
        "Know why they left, and say honestly whether it is mended",
        "Whoever comes back and meets the old trouble again leaves for good. Not mended yet is an honest answer.",
    ),
    ReturnItem(
        GREETER,
        "A named person greets them",
        "The same as before, if they are still here: people come back to people.",
        is_named=True,
    ),
    ReturnItem(
        "promises",
        "Look at what we still owe them from before",
        "A promise does not end with the relationship.",
    ),
    ReturnItem(
        "data_and_settings",
        "Put their settings back, and let them check their address",
        "Nobody who was here before should begin at zero.",
    ),
    ReturnItem(
        "consents",
        "Ask anew what they would like to hear",
        "A consent that was withdrawn stays withdrawn; coming back is not a yes to our letters.",
    ),
    ReturnItem(
        "price_and_tenure",
        "Tell them what they pay, and that their years count",
        "A surprise on the first bill undoes a return, and their time with us has not been lost.",
    ),
    ReturnItem(
        "no_newcomer_hurdles",
        "No joining fee, no waiting list, no tour for newcomers",
        "They know the house. What newcomers go through reads like a punishment to them.",
    ),
    ReturnItem(
        "first_90_days",
        "Plan the first 90 days: who looks in when",
        "Those who leave twice mostly do so early; a word after a week and a month costs little.",
    ),
    ReturnItem(
        "tone",
        "Neither reproach nor fanfare",
        "A plain welcome lets them save face. They owe nobody an account of where they were.",
    ),
)
"""In the order in which they are shown."""

WITH_COMPANIONS: Final = ReturnItem(
    COMPANIONS,
    "Think of those who left with them, without making them messengers",
    "People often come back together. A kind word to the others is enough, where they wish to hear from us.",
)
"""Asked only where somebody belongs to them, or left together with them, and is gone still."""

BY_CODE: Final = {item.code: item for item in (*ITEMS, WITH_COMPANIONS)}

FIXED: Final = {"fixed": "mended", "not_yet": "not mended yet", "not_fixable": "not ours to mend"}
"""What may be said of a reason for leaving today; nothing else, and never left out."""
