"""Serving pages and doing background work, each alone or both in one process, until told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from types import FrameType
from typing import Any

import typer

from rekindle.errors import RekindleError

THREADS = 8
FORM_BYTES = 1024**2  # what a form around an upload may take besides
STOP_SECONDS = 30.0  # how long a stop waits for the job at hand


def site_url(host: str, port: int) -> None:
    """Let links carry the address that is served, unless the operator named one. Call it before Django is set up."""
    shown = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104  # compared, not bound
    os.environ.setdefault("REKINDLE_SITE_URL", f"http://{shown}:{port}")


def up(host: str, port: int, *, browser: bool, new_link: bool = False) -> None:
    """Serve and work in one process; on first start print, and open, the owner's one-time link."""
    from django.conf import settings

    from rekindle.workflows import start

    server = _server(host, port)
    link = start.owner_link(anew=new_link)
    typer.echo(f"Rekindle is at {settings.SITE_URL}   (stop it with Ctrl-C)")
    if link:
        typer.echo(f"Set up the owner's account, once, within a day:\n  {link}")
    if browser and sys.stdout.isatty():
        webbrowser.open(link or settings.SITE_URL)
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(stop,), name="worker")
    thread.start()
    _until_told(server)
    stop.set()
    thread.join(STOP_SECONDS)
    if thread.is_alive():
        # The job at hand is longer than a stop may take. It is safe to cut: its lease runs out, another takes it up.
        sys.stdout.flush()
        os._exit(0)


def serve(host: str, port: int) -> None:
    """Serve pages until SIGTERM or Ctrl-C."""
    server = _server(host, port)
    typer.echo(f"Rekindle serves http://{host}:{port}   (stop it with Ctrl-C)")
    _until_told(server)


def work() -> None:
    """Do jobs until SIGTERM or Ctrl-C; the job at hand is finished first."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    typer.echo("Rekindle works   (stop it with Ctrl-C)")
    _work(stop)


def _work(stop: threading.Event) -> None:
    from rekindle.workflows import jobs, rounds
    from rekindle.workflows.outbox import worker

    outbox = threading.Thread(target=worker.work, args=(stop,), name="outbox", daemon=True)
    outbox.start()
    others = rounds.begin(stop)
    jobs.work(stop)
    for thread in (outbox, *others):
        thread.join(STOP_SECONDS)


def _server(host: str, port: int) -> Any:
    import waitress
    from django.conf import settings

    from rekindle.wsgi import application

    try:
        return waitress.create_server(
            application,
            host=host,
            port=port,
            threads=THREADS,
            ident=None,
            max_request_body_size=settings.UPLOAD_MAX_BYTES + FORM_BYTES,
        )
    except OSError as error:
        raise RekindleError(
            f"port {port} on {host} cannot be used: {error.strerror}.", remedy="Choose another with --port."
        ) from error


def _until_told(server: Any) -> None:
    def stop(_: int, __: FrameType | None) -> None:
        raise SystemExit(0)  # Python skips `finally` on SIGTERM unless a handler raises

    signal.signal(signal.SIGTERM, stop)
    try:
        server.run()
    except (SystemExit, KeyboardInterrupt):
        server.close()
