"""Events told by another program, up to a thousand at a time, through the same door as a file.

1. keep the batch as a file of the home folder; 2. survey it, with every column said, nothing guessed; 3. a batch that
was taken in before, to the letter, changes nothing and says which load it was; 4. stage and commit it as one load,
which can be looked at and taken back like any other; 5. give the counts. What is counted as kept is in the history
when this returns. An event with an `event_id`, or of the same person, instant, kind and amount, is kept once for good.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, model_validator

from rekindle import home
from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import Conflict, Refused, RekindleError
from rekindle.journal.models import Intake, IntakeState
from rekindle.relationships.vocabulary import IntakeKind
from rekindle.workflows import staging, take_in
from rekindle.workflows.deeds.given import Given, Instant, Line, Title, plain
from rekindle.workflows.deeds.once import UnderWay

AT_MOST: Final = 1_000
PATIENCE_SECONDS: Final = 20.0
"""A batch waits so long for the one before it, then asks its sender to come again. Our choice."""

_turn = threading.Lock()
"""Batches of one process wait for each other here; the lock of loads itself never waits."""

Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Decimals = Annotated[str, Field(pattern=r"^-?\d{1,12}(\.\d{1,4})?$"), AfterValidator(plain)]


class Event(Given):
    """Something that happened with one person, who is named by at least one of `who`, `email` and `phone`."""

    who: Title = Field(default="", description="Their customer number; it means something within `source`.")
    email: Title = ""
    phone: Title = Field(default="", description="In international form, +447700900123.")
    name: Title = ""
    occurred_at: Instant = Field(description="With its zone, as 2026-03-31T14:30:00Z.")
    kind: Code = Field(description="What happened: purchase, visit, ...")
    amount: Decimals | None = Field(default=None, description="As text, 19.90; it needs a currency.")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    quantity: Annotated[int, Field(ge=0, le=10**9)] | None = None
    channel: Title = ""
    ref: Line = Field(default="", description="Number of the order, the receipt, the booking.")
    event_id: Title = Field(default="", description="The source's own number of this event; the best way to repeat.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.who.strip() or self.email.strip() or self.phone.strip()):
            raise ValueError("nobody is named; give who, email or phone")
        if self.amount is not None and self.currency is None:
            raise ValueError("an amount needs its currency")
        return self


class Batch(Given):
    """Events of one source."""

    events: list[Event] = Field(min_length=1, max_length=AT_MOST)
    source: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")] = Field(
        default="main", description="Customer numbers are unique within a source."
    )


def take(batch: Batch, *, by: User) -> dict[str, Any]:
    """Take one batch in: {"load", "kept", "known", "refused", "reasons"}.

    known    events that the history held already
    refused  events that cannot be kept, with how many for each reason
    Raises Refused for a role that may not, UnderWay while another load goes on.
    """
    _may_take_in(by)
    busy = UnderWay("another load is being taken in", remedy="Send the batch again in a few seconds.")
    if not _turn.acquire(timeout=PATIENCE_SECONDS):
        raise busy
    folder = home.uploads_folder() / f"batch-{secrets.token_hex(8)}"
    try:
        intake = begun([event.model_dump() for event in batch.events], folder, source=batch.source, by=by)
        twin = Intake.objects.filter(fingerprint=intake.fingerprint, state=IntakeState.TAKEN.value).first()
        if twin is not None:
            drop(intake, folder)
            return {"load": twin.pk, "kept": 0, "known": len(batch.events), "refused": 0, "reasons": {}}
        take_in.stage(intake)
        try:
            take_in.commit(intake)
        except Conflict as error:
            intake.refresh_from_db()
            if intake.state != IntakeState.STAGED.value:
                raise
            drop(intake, folder)  # nothing of it was kept; the sender has it still
            raise busy from error
    finally:
        _turn.release()
    counts = intake.counts
    return {
        "load": intake.pk,
        "kept": counts["kept"],
        "known": counts["merged"],
        "refused": counts["refused"],
        "reasons": counts["reasons"],
    }


def wait(batch: Batch, *, by: User) -> dict[str, Any]:
    """Write one batch down to be gathered into the history soon: {"kept", "known"}. On the disk when this returns.

    known    events that wait already
    What the history held before, and what cannot be kept, is seen when they are gathered, and counted in that load.
    Raises Refused for a role that may not, UnderWay where they cannot be written down at this moment.
    """
    from rekindle.workflows import events_waiting

    _may_take_in(by)
    events = batch.model_dump(mode="json", exclude_defaults=True)["events"]
    try:
        kept = events_waiting.keep(events, source=batch.source, teller=by.pk)
    except RekindleError as error:
        raise UnderWay(error.what, remedy=error.remedy) from error
    return {"kept": kept, "known": len(events) - kept}


def _may_take_in(by: User) -> None:
    if not by.may(Deed.TAKE_IN):
        raise Refused(f"your role, {by.get_role_display()}, may not {Deed.TAKE_IN.label}", rule="role",
                      remedy="Ask an owner for a role that may.")  # fmt: skip


def begun(rows: Sequence[dict[str, Any]], folder: Path, *, source: str, by: User | None) -> Intake:
    """A load of these events, looked at and not yet read; its file lies in `folder`, which is made.

    rows   fields of Event, those left out left out; `occurred_at` as an instant
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {name: [row.get(name) for row in rows] for name in Event.model_fields}
    columns = {
        name: pa.array(values, pa.timestamp("us", tz="UTC"))
        if name == "occurred_at"
        else pa.array([None if value in ("", None) else str(value) for value in values], pa.string())
        for name, values in said.items()
        if any(value not in ("", None) for value in values)
    }
    home.prepare()
    folder.mkdir(mode=0o700, parents=True)
    file = folder / "events.parquet"
    try:
        # A load is known by the bytes of its file: the same events of another source are another load.
        pq.write_table(pa.table(columns, metadata={"source": source}), file)
        return take_in.begin(
            [file], kind=IntakeKind.EVENTS.value, source=source, mapping={name: name for name in columns}, by=by
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def drop(intake: Intake, folder: Path) -> None:
    """Leave nothing of a load that was never taken in."""
    shutil.rmtree(staging.folder(intake.pk).path, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    intake.delete()
