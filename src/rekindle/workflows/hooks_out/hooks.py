"""Who is told of what. Each deed is one transaction with its line in the audit trail; addresses stay out of that."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.act.channels import webhook
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import Hook, Telling
from rekindle.workflows import audit
from rekindle.workflows.hooks_out import deliver, tell
from rekindle.workflows.hooks_out.events import EVENTS, MESSAGE_TEXT
from rekindle.workflows.sealed import seal

LONGEST_NAME: Final = 80
MOST_HOOKS: Final = 50  # our choice: each fact is written once for each of them


@dataclass(frozen=True)
class Opened:
    """A hook and the secret its words are signed with, in clear for this once."""

    hook: Hook
    secret: str


def make(name: str, *, url: str, events: Collection[str], by: User) -> Opened:
    """Tell one more system. Raises Refused for a role that may not, BadInput for what cannot be told, Conflict."""
    _may(by)
    wanted = _checked(name, url, events)
    secret = f"rk_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        if Hook.objects.count() >= MOST_HOOKS:
            raise Conflict(f"{MOST_HOOKS} systems are told already", remedy="Remove one that is not needed any more.")
        _one_road_of_texts(wanted["events"], but=None)
        hook = Hook.objects.create(**wanted, secret=seal(secret), made_by=by)
        _note("made", hook, by=by, events=wanted["events"])
    return Opened(hook, secret)


def change(hook_id: int, *, name: str, url: str, events: Collection[str], by: User) -> Hook:
    """Another name, address or choice of events; what waits goes to the new address. Raises as `make` does."""
    _may(by)
    with transaction.atomic():
        hook = _locked(hook_id)
        wanted = _checked(name, url, events)
        _one_road_of_texts(wanted["events"], but=hook)
        changed = [field for field, value in wanted.items() if getattr(hook, field) != value]
        for field, value in wanted.items():
            setattr(hook, field, value)
        hook.save(update_fields=[*wanted])
        if changed:
            _note("changed", hook, by=by, what=changed)
    return hook


def rotate(hook_id: int, *, by: User) -> Opened:
    """A new secret; what is told from now on is signed with it."""
    _may(by)
    secret = f"rk_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        hook = _locked(hook_id)
        hook.secret = seal(secret)
        hook.save(update_fields=["secret"])
        _note("secret_changed", hook, by=by)
    return Opened(hook, secret)


def stop(hook_id: int, *, by: User) -> Hook:
    """Tell it nothing. What waits, waits; what happens meanwhile is not told later."""
    return _turn(hook_id, is_on=False, by=by)


def start(hook_id: int, *, by: User) -> Hook:
    """Tell it again, what waits first."""
    return _turn(hook_id, is_on=True, by=by)


def remove(hook_id: int, *, by: User) -> None:
    """Forget it, and everything that was or would have been told to it."""
    _may(by)
    with transaction.atomic():
        hook = _locked(hook_id)
        _note("removed", hook, by=by)
        hook.delete()


def test(hook_id: int, *, by: User) -> Telling:
    """Say a test now, whether it is on or not, and give what came of it. Waits for the answer, ten seconds at most."""
    _may(by)
    with transaction.atomic():
        hook = _locked(hook_id)
        row = tell.row_of_test(hook)
        row.save()
        _note("tested", hook, by=by)
    deliver.tell_due(only=[row.pk])
    row.refresh_from_db()
    return row


def _turn(hook_id: int, *, is_on: bool, by: User) -> Hook:
    _may(by)
    with transaction.atomic():
        hook = _locked(hook_id)
        if hook.is_on != is_on:
            hook.is_on = is_on
            hook.fault = "" if is_on else hook.fault
            hook.save(update_fields=["is_on", "fault"])
            _note("started" if is_on else "stopped", hook, by=by)
    return hook


def _checked(name: str, url: str, events: Collection[str]) -> dict[str, object]:
    name, url = " ".join(name.split()), url.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput("the name is missing, or too long", where="name", remedy=f"Give 1 to {LONGEST_NAME} letters.")
    place, walls = webhook.read(url), deliver.walls()
    if place.port not in walls.ports and not walls.inside:
        raise BadInput(
            f"port {place.port} is not opened", where="address",
            remedy="Use 443 or 8443, or name your own network in REKINDLE_WEBHOOK_NETWORKS.",
        )  # fmt: skip
    unknown = sorted(set(events) - set(EVENTS))
    if unknown or not events:
        raise BadInput(
            f"{unknown[0][:60]!r} cannot be told" if unknown else "nothing was chosen to tell", where="events",
            remedy="Choose one or more of the list.",
        )  # fmt: skip
    return {"name": name, "url": url, "events": [event for event in EVENTS if event in set(events)]}


def _one_road_of_texts(events: object, *, but: Hook | None) -> None:
    """Two systems with the same text message would send it twice."""
    if not isinstance(events, list) or MESSAGE_TEXT not in events:
        return
    others = Hook.objects.exclude(pk=but.pk) if but is not None else Hook.objects.all()
    other = next((one for one in others.only("name", "events") if MESSAGE_TEXT in one.events), None)
    if other is not None:
        raise Conflict(f"{other.name} sends the text messages already", remedy="Take it from there first.")


def _note(verb: str, hook: Hook, *, by: User, **details: object) -> None:
    audit.record(f"hook_out.{verb}", actor=by, subject=f"hook_out:{hook.pk}", details=dict(details))


def _may(by: User) -> None:
    if not by.may(Deed.SETTINGS):
        raise Refused("your role may not change settings", rule="role", remedy="Ask an owner or a manager.")


def _locked(hook_id: int) -> Hook:
    hook = Hook.objects.select_for_update(of=("self",)).filter(pk=hook_id).first()
    if hook is None:
        raise NotFound(f"no hook {hook_id}", remedy="Look at Settings, Webhooks out.")
    return hook
