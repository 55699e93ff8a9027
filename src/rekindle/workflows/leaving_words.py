"""The words for what bears on an end: causes, columns, and how far the hazard can be trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

COIN: Final = 0.6
"""A ranking under it is hardly one; .5 is a coin. Our choice."""
_CAUSES: Final[Mapping[str, str | Promise]] = {
    "voluntary": gettext_lazy("they chose to leave"),
    "payment": gettext_lazy("a payment or a technical failure"),
    "quiet": gettext_lazy("they faded quietly"),
    "circumstance": gettext_lazy("life took them elsewhere"),
    "by_us": gettext_lazy("we ended it"),
}
# One, and many, of each known kind of event; a kind of the user's own is its own word.
_KINDS: Final[Mapping[str, tuple[str | Promise, str | Promise]]] = {
    "purchase": (gettext_lazy("purchase"), gettext_lazy("purchases")),
    "refund": (gettext_lazy("refund"), gettext_lazy("refunds")),
    "visit": (gettext_lazy("visit"), gettext_lazy("visits")),
    "usage": (gettext_lazy("use"), gettext_lazy("use")),
    "login": (gettext_lazy("log-in"), gettext_lazy("log-ins")),
    "payment": (gettext_lazy("payment"), gettext_lazy("payments")),
    "payment_failed": (gettext_lazy("failed payment"), gettext_lazy("failed payments")),
    "complaint": (gettext_lazy("complaint"), gettext_lazy("complaints")),
    "ticket_opened": (gettext_lazy("opened ticket"), gettext_lazy("opened tickets")),
    "ticket_closed": (gettext_lazy("closed ticket"), gettext_lazy("closed tickets")),
    "click": (gettext_lazy("click"), gettext_lazy("clicks")),
    "reply": (gettext_lazy("reply"), gettext_lazy("replies")),
    "open": (gettext_lazy("opened mail"), gettext_lazy("opened mails")),
    "unsubscribe": (gettext_lazy("unsubscription"), gettext_lazy("unsubscriptions")),
    "referral": (gettext_lazy("referral"), gettext_lazy("referrals")),
    "review": (gettext_lazy("review"), gettext_lazy("reviews")),
    "social_post": (gettext_lazy("social post"), gettext_lazy("social posts")),
    "survey": (gettext_lazy("survey answer"), gettext_lazy("survey answers")),
}
_FIXED: Final[Mapping[str, str | Promise]] = {
    "age_days": gettext_lazy("time with us"),
    "life_number": gettext_lazy("which of their lives with us"),
    "first_channel": gettext_lazy("where they came from"),
    "first_amount": gettext_lazy("money of the first day"),
}
_WINDOW: Final = re.compile(r"(?P<kind>.+)_(?P<days>\d+)")


def cause_label(cause: str) -> str:
    """A cause of an end in words; one without words as it is."""
    return str(_CAUSES.get(cause, cause.replace("_", " ")))


def column_label(column: str) -> str:
    """What the hazard looks at, in words: "days with visits in the last 30 days"."""
    if column in _FIXED:
        return str(_FIXED[column])
    if column.endswith("_days_since"):
        return _("time since the last %(what)s") % {"what": _one(column.removesuffix("_days_since"))}
    if column.endswith("_amount"):
        return _("amount of the last %(what)s") % {"what": _one(column.removesuffix("_amount"))}
    if found := _WINDOW.fullmatch(column):
        return _("days with %(what)s in the last %(days)s days") % {
            "what": _many(found["kind"]),
            "days": found["days"],
        }
    return column.replace("_", " ")


def nothing_yet(column: str) -> str:
    """What it means that a column is not known of somebody."""
    if column.endswith("_days_since"):
        return _("no %(what)s so far") % {"what": _one(column.removesuffix("_days_since"))}
    return _("%(what)s: not known") % {"what": column_label(column)}


def weighty_sentence(fact: Mapping[str, Any]) -> str:
    """How a column bears on the odds of an end, from {"log_odds", "rises"}."""
    factor = math.exp(fact["log_odds"])
    times = f"{factor:.2f}" if factor < 10 else f"{factor:,.0f}"
    places = {"what": column_label(fact["column"]), "times": times}
    if fact["rises"] is None:
        return _("On average it moves the odds of a goodbye by a factor of %(times)s, up or down.") % places
    if fact["rises"]:
        return _("The higher it is, the higher the odds of a goodbye; on average by a factor of %(times)s.") % places
    return _("The higher it is, the lower the odds of a goodbye; on average by a factor of %(times)s.") % places


def trust_sentence(trust: Mapping[str, Any]) -> str:
    """How far the chances can be trusted, in one or two sentences."""
    plain = trust["plain"]
    guess = column_label(trust["plain_column"])
    if trust["auc"] is None or plain["auc"] is None:
        return _("Too few ends were seen to say how far this can be trusted.")
    places = {"trees": f"{100 * trust['auc']:.0f}", "plain": f"{100 * plain['auc']:.0f}", "guess": guess}
    if trust["boundary"]:
        text = _(
            "Looking at everything told people apart no better than one plain fact, so that fact is used: %(guess)s."
        )
    else:
        text = _(
            "Of one who left and one who stayed, both not seen before, it named the right one %(trees)s times in 100; "
            "one plain fact alone (%(guess)s) %(plain)s times."
        )
        if trust["auc"] < COIN:
            text += " " + _("That is little better than a coin: take one person's chance as everybody's.")
    off = _("Chances told and shares seen lay %(off)s points in 100 apart.") % {
        "off": f"{100 * (plain if trust['boundary'] else trust)['ece']:.1f}"
    }
    return f"{text % places} {off}"


def _one(kind: str) -> str:
    return str(_KINDS[kind][0]) if kind in _KINDS else kind.replace("_", " ")


def _many(kind: str) -> str:
    return str(_KINDS[kind][1]) if kind in _KINDS else kind.replace("_", " ")
