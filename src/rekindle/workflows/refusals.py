"""Refusals kept: somebody wished to reach a person, a rule said no, and the record says so.

1. ask the rules of contact about the touch (`ask`), or take the rule that was met (`keep`);
2. write one row: whom, what for, by which road, the rule, when it changes by itself, who had asked; and one audit
   entry;
3. the same no to the same asker within the hour is one row, for a second click is no second attempt.

Whoever refuses by raising keeps the refusal first, outside the transaction that is undone. `listed` gives them all,
the night's wishes that a rule refused among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.decide.eligibility import Rule, refusal_text
from rekindle.decide.options import OPTIONS
from rekindle.errors import BadInput
from rekindle.journal import refusal_queries
from rekindle.journal.models import Refusal
from rekindle.journal.refusal_queries import No, Place, Wanted
from rekindle.relationships.models import Party
from rekindle.relationships.vocabulary import Channel, TouchClass
from rekindle.workflows import audit
from rekindle.workflows.why_not import Answer, why_not

ONCE_WITHIN: Final = timedelta(hours=1)
_LONGEST_ASKER: Final = 40
NOS: Final = tuple(rule.value for rule in Rule if rule is not Rule.ALLOWED)
"""Every rule there is, by its name."""
_CLASS_OF: Final[Mapping[str, TouchClass]] = {
    option.suggestion.value: option.touch_class for option in OPTIONS if option.touch_class
}
"""What a wish of the night would have been for. A wish is no touch yet, so it has no road of its own."""


def ask(
    party: Party,
    *,
    touch_class: TouchClass,
    channel: Channel,
    asked_by: str,
    actor: User | None = None,
    at: datetime | None = None,
) -> Answer:
    """The rules' answer about a touch that somebody is about to make; a no is kept.

    asked_by  which road to the person asked: "task", "interview", "letter", "api"
    at        the instant of the touch; None is now
    """
    answer = why_not(party, touch_class=touch_class, channel=channel, at=at)
    if not answer.allowed:
        keep(
            party, touch_class=touch_class, channel=channel, rule=answer.rule, changes_at=answer.until,
            asked_by=asked_by, actor=actor,
        )  # fmt: skip
    return answer


def keep(
    party: Party,
    *,
    touch_class: TouchClass,
    channel: Channel,
    rule: Rule,
    changes_at: datetime | None,
    asked_by: str,
    actor: User | None = None,
) -> Refusal:
    """Write one refusal, or give the one that was written within the hour.

    changes_at  the instant the rule changes by itself; None where it never does or nobody knows
    Raises BadInput where nothing was refused, or nobody is said to have asked.
    """
    if rule is Rule.ALLOWED:
        raise BadInput("nothing was refused", remedy="Keep only what a rule said no to.")
    if not 0 < len(asked_by) <= _LONGEST_ASKER:
        raise BadInput("who asked is missing or too long", remedy=f"Name the road in up to {_LONGEST_ASKER} letters.")
    words = {
        "touch_class": touch_class.value,
        "channel": channel.value,
        "rule": rule.value,
        "asked_by": asked_by,
    }
    with transaction.atomic():
        lately = Refusal.objects.filter(party=party, at__gt=timezone.now() - ONCE_WITHIN, actor=actor, **words)
        row = lately.order_by("-id").first()
        if row is None:
            row = Refusal.objects.create(party=party, changes_at=changes_at, actor=actor, **words)
            audit.record("touch.refused", actor=actor, subject=f"party:{party.pk}", details=words)
    return row


def listed(wanted: Wanted, *, limit: int, after: Place | None = None) -> tuple[list[tuple[No, str]], Place | None]:
    """(a page of refusals, each with its rule in a sentence; where the next page begins, None at the end)."""
    meant = tuple(word for word, of in _CLASS_OF.items() if of is wanted.touch_class)
    found = refusal_queries.page(replace(wanted, suggestions=meant), limit=limit, after=after)
    rows = [replace(row, touch_class=_CLASS_OF.get(row.suggestion)) if row.is_wish else row for row in found.rows]
    return [(row, sentence(row.rule, touch_class=row.touch_class, channel=row.channel)) for row in rows], found.next


def sentence(rule: str, *, touch_class: TouchClass | None, channel: Channel | None) -> str:
    """A rule in one sentence; one of an earlier version, which is no rule any more, by its name."""
    known = next((word for word in Rule if word.value == rule), None)
    if known is None:
        return rule.replace("_", " ")
    road = channel or Channel.IN_PERSON
    text = refusal_text(known, touch_class=touch_class or TouchClass.SERVICE, channel=road)
    # The night wishes before it looks for a road: then the sentence names none.
    return text if channel else text.replace(f" by {road.label}", "")
