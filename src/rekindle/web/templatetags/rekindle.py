"""How numbers, days and money read on a page. None is always "not known", never a zero.

{{ minor|money:currency }}   € 412.30      exact
{{ minor|about:currency }}   € 412         whole units, for estimates
{{ sentence|amounts }}       a sentence of the engine with its 412.30 EUR written as € 412.30
{{ silent_days|spaced }}      silent days
{{ 0.087|percent }}          9%
{{ 0.0123|fine }}            1.2%, for small shares that are compared
{{ 19.2|days }}              19 days
{{ 850|span }}               2 years 4 months
{{ date|day }}               12 March, with the year where it is not this one
{{ name|initials }}          CK
{% field form.email %}       label, input, help and errors of one form field
{% desk "people" label %}    one entry of the navigation
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django import template
from django.forms import BoundField, CheckboxInput
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from rekindle.accounts.models import User
from rekindle.web.money import CODES, digits, sign

register = template.Library()

_THIN = "\u202f"  # narrow space that does not break
_DAYS_A_YEAR, _DAYS_A_MONTH = 365.25, 365.25 / 12

# One 24 x 24 line drawing a desk, for the bar at the foot of a phone.
_DRAWINGS = {
    "endings": "M5 12h9m0 0-3-3m3 3-3 3M11 5h7a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1h-7",
    "today": "M12 4v2M12 18v2M4 12h2M18 12h2M6.3 6.3l1.5 1.5M16.2 16.2l1.5 1.5M17.7 6.3l-1.5 1.5M7.8 16.2l-1.5 1.5"
    "M12 8.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z",
    "people": "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.2 3.2 0 0 1 0 6"
    "M17.5 14.5c2.2.7 3.5 2.8 3.5 5.5",
    "outbox": "M3.5 6.5h17v11h-17zM3.5 7l8.5 6.5L20.5 7",
    "playbooks": "M6 6.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM18 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
    "M6 21.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM6 6.5v11M6 9c0 3 4 3 10 3",
    "take_in": "M12 4v10M8 10.5l4 4 4-4M4 16v3.5h16V16",
    "nights": "M19.5 14.5A8 8 0 1 1 9.5 4.5a6.5 6.5 0 0 0 10 10z",
    "settings": "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z"
    "M9 14.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z",
}


# The engine writes money as 1,204.50 EUR: a point for the decimals, whatever the reader's language.
_AMOUNT = re.compile(r"(?<![\w.,])(-?\d[\d,]*(?:\.\d+)?) ([A-Z]{3})\b")


def _unknown() -> str:
    return gettext("not known")


def _written(minor: int, *, currency: str, places: int) -> str:
    amount = round(Decimal(minor).scaleb(-digits(currency)), places)  # the formatter below cuts, it does not round
    number = formats.number_format(abs(amount), decimal_pos=places, use_l10n=True, force_grouping=True)
    unit = sign(currency)
    minus = "−" if amount < 0 else ""
    if not unit:
        return f"{minus}{number}"
    if (get_language() or "en").startswith("en"):
        space = "" if unit in {"$", "£", "¥", "₹"} else _THIN
        return f"{minus}{unit}{space}{number}"
    return f"{minus}{number}{_THIN}{unit}"


@register.filter
def money(minor: int | None, currency: str | None = "") -> str:
    """Exact amount with its currency, from minor units."""
    if minor is None:
        return _unknown()
    return _written(minor, currency=currency or "", places=digits(currency or ""))


@register.filter
def about(minor: int | None, currency: str | None = "") -> str:
    """Amount in whole units of its currency, for estimates, from minor units."""
    if minor is None:
        return _unknown()
    return _written(minor, currency=currency or "", places=0)


@register.filter
def amounts(sentence: str | None) -> str:
    """A sentence of the engine with its amounts of money written as everywhere on the pages."""

    def rewritten(found: re.Match[str]) -> str:
        number, currency = found.groups()
        if currency not in CODES:
            return found[0]
        return money(int(Decimal(number.replace(",", "")).scaleb(digits(currency))), currency)

    return _AMOUNT.sub(rewritten, str(sentence or ""))


@register.filter
def spaced(code: str | None) -> str:
    """A code of the engine with blanks for its underscores."""
    return str(code or "").replace("_", " ")


@register.filter
def percent(fraction: float | None) -> str:
    """Share in whole per cent. Only exactly 0 and 1 read as 0 and 100; what lies beside them says so."""
    if fraction is None or math.isnan(fraction):
        return _unknown()
    space = "" if (get_language() or "en").startswith("en") else _THIN
    whole = math.floor(100 * fraction + 0.5)
    if whole <= 0 and fraction > 0:
        return gettext("under %(share)s") % {"share": f"1{space}%"}
    if whole >= 100 and fraction < 1:
        return gettext("over %(share)s") % {"share": f"99{space}%"}
    return f"{whole}{space}%"


@register.filter
def fine(fraction: float | None) -> str:
    """Share with one decimal below ten per cent, where small shares stand side by side; else as `percent`."""
    if fraction is None or math.isnan(fraction) or not 0 < fraction < 0.0995:
        return percent(fraction)
    space = "" if (get_language() or "en").startswith("en") else _THIN
    shown = f"{formats.number_format(max(round(100 * fraction, 1), 0.1), decimal_pos=1)}{space}%"
    return gettext("under %(share)s") % {"share": shown} if fraction < 0.0005 else shown


@register.filter
def days(length: float | None) -> str:
    """Length in days; one decimal below ten days where it is not whole."""
    if length is None or math.isnan(length):
        return _unknown()
    shown = round(length, 1) if abs(length) < 10 else round(length)
    if shown == int(shown):
        return ngettext("%(n)s day", "%(n)s days", int(shown)) % {"n": formats.number_format(int(shown))}
    return gettext("%(n)s days") % {"n": formats.number_format(shown, decimal_pos=1)}


@register.filter
def span(length: float | None) -> str:
    """Length as people say it: days up to two months, then months, then years and months."""
    if length is None or math.isnan(length):
        return _unknown()
    if length < 2 * _DAYS_A_MONTH:
        return days(math.floor(length))
    years, rest = divmod(length, _DAYS_A_YEAR)
    months = int(rest / _DAYS_A_MONTH)
    parts = []
    if years:
        parts.append(ngettext("%(n)d year", "%(n)d years", int(years)) % {"n": int(years)})
    if months:
        parts.append(ngettext("%(n)d month", "%(n)d months", months) % {"n": months})
    return " ".join(parts)


@register.filter
def day(moment: date | datetime | None) -> str:
    """Day and month, with the year where it is not the present one; an instant is read in the reader's zone."""
    if moment is None:
        return _unknown()
    if isinstance(moment, datetime):
        moment = timezone.localtime(moment).date() if timezone.is_aware(moment) else moment.date()
    is_german = (get_language() or "en").startswith("de")
    year = "" if moment.year == timezone.localdate().year else " Y"
    return formats.date_format(moment, f"j. F{year}" if is_german else f"j F{year}")


