"""`rekindle do`: one deed of the table in the name of a member of staff, from the machine's own command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rekindle.cli.terminal import ready, say_json
from rekindle.errors import BadInput, NotFound

if TYPE_CHECKING:
    from rekindle.accounts.models import User
    from rekindle.workflows.deeds import Verb


def do(
    deed: Annotated[str | None, typer.Argument(metavar="DEED", help="Its name, for example end.record.")] = None,
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="What it takes in; lists with commas.")
    ] = None,
    in_name_of: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="Whose deed it is; the first owner's if not said.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Show the deeds, or the fields of one, and do nothing.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")
    ] = False,
) -> None:
    """Do one deed with a person: everything the pages do, by name."""
    if deed is None and not show:
        raise typer.BadParameter("name a deed, or ask for --list.")
    pairs = _pairs(fields or [])
    ready()
    from rekindle.workflows import deeds

    verb = _verb(deed) if deed is not None else None
    if show:
        shown = [verb] if verb else list(deeds.TABLE.values())
        if as_json:
            say_json([one.as_json() for one in shown])
        else:
            _show(shown)
        return
    if verb is None:
        raise typer.BadParameter("name a deed.")
    given = _given(verb, pairs)
    result = deeds.do(verb, given, by=_staff(in_name_of), door=deeds.COMMAND_LINE)
    if as_json:
        say_json(result)
    else:
        for name, value in result.items():
            typer.echo(f"{name:<16}  {_said(value)}")


def _pairs(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{text}: write it as FIELD=VALUE, e.g. person=00017.")
        if name in found:
            raise typer.BadParameter(f"{name} is given twice.")
        found[name] = value
    return found


def _verb(name: str) -> Verb:
    from rekindle.workflows import deeds

    try:
        return deeds.find(name)
    except NotFound as error:
        raise typer.BadParameter(str(error)) from error


def _given(verb: Verb, pairs: dict[str, str]) -> Any:
    from rekindle.workflows.deeds import given

    values = given.from_words(verb.given, pairs)
    try:
        return given.read(verb.given, values)
    except BadInput as error:
        raise typer.BadParameter(str(error)) from error


def _staff(email: str | None) -> User:
    """The member of staff of that address, or the first owner. Raises NotFound where there is none."""
    from rekindle.accounts.models import User
    from rekindle.accounts.roles import Role

    active = User.objects.filter(is_active=True).order_by("id")
    if email is None:
        found = active.filter(role=Role.OWNER.value).first()
        if found is None:
            raise NotFound("nobody has an account here yet", remedy="Run `rekindle up` and open the link it prints.")
        return found
    found = active.filter(email__iexact=email).first()
    if found is None:
        raise NotFound(f"no active member of staff has the address {email}", remedy="Settings, Staff lists them.")
    return found


def _show(verbs: list[Verb]) -> None:
    from rekindle.workflows.deeds.given import kind_of

    if len(verbs) > 1:
        for verb in verbs:
            typer.echo(f"{verb.name:<22}  {verb.summary}")
        return
    verb = verbs[0]
    typer.echo(f"{verb.name}: {verb.summary}")
    for name, field in verb.given.model_fields.items():
        needed = "needed" if field.is_required() else ""
        typer.echo(f"  {name:<18} {needed:<7} {kind_of(verb.given, name).replace('`', '')}")


def _said(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
