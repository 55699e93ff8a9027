"""What stands in a domain, as those who receive our mail read it.

Source: RFC 7208 (SPF), RFC 6376 and 8301 (DKIM), RFC 7489 (DMARC), RFC 5321 section 5.1 and RFC 7505 (MX).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from rekindle.errors import BadInput
from rekindle.workflows.domain_check.names import Names
from rekindle.workflows.findings import Finding

MOST_LOOKUPS: Final = 10  # RFC 7208, 4.6.4: more of them and the answer is "broken"
SHORTEST_KEY: Final = 1_024  # bits of RSA; RFC 8301, 3.2: shorter ones are not to be believed
USUAL: Final = (
    "default", "mail", "dkim", "selector1", "s1", "k1", "google", "mailjet", "mte1", "resend", "pm", "brevo1", "smtp",
)  # fmt: skip
"""Selectors that servers and providers often choose; asked only where none was given."""
_SELECTOR: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def spf(names: Names, domain: str) -> Finding:
    """Who may send for a domain. It is judged by the address that bounces go to, which is the one given here."""

    def said(text: str, *, ok: bool = False) -> Finding:
        return Finding("spf", ok, f"SPF: {text}")

    found = _spf_of(names, domain)
    if not found:
        return said(
            f"{domain} does not say who may send for it; add a TXT record there like 'v=spf1 mx -all', with the "
            "include your mail server's house names"
        )
    if len(found) > 1:
        return said(f"{domain} has {len(found)} records, so none counts; join them into one")
    terms = found[0].lower().split()[1:]
    if {"all", "+all"} & set(terms):
        return said(f"{domain} lets anybody send for it; end the record with -all")
    lookups = _lookups(names, terms, most=MOST_LOOKUPS + 1)
    if lookups > MOST_LOOKUPS:
        return said(f"the record of {domain} needs more than {MOST_LOOKUPS} look-ups, so receivers give up; shorten it")
    if not any(term.lstrip("-~?") == "all" or term.startswith("redirect=") for term in terms):
        return said(f"the record of {domain} has no end; end it with -all")
    return said(f"{domain} says who may send for it", ok=True)


def dkim(names: Names, domain: str, *, selector: str) -> Finding:
    """Whether the key is published with which our mail is signed. selector: its name; empty: the usual ones."""

    def said(text: str, *, ok: bool = False) -> Finding:
        return Finding("dkim", ok, f"DKIM: {text}")

    if selector and not _SELECTOR.fullmatch(selector):
        raise BadInput(
            f"{selector[:60]!r} is no selector", where="DKIM", remedy="Copy it from your mail server's page."
        )
    for one in (selector,) if selector else USUAL:
        place = f"{one}._domainkey.{domain}"
        rows = [_tags(text) for text in names.texts(place)]
        keys = [tags["p"] for tags in rows if "p" in tags and tags.get("v", "DKIM1") == "DKIM1"]
        if not keys:
            continue
        if not keys[0]:
            return said(f"the key at {place} was taken back; publish the one your mail is signed with")
        bits = _bits(keys[0])
        if bits is None:
            return said(f"the key at {place} cannot be read; copy it again, whole")
        if bits < SHORTEST_KEY:
            return said(f"the key at {place} has {bits:,} bits; make one of 2,048")
        return said(f"a key is published at {place}", ok=True)
    if selector:
        return said(f"there is no key at {selector}._domainkey.{domain}; publish the one your mail server shows")
    return said(f"no key is published under a usual name; say which selector {domain} uses, or publish a key")


def dmarc(names: Names, domain: str) -> Finding:
    """What receivers shall do with mail that is not ours; a domain above may say it for those below."""

    def said(text: str, *, ok: bool = False) -> Finding:
        return Finding("dmarc", ok, f"DMARC: {text}")

    labels = domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        place = "_dmarc." + ".".join(labels[start:])
        rows = [text for text in names.texts(place) if text.lower().replace(" ", "").startswith("v=dmarc1")]
        if len(rows) > 1:
            return said(f"there are {len(rows)} records at {place}, so none counts; keep one")
        if not rows:
            continue
        policy = _tags(rows[0]).get("p", "").lower()
        if policy not in {"none", "quarantine", "reject"}:
            return said(f"the record at {place} names no policy; write p=none, p=quarantine or p=reject")
        return said(f"{place} says {policy}", ok=True)
    return said(
        f"nothing stands at _dmarc.{domain}; add a TXT record there like 'v=DMARC1; p=none; rua=mailto:you@...'"
    )


def bounces(names: Names, domain: str) -> Finding:
    """Whether bounces and answers can arrive."""

    def said(text: str, *, ok: bool = False) -> Finding:
        return Finding("mx", ok, f"Bounces: {text}")

    found = names.exchanges(domain)
    if found == ["."]:
        return said(f"{domain} says that it takes no mail; choose an address for bounces that does")
    if found:
        return said(f"mail for {domain} arrives at {found[0]}", ok=True)
    if names.addresses(domain):
        return said(f"mail for {domain} arrives at the machine of that name", ok=True)
    return said(f"nobody takes mail for {domain}; add an MX record there, or choose another address for bounces")


def reverse_name(names: Names, host: str) -> Finding:
    """Whether the number of a mail server has a name, and that name has that number: many receivers ask for it."""

    def said(text: str, *, ok: bool = False) -> Finding:
        return Finding("reverse_name", ok, f"Reverse name: {text}")

    numbers = names.addresses(host)
    if not numbers:
        return said(f"{host} has no number; look at the name of the mail server")
    for number in numbers[:4]:
        back = names.pointers(number)
        if not back:
            return said(f"{number} of {host} has no name; ask whoever rents it to you for a PTR record")
        if not any(number in names.addresses(name) for name in back[:4]):
            return said(f"{number} is called {back[0]}, which does not have that number; make both agree")
    return said(f"{host} and its number name each other", ok=True)


def _spf_of(names: Names, domain: str) -> list[str]:
    return [text for text in names.texts(domain) if re.match(r"v=spf1(\s|$)", text, re.IGNORECASE)]


def _lookups(names: Names, terms: list[str], *, most: int, depth: int = 0) -> int:
    """How many look-ups a record costs whoever reads it, with those of the records it includes; at most `most`."""
    count = 0
    for term in terms:
        name = term.lstrip("+-~?")
        kind, _mark, target = re.sub(r"[:=/]", ":", name, count=1).partition(":")
        if kind not in {"include", "a", "mx", "ptr", "exists", "redirect"}:
            continue
        count += 1
        if kind in {"include", "redirect"} and "%" not in target and target and depth < MOST_LOOKUPS and count < most:
            inner = _spf_of(names, target)
            if inner:
                count += _lookups(names, inner[0].lower().split()[1:], most=most - count, depth=depth + 1)
        if count >= most:
            return most
    return count


def _tags(text: str) -> dict[str, str]:
    """The parts of "v=DKIM1; k=rsa; p=..." by name, blanks inside a value left out."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): re.sub(r"\s+", "", value) for name, sign, value in pairs if sign}


def _bits(key: str) -> int | None:
    """The strength of a published key in bits, an Ed25519 key counted as long enough; None where it cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        raw = base64.b64decode(key, validate=True)
        if len(raw) == 32:  # RFC 8463: a bare Ed25519 key
            return SHORTEST_KEY * 2
        found = load_der_public_key(raw)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return found.key_size if isinstance(found, RSAPublicKey) else None
