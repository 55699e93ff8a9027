"""Take in: choose files, check the columns, read a dry run, take the load in, take it back.

The page of a load, `/take-in/<n>/`, shows the step the load stands at, whatever the browser believes: a second tab, a
double click and the back button meet the present state instead of an old form.
"""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import RekindleError
from rekindle.journal import loads
from rekindle.journal.models import Intake, IntakeState, Job, JobState
from rekindle.relationships.vocabulary import IntakeKind
from rekindle.web import load_columns, load_pages
from rekindle.web.gate import staff, staff_for, wants_part
from rekindle.web.given import place
from rekindle.web.load_words import KINDS
from rekindle.web.uploads import StoredFile, StreamToHome

FORM_OVERHEAD = 1_048_576  # what the words of the form may add to the bytes of the files
PATIENCE = timedelta(seconds=15)  # our choice: after that someone should look whether the worker runs
MAY_STAGE = {IntakeState.SURVEYED.value, IntakeState.STAGED.value, IntakeState.FAILED.value}


def _may_take_in(user: User) -> bool:
    return user.may(Deed.TAKE_IN)


# The desk: upload and the list of loads


@csrf_exempt  # the check is made by _receive: it must come after the upload handler is chosen
@login_required
@require_http_methods(["GET", "POST"])
def desk(request: HttpRequest) -> HttpResponse:
    """Form for new files, and the loads so far. A post is refused by role and by size before its body is read."""
    if request.method == "GET":
        return _desk_page(request)
    staff_for(request, Deed.TAKE_IN)
    cap = settings.UPLOAD_MAX_BYTES
    if int(request.META.get("CONTENT_LENGTH") or 0) > cap + FORM_OVERHEAD:
        return _desk_page(request, trouble=load_pages.too_large(cap), status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    handler = StreamToHome(request, at_most=cap)
    request.upload_handlers = [handler]
    kept = False
    try:
        response, kept = _receive(request, handler)
    finally:
        if not kept:
            handler.discard()
    return response


def _receive(request: HttpRequest, handler: StreamToHome) -> tuple[HttpResponse, bool]:
    """The answer to an upload, and whether its files are used. Reading `request.POST` is what streams the files."""
    kept = False

    @csrf_protect
    def checked(request: HttpRequest) -> HttpResponse:
        nonlocal kept
        response, kept = _begin(request, handler)
        return response

    return checked(request), kept


def _begin(request: HttpRequest, handler: StreamToHome) -> tuple[HttpResponse, bool]:
    user = staff(request)
    kind = request.POST.get("kind", "")
    files = [file for file in request.FILES.getlist("files") if isinstance(file, StoredFile)]
    trouble = ""
    if handler.is_over:
        trouble = load_pages.too_large(settings.UPLOAD_MAX_BYTES)
    elif not files:
        trouble = _("No file was chosen. Choose one or several files, then press the button again.")
    elif kind not in KINDS:
        trouble = _("Say what is in the files: choose one of the six kinds.")
    if trouble:
        return _desk_page(request, trouble=trouble, kind=kind, status=HTTPStatus.UNPROCESSABLE_ENTITY), False
    source = request.POST.get("source", "").strip()[:64] or _source_of(files[0])
    # Arrow and DuckDB are loaded by the workflow: where they are used, never at web start-up.
    from rekindle.workflows import take_in

    try:
        intake = take_in.begin(
            [file.path for file in files], kind=kind, source=source, mapping={}, event_kind=None, by=user
        )
    except RekindleError as error:
        return _desk_page(request, trouble=str(error), kind=kind, status=HTTPStatus.UNPROCESSABLE_ENTITY), False
    return redirect("intake", intake.pk), True


def _source_of(file: StoredFile) -> str:
    stem = Path(re.split(r"[/\\]", file.name or "")[-1]).stem.strip()
    return stem[:64] or _("upload")


def _desk_page(request: HttpRequest, *, trouble: str = "", kind: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    older_than = place(request.GET.get("before", ""))
    found, next_key = loads.before(older_than)
    context = {
        "kinds": KINDS.items(),
        "chosen_kind": kind or IntakeKind.EVENTS.value,
        "trouble": trouble,
        "most_bytes": settings.UPLOAD_MAX_BYTES,
        "most_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "loads": [load_pages.load_line(intake) for intake in found],
        "next_key": next_key,
        "is_first_page": older_than is None,
        "may_take_in": _may_take_in(staff(request)),
    }
    return render(request, "web/take_in.html", context, status=status)


# One load


def _intake(number: int) -> Intake:
    intake = Intake.objects.select_related("by").filter(pk=number).first()
    if intake is None:
        raise Http404(_("There is no load with that number."))
    return intake


@login_required
@require_GET
def load(request: HttpRequest, number: int) -> HttpResponse:
    """The load at the step it stands at."""
    intake = _intake(number)
    work = loads.work_on(number)
    if work is None and intake.state == IntakeState.SURVEYED:
        last = loads.last_work_on(number)
        trouble = last.error if last is not None and last.state == JobState.FAILED else ""
        return _columns_page(request, intake, trouble=trouble)
    context = _load_context(request, intake, work)
    return render(request, "web/take_in_load.html", context)


def _load_context(request: HttpRequest, intake: Intake, work: Job | None) -> dict[str, Any]:
    last = loads.last_work_on(intake.pk) if work is None else None
    counts = load_pages.Counts.of(intake)
    return {
        "intake": intake,
        "kind": KINDS.get(intake.kind),
        "step": load_pages.step_of(intake, work),
        "work": load_pages.Work.of(work, now=timezone.now(), patience=PATIENCE),
        "trouble": last.error if last is not None and last.state == JobState.FAILED else "",
        "counts": counts,
        "refused": load_pages.refused_sample(intake) if work is None else [],
        "may_take_in": _may_take_in(staff(request)),
        "may_run_night": staff(request).may(Deed.RUN_NIGHT),
    }


@login_required
@require_GET
def progress(request: HttpRequest, number: int) -> HttpResponse:
    """The part of the load's page that renews itself; when the work has ended the whole page is asked for again."""
    intake = _intake(number)
    if not wants_part(request):
        return redirect("intake", number)
    work = loads.work_on(number)
    if work is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "web/take_in_progress.html", _load_context(request, intake, work))


# The columns


@login_required
@require_http_methods(["GET", "POST"])
def columns(request: HttpRequest, number: int) -> HttpResponse:
    """Which column holds what. A post keeps the answers and, if nothing more must be told, starts the dry run."""
    intake = _intake(number)
    if request.method == "GET":
        if intake.state not in MAY_STAGE or loads.work_on(number) is not None:
            return redirect("intake", number)
        return _columns_page(request, intake)
    user = staff_for(request, Deed.TAKE_IN)
    answers = load_columns.Answers.of(request.POST, survey=load_columns.survey_of(intake), kind=intake.kind)
    if answers.trouble:
        return _columns_page(request, intake, answers=answers, trouble=answers.trouble, status=422)
    from rekindle.workflows import jobs, take_in

    try:
        with transaction.atomic():
            # The row is locked so that a double click asks for one dry run only.
            intake = Intake.objects.select_for_update().get(pk=number)
            if intake.state not in MAY_STAGE or loads.work_on(number) is not None:
                messages.info(request, _("This load has moved on meanwhile; here is where it stands."))
                return redirect("intake", number)
            intake = take_in.remap(intake, mapping=answers.mapping, by=user)
            if not load_columns.survey_of(intake).get("problems"):
                jobs.ask("stage", {"intake": number}, by=user)
    except RekindleError as error:
        return _columns_page(request, _intake(number), answers=answers, trouble=str(error), status=422)
    return redirect("intake", number)


def _columns_page(
    request: HttpRequest,
    intake: Intake,
    *,
    answers: load_columns.Answers | None = None,
    trouble: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "intake": intake,
        "kind": KINDS.get(intake.kind),
        "step": "columns",
        "trouble": trouble or intake.error,
        "reading": load_columns.Reading.of(intake, answers=answers),
        "may_take_in": _may_take_in(staff(request)),
    }
    return render(request, "web/take_in_columns.html", context, status=status)


# Taking in, taking back, what was refused


@login_required
@require_POST
def commit(request: HttpRequest, number: int) -> HttpResponse:
    """Take the load in, as the dry run showed it. A load that has moved on is shown, not touched."""
    user = staff_for(request, Deed.TAKE_IN)
    from rekindle.workflows import jobs

    with transaction.atomic():
        intake = Intake.objects.select_for_update().filter(pk=number).first()
        if intake is None:
            raise Http404(_("There is no load with that number."))
        if loads.work_on(number) is None:
            if intake.state not in {IntakeState.STAGED, IntakeState.TAKING}:
                messages.info(request, _("Nothing was done: this load has moved on meanwhile."))
            elif request.POST.get("fingerprint") != intake.fingerprint:
                # Another tab has changed the columns: what would be taken in is not what this page showed.
                messages.warning(request, _("The columns were changed meanwhile. Look at this dry run first."))
            else:
                jobs.ask("commit", {"intake": number}, by=user)
    return redirect("intake", number)


@login_required
@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Ask whether the load shall be taken back (GET), and take it back (POST)."""
    user = staff_for(request, Deed.TAKE_IN)
    intake = _intake(number)
    if request.method == "GET":
        if intake.state != IntakeState.TAKEN:
            return redirect("intake", number)
        context = {"intake": intake, "kind": KINDS.get(intake.kind), "counts": load_pages.Counts.of(intake)}
        return render(request, "web/take_in_undo.html", context)
    from rekindle.workflows import jobs

    with transaction.atomic():
        intake = Intake.objects.select_for_update().get(pk=number)
        if loads.work_on(number) is None:
            if intake.state == IntakeState.TAKEN:
                jobs.ask("undo", {"intake": number}, by=user)
            else:
                messages.info(request, _("Nothing was done: this load is not taken in."))
    return redirect("intake", number)


@login_required
@require_GET
def rejects(request: HttpRequest, number: int) -> FileResponse:
    """The refused rows as a file to save, never shown by the browser itself."""
    staff(request)
    intake = _intake(number)
    file = load_pages.rejects_file(intake)
    if file is None:
        raise Http404(_("This load has no refused rows."))
    return FileResponse(
        file.open("rb"),
        as_attachment=True,
        filename=f"refused-rows-of-load-{number}.csv",
        content_type="text/csv; charset=utf-8",
        headers={"X-Content-Type-Options": "nosniff"},
    )


urlpatterns: list[URLPattern] = [
    path("take-in/", desk, name="take_in"),
    path("take-in/<int:number>/", load, name="intake"),
    path("take-in/<int:number>/progress/", progress, name="intake_progress"),
    path("take-in/<int:number>/columns/", columns, name="intake_columns"),
    path("take-in/<int:number>/commit/", commit, name="intake_commit"),
    path("take-in/<int:number>/undo/", undo, name="intake_undo"),
    path("take-in/<int:number>/rejects/", rejects, name="intake_rejects"),
]