@register.filter
def initials(name: str | None) -> str:
    """Up to two letters for the round picture; a hash sign where there is no name."""
    words = [word for word in (name or "").replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "#"


@register.inclusion_tag("web/field.html", name="field")
def field_of(bound: BoundField, label: str = "") -> dict[str, Any]:
    """One form field with its label (another one, where given), help and errors, tied together by their ids."""
    return {
        "field": bound,
        "label": label or bound.label,
        "is_box": isinstance(bound.field.widget, CheckboxInput),
        "is_optional": not bound.field.required and not isinstance(bound.field.widget, CheckboxInput),
    }


@register.simple_tag
def nobody_yet() -> bool:
    """Whether no account exists at all: the sign-in page then says where the first one comes from."""
    return not User.objects.exists()


_BELOW: Final = {
    "today": ("/who-spoke/", "/coverage/", "/say-and-do/"),
    "people": ("/together/", "/duplicates/", "/merges/", "/burdens/"),
    "endings": ("/interviews/", "/returns/", "/reviews/", "/promises/"),
    "playbooks": ("/woo/", "/calendar/", "/milestones/", "/content/", "/referrals/"),
    "outbox": ("/paper/", "/inbound/"),
    "nights": ("/why/", "/trust-the-numbers/"),
    "settings": ("/accounts/", "/trust/", "/api/"),
}
"""Pages whose address does not begin with their desk's."""


@register.inclusion_tag("web/desk.html", takes_context=True)
def desk(context: template.Context, name: str, label: str | SafeString) -> dict[str, Any]:
    """One entry of the navigation; current on its own page and on every page below it."""
    try:
        href = reverse(name)
    except NoReverseMatch:
        href = "/"
    path = context["request"].path if "request" in context else ""
    return {
        "href": href,
        "label": label,
        "is_current": path == href or path.startswith((*([href] if href != "/" else []), *_BELOW.get(name, ()))),
        "drawing": _DRAWINGS[name],
    }
