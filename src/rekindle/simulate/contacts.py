"""Names, addresses and numbers of the simulated people.

E-mail addresses end in example.org, example.net or example.com, which RFC 2606 sets aside. Telephone numbers come
from ranges that regulators keep free for film and fiction: Ofcom's geographic drama numbers (among them Northern
Ireland 028 9649 6000-6999) and those of the Bundesnetzagentur. Ireland has none that validators accept, which is
one reason why the gym stands near the border. Nobody can be reached by any of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from rekindle.simulate.names import ORIGINS
from rekindle.simulate.people import Bools

DOMAINS = ("example.org", "example.net", "example.com")
TOWNS = ("Dundalk", "Newry", "Blackrock", "Carlingford", "Ardee", "Castlebellingham", "Crossmaglen", "Drogheda")
TOWN_SHARES = (0.56, 0.14, 0.09, 0.06, 0.05, 0.04, 0.02, 0.04)
BRITISH_SIDE = ("Newry", "Crossmaglen")

NO_EMAIL, NO_PHONE = 0.06, 0.11
# People have the first 990 of the thousand numbers of a range; the rest is kept for firms.
LAST_NUMBER = 990

# Prefix (country code and area), digits that follow, how it is written; 1,000 numbers each where three digits follow.
_NORTH = ("44", "28 9649 6")
_CITIES = ("113 496", "114 496", "116 496", "117 496", "118 496", "121 496", "131 496", "141 496", "151 496", "161 496")
_UK = tuple(("44", f"{area} 0") for area in (*_CITIES, "191 498", "20 7946", "29 2018"))
_BY_ORIGIN = {"german": (("49", "30 23125"), ("49", "40 66969"))}


@dataclass(frozen=True)
class Contacts:
    """One entry a person; e-mail and phone are None where the gym has none."""

    given: list[str]
    family: list[str]
    email: list[str | None]
    phone: list[str | None]
    language: list[str]
    town: list[str]
    country: list[str]


def introduce(n: int, *, rng: np.random.Generator) -> Contacts:
    """Names, addresses and numbers for n people; no two share an address or a number."""
    shares = np.asarray([origin.share for origin in ORIGINS])
    origin = rng.choice(len(ORIGINS), size=n, p=shares / shares.sum())
    mixed = rng.choice(len(ORIGINS), size=n, p=shares / shares.sum())
    surname_origin = np.where(rng.random(n) < 0.10, mixed, origin)  # families mix
    pick = rng.random((n, 2))
    given, family = [], []
    for i in range(n):
        own, other = ORIGINS[origin[i]], ORIGINS[surname_origin[i]]
        given.append(own.given[int(pick[i, 0] * len(own.given))])
        family.append(other.family[int(pick[i, 1] * len(other.family))])
    town = [TOWNS[i] for i in rng.choice(len(TOWNS), size=n, p=np.asarray(TOWN_SHARES))]
    return Contacts(
        given=given,
        family=family,
        email=_emails(given, family, without=rng.random(n) < NO_EMAIL, rng=rng),
        phone=_phones([ORIGINS[i].name for i in origin], without=rng.random(n) < NO_PHONE, rng=rng),
        language=[ORIGINS[i].language for i in origin],
        town=town,
        country=["GB" if name in BRITISH_SIDE else "IE" for name in town],
    )


def ascii_word(text: str) -> str:
    """A name as it goes into an address: lower case, plain letters only."""
    special = str.maketrans({"ł": "l", "Ł": "l", "ß": "ss", "ø": "o", "ı": "i", "đ": "d", "ð": "d"})
    plain = unicodedata.normalize("NFKD", text.translate(special)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain.lower())


def _emails(given: list[str], family: list[str], *, without: Bools, rng: np.random.Generator) -> list[str | None]:
    style = rng.choice(3, size=len(given), p=[0.6, 0.25, 0.15])
    domain = rng.choice(len(DOMAINS), size=len(given), p=[0.5, 0.25, 0.25])
    taken: dict[str, int] = {}
    emails: list[str | None] = []
    for i, (first, last) in enumerate(zip(given, family, strict=True)):
        one, two = ascii_word(first), ascii_word(last)
        local = (f"{one}.{two}", f"{one[0]}{two}", f"{one}{two[:1]}")[int(style[i])]
        address = f"{local}@{DOMAINS[int(domain[i])]}"
        taken[address] = taken.get(address, 0) + 1
        if taken[address] > 1:
            address = f"{local}{taken[address]}@{DOMAINS[int(domain[i])]}"
        emails.append(None if without[i] else address)
    return emails


def _phones(origins: list[str], *, without: Bools, rng: np.random.Generator) -> list[str | None]:
    """Most have a number of the region, newcomers one from where they come; when all are taken, none."""
    pools: dict[tuple[str, str], list[int]] = {}

    def draw(ranges: tuple[tuple[str, str], ...]) -> str | None:
        for prefix in ranges:
            if prefix not in pools:
                pools[prefix] = [int(number) for number in rng.permutation(LAST_NUMBER)]
            if pools[prefix]:
                return _written(prefix, pools[prefix].pop(), style=int(rng.integers(0, 4)))
        return None

    near = rng.random(len(origins)) < 0.25
    turn = rng.integers(0, len(_UK), len(origins))
    phones: list[str | None] = []
    for i, origin in enumerate(origins):
        far = _BY_ORIGIN.get(origin, ()) + _UK[turn[i] :] + _UK[: turn[i]] + (_NORTH,)
        phones.append(None if without[i] else draw((_NORTH, *far) if near[i] else far))
    return phones


def _written(prefix: tuple[str, str], number: int, *, style: int) -> str:
    """A number as people write it: mostly with spaces, sometimes run together or with the trunk zero in brackets."""
    country, area = prefix
    if style == 0:
        return f"+{country}{area.replace(' ', '')}{number:03d}"
    if style == 1 and country == "44":
        return f"+{country} (0){area}{number:03d}"
    return f"+{country} {area}{number:03d}"
