"""Words of the take-in pages: what each kind of load means and what each field of it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rekindle.relationships.vocabulary import IntakeKind

Text = str | Promise


class KindWords(NamedTuple):
    title: Text
    meaning: Text
    example: Text


KINDS: Mapping[str, KindWords] = {
    IntakeKind.EVENTS: KindWords(
        _("What people did"),
        _("Purchases, visits, payments, complaints: one row is one thing that happened, when, and to whom."),
        _("customer, date, amount"),
    ),
    IntakeKind.PEOPLE: KindWords(
        _("Who they are"),
        _("Names, addresses, language: one row is one person. People already known are completed, not doubled."),
        _("customer, name, e-mail, phone"),
    ),
    IntakeKind.ORGANISATIONS: KindWords(
        _("Companies and partners"),
        _("Suppliers, client firms, the local paper: one row is one organisation."),
        _("number, name, e-mail"),
    ),
    IntakeKind.CANCELLATIONS: KindWords(
        _("Who left"),
        _("Endings that were said aloud: who, on which day, and why in their own words."),
        _("customer, ended on, reason"),
    ),
    IntakeKind.CONSENTS: KindWords(
        _("What people allowed"),
        _("Yes or no to a channel and a purpose, with its proof. Kept even if this load is taken back."),
        _("e-mail, channel, yes or no, date"),
    ),
    IntakeKind.SUPPRESSIONS: KindWords(
        _("Who said never again"),
        _("Addresses nobody may write to any more. Kept for good, even if this load is taken back."),
        _("e-mail or phone, reason"),
    ),
}

_WHO: tuple[tuple[str, Text], ...] = (
    ("who", _("customer number")),
    ("email", _("e-mail")),
    ("phone", _("phone")),
)
_NAME: tuple[tuple[str, Text], ...] = (
    ("name", _("full name")),
    ("given_name", _("given name")),
    ("family_name", _("family name")),
)
_PLACE: tuple[tuple[str, Text], ...] = (
    ("language", _("language")),
    ("time_zone", _("time zone")),
    ("country", _("country")),
    ("owner", _("e-mail of the member of staff")),
)

FIELDS: Mapping[str, Sequence[tuple[str, Text]]] = {
    IntakeKind.EVENTS: (
        *_WHO,
        ("name", _("full name")),
        ("occurred_at", _("when it happened")),
        ("kind", _("what happened (kind)")),
        ("amount", _("amount of money")),
        ("unit_price", _("price of one")),
        ("quantity", _("quantity")),
        ("currency", _("currency")),
        ("channel", _("channel")),
        ("ref", _("order or invoice number")),
        ("event_id", _("number of the event")),
    ),
    IntakeKind.PEOPLE: (*_WHO, *_NAME, *_PLACE, ("joined_on", _("joined on"))),
    IntakeKind.ORGANISATIONS: (*_WHO, ("name", _("name")), *_PLACE, ("joined_on", _("with us since"))),
    IntakeKind.CANCELLATIONS: (
        *_WHO,
        ("ended_on", _("ended on")),
        ("noticed_on", _("notice given on")),
        ("reason", _("reason")),
        ("verbatim", _("their own words")),
        ("kind", _("kind of ending")),
        ("initiator", _("who ended it")),
    ),
    IntakeKind.CONSENTS: (
        *_WHO,
        ("channel", _("channel")),
        ("purpose", _("purpose")),
        ("basis", _("legal ground")),
        ("given", _("yes or no")),
        ("at", _("said on")),
        ("proof", _("proof")),
        ("expires_at", _("valid until")),
    ),
    IntakeKind.SUPPRESSIONS: (*_WHO, ("reason", _("reason")), ("at", _("said on"))),
}


# Kinds whose further columns are kept with the row; of the others only the named fields are read.
KEEPS_THE_REST = {IntakeKind.EVENTS.value, IntakeKind.PEOPLE.value, IntakeKind.ORGANISATIONS.value}


def fields_of(kind: str) -> list[tuple[str, Text]]:
    """(field, its name in words) pairs of one kind of load, in reading order; none for an unknown kind."""
    return list(FIELDS.get(kind, ()))
