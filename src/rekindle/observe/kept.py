"""The tables that come out of reading: one schema a kind of load, and the rejects."""

from __future__ import annotations

import pyarrow as pa

from rekindle.relationships.vocabulary import IntakeKind

INSTANT = pa.timestamp("us", tz="UTC")
AMOUNT = pa.decimal128(38, 6)

_PLACE = [("file", pa.int32()), ("row", pa.int64())]
_PARTY = [("who", pa.string()), ("email", pa.string()), ("phone", pa.string())]
_EXTRA = [("extra", pa.string())]
_PEOPLE = [
    ("name", pa.string()),
    ("given_name", pa.string()),
    ("language", pa.string()),
    ("time_zone", pa.string()),
    ("country", pa.string()),
    ("joined_on", pa.date32()),
    ("owner", pa.string()),
]

# file: position of the file among those read together; row: 1-based, as a person counts, header included.
# amount is exact, before rounding to amount_minor. properties and extra are JSON objects of the unmapped columns.
KEPT: dict[IntakeKind, pa.Schema] = {
    IntakeKind.EVENTS: pa.schema([
        *_PLACE, *_PARTY, ("name", pa.string()), ("occurred_at", INSTANT), ("kind", pa.string()),
        ("amount_minor", pa.int64()), ("amount", AMOUNT), ("currency", pa.string()), ("quantity", pa.float64()),
        ("channel", pa.string()), ("ref", pa.string()), ("event_id", pa.string()), ("properties", pa.string()),
    ]),
    IntakeKind.PEOPLE: pa.schema([*_PLACE, *_PARTY, *_PEOPLE, *_EXTRA]),
    IntakeKind.ORGANISATIONS: pa.schema([*_PLACE, *_PARTY, *(f for f in _PEOPLE if f[0] != "given_name"), *_EXTRA]),
    IntakeKind.CANCELLATIONS: pa.schema([
        *_PLACE, *_PARTY, ("ended_on", pa.date32()), ("noticed_on", pa.date32()), ("reason", pa.string()),
        ("verbatim", pa.string()), ("kind", pa.string()), ("initiator", pa.string()), *_EXTRA,
    ]),
    IntakeKind.CONSENTS: pa.schema([
        *_PLACE, *_PARTY, ("channel", pa.string()), ("purpose", pa.string()), ("basis", pa.string()),
        ("given", pa.bool_()), ("at", INSTANT), ("proof", pa.string()), ("expires_at", INSTANT), *_EXTRA,
    ]),
    IntakeKind.SUPPRESSIONS: pa.schema([*_PLACE, *_PARTY, ("reason", pa.string()), ("at", INSTANT), *_EXTRA]),
}  # fmt: skip

# One refused record or one value left out: where it stood, what it was (first 200 characters), and why in a short
# sentence that is the same for the same cause. A reason that begins "kept without" left the rest of the row in.
REJECTS = pa.schema([("file", pa.string()), ("row", pa.int64()), ("column", pa.string()), ("value", pa.string()),
                     ("reason", pa.string())])  # fmt: skip
