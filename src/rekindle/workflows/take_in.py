"""Take a load of data in, or take it back.

1. begin    look at the files: dialect, columns, dates, what each column seems to be; nothing is read yet
2. stage    the dry run: read and clean everything into the load's own folder; count kept, merged, refused and why
3. commit   number the new people, append the events to the history in one commit, then write the books and the
            word TAKEN in one transaction: from that instant everyone sees all of it, before it nobody sees any
4. undo     take it back; consents, suppressions and the people they belong to stay

One load is committed at a time. A killed commit is found by its state TAKING and finished by `resume`: events
already appended are recognised by the number of the load and not appended twice. Events of a load that is not TAKEN
are left out of every reading of the history (`hidden_loads`).
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from rekindle import home
from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Intake, IntakeState
from rekindle.relationships.models import (
    Breakup,
    BurdenFact,
    Case,
    CleanBreak,
    CompanyExit,
    Consent,
    DataRequest,
    DecisionRecord,
    DecisionStance,
    Feedback,
    Goal,
    Identity,
    Merge,
    Milestone,
    Note,
    Party,
    PartyLink,
    Promise,
    Resurfacing,
    Review,
    SafeReturn,
    StakeholderRole,
    Task,
    Tie,
    WantBackDecision,
)
from rekindle.relationships.vocabulary import IntakeKind
from rekindle.workflows import audit, bulk, forgotten, intake_books, kept_silent, staging
from rekindle.workflows.alone import alone
from rekindle.workflows.brand import the_brand

if TYPE_CHECKING:
    import pyarrow as pa

LATEST = timedelta(days=2)  # an event may lie this far ahead of now: clocks and zones differ, years do not


def silent(_: str) -> None:
    """Progress that nobody watches."""


def begin(
    files: Sequence[Path],
    *,
    kind: str,
    source: str = "main",
    mapping: Mapping[str, str] | None = None,
    event_kind: str | None = None,
    currency: str | None = None,
    by: User | None = None,
) -> Intake:
    """Step 1. Gives the load with its survey. Raises BadInput where the files are not what they should be."""
    from rekindle.observe import reading

    brand = the_brand()
    survey = reading.survey(
        files,
        kind=IntakeKind(kind),
        mapping=dict(mapping or {}),
        time_zone=brand.time_zone,
        currency=currency or brand.currency or None,
        event_kind=event_kind,
        region=brand.region or None,
        latest=timezone.now() + LATEST,
    )
    return Intake.objects.create(
        kind=IntakeKind(kind).value,
        source=source,
        files=[str(path) for path in files],
        fingerprint=survey.fingerprint,
        survey=json.loads(survey.to_json()),
        by=by,
    )


def remap(intake: Intake, *, mapping: Mapping[str, str], by: User | None = None) -> Intake:
    """Step 1 again with other columns, before anything is taken in."""
    from rekindle.observe import reading

    if intake.state not in {IntakeState.SURVEYED, IntakeState.STAGED, IntakeState.FAILED}:
        raise Conflict(f"load {intake.pk} is {IntakeState(intake.state).label}; its columns can no longer change.")
    old = reading.Survey.from_json(json.dumps(intake.survey))
    columns = dict(mapping)
    event_kind, currency = columns.pop("event_kind", None), columns.pop("currency_code", None)
    survey = reading.survey(
        [Path(name) for name in intake.files],
        kind=IntakeKind(intake.kind),
        mapping=columns,
        time_zone=old.time_zone,
        currency=currency or old.currency,
        event_kind=event_kind or old.event_kind,
        region=old.region,
        latest=timezone.now() + LATEST,
    )
    intake.survey, intake.fingerprint = json.loads(survey.to_json()), survey.fingerprint
    intake.state, intake.counts, intake.error = IntakeState.SURVEYED.value, {}, ""
    with transaction.atomic():
        intake.save()
        audit.record("load.columns_chosen", actor=by, subject=f"intake:{intake.pk}")
    return intake


def stage(intake: Intake, *, progress: staging.Progress = silent) -> Intake:
    """Step 2. Gives the load with its counts; nothing outside its folder has changed."""
    from rekindle.observe import reading

    if intake.state not in {IntakeState.SURVEYED, IntakeState.STAGED, IntakeState.FAILED}:
        raise Conflict(f"load {intake.pk} is {IntakeState(intake.state).label}; it cannot be read again.")
    survey = reading.Survey.from_json(json.dumps(intake.survey))
    if survey.problems:
        raise BadInput(survey.problems[0], where=Path(intake.files[0]).name)
    place = staging.folder(intake.pk)
    with _failing(intake):
        counts = staging.read_into(place, survey, latest=timezone.now() + LATEST, progress=progress)
        if intake.kind != IntakeKind.SUPPRESSIONS.value:
            counts = forgotten.leave_out(place, counts, source=intake.source)
        if place.kept() and intake.kind == IntakeKind.EVENTS.value:
            staging.write_rows(place, source=intake.source)
        _match(intake, place)
        intake.counts = {**counts, **_counted(intake, place)}
        intake.state, intake.error = IntakeState.STAGED.value, ""
        intake.save()
    return intake


def commit(intake: Intake, *, progress: staging.Progress = silent) -> Intake:
    """Step 3. Gives the load, TAKEN. A load whose files were already taken in changes nothing and says so."""
    with alone("take-in", doing="Another load"):
        intake.refresh_from_db()
        if intake.state == IntakeState.TAKEN:
            return intake
        if intake.state not in {IntakeState.STAGED, IntakeState.TAKING}:
            raise Conflict(f"load {intake.pk} is {IntakeState(intake.state).label}; look at its dry run first.")
        _finish_others(progress, but=intake.pk)
        twin = Intake.objects.filter(fingerprint=intake.fingerprint, state=IntakeState.TAKEN.value).first()
        if twin is not None:
            raise Conflict(
                f"these files were taken in before, as load {twin.pk} on {twin.taken_at:%Y-%m-%d}.",
                remedy=f"Nothing has changed. To load them anew, undo load {twin.pk} first.",
            )
        taken = _commit(intake, progress)
    from rekindle.workflows import resurface  # it reads loads itself, to tell who was touched before they came

    resurface.after_load(taken)
    return taken


def resume(*, progress: staging.Progress = silent) -> int:
    """Finish what a killed process left: loads on their way in, and events of loads taken back. Gives how many.

    Every start asks; the lock is taken only where something is left, so that a start never stands in a load's way.
    """
    if not _left_on_the_way() and not _left_undone():
        return 0
    with alone("take-in", doing="A load"):
        return _finish_others(progress)


def undo(intake: Intake, *, by: User | None = None) -> Intake:
    """Step 4. Take one load back; consents and suppressions excepted. A load already taken back is left as it is."""
    with alone("take-in", doing="Another load"):
        intake.refresh_from_db()
        if intake.state == IntakeState.UNDONE:
            return intake
        if intake.state != IntakeState.TAKEN:
            raise Conflict(
                f"load {intake.pk} is {IntakeState(intake.state).label}; only a load taken in can be undone."
            )
        alone_here = _parties_of_this_load_alone(intake)
        with transaction.atomic():
            Breakup.objects.filter(load=intake.pk).delete()
            intake_books.put_back(staging.folder(intake.pk))
            for start in range(0, len(alone_here), intake_books.IN_LIST):
                Party.objects.filter(pk__in=alone_here[start : start + intake_books.IN_LIST]).delete()
            Identity.objects.filter(load=intake.pk).exclude(party__load=intake.pk).delete()
            intake.state, intake.undone_at = IntakeState.UNDONE.value, timezone.now()
            intake.counts = {**intake.counts, "removed": False, "people_taken_back": len(alone_here)}
            intake.save()
            audit.record("load.undone", actor=by, subject=f"intake:{intake.pk}", details={"people": len(alone_here)})
        _remove_events(intake)
    return intake


def rejects_file(intake: Intake) -> Path | None:
    """The CSV of refused rows, None where the load has none."""
    path = staging.folder(intake.pk).rejects
    return path if path.exists() and intake.counts.get("reasons") else None


def hidden_loads() -> list[int]:
    """Numbers of loads whose events may lie in the history but are not to be read."""
    away = [IntakeState.TAKING.value, IntakeState.UNDONE.value, IntakeState.FAILED.value]
    found = Intake.objects.filter(state__in=away, kind=IntakeKind.EVENTS.value).values_list("pk", "counts")
    return sorted(number for number, counts in found if not counts.get("removed"))


def find(number: int) -> Intake:
    """The load of that number, or NotFound."""
    intake = Intake.objects.filter(pk=number).first()
    if intake is None:
        raise NotFound(f"there is no load {number}.", remedy="The page Take in lists them all.")
    return intake


def _left_on_the_way(*, but: int = 0) -> list[Intake]:
    return list(Intake.objects.filter(state=IntakeState.TAKING.value).exclude(pk=but).order_by("pk"))


def _left_undone() -> list[Intake]:
    return list(Intake.objects.filter(state=IntakeState.UNDONE.value, counts__removed=False))


def _finish_others(progress: staging.Progress, *, but: int = 0) -> int:
    taking, undone = _left_on_the_way(but=but), _left_undone()
    for intake in taking:
        _commit(intake, progress)
    for intake in undone:
        _remove_events(intake)
    return len(taking) + len(undone)


def _match(intake: Intake, place: staging.Folder) -> None:
    """Who is the load about: known parties and new ones; for events, the rows of history they make."""
    if not place.kept():
        return
    staging.find_parties(place, known=lambda kind, keys: intake_books.known_parties(kind, keys, source=intake.source))
    if intake.kind == IntakeKind.EVENTS.value:
        staging.write_events(place, source=intake.source, intake=intake.pk)


def _counted(intake: Intake, place: staging.Folder) -> dict[str, Any]:
    """What the dry run can say about the people and the rows of a staged load."""
    if not place.kept():
        return {"kept": 0, "new_people": 0, "known_people": 0, "merged": 0}
    with staging.columns() as db:
        new, known = db.execute(
            "SELECT count(*) FILTER (party_id IS NULL), count(party_id) FROM read_parquet($1)", [str(place.parties)]
        ).fetchall()[0]
        if intake.kind != IntakeKind.EVENTS.value:
            files = [str(path) for path in place.kept()]
            kept = db.execute("SELECT count(*) FROM read_parquet($1)", [files]).fetchall()[0][0]
            if intake.kind == IntakeKind.SUPPRESSIONS.value:
                new = 0  # an address that nobody has is kept as a hash; nobody is made of it
            return {"kept": kept, "new_people": new, "known_people": known, "merged": 0}
        rows, first, last = db.execute(
            "SELECT count(*), min(occurred_at)::VARCHAR, max(occurred_at)::VARCHAR FROM read_parquet($1)",
            [str(place.events)],
        ).fetchall()[0]
        kinds = db.execute(
            "SELECT kind, currency, count(*), sum(amount_minor)::BIGINT FROM read_parquet($1) "
            "GROUP BY 1, 2 ORDER BY 3 DESC",
            [str(place.events)],
        ).fetchall()
    with _fresh(place) as batches:
        fresh = sum(batch.num_rows for batch in batches)
    return {
        "kept": fresh,
        "events": rows,
        "merged": rows - fresh,
        "new_people": new,
        "known_people": known,
        "first": first,
        "last": last,
        "kinds": [
            {"kind": kind, "currency": currency, "rows": n, "amount_minor": amount}
            for kind, currency, n, amount in kinds
        ],
    }


@contextmanager
def _fresh(place: staging.Folder) -> Iterator[pa.RecordBatchReader]:
    """The staged events that the history does not hold yet, in batches."""
    from rekindle.observe.history import History

    with staging.columns() as db:
        yield History(home.history_folder()).new_rows(db, batch=place.events)


def _commit(intake: Intake, progress: staging.Progress) -> Intake:
    """Number, append, write. Every part may have been done before by a process that was killed."""
    place = staging.folder(intake.pk)
    with _failing(intake, cleaning=True):
        if intake.state == IntakeState.STAGED:
            # Matched anew under the lock: since the dry run another load may have brought the same people.
            _match(intake, place)
            if place.kept():
                progress("numbering people")
                with transaction.atomic():
                    first = bulk.reserve(Party, staging.new_parties(place))
                staging.number_new_parties(place, first)
                if intake.kind == IntakeKind.EVENTS.value:
                    staging.write_events(place, source=intake.source, intake=intake.pk)
            intake.state = IntakeState.TAKING.value
            intake.save(update_fields=["state"])
        counts: dict[str, Any] = {}
        if place.kept() and intake.kind == IntakeKind.EVENTS.value:
            progress("writing history")
            counts["kept"] = _append(intake, place)
        progress("writing the books")
        with transaction.atomic():
            if place.kept():
                counts |= _write_books(intake, place)
            intake.counts = {**intake.counts, **counts}
            intake.state, intake.taken_at, intake.error = IntakeState.TAKEN.value, timezone.now(), ""
            try:
                intake.save()
            except IntegrityError as error:  # two commits of the same files on two hosts
                raise Conflict("these files were taken in by another process just now.") from error
            audit.record(
                "load.taken",
                actor=intake.by,
                subject=f"intake:{intake.pk}",
                details={
                    "kind": intake.kind,
                    "kept": intake.counts.get("kept", 0),
                    "refused": intake.counts["refused"],
                },
            )
    return intake


def _append(intake: Intake, place: staging.Folder) -> int:
    """The new events of a load into the history, once."""
    from rekindle.observe.history import History

    history = History(home.history_folder())
    if history.has(intake.pk):
        return int(intake.counts["kept"])
    with _fresh(place) as batches:
        return history.append(batches, intake=intake.pk)


def _write_books(intake: Intake, place: staging.Folder) -> dict[str, Any]:
    """The part of a load that goes into the books; runs inside its one transaction."""
    brand = the_brand()
    if intake.kind == IntakeKind.SUPPRESSIONS.value:
        return intake_books.take_suppressions(intake, _rows(place))
    counts: dict[str, Any] = {"new_people": intake_books.insert_parties(intake, place, brand)}
    if intake.kind in {IntakeKind.PEOPLE.value, IntakeKind.ORGANISATIONS.value}:
        counts |= intake_books.take_people(place, brand)
    elif intake.kind == IntakeKind.CANCELLATIONS.value:
        counts |= intake_books.take_cancellations(intake, _rows(place), brand)
    elif intake.kind == IntakeKind.CONSENTS.value:
        counts |= intake_books.take_consents(intake, _rows(place))
    if silent := kept_silent.of_load(intake):
        counts["kept_silent"] = silent
    return counts


def _rows(place: staging.Folder) -> list[dict[str, Any]]:
    """Clean rows with the party each is about, in the order of the files."""
    with staging.columns() as db:
        view = staging.staged(db, place)
        rows: list[dict[str, Any]] = (
            db.sql(
                f"SELECT s.*, p.party_id FROM {view} s JOIN read_parquet($1) p USING (key_kind, key) "  # noqa: S608
                'ORDER BY file, "row"',
                params=[str(place.parties)],
            )
            .to_arrow_table()
            .to_pylist()
        )
    return rows


def _parties_of_this_load_alone(intake: Intake) -> list[int]:
    """Parties this load brought and nothing else speaks of: no other load's events, no consent, no human word."""
    parties = set(Party.objects.filter(load=intake.pk).values_list("pk", flat=True))
    if not parties:
        return []
    mine = {"relationship__party__load": intake.pk}
    spoken_of = (
        Consent.objects.filter(party__load=intake.pk).values_list("party_id"),
        Identity.objects.filter(party__load=intake.pk).exclude(load=intake.pk).values_list("party_id"),
        Note.objects.filter(**mine).values_list("relationship__party_id"),
        Task.objects.filter(**mine).exclude(answered_at=None).values_list("relationship__party_id"),
        Breakup.objects.filter(**mine).exclude(load=intake.pk).values_list("relationship__party_id"),
        *(
            model.objects.filter(**mine).values_list("relationship__party_id")
            for model in (
                BurdenFact,
                Case,
                CleanBreak,
                CompanyExit,
                DecisionRecord,
                Feedback,
                Goal,
                Promise,
                WantBackDecision,
            )
        ),
        Review.objects.filter(**mine).exclude(answered_at=None).values_list("relationship__party_id"),
        SafeReturn.objects.filter(Q(evidence__has_key="told") | Q(evidence__has_key="begun"), **mine).values_list(
            "relationship__party_id"
        ),
        *(
            model.objects.filter(party__load=intake.pk).values_list("party_id")
            for model in (DataRequest, DecisionStance, Milestone, PartyLink, Resurfacing, StakeholderRole, Tie)
        ),
        PartyLink.objects.filter(other__load=intake.pk).values_list("other_id"),
        Merge.objects.filter(kept__load=intake.pk).values_list("kept_id"),
    )
    for found in spoken_of:
        parties -= {row[0] for row in found}
    return sorted(parties - _parties_with_other_events(intake))


