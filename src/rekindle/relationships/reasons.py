"""Why people leave: the reasons of an end, as data.

Five pushes (who or what moved them), and under each the reasons that people give. A reason says where it lies, whether
it lasts, and whether we could have changed it: who left over something changeable is likelier to come back once it has
changed (Pick et al. 2016, "Customer win-back: the role of attributions and perceptions in customers' willingness to
return", Journal of the Academy of Marketing Science 44). The locus, the lasting and the control of each reason here
are our own reading.

Codes are never given a second meaning: a reason that is worded anew gets a new code, and the old one stays readable.
Free of Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rekindle.errors import BadInput

MOST: Final = 3
"""So many are ranked; who names more has not said which one it was. Domain rule."""

PUSHES: Final = {
    "pushed": "something we did or left undone",
    "pulled": "something better elsewhere",
    "bought": "money or an offer",
    "moved": "life moved on",
    "shed": "we meant it",
    "technical": "a technical matter",
    "unknown": "not known",
}
"""The heading of each group, in the order in which they are asked."""


@dataclass(frozen=True)
class LeavingReason:
    """One reason. locus: us, them, rival or world; None where it cannot be known, as for `is_stable` (it lasts) and
    `is_controllable` (we could have changed it)."""

    code: str
    push: str
    label: str
    locus: str | None
    is_stable: bool | None
    is_controllable: bool | None


def _of(push: str, *rows: tuple[str, str, str | None, bool | None, bool | None]) -> tuple[LeavingReason, ...]:
    return tuple(LeavingReason(code, push, label, locus, stable, ours) for code, label, locus, stable, ours in rows)


REASONS: Final[tuple[LeavingReason, ...]] = (
    *_of(
        "pushed",
        ("quality_fell", "the quality fell", "us", False, True),
        ("missed_result", "it did not bring what they hoped for", "us", False, True),
        ("broken_promise", "a promise was broken", "us", False, True),
        ("rude_service", "slow or rude service", "us", False, True),
        ("complaint_mishandled", "a complaint was handled badly", "us", False, True),
        ("billing_error", "a mistake on the bill", "us", False, True),
        ("bad_start", "a bad start", "us", False, True),
        ("terms_changed", "we changed the terms", "us", True, True),
        ("staff_left", "the person they knew left us", "us", True, False),
        ("taken_for_granted", "taken for granted, no contact", "us", False, True),
        ("too_much_contact", "too much contact", "us", False, True),
        ("privacy_incident", "something happened with their data", "us", False, True),
        ("missing_feature", "something was missing", "us", False, True),
        ("hard_to_use", "hard to use", "us", False, True),
        ("outage", "it did not work when needed", "us", False, True),
    ),
    *_of(
        "pulled",
        ("better_product", "a better product", "rival", True, True),
        ("better_service", "better service", "rival", True, True),
        ("more_convenient", "closer or easier to reach", "rival", True, False),
        ("recommended", "a friend recommended another", "rival", True, False),
        ("new_decider", "somebody new decides", "them", True, False),
    ),
    *_of(
        "bought",
        ("lower_price", "a lower price", "rival", False, True),
        ("sign_up_bonus", "a bonus for signing up elsewhere", "rival", False, True),
        ("bundle", "part of a bundle elsewhere", "rival", True, False),
    ),
    *_of(
        "moved",
        ("relocation", "moved away", "them", True, False),
        ("life_stage", "another stage of life", "them", True, False),
        ("health", "health", "them", False, False),
        ("budget", "less money, or a job lost", "them", False, False),
        ("business_closed", "their business closed", "them", True, False),
        ("regulation", "a new law or rule", "world", True, False),
        ("season", "the season is over", "world", False, False),
        ("need_met", "they have what they came for", "them", True, False),
    ),
    *_of(
        "shed",
        ("price_rise", "a price rise meant to part", "us", True, True),
        ("tier_closed", "we closed what they had", "us", True, True),
        ("abuse", "abuse of our people", "them", True, False),
        ("bad_debt", "bills left unpaid", "them", False, False),
        ("fit", "we did not fit together", "us", True, False),
    ),
    *_of(
        "technical",
        ("card_expired", "the card ran out", "world", False, True),
        ("mandate_lost", "the bank mandate was lost", "world", False, True),
        ("account_locked", "the account was locked", "us", False, True),
    ),
    *_of(
        "unknown",
        ("would_not_say", "would not say", None, None, None),
        ("not_asked", "nobody asked", None, None, None),
    ),
)
"""In the order in which they are shown."""

BY_CODE: Final = {reason.code: reason for reason in REASONS}


def ranked(codes: Sequence[str]) -> list[str]:
    """Up to three known codes, first the weightiest, each once.

    Raises BadInput for a code that is not in the list, for more than three, and for "nobody asked" or "would not say"
    beside a reason.
    """
    once = list(dict.fromkeys(code for code in codes if code))
    unknown = [code for code in once if code not in BY_CODE]
    if unknown:
        raise BadInput(f"{unknown[0]!r} is not a reason", where="reasons", remedy="Choose from docs/endings.md.")
    if len(once) > MOST:
        raise BadInput(f"{len(once)} reasons are named", remedy=f"Keep the {MOST} that weighed most.")
    if len(once) > 1 and any(BY_CODE[code].push == "unknown" for code in once):
        raise BadInput(
            "a reason is named and said to be unknown", remedy="Keep the reason, or only that it is unknown."
        )
    return once


def label_of(code: str) -> str:
    """The words of a code; the code itself where a later list no longer holds it."""
    return BY_CODE[code].label if code in BY_CODE else code.replace("_", " ")
