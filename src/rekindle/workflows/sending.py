"""Whether anything leaves this house, by which server and in whose name. Only a human switches it on.

1. `change` keeps what is said of the server and of who writes; the password is sealed and never shown again;
2. `switch_on` asks the server whether it lets us in, and from then on mail goes there;
3. `switch_off` brings all mail back into the folder of this house; what waits, waits;
4. `pause` and `resume` hold and let go what is under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act.channels.mail import Mail, Server
from rekindle.act.envelope import address, clean
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import Message, MessageState, Road, Security, Sending
from rekindle.workflows import audit
from rekindle.workflows.outbox import fence
from rekindle.workflows.outbox.put import sending
from rekindle.workflows.sealed import seal, unseal

PATIENCE: Final = 10.0  # seconds for a server to answer while a human waits


@dataclass(frozen=True)
class Wanted:
    """What a form says. `password` None: the one that is kept stays."""

    host: str
    port: int
    security: Security
    username: str
    password: str | None
    from_name: str
    from_address: str
    reply_to: str
    postal_address: str
    per_minute: int


def change(wanted: Wanted, *, by: User) -> Sending:
    """Keep the settings; a server that mail goes to now is asked first. Raises BadInput, Conflict where it says no."""
    _check(wanted)
    kept = sending()
    password = kept.password if wanted.password is None else seal(wanted.password) if wanted.password else ""
    if kept.road == Road.SMTP.value:
        _ask(wanted, unseal(password) if password else "")
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=1)
        before = {name: getattr(row, name) for name in _PLAIN}
        for name in _PLAIN:
            setattr(row, name, getattr(wanted, name))
        row.security, row.password = wanted.security.value, password
        row.changed_at, row.changed_by = timezone.now(), by
        row.save()
        changed = [name for name in _PLAIN if before[name] != getattr(wanted, name)]
        audit.record(
            "sending.changed", actor=by, details={"what": [*changed, *["password"] * (wanted.password is not None)]}
        )
    return row


def switch_on(*, by: User) -> Sending:
    """Mail goes to the server from now on. Raises BadInput for what is missing, Conflict where the server says no."""
    row = sending()
    if not (row.host and row.from_name and row.from_address):
        raise BadInput(
            "a mail server, a name and an address of ours are needed", remedy="Fill them in and keep them first."
        )
    if row.paused:
        raise Conflict("sending is paused", remedy="Look at why, and let it go on first.")
    _ask(_as_wanted(row), unseal(row.password) if row.password else "")
    return _turn(Road.SMTP, by=by)


def switch_off(*, by: User) -> Sending:
    """All mail stays in this house from now on."""
    return _turn(Road.LOCAL, by=by)


def pause(*, by: User) -> Sending:
    """Nothing is handed over until somebody lets it go on."""
    return fence.pause(f"{by} paused it", by=by)


def resume(*, by: User) -> int:
    """Let it go on; gives how many messages the sent log settled first. Raises Conflict where nothing was paused."""
    return fence.resume(by=by)


def counts() -> dict[str, int]:
    """How many messages wait, are under way, or are not known. Everything else is history and not counted."""
    open_states = (MessageState.QUEUED, MessageState.CLAIMED, MessageState.HANDING_OVER, MessageState.UNKNOWN)
    return {state.value: Message.objects.filter(state=state.value).count() for state in open_states}


_PLAIN: Final = (
    "host", "port", "username", "from_name", "from_address", "reply_to", "postal_address", "per_minute",
)  # fmt: skip


def _check(wanted: Wanted) -> None:
    if wanted.from_address:
        address(wanted.from_address)
    if wanted.reply_to:
        address(wanted.reply_to)
    clean(wanted.from_name, where="name")
    if not 1 <= wanted.port <= 65_535:
        raise BadInput(f"port is {wanted.port}", remedy="587 is usual; 465 with TLS from the start.")
    if not 1 <= wanted.per_minute <= 100_000:
        raise BadInput(f"{wanted.per_minute} messages a minute", remedy="Give 1 to 100,000.")
    if wanted.host:
        Mail(_server(wanted, ""))


def _server(wanted: Wanted, password: str) -> Server:
    return Server(wanted.host, wanted.port, wanted.security.value, wanted.username, password, timeout=PATIENCE)


def _ask(wanted: Wanted, password: str) -> None:
    answer = Mail(_server(wanted, password)).test()
    if answer is not None:
        raise Conflict(
            f"{wanted.host}:{wanted.port} does not let us in: {answer.reply}",
            remedy="Check the server, the name and the password. Nothing was changed.",
        )


def _as_wanted(row: Sending) -> Wanted:
    return Wanted(**{name: getattr(row, name) for name in _PLAIN}, security=Security(row.security), password=None)


def _turn(road: Road, *, by: User) -> Sending:
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=sending().pk)
        if row.road != road.value:
            row.road, row.changed_at, row.changed_by = road.value, timezone.now(), by
            row.save(update_fields=["road", "changed_at", "changed_by"])
            audit.record("sending.switched", actor=by, details={"to": road.value})
    return row
