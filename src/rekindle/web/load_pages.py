"""What the take-in pages show of a load: its state, its counts, its work under way, its refused rows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Self

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from rekindle.journal.models import Intake, IntakeState, Job, JobState
from rekindle.relationships.vocabulary import EventKind
from rekindle.web.load_words import KINDS, Text
from rekindle.web.uploads import as_chosen

REFUSED_SHOWN = 12  # a sample; the file has them all
SAMPLE_LENGTH = 120  # characters of one cell shown on the page
KEPT_WITHOUT = "kept without"  # how the reason of a row begins that was kept, but for one value


def too_large(at_most: int) -> str:
    """The sentence for an upload over the cap."""
    return _(
        "That is more than %(size)s, the most one upload may bring. Split the files, save them as Parquet, "
        "or load them on the server with `rekindle take-in`."
    ) % {"size": filesizeformat(at_most)}


def step_of(intake: Intake, work: Job | None) -> str:
    """Which of the four steps of the way the load stands at: columns, dry_run, take_in or result."""
    if work is not None:
        return "dry_run" if work.verb == "stage" else "result" if work.verb == "undo" else "take_in"
    return {
        IntakeState.SURVEYED.value: "columns",
        IntakeState.STAGED.value: "dry_run",
        IntakeState.TAKING.value: "take_in",
        IntakeState.FAILED.value: "columns",
    }.get(intake.state, "result")


# The list of loads


@dataclass(frozen=True)
class LoadLine:
    """One load in the list. `wash` is the colour its state wears."""

    intake: Intake
    title: Text
    counts: Counts
    wash: str


def load_line(intake: Intake) -> LoadLine:
    wash = {
        IntakeState.TAKEN.value: "ok",
        IntakeState.STAGED.value: "note",
        IntakeState.SURVEYED.value: "note",
        IntakeState.FAILED.value: "risk",
    }.get(intake.state, "quiet")
    words = KINDS.get(intake.kind)
    return LoadLine(intake=intake, title=words.title if words else intake.kind, counts=Counts.of(intake), wash=wash)


# Work under way


@dataclass(frozen=True)
class Work:
    """Long work on a load: what is done, how far, and whether nobody has picked it up for too long."""

    verb: str
    title: Text
    progress: str
    is_waiting: bool
    is_stuck: bool

    @classmethod
    def of(cls, job: Job | None, *, now: datetime, patience: timedelta) -> Self | None:
        if job is None:
            return None
        titles = {
            "stage": _("Reading the files"),
            "commit": _("Taking the load in"),
            "undo": _("Taking the load back"),
            "nightly": _("Reading everything"),
            "backtest": _("Asking the models about the past"),
            "issue_look": _("Working out who would get it"),
            "issue_send": _("Putting it into the outbox"),
            "issue_undo": _("Taking it back"),
        }
        is_waiting = job.state == JobState.WAITING
        return cls(
            verb=job.verb,
            title=titles.get(job.verb, job.verb),
            progress=job.progress,
            is_waiting=is_waiting,
            is_stuck=is_waiting and now - job.asked_at > patience,
        )


# What was counted


def _as_date(value: Any) -> date | None:
    """The day a stored ISO date or instant names; None when nothing is stored."""
    return datetime.fromisoformat(value).date() if isinstance(value, str) and value else None


@dataclass(frozen=True)
class KindCount:
    """Events of one kind in one currency. `amount_minor` is None where no money is told."""

    label: Text
    rows: int
    amount_minor: int | None
    currency: str


@dataclass(frozen=True)
class Counts:
    """The counts of a dry run or of a load. A count nobody made is None and is not shown.

    events   what the rows read come to, where several invoice lines make one event; None for other loads
    remarks  reasons for which a row was kept without one of its values
    """

    seen: int | None = None
    kept: int | None = None
    merged: int | None = None
    refused: int | None = None
    events: int | None = None
    new_people: int | None = None
    known_people: int | None = None
    reasons: Sequence[tuple[str, int]] = ()
    remarks: Sequence[tuple[str, int]] = ()
    kinds: Sequence[KindCount] = ()
    first: date | None = None
    last: date | None = None

    @classmethod
    def of(cls, intake: Intake) -> Self:
        counts = intake.counts
        labels = dict(EventKind.choices())
        by_size = sorted((counts.get("reasons") or {}).items(), key=lambda pair: (-pair[1], pair[0]))
        return cls(
            **{
                name: counts.get(name)
                for name in ("seen", "kept", "merged", "refused", "events", "new_people", "known_people")
            },
            reasons=[pair for pair in by_size if not pair[0].startswith(KEPT_WITHOUT)],
            remarks=[pair for pair in by_size if pair[0].startswith(KEPT_WITHOUT)],
            kinds=[
                KindCount(
                    label=labels.get(kind["kind"], kind["kind"].replace("_", " ")),
                    rows=kind["rows"],
                    amount_minor=kind.get("amount_minor"),
                    currency=kind.get("currency") or "",
                )
                for kind in counts.get("kinds") or []
            ],
            first=_as_date(counts.get("first")),
            last=_as_date(counts.get("last")),
        )

    @property
    def read(self) -> int | None:
        """Rows that were neither refused nor lost: seen less refused."""
        return None if self.seen is None or self.refused is None else self.seen - self.refused

    @property
    def are_lines(self) -> bool:
        """Whether several rows made one event, so that events and rows read differ."""
        return self.events is not None and self.events != self.read

    @property
    def is_whole(self) -> bool:
        """Whether kept, known already and refused add up to the rows seen."""
        if self.read is None or self.kept is None or self.are_lines:
            return False
        return self.read == self.kept + (self.merged or 0)


# Refused rows


def rejects_file(intake: Intake) -> Path | None:
    """The CSV of refused rows that the load has written; None when nothing was refused."""
    # Arrow and DuckDB are loaded by the workflow: where they are used, never at web start-up.
    from rekindle.workflows import take_in

    return take_in.rejects_file(intake)


def refused_sample(intake: Intake) -> list[dict[str, str]]:
    """The first refused rows: file, row, column, value, reason."""
    file = rejects_file(intake)
    if file is None:
        return []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [
            {
                "file": shortened(as_chosen(row.get("file") or "", files=intake.files)),
                **{name: shortened(row.get(name) or "") for name in ("row", "column", "value", "reason")},
            }
            for row in islice(csv.DictReader(lines), REFUSED_SHOWN)
        ]


def shortened(text: Any) -> str:
    """What a cell holds, cut to SAMPLE_LENGTH characters for the page."""
    shown = str(text)
    return shown if len(shown) <= SAMPLE_LENGTH else f"{shown[:SAMPLE_LENGTH]}…"
