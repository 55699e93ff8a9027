"""How people are recognised again: e-mail addresses, phone numbers, countries, languages, made comparable.

Each works on a whole Arrow column and looks only once at every distinct value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from email_validator import EmailNotValidError, validate_email

# An address of this shape is valid and already normal but for letter case in the domain; every other one is put to
# the full check. Reserved top-level names (RFC 6761) and punycode are left to the full check on purpose.
_PLAIN_EMAIL = (
    r"^[A-Za-z0-9_+-]{1,60}(?:\.[A-Za-z0-9_+-]{1,40}){0,3}@(?:[A-Za-z][A-Za-z0-9]{0,60}\.){1,3}[A-Za-z]{2,20}$"
)
_RESERVED = r"(?i)[.@](?:arpa|invalid|local|localhost|onion|test|xn--[a-z0-9-]*)$"
_LANGUAGE = re.compile(r"^([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-_]+)?$")
# Names people write that no table of countries holds.
_COUNTRY_WORDS = {
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB",
    "usa": "US", "u.s.": "US", "u.s.a.": "US", "united states of america": "US", "america": "US", "eire": "IE",
    "holland": "NL", "the netherlands": "NL", "czech republic": "CZ", "uae": "AE", "korea": "KR", "rsa": "ZA",
}  # fmt: skip


def emails(raw: pa.Array) -> pa.Array:
    """Normal form of each address (domain in lower case, local part as written), null where it is no address."""
    plain = pc.and_(pc.match_substring_regex(raw, _PLAIN_EMAIL), pc.invert(pc.match_substring_regex(raw, _RESERVED)))
    if pc.all(plain).as_py() is not False:
        return _lower_domain(raw)
    odd = pc.and_kleene(pc.is_valid(raw), pc.invert(plain))
    checked = _each(pc.if_else(odd, raw, pa.scalar(None, pa.string())), _one_email)
    return pc.if_else(odd, checked, _lower_domain(raw))


def phones(raw: pa.Array, *, region: str | None) -> pa.Array:
    """E.164 form of each number, null where it is none.

    region   two-letter country numbers without a country code are dialled in; None reads only +... numbers
    """
    return _each(raw, lambda number: _one_phone(number, region))


def countries(raw: pa.Array) -> pa.Array:
    """Two-letter code (ISO 3166-1) of each country name or code, null where it is not known."""
    return _each(raw, _one_country)


def languages(raw: pa.Array) -> pa.Array:
    """Two- or three-letter language code in lower case, null where it is none."""
    return _each(raw, _one_language)


def time_zones(raw: pa.Array) -> pa.Array:
    """Name in the IANA time zone database, null where it is none."""
    known = available_timezones()
    return _each(raw, lambda name: name if name in known else None)


def _each(raw: pa.Array, one: Callable[[str], str | None]) -> pa.Array:
    distinct = pc.drop_null(pc.unique(raw))
    if not len(distinct):
        return raw
    answers = pa.array([one(value) for value in distinct.to_pylist()], pa.string())
    return pc.take(answers, pc.index_in(raw, value_set=distinct))


def _lower_domain(raw: pa.Array) -> pa.Array:
    if pc.all(pc.equal(raw, pc.utf8_lower(raw))).as_py() is not False:
        return raw
    local = pc.replace_substring_regex(raw, r"@.*$", "")
    domain = pc.utf8_lower(pc.replace_substring_regex(raw, r"^.*@", ""))
    return pc.binary_join_element_wise(local, domain, "@")


def _one_email(address: str) -> str | None:
    bare = re.sub(r"^(?:mailto:|.*<)|>.*$", "", address.strip(), flags=re.IGNORECASE)
    try:
        return str(validate_email(bare, check_deliverability=False).normalized)
    except EmailNotValidError:
        return None


def _one_phone(number: str, region: str | None) -> str | None:
    # 0049... is how the international prefix is dialled in most of the world; it needs no region to be understood.
    dialled = "+" + number[2:] if number.startswith("00") else number
    try:
        parsed = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


@cache
def _country_names() -> dict[str, str]:
    from phonenumbers.geodata.locale import LOCALE_DATA  # 240 countries in their languages; needed by few files

    names: dict[str, str] = {}
    for code, spelled in LOCALE_DATA.items():
        for name in spelled.values():
            if not name.startswith("*"):  # a pointer to another language, not a name
                names.setdefault(name.casefold(), code)
    return names | _COUNTRY_WORDS


def _one_country(name: str) -> str | None:
    if len(name) == 2 and name.upper() in phonenumbers.SUPPORTED_REGIONS:
        return name.upper()
    return _country_names().get(name.strip().casefold())


def _one_language(name: str) -> str | None:
    match = _LANGUAGE.match(name)
    return match.group(1).lower() if match else None
