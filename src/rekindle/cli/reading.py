"""What the reading commands print. Times are days, money is in the currency named beside it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from rekindle.errors import NotFound
from rekindle.relationships.vocabulary import Channel, Stage, Suggestion, TouchClass
from rekindle.words import Word

if TYPE_CHECKING:
    from rekindle.workflows.person import PersonView
    from rekindle.workflows.today import TodayCard
    from rekindle.workflows.why_not import Answer


def word(kind: type[Word], text: str, option: str) -> Word:
    """A word of the vocabulary typed by a person."""
    try:
        return kind(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: choose one of {', '.join(one.value for one in kind)}.") from error


def why_not(who: str, *, touch_class: str, channel: str, at: str | None) -> Answer:
    """The gate's answer about one person, class, channel and time (an ISO time; local to the business without zone)."""
    from zoneinfo import ZoneInfo

    from django.utils import timezone

    from rekindle.workflows import person
    from rekindle.workflows.brand import the_brand
    from rekindle.workflows.why_not import why_not as ask

    moment = timezone.now()
    if at is not None:
        try:
            moment = datetime.fromisoformat(at)
        except ValueError as error:
            raise typer.BadParameter(f"--at {at} is not a time; write it as 2026-03-31T14:30.") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(the_brand().time_zone))
    return ask(
        person.find(who),
        touch_class=TouchClass(word(TouchClass, touch_class, "--class")),
        channel=Channel(word(Channel, channel, "--channel")),
        at=moment,
    )


def fits() -> list[dict[str, Any]]:
    """The fits of the last finished night, as in the contract."""
    from rekindle.journal.models import Fit, Night, NightState

    night = Night.objects.filter(state=NightState.DONE.value).order_by("-id").first()
    if night is None:
        raise NotFound("no night has been run yet.", remedy="Take some history in, then run `rekindle nightly`.")
    return [
        {
            "model": fit.model,
            "unit": fit.unit,
            "parameters": fit.parameters,
            "standard_errors": fit.standard_errors,
            "log_likelihood": fit.log_likelihood,
            "n": fit.n,
            "converged": fit.converged,
            "boundary": fit.boundary,
            "held_out": fit.held_out,
            "baselines": fit.baselines,
            "chosen": fit.is_chosen,
            "why": fit.why,
            "as_of": night.as_of,
        }
        for fit in Fit.objects.filter(night=night).order_by("id")
    ]


def show_fits(documents: list[dict[str, Any]]) -> None:
    """Each model with its parameters, its likelihood, its held-out error, and whether it is used."""
    for fit in documents:
        used = "used" if fit["chosen"] else "not used"
        typer.echo(f"{fit['model']} ({used}, {fit['n']:,} people): {fit['why']}")
        if fit["parameters"]:
            values = "  ".join(f"{name} {_figure(value)}" for name, value in fit["parameters"].items())
            typer.echo(f"    {values}   ({'amounts' if fit['unit'] == 'minor units' else 'times'} in {fit['unit']})")
        if fit["log_likelihood"] is not None:
            typer.echo(f"    log-likelihood {fit['log_likelihood']:,.2f}")
        if fit["boundary"]:
            typer.echo(f"    {fit['boundary']}")
        for name, held_out in [("held out", fit["held_out"]), *fit["baselines"].items()]:
            if held_out:
                figures = ", ".join(
                    f"{key} {_figure(value)}" for key, value in held_out.items() if isinstance(value, int | float)
                )
                typer.echo(f"    {name}: {figures}")


def show_night(document: dict[str, Any]) -> None:
    """The steps of a night with rows and seconds, then people by stage and by decision."""
    for step in document["steps"]:
        typer.echo(f"{step['seconds']:>8.1f} s  {step['rows'] or 0:>12,} rows  {step['name']}")
    typer.echo(f"{document['people']:,} people up to {document['as_of']}")
    for stage, people in document["stages"].items():
        typer.echo(f"  {people:>10,}  {Stage(stage).label}")
    typer.echo("What to do about it:")
    for suggestion, people in document["decisions"].items():
        known = {one.value: one.label for one in Suggestion}
        typer.echo(f"  {people:>10,}  {known.get(suggestion, suggestion)}")


def show_today(cards: list[TodayCard]) -> None:
    """One person a paragraph; an empty day says so."""
    from rekindle.workflows.in_words import money_in_words

    if not cards:
        typer.echo("Nothing urgent today. Everyone is best left in peace.")
    for card in cards:
        stake = ""
        if card.value_at_stake_minor is not None:
            stake = f"   {money_in_words(card.value_at_stake_minor, currency=card.currency)} at stake"
        typer.echo(f"{card.person} ({card.stage.label}){stake}")
        for fact in card.why_now:
            typer.echo(f"    {fact}")
        typer.echo(f"    {card.suggestion.label}: “{card.opening_line}”\n")


def show_person(view: PersonView) -> None:
    """The page of a person in words: where we stand, what we believe, what speaks for it, what is suggested."""
    document = view.as_json()
    stage = Stage(document["stage"]).label if document["stage"] else "no relationship with us yet"
    typer.echo(f"{document['person']}: {stage}")
    for life in document.get("episodes") or []:
        over = f" to {life['ended_on']}" if life.get("ended_on") else ", and it goes on"
        typer.echo(f"  life {life['number']}: from {life['began_on']}{over}, last seen {life['last_seen_on']}")
    _show_outlook(document.get("outlook"))
    for sign in document.get("signs") or []:
        typer.echo(f"  {sign['title']}: {sign['text']}. {sign['record']}")
    for decision in document.get("decisions") or []:
        typer.echo(f"  {Suggestion(decision['suggestion']).label}: {decision['text']}")
    for refusal in document.get("refusals") or []:
        until = f" (until {refusal['until'][:10]})" if refusal["until"] else ""
        typer.echo(f"  not allowed on {refusal['on']}: {refusal['text']}{until}")


def _show_outlook(outlook: dict[str, Any] | None) -> None:
    from rekindle.workflows.in_words import money_in_words

    if outlook is None:
        return
    if outlook["unknown"]:
        typer.echo(f"  not known: {outlook['unknown']}")
    none, value = outlook["p_none"], outlook["value"]
    if none["value"] is not None:
        band = f" ({none['low']:.0%} to {none['high']:.0%})" if none["low"] is not None else ""
        typer.echo(f"  chance of no sign of life in {outlook['horizon_days']} days: {none['value']:.0%}{band}")
    if value["minor"] is not None:
        money = {
            key: money_in_words(value[key], currency=value["currency"] or "")
            for key in ("minor", "low_minor", "high_minor")
            if value[key] is not None
        }
        band = f" ({money['low_minor']} to {money['high_minor']})" if len(money) == 3 else ""
        typer.echo(f"  still to come in {value['horizon_days']} days: {money['minor']}{band}")
    if outlook["silent_days"] is not None:
        usual = f", usually {outlook['usual_gap_days']:g}" if outlook["usual_gap_days"] is not None else ""
        typer.echo(f"  silent for {outlook['silent_days']} days{usual}")


def _figure(value: Any) -> str:
    """A parameter of any model: four figures, its words, or that it has no bound; a list is counted."""
    if value is None:
        return "without bound"
    if isinstance(value, dict | list):
        return f"({len(value)})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