def _parties_with_other_events(intake: Intake) -> set[int]:
    from rekindle.observe.history import History

    with staging.columns() as db:
        view = History(home.history_folder()).relation(db, before=None, without=[*hidden_loads(), intake.pk])
        rows = db.execute(f"SELECT DISTINCT party_id FROM {view}").fetchall()  # noqa: S608  # a view of ours
    return {row[0] for row in rows}


def _remove_events(intake: Intake) -> None:
    """Physically take the events of an undone load out of the history; safe to repeat."""
    from rekindle.observe.history import History

    if intake.kind == IntakeKind.EVENTS.value:
        History(home.history_folder()).remove_intake(intake.pk)
    intake.counts = {**intake.counts, "removed": True}
    intake.save(update_fields=["counts"])


@contextmanager
def _failing(intake: Intake, *, cleaning: bool = False) -> Iterator[None]:
    """Write down why a load failed, so that nothing takes it up again; take its events away where it had got so far."""
    try:
        yield
    except Exception as error:
        full = _is_full(error)
        intake.error = "the disk is full; nothing was taken in. Make room and try again." if full else str(error)
        intake.state = IntakeState.FAILED.value
        intake.save(update_fields=["state", "error"])
        if cleaning:
            _remove_events(intake)
        if full or isinstance(error, OSError):
            raise BadInput(intake.error, where=f"load {intake.pk}") from error
        raise


def _is_full(error: Exception) -> bool:
    """Whether the disk, a quota or a limit of file size stopped us; the engines tell it in words only."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}:
        return True
    return any(words in str(error) for words in ("No space left", "File too large", "disk is full", "quota exceeded"))
