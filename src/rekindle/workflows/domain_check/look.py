"""Everything that a first mail should not be the one to find out. Reading only, but for one file that is gone again.

1. is there a name and an address of ours to write from, and a domain that the world knows?
2. SPF, DKIM, DMARC, the place where bounces arrive, the reverse name of the server
3. does the server let us in, under a protected line?
4. does the clock agree with the books, and can the sent log be written?
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from django.utils import timezone

from rekindle import home
from rekindle.act.envelope import NotAccepted
from rekindle.journal.models import AuditEntry, Road, Sending
from rekindle.workflows.domain_check import records
from rekindle.workflows.domain_check.names import Names, Silent
from rekindle.workflows.domain_check.names import names as of_this_machine
from rekindle.workflows.findings import Finding
from rekindle.workflows.outbox import clock

SKEW: Final = timedelta(seconds=5)  # our choice: leases are minutes, signatures allow five of them
_NOWHERE: Final = (
    ".example", ".test", ".invalid", ".localhost", ".local", ".internal", ".lan",
    ".example.com", ".example.org", ".example.net",
)  # fmt: skip
"""RFC 2606, 6761 and 6762, and what people call their own network."""


def look(
    row: Sending, *, road: Road, selector: str = "", ask: Callable[[], NotAccepted | None] | None = None
) -> list[Finding]:
    """Every finding, in order.

    road      the one that mail would take: by a server or by a provider
    selector  the name of the DKIM key; empty: the usual ones are tried
    ask       asks the server or the provider whether it lets us in; None: it was asked already
    Raises BadInput for a selector that is none.
    """
    found = [_sender(row)]
    domain = row.from_address.rpartition("@")[2].lower()
    if domain:
        found += _domain(row, domain, road=road, selector=selector)
    if ask is not None:
        answer = ask()
        found.append(
            Finding("server", answer is None, "the server lets us in, under a protected line" if answer is None
                    else f"the server does not let us in: {answer.reply}")
        )  # fmt: skip
    return [*found, _clock(), _sent_log()]


def is_nowhere(domain: str) -> bool:
    """Whether nobody outside can ever know the domain: kept for examples, or for one's own network."""
    return f".{domain}".endswith(_NOWHERE) or "." not in domain


def _sender(row: Sending) -> Finding:
    if row.from_name and row.from_address:
        return Finding("sender", True, f"mail is written in the name of {row.from_name} <{row.from_address}>")
    return Finding("sender", False, "a name and an address of ours to write from are missing; fill them in")


def _domain(row: Sending, domain: str, *, road: Road, selector: str) -> list[Finding]:
    if is_nowhere(domain):
        return [Finding("domain", False, f"nobody outside can know {domain}; write from a domain of your own")]
    bounce = row.bounces_to.rpartition("@")[2].lower() or domain
    own_server = road is Road.SMTP
    questions: list[tuple[str, Callable[[Names], Finding]]] = [
        ("spf", lambda names: _spf(names, bounce, own_server=own_server)),
        ("dkim", lambda names: records.dkim(names, domain, selector=selector)),
        ("dmarc", lambda names: records.dmarc(names, domain)),
        ("mx", lambda names: records.bounces(names, bounce)),
    ]
    if own_server and row.host:
        questions.append(("reverse_name", lambda names: _reverse_name(names, row.host)))
    found: list[Finding] = []
    try:
        names = of_this_machine()
        for _name, question in questions:
            found.append(question(names))
    except Silent as error:
        # Once nobody answers, the others would wait as long for the same.
        missing = [name for name, _question in questions[len(found) :]]
        found += [Finding(name, False, f"not known: {error}") for name in missing]
    return found


def _spf(names: Names, domain: str, *, own_server: bool) -> Finding:
    if own_server:
        return records.spf(names, domain)
    return Finding("spf", True, "SPF: judged by the provider's own bounce address, which is in its care")


def _reverse_name(names: Names, host: str) -> Finding:
    try:
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        here = False
    if here:
        return Finding("reverse_name", True, "Reverse name: not looked at, the mail server is on this machine")
    try:
        number = str(ip_address(host))
    except ValueError:
        return records.reverse_name(names, host)
    back = names.pointers(number)
    text = f"{number} is called {back[0]}" if back else f"{number} has no name; ask whoever rents it to you for one"
    return Finding("reverse_name", bool(back), f"Reverse name: {text}")


def _clock() -> Finding:
    """A clock that was turned back would let the quiet after an end pass twice, or not at all."""
    here = timezone.now()
    newest = AuditEntry.objects.order_by("-id").values_list("at", flat=True).first()
    if newest is not None and newest > here + SKEW:
        return Finding("clock", False, f"the clock stands {newest - here} before the last deed in the books; set it")
    apart = abs(clock.now() - here)
    if apart > SKEW:
        return Finding("clock", False, f"the clocks of this machine and of the books lie {apart} apart; set both")
    return Finding("clock", True, "the clock agrees with the books")


def _sent_log() -> Finding:
    """Asked of the disk itself: a hand-over that cannot be written down does not happen."""
    probe = home.prepare() / "sent" / f".probe-{os.getpid()}"
    try:
        probe.parent.mkdir(mode=0o700, exist_ok=True)
        with probe.open("wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(
            "sent_log", False, f"the sent log cannot be written: {error.strerror}; make room in {probe.parent}"
        )
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return Finding("sent_log", True, "the sent log can be written")
