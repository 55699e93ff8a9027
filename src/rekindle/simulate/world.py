"""The simulated gym as a business would hold it, in columns, with the hidden truth beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa


@dataclass(frozen=True)
class Trainer:
    """A member of staff who has people of their own; `left_on` is their last day, None while they are here."""

    name: str
    email: str
    left_on: date | None


@dataclass(frozen=True)
class World:
    """Everything the simulation made. Tables carry the headers of the files they become.

    events         event_id, member, at (local wall time), kind, amount_minor, currency, channel, note; by time
    people         one row a member number: member, name, given_name, email, phone, language, country, town,
                   joined_on, plan, trainer
    cancellations  member, noticed_on, ended_on, reason, comment; noticed by the last day
    consents       member, channel, purpose, basis, given, at, proof
    suppressions   member, email, phone, date, reason
    organisations  id, name, role, email, phone, town, since
    truth          see `truth.truth_table`; never shown to the product
    first, last    the days the events cover
    """

    name: str
    time_zone: str
    currency: str
    first: date
    last: date
    trainers: tuple[Trainer, ...]
    events: pa.Table
    people: pa.Table
    cancellations: pa.Table
    consents: pa.Table
    suppressions: pa.Table
    organisations: pa.Table
    truth: pa.Table
