"""Where a letter to somebody goes: their name, and what a load kept of their address under the names its file gave.

1. a whole address in one field is taken line by line;
2. else street, place and post code are put together as their country writes them;
3. the country is written last, in capitals and in English, where it is not the country of the business;
4. without a name, a street or a place there is no address, and what lacks is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from rekindle.errors import NotFound
from rekindle.relationships.models import Brand, Party

LONGEST: Final = 320  # as wide as the column of a message's recipient
MOST_LINES: Final = 8  # more does not fit the window of an envelope

_WHOLE: Final = ("postal_address", "address")
_STREET: Final = ("street", "address_1", "address_line_1", "address1", "street_address")
_SECOND: Final = ("address_2", "address_line_2", "address2", "street_2", "c_o", "care_of")
_CODE: Final = ("postcode", "post_code", "postal_code", "zip", "zip_code", "plz")
_PLACE: Final = ("city", "town", "place", "ort", "locality")
_REGION: Final = ("state", "region", "province", "county")
_CODE_LAST: Final = frozenset({"US", "CA", "AU"})  # place, region and code on one line, in that order
_CODE_BELOW: Final = frozenset({"GB", "UK", "IE"})  # the code on a line of its own (Royal Mail, An Post)


def postal_of(party: Party) -> str:
    """The address for an envelope, line by line, the name first.

    Raises NotFound naming what lacks.
    """
    home = Brand.objects.order_by("pk").values_list("region", flat=True).first() or ""
    return written(party, home=home)


def address_or_why(party: Party) -> tuple[str, str]:
    """(the address, "") or ("", what lacks), for pages that show either."""
    try:
        return postal_of(party), ""
    except NotFound as error:
        return "", error.what


def written(party: Party, *, home: str) -> str:
    """The same where the country of the business is at hand, two letters: for many people at once."""
    if not party.name.strip():
        raise _lacks(party, "their name is not known")
    extra: Mapping[str, Any] = party.extra if isinstance(party.extra, dict) else {}
    whole, street = _first(extra, _WHOLE), _first(extra, _STREET)
    country = party.country.strip().upper()
    place = _place(extra, country=country)
    if not whole and not street:
        raise _lacks(party, "there is no street")
    # A whole address of one line is often a street only: then what else is known is put below it.
    lines = _lines(whole) or _lines(street)
    if not place and len(lines) < 2:
        raise _lacks(party, "there is no town")
    lines += [line for line in _lines(_first(extra, _SECOND)) if line not in lines] if not whole else []
    # A whole address of several lines often ends with its town; a street never does.
    told = " ".join(lines).casefold() if len(lines) > 1 and whole else ""
    missing = [line for line in place if line.casefold() not in told]
    abroad = _country_name(country) if country and country != home.strip().upper() else ""
    found = [" ".join(party.name.split()), *lines, *missing]
    if abroad and found[-1].casefold() != abroad.casefold():
        found.append(abroad)
    address = "\n".join(found)
    if len(found) > MOST_LINES or len(address) > LONGEST:
        raise _lacks(party, "their address is too long for an envelope")
    return address


def is_inch_paper(country: str) -> bool:
    """Whether paper there is measured in inches (letter size) rather than A4."""
    return country.strip().upper() in _INCHES


_INCHES: Final = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PA", "DO", "PR", "SV", "NI"})
"""Where letter size is the office's paper, as CLDR's paper sizes have it."""


def _place(extra: Mapping[str, Any], *, country: str) -> list[str]:
    code, town, region = (" ".join(_first(extra, keys).split()) for keys in (_CODE, _PLACE, _REGION))
    if not town:
        return []
    if country in _CODE_LAST:
        return [", ".join(filter(None, [town, " ".join(filter(None, [region, code]))]))]
    if country in _CODE_BELOW:
        return [line for line in (town, code) if line]
    return [" ".join(filter(None, [code, town]))]


def _first(extra: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    folded = {str(key).casefold().replace(" ", "_").replace("-", "_"): value for key, value in extra.items()}
    for key in keys:
        value = folded.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool):
            kept = "".join(one for one in str(value) if one.isprintable() or one == "\n").strip(" ,;\n")
            if kept.strip():
                return kept.strip()
    return ""


def _lines(text: str) -> list[str]:
    """One line as it is, or cut where its writer cut it: at line ends, or at commas and semicolons."""
    cut = text.splitlines() if "\n" in text else re.split(r"\s*[;,]\s+", text)
    return [" ".join(line.split()) for line in cut if line.strip()]


@lru_cache(maxsize=256)
def _country_name(code: str) -> str:
    """In capitals, as the Universal Postal Union asks for the last line; the code where no name is known."""
    return _NAMES.get(code, code).upper()


_NAMES: Final = {
    "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BG": "Bulgaria", "BR": "Brazil", "CA": "Canada",
    "CH": "Switzerland", "CN": "China", "CY": "Cyprus", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark",
    "EE": "Estonia", "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "United Kingdom", "UK": "United Kingdom",
    "GR": "Greece", "HR": "Croatia", "HU": "Hungary", "IE": "Ireland", "IL": "Israel", "IN": "India",
    "IS": "Iceland", "IT": "Italy", "JP": "Japan", "KR": "South Korea", "LI": "Liechtenstein", "LT": "Lithuania",
    "LU": "Luxembourg", "LV": "Latvia", "MT": "Malta", "MX": "Mexico", "NL": "Netherlands", "NO": "Norway",
    "NZ": "New Zealand", "PL": "Poland", "PT": "Portugal", "RO": "Romania", "RS": "Serbia", "SE": "Sweden",
    "SG": "Singapore", "SI": "Slovenia", "SK": "Slovakia", "TR": "Turkey", "UA": "Ukraine", "US": "United States",
    "ZA": "South Africa",
}  # fmt: skip


def _lacks(party: Party, what: str) -> NotFound:
    return NotFound(
        what,
        where=f"party {party.pk}",
        remedy="Take in a list of people with name, street, post code and town, or reach them by another road.",
    )
