"""Whether anything leaves this house, by which server and in whose name. Only a human switches it on.

1. `change` keeps what is said of the server or the provider and of who writes; password and keys are sealed and never
   shown again;
2. `switch_on` asks the server whether it lets us in and looks at the domain; where something is missing it says so and
   wants to be told a second time; from then on mail goes there;
3. `switch_off` brings all mail back into the folder of this house; what waits, waits;
4. `pause` and `resume` hold and let go what is under way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.act.channels.mail import Mail, Server
from rekindle.act.envelope import NotAccepted, address, clean
from rekindle.errors import BadInput, Conflict, RekindleError
from rekindle.journal.models import Message, MessageState, Road, Security, Sending
from rekindle.workflows import audit
from rekindle.workflows.domain_check.look import look
from rekindle.workflows.findings import Finding
from rekindle.workflows.outbox import fence
from rekindle.workflows.outbox.providers import PROVIDERS, checked, keys_of
from rekindle.workflows.outbox.put import sending
from rekindle.workflows.sealed import seal, unseal

PATIENCE: Final = 10.0  # seconds for a server to answer while a human waits
LONGEST_BOUNCE_USER: Final = 36  # of the 64 letters before an @ (RFC 5321, 4.5.3.1.1), 27 are the message's own


@dataclass(frozen=True)
class Wanted:
    """What a form says. `password` None: the one that is kept stays.

    provider       the name of a mail provider; empty: our mail goes by a server
    provider_keys  its keys by name; one that is left out stays as it is kept
    """

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
    per_domain_minute: int = 0
    bounces_to: str = ""
    provider: str = ""
    provider_keys: Mapping[str, str] = field(default_factory=dict)


class NotReady(Conflict):
    """Something about the domain or the machine is missing; `findings` says what. Asked again, it is gone over."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        missing = "; ".join(finding.text for finding in findings if not finding.ok)
        super().__init__(
            f"not everything is ready: {missing}", remedy="Set it right, or press again to begin as it is."
        )


def change(wanted: Wanted, *, by: User) -> Sending:
    """Keep the settings; a server that mail goes to now is asked first. Raises BadInput, Conflict where it says no."""
    _check(wanted)
    kept = sending()
    password = kept.password if wanted.password is None else seal(wanted.password) if wanted.password else ""
    keys = _kept_keys(kept, wanted)
    road = _road_of(wanted.provider) if kept.road != Road.LOCAL.value else Road.LOCAL
    if road is not Road.LOCAL:
        _ask(wanted, unseal(password) if password else "", keys)
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=1)
        before = {name: getattr(row, name) for name in _PLAIN}
        for name in _PLAIN:
            setattr(row, name, getattr(wanted, name))
        row.security, row.password, row.road = wanted.security.value, password, road.value
        row.provider_keys = seal(json.dumps(keys, sort_keys=True)) if keys else ""
        row.changed_at, row.changed_by = timezone.now(), by
        row.save()
        changed = [name for name in _PLAIN if before[name] != getattr(wanted, name)]
        secret = [
            *["password"] * (wanted.password is not None),
            *["provider_keys"] * any(wanted.provider_keys.values()),
        ]
        audit.record("sending.changed", actor=by, details={"what": [*changed, *secret]})
    return row


def switch_on(*, by: User, selector: str = "", anyway: bool = False) -> Sending:
    """Mail goes to the server or the provider from now on.

    selector  the name of the DKIM key of our domain; empty: the usual ones are tried
    anyway    what the look at the domain finds missing was read, and it shall begin all the same
    Raises BadInput for what is not set, Conflict where the other side says no, NotReady where something is missing.
    """
    row = sending()
    if not (row.from_name and row.from_address and (row.host or row.provider)):
        raise BadInput(
            "a mail server or a provider, a name and an address of ours are needed",
            remedy="Fill them in and keep them first.",
        )
    if row.paused:
        raise Conflict("sending is paused", remedy="Look at why, and let it go on first.")
    _ask(_as_wanted(row), unseal(row.password) if row.password else "", keys_of(row))
    findings = look(row, road=_road_of(row.provider), selector=selector)
    missing = [finding.name for finding in findings if not finding.ok]
    if missing and not anyway:
        raise NotReady(findings)
    return _turn(_road_of(row.provider), by=by, missing=missing)


