"""`rekindle backtest`: every model asked at earlier days what would come, and held against what came."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from rekindle.cli.terminal import day, progress, ready, say_json

_FIGURES = (  # metric, heading, form
    ("log_loss", "log loss", "{:.4f}"),
    ("brier", "Brier", "{:.4f}"),
    ("auc", "AUC", "{:.3f}"),
    ("mae", "MAE", "{:.3f}"),
    ("total_error", "total", "{:+.1%}"),
    ("count_log_score", "count score", "{:.4f}"),
    ("calibration_error", "calibration", "{:.1%}"),
)


def backtest(
    cutoff: Annotated[
        list[str] | None,
        typer.Option("--cutoff", metavar="DATE", help="Ask as of the end of this day; may be repeated."),
    ] = None,
    horizon_days: Annotated[
        int | None,
        typer.Option("--horizon-days", metavar="N", help="How far ahead to ask; as in Settings if not said."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")
    ] = False,
) -> None:
    """Ask every model at earlier days what would come, hold it against what came, and say which one to trust."""
    days = [_day(text) for text in cutoff or []]
    ready()
    from rekindle.workflows import backtest as testing

    with progress(as_json) as tell:
        document = testing.run(cutoffs=days, horizon_days=horizon_days, progress=tell)
    if as_json:
        say_json(document)
    else:
        show(document)


def show(document: dict[str, Any]) -> None:
    """The models over all cutoffs, what speaks for the winner, its calibration, and what has drifted."""
    cutoffs = document["cutoffs"]
    typer.echo(
        f"{_counted(len(cutoffs))}, {document['horizon_days']} days after each, up to {document['as_of']}; "
        f"sign of life: {', '.join(document['pulse'])}"
    )
    for one in cutoffs:
        typer.echo(f"  {one['cutoff']}  {one['people']:>10,} people known, {one['seen']:>10,} came in the days after")
    for when, why in document["skipped"].items():
        typer.echo(f"  {when}  left out: {why}")
    typer.echo("Means over the cutoffs, ± how much they differ between them:")
    for model in document["models"]:
        _show_model(model)
    winner = document["winner"]["model"]
    typer.echo(f"To trust: {winner}. At the newest cutoff, people it told a chance of no sign of life:")
    trial = next(one for one in cutoffs[-1]["trials"] if one["model"] == winner)
    for group in trial["calibration"]:
        typer.echo(
            f"  {group['people']:>10,} people  told {group['told']:6.1%}  seen {group['seen']:6.1%}"
            f"  ({group['low']:.1%} to {group['high']:.1%})"
        )
    drift = document["drift"]
    typer.echo(drift["text"])
    for line in (*drift["shifts"], *drift["misses"]):
        typer.echo(f"  {line['text']}")
    for why in dict.fromkeys(drift["unknown"].values()):
        features = [feature for feature, reason in drift["unknown"].items() if reason == why]
        typer.echo(f"  {', '.join(features)} not compared: {why}")
    for note in document["notes"]:
        typer.echo(note)


def _show_model(model: dict[str, Any]) -> None:
    typer.echo(f"  {model['model']} ({_counted(model['cutoffs'])}). {model['why']}")
    told = []
    for metric, heading, form in _FIGURES:
        mean, spread = model["mean"][metric], model["spread"][metric]
        if mean is not None:
            give = "" if spread is None else f" ± {form.replace('+', '').format(spread)}"
            told.append(f"{heading} {form.format(mean)}{give}")
    if told:
        typer.echo(f"    {', '.join(told)}")


def _counted(cutoffs: int) -> str:
    return f"{cutoffs} cutoff" if cutoffs == 1 else f"{cutoffs} cutoffs"


def _day(text: str) -> date:
    found = day(text)
    if found is None:
        raise typer.BadParameter("--cutoff needs a day.")
    return found
