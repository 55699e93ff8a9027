"""Whether an installation is sound. Each question is asked of the real thing, not of a setting about it."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count

from rekindle import home
from rekindle.journal.models import Intake, IntakeState, Night, NightState, Road
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import PartyKind
from rekindle.workflows import audit, events_waiting, take_in
from rekindle.workflows.findings import Finding
from rekindle.workflows.outbox.put import sending as the_row

LOW_DISK_GB = 2
TOLD_AT_MOST = timedelta(minutes=15)


def everything(*, domain: bool = False, selector: str = "") -> list[Finding]:
    """Every question, in order. Reading only.

    domain    also whether the domain is ready for sending, while sending is still off; once it is on, always
    selector  the name of its DKIM key; empty: the usual ones are tried
    """
    return [*(question() for question in _QUESTIONS), *_sending(domain=domain, selector=selector)]


def _sending(*, domain: bool, selector: str) -> list[Finding]:
    from rekindle.workflows import sending  # it brings the mail providers' library, which no other question needs

    row = the_row()
    if row.road == Road.LOCAL.value and not domain:
        return [Finding("sending", True, "sending is off: every message is kept in the outbox folder of this house")]
    if row.paused:
        return [Finding("sending", False, f"sending is paused: {row.paused}"), *sending.findings(selector=selector)]
    return sending.findings(selector=selector)


def _home() -> Finding:
    folder = home.home()
    mode = stat.S_IMODE(folder.stat().st_mode)
    private = not mode & 0o077
    return Finding(
        "home",
        private,
        f"everything lies in {folder}" + ("" if private else f", which others can read (mode {mode:o}); run chmod 700"),
    )


def _disk() -> Finding:
    free = shutil.disk_usage(home.home()).free / 1024**3
    return Finding("disk", free >= LOW_DISK_GB, f"{free:,.1f} GB free on the disk of the home folder")


def _books() -> Finding:
    waiting = MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
    return Finding(
        "books", not waiting, f"the books are in {connection.vendor}, {len(waiting)} changes of their tables waiting"
    )


def _people() -> Finding:
    # A household ties people together and is no customer itself.
    theirs = Party.objects.exclude(kind=PartyKind.HOUSEHOLD.value)
    people, alone = theirs.count(), theirs.filter(relationships=None).count()
    return Finding(
        "people", not alone, f"{people:,} people and organisations, {alone:,} of them without a relationship"
    )


def _totals() -> Finding:
    by_stage = Relationship.objects.values("stage").annotate(n=Count("id")).order_by()
    total, stages = Relationship.objects.count(), sum(row["n"] for row in by_stage)
    return Finding("totals", total == stages, f"{total:,} relationships, {stages:,} of them in a stage")


def _history() -> Finding:
    from rekindle.observe.history import History

    folder = home.history_folder()
    loads = Intake.objects.filter(state=IntakeState.TAKEN.value, kind="events")
    told = sum(int(counts.get("kept", 0)) for counts in loads.values_list("counts", flat=True))
    if not folder.exists():
        return Finding("history", told == 0, f"no history yet; the loads tell of {told:,} events")
    from rekindle.workflows import staging

    with staging.columns() as db:
        view = History(folder).relation(db, without=take_in.hidden_loads())
        rows = int(db.execute(f"SELECT count(*) FROM {view}").fetchall()[0][0])  # noqa: S608  # a view of ours
    return Finding("history", rows == told, f"{rows:,} events in the history, {told:,} by the loads that brought them")


def _told() -> Finding:
    """Events told in passing reach the history within a minute while a worker runs."""
    count, since = events_waiting.how_many()
    late = since is not None and datetime.now(UTC) - since > TOLD_AT_MOST
    told = f"{count:,} events told in passing wait for the history"
    return Finding("told", not late, f"{told} since {since:%Y-%m-%d %H:%M} UTC; is a worker running?" if late else told)


def _audit() -> Finding:
    broken = audit.first_broken()
    return Finding(
        "audit", broken is None, "the audit trail is whole" if broken is None else f"entry {broken} was altered"
    )


def _night() -> Finding:
    last = Night.objects.order_by("-id").first()
    if last is None:
        return Finding("night", True, "no night has been run yet")
    done = last.state == NightState.DONE
    return Finding(
        "night", done, f"the night of {last.as_of} is {NightState(last.state).label}: {last.error or 'no error'}"
    )


def _deployment() -> Finding:
    if settings.SITE_URL.startswith("http://") and not settings.IS_SECURE:
        return Finding("deployment", True, f"served at {settings.SITE_URL}, for this machine only")
    found = [message for message in run_checks(include_deployment_checks=True) if message.level >= WARNING]
    return Finding(
        "deployment", not found, "; ".join(message.msg for message in found) or "ready to be reached from outside"
    )


def _mailbox() -> Finding:
    from rekindle.workflows.inbound import mailbox

    ok, text = mailbox.told()
    return Finding("mailbox", ok, text)


_QUESTIONS: tuple[Callable[[], Finding], ...] = (
    _home,
    _disk,
    _books,
    _people,
    _totals,
    _history,
    _told,
    _audit,
    _night,
    _mailbox,
    _deployment,
)