def findings(*, selector: str = "") -> list[Finding]:
    """What stands against sending as it is set: the domain, the server, the clock and the sent log. Reading only."""
    row = sending()
    asked = bool(row.host or row.provider)
    return look(
        row, road=_road_of(row.provider), selector=selector, ask=(lambda: _answer_of(row)) if asked else None
    )  # fmt: skip


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
    "per_domain_minute", "bounces_to", "provider",
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
    if not 0 <= wanted.per_domain_minute <= 100_000:
        raise BadInput(
            f"{wanted.per_domain_minute} messages a minute to one domain", remedy="Give 1 to 100,000; 0 is no limit."
        )
    if wanted.bounces_to:
        user, _at, _domain = str(address(wanted.bounces_to).addr_spec).rpartition("@")
        if "+" in user or len(user) > LONGEST_BOUNCE_USER:
            raise BadInput(
                "the address for bounces is too long, or holds a +",
                remedy=f"Give up to {LONGEST_BOUNCE_USER} letters before the @; each message puts a + there.",
            )
    if wanted.provider and wanted.provider not in PROVIDERS:
        raise BadInput(f"{wanted.provider[:40]!r} is no provider we know", remedy="Choose one of the list.")
    if wanted.host:
        Mail(_server(wanted, ""))


def _server(wanted: Wanted, password: str) -> Server:
    return Server(wanted.host, wanted.port, wanted.security.value, wanted.username, password, timeout=PATIENCE)


def _kept_keys(kept: Sending, wanted: Wanted) -> dict[str, str]:
    """The keys from now on: those of another provider go, those left out stay. What is missing is said at the start."""
    if not wanted.provider:
        return {}
    before = keys_of(kept) if kept.provider == wanted.provider else {}
    known = {*PROVIDERS[wanted.provider].keys, "api_url"}
    given = {name: value.strip() for name, value in wanted.provider_keys.items() if name in known and value.strip()}
    keys = {**before, **given}
    return checked(wanted.provider, keys) if given else keys


def _road_of(provider: str) -> Road:
    return Road.PROVIDER if provider else Road.SMTP


def _ask(wanted: Wanted, password: str, keys: Mapping[str, str]) -> None:
    answer = _test(wanted, password, keys)
    if answer is not None:
        named = PROVIDERS[wanted.provider].label if wanted.provider else f"{wanted.host}:{wanted.port}"
        raise Conflict(
            f"{named} does not let us in: {answer.reply}",
            remedy="Check the server, the name and the password. Nothing was changed.",
        )


def _answer_of(row: Sending) -> NotAccepted | None:
    """What the other side says now, as the settings are kept."""
    try:
        return _test(_as_wanted(row), unseal(row.password) if row.password else "", keys_of(row))
    except RekindleError as error:
        return NotAccepted(None, str(error), is_server=True)


def _test(wanted: Wanted, password: str, keys: Mapping[str, str]) -> NotAccepted | None:
    if not wanted.provider:
        return Mail(_server(wanted, password)).test()
    from rekindle.workflows.outbox.provider import Provider  # with its library, which few houses need

    with closing(Provider(wanted.provider, checked(wanted.provider, keys))) as line:
        return line.test()


def _as_wanted(row: Sending) -> Wanted:
    return Wanted(**{name: getattr(row, name) for name in _PLAIN}, security=Security(row.security), password=None)


def _turn(road: Road, *, by: User, missing: Sequence[str] = ()) -> Sending:
    with transaction.atomic():
        row = Sending.objects.select_for_update().get(pk=sending().pk)
        if row.road != road.value:
            row.road, row.changed_at, row.changed_by = road.value, timezone.now(), by
            row.save(update_fields=["road", "changed_at", "changed_by"])
            gone_over = {"missing": list(missing)} if missing else {}
            audit.record("sending.switched", actor=by, details={"to": road.value, **gone_over})
    return row
