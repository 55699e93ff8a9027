"""The command line: names, options and JSON keys are a contract (docs/cli.md).

Thin: every command sets Django up, calls one workflow and prints what it gives. Nothing heavy is imported before a
command runs, so that `rekindle --help` answers at once. `--json` prints one JSON document on stdout and nothing else.
Exit codes: 0 done, 1 something refused (and said), 2 wrong words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rekindle.cli.backtest import backtest
from rekindle.cli.deeds import do
from rekindle.cli.terminal import day, progress, ready, say_json
from rekindle.errors import RekindleError

app = typer.Typer(
    name="rekindle",
    help="A CRM for the whole relationship, including its end.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Read up to the end of this day.")]
Who = Annotated[str, typer.Argument(metavar="WHO", help="Customer number, e-mail, phone or name.")]
_debug = False


app.command()(do)
app.command()(backtest)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Everything of one business lies in REKINDLE_HOME (default ~/.rekindle)."""
    global _debug
    _debug = debug


def run() -> None:
    """Run the command line; every error is one line on stderr."""
    try:
        app()
    except RekindleError as error:
        if _debug:
            raise
        typer.echo(f"rekindle: {error}", err=True)
        raise SystemExit(1) from error
    except OSError as error:
        if _debug:
            raise
        typer.echo(f"rekindle: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        raise SystemExit(1) from error


@app.command(name="take-in")
def take_in(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, text table, XLSX or Parquet.")],
    kind: Annotated[
        str,
        typer.Option("--as", metavar="KIND", help="events|people|organisations|cancellations|consents|suppressions"),
    ],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Correct a guess; FIELD=- leaves it out.")
    ] = None,
    event_kind: Annotated[str | None, typer.Option("--kind", help="What each event is, e.g. purchase.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Of amounts that do not say, e.g. EUR.")] = None,
    source: Annotated[str, typer.Option("--source", help="Customer numbers are unique within a source.")] = "main",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, count, change nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take files of history, people or wishes in; show how each column was read, what was kept and what refused."""
    from rekindle.cli import loads

    ready()
    with progress(as_json) as tell:
        document = loads.take_in(
            files,
            kind=kind,
            mapping=loads.pairs(mapping or []),
            event_kind=event_kind,
            currency=currency,
            source=source,
            dry_run=dry_run,
            progress=tell,
        )
    if as_json:
        say_json(document)
    else:
        loads.show(document)


@app.command()
def undo(
    intake: Annotated[int, typer.Argument(metavar="INTAKE", help="Number of the load.")], as_json: JsonFlag = False
) -> None:
    """Take one load back; its consents and suppressions stay."""
    ready()
    from rekindle.workflows import take_in

    done = take_in.undo(take_in.find(intake))
    people = done.counts.get("people_taken_back", 0)
    if as_json:
        say_json({"intake": done.pk, "state": done.state, "people_taken_back": people})
    else:
        typer.echo(f"Load {done.pk} is taken back, and {people:,} people it alone had brought. Run `rekindle nightly`.")


@app.command()
def nightly(as_of: AsOf = None, as_json: JsonFlag = False) -> None:
    """Read everything up to a day: who is slipping away, what it is worth, what to do about it."""
    until = day(as_of)
    ready()
    from rekindle.cli import reading
    from rekindle.workflows import nightly as night

    with progress(as_json) as tell:
        document = night.document(night.run(as_of=until, progress=tell))
    if as_json:
        say_json(document)
    else:
        reading.show_night(document)


@app.command()
def today(
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many people at most.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """The people worth a human's time today, and one sentence to begin with."""
    until = day(as_of)
    ready()
    from rekindle.cli import reading
    from rekindle.workflows.today import today as cards

    found = cards(as_of=until, limit=limit)
    if as_json:
        say_json([card.as_json() for card in found])
    else:
        reading.show_today(found)


@app.command()
def person(who: Who, as_json: JsonFlag = False) -> None:
    """Everything known and believed about one person."""
    ready()
    from rekindle.cli import reading
    from rekindle.workflows import person as people
    from rekindle.workflows.story import the_history

    view = people.view(people.find(who), history=the_history())
    if as_json:
        say_json(view.as_json())
    else:
        reading.show_person(view)


@app.command(name="why-not")
def why_not(
    who: Who,
    touch_class: Annotated[str, typer.Option("--class", metavar="CLASS", help="What for: service, relationship, ...")],
    channel: Annotated[str, typer.Option("--channel", metavar="CHANNEL", help="How: email, call, letter, ...")],
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When; now if not said.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Whether this person may be reached this way, and if not, which rule says so and when it changes."""
    ready()
    from rekindle.cli import reading

    answer = reading.why_not(who, touch_class=touch_class, channel=channel, at=at)
    if as_json:
        say_json(answer.as_json())
    else:
        typer.echo(answer.text)
    if not answer.allowed:
        raise typer.Exit(1)


@app.command()
def explain(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Its number, its key or its Message-ID.")],
    as_json: JsonFlag = False,
) -> None:
    """The whole life of one message: what the rules said, every attempt, and what comes next."""
    ready()
    from rekindle.workflows.outbox import explain as explaining

    document = explaining.explain(explaining.find(message))
    if as_json:
        say_json(document)
    else:
        typer.echo("\n".join(explaining.in_lines(document)))


@app.command()
def fits(as_json: JsonFlag = False) -> None:
    """What the models learned on the last night, with their error on held-out time beside the baselines."""
    ready()
    from rekindle.cli import reading

    documents = reading.fits()
    if as_json:
        say_json(documents)
    else:
        reading.show_fits(documents)


@app.command()
def export(folder: Annotated[Path, typer.Argument(metavar="DIR")], as_json: JsonFlag = False) -> None:
    """Write everything as CSV and Parquet into an empty folder."""
    ready()
    from rekindle.workflows import export as exporting

    with progress(as_json) as tell:
        document = exporting.everything(folder, progress=tell)
    if as_json:
        say_json(document)
    else:
        for name, rows in document["files"].items():
            typer.echo(f"{rows:>12,}  {name}")


@app.command()
def forget(
    who: Who, yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; this cannot be undone.")] = False
) -> None:
    """Erase one person everywhere, for good; only keyed hashes stay, so that no load brings them back."""
    ready()
    from rekindle.workflows import forget as forgetting
    from rekindle.workflows import person as people

    party = people.find(who)
    if not yes:
        typer.confirm(f"Forget {party} (#{party.pk}) for good? This cannot be undone.", abort=True)
    done = forgetting.forget(party, by=None)
    for name, rows in done.rows.items():
        typer.echo(f"{rows:>12,}  {name}")
    typer.echo(f"{done.events:>12,}  event")
    typer.echo(f"{done.files:>12,}  file of {len(done.loads):,} load(s)")
    typer.echo(
        f"They are forgotten; {done.hashes:,} keyed hash(es) keep them out. Exports and backups are yours to clean."
    )
    for sentence in done.remains:
        typer.echo(sentence)


@app.command()
def check(
    domain: Annotated[bool, typer.Option("--domain", help="Also look at the domain while sending is off.")] = False,
    selector: Annotated[str | None, typer.Option("--selector", help="The name of the domain's DKIM key.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Whether this installation is sound: books, history, audit trail, settings."""
    ready()
    from rekindle.workflows import check as checking

    findings = checking.everything(domain=domain, selector=selector or "")
    if as_json:
        say_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok     ' if finding.ok else 'TROUBLE'}  {finding.text}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def up(
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    new_owner_link: Annotated[
        bool, typer.Option("--new-owner-link", help="Print a fresh one-time link for an owner.")
    ] = False,
) -> None:
    """Bring the tables up to date, serve the pages and do the background work, in one process."""
    from rekindle.cli import serving

    serving.site_url(host, port)
    ready()
    serving.up(host, port, browser=not no_browser, new_link=new_owner_link)


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1", port: Annotated[int, typer.Option("--port")] = 8000
) -> None:
    """Serve the pages only; run `rekindle worker` beside it."""
    from rekindle.cli import serving

    serving.site_url(host, port)
    ready()
    serving.serve(host, port)


@app.command()
def worker() -> None:
    """Do the background work only; several may run beside one another."""
    ready()
    from rekindle.cli import serving

    serving.work()


@app.command()
def demo(
    people: Annotated[int, typer.Option("--people", min=50)] = 5000,
    months: Annotated[int, typer.Option("--months", min=6, max=60)] = 24,
    seed: Annotated[int, typer.Option("--seed")] = 7,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Build it and stop.")] = False,
) -> None:
    """Build a simulated gym, live its history through the public doors, and open it."""
    from rekindle.cli import serving

    serving.site_url(host, port)
    ready()
    from rekindle.workflows import demo as demonstration

    with progress(False) as tell:
        built = demonstration.build(people=people, months=months, seed=seed, progress=tell)
    typer.echo(built.text)
    if not no_serve:
        serving.up(host, port, browser=not no_browser)
